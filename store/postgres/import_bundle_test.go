package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// bundleOf is a Bundle; each entry is a resource, or an entry that begins with its fullUrl or request.
func bundleOf(kind string, entries ...string) string {
	for i, e := range entries {
		e = strings.TrimSpace(e)
		if !strings.HasPrefix(e, `{"fullUrl"`) && !strings.HasPrefix(e, `{"request"`) {
			e = `{"resource":` + e + `}`
		}
		entries[i] = e
	}
	return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + strings.Join(entries, ",\n") + `]}`
}

// at puts a resource under a fullUrl.
func at(fullURL, resource string) string {
	return `{"fullUrl":"` + fullURL + `","resource":` + strings.TrimSpace(resource) + `}`
}

// loadBundle imports a Bundle as a file is.
func (c *clinic) loadBundle(s string, create bool) intake.Report {
	c.t.Helper()
	r, err := intake.Import(c.t.Context(), fhir.NewBundle(strings.NewReader(s)), c.db, intake.Options{CreatePersons: create, Team: "Team", Now: now})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func changed(resource, updated string) string {
	return strings.Replace(resource, `"resourceType"`, `"meta":{"lastUpdated":"`+updated+`"},"resourceType"`, 1)
}

// What a history tells of one Observation, whatever was stored of it before.
func TestHistoryBundles(t *testing.T) {
	const when = "2026-03-01T10:00:00Z"
	id := `"id":"o1"`
	v1, v2 := changed(obs("a", when, "60", id), "2026-03-01T11:00:00Z"), changed(obs("a", when, "61", id), "2026-03-01T12:00:00Z")
	v3 := changed(obs("a", when, "60", id), "2026-03-01T13:00:00Z")
	gone := `{"request":{"method":"DELETE","url":"Observation/o1"},"response":{"status":"204","lastModified":"2026-03-02T10:00:00Z"}}`
	both := strings.ReplaceAll(panel("o1", when, "120", "80"), "Patient/b", "Patient/a")
	tests := []struct {
		name   string
		before []string // resources that came one after the other
		known  []string // of the history, newest first
		shown  string
	}{
		{"newest first", nil, []string{v2, v1}, "61 v1"},
		{"after the first", []string{v1}, []string{v2, v1}, "61 v2"},
		{"after the last", []string{v1, v2}, []string{v2, v1}, "61 v2"},
		{"deleted", []string{v1, v2}, []string{gone, v2, v1}, ""},
		{"deleted before it was known", nil, []string{gone, v2, v1}, ""},
		{"deleted, without a version that says whose it was", []string{v1}, []string{gone}, "60 v1"},
		{"a panel deleted", []string{both}, []string{gone, both}, ""},
		{"corrected and set back", []string{v1, v2}, []string{v3, v2, v1}, "60 v3"},
		{"older than what is known", []string{v3}, []string{v2, v1}, "60 v2"},
		{"a deletion older than what is known", []string{changed(obs("a", when, "62", id), "2026-03-03T10:00:00Z")}, []string{gone, v2, v1}, "62 v2"},
	}
	c := newClinic(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			own := strings.NewReplacer("Patient/a", fmt.Sprintf("Patient/a%d", i))
			c.load(own.Replace(obs("a", "2026-03-05T10:00:00Z", "1", `"status":"entered-in-error"`))) // the person is known
			for _, b := range tt.before {
				c.load(own.Replace(b))
			}
			text := own.Replace(bundleOf("history", tt.known...))
			c.loadBundle(text, true)
			if got := c.shown(fmt.Sprintf("a%d", i)); got != tt.shown {
				t.Errorf("the table shows %q, want %q", got, tt.shown)
			}
			if again := c.loadBundle(text, true); again.Stored+again.Corrected != 0 {
				t.Errorf("a second import: %s", again.Summary())
			}
			if got := c.shown(fmt.Sprintf("a%d", i)); got != tt.shown {
				t.Errorf("after a second import the table shows %q, want %q", got, tt.shown)
			}
			c.checkRollup()
		})
	}
}

// Observations may stand before their Patient: nobody is made of a reference alone.
func TestPatientBehindObservations(t *testing.T) {
	c := newClinic(t)
	c.load(patient("old", "R1", "Muster", "Anna", "1980-01-02"))
	const uuid = "0c5e3588-94fc-b980-9e94-0390d989d921"
	s := bundleOf("transaction", obs("x", "2026-03-01T10:00:00Z", "60", `"id":"1"`), strings.ReplaceAll(obs("x", "2026-03-01T11:00:00Z", "61", `"id":"2"`), "Patient/x", "urn:uuid:"+uuid),
		at("urn:uuid:"+uuid, patient("x", "R1", "Muster", "Anna", "1980-01-02")))
	r := c.loadBundle(s, false)
	wantCounts(t, r, 2, 0, 0, 0)
	if n := one[int](c, `SELECT count(*) FROM health.person`); n != 1 || r.NewPersons != 0 {
		t.Errorf("%d persons", n)
	}
	if c.person("x") != c.person("old") || c.person(uuid) != c.person("old") {
		t.Error("the references don't lead to the person of the record number")
	}
}

// Two servers have a Patient 7 each.
func TestEqualIDsOfTwoServers(t *testing.T) {
	c := newClinic(t)
	of := func(server, record, value string) string {
		return bundleOf("searchset", at(server+"/Patient/7", patient("7", record, "F", "G", "1980-01-02")),
			at(server+"/Observation/1", obs("7", "2026-03-01T10:00:00Z", value, `"id":"1"`)))
	}
	for i, server := range []string{"https://a.example/fhir", "https://b.example/fhir"} {
		if r := c.loadBundle(of(server, fmt.Sprint("R", i), fmt.Sprint(60+i)), true); r.Stored != 1 || r.NewPersons != 1 {
			t.Errorf("%s: %s, %v", server, r.Summary(), r.Problems)
		}
	}
	for i, server := range []string{"https://a.example/fhir", "https://b.example/fhir"} {
		person := one[int64](c, `SELECT person_id FROM health.person_identifier WHERE system = $1 AND value = '7'`, server+"/Patient")
		page := c.page(health.EventFilter{Person: health.PersonID(person)})
		if len(page.Events) != 1 || page.Events[0].Value != float64(60+i) {
			t.Errorf("%s: %+v", server, page.Events)
		}
	}
	// An Observation alone is the server's as well, and never the other's.
	r := c.loadBundle(bundleOf("searchset", at("https://c.example/fhir/Observation/9", obs("7", "2026-03-01T12:00:00Z", "99", `"id":"9"`))), false)
	wantCounts(t, r, 0, 0, 0, 1)
}

func TestImportForAPerson(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "F", "G", "1980-01-02"))
	nobody := strings.Replace(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"1"`), `"subject"`, `"nobody"`, 1)
	run := func(id health.Identifier) (intake.Report, error) {
		return intake.Import(t.Context(), fhir.NewReader(strings.NewReader(nobody)), c.db, intake.Options{CreatePersons: true, Now: now, Person: id})
	}
	for _, id := range []health.Identifier{{System: health.SystemRecordNumber, Value: "R1"}, {System: health.SystemFHIR, Value: "a"}} {
		r, err := run(id)
		if err != nil || r.Stored+r.Repeated != 1 || r.ImportID != one[int64](c, `SELECT max(id) FROM health.import`) {
			t.Errorf("%s: %s, %v", id.System, r.Summary(), err)
		}
	}
	if r, err := run(health.Identifier{System: health.SystemRecordNumber, Value: "R2"}); err == nil || r.Read != 0 {
		t.Errorf("somebody unknown: %s", r.Summary())
	}
	if n := one[int](c, `SELECT count(*) FROM health.person`); n != 1 {
		t.Errorf("%d persons", n)
	}
}
