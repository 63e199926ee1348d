package reportsync

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
)

func TestSidecarLeads(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/risk.html", htmlText)
	w.write("MRN-1/risk.html.json", `{"patient": {"record_number": "MRN-1"}, "title": "Polygenic risk", "kind": "polygenic-risk",
		"status": "final", "generated_at": "2026-03-29T01:30:00Z", "risk": {"level": "high", "scale": "5 steps", "tool": "pgsc", "score": 1.50},
		"summary": "High.", "supersedes": "MRN-1/old.html", "synthetic": true}`)
	w.sync()
	r := w.row("MRN-1/risk.html")
	if r.Title != "Polygenic risk" || r.Kind != "polygenic-risk" || r.Status != genomics.Final || r.Risk.Score != "1.50" || !r.Synthetic ||
		r.Summary != "High." || r.Supersedes != "MRN-1/old.html" || !r.GeneratedAt.Equal(time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v", r)
	}
	w.expect("MRN-1/risk.html", genomics.Present, 1, "")
	w.write("MRN-1/risk.html.json", `{"title": "Changed"}`)
	if got := w.sync(); got.Changed != 1 || w.row("MRN-1/risk.html").Title != "Changed" {
		t.Errorf("sidecar changed: %+v, %q", got, w.row("MRN-1/risk.html").Title)
	}
	w.remove("MRN-1/risk.html.json")
	if got := w.sync(); got.Changed != 1 || w.row("MRN-1/risk.html").Title != "A report" {
		t.Errorf("sidecar removed: %+v", got)
	}
}

func TestPatients(t *testing.T) {
	for name, c := range map[string]struct {
		path, sidecar, meta string
		person              int64
		unassigned, problem string
	}{
		"path":                       {"MRN-2/a.html", "", "", 2, "", ""},
		"sidecar and path":           {"MRN-1/a.html", `{"patient": {"record_number": "MRN-1"}}`, "", 1, "", ""},
		"other word, same person":    {"MRN-1/a.html", `{"patient": {"system": "urn:x", "value": "x1"}}`, "", 1, "", ""},
		"sidecar alone":              {"a.html", `{"patient": {"record_number": "MRN-2"}}`, "", 2, "", ""},
		"document alone":             {"a.html", "", "MRN-2", 2, "", ""},
		"document and path":          {"MRN-2/a.html", "", "MRN-2", 2, "", ""},
		"sidecar against path":       {"MRN-1/a.html", `{"patient": {"record_number": "MRN-2"}}`, "", 0, genomics.UnassignedConflict, ""},
		"document against path":      {"MRN-1/a.html", "", "MRN-2", 0, genomics.UnassignedConflict, ""},
		"known against unknown":      {"MRN-1/a.html", `{"patient": {"record_number": "MRN-7"}}`, "", 0, genomics.UnassignedConflict, ""},
		"unknown":                    {"MRN-7/a.html", "", "", 0, genomics.UnassignedUnknown, ""},
		"nobody":                     {"a.html", "", "", 0, genomics.UnassignedNobody, ""},
		"sidecar damaged":            {"MRN-1/a.html", `{"patient"`, "", 0, genomics.UnassignedNobody, "damaged"},
		"sidecar of another file":    {"MRN-1/a.html", `{"file": "b.html"}`, "", 0, genomics.UnassignedNobody, "another file"},
		"sidecar of another type":    {"MRN-1/a.html", `{"format": "pdf"}`, "", 0, genomics.UnassignedNobody, "another format"},
		"sidecar's patient damaged":  {"MRN-1/a.html", `{"patient": 7}`, "", 0, genomics.UnassignedNobody, "patient"},
		"sidecar with an odd status": {"MRN-1/a.html", `{"status": "done"}`, "", 1, "", "status"},
		"path is no whole number":    {"MRN-1x/a.html", "", "", 0, genomics.UnassignedUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := htmlText
			if c.meta != "" {
				text += `<meta name="patient-record-number" content="` + c.meta + `">`
			}
			w.write(c.path, text)
			if c.sidecar != "" {
				w.write(c.path+".json", c.sidecar)
			}
			w.sync()
			w.expect(c.path, genomics.Present, c.person, c.problem)
			if r := w.row(c.path); r.Unassigned != c.unassigned {
				t.Errorf("unassigned: %q", r.Unassigned)
			}
		})
	}
}

// A link names two patients where its own folder and the file's belong to two.
func TestLinkIntoAnotherPatientsFolder(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-2/b.pdf", pdfText)
	w.mkdir("MRN-1")
	w.link("MRN-1/cross.pdf", "../MRN-2/b.pdf")
	w.link("MRN-2/again.pdf", "b.pdf")
	w.sync()
	w.expect("MRN-2/b.pdf", genomics.Present, 2, "")
	w.expect("MRN-2/again.pdf", genomics.Present, 2, "")
	w.expect("MRN-1/cross.pdf", genomics.Present, 0, "")
	if r := w.row("MRN-1/cross.pdf"); r.Unassigned != genomics.UnassignedConflict {
		t.Errorf("unassigned: %q", r.Unassigned)
	}
}

func TestPatientBecomesKnown(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-7/a.pdf", pdfText)
	w.sync()
	w.expect("MRN-7/a.pdf", genomics.Present, 0, "")
	w.store.persons[genomics.PatientRef{Value: "MRN-7"}] = 7
	if got := w.sync(); got.Changed != 1 {
		t.Errorf("%+v", got)
	}
	w.expect("MRN-7/a.pdf", genomics.Present, 7, "")
	delete(w.store.persons, genomics.PatientRef{Value: "MRN-7"})
	w.sync()
	w.expect("MRN-7/a.pdf", genomics.Present, 0, "")
}

func TestRulesChange(t *testing.T) {
	w := newWorld(t)
	w.write("x1/a.pdf", pdfText)
	w.sync()
	w.expect("x1/a.pdf", genomics.Present, 0, "")
	w.extra = "    patient_system: urn:x\n    kind: panel\n"
	w.sync()
	w.expect("x1/a.pdf", genomics.Present, 1, "")
	if k := w.row("x1/a.pdf").Kind; k != "panel" {
		t.Errorf("kind %q", k)
	}
}

func TestOddSidecars(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"folder", "big", "out"} {
		w.write("MRN-1/"+name+".pdf", pdfText)
	}
	w.mkdir("MRN-1/folder.pdf.json")
	w.write("MRN-1/big.pdf.json", `{"title": "`+strings.Repeat("x", 1<<20)+`"}`)
	w.link("MRN-1/out.pdf.json", "/etc/hostname")
	w.sync()
	w.expect("MRN-1/folder.pdf", genomics.Present, 0, "can't be opened")
	w.expect("MRN-1/big.pdf", genomics.Present, 0, "larger than 1 MiB")
	w.expect("MRN-1/out.pdf", genomics.Present, 0, "can't be opened")
}

func TestTooLarge(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/a.pdf", pdfText)
	if err := os.Truncate(filepath.Join(w.root, "MRN-1/a.pdf"), MaxFile+1); err != nil {
		t.Skipf("skipped: no room for a sparse file: %v", err)
	}
	w.sync()
	w.expect("MRN-1/a.pdf", genomics.Unreadable, 1, "512 MiB")
	if got := w.sync(); got.Unchanged != 1 {
		t.Errorf("second run: %+v", got)
	}
}

func TestLinkTargets(t *testing.T) {
	w := newWorld(t)
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "out.html"), []byte(htmlText), 0o600); err != nil {
		t.Fatal(err)
	}
	w.link("MRN-1/out.html", filepath.Join(work, "out.html"))
	w.sync()
	w.expect("MRN-1/out.html", genomics.Outside, 1, "link_targets")
	w.extra = "    link_targets: [" + work + "]\n"
	w.sync()
	w.expect("MRN-1/out.html", genomics.Present, 1, "")
	if r := w.row("MRN-1/out.html"); r.Size != int64(len(htmlText)) || r.Title != "A report" {
		t.Errorf("%+v", r)
	}
}

func TestPharmCATCompanion(t *testing.T) {
	w := newWorld(t)
	w.write("MRN-1/s.report.html", `<title>PharmCAT Report [s]</title><tr><th>Date created</th><td>May 1, 2026</td></tr><tr><th>PharmCAT Version</th><td>v3</td></tr>`)
	w.sync()
	if r := w.row("MRN-1/s.report.html"); !r.GeneratedAt.IsZero() || r.Tool != "PharmCAT v3" {
		t.Errorf("%+v", r)
	}
	w.write("MRN-1/s.report.json", `{"title":"s","timestamp":"2026-05-01T10:00:00Z","pharmcatVersion":"v3","genes":{}}`)
	w.sync()
	if r := w.row("MRN-1/s.report.html"); !r.GeneratedAt.Equal(time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("made %v", r.GeneratedAt)
	}
}

func TestRealReports(t *testing.T) {
	const dir = "../../../../shared/fixtures/reports"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Skip("skipped: ../shared/fixtures/reports is not there")
	}
	reports := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".html") || strings.HasSuffix(e.Name(), ".pdf") {
			reports++
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.root = abs
	got := w.sync()
	if got.Seen != reports || got.New != reports || got.Problems != 0 || got.Unassigned != reports {
		t.Errorf("%d files, summary %+v", reports, got)
	}
	if len(w.store.rows) != reports {
		t.Errorf("%d rows", len(w.store.rows))
	}
	r := w.row("pharmcat.example.report.html")
	if r.Title != "PharmCAT Report [pharmcat.example]" || !r.GeneratedAt.Equal(time.Date(2025, 11, 14, 22, 36, 36, 135e6, time.UTC)) {
		t.Errorf("title %q, made %v", r.Title, r.GeneratedAt)
	}
	if r := w.row("pharmcat.example2.report.html"); !r.GeneratedAt.IsZero() {
		t.Errorf("example2 has no report.json, yet it was made %v", r.GeneratedAt)
	}
	for _, r := range w.store.rows {
		if r.State != genomics.Present || len(r.SHA256) != 64 {
			t.Errorf("%s: %s, digest %q", r.Title, r.State, r.SHA256)
		}
	}
}
