package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// holdPartitions comes before the first query of a transaction that sees one
// instant. Rows that move from the default partition to their month's own, after
// the instant and before a statement is planned, would be looked for where that
// instant has none; health.make_partition waits for whoever holds this.
// PostgreSQL's LOCK: the instant of such a transaction begins with its first query.
const holdPartitions = "lock table only health.event in access share mode"

// EnsurePartitions makes the monthly partitions of health.event that cover both
// days and returns how many were missing.
func (db *DB) EnsurePartitions(ctx context.Context, first, last health.Day) (int, error) {
	var made int
	if err := db.owner.QueryRow(ctx, `SELECT health.ensure_partitions($1::date, $2::date)`, first.String(), last.String()).Scan(&made); err != nil {
		return 0, fmt.Errorf("make partitions: %w", err)
	}
	return made, nil
}

// EmptyDefaultPartition makes the partitions of the months whose rows wait in
// the default partition, which moves them there. It returns how many it made.
func (db *DB) EmptyDefaultPartition(ctx context.Context) (int, error) {
	rows, err := db.owner.Query(ctx, `SELECT DISTINCT date_trunc('month', effective_at AT TIME ZONE 'UTC') FROM health.event_default ORDER BY 1`)
	if err != nil {
		return 0, fmt.Errorf("look into the default partition: %w", err)
	}
	months, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return 0, fmt.Errorf("look into the default partition: %w", err)
	}
	made := 0
	for _, month := range months {
		n, err := db.EnsurePartitions(ctx, health.DayOf(month), health.DayOf(month))
		if err != nil {
			return made, err
		}
		made += n
	}
	return made, nil
}
