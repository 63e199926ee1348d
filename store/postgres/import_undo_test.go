package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/app/jobs"
)

// contents are the tables that imports write, row by row, with ids and times.
func (c *clinic) contents() map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for _, table := range []string{"health.event", "health.event_identity", "health.event_day", "health.event_dirty", "health.person",
		"health.person_identifier", "health.import_identity_before", "health.import_event_before", "auth.care_team_person"} {
		all[table] = one[string](c, `SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM `+table+` t`)
	}
	return all
}

// same compares two contents; rounding of sums aside, because rows may be added up in another order.
func (c *clinic) same(before, after map[string]string, what string) {
	c.t.Helper()
	for table := range before {
		if before[table] != after[table] {
			c.t.Errorf("%s: %s differs\nbefore:\n%s\nafter:\n%s", what, table, before[table], after[table])
		}
	}
}

// checkDays compares the rollup with a count of the raw rows, sums included, and
// the external ids with the rows that they lead to.
func (c *clinic) checkDays() {
	c.t.Helper()
	c.checkRollup()
	if n := one[int](c, `
		WITH fresh AS (SELECT person_id, metric_id, local_day, code_system, code, coalesce(unit_id, 0) AS unit_id,
		    sum(value) FILTER (WHERE comparator IS NULL) AS s
		  FROM health.event WHERE superseded_at IS NULL AND status <> 'entered-in-error' GROUP BY 1, 2, 3, 4, 5, 6)
		SELECT count(*) FROM fresh FULL JOIN health.event_day d USING (person_id, metric_id, local_day, code_system, code, unit_id)
		WHERE abs(coalesce(fresh.s, 0) - coalesce(d.value_sum, 0)) > 1e-9`); n != 0 {
		c.t.Errorf("%d sums of the rollup are wrong", n)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event_identity i LEFT JOIN health.event e
		ON e.person_id = i.person_id AND e.effective_at = i.effective_at AND e.id = i.event_id
		WHERE e.id IS NULL OR e.dedupe <> i.dedupe OR e.version <> i.version OR e.source_id <> i.source_id`); n != 0 {
		c.t.Errorf("%d external ids lead nowhere or to another row", n)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event e WHERE external_id IS NOT NULL AND superseded_at IS NULL AND NOT EXISTS
		(SELECT FROM health.event_identity i WHERE i.person_id = e.person_id AND i.event_id = e.id)`); n != 0 {
		c.t.Errorf("%d current rows have no identity", n)
	}
	for _, t := range []string{"health.import_identity_before", "health.import_event_before"} {
		if n := one[int](c, `SELECT count(*) FROM `+t+` b WHERE NOT EXISTS (SELECT FROM health.event e
			WHERE e.person_id = b.person_id AND e.effective_at = b.effective_at AND e.id = b.event_id)`); n != 0 {
			c.t.Errorf("%d notes of %s lead nowhere", n, t)
		}
	}
}

func (c *clinic) lastImport() int64 {
	c.t.Helper()
	return one[int64](c, `SELECT max(id) FROM health.import`)
}

func (c *clinic) undo(id int64) health.UndoReport {
	c.t.Helper()
	r, err := c.db.UndoImport(c.t.Context(), id, "tester", false)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestUndoOfTheLastImport(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	id := `"id":"o1"`
	v1, v2 := obs("a", at, "60", id), obs("a", at, "61", id)
	gone := obs("a", at, "", id, `"status":"entered-in-error"`)
	both, other := panel("p", at, "120", "80"), panel("p", at, "121", "81")
	tests := []struct {
		name  string
		files []string // the last one is undone
		want  health.UndoCounts
		shown string
	}{
		{"the only one", []string{v1}, health.UndoCounts{Rows: 1, Days: 1, Persons: 1, Empty: 1}, ""},
		{"a repetition", []string{v1, v1}, health.UndoCounts{}, "60 v1"},
		{"a correction", []string{v1, v2}, health.UndoCounts{Rows: 1, Current: 1, Days: 1}, "60 v1"},
		{"another day", []string{v1, obs("a", "2026-03-05T10:00:00Z", "61", id)}, health.UndoCounts{Rows: 1, Current: 1, Days: 2}, "60 v1"},
		{"a retraction", []string{v1, gone}, health.UndoCounts{Rows: 1, Current: 1, Days: 1}, "60 v1"},
		{"a retraction of the second version", []string{v1, v2, gone}, health.UndoCounts{Rows: 1, Current: 1, Days: 1}, "61 v2"},
		{"several versions in one file", []string{v1, v2 + gone + v2 + obs("a", at, "62", id)}, health.UndoCounts{Rows: 3, Current: 1, Days: 1}, "60 v1"},
		{"one of a panel", []string{both, panel("p", at, "121", "80")}, health.UndoCounts{Rows: 1, Current: 1, Days: 1}, "80 v1, 120 v1"},
		{"a component left out", []string{both, panel("p", at, "121", "")}, health.UndoCounts{Rows: 1, Current: 2, Days: 2}, "80 v1, 120 v1"},
		{"a component that came back", []string{both, panel("p", at, "121", ""), panel("p", at, "122", "80")},
			health.UndoCounts{Rows: 1, Current: 1, Superseded: 1, Days: 2}, "121 v2"},
		{"an older value beside a new one", []string{both, other, panel("p", at, "122", "80")},
			health.UndoCounts{Rows: 1, Current: 2, Superseded: 1, Days: 2}, "81 v2, 121 v2"},
		{"a new component", []string{panel("p", at, "120", ""), both}, health.UndoCounts{Rows: 1, Days: 1}, "120 v1"},
		{"without id", []string{obs("a", at, "60"), obs("a", at, "61")}, health.UndoCounts{Rows: 1, Days: 1}, "60 v1"},
		{"long ago and far apart", []string{v1, obs("a", "1957-02-01T10:00:00Z", "1") + obs("a", "2019-12-31T23:59:59Z", "2")}, health.UndoCounts{Rows: 2, Days: 2}, "60 v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t)
			last := len(tt.files) - 1
			for _, f := range tt.files[:last] {
				c.load(f)
			}
			before := c.contents()
			report := c.load(tt.files[last])
			n := c.lastImport()
			loaded := c.contents()
			dry, err := c.db.UndoImport(t.Context(), n, "tester", true)
			if err != nil || dry.UndoCounts != tt.want {
				t.Errorf("dry run: %+v, %v; want %+v", dry.UndoCounts, err, tt.want)
			}
			c.same(loaded, c.contents(), "dry run")
			if got := c.undo(n).UndoCounts; got != tt.want {
				t.Errorf("took back %+v, want %+v", got, tt.want)
			}
			c.checkDays()
			after := c.contents()
			if last == 0 { // the person that it made stays
				for _, kept := range []string{"health.person", "health.person_identifier", "auth.care_team_person"} {
					if after[kept] != loaded[kept] {
						t.Errorf("%s changed", kept)
					}
					delete(before, kept)
				}
			}
			c.same(before, after, "undo")
			if got := c.shown("a"); got != tt.shown {
				t.Errorf("the table shows %q, want %q", got, tt.shown)
			}
			again := c.load(tt.files[last])
			if again.Stored != report.Stored || again.Repeated != report.Repeated || again.Corrected != report.Corrected {
				t.Errorf("imported again: %s; the first time: %s", again.Summary(), report.Summary())
			}
			c.checkDays()
		})
	}
}

func TestUndoRefusals(t *testing.T) {
	c := newClinic(t)
	const at = "2026-03-01T10:00:00Z"
	c.load(obs("a", at, "60", `"id":"x"`) + obs("a", at, "70", `"id":"y"`))
	first := c.lastImport()
	c.load(obs("a", at, "61", `"id":"x"`))
	second := c.lastImport()
	c.load(obs("a", at, "62", `"id":"x"`) + obs("a", at, "80", `"id":"z"`))
	third := c.lastImport()
	before := c.contents()
	var built *health.BuiltOnError
	_, err := c.db.UndoImport(t.Context(), first, "tester", false)
	if !errors.As(err, &built) || !slices.Equal(built.Uses, []health.ImportUse{{Import: third, Count: 1}, {Import: second, Count: 1}}) {
		t.Errorf("undo of the first: %v", err)
	}
	if _, err = c.db.UndoImport(t.Context(), second, "tester", true); !errors.As(err, &built) || len(built.Uses) != 1 || built.Uses[0].Import != third {
		t.Errorf("undo of the second: %v", err)
	}
	if _, err = c.db.UndoImport(t.Context(), 999, "tester", false); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("undo of nothing: %v", err)
	}
	c.same(before, c.contents(), "refused")
	c.undo(third)
	c.undo(second)
	var undone *health.UndoneError
	if _, err = c.db.UndoImport(t.Context(), second, "tester", false); !errors.As(err, &undone) || undone.By != "tester" || undone.At.IsZero() {
		t.Errorf("undo again: %v", err)
	}
	if got := c.shown("a"); got != "70 v1, 60 v1" {
		t.Errorf("the table shows %q", got)
	}
	c.undo(first)
	if n := one[int](c, `SELECT count(*) FROM health.event`) + one[int](c, `SELECT count(*) FROM health.event_identity`) +
		one[int](c, `SELECT count(*) FROM health.event_day`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	list, err := c.db.Imports(t.Context())
	if err != nil || len(list) != 3 || list[0].ID != third || list[0].State != health.ImportUndone || list[0].Took.Rows != 2 || list[0].Corrected != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
}

// An import whose source names the external ids of an undone one can be undone, whatever is between them.
func TestUndoInTheMiddle(t *testing.T) {
	c := newClinic(t)
	const at = "2026-03-01T10:00:00Z"
	c.load(obs("a", at, "60", `"id":"x"`))
	c.load(obs("a", at, "70", `"id":"y"`) + obs("a", at, "61", `"id":"x"`))
	middle := c.lastImport()
	c.load(obs("a", at, "80", `"id":"z"`) + obs("a", at, "70", `"id":"y"`))
	last := c.lastImport()
	if r := c.undo(middle); r.Rows != 2 || r.Current != 1 || !slices.Equal(r.Repeated, []int64{last}) {
		t.Errorf("undo %+v", r)
	}
	if got := c.shown("a"); got != "80 v1, 60 v1" {
		t.Errorf("the table shows %q", got)
	}
	c.checkDays()
}

func TestUndoOfRunningAndCutOffImports(t *testing.T) {
	c := newClinic(t)
	running, err := c.db.StartImport(t.Context(), health.ImportSettings{Format: "test", Site: mustZone(t, "UTC")})
	if err != nil {
		t.Fatal(err)
	}
	id := c.lastImport()
	state := func() health.ImportState {
		list, err := c.db.Imports(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list[0].State
	}
	if _, err := c.db.UndoImport(t.Context(), id, "tester", true); !errors.Is(err, jobs.ErrHeld) || state() != health.ImportRunning {
		t.Errorf("running: %v, %s", err, state())
	}
	if err := running.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := state(); s != health.ImportCutOff {
		t.Errorf("state %q", s)
	}
	src := &cutOff{fhir.NewReader(strings.NewReader(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`) + obs("a", "2026-03-01T11:00:00Z", "60"))), 1}
	if _, err := intake.Import(t.Context(), src, c.db, intake.Options{CreatePersons: true, Now: now, BatchSize: 1}); err == nil {
		t.Fatal("the import was not cut off")
	}
	// The connection of the cut-off import dies; until PostgreSQL has noticed, the import counts as running.
	for range 1000 {
		if state() == health.ImportCutOff {
			break
		}
	}
	before := one[int64](c, `SELECT count(*) FROM health.event`)
	if r := c.undo(c.lastImport()); r.Rows != before || r.Import.State != health.ImportCutOff {
		t.Errorf("cut off: %+v", r)
	}
	c.undo(id)
	c.checkDays()
}

// cutOff is a file that can't be read beyond its first n lines.
type cutOff struct {
	*fhir.Reader
	n int
}

func (s *cutOff) Next() (intake.Record, error) {
	if s.n--; s.n < 0 {
		return intake.Record{}, errors.New("the share is gone")
	}
	return s.Reader.Next()
}

// Imports of an older program have no journal: they can be undone where nothing else knows their observations.
func TestUndoWithoutJournal(t *testing.T) {
	c := newClinic(t)
	const at = "2026-03-01T10:00:00Z"
	c.load(obs("a", at, "60", `"id":"x"`) + obs("a", at, "70", `"id":"y"`) + obs("a", at, "61", `"id":"x"`))
	old := c.lastImport()
	c.exec(`UPDATE health.import SET journaled = false`)
	c.load(obs("a", at, "90", `"id":"w"`))
	c.undo(old)
	if got := c.shown("a"); got != "90 v1" {
		t.Errorf("the table shows %q", got)
	}
	first := c.lastImport()
	c.load(obs("a", at, "91", `"id":"w"`))
	c.exec(`UPDATE health.import SET journaled = false WHERE id = $1`, c.lastImport())
	c.exec(`DELETE FROM health.import_identity_before`)
	c.exec(`DELETE FROM health.import_event_before`)
	for _, id := range []int64{first, c.lastImport()} {
		if _, err := c.db.UndoImport(t.Context(), id, "tester", false); err == nil || !strings.Contains(err.Error(), "1 observations have versions by other imports") {
			t.Errorf("undo without a journal: %v", err)
		}
	}
	c.exec(`UPDATE health.import SET finished_at = NULL WHERE id = $1`, c.lastImport())
	if _, err := c.db.UndoImport(t.Context(), c.lastImport(), "tester", false); !errors.Is(err, jobs.ErrHeld) {
		t.Errorf("undo of one that may be running: %v", err)
	}
}

// A person's zone may become known between an import and its undo: whole days move.
func TestUndoAfterTheZoneChanged(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01", "60", `"id":"x"`))
	c.load(obs("a", "2026-03-01", "61", `"id":"x"`))
	last := c.lastImport()
	if err := c.db.SetSiteTimezone(t.Context(), mustZone(t, "Asia/Tokyo")); err != nil {
		t.Fatal(err)
	}
	c.checkDays()
	c.undo(last)
	c.checkDays()
	if got := c.shown("a"); got != "60 v1" {
		t.Errorf("the table shows %q", got)
	}
}

// randomFile is a file with observations of few ids and values, so that they meet often.
func randomFile(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		person := string("ab"[r.IntN(2)])
		at := fmt.Sprintf("2026-0%d-01T1%d:00:00Z", 1+r.IntN(3), r.IntN(2))
		id := fmt.Sprintf(`"id":"o%d"`, r.IntN(3))
		value := fmt.Sprint(60 + r.IntN(3))
		day := max(0, r.IntN(9)-3)
		switch r.IntN(6) {
		case 0:
			b.WriteString(obs(person, at, value))
		case 1:
			b.WriteString(onDay(obs(person, at, "", id, `"status":"entered-in-error"`), day))
		case 2, 3:
			parts := []string{"", "80", "81"}
			p := panel(fmt.Sprintf("p%d", r.IntN(2)), "2026-03-01T10:00:00Z", fmt.Sprint(120+r.IntN(2)), parts[r.IntN(3)])
			b.WriteString(onDay(strings.ReplaceAll(p, "Patient/a", "Patient/"+person), day))
		default:
			b.WriteString(onDay(obs(person, at, value, id), day))
		}
	}
	return b.String()
}

// Whatever was imported, the undo of the last import is the database without it.
func TestUndoIsExact(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a test's dice
			c := newClinic(t)
			c.load(obs("a", "2020-01-01T00:00:00Z", "1") + obs("b", "2020-01-01T00:00:00Z", "1"))
			var files []string
			var ids []int64
			states := []map[string]string{}
			for range 10 {
				f := randomFile(r)
				if len(files) > 0 && r.IntN(4) == 0 {
					f = files[r.IntN(len(files))]
				}
				files = append(files, f)
				states = append(states, c.contents())
				_, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(f)), c.db, intake.Options{Now: now, BatchSize: 1 + r.IntN(4)})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, c.lastImport())
				if r.IntN(3) == 0 { // taken back at once
					c.undo(c.lastImport())
					c.same(states[len(states)-1], c.contents(), "undo at once")
					states, ids = states[:len(states)-1], ids[:len(ids)-1]
				}
				c.checkDays()
			}
			for i := len(ids) - 1; i >= 0; i-- {
				c.undo(ids[i])
				c.same(states[i], c.contents(), fmt.Sprint("undo of ", i))
			}
			c.checkDays()
		})
	}
}

// In whatever order imports are taken back, those on which nothing was built leave a sound database.
func TestUndoInAnyOrder(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 11)) //nolint:gosec // a test's dice
			c := newClinic(t)
			var ids []int64
			for range 8 {
				c.load(randomFile(r))
				ids = append(ids, c.lastImport())
			}
			for len(ids) > 0 {
				undone := 0
				for _, i := range r.Perm(len(ids)) {
					var built *health.BuiltOnError
					_, err := c.db.UndoImport(t.Context(), ids[i], "tester", false)
					if errors.As(err, &built) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					undone++
					c.checkDays()
					ids = slices.Delete(ids, i, i+1)
					break
				}
				if undone == 0 {
					t.Fatal("none can be undone")
				}
			}
			if n := one[int](c, `SELECT count(*) FROM health.event`) + one[int](c, `SELECT count(*) FROM health.event_identity`); n != 0 {
				t.Errorf("%d rows are left", n)
			}
		})
	}
}
