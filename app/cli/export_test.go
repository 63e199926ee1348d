package cli_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/app/cli"
)

// patient stores a patient with n heart rates from 1 March 2026 on, one a day.
func (o *office) patient(record string, n int) {
	o.t.Helper()
	o.sql(`SET ROLE hp_owner`)
	o.sql(`INSERT INTO health.person (public_id, record_number) VALUES (md5($1), $1)`, record)
	o.sql(`INSERT INTO health.source (name) VALUES ('lab') ON CONFLICT DO NOTHING`)
	o.sql(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe)
		SELECT p.id, m.id, timestamptz '2026-03-01 10:00Z' + i * interval '1 day', '2026-03-01'::date + i, 60 + i, s.id, decode(md5($1 || i), 'hex')
		FROM health.person p, health.metric m, health.source s, generate_series(0, $2::int - 1) i WHERE p.record_number = $1 AND m.code = 'heart_rate' AND s.name = 'lab'`, record, n)
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestExport(t *testing.T) {
	o := newOffice(t)
	o.run("migrate").want(t, 0)
	o.patient("MRN-1", 5)
	o.patient("MRN-2", 2)
	r := o.run("export", "--person", "MRN-1", "--format", "csv").want(t, 0, "export: 5 rows, ")
	if lines := strings.Split(r.out, "\r\n"); len(lines) != 7 || !strings.HasPrefix(lines[0], "person,record_number,metric,") || strings.Contains(r.out, "MRN-2") {
		t.Errorf("%q", lines)
	}
	if !strings.Contains(r.errOut, sumOf([]byte(r.out))) {
		t.Errorf("%q is not the hash of the output", r.errOut)
	}
	for _, c := range []struct {
		args []string
		rows string
	}{
		{[]string{"--from", "2026-03-02", "--to", "2026-03-03"}, `{"rows":2,`}, {[]string{"--metric", "glucose"}, `{"rows":0,`}, {[]string{"--metric", "heart_rate", "--from", "2026-03-05"}, `{"rows":1,`},
	} {
		out := o.run(append([]string{"export", "--person", "MRN-1"}, c.args...)...).want(t, 0).out
		lines := strings.SplitAfter(out, "\n")
		if last := lines[len(lines)-2]; !strings.HasPrefix(last, c.rows) || !strings.Contains(last, sumOf([]byte(strings.TrimSuffix(out, last)))) {
			t.Errorf("%v ends with %q", c.args, last)
		}
	}
	all := o.run("export", "--all").want(t, 0, "export: 9 rows").out // two of them about the persons
	if strings.Count(all, `"identifiers":[]`) != 2 || strings.Count(all, "\n") != 11 {
		t.Errorf("%s", all)
	}
	// Begin and end are on record, about the patient.
	o.sql(`DO $$ BEGIN
		ASSERT (SELECT count(*) FROM audit.entry e JOIN health.person p ON p.id = e.person_id WHERE p.record_number = 'MRN-1' AND kind = 'events.export' AND outcome = 'done' AND detail LIKE '%"part":"begin"%') = 4;
		ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'events.export' AND detail LIKE '%"part":"end"%' AND detail LIKE '%"rows":%' AND detail LIKE '%"sha256":%' AND detail LIKE '%"bytes":%') = 5;
		ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'events.export' AND person_id = 0) = 2; END $$`)
}

// What --source and --flag choose, alone, together and for everybody.
func TestExportOfASourceOrFlag(t *testing.T) {
	o := newOffice(t)
	o.run("migrate").want(t, 0)
	o.patient("MRN-1", 5)
	o.patient("MRN-2", 2)
	o.sql(`SET ROLE hp_owner`)
	o.sql(`INSERT INTO health.source (name) VALUES ('Ada''s watch'), ('unused')`)
	o.sql(`UPDATE health.event SET source_id = (SELECT id FROM health.source WHERE name LIKE 'Ada%') WHERE value IN (60, 61)`)
	o.sql(`UPDATE health.event SET flag = CASE WHEN value = 60 THEN 'H' WHEN value = 61 THEN 'N' ELSE 'LL' END WHERE value <= 62`)
	for _, c := range []struct {
		args string
		rows string
	}{
		{"--person MRN-1 --source lab", `{"rows":3,`}, {"--person MRN-1 --source unused", `{"rows":0,`}, {"--person MRN-1 --flag any", `{"rows":3,`},
		{"--person MRN-1 --flag not-normal", `{"rows":2,`}, {"--person MRN-1 --flag LL", `{"rows":1,`}, {"--person MRN-1 --flag ll", `{"rows":0,`},
		{"--person MRN-1 --source lab --flag any", `{"rows":1,`}, {"--person MRN-2 --source lab", `{"rows":0,`}, {"--all --flag H", `{"rows":4,`}, // two of them about the persons
		{"--person MRN-1 --flag any --to 2026-03-01", `{"rows":1,`}, {"--person MRN-1 --flag any --metric glucose", `{"rows":0,`},
	} {
		out := o.run(append([]string{"export"}, strings.Fields(c.args)...)...).want(t, 0).out
		lines := strings.SplitAfter(out, "\n")
		if last := lines[len(lines)-2]; !strings.HasPrefix(last, c.rows) {
			t.Errorf("%s ends with %q", c.args, last)
		}
	}
	r := o.run("export", "--person", "MRN-1", "--source", "Ada's watch").want(t, 0, "export: 2 rows")
	if strings.Contains(r.errOut, "watch") {
		t.Errorf("the name of a source: %s", r.errOut)
	}
	if r := o.run("export", "--person", "MRN-1", "--source", "ada's watch").want(t, 1, "--source: no source has this name"); r.out != "" || strings.Contains(r.errOut, "ada") {
		t.Errorf("printed %q %q", r.out, r.errOut)
	}
	// Filter and number are on record, the name is not.
	o.sql(`DO $$ BEGIN
		ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'events.export' AND detail LIKE '%"flag":"not-normal"%') = 2;
		ASSERT (SELECT count(*) FROM audit.entry e, health.source s WHERE s.name LIKE 'Ada%' AND kind = 'events.export' AND detail LIKE '%"source":' || s.id || '%') = 2;
		ASSERT (SELECT count(*) FROM audit.entry WHERE detail LIKE '%watch%') = 0; END $$`)
}

func TestExportToAFile(t *testing.T) {
	o := newOffice(t)
	o.run("migrate").want(t, 0)
	o.patient("MRN-1", 5)
	file := filepath.Join(o.dir, "out", "events.ndjson")
	o.run("export", "--person", "MRN-1", "--output", file).want(t, 1, "--output") // there is no such folder
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	var receipt struct {
		Rows, Bytes int64
		SHA256      string
		File        string
	}
	r := o.run("export", "--person", "MRN-1", "--output", file, "--json").want(t, 0)
	if err := json.Unmarshal([]byte(r.out), &receipt); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || receipt.Rows != 5 || receipt.Bytes != int64(len(text)) || receipt.SHA256 != sumOf(text) || receipt.File != file {
		t.Errorf("%+v, %v", receipt, err)
	}
	o.run("export", "--person", "MRN-1", "--output", file).want(t, 2, "exists")
	o.run("export", "--person", "MRN-1", "--output", filepath.Dir(file), "--overwrite").want(t, 2, "no file")
	r = o.run("export", "--person", "MRN-1", "--output", file, "--overwrite", "--gzip", "--format", "csv").want(t, 0, "5 rows")
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close() //nolint:errcheck // read only
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(unpacked); err != nil || !strings.Contains(r.errOut, sumOf(text)) || !bytes.HasPrefix(text, []byte("person,")) {
		t.Errorf("%v: %s", err, text)
	}
	// What breaks off leaves nothing under the name, nor beside it.
	o.sql(`UPDATE health.person SET timezone = 'No/Where'`)
	broken := filepath.Join(o.dir, "out", "broken.csv")
	o.run("export", "--person", "MRN-1", "--output", broken, "--format", "csv").want(t, 1, "not complete")
	o.run("export", "--person", "MRN-1", "--output", file, "--overwrite").want(t, 1)
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 || entries[0].Name() != "events.ndjson" {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	o.sql(`DO $$ BEGIN ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'events.export' AND outcome = 'failed') = 3; END $$`)
}

func TestExportBadUsage(t *testing.T) {
	o := newOffice(t)
	for _, c := range []struct {
		args []string
		text string
	}{
		{nil, "--person"}, {[]string{"--person", "x", "--all"}, "--all"}, {[]string{"--all", "--format", "xlsx"}, "--format"}, {[]string{"--all", "--from", "x"}, "--from"},
		{[]string{"--all", "--from", "2026-03-02", "--to", "2026-03-01"}, "--from and --to"}, {[]string{"--all", "--json"}, "--output"}, {[]string{"--all", "--overwrite"}, "--output"},
		{[]string{"--all", "--source", ""}, "--source: it is empty"}, {[]string{"--all", "--flag="}, "--flag: it is empty"},
		{[]string{"--all", "--flag", "H", "--flag="}, "--flag: it is empty"},
	} {
		if r := o.run(append([]string{"export"}, c.args...)...).want(t, 2, c.text); r.out != "" {
			t.Errorf("%v printed %q", c.args, r.out)
		}
	}
	if r := o.run("export", "--person", "nobody's").want(t, 1, "no patient has this record number"); r.out != "" || strings.Contains(r.errOut, "nobody's") {
		t.Errorf("printed %q %q", r.out, r.errOut)
	}
}

// An export that breaks off says so, and is recorded as failed.
func TestExportBreaksOff(t *testing.T) {
	o := newOffice(t)
	o.run("migrate").want(t, 0)
	o.patient("MRN-1", 5)
	for _, args := range [][]string{{"export", "--all"}, {"export", "--all", "--gzip"}} {
		var errs bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{Args: args, Env: o.env, Stdin: strings.NewReader(""), Stdout: full{}, Stderr: &errs})
		if code != 1 || !strings.Contains(errs.String(), "the export is not complete") {
			t.Errorf("exit code %d: %s", code, errs.String())
		}
	}
	o.sql(`DO $$ BEGIN ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'events.export' AND outcome = 'failed') = 2; END $$`)
	o.sql(`REVOKE INSERT ON audit.entry FROM hp_audit`)
	if r := o.run("export", "--all").want(t, 1, "could not be recorded"); r.out != "" {
		t.Errorf("printed %q", r.out)
	}
}
