package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/jobs"
)

// UndoImport takes back exactly what an import did, in one transaction: its rows
// go, what it superseded is current again, and the rollup follows. Persons, what
// it filled in of them, their identifiers and care teams stay. by is who does it,
// for the record; dry leaves everything as it was. It fails with
// health.ErrNotFound, a *health.UndoneError, a *health.BuiltOnError, or
// jobs.ErrHeld while the import runs.
func (db *DB) UndoImport(ctx context.Context, id int64, by string, dry bool) (health.UndoReport, error) {
	var report health.UndoReport
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		var err error
		if report.Import, err = undoable(ctx, tx, id); err != nil {
			return err
		}
		if report.Repeated, err = laterRepetitions(ctx, tx, id); err != nil {
			return err
		}
		if report.UndoCounts, err = undo(ctx, tx, id); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		_, err = tx.Exec(ctx, `UPDATE health.import SET undone_at = now(), undone_by = $2, undone = $3 WHERE id = $1`, id, by, report.UndoCounts)
		return err
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	if err != nil {
		return health.UndoReport{Import: report.Import}, fmt.Errorf("undo import %d: %w", id, err)
	}
	return report, nil
}

// undoable locks an import for its undo, or says why it can't be undone.
func undoable(ctx context.Context, tx pgx.Tx, id int64) (health.ImportRecord, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM health.import WHERE id = $1 FOR UPDATE`, id); err != nil {
		return health.ImportRecord{}, err
	}
	var free bool
	if err := tx.QueryRow(ctx, tryThisImport, id).Scan(&free); err != nil {
		return health.ImportRecord{}, err
	}
	rows, err := tx.Query(ctx, importRecords+` WHERE i.id = $1`, id)
	if err != nil {
		return health.ImportRecord{}, err
	}
	rec, err := pgx.CollectExactlyOneRow(rows, scanImport)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return rec, health.ErrNotFound
	case err != nil:
		return rec, err
	case rec.State == health.ImportUndone:
		return rec, &health.UndoneError{At: rec.Undone, By: rec.By}
	case !free:
		return rec, fmt.Errorf("it is still running; undo it when it has ended: %w", jobs.ErrHeld)
	}
	return rec, checkBuiltOn(ctx, tx, id)
}

// builtOn are the imports that changed an external id after this one stored or changed it.
const builtOn = `
	WITH mine AS (
	  SELECT person_id, source_id, ext, min(no) AS no FROM (
	    SELECT person_id, source_id, ext, first_no AS no FROM health.import_identity_before WHERE import_id = $1
	    UNION ALL
	    SELECT person_id, source_id, ext, first_no - 1 FROM health.import_identity_before WHERE event_import = $1 AND import_id <> $1) t
	  GROUP BY 1, 2, 3)
	SELECT y.import_id, count(DISTINCT (y.person_id, y.source_id, y.ext))
	FROM health.import_identity_before y JOIN mine USING (person_id, source_id, ext)
	WHERE y.import_id <> $1 AND y.last_no > mine.no
	GROUP BY 1 ORDER BY 1 DESC`

// unjournaled tells whether the journal may lack what this import, or a later one, changed.
const unjournaled = `SELECT EXISTS (SELECT FROM health.import WHERE NOT journaled AND undone_at IS NULL
	AND (id = $1 OR id > $1)), (SELECT NOT journaled AND finished_at IS NULL AND started_at > now() - interval '1 day' FROM health.import WHERE id = $1)`

// sharedIDs counts the external ids of the import of which other rows are, too.
const sharedIDs = `
	SELECT count(*) FROM (
	  SELECT DISTINCT e.person_id, e.source_id, e.external_id FROM health.event e
	  WHERE e.import_id = $1 AND e.external_id IS NOT NULL
	    AND EXISTS (SELECT FROM health.event o WHERE o.person_id = e.person_id AND o.source_id = e.source_id
	      AND o.external_id = e.external_id AND o.import_id IS DISTINCT FROM $1)) t`

// checkBuiltOn refuses an undo that would take the ground from under a later
// import, or of which the journal does not tell enough.
func checkBuiltOn(ctx context.Context, tx pgx.Tx, id int64) error {
	rows, err := tx.Query(ctx, builtOn, id)
	if err != nil {
		return fmt.Errorf("look for later versions: %w", err)
	}
	uses, err := pgx.CollectRows(rows, pgx.RowToStructByPos[health.ImportUse])
	if err != nil {
		return fmt.Errorf("look for later versions: %w", err)
	}
	if len(uses) > 0 {
		return &health.BuiltOnError{Uses: uses}
	}
	var partly, maybeRunning bool
	if err := tx.QueryRow(ctx, unjournaled, id).Scan(&partly, &maybeRunning); err != nil {
		return fmt.Errorf("look for the journal: %w", err)
	}
	if maybeRunning {
		return fmt.Errorf("an older version of the portal began it within the last day, and whether it still runs can't be told: %w", jobs.ErrHeld)
	}
	if !partly {
		return nil
	}
	var shared int64
	if err := tx.QueryRow(ctx, sharedIDs, id).Scan(&shared); err != nil {
		return fmt.Errorf("look for other versions: %w", err)
	}
	if shared > 0 {
		return fmt.Errorf("an older version of the portal, which did not note what imports change, was at work, "+
			"and %d observations have versions by other imports, too: what they were before can't be told", shared)
	}
	return nil
}

// laterRepetitions are the imports that ended after this one began and met known values.
func laterRepetitions(ctx context.Context, tx pgx.Tx, id int64) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT y.id FROM health.import x JOIN health.import y ON y.id <> x.id
		WHERE x.id = $1 AND y.undone_at IS NULL AND coalesce(y.finished_at, 'infinity') >= x.started_at
		  AND (y.repeated > 0 OR (y.finished_at IS NULL AND y.started_at >= x.started_at)) ORDER BY y.id`, id)
	if err != nil {
		return nil, fmt.Errorf("look for repetitions: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// extOf is health.KeyOf in SQL.
const extOf = `encode(substring(sha256(convert_to(e.external_id, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid`

const restoreIdentities = `
	UPDATE health.event_identity i SET version = b.version, dedupe = b.dedupe, effective_at = b.effective_at, event_id = b.event_id, updated = b.updated
	FROM health.import_identity_before b
	WHERE b.import_id = $1 AND b.event_import IS DISTINCT FROM $1
	  AND (i.person_id, i.source_id, i.ext, i.slot) = (b.person_id, b.source_id, b.ext, b.slot)`

// Whatever still leads to a row of the import was unknown before it.
const dropIdentities = `
	DELETE FROM health.event_identity i USING health.event e
	WHERE e.import_id = $1 AND e.external_id IS NOT NULL AND e.effective_at >= $2 AND e.effective_at < $3
	  AND i.person_id = e.person_id AND i.source_id = e.source_id AND i.ext = ` + extOf + ` AND i.event_id = e.id`

const dropRows = `DELETE FROM health.event e WHERE e.import_id = $1 AND e.effective_at >= $2 AND e.effective_at < $3`

const restoreRows = `
	WITH old AS (
	  SELECT e.person_id, e.effective_at, e.id, b.version, b.superseded_at AS was, e.superseded_at AS at_now
	  FROM health.import_event_before b
	  JOIN health.event e ON e.person_id = b.person_id AND e.effective_at = b.effective_at AND e.id = b.event_id
	  WHERE b.import_id = $1 AND (e.superseded_at IS DISTINCT FROM b.superseded_at OR e.version <> b.version)
	), restored AS (
	  UPDATE health.event e SET superseded_at = old.was, version = old.version FROM old
	  WHERE e.person_id = old.person_id AND e.effective_at = old.effective_at AND e.id = old.id
	  RETURNING old.was, old.at_now
	)
	SELECT count(*) FILTER (WHERE was IS NULL AND at_now IS NOT NULL), count(*) FILTER (WHERE was IS NOT NULL AND at_now IS NULL) FROM restored`

// undo takes the import back inside tx, which holds the events' lock.
func undo(ctx context.Context, tx pgx.Tx, id int64) (health.UndoCounts, error) {
	var c health.UndoCounts
	if _, err := tx.Exec(ctx, restoreIdentities, id); err != nil {
		return c, fmt.Errorf("restore what was current: %w", err)
	}
	months, err := monthsOf(ctx, tx, id)
	if err != nil {
		return c, err
	}
	for _, m := range months {
		if _, err := tx.Exec(ctx, dropIdentities, id, m.from, m.to); err != nil {
			return c, fmt.Errorf("forget the external ids: %w", err)
		}
		tag, err := tx.Exec(ctx, dropRows, id, m.from, m.to)
		if err != nil {
			return c, fmt.Errorf("take the rows away: %w", err)
		}
		c.Rows += tag.RowsAffected()
	}
	if err := tx.QueryRow(ctx, restoreRows, id).Scan(&c.Current, &c.Superseded); err != nil {
		return c, fmt.Errorf("restore the earlier versions: %w", err)
	}
	for _, sql := range []string{`DELETE FROM health.import_identity_before WHERE import_id = $1`, `DELETE FROM health.import_event_before WHERE import_id = $1`} {
		if _, err := tx.Exec(ctx, sql, id); err != nil {
			return c, fmt.Errorf("clear the journal: %w", err)
		}
	}
	if c.Surfaced, err = surface(ctx, tx); err != nil {
		return c, err
	}
	days, err := rebuildDirty(ctx, tx)
	if err != nil {
		return c, err
	}
	c.Days = int64(days)
	err = tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM health.event e WHERE e.person_id = p.id)
		  AND NOT EXISTS (SELECT FROM analytics.genomics_reports r WHERE r.person_id = p.id))
		FROM health.person p WHERE p.import_id = $1`, id).Scan(&c.Persons, &c.Empty)
	if err != nil {
		return c, fmt.Errorf("count the persons: %w", err)
	}
	return c, nil
}

// month is a range of effective times, the end exclusive.
type month struct{ from, to time.Time }

// monthsOf are the months (UTC) in which the import has rows, so that a large one
// goes partition by partition.
func monthsOf(ctx context.Context, tx pgx.Tx, id int64) ([]month, error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT CASE WHEN effective_at < make_timestamptz($2, 1, 1, 0, 0, 0, 'UTC') THEN NULL
		  ELSE date_trunc('month', effective_at, 'UTC') END FROM health.event WHERE import_id = $1`, id, firstMonthlyYear)
	if err != nil {
		return nil, fmt.Errorf("months of the import: %w", err)
	}
	months, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (month, error) {
		var from *time.Time
		if err := row.Scan(&from); err != nil {
			return month{}, err
		}
		if from == nil {
			return month{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(firstMonthlyYear, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
		}
		return month{*from, from.UTC().AddDate(0, 1, 0)}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("months of the import: %w", err)
	}
	return months, nil
}
