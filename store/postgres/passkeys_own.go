package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

// AddPasskey stores a further passkey of key.UserID and returns its public id. A
// credential id that is stored already gives passkey.ErrKnown, a user who is gone
// or disabled health.ErrNotFound.
func (db *DB) AddPasskey(ctx context.Context, key passkey.Passkey, at time.Time) (string, error) {
	var publicID string
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		var live bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM auth.user_account WHERE id = $1 AND disabled_at IS NULL)`, key.UserID).Scan(&live); err != nil {
			return err
		}
		if !live {
			return health.ErrNotFound
		}
		var err error
		_, publicID, err = insertPasskey(ctx, tx, key, at)
		return err
	})
	if violates(err, "passkey_credential_id_key") {
		return "", passkey.ErrKnown
	}
	if err != nil {
		return "", fmt.Errorf("store passkey: %w", err)
	}
	return publicID, nil
}

// RenamePasskey names a live passkey of the user, or fails with health.ErrNotFound.
func (db *DB) RenamePasskey(ctx context.Context, userID int64, publicID, name string) error {
	tag, err := db.app.Exec(ctx, `UPDATE auth.passkey SET name = $3 WHERE user_id = $1 AND public_id = $2 AND revoked_at IS NULL`, userID, publicID, name)
	if err != nil {
		return fmt.Errorf("rename passkey: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return health.ErrNotFound
	}
	return nil
}

// RemovePasskey revokes a live passkey of the user and ends the sessions that it
// signed in. It fails with health.ErrNotFound, or with passkey.ErrLastPasskey
// where the user has no other; of two removals at once one waits for the other.
func (db *DB) RemovePasskey(ctx context.Context, userID int64, publicID string, at time.Time) error {
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		// The locks come in one order; whoever waited sees what is left.
		rows, err := tx.Query(ctx, `SELECT public_id FROM auth.passkey WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id FOR UPDATE`, userID)
		if err != nil {
			return err
		}
		live, err := pgx.CollectRows(rows, pgx.RowTo[string])
		switch {
		case err != nil:
			return err
		case !slices.Contains(live, publicID):
			return health.ErrNotFound
		case len(live) == 1:
			return passkey.ErrLastPasskey
		}
		var id int64
		err = tx.QueryRow(ctx, `UPDATE auth.passkey SET revoked_at = $3 WHERE user_id = $1 AND public_id = $2 RETURNING id`, userID, publicID, at).Scan(&id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE auth.session SET ended_at = $2, ended_why = 'its passkey was removed' WHERE passkey_id = $1 AND ended_at IS NULL`, id, at)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove passkey: %w", err)
	}
	db.outdate(ctx)
	return nil
}
