package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/app/jobs"
)

// ward is a clinic with the records a and b, of numbers MRN-A and MRN-B.
func newWard(t *testing.T) *clinic {
	t.Helper()
	c := newClinic(t)
	c.load(obs("a", "2020-01-01T00:00:00Z", "1") + obs("b", "2020-01-02T00:00:00Z", "2"))
	for _, p := range []string{"a", "b"} {
		c.exec(`UPDATE health.person SET record_number = 'MRN-' || upper($2), birth_date = '1960-05-04', sex = 'female', family_name = 'Muster' WHERE id = $1`, int64(c.person(p)), p)
	}
	return c
}

func (c *clinic) merge(leave bool) health.MergeReport {
	c.t.Helper()
	r, err := c.db.MergePersons(c.t.Context(), "MRN-A", "MRN-B", health.MergeChoices{LeaveClashing: leave}, "tester", false)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *clinic) splitMerge(id int64) health.SplitReport {
	c.t.Helper()
	r, err := c.db.SplitMerge(c.t.Context(), id, "tester", false)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// states are the rows of everything that refers to persons, without what tells when and in which order they changed.
func (c *clinic) states() map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for _, table := range []string{"health.event", "health.event_identity", "health.event_day", "health.person", "health.person_identifier",
		"health.import_identity_before", "health.import_event_before", "auth.care_team_person", "auth.break_glass", "analytics.genomics_reports"} {
		all[table] = one[string](c, `SELECT coalesce(string_agg(r, E'\n' ORDER BY r), '') FROM
			(SELECT (to_jsonb(t) - 'updated_at' - 'changed_at' - 'change_no')::text AS r FROM `+table+` t) x`)
	}
	return all
}

func patientB(text string) string { return strings.ReplaceAll(text, "Patient/a", "Patient/b") }

func TestMergeOfEvents(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	x60, x61 := obs("a", at, "60", `"id":"x"`), obs("a", at, "61", `"id":"x"`)
	y := obs("a", at, "70", `"id":"y"`)
	both := panel("p", at, "120", "80")
	plain := obs("a", at, "50")
	tests := []struct {
		name  string
		a, b  []string // files
		want  health.MoveCounts
		shown string
	}{
		{"other days", []string{x60}, []string{y}, health.MoveCounts{Values: 2, Days: 4}, "70 v1, 60 v1, 2 v1, 1 v1"},
		{"the same without id", []string{plain}, []string{plain}, health.MoveCounts{Values: 1, Repeated: 1, Days: 2}, "50 v1, 2 v1, 1 v1"},
		{"other values without id", []string{plain}, []string{obs("a", at, "51")}, health.MoveCounts{Values: 2, Days: 4}, "51 v1, 50 v1, 2 v1, 1 v1"},
		{"the same id", []string{x60}, []string{x60}, health.MoveCounts{Values: 1, Repeated: 1, Days: 2}, "60 v1, 2 v1, 1 v1"},
		{"the same by another way", []string{x61}, []string{x60, x61}, health.MoveCounts{Values: 1, Repeated: 2, Days: 2}, "61 v1, 2 v1, 1 v1"},
		{"another content", []string{x60}, []string{x61}, health.MoveCounts{Values: 1, Clashing: 1, ClashingRows: 1, Days: 2}, "60 v1, 2 v1, 1 v1"},
		{"versions", nil, []string{x60, x61}, health.MoveCounts{Values: 3, Days: 4}, "61 v2, 2 v1, 1 v1"},
		{"a panel", nil, []string{both, panel("p", at, "121", "")}, health.MoveCounts{Values: 4, Days: 6}, "121 v2, 2 v1, 1 v1"},
		{"a panel of which one differs", []string{both}, []string{panel("p", at, "120", "81")}, health.MoveCounts{Values: 1, Clashing: 1, ClashingRows: 2, Days: 2},
			"80 v1, 120 v1, 2 v1, 1 v1"},
		{"a retraction of the same", []string{x60}, []string{obs("a", at, "", `"id":"x"`, `"status":"entered-in-error"`)},
			health.MoveCounts{Values: 1, Clashing: 1, ClashingRows: 1, Days: 2}, "60 v1, 2 v1, 1 v1"},
		{"a panel without id", nil, []string{strings.Replace(both, `"id":"p",`, "", 1)}, health.MoveCounts{Values: 3, Days: 6}, "80 v1, 120 v1, 2 v1, 1 v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newWard(t)
			for _, f := range tt.a {
				c.load(f)
			}
			for _, f := range tt.b {
				c.load(patientB(f))
			}
			before := c.states()
			dry, err := c.db.MergePersons(t.Context(), "MRN-A", "MRN-B", health.MergeChoices{LeaveClashing: true}, "tester", true)
			if err != nil || dry.MoveCounts != tt.want || dry.ID != 0 {
				t.Errorf("dry run: %+v, %v; want %+v", dry.MoveCounts, err, tt.want)
			}
			_, err = c.db.MergePersons(t.Context(), "MRN-A", "MRN-B", health.MergeChoices{}, "tester", true)
			if errors.Is(err, health.ErrClash) != (tt.want.Clashing > 0) {
				t.Errorf("clashes allowed without a word: %v", err)
			}
			c.same(before, c.states(), "dry run")
			m := c.merge(true)
			if m.MoveCounts != tt.want {
				t.Errorf("merge: %+v, want %+v", m.MoveCounts, tt.want)
			}
			c.checkDays()
			if got := c.shown("a"); got != tt.shown {
				t.Errorf("the table shows %q, want %q", got, tt.shown)
			}
			if c.person("a") != c.person("b") {
				t.Error("b's identifier leads elsewhere")
			}
			// The keys are those that an import makes, and what was left out of sight does not come back.
			for _, f := range append(tt.a, tt.b...) {
				for _, text := range []string{f, patientB(f)} {
					if r := c.load(text); r.Stored+r.Corrected != 0 {
						t.Errorf("a file again: %s", r.Summary())
					}
				}
			}
			c.splitMerge(m.ID)
			c.checkDays()
			c.same(before, c.states(), "split")
		})
	}
}

func TestMergeRefusals(t *testing.T) {
	c := newWard(t)
	merge := func(keep, gone, why string) error {
		_, err := c.db.MergePersons(t.Context(), keep, gone, health.MergeChoices{Override: why}, "tester", false)
		return err
	}
	for _, tt := range []struct{ keep, gone, want string }{
		{"MRN-A", "MRN-A", "the same record"}, {"MRN-A", "", "the record that goes: not found"}, {"MRN-X", "MRN-B", "the record to keep: not found"},
	} {
		if err := merge(tt.keep, tt.gone, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	running, err := c.db.StartImport(t.Context(), health.ImportSettings{Format: "test", Site: mustZone(t, "UTC")})
	if err != nil {
		t.Fatal(err)
	}
	if err := merge("MRN-A", "MRN-B", ""); !errors.Is(err, jobs.ErrHeld) {
		t.Errorf("while an import runs: %v", err)
	}
	if err := running.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.exec(`UPDATE health.import SET journaled = false WHERE finished_at IS NULL`)
	if err := merge("MRN-A", "MRN-B", ""); !errors.Is(err, jobs.ErrHeld) {
		t.Errorf("while an import of an older program may run: %v", err)
	}
	c.exec(`UPDATE health.import SET started_at = now() - interval '2 days' WHERE finished_at IS NULL`)
	c.exec(`UPDATE health.person SET birth_date = '1960-05-05', sex = 'male' WHERE record_number = 'MRN-B'`)
	var refused *health.MergeError
	if err := merge("MRN-A", "MRN-B", ""); !errors.As(err, &refused) || len(refused.Reasons) != 3 {
		t.Errorf("other birth date and sex: %v", err)
	}
	if err := merge("MRN-A", "MRN-B", "checked on paper"); err != nil {
		t.Fatal(err)
	}
	if why := one[string](c, `SELECT reason FROM health.person_merge`); why != "checked on paper" {
		t.Errorf("reason %q", why)
	}
	gone := one[string](c, `SELECT public_id FROM health.person WHERE merged_into IS NOT NULL`)
	if err := merge("MRN-A", gone, ""); !errors.Is(err, health.ErrMerged) {
		t.Errorf("merged again: %v", err)
	}
	if err := merge("MRN-A", "MRN-B", ""); err == nil || !strings.Contains(err.Error(), "the same record") {
		t.Errorf("the number of the record that went: %v", err)
	}
}

// Everything that refers to a person moves, and returns.
func TestMergeOfReferences(t *testing.T) {
	c := newWard(t)
	a, b := c.person("a"), c.person("b")
	user, other := c.user("u", "Team"), c.user("v", "Other team")
	c.exec(`INSERT INTO auth.care_team_person (team_id, person_id, valid_from) SELECT id, $1, '2026-01-01' FROM auth.care_team WHERE name = 'Other team'`, int64(b))
	c.exec(`UPDATE auth.care_team_person SET valid_from = '2020-01-01', valid_to = '2020-02-01' WHERE person_id = $1 AND team_id = (SELECT id FROM auth.care_team WHERE name = 'Team')`, int64(a))
	c.exec(`INSERT INTO auth.break_glass (user_id, person_id, reason, expires_at) VALUES ($1, $2, 'an emergency in the ward', now() + interval '10 minutes')`, user, int64(b))
	c.exec(`UPDATE health.person SET research_consent = record_number = 'MRN-A', given_name = CASE WHEN record_number = 'MRN-B' THEN 'Erika' ELSE '' END`)
	c.exec(`UPDATE health.person SET birth_date = NULL, family_name = '' WHERE record_number = 'MRN-A'`)
	c.addIdentifier(int64(b), "urn:lab", "L1")
	c.exec(`INSERT INTO analytics.genomics_reports (report_id, root, report_path, person_id, kind, title, format, state, size_bytes, modified_at)
		VALUES ('r1', 'r', 'a.pdf', $1, 'risk', 'R', 'pdf', 'present', 1, now())`, int64(b))
	change := one[int64](c, `SELECT max(change_no) FROM analytics.genomics_reports`)
	goneID := one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(b))
	before := c.states()

	m := c.merge(false)
	if m.PersonCounts != (health.PersonCounts{Identifiers: 2, Teams: 2, Emergencies: 1, Reports: 1}) || m.Consent || !m.KeepConsent {
		t.Errorf("counts %+v, consent %v", m.PersonCounts, m.Consent)
	}
	for _, table := range []string{"health.person_identifier", "auth.break_glass", "analytics.genomics_reports"} {
		if n := one[int](c, `SELECT count(*) FROM `+table+` WHERE person_id = $1`, int64(b)); n != 0 {
			t.Errorf("%s: %d rows refer to the record that went", table, n)
		}
	}
	if now := one[int64](c, `SELECT change_no FROM analytics.genomics_reports`); now <= change {
		t.Error("mirrors don't see that the report moved")
	}
	if got := one[string](c, `SELECT given_name || ' ' || birth_date || ' ' || research_consent FROM health.person WHERE id = $1`, int64(a)); got != "Erika 1960-05-04 false" {
		t.Errorf("the record says %q", got)
	}
	for _, u := range []int64{user, other} {
		ids, err := c.db.PersonsOf(t.Context(), u)
		if err != nil || len(ids) != 1 || ids[0] != a {
			t.Errorf("user %d sees %v, %v; want %d", u, ids, err, a)
		}
		if _, err := c.db.PersonByPublicID(t.Context(), u, goneID); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("the record that went: %v", err)
		}
	}
	found, err := c.db.FindForBreakGlass(t.Context(), other, "MRN-B", health.Day{Year: 1960, Month: 5, Dom: 4})
	if err != nil || found.ID != a {
		t.Errorf("by the old number: %+v, %v", found, err)
	}
	third := access.Team{ID: one[int64](c, `INSERT INTO auth.care_team (name) VALUES ('Third') RETURNING id`), Name: "Third"}
	if p, err := c.db.AddTeamPatient(t.Context(), 0, third, "MRN-B", access.Period{From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, now()); err != nil || p != a {
		t.Errorf("team by the old number: %v, %v", p, err)
	}
	c.exec(`DELETE FROM auth.care_team_person WHERE valid_from >= '2030-01-01'`)

	s := c.splitMerge(m.ID)
	if s.PersonCounts != m.PersonCounts || s.Since != 0 || s.From.ID != a || s.To.ID != b {
		t.Errorf("split %+v", s)
	}
	c.same(before, c.states(), "split")
	var undone *health.UndoneError
	if _, err := c.db.SplitMerge(t.Context(), m.ID, "tester", false); !errors.As(err, &undone) || undone.By != "tester" {
		t.Errorf("split again: %v", err)
	}
	if _, err := c.db.SplitMerge(t.Context(), 99, "tester", false); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("split of nothing: %v", err)
	}
}

// Memberships that share time become one that lasts as long as both.
func TestMergeOfOverlappingTeams(t *testing.T) {
	c := newWard(t)
	a, b := c.person("a"), c.person("b")
	c.exec(`UPDATE auth.care_team_person SET valid_from = '2026-03-01', valid_to = '2026-04-01' WHERE person_id = $1`, int64(a))
	c.exec(`UPDATE auth.care_team_person SET valid_from = '2026-02-01', valid_to = NULL WHERE person_id = $1`, int64(b))
	before := c.states()
	m := c.merge(false)
	if m.Teams != 1 {
		t.Errorf("counts %+v", m.PersonCounts)
	}
	if got := one[string](c, `SELECT string_agg(person_id || ' ' || valid_from::date || ' ' || coalesce((valid_to > now())::text, 'open'), ', ' ORDER BY person_id) FROM auth.care_team_person`); got != fmt.Sprintf("%d 2026-02-01 open, %d 2026-02-01 false", a, b) {
		t.Errorf("memberships %s", got)
	}
	c.splitMerge(m.ID)
	c.same(before, c.states(), "split")
}

// A record of another zone comes over with its days counted in the kept one's, and goes back with its own.
func TestMergeAcrossZones(t *testing.T) {
	for _, zones := range [][2]string{{"Asia/Tokyo", "America/New_York"}, {"", "Pacific/Auckland"}, {"Pacific/Auckland", ""}} {
		t.Run(strings.Join(zones[:], " "), func(t *testing.T) {
			c := newWard(t)
			setZone := func(person, zone string) {
				if zone == "" {
					return
				}
				if err := importPatient(c, person, zone); err != nil {
					t.Fatal(err)
				}
			}
			setZone("a", zones[0])
			setZone("b", zones[1])
			day := obs("b", "2026-03-01", "70", `"id":"d"`)
			c.load(obs("a", "2026-03-01T23:30:00Z", "60", `"id":"x"`) + day + obs("b", "2026-03-01", "71", `"id":"d"`) + obs("b", "2026-03-05T23:30:00Z", "72"))
			before := c.states()
			m := c.merge(false)
			c.checkDays()
			zone := one[string](c, `SELECT health.person_zone($1)`, int64(c.person("a")))
			if n := one[int](c, `SELECT count(*) FROM health.event WHERE NOT whole_days AND local_day <> (effective_at AT TIME ZONE $1)::date
				OR whole_days AND (effective_at AT TIME ZONE $1)::time <> '00:00'`, zone); n != 0 {
				t.Errorf("%d rows lie on another zone's day", n)
			}
			if r := c.load(day + obs("b", "2026-03-05T23:30:00Z", "72")); r.Repeated != 2 {
				t.Errorf("again: %s", r.Summary())
			}
			c.splitMerge(m.ID)
			c.checkDays()
			c.same(before, c.states(), "split")
		})
	}
}

func importPatient(c *clinic, person, zone string) error {
	line := `{"resourceType":"Patient","id":"` + person + `","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"` + zone + `"}]}` + "\n"
	_, err := intake.Import(c.t.Context(), fhir.NewReader(strings.NewReader(line)), c.db, intake.Options{Now: now})
	return err
}

// What the source goes on sending for the record that went arrives at the one that stayed.
func TestImportAfterMerge(t *testing.T) {
	c := newWard(t)
	const at = "2026-03-01T10:00:00Z"
	c.load(obs("b", at, "60", `"id":"x"`))
	m := c.merge(false)
	line := `{"resourceType":"Patient","id":"b","birthDate":"1960-05-04","gender":"female","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:mrn","value":"MRN-B"}],"name":[{"family":"Muster"}]}` + "\n"
	r := c.load(line + obs("b", at, "61", `"id":"x"`) + obs("b", at, "99", `"id":"new"`))
	if r.Refused != 0 || r.Corrected != 1 || r.Stored != 1 || r.NewPersons != 0 {
		t.Errorf("%s %v", r.Summary(), r.Problems)
	}
	if got := c.shown("a"); got != "99 v1, 61 v2, 2 v1, 1 v1" {
		t.Errorf("the table shows %q", got)
	}
	s := c.splitMerge(m.ID)
	c.checkDays()
	if s.Values != 3 || s.Since != 1 {
		t.Errorf("split %+v", s)
	}
	if got := c.shown("b"); got != "61 v2, 2 v1" {
		t.Errorf("b's table shows %q", got)
	}
	c.undo(c.lastImport())
	c.checkDays()
	if got := c.shown("b"); got != "60 v1, 2 v1" {
		t.Errorf("b's table shows %q", got)
	}
	if got := c.shown("a"); got != "1 v1" {
		t.Errorf("a's table shows %q", got)
	}
}

// A value that both records had shows as long as one of the two imports stands.
func TestUndoAfterMergeShowsWhatWasRepeated(t *testing.T) {
	for _, name := range []string{"kept", "gone"} {
		t.Run(name, func(t *testing.T) {
			c := newWard(t)
			both := obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`) + obs("a", "2026-03-01T11:00:00Z", "50")
			c.load(both)
			first := c.lastImport()
			c.load(patientB(both))
			second := c.lastImport()
			m := c.merge(false)
			undo, want := first, int64(2)
			if name == "gone" {
				undo, want = second, 0
			}
			if r := c.undo(undo); r.Surfaced != want || r.Rows != 2 {
				t.Errorf("undo %+v", r)
			}
			c.checkDays()
			if got := c.shown("a"); got != "50 v1, 60 v1, 2 v1, 1 v1" {
				t.Errorf("the table shows %q", got)
			}
			c.splitMerge(m.ID)
			c.checkDays()
			with, without := "b", "a"
			if name == "gone" {
				with, without = "a", "b"
			}
			if !strings.HasPrefix(c.shown(with), "50 v1, 60 v1, ") || strings.Contains(c.shown(without), "60") {
				t.Errorf("a %q, b %q", c.shown("a"), c.shown("b"))
			}
		})
	}
}

func TestMergeOfThree(t *testing.T) {
	c := newWard(t)
	c.load(obs("c", "2026-03-01T10:00:00Z", "60", `"id":"x"`))
	pub := func(p string) string {
		return one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(c.person(p)))
	}
	before := c.states()
	ab, err := c.db.MergePersons(t.Context(), "MRN-B", pub("c"), health.MergeChoices{}, "tester", false)
	if err != nil {
		t.Fatal(err)
	}
	between := c.states()
	last := c.merge(false)
	if got := c.shown("c"); got != "60 v1, 2 v1, 1 v1" {
		t.Errorf("the table shows %q", got)
	}
	if _, err := c.db.SplitMerge(t.Context(), ab.ID, "tester", false); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("split merge %d first", last.ID)) {
		t.Errorf("out of order: %v", err)
	}
	c.splitMerge(last.ID)
	c.same(between, c.states(), "split of the second")
	c.splitMerge(ab.ID)
	c.same(before, c.states(), "split of the first")
	c.checkDays()
}

// Rows of an external ETL have keys of their own, which they keep.
func TestMergeOfForeignRows(t *testing.T) {
	c := newWard(t)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, value, source_id, dedupe)
		SELECT $1, (SELECT min(id) FROM health.metric), '2026-03-01 10:00Z', 7, (SELECT min(id) FROM health.source), 'etl-1'::bytea`, int64(c.person("b")))
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := c.states()
	m := c.merge(false)
	if m.Unkeyed != 1 || m.Values != 2 {
		t.Errorf("%+v", m.MoveCounts)
	}
	c.checkDays()
	c.splitMerge(m.ID)
	c.same(before, c.states(), "split")
}

// Rows from before the column slot are keyed by the slots that are known of their observation.
func TestMergeOfOldRows(t *testing.T) {
	c := newWard(t)
	const at = "2026-03-01T10:00:00Z"
	file := patientB(panel("p", at, "120", "80") + panel("p", at, "121", "80") + panel("q", at, "99", "70"))
	c.load(file)
	c.exec(`UPDATE health.event SET slot = NULL`)
	if m := c.merge(false); m.Unkeyed != 0 || m.Values != 6 {
		t.Errorf("%+v", m.MoveCounts)
	}
	if r := c.load(file); r.Repeated != 6 {
		t.Errorf("again: %s", r.Summary())
	}
}

// Whatever was imported, a split of a merge is the database without either.
func TestSplitIsExact(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 13)) //nolint:gosec // a test's dice
			c := newWard(t)
			var ids []int64
			for range 6 {
				c.load(randomFile(r))
				ids = append(ids, c.lastImport())
			}
			before, raw := c.states(), c.contents()
			m := c.merge(true)
			c.checkDays()
			merged := c.states()
			c.load(randomFile(r))
			c.checkDays()
			c.undo(c.lastImport())
			c.checkDays()
			c.same(merged, c.states(), "undo after the merge")
			c.splitMerge(m.ID)
			c.checkDays()
			c.same(before, c.states(), "split")
			for _, table := range []string{"health.event", "health.event_identity", "health.event_day"} {
				if c.contents()[table] != raw[table] {
					t.Errorf("%s differs", table)
				}
			}
			m = c.merge(true)
			for i := len(ids) - 1; i >= 0; i-- {
				var built *health.BuiltOnError
				if _, err := c.db.UndoImport(t.Context(), ids[i], "tester", false); err != nil && !errors.As(err, &built) {
					t.Fatal(err)
				}
				c.checkDays()
			}
			c.splitMerge(m.ID)
			c.checkDays()
			if n := one[int](c, `SELECT count(*) FROM health.event WHERE import_id = ANY ($1)`, ids); n != 0 {
				t.Errorf("%d rows are left of imports that were undone after the merge", n)
			}
		})
	}
}

// A table that refers to persons must be known to the merge. Saved views stay with the
// record that is gone: nothing leads there, and a split gives them back. Choices, what came
// and who looked follow the rows by their triggers. Receipts of exports and entries of the
// log name whom they were made of, for good.
func TestMergeKnowsEveryReference(t *testing.T) {
	c := newClinic(t)
	got := one[string](c, `SELECT string_agg(table_schema || '.' || table_name || '.' || column_name, ' ' ORDER BY 1)
		FROM (SELECT DISTINCT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c
		  JOIN information_schema.tables t USING (table_schema, table_name)
		  WHERE c.column_name LIKE '%person\_id' AND t.table_type = 'BASE TABLE' AND c.table_name !~ '^event_(default|before|20)') x`)
	want := "analytics.genomics_reports.person_id audit.entry.person_id auth.break_glass.person_id auth.care_team_person.person_id auth.saved_view.person_id " +
		"health.data_stamp.person_id health.event.origin_person_id health.event.person_id health.event_choice.person_id health.event_day.person_id health.event_dirty.person_id health.event_identity.person_id " +
		"health.import_event_before.person_id health.import_identity_before.person_id health.person_identifier.person_id health.person_news.person_id health.person_seen.person_id health.person_source.person_id ops.export.person_id"
	if got != want {
		t.Errorf("columns that refer to persons:\n%s\nthe merge knows:\n%s", got, want)
	}
}
