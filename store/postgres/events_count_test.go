package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// live is the condition of what tables show, for counts of the table itself.
const live = `superseded_at IS NULL AND status <> 'entered-in-error'`

// checkTotals compares a page's total and metrics with counts of the table, for many filters.
func (c *clinic) checkTotals(stage string, person health.PersonID) {
	c.t.Helper()
	day := func(month time.Month, dom int) health.Day { return health.Day{Year: 2026, Month: month, Dom: dom} }
	var zero health.Day
	for _, metric := range []string{"", "heart_rate", "body_temperature", "glucose", "nonsense'; --"} {
		for _, days := range [][2]health.Day{{zero, zero}, {day(1, 30), zero}, {zero, day(1, 30)}, {day(1, 30), day(1, 30)}, {day(1, 29), day(2, 1)}, {day(5, 1), day(6, 1)}} {
			f := health.EventFilter{Person: person, Metric: metric, From: days[0], To: days[1], Size: 1}
			want := one[int](c, `SELECT count(*) FROM health.event e JOIN health.metric m ON m.id = e.metric_id
				WHERE person_id = $1 AND `+live+` AND ($2 = '' OR m.code = $2)
				  AND ($3 = '' OR local_day >= nullif($3, '')::date) AND ($4 = '' OR local_day <= nullif($4, '')::date)`,
				int64(person), metric, days[0].String(), days[1].String())
			p := c.page(f)
			if p.Total != want || len(p.Events) != min(want, 1) || (p.Older != nil) != (want > 1) {
				c.t.Errorf("%s, metric %q, days %v: total %d with %d rows, the table has %d", stage, metric, days, p.Total, len(p.Events), want)
			}
			c.checkMetrics(stage, person, p.Metrics)
		}
	}
}

// checkMetrics compares a page's metrics with counts of the table and with the patient page's.
func (c *clinic) checkMetrics(stage string, person health.PersonID, got []health.MetricCount) {
	c.t.Helper()
	rows, err := c.conn.Query(c.t.Context(), `SELECT m.code, m.name, count(*) FROM health.event e JOIN health.metric m ON m.id = e.metric_id
		WHERE person_id = $1 AND `+live+` GROUP BY m.id ORDER BY m.position NULLS LAST, m.name, m.code`, int64(person))
	if err != nil {
		c.t.Fatal(err)
	}
	want, err := pgx.CollectRows(rows, pgx.RowToStructByPos[health.MetricCount])
	if err != nil {
		c.t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		c.t.Errorf("%s: metrics %v, the table has %v", stage, got, want)
	}
	summaries, err := c.db.PersonMetrics(c.t.Context(), access.One(person), person)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(summaries) != len(want) {
		c.t.Fatalf("%s: %d metrics summed up, the table has %d", stage, len(summaries), len(want))
	}
	for i, s := range summaries {
		span := one[string](c, `SELECT min(local_day) || ' ' || max(local_day) FROM health.event e JOIN health.metric m ON m.id = e.metric_id
			WHERE person_id = $1 AND m.code = $2 AND `+live, int64(person), s.Metric.Code)
		if s.Metric.Code != want[i].Code || s.Count != want[i].Count || s.First.String()+" "+s.Last.String() != span {
			c.t.Errorf("%s: %s sums up to %d from %s to %s, the table has %v on %s", stage, s.Metric.Code, s.Count, s.First, s.Last, want[i], span)
		}
	}
}

func TestTotalsAreExact(t *testing.T) {
	c := newClinic(t)
	temperature := `"code":{"coding":[{"system":"http://loinc.org","code":"8310-5"}]}`
	c.load(scattered() + obs("b", "2026-01-30T12:00:00Z", "77"))
	a := c.person("a")
	c.checkTotals("imported", a)
	c.load(obs("a", "2026-01-30T12:00:00Z", "99", `"id":"s25"`) + // a value
		obs("a", "2026-01-28T12:00:00Z", "98", `"id":"s26"`) + // a day
		obs("a", "2026-01-30T12:00:00Z", "37", `"id":"s27"`, temperature) + // a metric
		obs("a", "2026-01-30T12:00:00Z", "", `"id":"s28"`, `"status":"entered-in-error"`))
	c.checkTotals("corrected", a)
	c.exec(`SET ROLE hp_owner`)
	heart, warm := one[int](c, `SELECT id FROM health.metric WHERE code = 'heart_rate'`), one[int](c, `SELECT id FROM health.metric WHERE code = 'body_temperature'`)
	insert := func(metric int, at string) {
		c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe)
			VALUES ($1, $2, $3::timestamptz, NULL, 60, 1, decode(md5($4), 'hex'))`, int64(a), metric, at, fmt.Sprint(metric, at))
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"a row for a day of the rollup", func() { insert(heart, "2026-01-30T13:00:00Z") }},
		{"a row for a new day", func() { insert(warm, "2026-05-30T13:00:00Z") }},
		{"a row retracted in place", func() {
			c.exec(`UPDATE health.event SET status = 'entered-in-error' WHERE person_id = $1 AND external_id = 's0'`, int64(a))
		}},
		{"a row superseded in place", func() {
			c.exec(`UPDATE health.event SET superseded_at = now() WHERE person_id = $1 AND external_id = 's1'`, int64(a))
		}},
		{"a row moved to another day", func() {
			c.exec(`UPDATE health.event SET local_day = local_day + 1 WHERE person_id = $1 AND external_id = 's30'`, int64(a))
		}},
		{"a whole day deleted", func() {
			c.exec(`DELETE FROM health.event WHERE person_id = $1 AND local_day = '2026-02-01'`, int64(a))
		}},
		{"a whole metric deleted", func() {
			c.exec(`DELETE FROM health.event WHERE person_id = $1 AND metric_id = $2`, int64(a), warm)
		}},
	} {
		step.do()
		if one[int](c, `SELECT count(*) FROM health.event_dirty`) == 0 {
			t.Fatalf("%s: no day waits for a rebuild", step.name)
		}
		c.checkTotals(step.name, a)
	}
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.checkRollup()
	c.checkTotals("rebuilt", a)
	c.exec(`DELETE FROM health.event WHERE person_id = $1`, int64(a))
	c.checkTotals("nothing left", a)
}

// Rows, total and metrics of a page are of one instant, whatever is stored meanwhile.
func TestPageIsOneInstant(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	done := make(chan error, 1)
	go func() {
		for i := range 60 {
			line := obs("a", time.Date(2026, 3, 2, 10, i, 0, 0, time.UTC).Format(time.RFC3339), "70", fmt.Sprintf(`"id":"n%d"`, i))
			if _, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(line)), c.db, intake.Options{Now: now}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		p := c.page(health.EventFilter{Person: a, Size: 200})
		if p.Total != len(p.Events) || p.Metrics[0].Count != p.Total {
			t.Fatalf("%d rows, total %d, metrics %v", len(p.Events), p.Total, p.Metrics)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
