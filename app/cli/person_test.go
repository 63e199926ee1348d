package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPersonUsage(t *testing.T) {
	o := &office{t: t}
	o.run("person").want(t, 2, "merge")
	o.run("person", "merge", "1").want(t, 2, "gone")
	o.run("person", "merge", "1", "2").want(t, 2, "--dry-run", "--yes")
	o.run("person", "merge", "--help").want(t, 0, "--override-differences", "--leave-clashing")
	for _, c := range []struct{ args, want string }{
		{"", "what leaves it"},
		{"1", "what leaves it"},
		{"1 --merge 2", "--merge ID says it all"},
		{"--merge 2 --new", "--merge ID says it all"},
		{"--import 1 --new", "what leaves it"},
		{"1 --import 1", "--to PERSON or --new"},
		{"1 --import 1 --to 2 --new", "--to PERSON or --new"},
		{"1 --import 1 --source s --new", "not both"},
		{"1 --identifier mrn --new", "SYSTEM|VALUE"},
		{"1 --import 1 --new", "--dry-run"},
		{"--merge 1", "--dry-run"},
	} {
		o.run(append([]string{"person", "split"}, strings.Fields(c.args)...)...).want(t, 2, c.want)
	}
}

// patient is a Patient line with a record number.
func patient(id, number, birth string) string {
	return `{"resourceType":"Patient","id":"` + id + `","birthDate":"` + birth + `","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:mrn","value":"` + number + `"}]}` + "\n"
}

func (o *office) read(name string) string {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

func TestPersonMergeAndSplit(t *testing.T) {
	o := newOffice(t)
	o.write("reports/M-2/risk.html", "<!doctype html><title>Risk</title>")
	manifest := strings.Replace(o.read("manifest.yaml"), "settle: 0s", `settle: 0s, patient: "^(?P<patient>[^/]+)/"`, 1)
	o.write("manifest.yaml", manifest)
	o.run("import", "events", o.write("a.ndjson", patient("a", "M-1", "1960-05-04")+heartRates("a", "x", 60, 61)), "--create-persons").want(t, 0)
	o.run("import", "events", o.write("b.ndjson", patient("b", "M-2", "1960-05-04")+heartRates("b", "y", 70)), "--create-persons").want(t, 0)
	o.run("sync-reports").want(t, 0)

	o.run("person", "merge", "M-1", "M-9", "--yes").want(t, 1, "the record that goes: not found")
	o.run("person", "merge", "M-1", "M-2", "--dry-run").want(t, 0, "person merge (dry run, nothing was changed): 1 values moved, 0 repeated", "1 reports")
	o.run("person", "merge", "M-1", "M-2", "--yes").want(t, 0, "person merge: 1 values moved", "3 identifiers", "portal person split --merge 2")
	if got := o.one(`SELECT string_agg(DISTINCT p.record_number, ' ') FROM analytics.genomics_reports r JOIN health.person p ON p.id = r.person_id`); got != "M-1" {
		t.Errorf("the report is %s's", got)
	}
	o.run("sync-reports").want(t, 0)
	if got := o.one(`SELECT string_agg(DISTINCT p.record_number, ' ') FROM analytics.genomics_reports r JOIN health.person p ON p.id = r.person_id`); got != "M-1" {
		t.Errorf("after the next sync the report is %s's", got)
	}
	o.run("import", "events", o.write("b2.ndjson", patient("b", "M-2", "1960-05-04")+heartRates("b", "y", 71)), "--create-persons").want(t, 0).rows(t, "corrected", "1")
	r := o.run("person", "split", "--merge", "2", "--yes", "--json").want(t, 0)
	var s map[string]any
	if err := json.Unmarshal([]byte(r.out), &s); err != nil || s["values"] != 2.0 || s["reports"] != 1.0 || s["new"] != false || s["dry_run"] != false {
		t.Errorf("%v: %s", err, r.out)
	}
	o.run("person", "split", "--merge", "2", "--yes").want(t, 1, "it was undone already")
	o.run("person", "split", "M-1", "--import", "1", "--new", "--dry-run").want(t, 0, "person split (dry run, nothing was changed): 2 values moved")
	o.run("person", "split", "M-1", "--import", "1", "--identifier", "urn:healthportal:fhir-patient-id|a", "--new", "--yes").
		want(t, 0, "new record ", "nobody's care team has it yet", "2 values moved", "sync-reports")
	if got := o.one(`SELECT string_agg(kind || ' ' || outcome || ' ' || (person_id <> 0), ', ' ORDER BY at, seq) FROM audit.entry WHERE kind LIKE 'person.%'`); got !=
		"person.merge failed false, person.merge done true, person.merge done true, person.split done true, person.split done true, person.split failed false, "+
			"person.split done true, person.split done true" {
		t.Errorf("recorded %s", got)
	}
	if n := o.one(`SELECT count(DISTINCT person_id)::text FROM audit.entry WHERE kind = 'person.merge' AND outcome = 'done'`); n != "2" {
		t.Errorf("the merge is recorded under %s persons", n)
	}
}

func TestPersonMergeOfDifferences(t *testing.T) {
	o := newOffice(t)
	o.run("import", "events", o.write("a.ndjson", patient("a", "M-1", "1960-05-04")+patient("b", "M-2", "1960-05-05")+heartRates("a", "x", 60)+heartRates("b", "x", 61)), "--create-persons").want(t, 0)
	o.run("person", "merge", "M-1", "M-2", "--yes").want(t, 1, "the birth dates differ", "--override-differences")
	o.run("person", "merge", "M-1", "M-2", "--yes", "--override-differences", "because").want(t, 1, "10 letters")
	o.run("person", "merge", "M-1", "M-2", "--yes", "--override-differences", "passport was checked").want(t, 1, "different content for the same observations: 1 of them", "--leave-clashing")
	r := o.run("person", "merge", "M-1", "M-2", "--yes", "--override-differences", "passport was checked", "--leave-clashing", "--json").want(t, 0)
	var m map[string]any
	if err := json.Unmarshal([]byte(r.out), &m); err != nil || m["clashing"] != 1.0 || m["merge"] != 1.0 || m["research_consent"] != false {
		t.Errorf("%v: %s", err, r.out)
	}
}
