package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"healthportal/app/health"
)

func (c *clinic) publicID(p health.PersonID) string {
	c.t.Helper()
	return one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(p))
}

// tableOf are the values of any person's table, newest first.
func (c *clinic) tableOf(p health.PersonID) string {
	c.t.Helper()
	c.exec(`INSERT INTO health.person_identifier (system, value, person_id) VALUES ($1, 'the one', $2)
		ON CONFLICT (system, value) DO UPDATE SET person_id = excluded.person_id`, health.SystemFHIR, int64(p))
	text := c.shown("the one")
	c.exec(`DELETE FROM health.person_identifier WHERE value = 'the one'`)
	return text
}

func TestSplitByImport(t *testing.T) {
	c := newWard(t)
	const at = "2026-03-01T10:00:00Z"
	c.load(obs("a", at, "60", `"id":"x"`))
	// Another human's file, imported under a: new values, and a new version of one of a's own.
	c.load(obs("a", at, "61", `"id":"x"`) + obs("a", at, "70", `"id":"y"`) + obs("a", at, "71", `"id":"y"`) + obs("a", at, "80"))
	wrong := c.lastImport()
	before := c.states()
	choice := health.SplitChoices{Imports: []int64{wrong}}
	dry, err := c.db.SplitPerson(t.Context(), "MRN-A", "", choice, true)
	if err != nil || !dry.New || dry.Values != 3 || dry.Held != 1 {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	c.same(before, c.states(), "dry run")
	r, err := c.db.SplitPerson(t.Context(), "MRN-A", "", choice, false)
	if err != nil || r.Values != 3 || r.Held != 1 || r.Days != 2 || r.From.ID != c.person("a") {
		t.Fatalf("%+v, %v", r, err)
	}
	c.checkDays()
	if a, fresh := c.shown("a"), c.tableOf(r.To.ID); a != "61 v2, 1 v1" || fresh != "80 v1, 71 v2" {
		t.Errorf("a %q, the new record %q", a, fresh)
	}
	if n := one[int](c, `SELECT count(*) FROM auth.care_team_person WHERE person_id = $1`, int64(r.To.ID)); n != 0 {
		t.Error("a team has the new record")
	}
	// The import is undone whoever has its values.
	if u := c.undo(wrong); u.Rows != 4 || u.Current != 1 {
		t.Errorf("undo %+v", u)
	}
	c.checkDays()
	if a, fresh := c.shown("a"), c.tableOf(r.To.ID); a != "60 v1, 1 v1" || fresh != "" {
		t.Errorf("a %q, the new record %q", a, fresh)
	}
}

func TestSplitToAnotherRecord(t *testing.T) {
	c := newWard(t)
	const at = "2026-03-01T23:30:00Z"
	if err := importPatient(c, "b", "Asia/Tokyo"); err != nil {
		t.Fatal(err)
	}
	file := obs("a", at, "60", `"id":"x"`, `"meta":{"source":"urn:watch"}`) + obs("a", "2026-03-02", "61", `"meta":{"source":"urn:watch"}`)
	c.load(file + obs("a", at, "70", `"id":"y"`))
	r, err := c.db.SplitPerson(t.Context(), "MRN-A", "MRN-B", health.SplitChoices{Source: "urn:watch"}, false)
	if err != nil || r.Values != 2 || r.New {
		t.Fatalf("%+v, %v", r, err)
	}
	c.checkDays()
	if a, b := c.shown("a"), c.shown("b"); a != "70 v1, 1 v1" || b != "60 v1, 61 v1, 2 v1" {
		t.Errorf("a %q, b %q", a, b)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event WHERE person_id = $1 AND NOT whole_days AND local_day <> (effective_at AT TIME ZONE 'Asia/Tokyo')::date
		OR person_id = $1 AND whole_days AND (effective_at AT TIME ZONE 'Asia/Tokyo')::time <> '00:00'`, int64(c.person("b"))); n != 0 {
		t.Errorf("%d rows lie on another zone's day", n)
	}
	if again := c.load(patientB(file)); again.Repeated != 2 {
		t.Errorf("the file as b's: %s", again.Summary())
	}
	if again := c.load(file); again.Stored != 2 {
		t.Errorf("the file as a's: %s", again.Summary())
	}
	before := c.states()
	if _, err := c.db.SplitPerson(t.Context(), "MRN-A", "MRN-B", health.SplitChoices{Source: "urn:watch"}, false); err == nil || !strings.Contains(err.Error(), "2 values") {
		t.Errorf("values that b has already: %v", err)
	}
	c.same(before, c.states(), "refused")
}

func TestSplitOfIdentifiers(t *testing.T) {
	c := newWard(t)
	r, err := c.db.SplitPerson(t.Context(), "MRN-A", "MRN-B", health.SplitChoices{Identifiers: []health.Identifier{{System: health.SystemFHIR, Value: "a"}}}, false)
	if err != nil || r.Identifiers != 1 || r.Values != 0 || c.person("a") != c.person("b") {
		t.Errorf("%+v, %v", r, err)
	}
	c.checkDays()
}

func TestSplitRefusals(t *testing.T) {
	c := newWard(t)
	c.load(`{"resourceType":"Observation"` + strings.TrimPrefix(obs("s", "2020-01-01T00:00:00Z", "1"), `{"resourceType":"Observation"`))
	c.exec(`UPDATE health.person SET synthetic = true WHERE id = $1`, int64(c.person("s")))
	split := func(from, to string, s health.SplitChoices) error {
		_, err := c.db.SplitPerson(t.Context(), from, to, s, false)
		return err
	}
	all := health.SplitChoices{Imports: []int64{1}}
	before := c.states()
	for _, tt := range []struct {
		from, to string
		s        health.SplitChoices
		want     string
	}{
		{"MRN-X", "MRN-B", all, "the record to split: not found"},
		{"MRN-A", "MRN-X", all, "the record that takes it: not found"},
		{"MRN-A", "MRN-A", all, "the same record"},
		{"MRN-A", c.publicID(c.person("s")), all, "made up"},
		{"MRN-A", "", health.SplitChoices{Imports: []int64{99}}, "nothing of this record"},
		{"MRN-A", "", health.SplitChoices{Source: "nobody"}, "nothing of this record"},
		{"MRN-A", "", health.SplitChoices{Identifiers: []health.Identifier{{System: health.SystemFHIR, Value: "b"}}}, "an identifier that is not this record's"},
		{"MRN-A", "", health.SplitChoices{Identifiers: []health.Identifier{{System: health.SystemRecordNumber, Value: "MRN-A"}}}, "own number stays"},
	} {
		if err := split(tt.from, tt.to, tt.s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	c.same(before, c.states(), "refused")
	c.merge(false)
	if err := split(c.publicID(health.PersonID(one[int64](c, `SELECT id FROM health.person WHERE merged_into IS NOT NULL`))), "", all); !errors.Is(err, health.ErrMerged) {
		t.Errorf("a record that went: %v", err)
	}
}

// What somebody changed between merge and split stays changed, and a consent that was withdrawn is nobody's.
func TestSplitKeepsWhatChangedSince(t *testing.T) {
	c := newWard(t)
	a, b := int64(c.person("a")), int64(c.person("b"))
	c.exec(`UPDATE health.person SET given_name = CASE WHEN id = $1 THEN '' ELSE 'Erika' END, family_name = '', research_consent = true`, a)
	c.exec(`UPDATE health.person SET record_number = NULL, sex = 'unknown' WHERE id = $1`, a)
	m, err := c.db.MergePersons(t.Context(), c.publicID(c.person("a")), "MRN-B", health.MergeChoices{}, "tester", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := one[string](c, `SELECT record_number || given_name || sex || research_consent FROM health.person WHERE id = $1`, a); got != "MRN-BErikafemaletrue" {
		t.Errorf("merged %q", got)
	}
	c.exec(`UPDATE health.person SET sex = 'other', research_consent = false WHERE id = $1`, a)
	c.splitMerge(m.ID)
	const says = `SELECT coalesce(record_number, '-') || ' ' || given_name || ' ' || sex || ' ' || research_consent FROM health.person WHERE id = $1`
	if ga, gb := one[string](c, says, a), one[string](c, says, b); ga != "-  other false" || gb != "MRN-B Erika female false" {
		t.Errorf("a %q, b %q", ga, gb)
	}
}
