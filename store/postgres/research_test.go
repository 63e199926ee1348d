package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
	"healthportal/app/research"
)

// studied is a clinic with a consenting person a, full of canaries, and b without consent.
func studied(t *testing.T) *clinic {
	t.Helper()
	c := newClinic(t)
	device, id := `"device":{"display":"Canary's iPhone"}`, 0
	line := func(person, at, value string, parts ...string) string {
		id++
		return obs(person, at, value, append(parts, fmt.Sprintf(`"id":"canary-%s-%d"`, person, id))...)
	}
	code := func(system, code, name string) string {
		return `"code":{"coding":[{"system":"` + system + `","code":"` + code + `","display":"` + name + `"}]}`
	}
	c.load(patient("a", "CANARY-77", "Canary", "Carl", "1971-07-17", `"gender":"male"`) +
		patient("b", "R2", "Other", "Olga", "1980-01-02", `"gender":"female"`) +
		line("a", "2026-03-01T10:00:00Z", "60", device) + line("a", "2026-03-01T10:00:00Z", "61") + line("a", "2026-03-02T23:30:00Z", "62") +
		line("a", "2026-03-03T10:00:00Z", "63", `"status":"entered-in-error"`) +
		line("a", "2026-03-04T10:00:00Z", "", `"valueString":"canary text"`) +
		line("a", "2026-03-05T10:00:00Z", "64", code("http://canary", "canary-code", "Canary metric")) +
		line("b", "2026-03-06T10:00:00Z", "65"))
	a := c.person("a")
	c.exec(`UPDATE health.person SET research_consent = true, timezone = 'Europe/Berlin' WHERE id = $1`, a)
	// What an ETL may write: a unit, a flag, a status and a code that nobody knows.
	c.exec(`INSERT INTO health.unit (ucum) VALUES ('canary unit')`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, unit_id, source_id, dedupe)
		SELECT $1, metric_id, '2026-03-07 10:00Z', '2026-03-07', 66, (SELECT id FROM health.unit WHERE ucum = 'canary unit'), source_id, '\x01'
		FROM health.event WHERE person_id = $1 AND value = 60`, a)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe, flag, status, comparator)
		SELECT $1, metric_id, '2026-03-08 10:00Z', '2026-03-08', 67, source_id, '\x02', 'canary flag', 'canary status', '<'
		FROM health.event WHERE person_id = $1 AND value = 60`, a)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe, code_system, code)
		SELECT $1, metric_id, '2026-03-09 10:00Z', '2026-03-09', 68, source_id, '\x03', 'http://canary', 'canary-2'
		FROM health.event WHERE person_id = $1 AND value = 60`, a)
	c.exec(`UPDATE health.event SET flag = 'HH', superseded_at = CASE WHEN value = 61 THEN now() END WHERE person_id = $1 AND value IN (61, 62)`, a)
	return c
}

func TestResearchPersons(t *testing.T) {
	c := studied(t)
	all, err := c.db.ResearchPersons(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != c.person("a") || all[0].Sex != health.Male || !all[0].HasAge || all[0].Age != time.Now().UTC().Year()-1971 {
		t.Fatalf("%+v, %v", all, err)
	}
	if one, err := c.db.ResearchPerson(t.Context(), all[0].ID); err != nil || one != all[0] {
		t.Errorf("%+v, %v", one, err)
	}
	for _, id := range []health.PersonID{c.person("b"), 0, -1, 1 << 60} {
		if p, err := c.db.ResearchPerson(t.Context(), id); !errors.Is(err, health.ErrNotFound) || p.ID != 0 {
			t.Errorf("person %d: %+v, %v", id, p, err)
		}
	}
	for born, want := range map[string]int{"1900-01-01": 90, fmt.Sprint(time.Now().UTC().Year()-90) + "-12-31": 90, fmt.Sprint(time.Now().UTC().Year()-89) + "-01-01": 89,
		fmt.Sprint(time.Now().UTC().Year()+1) + "-01-01": 0} {
		c.exec(`UPDATE health.person SET birth_date = $1::date WHERE id = $2`, born, all[0].ID)
		if p, err := c.db.ResearchPerson(t.Context(), all[0].ID); err != nil || p.Age != want || !p.HasAge {
			t.Errorf("born %s: %+v, %v", born, p, err)
		}
	}
	c.exec(`UPDATE health.person SET birth_date = NULL WHERE id = $1`, all[0].ID)
	if p, err := c.db.ResearchPerson(t.Context(), all[0].ID); err != nil || p.HasAge {
		t.Errorf("no birth date: %+v, %v", p, err)
	}
	c.exec(`UPDATE health.person SET research_consent = false`)
	if all, err := c.db.ResearchPersons(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("consent withdrawn: %+v, %v", all, err)
	}
}

func TestResearchRows(t *testing.T) {
	c := studied(t)
	a := c.person("a")
	got, err := c.db.ResearchRows(t.Context(), research.RowQuery{Person: a, Size: 50})
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, r := range got.Rows {
		values = append(values, fmt.Sprint(r.Value, r.Comparator, r.Flag, " ", r.Status, " ", r.Unit, r.LOINC))
	}
	want := "67< unknown , 62HH final /min8867-4, 60 final /min8867-4"
	if strings.Join(values, ", ") != want || got.Total != 3 || got.Older || got.Newer {
		t.Errorf("%d rows: %q, want %q", got.Total, values, want)
	}
	// 23:30 UTC is half past midnight in Berlin; the day is the person's.
	late := got.Rows[1]
	if late.Start.Format(time.RFC3339) != "2026-03-03T00:30:00Z" || late.At.Format(time.RFC3339) != "2026-03-02T23:30:00Z" || late.MetricName != "Heart rate" {
		t.Errorf("%+v", late)
	}
	if strings.Contains(strings.ToLower(fmt.Sprintf("%+v", got)), "canary") {
		t.Errorf("a canary got out: %+v", got)
	}
	for name, q := range map[string]research.RowQuery{
		"another person": {Person: c.person("b"), Size: 50}, "nobody": {Person: 0, Size: 50}, "another metric": {Person: a, Metric: "steps", Size: 50},
		"an unknown metric": {Person: a, Metric: "http://canary:canary-code", Size: 50}, "another day": {Person: a, From: health.Day{Year: 2026, Month: 4, Dom: 1}, Size: 50},
	} {
		if none, err := c.db.ResearchRows(t.Context(), q); err != nil || none.Total != 0 || len(none.Rows) != 0 {
			t.Errorf("%s: %+v, %v", name, none, err)
		}
	}
	far := research.RowQuery{Person: a, From: health.Day{Year: 2, Month: 1, Dom: 1}, To: health.Day{Year: 10_000, Month: 12, Dom: 1}, Metric: "heart_rate", Size: 50}
	if all, err := c.db.ResearchRows(t.Context(), far); err != nil || all.Total != 3 {
		t.Errorf("an endless range: %d, %v", all.Total, err)
	}
}

func TestResearchPages(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "F", "G", "1980-01-02") + many("a", "x", 95))
	a := c.person("a")
	c.exec(`UPDATE health.person SET research_consent = true`)
	q := research.RowQuery{Person: a, Metric: "heart_rate", Size: 20}
	var seen []int64
	for {
		page, err := c.db.ResearchRows(t.Context(), q)
		if err != nil || page.Total != 95 || page.Newer != (q.After != nil) {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, r := range page.Rows {
			seen = append(seen, r.At.Unix())
		}
		last := page.Rows[len(page.Rows)-1]
		if !page.Older {
			break
		}
		q.After = &health.Cursor{At: last.At, ID: last.ID}
	}
	for i := 1; i < len(seen); i++ {
		if seen[i] != seen[i-1]-3600 {
			t.Fatalf("row %d does not follow the one before", i)
		}
	}
	if len(seen) != 95 {
		t.Errorf("%d rows", len(seen))
	}
	back, err := c.db.ResearchRows(t.Context(), research.RowQuery{Person: a, Size: 20, Before: q.After})
	if err != nil || len(back.Rows) != 20 || !back.Older || !back.Newer || back.Rows[19].At.Unix() != seen[78] {
		t.Errorf("back: %d rows, older %v, newer %v, %v", len(back.Rows), back.Older, back.Newer, err)
	}
}

func TestResearchCounts(t *testing.T) {
	c := studied(t)
	a := c.person("a")
	for _, id := range []health.PersonID{a, 0} {
		metrics, err := c.db.ResearchMetrics(t.Context(), id)
		if err != nil || len(metrics) != 1 || metrics[0] != (research.MetricCount{Code: "heart_rate", Name: "Heart rate", Persons: 1, Values: 3}) {
			t.Errorf("metrics of %d: %+v, %v", id, metrics, err)
		}
		left, err := c.db.ResearchWithheld(t.Context(), id)
		one := func(n int) research.Left { return research.Left{Values: n, Persons: 1} }
		if want := (research.Withheld{Codes: one(2), Texts: one(1), Units: one(1), Devices: one(1)}); err != nil || left != want {
			t.Errorf("withheld of %d: %+v, want %+v, %v", id, left, want, err)
		}
	}
	b := c.person("b")
	if metrics, err := c.db.ResearchMetrics(t.Context(), b); err != nil || len(metrics) != 0 {
		t.Errorf("a person without consent: %+v, %v", metrics, err)
	}
	if left, err := c.db.ResearchWithheld(t.Context(), b); err != nil || left != (research.Withheld{}) {
		t.Errorf("a person without consent: %+v, %v", left, err)
	}
	c.exec(`UPDATE health.person SET timezone = 'Canary/Zone' WHERE id = $1`, a)
	_, err := c.db.ResearchRows(t.Context(), research.RowQuery{Person: a, Size: 5})
	var pg *pgconn.PgError
	if err == nil || strings.Contains(err.Error(), "Canary") || !strings.Contains(err.Error(), "SQLSTATE 22023") || !errors.As(err, &pg) {
		t.Errorf("an error that may be logged: %v", err)
	}
	c.db.Close()
	if _, err := c.db.ResearchMetrics(t.Context(), a); err == nil {
		t.Error("counts come from a closed store")
	}
}

// The role reads the three views and nothing else, in any schema.
func TestResearchRoleReadsNothingElse(t *testing.T) {
	c := studied(t)
	if _, err := c.conn.Exec(t.Context(), `SET ROLE hp_research`); err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{"research.participant": true, "research.event": true, "research.withheld": true}
	rows, err := c.conn.Query(t.Context(), `SELECT n.nspname || '.' || r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
		WHERE r.relkind IN ('r', 'v', 'm', 'p', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(objects) < 40 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	for _, name := range objects {
		_, err := c.conn.Exec(t.Context(), `SELECT * FROM `+name+` LIMIT 1`)
		if open[name] != (err == nil) {
			t.Errorf("reading %s: %v", name, err)
		}
	}
	refused := []string{
		`SELECT birth_date FROM research.participant`, `SELECT source_id FROM research.event`, `SELECT value_text FROM research.event`,
		`SELECT timezone FROM research.participant`, `SELECT withheld FROM research.event`, `DELETE FROM research.event`, `UPDATE research.participant SET sex = 'male'`,
		`INSERT INTO research.unit VALUES ('x')`, `CREATE TABLE research.x (i int)`, `CREATE TABLE public.x (i int)`, `CREATE TEMP TABLE x (i int)`,
		`SELECT auth.persons_of(1)`, `SELECT health.person_zone(1)`, `SELECT auth.person_by_record_number('CANARY-77')`,
		`SELECT * FROM auth.person_for_break_glass('CANARY-77', '1971-07-17')`, `SELECT health.ensure_partitions(current_date, current_date)`,
		`CREATE SCHEMA x`, `SELECT pg_read_file('/etc/hostname')`,
	}
	for _, sql := range refused {
		_, err := c.conn.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" && pg.Code != "42703" && pg.Code != "55000" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	var columns string
	err = c.conn.QueryRow(t.Context(), `SELECT string_agg(a.attname, ' ' ORDER BY r.relname, a.attnum) FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
		JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = 'research' AND r.relname IN ('participant', 'event', 'withheld') AND a.attnum > 0`).Scan(&columns)
	const allowed = "person_id event_id metric metric_name effective_at local_at local_end local_day whole_days value comparator unit loinc flag status " +
		"person_id sex age_years person_id codes texts units devices"
	if err != nil || columns != allowed {
		t.Errorf("the views have the columns %q, the list allows %q; %v", columns, allowed, err)
	}
}

// A function that leaks what it sees must not see rows that the view hides.
func TestResearchViewsAreBarriers(t *testing.T) {
	c := studied(t)
	c.exec(`CREATE SCHEMA spy`)
	c.exec(`CREATE FUNCTION spy.look(v double precision) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN IF v = 65 THEN RAISE EXCEPTION 'seen'; END IF; RETURN true; END $$`)
	c.exec(`GRANT USAGE ON SCHEMA spy TO hp_research`)
	c.exec(`SET ROLE hp_research`)
	if n := one[int](c, `SELECT count(*) FROM research.event WHERE spy.look(value)`); n != 3 {
		t.Errorf("%d rows", n)
	}
}

func TestConsentOfSynthetic(t *testing.T) {
	c := newClinic(t)
	c.exec(`INSERT INTO health.person (public_id, synthetic) SELECT 'p' || i, i <= 17 FROM generate_series(1, 20) i`)
	for range 2 {
		if err := c.db.ConsentOfSynthetic(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := one[int](c, `SELECT count(*) FROM health.person WHERE research_consent`); n != 15 {
			t.Errorf("%d persons consent", n)
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.person WHERE research_consent AND NOT synthetic`); n != 0 {
		t.Errorf("consent of %d real persons was made up", n)
	}
}
