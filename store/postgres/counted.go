package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Where sources overlap, the sum of a total counts each moment once. The rule is
// the function health.counted_rows; here it is brought into the rollup.

// countedAtOnce is how many keys one statement resolves, so that those of a whole
// table don't have to fit into memory.
const countedAtOnce = 200

const createNear = `
	CREATE TEMP TABLE IF NOT EXISTS near_now (person_id bigint, metric_id integer, local_day date) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE IF NOT EXISTS once_now (person_id bigint, metric_id integer, local_day date, no bigint) ON COMMIT DELETE ROWS;
	DELETE FROM near_now; DELETE FROM once_now`

// takeNear takes the keys of totals that a change of the keys' days may concern: a
// night, or a walk at midnight, reaches into the day beside it.
const takeNear = `
	INSERT INTO near_now
	SELECT DISTINCT k.person_id, k.metric_id, k.local_day + g.off
	FROM %s k JOIN health.metric m ON m.id = k.metric_id AND m.kind = 'total' CROSS JOIN generate_series(-1, 1) AS g (off)`

const clearCounted = `
	UPDATE health.event_day d SET value_counted = NULL, left_sources = NULL FROM near_now n
	WHERE d.person_id = n.person_id AND d.metric_id = n.metric_id AND d.local_day = n.local_day AND d.value_counted IS NOT NULL`

// severalNear are those of the keys n with numbers of more than one source or
// device, together with the days beside them. All others are done with.
const severalNear = `
	FROM near_now n JOIN health.event_day d ON d.person_id = n.person_id AND d.metric_id = n.metric_id AND d.local_day = n.local_day
	WHERE d.source_id IS NOT NULL AND (d.several OR EXISTS (SELECT FROM health.event_day x
	  WHERE x.person_id = d.person_id AND x.metric_id = d.metric_id AND x.local_day BETWEEN d.local_day - 1 AND d.local_day + 1
	    AND x.code_system = d.code_system AND x.code = d.code AND x.unit_id = d.unit_id AND x.source_id IS NOT NULL
	    AND (x.several OR (x.source_id, x.device_id) <> (d.source_id, d.device_id))))`

const chooseNear = `
	INSERT INTO once_now SELECT k.*, row_number() OVER (ORDER BY k.person_id, k.metric_id, k.local_day)
	FROM (SELECT DISTINCT d.person_id, d.metric_id, d.local_day` + severalNear + `) k`

// Where nothing is left out the plain sum stands, to the last bit.
const setCounted = `
	WITH k AS (SELECT array_agg(person_id ORDER BY no) AS persons, array_agg(metric_id ORDER BY no) AS metrics, array_agg(local_day ORDER BY no) AS days
	  FROM once_now WHERE no > $1 AND no <= $2)
	UPDATE health.event_day d
	SET value_counted = CASE WHEN c.left_sources IS NULL THEN d.value_sum ELSE c.value_counted END, left_sources = c.left_sources
	FROM k CROSS JOIN LATERAL health.counted_days(k.persons, k.metrics, k.days) c
	WHERE d.person_id = c.person_id AND d.metric_id = c.metric_id AND d.local_day = c.local_day
	  AND d.code_system = c.code_system AND d.code = c.code AND d.unit_id = c.unit_id`

// countOnce resolves the overlaps of sources on the days of the keys in the
// temporary tables, and on the days beside them. Their rows in the rollup are up
// to date otherwise.
func countOnce(ctx context.Context, tx pgx.Tx, tables ...string) error {
	return byIndex(ctx, tx, func() error {
		var chosen int64
		if _, err := tx.Exec(ctx, createNear); err != nil {
			return fmt.Errorf("resolve overlapping sources: %w", err)
		}
		var b pgx.Batch
		for _, t := range tables {
			b.Queue(fmt.Sprintf(takeNear, t))
		}
		b.Queue(clearCounted)
		b.Queue(chooseNear)
		results := tx.SendBatch(ctx, &b)
		for range b.Len() {
			tag, err := results.Exec()
			if err != nil {
				_ = results.Close() // says the same
				return fmt.Errorf("resolve overlapping sources: %w", err)
			}
			chosen = tag.RowsAffected()
		}
		if err := results.Close(); err != nil {
			return fmt.Errorf("resolve overlapping sources: %w", err)
		}
		for done := int64(0); done < chosen; done += countedAtOnce {
			if _, err := tx.Exec(ctx, setCounted, done, done+countedAtOnce); err != nil {
				return fmt.Errorf("resolve overlapping sources: %w", err)
			}
		}
		return nil
	})
}
