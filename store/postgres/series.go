package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

const metricColumns = `m.code, m.name, m.unit, m.kind, coalesce(m.low, 0), coalesce(m.high, 0), m.reference`

func metricTargets(m *health.Metric) []any {
	return []any{&m.Code, &m.Name, &m.Unit, &m.Kind, &m.Low, &m.High, &m.Reference}
}

// upToDate keeps the rollup's rows d that don't wait for a rebuild. NOT IN looks
// each up in a hash of the keys; NOT EXISTS might compare it with every key.
const upToDate = `(d.metric_id, d.local_day) NOT IN (SELECT x.metric_id, x.local_day FROM dirty x)`

// waiting are the keys of a person whose figures wait for a rebuild: those that are
// noted, and of totals the days beside them, into which they may reach.
const waiting = `
	  SELECT DISTINCT d.person_id, d.metric_id, d.local_day + g.off AS local_day
	  FROM health.event_dirty d JOIN health.metric m ON m.id = d.metric_id JOIN generate_series(-1, 1) AS g (off) ON g.off = 0 OR m.kind = 'total'
	  WHERE d.person_id = $1`

// onceWaiting are the sums of the keys dirty in which each moment counts once.
const onceWaiting = `
	once AS MATERIALIZED (
	  SELECT * FROM health.counted_days(ARRAY(SELECT person_id FROM dirty ORDER BY metric_id, local_day),
	    ARRAY(SELECT metric_id FROM dirty ORDER BY metric_id, local_day), ARRAY(SELECT local_day FROM dirty ORDER BY metric_id, local_day)))`

// liveDays counts the keys dirty; leftNames are the names of the sources of which
// a day d leaves something out, apart from each other by a character of no name.
const (
	liveDays = `
	  SELECT n.metric_id, n.local_day, r.*, CASE WHEN o.left_sources IS NOT NULL THEN o.value_counted END, o.left_sources
	  FROM dirty n CROSS JOIN LATERAL (` + dayRows + `) r
	  LEFT JOIN once o ON (o.metric_id, o.local_day, o.code_system, o.code, o.unit_id) = (n.metric_id, n.local_day, r.code_system, r.code, r.unit_id)`
	leftNames = `CASE WHEN d.left_sources IS NOT NULL THEN (SELECT string_agg(coalesce(s.name, 'a source without a name'), E'\x1f' ORDER BY s.name)
	    FROM unnest(d.left_sources) AS l (id) LEFT JOIN health.source s ON s.id = l.id) END`
	nameMark = "\x1f"
)

// namesOf are the different names in what leftNames gives, in their order.
func namesOf(marked *string) []string {
	if marked == nil {
		return nil
	}
	list := strings.Split(*marked, nameMark)
	slices.Sort(list)
	return slices.Compact(list)
}

// dailyRows are the days of a person's metric as tables show them: from the
// rollup, and counted live where the rollup waits for a rebuild.
// $1 is the person, $2 the metric's code, $3 and $4 the days.
const dailyRows = `
	WITH m AS MATERIALIZED (SELECT id FROM health.metric WHERE code = $2),
	dirty AS MATERIALIZED (SELECT x.* FROM (` + waiting + `
	    AND d.metric_id = (SELECT id FROM m) AND d.local_day BETWEEN $3::date - 1 AND $4::date + 1) x
	  WHERE x.local_day BETWEEN $3::date AND $4::date),` + onceWaiting + `,
	days AS (
	  SELECT d.metric_id, d.local_day, d.code_system, d.code, d.unit_id, d.n, d.n_used, d.value_min, d.value_max, d.value_sum, d.value_counted, d.left_sources
	  FROM m JOIN health.event_day d ON d.metric_id = m.id
	  WHERE d.person_id = $1 AND d.local_day BETWEEN $3::date AND $4::date
	    AND ` + upToDate + `
	  UNION ALL` + liveDays + `)`

// PersonMetrics returns the metrics of which the person has data, in the
// catalogue's order and then by name, each with its newest Observation. The last
// day of the metric bounds on both sides where that is (event_day_near): without
// the upper bound PostgreSQL may read the newest rows of all metrics, in the order
// of the primary key, until one is of the metric; before a rare one lies a month.
func (db *DB) PersonMetrics(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, error) {
	list, _, err := db.MetricsAt(ctx, scope, person)
	return list, err
}

// MetricsAt is PersonMetrics with the version of the data that it shows.
func (db *DB) MetricsAt(ctx context.Context, scope access.Scope, person health.PersonID) (list []health.MetricSummary, at health.DataVersion, err error) {
	err = db.read(ctx, scope, func(b *pgx.Batch) {
		queueVersion(b, person, &at)
		parts := metricParts("min(d.local_day) AS first, max(d.local_day) AS last", "n.local_day, n.local_day")
		b.Queue(parts+`,
			sums AS (SELECT metric_id, sum(n)::bigint AS n, min(first) AS first, max(last) AS last FROM parts WHERE n > 0 GROUP BY metric_id)
			SELECT `+metricColumns+`, t.n, t.first, t.last, `+eventColumns+`
			FROM sums t CROSS JOIN LATERAL (
			  SELECT * FROM health.event e
			  WHERE e.person_id = $1 AND e.metric_id = t.metric_id AND e.superseded_at IS NULL AND e.status <> 'entered-in-error'
			    AND e.effective_at >= (t.last - 2)::timestamp AT TIME ZONE 'UTC' AND e.effective_at < (t.last + 2)::timestamp AT TIME ZONE 'UTC'
			  ORDER BY e.effective_at DESC, e.id DESC LIMIT 1) e `+eventJoins+`
			ORDER BY m.position NULLS LAST, m.name, m.code`, int64(person)).
			Query(func(rows pgx.Rows) error {
				var err error
				list, err = scanSummaries(rows)
				return err
			})
	})
	if err != nil {
		return nil, "", fmt.Errorf("metrics of a person: %w", err)
	}
	return list, at, nil
}

// metricParts begins a query on how much person $1 has of each metric, as tables
// show it: parts has a row per metric from the rollup, and one per day that waits
// for a rebuild. Beside the count n stand the columns rolled, of the rollup's rows
// d, and live, of a waiting day n with its count r.n. A look-up per metric reads
// the rollup in the order of its key, which is half the work of grouping its rows.
func metricParts(rolled, live string) string {
	return `
	WITH dirty AS MATERIALIZED (SELECT person_id, metric_id, local_day FROM health.event_dirty WHERE person_id = $1),
	parts AS (
	  SELECT m.id AS metric_id, r.* FROM health.metric m CROSS JOIN LATERAL (
	    SELECT sum(d.n) AS n, ` + rolled + ` FROM health.event_day d WHERE d.person_id = $1 AND d.metric_id = m.id AND ` + upToDate + `) r
	  UNION ALL
	  SELECT n.metric_id, r.n, ` + live + ` FROM dirty n CROSS JOIN LATERAL (SELECT count(*) AS n` + dayEvents + `) r)`
}

// countQuery counts a person's events per metric: all, and those of the filter's days.
func countQuery(f health.EventFilter) (string, []any) {
	args := []any{int64(f.Person)}
	rolled, live := "sum(d.n) AS chosen", "r.n"
	if !f.From.IsZero() || !f.To.IsZero() {
		args = append(args, dateArg(f.From), dateArg(f.To))
		const within = ".local_day BETWEEN coalesce($2::date, '-infinity') AND coalesce($3::date, 'infinity')"
		rolled = "sum(d.n) FILTER (WHERE d" + within + ") AS chosen"
		live = "r.n * (n" + within + ")::integer"
	}
	return metricParts(rolled, live) + `,
	sums AS (SELECT metric_id, sum(n)::bigint AS n, coalesce(sum(chosen), 0)::bigint AS chosen FROM parts WHERE n > 0 GROUP BY metric_id)
	SELECT m.code, m.name, t.n, t.chosen FROM sums t JOIN health.metric m ON m.id = t.metric_id
	ORDER BY m.position NULLS LAST, m.name, m.code`, args
}

// scanCounts reads the rows of countQuery into the page.
func scanCounts(rows pgx.Rows, f health.EventFilter, page *health.EventPage) error {
	for rows.Next() {
		var m health.MetricCount
		var chosen int
		if err := rows.Scan(&m.Code, &m.Name, &m.Count, &chosen); err != nil {
			return err
		}
		page.Metrics = append(page.Metrics, m)
		if f.Metric == "" || f.Metric == m.Code {
			page.Total += chosen
		}
	}
	return rows.Err()
}

func scanSummaries(rows pgx.Rows) ([]health.MetricSummary, error) {
	var list []health.MetricSummary
	for rows.Next() {
		var s health.MetricSummary
		var first, last time.Time
		e, err := scanEvent(prefixed{rows, append(metricTargets(&s.Metric), &s.Count, &first, &last)})
		if err != nil {
			return nil, err
		}
		s.First, s.Last, s.Latest = health.DayOf(first), health.DayOf(last), e
		list = append(list, s)
	}
	return list, rows.Err()
}

// prefixed is a row whose first columns are read into targets of their own.
type prefixed struct {
	row     pgx.Row
	targets []any
}

// Scan reads the first columns into the prefix's targets and the rest into dest.
func (p prefixed) Scan(dest ...any) error { return p.row.Scan(append(p.targets, dest...)...) }
