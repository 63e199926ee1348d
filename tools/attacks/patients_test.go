package attacks

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// patient is somebody whose data is under attack.
type patient struct {
	number, family, given, birth string
	team                         string
	// id and public are the portal's; pdf and html the ids of two reports.
	id                int64
	public, pdf, html string
}

// The two patients of most tests, in different care teams. Their names are
// words that stand nowhere else, so that they can be searched for.
func aldersmith() *patient {
	return &patient{number: "MRN-A-1001", family: "Aldersmith", given: "Quirina", birth: "1950-02-03", team: "Team A"}
}

func brandauer() *patient {
	return &patient{number: "MRN-B-2002", family: "Brandauer", given: "Ottokar", birth: "1961-07-08", team: "Team B"}
}

// secrets are what only p's care team may see.
func (p *patient) secrets() []string {
	return []string{p.family, p.given, p.number, "Report of " + p.family}
}

const samplePDF = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%0123456789\n%%EOF\n"

// seed brings two patients with events and reports in, through the importers.
func (w *clinic) seed() (a, b *patient) {
	w.t.Helper()
	a, b = aldersmith(), brandauer()
	for _, p := range []*patient{a, b} {
		w.admit(p, 60)
		w.report("reports/"+p.number+"/one.pdf", samplePDF, map[string]any{"title": "Report of " + p.family})
		w.report("reports/"+p.number+"/two.html", "<!doctype html><title>x</title><p>Text of "+p.family+"</p>", map[string]any{"title": "Page of " + p.family})
	}
	w.run("sync-reports")
	for _, p := range []*patient{a, b} {
		p.pdf, p.html = w.reportID(p.number+"/one.pdf"), w.reportID(p.number+"/two.html")
	}
	return a, b
}

// admit imports a patient with n heart rates, one an hour, back from yesterday.
func (w *clinic) admit(p *patient, n int) {
	w.t.Helper()
	w.admitAs(p, p.number, n)
}

// admitAs is admit under another id than the record number.
func (w *clinic) admitAs(p *patient, id string, n int) {
	w.t.Helper()
	var lines strings.Builder
	put(w, &lines, map[string]any{
		"resourceType": "Patient", "id": id, "gender": "female", "birthDate": p.birth,
		"identifier": []any{map[string]any{"type": map[string]any{"coding": []any{map[string]any{"code": "MR"}}}, "system": "urn:test:mrn", "value": p.number}},
		"name":       []any{map[string]any{"use": "official", "family": p.family, "given": []any{p.given}}},
	})
	start := time.Now().UTC().Truncate(time.Hour).Add(-24 * time.Hour)
	for i := range n {
		put(w, &lines, observation(id, fmt.Sprintf("%s-%d", id, i), start.Add(-time.Duration(i)*time.Hour), 60+i%30))
	}
	file := w.write("import/"+id+".ndjson", lines.String())
	w.run("import", "events", "--create-persons", "--team", p.team, file)
	w.find(p)
}

// find looks up the ids that the portal gave.
func (w *clinic) find(p *patient) {
	w.t.Helper()
	p.id = one[int64](w, "SELECT id FROM health.person WHERE record_number = $1", p.number)
	p.public = one[string](w, "SELECT public_id FROM health.person WHERE record_number = $1", p.number)
}

// observation is a heart rate in FHIR.
func observation(person, id string, at time.Time, value any) map[string]any {
	return map[string]any{
		"resourceType": "Observation", "id": id, "status": "final", "subject": map[string]any{"reference": "Patient/" + person},
		"effectiveDateTime": at.Format(time.RFC3339),
		"code":              map[string]any{"coding": []any{map[string]any{"system": "http://loinc.org", "code": "8867-4"}}},
		"valueQuantity":     map[string]any{"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
	}
}

// report writes a report and, where there is something to say, its sidecar.
func (w *clinic) report(name, content string, sidecar map[string]any) {
	w.t.Helper()
	file := w.write(name, content)
	if sidecar == nil {
		return
	}
	text, err := json.Marshal(sidecar)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(strings.TrimPrefix(file, w.dir+"/")+".json", string(text))
}

// reportID is the id of an indexed report by the path below its root.
func (w *clinic) reportID(path string) string {
	w.t.Helper()
	return one[string](w, "SELECT report_id FROM analytics.genomics_reports WHERE report_path = $1", path)
}
