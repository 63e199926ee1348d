package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// importRecords reads health.import AS i for scanImport. An import that has no end
// and whose lock somebody holds is running.
const importRecords = `SELECT i.id, i.format, i.started_at, i.finished_at, i.read, i.stored, i.repeated, i.corrected, i.outdated, i.refused,
	i.undone_at, coalesce(i.undone_by, ''), i.undone,
	EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.pid <> pg_backend_pid()
	  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	  AND l.classid::bigint = hashtext('portal import')::bigint & 4294967295 AND l.objid::bigint = i.id % 2147483647)
	FROM health.import i`

func scanImport(row pgx.CollectableRow) (health.ImportRecord, error) {
	var r health.ImportRecord
	var finished, undone *time.Time
	var took *health.UndoCounts
	var locked bool
	err := row.Scan(&r.ID, &r.Format, &r.Started, &finished, &r.Read, &r.Stored, &r.Repeated, &r.Corrected, &r.Outdated, &r.Refused,
		&undone, &r.By, &took, &locked)
	r.Started, r.Finished, r.Undone = r.Started.UTC(), orZero(finished).UTC(), orZero(undone).UTC()
	if took != nil {
		r.Took = *took
	}
	switch {
	case undone != nil:
		r.State = health.ImportUndone
	case finished != nil:
		r.State = health.ImportFinished
	case locked:
		r.State = health.ImportRunning
	default:
		r.State = health.ImportCutOff
	}
	return r, err
}

// Imports returns all imports, the latest first.
func (db *DB) Imports(ctx context.Context) ([]health.ImportRecord, error) {
	rows, err := db.owner.Query(ctx, importRecords+` ORDER BY i.id DESC`)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanImport)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	return list, nil
}
