package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// analyzeFrom is the number of changed events from which an import brings the
// planner's statistics up to date rather than wait for autovacuum.
const analyzeFrom = 10_000

// staleTables are the tables of $1 that have no statistics, or of whose rows the
// import brought a tenth or more ($2).
const staleTables = `
	SELECT c.relname FROM unnest($1::text[], $2::bigint[]) AS t (name, brought)
	JOIN pg_class c ON c.relname = t.name AND c.relnamespace = 'health'::regnamespace
	WHERE t.brought >= c.reltuples / 10 ORDER BY c.relname`

// analyzedColumns are the columns of events that statements choose by: the wide
// others cost most of the time. PostgreSQL does not count this as the table's
// analysis, so that autovacuum looks at all columns later.
const analyzedColumns = ` (person_id, metric_id, effective_at, local_day, unit_id, flag, status, source_id, device_id, code_system, code, superseded_at)`

// A sample of 3,000 rows of each table is enough until autovacuum looks.
const (
	fewerSamples = `SET default_statistics_target = 10`
	usualSamples = `RESET default_statistics_target`
)

// identityColumns are those of the identities that are looked up. As above, autovacuum looks at all later.
const identityColumns = ` (person_id, source_id, ext, slot)`

// analyze brings the statistics of what the import filled up to date, so that the
// first readers don't get plans made for empty tables.
func (im *importer) analyze(ctx context.Context) error {
	names, brought := []string{"event_day", "event_identity"}, []int{0, 0}
	for month, n := range im.months {
		names, brought = append(names, partitionOf(month)), append(brought, n)
		brought[0] += n
	}
	brought[1] = brought[0]
	rows, err := im.conn.Query(ctx, staleTables, names, brought)
	if err != nil {
		return fmt.Errorf("look for tables without statistics: %w", err)
	}
	stale, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for tables without statistics: %w", err)
	}
	if len(stale) == 0 {
		return nil
	}
	for i, name := range stale {
		stale[i] = pgx.Identifier{"health", name}.Sanitize()
		switch name {
		case "event_day":
		case "event_identity":
			stale[i] += identityColumns
		default:
			stale[i] += analyzedColumns
		}
	}
	if _, err := im.conn.Exec(ctx, fewerSamples); err != nil {
		return fmt.Errorf("gather statistics: %w", err)
	}
	_, err = im.conn.Exec(ctx, "ANALYZE "+strings.Join(stale, ", "))
	if _, back := im.conn.Exec(ctx, usualSamples); err != nil || back != nil {
		return fmt.Errorf("gather statistics: %w", errors.Join(err, back))
	}
	return nil
}
