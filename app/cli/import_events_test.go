package cli_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// row is a row of a report's table.
func row(what, n string) string { return `(?m)^  +` + what + ` +` + n + `( |$)` }

func (r outcome) rows(t *testing.T, pairs ...string) outcome {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if !regexp.MustCompile(row(pair[0], pair[1])).MatchString(r.out) {
			t.Errorf("the table lacks %s:\n%s", pair, r.out)
		}
	}
	return r
}

func TestImportEvents(t *testing.T) {
	o := newOffice(t)
	file := o.write("events.ndjson", strings.Join([]string{line("1", "60"), "{damaged", line("2", "0"), `{"resourceType":"Spaceship"}`, line("3", "72.50"), `{"resourceType":"Condition"}`}, "\n"))
	o.run("import", "events", file).want(t, 1, "line 1", "3  the person is not known here").rows(t, "lines", "6", "stored", "0", "refused", "5", "left out", "1")
	r := o.run("import", "events", "--create-persons", "--team", "T", file).want(t, 1, "line 2: ", "line 4: ", "Condition 1", "1 created").rows(t, "stored", "3", "refused", "2")
	if strings.Contains(r.errOut, "line 1:") || strings.Contains(r.errOut, "line 3:") {
		t.Errorf("good lines are reported: %s", r.errOut)
	}
	o.run("import", "events", file).want(t, 1, "were there already").rows(t, "stored", "0", "repeated", "3", "refused", "2")
	var report struct {
		File, Format                     string
		Lines, Stored, Repeated, Refused int
		ImportID                         int `json:"import_id"`
		Problems                         []any
	}
	r = run(t.Context(), o.env, line("1", "60")+"\n", "import", "events", "--json", "-").want(t, 0)
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || report.Lines != 1 || report.Repeated != 1 || report.Refused != 0 ||
		report.File != "-" || report.Format != "fhir-ndjson" || report.ImportID == 0 || report.Problems == nil {
		t.Errorf("report %+v, error %v", report, err)
	}
	o.run("import", "events", o.write("empty.ndjson", "")).want(t, 0, "empty")
	o.run("refresh-views").want(t, 0, "0 days rebuilt")
	o.run("cleanup-sessions").want(t, 0, "0 sessions")
}

// bundle is a collection of a Patient with a record number and what else is given.
func bundle(resources ...string) string {
	entries := []string{`{"resource":{"resourceType":"Patient","id":"a","identifier":[{"system":"urn:clinic","value":"R-1"}],"gender":"female","birthDate":"1980-01-02"}}`}
	for _, r := range resources {
		entries = append(entries, `{"resource":`+r+`}`)
	}
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",\n") + `]}`
}

func TestImportBundle(t *testing.T) {
	o := newOffice(t)
	text := bundle(line("1", "60"), `{"resourceType":"Claim"}`, line("2", "61"), `{"resourceType":"Observation"}`)
	file := o.write("b.json", text)
	o.run("import", "events", "--create-persons", file).want(t, 1, "b.json: fhir-bundle, import 1", "line 5: ", "Claim 1").
		rows(t, "entries", "5", "persons", "1", "values read", "3", "stored", "2", "left out", "1")
	run(t.Context(), o.env, text, "import", "events", "-").want(t, 1, "standard input: fhir-bundle").rows(t, "repeated", "2")
	o.run("import", "events", "--format", "fhir-ndjson", file).want(t, 1, "damaged JSON at byte").rows(t, "stored", "0")
	r := o.run("import", "events", o.write("cut.json", text[:len(text)-9])).want(t, 1, "the file ends in line 5")
	if r.out != "" {
		t.Errorf("a file that was cut off has a report: %s", r.out)
	}
	o.run("import", "events", o.write("page.json", strings.Replace(text, `"entry"`, `"link":[{"relation":"next"}],"entry"`, 1))).want(t, 1, "note: the Bundle is one page")
}

func TestImportForAPerson(t *testing.T) {
	o := newOffice(t)
	o.run("import", "events", "--create-persons", o.write("b.json", bundle())).want(t, 0)
	file := o.write("nobody.ndjson", strings.Replace(line("1", "60"), `"subject"`, `"nobody"`, 1))
	o.run("import", "events", file).want(t, 1, "name the person with --person").rows(t, "refused", "1")
	o.run("import", "events", "--person", "R-1", file).want(t, 0).rows(t, "stored", "1")
	o.run("import", "events", "--person", "urn:clinic|R-1", file).want(t, 0).rows(t, "repeated", "1")
	r := o.run("import", "events", "--create-persons", "--person", "R-2", file).want(t, 1, "not known here, nothing was stored")
	if strings.Contains(r.errOut, "R-2") {
		t.Errorf("the message repeats the number: %s", r.errOut)
	}
	o.run("import", "events", "--person", "|R-1", file).want(t, 2, "system|value")
}

// Each file is an import of its own; all are looked into before the first one begins.
func TestImportOfSeveralFiles(t *testing.T) {
	o := newOffice(t)
	good, other := o.write("good.ndjson", line("1", "60")+"\n"), o.write("other.json", bundle(line("2", "61")))
	odd := o.write("odd.json", `{"heart_rate":{"value":50}}`)
	r := o.run("import", "events", "--create-persons", good, odd).want(t, 1, "Open mHealth", "nothing was imported")
	if r.out != "" {
		t.Errorf("something was imported: %s", r.out)
	}
	o.run("import", "events", "--create-persons", other, good).want(t, 0, "import 1", "import 2", "fhir-bundle", "fhir-ndjson")
	r = o.run("import", "events", "--json", good, other).want(t, 0)
	dec := json.NewDecoder(strings.NewReader(r.out))
	for _, want := range []string{good, other} {
		var report struct {
			File     string
			Repeated int
		}
		if err := dec.Decode(&report); err != nil || report.File != want || report.Repeated != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("behind the reports: %v", err)
	}
	cut := o.write("cut.json", bundle(line("3", "62"))[:200])
	r = o.run("import", "events", good, cut, other).want(t, 1, "cut.json: ", "cut off", "1 of the 3 files not begun")
	if strings.Count(r.out, "import ") != 1 {
		t.Errorf("after the failure: %s", r.out)
	}
	o.run("import", "events", good, cut).want(t, 1, "cut.json: ", "cut off")
	run(t.Context(), o.env, "", "import", "events", "-", "-").want(t, 2, "once only")
}

func TestImportFormats(t *testing.T) {
	o := newOffice(t)
	apple := o.write("export.xml", "<HealthData/>")
	zipped := filepath.Join(o.dir, "export.zip")
	f, err := os.Create(zipped)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	if _, err := w.Create("apple_health_export/export.xml"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ndjson := o.write("x.ndjson", line("1", "60"))
	for _, c := range []struct {
		args string
		code int
		text string
	}{
		{apple, 2, "an Apple Health export does not say whose it is"},
		{zipped, 2, "name the person with --person"},
		{"--format csv " + zipped, 1, "a zip can't be read as csv"},
		{"--format pdf " + apple, 2, "is no format"},
		{"--zone Europe/Berlin " + ndjson, 2, "are for CSV"},
		{"--map a=effective " + ndjson, 2, "are for CSV"},
		{"--map a=time " + ndjson, 2, "which is no field"},
		{"--mapping " + ndjson + " " + ndjson, 2, "--mapping: "},
		{"--mapping " + o.write("m.yaml", "zone: UTC") + " " + ndjson, 2, "are for CSV"},
		{"--mapping " + o.write("m.yaml", "zone: UTC") + " --map a=value " + ndjson, 2, "says it all"},
		{"--set nonsense=1 " + ndjson, 2, "nonsense"},
		{"--mapping /nonexistent " + ndjson, 2, "/nonexistent"},
		{"--map a " + ndjson, 2, "column=field"},
		{"--zone Local " + ndjson, 2, "IANA"},
		{"--zone Mars/Olympus " + ndjson, 2, "IANA"},
		{o.dir, 1, "is a folder"},
		{o.write("o.xml", `<Observation xmlns="http://hl7.org/fhir"/>`), 1, "FHIR in XML"},
	} {
		o.run(append([]string{"import", "events"}, strings.Fields(c.args)...)...).want(t, c.code, c.text)
	}
	data, err := os.ReadFile(zipped)
	if err != nil {
		t.Fatal(err)
	}
	run(t.Context(), o.env, string(data), "import", "events", "--person", "x", "-").want(t, 1, "a zip can't be read from a stream")
}

// What a shell puts in place of a file (<(...)) can be read once only.
func TestImportFromANamedPipe(t *testing.T) {
	o := newOffice(t)
	pipe := filepath.Join(o.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(pipe, []byte(bundle(line("1", "60"))), 0o600) }()
	o.run("import", "events", "--create-persons", pipe).want(t, 0).rows(t, "entries", "2", "stored", "1")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
