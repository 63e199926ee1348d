package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// onDay says that the source changed the Observation on that day of March 2026; 0: it does not say.
func onDay(line string, day int) string {
	if day == 0 {
		return line
	}
	return strings.Replace(line, `"resourceType":"Observation"`, fmt.Sprintf(`"resourceType":"Observation","meta":{"lastUpdated":"2026-03-%02dT06:00:00.123+01:00"}`, day), 1)
}

// orderCase is a list of files and what stands in the table after them.
type orderCase struct {
	name  string
	files []string
	// last are the counts of the last file: stored, repeated, corrected, outdated.
	last  [4]int
	shown string
	// superseded are the rows that do not count.
	superseded int
}

func orderCases() []orderCase {
	const at = "2026-03-01T10:00:00Z"
	id := `"id":"o1"`
	a := func(day int) string { return onDay(obs("a", at, "60", id), day) }
	b := func(day int) string { return onDay(obs("a", at, "61", id), day) }
	x := func(day int) string { return onDay(obs("a", at, "62", id), day) }
	gone := func(day int) string { return onDay(obs("a", at, "", id, `"status":"entered-in-error"`), day) }
	p := func(day int, systolic, diastolic string) string {
		return onDay(panel("p", at, systolic, diastolic), day)
	}
	return []orderCase{
		{"A, B and A again", []string{a(1), b(2), a(3)}, [4]int{0, 0, 1, 0}, "60 v3", 1},
		{"A, B and A again in one file", []string{a(1) + b(2) + a(3)}, [4]int{1, 0, 2, 0}, "60 v3", 1},
		{"A, B, and the file of A again", []string{a(1), b(2), a(1)}, [4]int{0, 1, 0, 0}, "61 v2", 1},
		{"nobody says when: B stays", []string{a(0), b(0), a(0)}, [4]int{0, 1, 0, 0}, "61 v2", 1},
		{"last month's after this month's", []string{b(2), a(1)}, [4]int{0, 0, 0, 1}, "61 v2", 1},
		{"both in one file, the older one last", []string{b(2) + a(1)}, [4]int{1, 0, 0, 1}, "61 v2", 1},
		{"last month's after this month's, twice", []string{b(2), a(1), a(1)}, [4]int{0, 1, 0, 0}, "61 v2", 1},
		{"an older one becomes the latest", []string{b(2), a(1), a(3)}, [4]int{0, 0, 1, 0}, "60 v3", 1},
		{"one between two", []string{a(1), x(3), b(2)}, [4]int{0, 0, 0, 1}, "62 v3", 2},
		{"two that are older", []string{x(3), a(1), b(2)}, [4]int{0, 0, 0, 1}, "62 v3", 2},
		{"the same later, then one from between", []string{a(1), a(3), b(2)}, [4]int{0, 0, 0, 1}, "60 v2", 1},
		{"the same later within a file, then one from between", []string{a(1) + a(3) + b(2)}, [4]int{1, 1, 0, 1}, "60 v2", 1},
		{"at the same time: the last one counts", []string{a(1), b(1)}, [4]int{0, 0, 1, 0}, "61 v2", 1},
		{"at the same time, and the first again", []string{a(1), b(1), a(1)}, [4]int{0, 1, 0, 0}, "61 v2", 1},
		{"only the new one says when", []string{a(0), b(1)}, [4]int{0, 0, 1, 0}, "61 v2", 1},
		{"only the old one says when", []string{a(5), b(0)}, [4]int{0, 0, 1, 0}, "61 v2", 1},
		{"older than one that a silent one replaced", []string{a(5), b(0), x(4)}, [4]int{0, 0, 0, 1}, "61 v3", 2},
		{"later than one that a silent one replaced", []string{a(5), b(0), a(6)}, [4]int{0, 0, 1, 0}, "60 v3", 1},
		{"told at last, then an older one", []string{a(0), a(2), b(1)}, [4]int{0, 0, 0, 1}, "60 v2", 1},
		{"an older version that is told at last teaches nothing", []string{a(0), b(0), a(2), x(1)}, [4]int{0, 0, 1, 0}, "62 v3", 2},
		{"a retraction", []string{a(1), gone(2)}, [4]int{0, 0, 1, 0}, "", 1},
		{"a retraction older than the value", []string{b(2), gone(1)}, [4]int{0, 0, 0, 1}, "61 v2", 1},
		{"a value older than the retraction", []string{a(1), gone(3), b(2)}, [4]int{0, 0, 0, 1}, "", 2},
		{"a retraction taken back", []string{a(1), gone(2), a(3)}, [4]int{0, 0, 1, 0}, "60 v3", 1},
		{"a panel set back", []string{p(1, "120", "80"), p(2, "121", "80"), p(3, "120", "80")}, [4]int{0, 1, 1, 0}, "80 v1, 120 v3", 1},
		{"a panel that is older", []string{p(2, "121", "80"), p(1, "120", "80")}, [4]int{0, 1, 0, 1}, "80 v1, 121 v2", 1},
		{"a component left out", []string{p(1, "120", "80"), p(2, "120", "")}, [4]int{0, 1, 0, 0}, "120 v1", 1},
		{"a component left out, and back", []string{p(1, "120", "80"), p(2, "120", ""), p(3, "120", "80")}, [4]int{0, 1, 1, 0}, "80 v1, 120 v1", 0},
		{"an older component that is new here", []string{p(2, "120", ""), p(1, "120", "80")}, [4]int{0, 1, 0, 1}, "120 v1", 1},
		{"an older component becomes the latest", []string{p(2, "120", ""), p(1, "120", "80"), p(3, "120", "80")}, [4]int{0, 1, 1, 0}, "80 v1, 120 v1", 0},
		{"an older component with another value", []string{p(2, "120", ""), p(1, "120", "80"), p(3, "120", "81")}, [4]int{0, 1, 1, 0}, "81 v2, 120 v1", 1},
		{"a panel retracted and back", []string{p(1, "120", "80"), onDay(obs("a", at, "", `"id":"p"`, `"status":"entered-in-error"`), 2), p(3, "120", "80")},
			[4]int{0, 0, 2, 0}, "80 v1, 120 v1", 1},
		{"a panel's old retraction", []string{p(2, "120", "80"), onDay(obs("a", at, "", `"id":"p"`, `"status":"entered-in-error"`), 1)}, [4]int{0, 0, 0, 1}, "80 v1, 120 v1", 1},
		{"another time of measuring, older", []string{b(2), onDay(obs("a", "2026-03-05T10:00:00Z", "61", id), 1)}, [4]int{0, 0, 0, 1}, "61 v2", 1},
		{"no id, no versions", []string{onDay(obs("a", at, "60"), 2), onDay(obs("a", at, "61"), 1)}, [4]int{1, 0, 0, 0}, "61 v1, 60 v1", 0},
	}
}

// The source's own clock decides which version counts; where it is silent, the order of arrival does.
func TestVersionsByTheSourcesClock(t *testing.T) {
	c := newClinic(t)
	for i, tt := range orderCases() {
		t.Run(tt.name, func(t *testing.T) {
			for k, f := range tt.files {
				tt.files[k] = strings.ReplaceAll(f, "Patient/a", fmt.Sprintf("Patient/a%d", i))
			}
			c.load(obs(fmt.Sprintf("a%d", i), "2020-01-01T10:00:00Z", "", `"id":"other"`, `"status":"entered-in-error"`)) // the person is known
			var before map[string]string
			var r intake.Report
			for _, f := range tt.files {
				before = c.contents()
				r = c.load(f)
			}
			if got := [4]int{r.Stored, r.Repeated, r.Corrected, r.Outdated}; got != tt.last || r.Refused != 0 || r.Read != got[0]+got[1]+got[2]+got[3] {
				t.Errorf("%s; want stored, repeated, corrected, outdated %v", r.Summary(), tt.last)
			}
			c.check(tt, fmt.Sprintf("a%d", i))
			kept := c.contents()
			again := c.load(tt.files[len(tt.files)-1])
			if again.Stored+again.Corrected+again.Outdated != 0 {
				t.Errorf("the last file again: %s", again.Summary())
			}
			c.same(kept, c.contents(), "the last file again")
			c.undo(c.lastImport())
			c.undo(c.lastImport() - 1)
			c.same(before, c.contents(), "undo of the last file")
			c.checkDays()
		})
	}
}

func (c *clinic) check(tt orderCase, person string) {
	c.t.Helper()
	if got := c.shown(person); got != tt.shown {
		c.t.Errorf("the table shows %q, want %q", got, tt.shown)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event WHERE superseded_at IS NOT NULL AND person_id = $1`, int64(c.person(person))); n != tt.superseded {
		c.t.Errorf("%d rows are superseded, want %d", n, tt.superseded)
	}
	if n := one[int](c, `SELECT count(*) FROM (SELECT FROM health.event_identity GROUP BY person_id, source_id, ext HAVING count(DISTINCT coalesce(updated, '-infinity')) > 1) x`); n != 0 {
		c.t.Errorf("%d external ids are of two times", n)
	}
	c.checkDays()
}

// The order in which files arrive does not matter where each says when it was changed.
func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	files := []string{
		onDay(obs("a", at, "60", `"id":"o1"`), 1) + onDay(panel("p", at, "120", "80"), 1),
		onDay(obs("a", at, "61", `"id":"o1"`), 2) + onDay(panel("p", at, "121", ""), 2),
		onDay(obs("a", at, "60", `"id":"o1"`), 3) + onDay(panel("p", at, "121", "82"), 3),
		onDay(obs("a", at, "", `"id":"o1"`, `"status":"entered-in-error"`), 4) + onDay(panel("p", at, "120", "82"), 4),
		onDay(obs("a", at, "63", `"id":"o1"`), 5) + onDay(panel("p", at, "123", "82"), 5),
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newClinic(t)
			for _, i := range rand.New(rand.NewPCG(seed, 3)).Perm(len(files)) { //nolint:gosec // a test's dice
				c.load(files[i])
				c.checkDays()
			}
			got := one[string](c, `SELECT string_agg(value::text, ', ' ORDER BY value) FROM health.event WHERE superseded_at IS NULL`)
			if got != "63, 82, 123" {
				t.Errorf("the table shows %s", got)
			}
		})
	}
}

// A time that can't be true orders nothing, and the report says so.
func TestTimesOfChangeThatOrderNothing(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	line := func(value, updated string) string {
		return strings.Replace(obs("a", at, value, `"id":"o1"`), `"resourceType":"Observation"`, `"resourceType":"Observation","meta":{"lastUpdated":"`+updated+`"}`, 1)
	}
	for _, updated := range []string{"2026-04-03T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "yesterday", "2026-03-01"} {
		t.Run(updated, func(t *testing.T) {
			c := newClinic(t)
			r := c.load(line("60", updated))
			if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "1 records give a time of their last change") {
				t.Errorf("notes %q", r.Notes)
			}
			if one[bool](c, `SELECT updated IS NOT NULL FROM health.event_identity`) {
				t.Error("the time was kept")
			}
			if r = c.load(line("61", "2026-03-02T00:00:00Z")); r.Corrected != 1 || len(r.Notes) != 0 || c.shown("a") != "61 v2" {
				t.Errorf("then %s, notes %q; the table shows %s", r.Summary(), r.Notes, c.shown("a"))
			}
		})
	}
}

// What is finer than a microsecond is cut off: later never becomes earlier.
func TestTimesOfChangeKeepMicroseconds(t *testing.T) {
	c := newClinic(t)
	line := func(value, updated string) string {
		return strings.Replace(obs("a", "2026-03-01T10:00:00Z", value, `"id":"o1"`), `"resourceType":"Observation"`, `"resourceType":"Observation","meta":{"lastUpdated":"`+updated+`"}`, 1)
	}
	c.load(line("60", "2026-03-02T00:00:00.9999999Z"))
	if got := one[string](c, `SELECT (updated AT TIME ZONE 'UTC')::text FROM health.event_identity`); got != "2026-03-02 00:00:00.999999" {
		t.Errorf("kept %s", got)
	}
	if r := c.load(line("61", "2026-03-02T00:00:00.99999Z")); r.Outdated != 1 {
		t.Errorf("a little earlier: %s", r.Summary())
	}
	if r := c.load(line("62", "2026-03-02T00:00:01Z")); r.Corrected != 1 || c.shown("a") != "62 v3" {
		t.Errorf("a little later: %s; the table shows %s", r.Summary(), c.shown("a"))
	}
}

// The history of a value says of a version that came too late that it never counted.
func TestHistoryOfOutdatedVersions(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	c := newClinic(t)
	line := func(value string, day int) string { return onDay(obs("a", at, value, `"id":"o1"`), day) }
	for _, f := range []string{line("60", 2), line("61", 3), line("59", 1), line("60", 4), onDay(obs("a", at, "", `"id":"o1"`, `"status":"entered-in-error"`), 1)} {
		c.load(f)
	}
	person := c.person("a")
	e := c.page(health.EventFilter{Person: person, Size: 5}).Events[0]
	list, err := c.db.EventVersions(t.Context(), access.One(person), person, health.Cursor{At: e.EffectiveAt, ID: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range list {
		got = append(got, fmt.Sprintf("%v %s %t %t", v.Value, v.Status, v.InForce(), v.Outdated()))
	}
	slices.Sort(got[1:])
	want := []string{"60 final true false", "0 entered-in-error false true", "59 final false true", "61 final false false"}
	if !slices.Equal(got, want) {
		t.Errorf("versions %q, want %q", got, want)
	}
}

// An import that was cut off and is run again leaves what one run leaves, also where
// versions come in another order than the source made them.
func TestInterruptedImportKeepsTheOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4)) //nolint:gosec // a test's dice
	var file strings.Builder
	for range 60 {
		file.WriteString(randomFile(r))
	}
	source := func() intake.Source { return fhir.NewReader(strings.NewReader(file.String())) }
	options := intake.Options{CreatePersons: true, Now: now, BatchSize: 15}
	whole := newClinic(t)
	once, err := intake.Import(t.Context(), source(), whole.db, options)
	if err != nil || once.Corrected == 0 || once.Outdated == 0 {
		t.Fatalf("%s, %v", once.Summary(), err)
	}
	for _, after := range []int{1, 4, 9} {
		c := newClinic(t)
		ctx, cancel := context.WithCancel(t.Context())
		batches, stopping := 0, options
		stopping.Progress = func(intake.Report) {
			if batches++; batches == after {
				cancel()
			}
		}
		_, err := intake.Import(ctx, source(), c.db, stopping)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d batches: %v", after, err)
		}
		if _, err := intake.Import(t.Context(), source(), c.db, options); err != nil {
			t.Fatal(err)
		}
		if c.content() != whole.content() {
			t.Errorf("stopped after %d batches, the database differs from that of one run\n%s\n%s", after, c.content(), whole.content())
		}
		c.checkDays()
	}
}

// What the source said of the time moves with an observation, and back.
func TestMergeKeepsTheSourcesClock(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	line := func(person, value string, day int) string { return onDay(obs(person, at, value, `"id":"x"`), day) }
	c := newWard(t)
	c.load(line("b", "62", 3))
	r := c.merge(false)
	if r := c.load(line("b", "61", 2)); r.Outdated != 1 || c.shown("a") != "62 v2, 2 v1, 1 v1" {
		t.Errorf("an older one after the merge: %s; the table shows %s", r.Summary(), c.shown("a"))
	}
	c.splitMerge(r.ID)
	if r := c.load(line("b", "60", 1)); r.Outdated != 1 || c.shown("b") != "62 v3, 2 v1" {
		t.Errorf("an older one after the split: %s; the table shows %s", r.Summary(), c.shown("b"))
	}
	if r := c.load(line("b", "61", 4)); r.Corrected != 1 || c.shown("b") != "61 v4, 2 v1" {
		t.Errorf("a later one after the split: %s; the table shows %s", r.Summary(), c.shown("b"))
	}
	c.checkDays()
}

// Content that the other record had does not come back by its old file, but does
// where its source went back to it.
func TestSourceGoesBackToWhatAMergedRecordHad(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	line := func(person, value string, day int) string { return onDay(obs(person, at, value, `"id":"x"`), day) }
	c := newWard(t)
	c.load(line("a", "61", 2) + line("b", "60", 1))
	c.merge(true)
	if r := c.load(line("b", "60", 1)); r.Repeated != 1 || c.shown("a") != "61 v1, 2 v1, 1 v1" {
		t.Errorf("its file again: %s; the table shows %s", r.Summary(), c.shown("a"))
	}
	before := c.contents()
	if r := c.load(line("b", "60", 3)); r.Corrected != 1 || c.shown("a") != "60 v2, 2 v1, 1 v1" {
		t.Errorf("a later word: %s; the table shows %s", r.Summary(), c.shown("a"))
	}
	c.checkDays()
	c.undo(c.lastImport())
	c.same(before, c.contents(), "undo")
}

// An import that brought nothing but a later word about what was known is one that
// builds on it, and its undo forgets that word alone.
func TestUndoOfALaterWord(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	line := func(value string, day int) string { return onDay(obs("a", at, value, `"id":"x"`), day) }
	c := newClinic(t)
	c.load(line("60", 1))
	first := c.lastImport()
	c.load(line("60", 3))
	second := c.lastImport()
	var built *health.BuiltOnError
	if _, err := c.db.UndoImport(t.Context(), first, "tester", true); !errors.As(err, &built) || len(built.Uses) != 1 || built.Uses[0].Import != second {
		t.Errorf("undo of the first: %v", err)
	}
	if r := c.undo(second); r.UndoCounts != (health.UndoCounts{}) {
		t.Errorf("undo of the second: %+v", r.UndoCounts)
	}
	if r := c.load(line("61", 2)); r.Corrected != 1 || c.shown("a") != "61 v2" {
		t.Errorf("then %s; the table shows %s", r.Summary(), c.shown("a"))
	}
}
