package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// KeyRecords returns what is known of all keys, oldest first.
func (db *DB) KeyRecords(ctx context.Context) ([]keyring.Record, error) {
	rows, err := db.owner.Query(ctx, `SELECT purpose, key_id, fingerprint, created_at, retired_at, lost_at
		FROM ops.key ORDER BY created_at, purpose, key_id`)
	if err != nil {
		return nil, fmt.Errorf("read the record of keys: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (keyring.Record, error) {
		var r keyring.Record
		var retired, lost *time.Time
		err := row.Scan(&r.Purpose, &r.ID, &r.Fingerprint, &r.Created, &retired, &lost)
		r.Created, r.Retired, r.Lost = r.Created.UTC(), orZero(retired), orZero(lost)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the record of keys: %w", err)
	}
	return list, nil
}

// AddKeyRecords adds records, all or none; keyring.ErrTaken where a key is known
// already or its purpose has a current one.
func (db *DB) AddKeyRecords(ctx context.Context, records []keyring.Record) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		for _, r := range records {
			if err := insertKey(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	return keyError(err)
}

func insertKey(ctx context.Context, tx pgx.Tx, r keyring.Record) error {
	var retired *time.Time
	if !r.Retired.IsZero() {
		retired = &r.Retired
	}
	_, err := tx.Exec(ctx, `INSERT INTO ops.key (purpose, key_id, fingerprint, created_at, retired_at) VALUES ($1, $2, $3, $4, $5)`,
		string(r.Purpose), r.ID, r.Fingerprint, r.Created, retired)
	return err
}

// ReplaceKeyRecord retires the purpose's current key when r was created and adds
// r as the current one; keyring.ErrTaken where r is known already.
func (db *DB) ReplaceKeyRecord(ctx context.Context, r keyring.Record) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE ops.key SET retired_at = greatest(created_at, $2) WHERE purpose = $1 AND retired_at IS NULL`,
			string(r.Purpose), r.Created)
		if err != nil {
			return err
		}
		return insertKey(ctx, tx, r)
	})
	return keyError(err)
}

// LoseKeyRecord records that a key is lost, and retires it; a key that is unknown
// or recorded as lost already gives health.ErrNotFound.
func (db *DB) LoseKeyRecord(ctx context.Context, p keyring.Purpose, id string, at time.Time) error {
	tag, err := db.owner.Exec(ctx, `UPDATE ops.key SET lost_at = $3, retired_at = coalesce(retired_at, $3)
		WHERE purpose = $1 AND key_id = $2 AND lost_at IS NULL`, string(p), id, at)
	if err != nil {
		return fmt.Errorf("record a lost key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("record a lost key: %w", health.ErrNotFound)
	}
	return nil
}

func keyError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == uniqueViolation {
		return keyring.ErrTaken
	}
	if err != nil {
		return fmt.Errorf("record keys: %w", err)
	}
	return nil
}
