package postgres_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// clinic is a database with the portal's store on it.
type clinic struct {
	t    *testing.T
	db   *postgres.DB
	dsn  string
	conn *pgx.Conn // sees everything
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	test := storetest.Open(t)
	db, err := postgres.Open(t.Context(), test.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := pgx.Connect(t.Context(), test.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &clinic{t, db, test.DSN(), conn}
}

// now is the clock of the store tests.
func now() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }

// load imports NDJSON, creating persons in the team "Team".
func (c *clinic) load(ndjson string) intake.Report {
	c.t.Helper()
	report, err := intake.Import(c.t.Context(), fhir.NewReader(strings.NewReader(ndjson)), c.db,
		intake.Options{CreatePersons: true, Team: "Team", Now: now})
	if err != nil {
		c.t.Fatal(err)
	}
	return report
}

// days is the window of a daily chart.
func days(from, to health.Day) health.Window {
	return health.Window{Zoom: health.Days, From: from, To: to}
}

// one runs a query for one value.
func one[T any](c *clinic, sql string, args ...any) T {
	c.t.Helper()
	var v T
	if err := c.conn.QueryRow(c.t.Context(), sql, args...).Scan(&v); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (c *clinic) exec(sql string, args ...any) {
	c.t.Helper()
	if _, err := c.conn.Exec(c.t.Context(), sql, args...); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
}

// person is the id of the person with a FHIR id.
func (c *clinic) person(fhirID string) health.PersonID {
	c.t.Helper()
	return health.PersonID(one[int64](c, `SELECT person_id FROM health.person_identifier WHERE system = $1 AND value = $2`, health.SystemFHIR, fhirID))
}

// user makes a user who is a member of the team.
func (c *clinic) user(name, team string) int64 {
	c.t.Helper()
	id := one[int64](c, `INSERT INTO auth.user_account (name, display_name, handle) VALUES ($1, $1, decode(repeat(md5($1), 4), 'hex')) RETURNING id`, name)
	c.exec(`INSERT INTO auth.care_team (name) VALUES ($1) ON CONFLICT DO NOTHING`, team)
	c.exec(`INSERT INTO auth.care_team_user (team_id, user_id) SELECT id, $2 FROM auth.care_team WHERE name = $1`, team, id)
	return id
}

func (c *clinic) page(f health.EventFilter) health.EventPage {
	c.t.Helper()
	p, err := c.db.EventPage(c.t.Context(), access.One(f.Person), f)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// checkRollup compares the whole rollup with a count of the table.
func (c *clinic) checkRollup() {
	c.t.Helper()
	diff := one[int](c, `
		WITH fresh AS (SELECT person_id, metric_id, local_day, code_system, code, coalesce(unit_id, 0) AS unit_id, count(*)::int AS n,
		    count(value) FILTER (WHERE comparator IS NULL)::int AS n_used, min(value) FILTER (WHERE comparator IS NULL) AS lo,
		    max(value) FILTER (WHERE comparator IS NULL) AS hi
		  FROM health.event WHERE superseded_at IS NULL AND status <> 'entered-in-error' GROUP BY 1, 2, 3, 4, 5, 6),
		old AS (SELECT person_id, metric_id, local_day, code_system, code, unit_id, n, n_used, value_min, value_max FROM health.event_day)
		SELECT (SELECT count(*) FROM (TABLE fresh EXCEPT TABLE old) a) + (SELECT count(*) FROM (TABLE old EXCEPT TABLE fresh) b)`)
	if diff != 0 {
		c.t.Errorf("the rollup differs from the table in %d rows", diff)
	}
	// Every total, resolved anew from the table.
	stale := one[int](c, `
		WITH k AS (SELECT DISTINCT d.person_id, d.metric_id, d.local_day FROM health.event_day d JOIN health.metric m ON m.id = d.metric_id AND m.kind = 'total'),
		r AS MATERIALIZED (SELECT * FROM health.counted_days((SELECT array_agg(person_id ORDER BY person_id, metric_id, local_day) FROM k),
		  (SELECT array_agg(metric_id ORDER BY person_id, metric_id, local_day) FROM k), (SELECT array_agg(local_day ORDER BY person_id, metric_id, local_day) FROM k)))
		SELECT count(*) FROM health.event_day d LEFT JOIN r USING (person_id, metric_id, local_day, code_system, code, unit_id)
		WHERE (r.value_counted IS NULL) <> (d.value_counted IS NULL) OR abs(r.value_counted - d.value_counted) > 1e-6
		  OR r.left_sources IS DISTINCT FROM d.left_sources`)
	if stale != 0 {
		c.t.Errorf("the rollup's resolved sums differ from the table in %d rows", stale)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event_dirty`); n != 0 {
		c.t.Errorf("%d dirty keys are left", n)
	}
}

const fixture = "../../../shared/fixtures/health/Observation.ndjson"

// openFixture opens the real file, or skips the test where it is absent.
func openFixture(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(fixture)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared fixtures are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// tally is an independent count of the fixture: values per person and code.
func tally(t *testing.T) (perCode map[string]int, persons map[string]int, values int) {
	t.Helper()
	perCode, persons = map[string]int{}, map[string]int{}
	in := bufio.NewScanner(openFixture(t))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var o map[string]any
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		person := strings.TrimPrefix(o["subject"].(map[string]any)["reference"].(string), "Patient/")
		parts, isPanel := o["component"].([]any)
		if !isPanel {
			parts = []any{o}
		}
		for _, p := range parts {
			code := p.(map[string]any)["code"].(map[string]any)["coding"].([]any)[0].(map[string]any)["code"].(string)
			perCode[code]++
			persons[person]++
			values++
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return perCode, persons, values
}

func TestImportOfTheRealFile(t *testing.T) {
	perCode, persons, values := tally(t)
	c := newClinic(t)
	run := func() intake.Report {
		r, err := intake.Import(t.Context(), fhir.NewReader(openFixture(t)), c.db, intake.Options{CreatePersons: true, Team: "Team", Now: now, BatchSize: 400})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := run()
	if first.Lines != 1502 || first.Stored != values || first.Refused != 0 || first.NewPersons != len(persons) {
		t.Fatalf("first import: %s; problems %v", first.Summary(), first.Problems)
	}
	if again := run(); again.Repeated != values || again.Stored+again.Corrected+again.NewPersons != 0 {
		t.Errorf("second import: %s", again.Summary())
	}
	for code, want := range perCode {
		if got := one[int](c, `SELECT count(*) FROM health.event WHERE code = $1`, code); got != want {
			t.Errorf("code %s: %d rows, the file has %d", code, got, want)
		}
	}
	c.checkRollup()
	for ref, want := range persons {
		id := c.person(ref)
		page := c.page(health.EventFilter{Person: id, Size: 200})
		if page.Total != want {
			t.Errorf("a person's table shows %d, the file has %d", page.Total, want)
		}
		metrics, err := c.db.PersonMetrics(t.Context(), access.One(id), id)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, m := range metrics {
			sum += m.Count
			if got := c.page(health.EventFilter{Person: id, Metric: m.Metric.Code, Size: 1}); got.Total != m.Count || got.Events[0].ID != m.Latest.ID {
				t.Errorf("metric %s: summary says %d, the table %d", m.Metric.Code, m.Count, got.Total)
			}
		}
		if sum != want {
			t.Errorf("the metrics of a person add up to %d, want %d", sum, want)
		}
	}
}
