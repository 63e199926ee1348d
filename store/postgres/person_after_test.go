package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/health"
)

// What was left out of sight stays so, whoever sends it again; what is new to both records is a new version.
func TestClashingObservationsAfterAMerge(t *testing.T) {
	c := newWard(t)
	const at = "2026-03-01T10:00:00Z"
	a, b := panel("p", at, "120", "80"), panel("p", at, "121", "81")
	c.load(a)
	c.load(patientB(b))
	c.merge(true)
	const rest = ", 2 v1, 1 v1"
	for _, step := range []struct{ name, file, shown string }{
		{"a's again", a, "80 v1, 120 v1"},
		{"b's again", patientB(b), "80 v1, 120 v1"},
		{"b's as a's", b, "80 v1, 120 v1"},
		{"one value new, one that b had", panel("p", at, "122", "81"), "81 v2, 122 v2"},
		{"b's after that", patientB(b), "81 v2, 122 v2"},
		{"new to both", patientB(panel("p", at, "123", "83")), "83 v3, 123 v3"},
	} {
		c.load(step.file)
		if got := c.shown("a"); got != step.shown+rest {
			t.Errorf("%s: the table shows %q, want %q", step.name, got, step.shown+rest)
		}
		c.checkDays()
	}
}

// A whole day that the record that went has in its own zone is known by its day.
func TestClashOfWholeDays(t *testing.T) {
	c := newWard(t)
	if err := importPatient(c, "b", "Asia/Tokyo"); err != nil {
		t.Fatal(err)
	}
	if err := importPatient(c, "a", "America/New_York"); err != nil {
		t.Fatal(err)
	}
	a, b := obs("a", "2026-03-01", "60", `"id":"x"`), obs("b", "2026-03-01", "61", `"id":"x"`)
	c.load(a + b)
	c.merge(true)
	if r := c.load(b); r.Repeated != 1 {
		t.Errorf("b's again: %s", r.Summary())
	}
	if got := c.shown("a"); !strings.HasPrefix(got, "60 v1, ") {
		t.Errorf("the table shows %q", got)
	}
}

// The log keeps the record that an entry was about; reviews count both, and the log's pages show the number of today.
func TestLogAfterMerge(t *testing.T) {
	c := newWard(t)
	a, b := int64(c.person("a")), int64(c.person("b"))
	user := c.user("u", "Other team")
	c.exec(`INSERT INTO auth.break_glass (public_id, user_id, person_id, reason, expires_at, started_at) VALUES ('glass', $1, $2, 'an emergency in the ward',
		now() + interval '10 minutes', now() - interval '1 minute')`, user, b)
	for i, p := range []int64{b, a} {
		c.exec(`INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, person_id, mac_key, hash)
			VALUES ('c', $1, now(), 'patient.view', 'done', $2, $3, 'k', decode(repeat('00', 32), 'hex'))`, i+1, user, p)
	}
	count := func() int {
		t.Helper()
		e, err := c.db.Emergency(t.Context(), "glass")
		if err != nil {
			t.Fatal(err)
		}
		return e.Entries
	}
	if n := count(); n != 1 {
		t.Errorf("%d entries before", n)
	}
	gone := c.publicID(c.person("b"))
	c.merge(false)
	if n := count(); n != 2 {
		t.Errorf("%d entries, want those about both records", n)
	}
	e, err := c.db.Emergency(t.Context(), "glass")
	if err != nil || e.RecordNumber != "MRN-A" || int64(e.Person) != a {
		t.Errorf("%+v, %v", e, err)
	}
	for _, ref := range [][2]string{{"MRN-B", ""}, {"MRN-A", ""}} {
		p, err := c.db.AuditPatient(t.Context(), ref[0], ref[1])
		if err != nil || int64(p.ID) != a {
			t.Errorf("%v: %+v, %v", ref, p, err)
		}
	}
	p, err := c.db.AuditPatient(t.Context(), "", gone)
	if err != nil || int64(p.ID) != b || p.RecordNumber != "MRN-A" {
		t.Errorf("entries about the record that went: %+v, %v", p, err)
	}
}

// More rows than are in memory at once.
func TestMergeOfManyRows(t *testing.T) {
	c := newWard(t)
	var file strings.Builder
	const n = 20_100
	for i := range n {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i/2) * time.Minute) // two at each instant
		file.WriteString(obs("b", at.Format(time.RFC3339), fmt.Sprint(i), fmt.Sprintf(`"id":"o%d"`, i)))
	}
	c.load(file.String())
	m := c.merge(false)
	if m.Values != n+1 || m.Unkeyed != 0 {
		t.Errorf("%+v", m.MoveCounts)
	}
	c.checkDays()
	if r := c.load(file.String()); r.Repeated != n {
		t.Errorf("again: %s", r.Summary())
	}
	if s := c.splitMerge(m.ID); s.Values != n+1 || s.Unkeyed != 0 {
		t.Errorf("%+v", s.MoveCounts)
	}
	c.checkDays()
}

// Of two that undo the same import at once, one does it and the other is told.
func TestUndoAtOnce(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`))
	id := c.lastImport()
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = c.db.UndoImport(t.Context(), id, "tester", false) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		var undone *health.UndoneError
		switch {
		case err == nil:
			done++
		case !errors.As(err, &undone):
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d did it", done)
	}
	c.checkDays()
}

// Of two merges that would make each record a part of the other, one happens.
func TestMergeAtOnce(t *testing.T) {
	c := newWard(t)
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, pair := range [][2]string{{"MRN-A", "MRN-B"}, {"MRN-B", "MRN-A"}} {
		wg.Go(func() {
			_, errs[i] = c.db.MergePersons(t.Context(), pair[0], pair[1], health.MergeChoices{}, "tester", false)
		})
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v and %v", errs[0], errs[1])
	}
	if n := one[int](c, `SELECT count(*) FROM health.person WHERE merged_into IS NOT NULL`); n != 1 {
		t.Errorf("%d records went", n)
	}
	c.checkDays()
}
