package postgres

import (
	"context"
	"fmt"
	"time"
)

// CountAttempt adds n to the bucket's count of the present window, which begins
// with the first attempt, and returns the count. With n = 0 it only reads.
func (db *DB) CountAttempt(ctx context.Context, bucket string, n int, window time.Duration) (int, error) {
	sql := `
		INSERT INTO auth.attempt AS a (bucket, started_at, n) VALUES ($1, clock_timestamp(), $2)
		ON CONFLICT (bucket) DO UPDATE SET
		  n          = CASE WHEN a.started_at > clock_timestamp() - $3::interval THEN least(a.n::bigint + $2, 2147483647) ELSE $2 END,
		  started_at = CASE WHEN a.started_at > clock_timestamp() - $3::interval THEN a.started_at ELSE clock_timestamp() END
		RETURNING n`
	if n == 0 {
		sql = `SELECT coalesce(max(n), 0) + $2::int FROM auth.attempt WHERE bucket = $1 AND started_at > clock_timestamp() - $3::interval`
	}
	var count int
	if err := db.app.QueryRow(ctx, sql, bucket, n, window).Scan(&count); err != nil {
		return 0, fmt.Errorf("count an attempt: %w", err)
	}
	return count, nil
}
