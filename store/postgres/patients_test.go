package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// flagSince is the start of the days whose flags count in these tests.
func flagSince() time.Time { return now().AddDate(0, 0, -health.FlagDays) }

// listed are the record numbers of a list in its order, read page by page.
func (c *clinic) listed(user int64, f health.PatientFilter) string {
	c.t.Helper()
	f.FlagsSince = flagSince()
	var forth []string
	var last health.PatientPage
	for {
		p, err := c.db.Patients(c.t.Context(), user, f)
		if err != nil {
			c.t.Fatalf("%+v: %v", f, err)
		}
		for _, r := range p.Patients {
			forth = append(forth, r.RecordNumber)
		}
		last = p
		if !p.Next {
			break
		}
		f.After = p.Patients[len(p.Patients)-1].PublicID
	}
	if last.Total != len(forth) {
		c.t.Errorf("%+v: %d rows, the total says %d", f, len(forth), last.Total)
	}
	var back []string
	for len(last.Patients) > 0 {
		for _, r := range slices.Backward(last.Patients) {
			back = append(back, r.RecordNumber)
		}
		if !last.Previous {
			break
		}
		f.After, f.Before = "", last.Patients[0].PublicID
		var err error
		if last, err = c.db.Patients(c.t.Context(), user, f); err != nil {
			c.t.Fatal(err)
		}
	}
	slices.Reverse(back)
	if !slices.Equal(forth, back) {
		c.t.Errorf("%+v: forth %v, back %v", f, forth, back)
	}
	return strings.Join(forth, " ")
}

func TestPatientSearch(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "MRN-001", "Müller", "Änne", "1980-01-02") + patient("b", "MRN-002", "Mueller", "Jörg", "1980-01-02") +
		patient("c", "MRN-010", "MULLER", "Joerg", "1980-01-02") + patient("d", "X.1%", "O'Brien-Weiß", "Zoë", "1980-01-02") +
		patient("e", "", "van der Berg", "François", "1980-01-02") + patient("f", "R_6", "Иванова", "Анна", "1980-01-02") +
		patient("g", "7", "Łukasz", "Søren", "1980-01-02") + patient("h", "8", "王", "小明", "1980-01-02"))
	user, other := c.user("ann", "Team"), c.user("bob", "Other team")
	for text, want := range map[string]string{
		// Umlauts in each spelling, in any case: one name.
		"Müller": "MRN-002 MRN-010 MRN-001", "mueller": "MRN-002 MRN-010 MRN-001", "MULLER": "MRN-002 MRN-010 MRN-001", "mu\u0308ller": "MRN-002 MRN-010 MRN-001", "mue": "MRN-002 MRN-010 MRN-001", "mu": "MRN-002 MRN-010 MRN-001",
		// Each word begins a word of the name, in any order.
		"mull jö": "MRN-002 MRN-010", "Joerg, Muller": "MRN-002 MRN-010", "anne": "MRN-001", "ller": "", "müller anna": "",
		// Hyphens part words, apostrophes don't.
		"obrien": "X.1%", "O’Brien": "X.1%", "weiss": "X.1%", "Weiß": "X.1%", "zoe": "X.1%", "Zoë o'b": "X.1%", "berg": " ", "der van fran": " ",
		"иван": "R_6", "ИВАНОВА анна": "R_6", "lukasz": "7", "soren": "7", "Söre": "7", "王": "8", "小": "8",
		// Record numbers from their beginning, in any case; patterns are no patterns.
		"MRN-00": "MRN-002 MRN-001", "mrn-001": "MRN-001", "RN-0": "", "x.": "X.1%", "X.1%": "X.1%", "%": "", "_": "", "R_": "R_6", "R%": "", "7": "7",
		// What is no letter finds nobody.
		"-": "", "'": "", ", ,": "", `\`: "", "' OR 1=1 --": "", "nobody": "",
	} {
		got := c.listed(user, health.PatientFilter{Text: text, Size: 2})
		if strings.TrimSpace(want) != strings.TrimSpace(got) {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
		if page, err := c.db.Patients(t.Context(), other, health.PatientFilter{Text: text}); err != nil || page.Total+page.All+len(page.Patients) != 0 {
			t.Errorf("%q finds %+v for another team, %v", text, page, err)
		}
	}
	if p, err := c.db.Patients(t.Context(), user, health.PatientFilter{Text: "berg"}); err != nil || p.Total != 1 || p.All != 8 || p.Patients[0].FamilyName != "van der Berg" {
		t.Errorf("berg: %+v, %v", p, err)
	}
	// A number of a record that became part of another one is known as an identifier.
	c.exec(`INSERT INTO health.person_identifier (system, value, person_id) VALUES ($1, 'OLD-9', $2)`, health.SystemRecordNumber, int64(c.person("a")))
	if got := c.listed(user, health.PatientFilter{Text: "old-"}); got != "MRN-001" {
		t.Errorf("an old number finds %q", got)
	}
}

// The spelling of each beginning of a name is the beginning of its spelling, so that nobody is lost while somebody types.
func TestFoldedBeginnings(t *testing.T) {
	c := newClinic(t)
	for _, name := range []string{"Müller", "Mueller", "Aeaeae", "Oueen", "Bauer", "Weiß", "Œuvre", "Ångström", "O'Brien", "d’Été", "Straße æø", "Иванова", "İstanbul"} {
		whole := one[string](c, `SELECT health.fold_name($1)`, name)
		letters := []rune(name)
		for n := range letters {
			begun := one[string](c, `SELECT health.fold_name($1)`, string(letters[:n]))
			if !strings.HasPrefix(whole, begun) {
				t.Errorf("%q is spelt %q, its beginning %q is spelt %q", name, whole, string(letters[:n]), begun)
			}
		}
	}
	for name, want := range map[string]string{"Müller": "muller", "  A -- b ": "a b", "Weiß": "weiss", "Bauer": "baur", "ŒUVRE": "ouvre", "Nuñez": "nunez", "": ""} {
		if got := one[string](c, `SELECT health.fold_name($1)`, name); got != want {
			t.Errorf("%q is spelt %q, want %q", name, got, want)
		}
	}
}

// lab is a laboratory value with the laboratory's flag.
func lab(person, at, code, flag string, parts ...string) string {
	parts = append(parts, `"code":{"coding":[{"system":"http://loinc.org","code":"`+code+`"}]}`)
	if flag != "" {
		parts = append(parts, `"interpretation":[{"coding":[{"code":"`+flag+`"}]}]`)
	}
	return obs(person, at, "5", parts...)
}

func TestPatientOrders(t *testing.T) {
	c := newClinic(t)
	var file strings.Builder
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		file.WriteString(patient(id, strings.ToUpper(id), fmt.Sprintf("Name%d", i), "Same", "1980-01-02"))
	}
	file.WriteString(lab("a", "2026-03-30T10:00:00Z", "2823-3", "N") +
		lab("b", "2026-03-10T10:00:00Z", "2823-3", "H") + lab("b", "2026-03-20T10:00:00Z", "718-7", "L") + lab("b", "2026-03-21T10:00:00Z", "718-7", "L") +
		lab("c", "2026-03-05T10:00:00Z", "2823-3", "LL") + lab("c", "2026-03-29T10:00:00Z", "718-7", "A") +
		// Too old, taken back by a newer value of the same series, retracted, and in words of its own: none of them counts.
		lab("d", "2026-02-20T10:00:00Z", "2823-3", "HH") +
		lab("e", "2026-03-20T10:00:00Z", "2823-3", "HH") + lab("e", "2026-03-25T10:00:00Z", "2823-3", "") +
		lab("f", "2026-03-28T10:00:00Z", "2823-3", "HH", `"status":"entered-in-error"`) + lab("f", "2026-03-11T10:00:00Z", "2823-3", "unusual") +
		lab("g", "2026-03-31T10:00:00Z", "2823-3", "AA"))
	c.load(file.String())
	user := c.user("ann", "Team")
	for sort, want := range map[health.PatientSort]string{
		health.ByName: "A B C D E F G H", "": "A B C D E F G H", health.ByData: "G A C E B F D H", health.ByFlags: "G C B A D E F H",
	} {
		for _, size := range []int{1, 3, 50} {
			if got := c.listed(user, health.PatientFilter{Sort: sort, Size: size}); got != want {
				t.Errorf("by %q in pages of %d: %s, want %s", sort, size, got, want)
			}
		}
	}
	p, err := c.db.Patients(t.Context(), user, health.PatientFilter{FlagsSince: flagSince()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Patients {
		if r.Flags.Count > 0 {
			got = append(got, fmt.Sprintf("%s %s %s %s %d", r.RecordNumber, r.Flags.Flag, r.Flags.Metric, r.Flags.Day, r.Flags.Count))
		}
	}
	want := "B L Haemoglobin 2026-03-21 2|C LL Potassium 2026-03-05 2|G AA Potassium 2026-03-31 1"
	if s := strings.ReplaceAll(strings.Join(got, "|"), "Hemoglobin", "Haemoglobin"); s != want {
		t.Errorf("flags: %s\nwant   %s", s, want)
	}
	for name, f := range map[string]health.PatientFilter{"order": {Sort: "id; DROP"}, "both": {After: "a", Before: "b"}, "long": {Text: strings.Repeat("x", 201)}} {
		if _, err := c.db.Patients(t.Context(), user, f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, f := range map[string]health.PatientFilter{"no such cursor": {After: "x", Sort: health.ByFlags}, "no such team": {Team: "x"}} {
		if _, err := c.db.Patients(t.Context(), user, f); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// teamID is a team's public id.
func (c *clinic) teamID(name string) string {
	return one[string](c, `SELECT public_id FROM auth.care_team WHERE name = $1`, name)
}

// fresh is what the summary says of the user's teams.
func (c *clinic) fresh(user int64) string {
	c.t.Helper()
	s, err := c.db.Summary(c.t.Context(), user, now())
	if err != nil {
		c.t.Fatal(err)
	}
	var words []string
	for _, n := range s.Teams {
		words = append(words, fmt.Sprintf("%s %d=%d+%d", n.Name, n.Patients, n.Data, n.Reports))
	}
	return strings.Join(words, ", ")
}

// open is what a patient's page does, with what was in the store when it was read.
func (c *clinic) open(user int64, fhirID string, reports int64) func() {
	c.t.Helper()
	p, err := c.db.Patient(c.t.Context(), user, one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(c.person(fhirID))))
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		c.t.Helper()
		if err := c.db.Seen(c.t.Context(), user, p.ID, p.DataNo, reports); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestOpenedByNobodyYet(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "A", "A", "A", "1980-01-02") + patient("b", "B", "B", "B", "1980-01-02") + patient("n", "N", "N", "N", "1980-01-02") +
		obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "60"))
	ann, bob, eve := c.user("ann", "Team"), c.user("bob", "Team"), c.user("eve", "Ward")
	c.exec(`INSERT INTO auth.care_team_person (team_id, person_id) SELECT id, $1 FROM auth.care_team WHERE name = 'Ward'`, int64(c.person("a")))
	step := func(what, wantAnn, wantEve string) {
		t.Helper()
		if got := c.fresh(ann); got != wantAnn {
			t.Errorf("%s: ann's teams: %q, want %q", what, got, wantAnn)
		}
		if got := c.fresh(eve); got != wantEve {
			t.Errorf("%s: eve's teams: %q, want %q", what, got, wantEve)
		}
	}
	step("at first", "Team 2=2+0", "Ward 1=1+0")
	c.open(bob, "a", 0)()
	step("a colleague opened a", "Team 1=1+0", "Ward 1=1+0")
	seen := c.open(ann, "b", 0)
	c.load(obs("b", "2026-03-02T10:00:00Z", "61"))
	seen()
	step("data came while b was being read", "Team 1=1+0", "Ward 1=1+0")
	c.open(ann, "b", 0)()
	seen()
	step("b opened again, and the slow page at last", "", "Ward 1=1+0")
	c.load(obs("b", "2026-03-02T10:00:00Z", "61"))
	step("a repetition is no news", "", "Ward 1=1+0")
	c.load(obs("a", "2026-03-05T10:00:00Z", "60", `"id":"x"`))
	c.open(ann, "a", 0)()
	c.load(obs("a", "2026-03-05T10:00:00Z", "66", `"id":"x"`))
	step("a correction is", "Team 1=1+0", "Ward 1=1+0")
	if got := c.listed(ann, health.PatientFilter{Team: c.teamID("Team")}); got != "A" {
		t.Errorf("the team's news: %s", got)
	}
	c.exec(`INSERT INTO analytics.genomics_reports (report_id, root, report_path, person_id, kind, title, format, state, size_bytes, modified_at)
		VALUES ('r1', 'r', 'n.pdf', $1, 'pgx', 'T', 'pdf', 'present', 1, now()), ('r2', 'r', 'b.pdf', $2, 'pgx', 'T', 'pdf', 'gone', 1, now())`,
		int64(c.person("n")), int64(c.person("b")))
	step("a report", "Team 2=1+1", "Ward 1=1+0")
	c.open(ann, "n", one[int64](c, `SELECT change_no - 1 FROM analytics.genomics_reports WHERE report_id = 'r1'`))()
	step("the mirror was behind", "Team 2=1+1", "Ward 1=1+0")
	c.open(ann, "n", one[int64](c, `SELECT change_no FROM analytics.genomics_reports WHERE report_id = 'r1'`))()
	step("the report was shown", "Team 1=1+0", "Ward 1=1+0")
	if _, err := c.db.Patients(t.Context(), eve, health.PatientFilter{Team: c.teamID("Team")}); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("another team's news: %v", err)
	}
	if err := c.db.Seen(t.Context(), eve, c.person("b"), 99, 99); err != nil {
		t.Fatal(err)
	}
	if n := one[int](c, `SELECT count(*) FROM health.person_seen WHERE data_no = 99`); n != 0 {
		t.Error("somebody outside the team counts as having seen a patient")
	}
	c.exec(`UPDATE auth.care_team_user SET valid_to = now() WHERE user_id = $1`, ann)
	step("ann left", "", "Ward 1=1+0")
	if _, err := c.db.Patients(t.Context(), ann, health.PatientFilter{Team: c.teamID("Team")}); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a former team's news: %v", err)
	}
}

// A page's cursor may be a patient who was opened meanwhile and is no news any more.
func TestNewsPagesGoOnFromAnOpenedPatient(t *testing.T) {
	c := newClinic(t)
	var file strings.Builder
	for _, id := range []string{"a", "b", "c"} {
		file.WriteString(patient(id, strings.ToUpper(id), id, id, "1980-01-02") + obs(id, "2026-03-01T10:00:00Z", "60"))
	}
	c.load(file.String())
	user := c.user("ann", "Team")
	f := health.PatientFilter{Team: c.teamID("Team"), Size: 1}
	first, err := c.db.Patients(t.Context(), user, f)
	if err != nil || len(first.Patients) != 1 || !first.Patients[0].New {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	c.open(user, "a", 0)()
	f.After = first.Patients[0].PublicID
	next, err := c.db.Patients(t.Context(), user, f)
	if err != nil || len(next.Patients) != 1 || next.Patients[0].RecordNumber != "B" || next.Total != 2 || !next.Next {
		t.Errorf("next page: %+v, %v", next, err)
	}
}

// sources is what the summary says of sources.
func (c *clinic) sources(user int64, at time.Time) string {
	c.t.Helper()
	s, err := c.db.Summary(c.t.Context(), user, at)
	if err != nil {
		c.t.Fatal(err)
	}
	var words []string
	for _, f := range s.Sources {
		words = append(words, fmt.Sprintf("%s %s %d", f.Name, f.LastDay, f.Week))
	}
	if len(words) != s.SourceCount {
		c.t.Errorf("%d sources, the count says %d", len(words), s.SourceCount)
	}
	return strings.Join(words, "|")
}

func TestSourceFreshness(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "A", "A", "A", "1980-01-02") + patient("b", "B", "B", "B", "1980-01-02"))
	ann, eve := c.user("ann", "Team"), c.user("eve", "Ward")
	c.exec(`INSERT INTO health.source (name) VALUES ('lab'), ('Simon''s iPhone')`)
	add := func(person, source, arrived string, rows int) {
		t.Helper()
		c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe, ingested_at)
			SELECT $1::bigint, (SELECT id FROM health.metric WHERE code = 'heart_rate'), $3::timestamptz - n * interval '1 minute', ($3::timestamptz)::date, 60,
			  (SELECT id FROM health.source WHERE name = $2), decode(md5($1::bigint::text || $2::text || $3::timestamptz::text || n::text), 'hex'), $3::timestamptz
			FROM generate_series(1, $4) n`, int64(c.person(person)), source, arrived, rows)
	}
	add("a", "lab", "2026-03-20T12:00:00Z", 3)
	add("a", "lab", "2026-03-26T12:00:00Z", 5)
	add("b", "lab", "2026-04-01T00:30:00Z", 2)
	add("b", "Simon's iPhone", "2026-01-10T12:00:00Z", 7)
	want := "lab 2026-04-01 7|Simon's iPhone 2026-01-10 0"
	if got := c.sources(ann, now()); got != want {
		t.Errorf("sources: %s, want %s", got, want)
	}
	if got := c.sources(eve, now()); got != "" {
		t.Errorf("another team's sources: %s", got)
	}
	c.exec(`INSERT INTO auth.break_glass (user_id, person_id, reason, started_at, expires_at) VALUES ($1, $2, 'an emergency indeed', now(), now() + interval '1 hour')`, eve, int64(c.person("b")))
	if got := c.sources(eve, now()); got != "" {
		t.Errorf("sources of an emergency: %s", got)
	}
	c.exec(`DELETE FROM health.event WHERE ingested_at = '2026-04-01T00:30:00Z'`)
	if got := c.sources(ann, now()); got != "lab 2026-03-26 5|Simon's iPhone 2026-01-10 0" {
		t.Errorf("after an undo: %s", got)
	}
	c.exec(`UPDATE health.event SET superseded_at = now() WHERE ingested_at = '2026-03-26T12:00:00Z'`)
	c.exec(`UPDATE health.event SET person_id = $1 WHERE ingested_at = '2026-01-10T12:00:00Z'`, int64(c.person("a")))
	if got := c.sources(ann, now()); got != "lab 2026-03-26 5|Simon's iPhone 2026-01-10 0" {
		t.Errorf("after a correction and a merge: %s", got)
	}
	add("a", "Simon's iPhone", "2026-04-01T12:00:00Z", 1)
	if n := one[int](c, `SELECT count(*) FROM health.person_source s JOIN health.source o ON o.id = s.source_id WHERE o.name <> 'lab' AND n > 0`); n != 2 {
		t.Errorf("%d days of the source are kept, want the new one and the one before", n)
	}
	add("a", "Simon's iPhone", "2026-06-01T12:00:00Z", 1)
	if got := one[string](c, `SELECT string_agg(s.day::text, ' ' ORDER BY s.day) FROM health.person_source s JOIN health.source o ON o.id = s.source_id WHERE o.name <> 'lab' AND n > 0`); got != "2026-04-01 2026-06-01" {
		t.Errorf("days kept: %s", got)
	}
}

func TestSparks(t *testing.T) {
	c := newClinic(t)
	var file strings.Builder
	file.WriteString(patient("a", "A", "A", "A", "1980-01-02"))
	for i := range 40 {
		at := now().AddDate(0, 0, -2*i).Format(time.RFC3339)
		file.WriteString(obs("a", at, fmt.Sprint(100+i)))
	}
	file.WriteString(obs("a", now().Add(-time.Minute).Format(time.RFC3339), "50"))
	c.load(file.String())
	check := func(what string) {
		t.Helper()
		list, err := c.db.Sparks(t.Context(), access.One(c.person("a")), c.person("a"))
		if err != nil || len(list) != 1 || len(list[0].Points) != health.SparkPoints {
			t.Fatalf("%s: %+v, %v", what, list, err)
		}
		s, last := list[0], list[0].Points[health.SparkPoints-1]
		if s.Metric.Code != "heart_rate" || s.Unit != "/min" || s.Points[0].Day != health.DayOf(now()).AddDays(-58) || last.Day != health.DayOf(now()) ||
			last.N != 2 || last.Min != 50 || last.Max != 100 || last.Mean != 75 {
			t.Errorf("%s: %+v from %s, last %+v", what, s.Metric.Code, s.Points[0].Day, last)
		}
	}
	check("from the rollup")
	c.exec(`UPDATE health.event SET status = status`)
	if one[int](c, `SELECT count(*) FROM health.event_dirty`) == 0 {
		t.Fatal("nothing waits for a rebuild")
	}
	check("counted live")
	if list, err := c.db.Sparks(t.Context(), access.One(999), c.person("a")); err != nil || len(list) != 0 {
		t.Errorf("outside the scope: %+v, %v", list, err)
	}
}

// What pages may not read of others, they can't read by these tables either.
func TestNewTablesAreUnderRowSecurity(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "A", "A", "A", "1980-01-02") + obs("a", "2026-03-01T10:00:00Z", "60"))
	c.open(c.user("ann", "Team"), "a", 1)()
	app := connect(t, c.dsn)
	exec(t, app, `SET ROLE hp_app`)
	for _, table := range []string{"health.person_news", "health.person_seen", "health.person_source"} {
		if n := one[int](c, `SELECT count(*) FROM `+table); n != 1 {
			t.Errorf("%s has %d rows", table, n)
		}
		if n := scan[int](t, app, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%s shows %d rows without a scope", table, n)
		}
		for _, sql := range []string{`DELETE FROM `, `INSERT INTO `} {
			if sql == `INSERT INTO ` {
				table += ` DEFAULT VALUES`
			}
			if _, err := app.Exec(t.Context(), sql+table); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s%s: %v", sql, table, err)
			}
		}
	}
}
