package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

const readSiteZone = `SELECT coalesce((SELECT value FROM ops.setting WHERE name = 'site_timezone'), 'UTC')`

// SiteTimezone returns the zone of persons without one of their own.
func (db *DB) SiteTimezone(ctx context.Context) (*time.Location, error) {
	var name string
	if err := db.app.QueryRow(ctx, readSiteZone).Scan(&name); err != nil {
		return nil, fmt.Errorf("site's time zone: %w", err)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("site's time zone: %w", err)
	}
	return loc, nil
}

// SetSiteTimezone makes loc the zone of persons without one of their own. Where
// it changes, the days of those persons' events are counted anew, in one transaction.
func (db *DB) SetSiteTimezone(ctx context.Context, loc *time.Location) error {
	if loc == time.Local || loc.String() == "Local" {
		return fmt.Errorf("the site's time zone needs an IANA name, such as Europe/Berlin")
	}
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		var old string
		if err := tx.QueryRow(ctx, readSiteZone).Scan(&old); err != nil {
			return fmt.Errorf("site's time zone: %w", err)
		}
		if old == loc.String() {
			return nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO ops.setting (name, value) VALUES ('site_timezone', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, loc.String())
		if err != nil {
			return fmt.Errorf("site's time zone: %w", err)
		}
		rows, err := tx.Query(ctx, `SELECT id FROM health.person WHERE timezone IS NULL ORDER BY id`)
		if err != nil {
			return fmt.Errorf("persons without a zone: %w", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[health.PersonID])
		if err != nil {
			return fmt.Errorf("persons without a zone: %w", err)
		}
		for _, id := range ids {
			if err := rezone(ctx, tx, id, old, loc.String()); err != nil {
				return err
			}
		}
		return nil
	})
}

// rezone moves a person's events from one zone's days to another's. Instants
// stay; whole days stay the same days, so that their borders move.
func rezone(ctx context.Context, tx pgx.Tx, person health.PersonID, from, to string) error {
	if err := rezoneRows(ctx, tx, person, from, to); err != nil {
		return err
	}
	if _, err := rebuildDirty(ctx, tx); err != nil {
		return err
	}
	return nil
}

// rezoneRows is rezone without the rollup.
func rezoneRows(ctx context.Context, tx pgx.Tx, person health.PersonID, from, to string) error {
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE health.event SET local_day = health.local_day_of(metric_id, effective_at, effective_end, $2)
		  WHERE person_id = $1 AND NOT whole_days
		    AND local_day <> health.local_day_of(metric_id, effective_at, effective_end, $2)`, []any{int64(person), to}},
		{`UPDATE health.event SET
		    effective_at = (effective_at AT TIME ZONE $2)::date::timestamp AT TIME ZONE $3,
		    effective_end = (effective_end AT TIME ZONE $2)::date::timestamp AT TIME ZONE $3
		  WHERE person_id = $1 AND whole_days`, []any{int64(person), from, to}},
		{`UPDATE health.event_identity i SET effective_at = e.effective_at
		  FROM health.event e
		  WHERE e.person_id = $1 AND e.whole_days AND i.person_id = e.person_id AND i.event_id = e.id`, []any{int64(person)}},
		{`UPDATE health.import_identity_before b SET effective_at = e.effective_at
		  FROM health.event e
		  WHERE e.person_id = $1 AND e.whole_days AND b.person_id = e.person_id AND b.event_id = e.id`, []any{int64(person)}},
		{`UPDATE health.import_event_before b SET effective_at = e.effective_at
		  FROM health.event e
		  WHERE e.person_id = $1 AND e.whole_days AND b.person_id = e.person_id AND b.event_id = e.id`, []any{int64(person)}},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("count the days in another zone: %w", err)
		}
	}
	return nil
}
