package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/health/exportfile"
)

// StartExport stores the receipt of an export that begins and returns its id.
func (db *DB) StartExport(ctx context.Context, e health.Export) (string, error) {
	var id string
	err := db.app.QueryRow(ctx, `INSERT INTO ops.export (ticket, user_id, key_id, person_id, person, metric, first_day, last_day, format, gzip, file, promised, source_id, flag, since, until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING public_id`,
		e.Ticket, e.UserID, e.KeyID, int64(e.Filter.Person), e.PersonID, e.Filter.Metric, dateArg(e.Filter.From), dateArg(e.Filter.To),
		string(e.Format), e.Gzip, e.File, e.Promised, e.Filter.Source, e.Filter.Flag,
		timeArg(e.Filter.Since), timeArg(e.Filter.Until)).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("start the receipt of an export: %w", err)
	}
	return id, nil
}

// ExportProgress notes how far a running export is; one that has ended stays as it is.
func (db *DB) ExportProgress(ctx context.Context, id string, rows, bytes int64) error {
	_, err := db.app.Exec(ctx, `UPDATE ops.export SET rows = $2, bytes = $3, seen_at = now() WHERE public_id = $1 AND outcome = 'running'`, id, rows, bytes)
	if err != nil {
		return fmt.Errorf("note the progress of an export: %w", err)
	}
	return nil
}

// FinishExport notes an export's end, once: done with its proof, or failed.
func (db *DB) FinishExport(ctx context.Context, id string, done bool, proof exportfile.Proof) error {
	outcome := health.ExportFailed
	var sum []byte
	if done {
		outcome = health.ExportDone
		var err error
		if sum, err = hex.DecodeString(proof.SHA256); err != nil {
			return fmt.Errorf("finish the receipt of an export: %w", err)
		}
	}
	tag, err := db.app.Exec(ctx, `UPDATE ops.export SET rows = $2, bytes = $3, sha256 = $4, outcome = $5, seen_at = now(), finished_at = now()
		WHERE public_id = $1 AND outcome = 'running'`, id, proof.Rows, proof.Bytes, sum, string(outcome))
	if err != nil {
		return fmt.Errorf("finish the receipt of an export: %w", err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("finish the receipt of an export: %w", health.ErrNotFound)
	}
	return nil
}

// Export returns the user's own receipt with the id, or the latest one that a
// page's ticket led to; health.ErrNotFound where there is none.
func (db *DB) Export(ctx context.Context, userID int64, id string) (health.Export, error) {
	var e health.Export
	var first, last, since, until, finished *time.Time
	var sum []byte
	err := db.app.QueryRow(ctx, `SELECT public_id, ticket, user_id, key_id, person_id, person, metric, first_day, last_day, format, gzip, file,
		  promised, rows, bytes, sha256, outcome, started_at, seen_at, finished_at, source_id, flag, since, until
		FROM ops.export WHERE (public_id = $1 OR ticket = $1 AND ticket <> '') AND user_id = $2 ORDER BY id DESC LIMIT 1`, id, userID).
		Scan(&e.ID, &e.Ticket, &e.UserID, &e.KeyID, &e.Filter.Person, &e.PersonID, &e.Filter.Metric, &first, &last, &e.Format, &e.Gzip, &e.File,
			&e.Promised, &e.Rows, &e.Bytes, &sum, &e.Outcome, &e.Started, &e.LastSeen, &finished, &e.Filter.Source, &e.Filter.Flag, &since, &until)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, fmt.Errorf("receipt of an export: %w", health.ErrNotFound)
	}
	if err != nil {
		return e, fmt.Errorf("receipt of an export: %w", err)
	}
	if first != nil {
		e.Filter.From = health.DayOf(*first)
	}
	if last != nil {
		e.Filter.To = health.DayOf(*last)
	}
	if since != nil {
		e.Filter.Since = since.UTC()
	}
	if until != nil {
		e.Filter.Until = until.UTC()
	}
	e.SHA256, e.Started, e.LastSeen = hex.EncodeToString(sum), e.Started.UTC(), e.LastSeen.UTC()
	if finished != nil {
		e.Finished = finished.UTC()
	}
	return e, nil
}

// RemoveReceipts deletes receipts of exports that ended, or gave their last sign of
// life, before old, and returns how many. The audit log keeps its entries.
func (db *DB) RemoveReceipts(ctx context.Context, old time.Time) (removed int64, err error) {
	err = db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM ops.export WHERE coalesce(finished_at, seen_at) < $1`, old)
		removed = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old receipts of exports: %w", err)
	}
	return removed, nil
}
