package demo

import (
	"bytes"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/document"
	"healthportal/app/health"
)

// written makes the reports in a folder of their own, and lists them.
func written(t *testing.T, seed uint64) (dir string, names []string, count int) {
	t.Helper()
	dir = t.TempDir()
	count, err := New(seed, testDay()).WriteReports(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if _, ok := genomics.FormatOf(name); err == nil && ok && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, names, count
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// damagedNames are the two reports that are not what they should be.
func damagedNames() map[string]genomics.State {
	return map[string]genomics.State{
		"sequencing-quality-rerun.pdf":  genomics.Empty,
		"sequencing-quality-export.pdf": genomics.Mismatch,
	}
}

func TestReportsAreDeterministic(t *testing.T) {
	sum := func(seed uint64) [32]byte {
		dir, names, _ := written(t, seed)
		h := sha256.New()
		for _, name := range names {
			h.Write([]byte(name))
			h.Write(read(t, dir, name))
			h.Write(read(t, dir, document.SidecarName(name)))
		}
		return [32]byte(h.Sum(nil))
	}
	if first, again := sum(1), sum(1); first != again {
		t.Error("the same seed gave different reports")
	}
	if sum(1) == sum(2) {
		t.Error("another seed gave the same reports")
	}
}

func TestReportsAndSidecarsAreAccepted(t *testing.T) {
	dir, names, count := written(t, 1)
	if count != len(names) || count-len(damagedNames()) < 60 {
		t.Fatalf("%d reports announced, %d there, want at least 60 sound ones", count, len(names))
	}
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	kinds, statuses, formats := map[string]int{}, map[genomics.ReportStatus]int{}, map[genomics.Format]int{}
	for _, name := range names {
		side := document.ParseSidecar(read(t, dir, document.SidecarName(name)), path.Base(name))
		if len(side.Problems) > 0 || side.Untrusted {
			t.Fatalf("%s: the sidecar is not accepted: %v", name, side.Problems)
		}
		kinds[side.Kind]++
		statuses[side.Status]++
		checkSidecar(t, name, side, all)
		content := read(t, dir, name)
		format, _ := genomics.FormatOf(name)
		formats[format]++
		info, err := document.Read(t.Context(), bytes.NewReader(content), int64(len(content)), format)
		if err != nil {
			t.Fatal(err)
		}
		want := genomics.Present
		if state, damaged := damagedNames()[path.Base(name)]; damaged {
			want = state
		}
		if info.State != want {
			t.Errorf("%s is %s (%s), want %s", name, info.State, info.Problem, want)
		}
		if info.State == genomics.Present && info.Title != side.Title {
			t.Errorf("%s: the document's title is %q, the sidecar's %q", name, info.Title, side.Title)
		}
		if info.Patient.Value != "" && info.Patient.Value != side.Patient.Value {
			t.Errorf("%s: document and sidecar name different patients", name)
		}
	}
	if len(kinds) != 5 || statuses[genomics.Withdrawn] != 1 || statuses[genomics.Preliminary] != 1 || statuses[genomics.Amended] < 3 {
		t.Errorf("kinds %v, statuses %v", kinds, statuses)
	}
	if formats[genomics.PDF] < 25 || formats[genomics.HTML] < 25 {
		t.Errorf("formats %v, want a mixture", formats)
	}
}

func checkSidecar(t *testing.T, name string, side document.Sidecar, all map[string]bool) {
	t.Helper()
	parts := strings.Split(name, "/")
	if len(parts) != 3 || parts[0] != side.Patient.Value || !side.Synthetic || side.Title == "" || side.Summary == "" {
		t.Errorf("%s: %+v", name, side)
	}
	loc, err := time.LoadLocation(SiteZone)
	if err != nil {
		t.Fatal(err)
	}
	if parts[1] != side.GeneratedAt.In(loc).Format(time.DateOnly) {
		t.Errorf("%s was made at %s", name, side.GeneratedAt)
	}
	if age := health.DayOf(side.GeneratedAt).DaysUntil(testDay()); age < 1 || age > 366 {
		t.Errorf("%s is %d days old, want one year at most", name, age)
	}
	if (side.Kind == "quality-control") != (side.Risk == genomics.Risk{}) {
		t.Errorf("%s: risk %+v", name, side.Risk)
	}
	if (side.Status == genomics.Amended) != (side.Supersedes != "") {
		t.Errorf("%s: status %s, supersedes %q", name, side.Status, side.Supersedes)
	}
	if s := side.Supersedes; s != "" && (!all[s] || !strings.HasPrefix(s, parts[0]+"/") || s >= name) {
		t.Errorf("%s supersedes %s, which is not an earlier report of the patient", name, s)
	}
}

func TestTwoReportsAreOfUnknownPeople(t *testing.T) {
	known := map[string]bool{}
	for _, p := range New(1, testDay()).Patients() {
		known[p.RecordNumber] = true
	}
	_, names, _ := written(t, 1)
	unknown := 0
	for _, name := range names {
		if record, _, _ := strings.Cut(name, "/"); !known[record] {
			unknown++
		}
	}
	if unknown != 2 {
		t.Errorf("%d reports are of unknown people, want 2", unknown)
	}
}

func TestReportsOfAnyDay(t *testing.T) {
	for _, d := range []health.Day{day(2026, 1, 1), day(2026, 3, 31), day(2028, 2, 29), day(2030, 12, 31)} {
		reports, err := New(1, d).reports()
		if err != nil {
			t.Fatal(err)
		}
		paths := map[string]bool{}
		for _, r := range reports {
			if paths[r.path()] {
				t.Errorf("on %s the path %s is used twice", d, r.path())
			}
			paths[r.path()] = true
			if !health.DayOf(r.made).Before(d) {
				t.Errorf("on %s the report %s lies in the future", d, r.path())
			}
			var b bytes.Buffer
			if err := writePDF(&b, r); err != nil {
				t.Errorf("on %s: %v", d, err)
			}
		}
	}
}

func TestEveryPDFPageSaysSynthetic(t *testing.T) {
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed (package poppler-utils): PDF text is not checked")
	}
	dir, names, _ := written(t, 1)
	most := 0
	for _, name := range names {
		if _, damaged := damagedNames()[path.Base(name)]; damaged || !strings.HasSuffix(name, ".pdf") {
			continue
		}
		out, err := exec.CommandContext(t.Context(), tool, "-layout", "-enc", "UTF-8", filepath.Join(dir, filepath.FromSlash(name)), "-").Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pages := strings.Split(strings.TrimSuffix(string(out), "\f"), "\f")
		most = max(most, len(pages))
		record, _, _ := strings.Cut(name, "/")
		for i, text := range pages {
			footer := "Page " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(pages))
			for _, want := range []string{Notice, record, SiteName, footer} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, page %d lacks %q", name, i+1, want)
				}
			}
		}
		if !strings.Contains(string(out), "About this document") {
			t.Errorf("%s lacks its end", name)
		}
	}
	if most < 4 || most > 6 {
		t.Errorf("the longest report has %d pages, want 4 to 6", most)
	}
}

func TestHTMLReportsAreSelfContained(t *testing.T) {
	dir, names, _ := written(t, 1)
	for _, name := range names {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		text := string(read(t, dir, name))
		for _, bad := range []string{"<script", "http:", "https:", "<link", "<iframe", "javascript:", "ZgotmplZ", " onload=", " onclick="} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
		for _, want := range []string{Notice, `<html lang="en">`, "<main>", "<h1>", "<caption>", `scope="col"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

func TestContributionsAddUp(t *testing.T) {
	for _, tr := range []trait{coronary(), diabetes(), breastCancer(), prostateCancer(), fibrillation()} {
		rep := &report{patient: &people()[0]}
		polygenic(rep, tr, newDice(9), 0)
		table := rep.sections[3].table
		if len(table.rows) != tr.variants+1 {
			t.Fatalf("%s: %d rows, want %d and the sum", tr.slug, len(table.rows), tr.variants)
		}
		sum := 0
		parse := func(s string) int {
			n, err := strconv.Atoi(strings.Replace(s, ".", "", 1))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, row := range table.rows[:tr.variants] {
			dosage := parse(row[3])
			if parse(row[5]) != dosage*parse(row[4]) {
				t.Errorf("%s: %v does not multiply", tr.slug, row)
			}
			sum += parse(row[5])
		}
		if got := parse(table.rows[tr.variants][5]); got != sum {
			t.Errorf("%s: the sum says %d, the rows add up to %d", tr.slug, got, sum)
		}
	}
}

func TestLevelsFollowThePercentile(t *testing.T) {
	for percentile, want := range map[int]string{1: "reduced", 19: "reduced", 20: "average", 79: "average", 80: "elevated", 94: "elevated", 95: "high", 99: "high"} {
		if got := (score{percentile: percentile}).level(); got != want {
			t.Errorf("percentile %d is %s, want %s", percentile, got, want)
		}
	}
}

func TestOrdinals(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 92: "92nd", 99: "99th"} {
		if got := ordinal(n); got != want {
			t.Errorf("ordinal(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestTextOutsideTheCodePageIsRefused(t *testing.T) {
	for _, text := range []string{"Łukasz", "日本", "a\nb", "x ≥ 3"} {
		p := people()[0]
		p.family = text
		rep := &report{patient: &p, format: genomics.PDF, made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		quality(rep, newDice(1), 0)
		if err := writePDF(&bytes.Buffer{}, rep); err == nil || !strings.Contains(err.Error(), "core fonts") {
			t.Errorf("%q was printed, or: %v", text, err)
		}
	}
}

func TestReportErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := New(1, testDay()).WriteReports(file); err == nil {
		t.Errorf("wrote %d reports below a file", n)
	}
	rep := &report{patient: &people()[0], made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	quality(rep, newDice(1), 0)
	tmpl, err := reportTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeHTML(&full{}, tmpl, rep); err == nil {
		t.Error("HTML was written to a full disk")
	}
	if err := writePDF(&full{}, rep); err == nil {
		t.Error("PDF was written to a full disk")
	}
}
