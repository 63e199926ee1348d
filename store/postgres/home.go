package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Summary returns what is new in each of the user's care teams, by the team's
// name, and how fresh the sources of their patients are. Patients whom the user
// opened in an emergency are left out: a source's name may name a person. now
// decides which arrivals are of the last seven days.
func (db *DB) Summary(ctx context.Context, userID int64, now time.Time) (health.SiteSummary, error) {
	var s health.SiteSummary
	err := db.readAs(ctx, userID, func(b *pgx.Batch) {
		queueTeamNews(b, userID, &s.Teams)
		queueSources(b, userID, now, &s)
	})
	if err != nil {
		return health.SiteSummary{}, fmt.Errorf("site summary: %w", err)
	}
	return s, nil
}

// TeamNews returns the teams of Summary, and the version of what SourcesAt would show.
func (db *DB) TeamNews(ctx context.Context, userID int64) (teams []health.TeamNews, sourcesAt health.DataVersion, err error) {
	err = db.readAs(ctx, userID, func(b *pgx.Batch) {
		queueTeamNews(b, userID, &teams)
		queueSourcesVersion(b, userID, &sourcesAt)
	})
	if err != nil {
		return nil, "", fmt.Errorf("news of the care teams: %w", err)
	}
	return teams, sourcesAt, nil
}

// SourcesAt returns the sources of Summary alone, with the version of the data that it shows.
func (db *DB) SourcesAt(ctx context.Context, userID int64, now time.Time) (s health.SiteSummary, at health.DataVersion, err error) {
	err = db.readAs(ctx, userID, func(b *pgx.Batch) {
		queueSourcesVersion(b, userID, &at)
		queueSources(b, userID, now, &s)
	})
	if err != nil {
		return health.SiteSummary{}, "", fmt.Errorf("freshness of sources: %w", err)
	}
	return s, at, nil
}

func queueTeamNews(b *pgx.Batch, userID int64, teams *[]health.TeamNews) {
	b.Queue(`SELECT c.public_id, c.name, count(*), count(*) FILTER (WHERE n.data), count(*) FILTER (WHERE n.reports)
		FROM health.unopened($1) n JOIN auth.care_team c ON c.id = n.team_id GROUP BY c.id ORDER BY lower(c.name), c.id`, userID).
		Query(func(rows pgx.Rows) error {
			var err error
			*teams, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t health.TeamNews, err error) {
				return t, row.Scan(&t.PublicID, &t.Name, &t.Patients, &t.Data, &t.Reports)
			})
			return err
		})
}

func queueSources(b *pgx.Batch, userID int64, now time.Time, s *health.SiteSummary) {
	b.Queue(`SELECT o.name, s.last_day, s.week, count(*) OVER () FROM health.sources_of($1, $2) s JOIN health.source o ON o.id = s.source_id
		ORDER BY s.last_day DESC, lower(o.name), o.id LIMIT $3`, userID, dateArg(health.DayOf(now.UTC())), health.MaxSources).
		Query(func(rows pgx.Rows) error {
			var err error
			s.Sources, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f health.SourceFreshness, err error) {
				var day time.Time
				err = row.Scan(&f.Name, &day, &f.Week, &s.SourceCount)
				f.LastDay = health.DayOf(day)
				return f, err
			})
			return err
		})
}

// Seen notes, for each care team in which user and person meet now, that somebody
// saw the person's page with the data of dataNo and the reports up to the change
// reportsNo of the index. It does nothing where they meet in no team.
func (db *DB) Seen(ctx context.Context, userID int64, person health.PersonID, dataNo, reportsNo int64) error {
	if _, err := db.app.Exec(ctx, `SELECT health.see_person($1, $2, $3, $4)`, userID, int64(person), dataNo, reportsNo); err != nil {
		return fmt.Errorf("note that a patient was seen: %w", err)
	}
	return nil
}

// sparkRows bounds the days of one metric that a sparkline is made of, over all of its series.
const sparkRows = 4 * health.SparkPoints

// Sparks returns the latest days with numbers of each series of a person, oldest
// first and at most health.SparkPoints of each: from the rollup, and counted live
// where the rollup waits for a rebuild. A metric with many series may lack some days.
func (db *DB) Sparks(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.Series, error) {
	list, _, err := db.SparksAt(ctx, scope, person)
	return list, err
}

// SparksAt is Sparks with the version of the data that it shows.
func (db *DB) SparksAt(ctx context.Context, scope access.Scope, person health.PersonID) (list []health.Series, at health.DataVersion, err error) {
	err = db.read(ctx, scope, func(b *pgx.Batch) {
		queueVersion(b, person, &at)
		b.Queue(`WITH dirty AS MATERIALIZED (`+waiting+`),`+onceWaiting+`,
			days AS (
			  SELECT m.id AS metric_id, r.* FROM health.metric m CROSS JOIN LATERAL (
			    SELECT d.local_day, d.code_system, d.code, d.unit_id, d.n, d.n_used, d.value_min, d.value_max, d.value_sum, d.value_counted, d.left_sources
			    FROM health.event_day d WHERE d.person_id = $1 AND d.metric_id = m.id AND d.n_used > 0 AND `+upToDate+`
			    ORDER BY d.local_day DESC LIMIT $2) r
			  UNION ALL
			  SELECT * FROM (`+liveDays+`) r WHERE r.n_used > 0),
			ranked AS (SELECT d.*, row_number() OVER (PARTITION BY d.metric_id, d.code_system, d.code, d.unit_id ORDER BY d.local_day DESC) AS place FROM days d)
			SELECT `+metricColumns+`, d.code_system, d.code, coalesce(u.ucum, ''), d.local_day, d.n, d.n_used, d.value_min, d.value_max, d.value_sum,
			  coalesce(d.value_counted, d.value_sum), `+leftNames+`
			FROM ranked d JOIN health.metric m ON m.id = d.metric_id LEFT JOIN health.unit u ON u.id = d.unit_id
			WHERE d.place <= $3 ORDER BY m.id, d.code_system, d.code, d.unit_id, d.local_day`, int64(person), sparkRows, health.SparkPoints).
			Query(func(rows pgx.Rows) error {
				var err error
				list, err = scanSparks(rows)
				return err
			})
	})
	if err != nil {
		return nil, "", fmt.Errorf("sparklines: %w", err)
	}
	return list, at, nil
}

func scanSparks(rows pgx.Rows) ([]health.Series, error) {
	var list []health.Series
	for rows.Next() {
		var s health.Series
		var p health.DayPoint
		var day time.Time
		var plain float64
		var left *string
		if err := rows.Scan(append(metricTargets(&s.Metric), &s.CodeSystem, &s.Code, &s.Unit, &day, &p.N, &p.Used, &p.Min, &p.Max, &plain, &p.Sum, &left)...); err != nil {
			return nil, err
		}
		p.Day, p.Mean, p.LeftOut, p.LeftSources = health.DayOf(day), plain/float64(p.Used), plain-p.Sum, namesOf(left)
		last := len(list) - 1
		if last < 0 || list[last].Metric.Code != s.Metric.Code || list[last].CodeSystem != s.CodeSystem || list[last].Code != s.Code || list[last].Unit != s.Unit {
			list = append(list, s)
			last++
		}
		list[last].Points = append(list[last].Points, p)
	}
	return list, rows.Err()
}
