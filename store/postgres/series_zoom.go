package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Series returns the series of one metric of a person in a window: one per code
// and unit, in their order, with a point for each year, month, day or hour that
// has data. Points of all zooms add up to the same counts. Years, months and days
// come from the rollup, hours from the rows of their day, in the window's zone.
// Reference ranges are read of laboratory values and of metrics outside the
// catalogue. A metric that the portal doesn't know gives ErrNotFound; one without
// data gives no series.
func (db *DB) Series(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, error) {
	list, _, err := db.SeriesAt(ctx, scope, person, metric, w)
	return list, err
}

// SeriesAt is Series with the version of the data that it shows.
func (db *DB) SeriesAt(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, health.DataVersion, error) {
	q := seriesQuery{int64(person), metric, w}
	found := seriesRows{window: w}
	var m health.Metric
	var at health.DataVersion
	err := db.read(ctx, scope, func(b *pgx.Batch) {
		queueVersion(b, person, &at)
		b.Queue(`SELECT `+metricColumns+` FROM health.metric m WHERE m.code = $1`, metric).QueryRow(func(row pgx.Row) error {
			return row.Scan(metricTargets(&m)...)
		})
		sql, args := q.points()
		b.Queue(sql, args...).Query(found.scanPoints)
		sql, args = q.bounds()
		b.Queue(sql, args...).Query(found.scanBounds)
		sql, args = q.ranges()
		b.Queue(sql, args...).Query(found.scanRanges)
	})
	if err != nil {
		return nil, "", fmt.Errorf("series: %w", err)
	}
	for i := range found.list {
		found.list[i].Metric = m
	}
	return found.list, at, nil
}

// seriesQuery builds the statements of Series.
type seriesQuery struct {
	person int64
	metric string
	window health.Window
}

// args are the person, the metric and the days; for hours also their starts.
func (q seriesQuery) args() []any {
	args := []any{q.person, q.metric, dateArg(q.window.From), dateArg(q.window.To)}
	if q.window.Zoom == health.Hours {
		args = append(args, q.window.HourStarts())
	}
	return args
}

// step is the first day of the point that a row d of the rollup belongs to.
func (q seriesQuery) step() string {
	switch q.window.Zoom {
	case health.Years:
		return `date_trunc('year', d.local_day::timestamp)::date`
	case health.Months:
		return `date_trunc('month', d.local_day::timestamp)::date`
	default:
		return `d.local_day`
	}
}

// hourOf numbers the hour in which an event begins among the starts in $5, from
// 1; values that have a date only stand under 0.
const hourOf = `CASE WHEN e.whole_days THEN 0 ELSE width_bucket(e.effective_at, $5::timestamptz[]) END`

// hourKey is the one day of a chart of hours, as dayEvents wants it; $4 is the same day.
const hourKey = `
	WITH n AS MATERIALIZED (SELECT $1::bigint AS person_id, m.id AS metric_id, $3::date AS local_day FROM health.metric m WHERE m.code = $2 AND $3::date = $4::date)`

// hoursOnce are the hours of a total in which each moment counts once, where
// several sources measured; the row that began in an hour counts there.
const hoursOnce = `,
	once AS MATERIALIZED (
	  SELECT e.code_system, e.code, e.unit_id, ` + hourOf + ` AS hour, sum(e.counted) AS counted,
	    string_agg(DISTINCT coalesce(s.name, 'a source without a name'), E'\x1f') FILTER (WHERE e.counted IS DISTINCT FROM e.value) AS names
	  FROM health.counted_rows(ARRAY(SELECT person_id FROM n), ARRAY(SELECT metric_id FROM n), ARRAY(SELECT local_day FROM n)) e
	    LEFT JOIN health.source s ON s.id = e.source_id
	  GROUP BY 1, 2, 3, 4)`

// points are the counts and statistics of each point.
func (q seriesQuery) points() (string, []any) {
	if q.window.Zoom == health.Hours {
		return hourKey + hoursOnce + `
		SELECT r.code_system, r.code, coalesce(u.ucum, ''), r.local_day, r.hour, r.n, r.n_used, coalesce(r.lo, 0), coalesce(r.hi, 0), coalesce(r.total, 0),
		  coalesce(CASE WHEN o.names IS NULL THEN r.total ELSE o.counted END, 0), o.names
		FROM n CROSS JOIN LATERAL (
		  SELECT e.code_system, e.code, coalesce(e.unit_id, 0) AS unit_id, e.local_day, ` + hourOf + ` AS hour, count(*) AS n,
		    count(e.value) FILTER (WHERE e.comparator IS NULL) AS n_used, min(e.value) FILTER (WHERE e.comparator IS NULL) AS lo,
		    max(e.value) FILTER (WHERE e.comparator IS NULL) AS hi, sum(e.value) FILTER (WHERE e.comparator IS NULL) AS total` + dayEvents + `
		  GROUP BY 1, 2, 3, 4, 5) r LEFT JOIN health.unit u ON u.id = r.unit_id
		  LEFT JOIN once o ON (o.code_system, o.code, o.unit_id, o.hour) = (r.code_system, r.code, r.unit_id, r.hour)
		ORDER BY r.code_system, r.code, r.unit_id, r.hour`, q.args()
	}
	return dailyRows + `
		SELECT d.code_system, d.code, coalesce(u.ucum, ''), ` + q.step() + ` AS step, 0, sum(d.n)::bigint, sum(d.n_used)::bigint,
		  coalesce(min(d.value_min), 0), coalesce(max(d.value_max), 0), coalesce(sum(d.value_sum ORDER BY d.local_day), 0),
		  coalesce(sum(coalesce(d.value_counted, d.value_sum) ORDER BY d.local_day), 0), string_agg(DISTINCT ` + leftNames + `, E'\x1f')
		FROM days d LEFT JOIN health.unit u ON u.id = d.unit_id
		GROUP BY d.code_system, d.code, d.unit_id, u.ucum, step
		ORDER BY d.code_system, d.code, d.unit_id, step`, q.args()
}

// bounds are the bounds of each point. Only days whose counts differ can have
// any, and grouping within each keeps the planner at looking those days up.
func (q seriesQuery) bounds() (string, []any) {
	if q.window.Zoom == health.Hours {
		return hourKey + `
		SELECT r.code_system, r.code, coalesce(u.ucum, ''), r.local_day, r.hour, r.comparator, r.value, r.n
		FROM n CROSS JOIN LATERAL (
		  SELECT e.code_system, e.code, coalesce(e.unit_id, 0) AS unit_id, e.local_day, ` + hourOf + ` AS hour, e.comparator, e.value, count(*) AS n` + dayEvents + `
		    AND e.comparator IS NOT NULL AND e.value IS NOT NULL
		  GROUP BY 1, 2, 3, 4, 5, 6, 7) r LEFT JOIN health.unit u ON u.id = r.unit_id
		ORDER BY r.value, r.comparator`, q.args()
	}
	return dailyRows + `,
		n AS MATERIALIZED (SELECT DISTINCT $1::bigint AS person_id, d.metric_id, d.local_day FROM days d WHERE d.n > d.n_used)
		SELECT d.code_system, d.code, coalesce(u.ucum, ''), ` + q.step() + ` AS step, 0, d.comparator, d.value, sum(d.n)::bigint
		FROM n CROSS JOIN LATERAL (
		  SELECT e.code_system, e.code, e.unit_id, e.local_day, e.comparator, e.value, count(*) AS n` + dayEvents + `
		    AND e.comparator IS NOT NULL AND e.value IS NOT NULL
		  GROUP BY 1, 2, 3, 4, 5, 6) d LEFT JOIN health.unit u ON u.id = d.unit_id
		GROUP BY d.code_system, d.code, d.unit_id, u.ucum, step, d.comparator, d.value
		ORDER BY d.value, d.comparator`, q.args()
}

// ranges are the reference ranges that each series' numbers carry. Metrics of
// which only devices send thousands a day are left out, before any row is looked at.
func (q seriesQuery) ranges() (string, []any) {
	const listed = `SELECT id FROM health.metric WHERE code = $2 AND kind IN ('laboratory', 'other')`
	const distinct = `coalesce(e.ref_low::text, '') || ' to ' || coalesce(e.ref_high::text, '')`
	return `
		SELECT e.code_system, e.code, coalesce(u.ucum, ''), count(DISTINCT ` + distinct + `) > 1, min(e.ref_low), min(e.ref_high)
		FROM health.event e LEFT JOIN health.unit u ON u.id = e.unit_id
		WHERE e.person_id = $1 AND e.metric_id = (` + listed + `) AND EXISTS (` + listed + `)
		  AND e.local_day BETWEEN $3::date AND $4::date
		  AND e.effective_at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC' AND e.effective_at < ($4::date + 2)::timestamp AT TIME ZONE 'UTC'
		  AND e.superseded_at IS NULL AND e.status <> 'entered-in-error' AND e.value IS NOT NULL
		GROUP BY e.code_system, e.code, u.ucum
		HAVING count(e.ref_low) + count(e.ref_high) > 0`,
		[]any{q.person, q.metric, dateArg(q.window.From), dateArg(q.window.To)}
}

// seriesRows gathers the answers of seriesQuery.
type seriesRows struct {
	window health.Window
	list   []health.Series
}

// of is the series of a row; nil where the points have none.
func (r *seriesRows) of(s health.Series) *health.Series {
	for i := range r.list {
		if l := &r.list[i]; l.CodeSystem == s.CodeSystem && l.Code == s.Code && l.Unit == s.Unit {
			return l
		}
	}
	return nil
}

// start is when the hour with a number begins; zero for all other points.
func (r *seriesRows) start(hour int) time.Time {
	if hour == 0 {
		return time.Time{}
	}
	return r.window.HourStarts()[hour-1]
}

func (r *seriesRows) scanPoints(rows pgx.Rows) error {
	for rows.Next() {
		var s health.Series
		var p health.DayPoint
		var day time.Time
		var hour int
		var plain float64
		var left *string
		if err := rows.Scan(&s.CodeSystem, &s.Code, &s.Unit, &day, &hour, &p.N, &p.Used, &p.Min, &p.Max, &plain, &p.Sum, &left); err != nil {
			return err
		}
		p.Day, p.Start, p.LeftOut, p.LeftSources = health.DayOf(day), r.start(hour), plain-p.Sum, namesOf(left)
		if p.Used > 0 {
			p.Mean = plain / float64(p.Used)
		}
		at := r.of(s)
		if at == nil {
			r.list = append(r.list, s)
			at = &r.list[len(r.list)-1]
		}
		at.Points = append(at.Points, p)
	}
	return rows.Err()
}

func (r *seriesRows) scanBounds(rows pgx.Rows) error {
	for rows.Next() {
		var s health.Series
		var b health.Bound
		var day time.Time
		var hour int
		if err := rows.Scan(&s.CodeSystem, &s.Code, &s.Unit, &day, &hour, &b.Comparator, &b.Value, &b.N); err != nil {
			return err
		}
		at := r.of(s)
		if at == nil {
			continue
		}
		d, start := health.DayOf(day), r.start(hour)
		for i := range at.Points {
			if p := &at.Points[i]; p.Day == d && p.Start.Equal(start) {
				p.Bounds = append(p.Bounds, b)
			}
		}
	}
	return rows.Err()
}

func (r *seriesRows) scanRanges(rows pgx.Rows) error {
	for rows.Next() {
		var s health.Series
		var found health.Range
		if err := rows.Scan(&s.CodeSystem, &s.Code, &s.Unit, &found.Mixed, &found.Low, &found.High); err != nil {
			return err
		}
		if found.Mixed {
			found.Low, found.High = nil, nil
		}
		if at := r.of(s); at != nil {
			at.Range = &found
		}
	}
	return rows.Err()
}
