package portal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportsync"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// twoRecords are two patients with one value each; the report one.html is the second's.
func twoRecords(t *testing.T, p *Portal) {
	t.Helper()
	line := func(id, number string) string {
		return `{"resourceType":"Patient","id":"` + id + `","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:mrn","value":"` + number + `"}]}
{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/` + id + `"},"effectiveDateTime":"2026-03-01T10:00:00Z",` +
			`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"valueQuantity":{"value":60,"code":"/min"},"meta":{"source":"urn:` + id + `"}}
`
	}
	src := fhir.NewReader(strings.NewReader(line("a", "M-1") + line("b", "M-2")))
	if r, err := p.ImportEvents(t.Context(), src, intake.Options{CreatePersons: true}); err != nil || r.Refused != 0 {
		t.Fatalf("%s, %v", r.Summary(), err)
	}
}

// The mirror shows a moved report as the other record's when the command ends.
func TestMergeMovesReportsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.write("reports/one.html.json", `{"patient": {"record_number": "M-2"}}`)
	p := w.open(w.config("data"))
	twoRecords(t, p)
	if _, err := p.SyncReports(t.Context(), reportsync.Options{}); err != nil {
		t.Fatal(err)
	}
	owner := func() int64 {
		t.Helper()
		page, err := p.mirror.Reports(t.Context(), genomics.ReportFilter{AllPersons: true})
		if err != nil || len(page.Reports) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Reports[0].PersonID
	}
	before := owner()
	m, err := p.MergePersons(t.Context(), "M-1", "M-2", health.MergeChoices{}, false)
	if err != nil || m.Reports != 1 || owner() != int64(m.Keep.ID) {
		t.Errorf("%+v, %v; the mirror says %d", m, err, owner())
	}
	s, err := p.SplitMerge(t.Context(), m.ID, false)
	if err != nil || s.Reports != 1 || owner() != before {
		t.Errorf("%+v, %v; the mirror says %d", s, err, owner())
	}
	if got := one[string](w, `SELECT string_agg(kind || ' ' || (detail::jsonb->>'os_user' <> '') || ' ' ||
		coalesce(detail::jsonb->>'took_in', detail::jsonb->>'part_of', detail::jsonb->>'went_to', detail::jsonb->>'came_from'), E'\n' ORDER BY at, seq)
		FROM audit.entry WHERE kind LIKE 'person.%'`); got != strings.Join([]string{"person.merge true " + m.Gone.PublicID, "person.merge true " + m.Keep.PublicID,
		"person.split true " + m.Gone.PublicID, "person.split true " + m.Keep.PublicID}, "\n") {
		t.Errorf("recorded\n%s", got)
	}
}

// What is done is said to be done, also where the mirror can't follow.
func TestMergeWithoutAMirror(t *testing.T) {
	w := newWorld(t)
	w.write("reports/one.html.json", `{"patient": {"record_number": "M-2"}}`)
	p := w.open(w.config("data"))
	twoRecords(t, p)
	if _, err := p.SyncReports(t.Context(), reportsync.Options{}); err != nil {
		t.Fatal(err)
	}
	other := w.open(w.config("elsewhere"))
	if err := os.WriteFile(filepath.Join(other.Config.DataDir, "mirror"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.MergePersons(t.Context(), "M-1", "M-2", health.MergeChoices{}, false); err == nil || !strings.HasPrefix(err.Error(), "done, but the local list of reports") {
		t.Errorf("%v", err)
	}
	if one[int](w, `SELECT count(*) FROM health.person WHERE merged_into IS NOT NULL`) != 1 {
		t.Error("it was not done")
	}
}

func TestDryRunsAreNotRecorded(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	twoRecords(t, p)
	if _, err := p.MergePersons(t.Context(), "M-1", "M-2", health.MergeChoices{}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SplitPerson(t.Context(), "M-1", "", health.SplitChoices{Source: "urn:a"}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.UndoImport(t.Context(), 1, true); err != nil {
		t.Fatal(err)
	}
	if one[int](w, `SELECT count(*) FROM audit.entry`) != 0 || one[int](w, `SELECT count(*) FROM health.person`) != 2 {
		t.Error("a dry run left something")
	}
}
