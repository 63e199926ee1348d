package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The journal holds what an import found before it changed it for the first time:
// restoring that, and deleting the import's own rows, takes the import back.
// Every slot of a changed external id is noted, so that a later import's change of
// any of them is known as one that builds on it.
const journalIdentities = `
	INSERT INTO health.import_identity_before AS b (import_id, person_id, source_id, ext, slot, version, dedupe, effective_at,
	  event_id, updated, event_import, first_no, last_no)
	SELECT $1, p.person_id, p.source_id, p.ext, p.slot, p.version, p.dedupe, p.effective_at, p.event_id, p.updated, e.import_id, n.no, n.no
	FROM (SELECT nextval('health.import_change_seq') AS no) n CROSS JOIN prior p
	LEFT JOIN health.event e ON e.person_id = p.person_id AND e.effective_at = p.effective_at AND e.id = p.event_id
	WHERE p.changed OR p.touched
	ON CONFLICT (import_id, person_id, source_id, ext, slot) DO UPDATE SET last_no = excluded.last_no`

// The import's own rows are not noted: an undo deletes them.
const journalEvents = `
	INSERT INTO health.import_event_before (import_id, person_id, event_id, effective_at, version, superseded_at)
	SELECT $1, e.person_id, e.id, e.effective_at, e.version, e.superseded_at
	FROM (SELECT person_id, effective_at, event_id FROM prior WHERE changed OR bumped
	  UNION SELECT person_id, back_at, back_id FROM prior WHERE changed AND back_id IS NOT NULL) t
	JOIN health.event e ON e.person_id = t.person_id AND e.effective_at = t.effective_at AND e.id = t.event_id
	WHERE e.import_id IS DISTINCT FROM $1
	ON CONFLICT (import_id, person_id, event_id) DO NOTHING`

// journal notes what the round is about to change.
func journal(ctx context.Context, tx pgx.Tx, importID int64) error {
	for _, sql := range []string{journalIdentities, journalEvents} {
		if _, err := tx.Exec(ctx, sql, importID); err != nil {
			return fmt.Errorf("note what the import changes: %w", err)
		}
	}
	return nil
}

// The locks of running imports: each holds its own number, so that nobody takes it
// back meanwhile, and shares the one of all, because it knows persons by identifier
// and would store under a record that became part of another.
const (
	lockThisImport = `SELECT pg_advisory_lock(hashtext('portal import'), ($1::bigint % 2147483647)::integer)`
	lockAllImports = `SELECT pg_advisory_lock_shared(hashtext('portal imports'), 0)`
	tryThisImport  = `SELECT pg_try_advisory_xact_lock(hashtext('portal import'), ($1::bigint % 2147483647)::integer)`
	// Imports of an older program hold no lock: one of the last day that has no end may still run.
	tryAllImports = `SELECT pg_try_advisory_xact_lock(hashtext('portal imports'), 0) AND NOT EXISTS (SELECT FROM health.import
		WHERE NOT journaled AND finished_at IS NULL AND undone_at IS NULL AND started_at > now() - interval '1 day')`
	unlockImportLocks = `SELECT pg_advisory_unlock_all()`
)

// noticeEnd lets PostgreSQL notice when this program is gone, so that the locks of a
// killed import go with it: within a second also while it waits for another
// import or computes, and within two minutes where the machine itself is gone.
func noticeEnd(ctx context.Context, conn *pgxpool.Conn) error {
	for _, sql := range []string{`SET client_connection_check_interval = '1s'`, `SET tcp_keepalives_idle = 60`, `SET tcp_keepalives_interval = 10`, `SET tcp_keepalives_count = 6`} {
		_, err := conn.Exec(ctx, sql)
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Code == invalidParameter {
			continue // a server whose system can't: it notices when it reads or writes
		}
		if err != nil {
			return fmt.Errorf("let the database notice the import's end: %w", err)
		}
	}
	return nil
}

// invalidParameter is what a server answers whose system can't do what a setting asks.
const invalidParameter = "22023"

// unlock ends the import's locks. A connection that may still hold them does not
// go back into the pool.
func (im *importer) unlock(ctx context.Context) error {
	if _, err := im.conn.Exec(ctx, unlockImportLocks); err != nil {
		return im.conn.Conn().Close(ctx)
	}
	return nil
}
