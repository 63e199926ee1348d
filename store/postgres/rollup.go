package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RebuildDirty brings the daily rollup up to date with the events: the keys of
// person, metric and day whose events changed are counted anew. It returns how
// many there were. Imports do this themselves; it serves rows that others wrote.
func (db *DB) RebuildDirty(ctx context.Context) (days int, err error) {
	err = db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		if err := rankSources(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, noteSourceless); err != nil {
			return fmt.Errorf("rebuild the daily rollup: %w", err)
		}
		days, err = rebuildDirty(ctx, tx)
		return err
	})
	return days, err
}

// noteSourceless notes the days of totals that a program from before the priority
// of sources rolled up, which may run beside this one during an upgrade.
const noteSourceless = `
	INSERT INTO health.event_dirty (person_id, metric_id, local_day)
	SELECT DISTINCT d.person_id, d.metric_id, d.local_day FROM health.event_day d JOIN health.metric m ON m.id = d.metric_id AND m.kind = 'total'
	WHERE d.source_id IS NULL AND d.n_used > 0
	ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at`

// RefreshViews brings the materialized views up to date with the rollup, while
// others go on reading what was there.
func (db *DB) RefreshViews(ctx context.Context) error {
	if _, err := db.owner.Exec(ctx, `REFRESH MATERIALIZED VIEW CONCURRENTLY analytics.mv_daily_metrics`); err != nil {
		return fmt.Errorf("refresh analytics.mv_daily_metrics: %w", err)
	}
	return nil
}

const createDirtyNow = `
	CREATE TEMP TABLE IF NOT EXISTS dirty_now (person_id bigint, metric_id integer, local_day date) ON COMMIT DELETE ROWS;
	DELETE FROM dirty_now`

// Taking the keys is a statement of its own: the next one sees every event whose
// key was taken here, because whoever wrote it had locked the key until it committed.
const takeDirty = `
	WITH taken AS (DELETE FROM health.event_dirty RETURNING person_id, metric_id, local_day)
	INSERT INTO dirty_now SELECT * FROM taken`

const dropDays = `
	DELETE FROM health.event_day d USING dirty_now n
	WHERE d.person_id = n.person_id AND d.metric_id = n.metric_id AND d.local_day = n.local_day`

// dayEvents are the events of the key n as tables show them. The constraint event_day_near bounds effective_at.
const dayEvents = `
	FROM health.event e
	WHERE e.person_id = n.person_id AND e.metric_id = n.metric_id AND e.local_day = n.local_day
	  AND e.effective_at >= (n.local_day - 2)::timestamp AT TIME ZONE 'UTC'
	  AND e.effective_at < (n.local_day + 2)::timestamp AT TIME ZONE 'UTC'
	  AND e.superseded_at IS NULL AND e.status <> 'entered-in-error'`

// dayRows counts the key n.
const dayRows = dayColumns + dayEvents + dayGroups

const dayColumns = `
	SELECT e.code_system, e.code, coalesce(e.unit_id, 0) AS unit_id, count(*)::integer AS n,
	  count(e.value) FILTER (WHERE e.comparator IS NULL)::integer AS n_used,
	  min(e.value) FILTER (WHERE e.comparator IS NULL) AS value_min,
	  max(e.value) FILTER (WHERE e.comparator IS NULL) AS value_max,
	  sum(e.value) FILTER (WHERE e.comparator IS NULL) AS value_sum`

// dayLanes are whose the numbers of the key n are: the source and device, or that
// there are several.
const dayLanes = `,
	  min(e.source_id) FILTER (` + isNumber + `), min(coalesce(e.device_id, 0)) FILTER (` + isNumber + `),
	  coalesce(min(e.source_id) FILTER (` + isNumber + `) <> max(e.source_id) FILTER (` + isNumber + `)
	    OR min(coalesce(e.device_id, 0)) FILTER (` + isNumber + `) <> max(coalesce(e.device_id, 0)) FILTER (` + isNumber + `), false)`

const isNumber = `WHERE e.value IS NOT NULL AND e.comparator IS NULL`

const dayGroups = `
	GROUP BY e.code_system, e.code, coalesce(e.unit_id, 0)`

// dirtySpan is where the events of the keys may lie.
const dirtySpan = `SELECT (min(local_day) - 2)::timestamp AT TIME ZONE 'UTC', (max(local_day) + 2)::timestamp AT TIME ZONE 'UTC' FROM dirty_now`

// fillDays counts the keys anew. $1 and $2 are the dirtySpan: the months beside it
// are not even planned for, so that the cost does not grow with the table.
const fillDays = `
	INSERT INTO health.event_day (person_id, metric_id, local_day, code_system, code, unit_id, n, n_used, value_min, value_max, value_sum,
	  source_id, device_id, several)
	SELECT n.person_id, n.metric_id, n.local_day, r.*
	FROM dirty_now n CROSS JOIN LATERAL (` + dayColumns + dayLanes + dayEvents + `
	  AND e.effective_at >= $1 AND e.effective_at < $2` + dayGroups + `) r`

// rebuildDirty rebuilds inside tx, which holds the events' lock.
func rebuildDirty(ctx context.Context, tx pgx.Tx) (int, error) {
	if _, err := tx.Exec(ctx, createDirtyNow); err != nil {
		return 0, fmt.Errorf("rebuild the daily rollup: %w", err)
	}
	taken, err := tx.Exec(ctx, takeDirty)
	if err != nil {
		return 0, fmt.Errorf("rebuild the daily rollup: %w", err)
	}
	if taken.RowsAffected() == 0 {
		return 0, nil
	}
	if err := recount(ctx, tx); err != nil {
		return 0, err
	}
	return int(taken.RowsAffected()), countOnce(ctx, tx, "dirty_now")
}

// recount counts the keys of dirty_now anew, all but what countOnce does.
func recount(ctx context.Context, tx pgx.Tx) error {
	return byIndex(ctx, tx, func() error {
		var from, to time.Time
		if err := tx.QueryRow(ctx, dirtySpan).Scan(&from, &to); err != nil {
			return fmt.Errorf("rebuild the daily rollup: %w", err)
		}
		if _, err := tx.Exec(ctx, dropDays); err != nil {
			return fmt.Errorf("rebuild the daily rollup: %w", err)
		}
		if _, err := tx.Exec(ctx, fillDays, from, to); err != nil {
			return fmt.Errorf("rebuild the daily rollup: %w", err)
		}
		return nil
	})
}
