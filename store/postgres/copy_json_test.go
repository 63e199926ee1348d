package postgres_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/exportfile"
	"healthportal/store/postgres"
)

// ndjson is an export's lines without the header.
func (c *clinic) ndjson(person health.PersonID) []string {
	c.t.Helper()
	var b bytes.Buffer
	if _, err := c.db.ExportEvents(c.t.Context(), access.One(person), health.EventFilter{Person: person}, health.ExportNDJSON, &b, nil); err != nil {
		c.t.Fatal(err)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	if lines[0] != exportfile.Header {
		c.t.Errorf("the header is %q", lines[0])
	}
	return lines[1 : len(lines)-1]
}

func TestExportOfPortableLines(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-28T23:30:00.5+01:00", "72.50", `"id":"w"`) + obs("a", "2026-03-27", "61", `"id":"d"`, `"device":{"display":"Wrist \"x\\y"}`) +
		obs("a", "2026-03-27T10:00:00Z", "61", `"id":"z"`) + obs("a", "2026-03-27T01:00:00Z", "62"))
	a := c.person("a")
	c.exec(`UPDATE health.person SET timezone = 'Asia/Tokyo' WHERE id = $1`, int64(a))
	identity := `{"person":{"system":"` + health.SystemFHIR + `","value":"a"}`
	code := `"metric":"heart_rate","code_system":"http://loinc.org","code":"8867-4"`
	got := c.ndjson(a)
	want := []string{
		identity + `,"effective":"2026-03-27","effective_end":"2026-03-27","source":"fhir","external_id":"d",` + code + `,"value":61,"unit":"/min","status":"final","device":"Wrist \"x\\y"}`,
		identity + `,"effective":"2026-03-27T01:00:00+00:00","source":"fhir",` + code + `,"value":62,"unit":"/min","status":"final"}`,
		identity + `,"effective":"2026-03-27T10:00:00+00:00","source":"fhir","external_id":"z",` + code + `,"value":61,"unit":"/min","status":"final"}`,
		identity + `,"effective":"2026-03-28T23:30:00.5+01:00","source":"fhir","external_id":"w",` + code + `,"value":72.5,"unit":"/min","orig_value":"72.50","status":"final"}`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	for i, line := range want {
		if got[i] != line+"\n" {
			t.Errorf("line %d is\n%swant\n%s", i, got[i], line)
		}
	}
	c.exec(`UPDATE health.person SET record_number = 'R-"1"' WHERE id = $1`, int64(a))
	if line := c.ndjson(a)[0]; !strings.HasPrefix(line, `{"person":{"system":"urn:healthportal:record-number","value":"R-\"1\""},"effective"`) {
		t.Errorf("with a record number: %s", line)
	}
}

// Rows from before health.event.slot have their slot from the identity, and give the same lines.
func TestExportOfSlots(t *testing.T) {
	c := newClinic(t)
	nameless := strings.Replace(panel("none", "2026-03-02T10:00:00Z", "130", "85"), `"id":"none",`, "", 1)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"w"`) + strings.ReplaceAll(panel("p", "2026-03-01T11:00:00Z", "120", "80")+nameless, "Patient/p", "Patient/a"))
	a := c.person("a")
	want := c.ndjson(a)
	slots := 0
	for _, line := range want {
		slots += strings.Count(line, `"slot":`)
	}
	if len(want) != 5 || slots != 2 || strings.Contains(nameless, "none") {
		t.Errorf("%d slots in %q", slots, want)
	}
	c.exec(`UPDATE health.event SET slot = NULL`)
	if got := c.ndjson(a); strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("without slots in the rows:\n%swant\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
}

// A file of everybody has a line about each person, by which another portal makes them.
func TestExportOfEveryone(t *testing.T) {
	c := newClinic(t)
	c.load(obs("b", "2026-03-01T10:00:00Z", "60") + obs("a", "2026-03-01T10:00:00Z", "61"))
	c.exec(`INSERT INTO health.person (public_id, family_name, given_name, birth_date, sex, timezone, synthetic) VALUES ('pub-1', 'O''Hara "x"', 'Ann', '1980-03-04', 'female', 'Europe/Berlin', true)`)
	c.exec(`UPDATE health.person SET record_number = 'R-9' WHERE id = $1`, int64(c.person("b")))
	c.exec(`INSERT INTO health.person_identifier (system, value, person_id) VALUES ('urn:z', 'v', $1), ('urn:healthportal:record-number', 'R-9', $1)`, int64(c.person("b")))
	var b bytes.Buffer
	n, err := c.db.ExportEveryone(t.Context(), health.EventFilter{}, health.ExportNDJSON, &b, nil)
	if err != nil || n != 5 {
		t.Fatalf("%d rows, %v", n, err)
	}
	lines := strings.Split(b.String(), "\n")
	want := []string{
		`{"person":{"system":"` + health.SystemFHIR + `","value":"a"},"identifiers":[],"sex":"unknown","synthetic":false}`, `"value":61`,
		`{"person":{"system":"urn:healthportal:public-id","value":"pub-1"},"identifiers":[],"family_name":"O'Hara \"x\"","given_name":"Ann","birth_date":"1980-03-04","sex":"female","time_zone":"Europe/Berlin","synthetic":true}`,
		`{"person":{"system":"urn:healthportal:record-number","value":"R-9"},"identifiers":[{"system":"` + health.SystemFHIR + `","value":"b"},{"system":"urn:z","value":"v"}],"record_number":"R-9","sex":"unknown","synthetic":false}`, `"value":60`,
	}
	for i, part := range want {
		if !strings.Contains(lines[i+1], part) {
			t.Errorf("line %d is\n%s\nwant\n%s", i, lines[i+1], part)
		}
	}
	if n, err := c.db.CountExport(t.Context(), health.EventFilter{}); err != nil || n != 2 {
		t.Errorf("counted %d, %v", n, err)
	}
	if n, err := c.db.CountExport(t.Context(), health.EventFilter{Person: c.person("a"), Metric: "heart_rate"}); err != nil || n != 1 {
		t.Errorf("counted %d, %v", n, err)
	}
}

// The first line of a file waits for the values without a time of day, but not for all others to be looked at.
func TestExportFindsWholeDaysByTheirIndex(t *testing.T) {
	c := newClinic(t)
	c.load(string(wearable(2, 2_000)))
	c.exec(`UPDATE health.event SET whole_days = true WHERE id IN (SELECT min(id) FROM health.event GROUP BY person_id)`)
	person := c.person("p0")
	if found := c.filtersWholeDays(person); len(found) > 0 {
		t.Errorf("rows are looked at one by one: %q", found)
	}
	c.exec(`DROP INDEX health.event_whole_days`)
	if len(c.filtersWholeDays(person)) == 0 {
		t.Error("no row is looked at even without the index: this test would not notice any")
	}
}

// filtersWholeDays are the parts of an export's plan that pass over rows to find those of whole days.
func (c *clinic) filtersWholeDays(person health.PersonID) []string {
	c.t.Helper()
	list, err := postgres.ExportStatements(person, health.ExportNDJSON)
	if err != nil {
		c.t.Fatal(err)
	}
	tx, err := c.conn.Begin(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // it only reads
	if _, err := tx.Exec(c.t.Context(), list[0].SQL, list[0].Args...); err != nil {
		c.t.Fatal(err)
	}
	rows, err := tx.Query(c.t.Context(), "EXPLAIN (COSTS OFF) "+list[1].SQL)
	if err != nil {
		c.t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(plan, func(line string) bool {
		return !strings.Contains(line, "Filter:") || !strings.Contains(line, "whole_days") || strings.Contains(line, "NOT")
	})
}
