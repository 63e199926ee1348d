package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// Sources returns every source by the priority with which it counts, then by name.
func (db *DB) Sources(ctx context.Context) ([]health.Source, error) {
	rows, err := db.owner.Query(ctx, `SELECT id, name, coalesce(priority, 0) FROM health.source
		ORDER BY coalesce(priority, priority_default, $1), name COLLATE "C"`, health.UnknownSource.Priority())
	if err != nil {
		return nil, fmt.Errorf("list the sources: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (health.Source, error) { return scanSource(row) })
	if err != nil {
		return nil, fmt.Errorf("list the sources: %w", err)
	}
	return list, nil
}

func scanSource(row pgx.Row) (health.Source, error) {
	var s health.Source
	if err := row.Scan(&s.ID, &s.Name, &s.Chosen); err != nil {
		return health.Source{}, err
	}
	s.Kind = health.SourceKindOf(s.Name)
	return s, nil
}

// chosenDirty notes the days whose sums may depend on a source: those on which
// several measured, of persons who have data of it.
const chosenDirty = `
	INSERT INTO health.event_dirty (person_id, metric_id, local_day)
	SELECT DISTINCT d.person_id, d.metric_id, d.local_day FROM health.event_day d
	WHERE d.value_counted IS NOT NULL AND EXISTS (SELECT FROM health.event_choice c WHERE c.person_id = d.person_id AND c.source_id = $1)
	ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at`

// SetSourcePriority chooses the priority of a source, by its id, and counts the
// days anew that depend on it, in one transaction; 0 takes the choice back. An
// unknown source gives ErrNotFound, a number that is no priority ErrPriority.
func (db *DB) SetSourcePriority(ctx context.Context, id, priority int) (health.PriorityChange, error) {
	var c health.PriorityChange
	var chosen *int
	if priority != 0 {
		if err := health.CheckPriority(priority); err != nil {
			return c, err
		}
		chosen = &priority
	}
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		var err error
		c.Source, err = scanSource(tx.QueryRow(ctx, `SELECT id, name, coalesce(priority, 0) FROM health.source WHERE id = $1 FOR UPDATE`, id))
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("source %d: %w", id, health.ErrNotFound)
		}
		if err != nil {
			return err
		}
		c.Before, c.Source.Chosen = c.Source.Chosen, priority
		if c.Before == priority {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE health.source SET priority = $2 WHERE id = $1`, id, chosen); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, chosenDirty, id); err != nil {
			return err
		}
		c.Days, err = rebuildDirty(ctx, tx)
		return err
	})
	if err != nil {
		return health.PriorityChange{}, fmt.Errorf("change the priority of a source: %w", err)
	}
	return c, nil
}

// everyDirty notes all days on which several sources measured.
const everyDirty = `
	INSERT INTO health.event_dirty (person_id, metric_id, local_day)
	SELECT DISTINCT d.person_id, d.metric_id, d.local_day FROM health.event_day d WHERE d.value_counted IS NOT NULL
	ON CONFLICT (person_id, metric_id, local_day) DO UPDATE SET noted_at = excluded.noted_at`

// rankSources writes the default priority of sources and devices that another
// program made, or whose kind an older one saw otherwise, and notes the days that
// may depend on them. tx holds the events' lock.
func rankSources(ctx context.Context, tx pgx.Tx) error {
	changed := false
	for _, table := range []string{"health.source", "health.device"} {
		rows, err := tx.Query(ctx, `SELECT id, name, coalesce(priority_default, 0) FROM `+table)
		if err != nil {
			return fmt.Errorf("rank the sources: %w", err)
		}
		var ids, ranks []int
		var id, rank int
		var name string
		_, err = pgx.ForEachRow(rows, []any{&id, &name, &rank}, func() error {
			if want := health.SourceKindOf(name).Priority(); want != rank {
				ids, ranks = append(ids, id), append(ranks, want)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("rank the sources: %w", err)
		}
		if len(ids) == 0 {
			continue
		}
		changed = true
		_, err = tx.Exec(ctx, `UPDATE `+table+` s SET priority_default = n.rank FROM unnest($1::integer[], $2::integer[]) AS n (id, rank) WHERE s.id = n.id`, ids, ranks)
		if err != nil {
			return fmt.Errorf("rank the sources: %w", err)
		}
	}
	if !changed {
		return nil
	}
	if _, err := tx.Exec(ctx, everyDirty); err != nil {
		return fmt.Errorf("rank the sources: %w", err)
	}
	return nil
}
