package postgres

import (
	"context"
	"fmt"

	"healthportal/app/health"
)

// EnsurePartitions makes the monthly partitions of health.event that cover both
// days and returns how many were missing.
func (db *DB) EnsurePartitions(ctx context.Context, first, last health.Day) (int, error) {
	var made int
	if err := db.owner.QueryRow(ctx, `SELECT health.ensure_partitions($1::date, $2::date)`, first.String(), last.String()).Scan(&made); err != nil {
		return 0, fmt.Errorf("make partitions: %w", err)
	}
	return made, nil
}
