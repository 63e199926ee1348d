package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

const revokeUnusedLinks = `UPDATE auth.enrolment SET revoked_at = $2 WHERE user_id = $1 AND used_at IS NULL AND revoked_at IS NULL`

// ReplaceEnrolment stores a link and revokes the user's earlier unused ones.
func (db *DB) ReplaceEnrolment(ctx context.Context, e passkey.Enrolment) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		// Two links made at once would otherwise both survive.
		if _, err := tx.Exec(ctx, `SELECT FROM auth.user_account WHERE id = $1 FOR UPDATE`, e.User.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, revokeUnusedLinks, e.User.ID, e.Created); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO auth.enrolment (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
			e.TokenHash, e.User.ID, e.Created, e.Expires)
		return err
	})
	if err != nil {
		return fmt.Errorf("store enrolment link: %w", err)
	}
	return nil
}

// EnrolmentLink returns a link with its user, or health.ErrNotFound.
func (db *DB) EnrolmentLink(ctx context.Context, tokenHash []byte) (passkey.Enrolment, error) {
	e := passkey.Enrolment{TokenHash: tokenHash}
	var used, revoked *time.Time
	err := db.app.QueryRow(ctx, `
		SELECT e.created_at, e.expires_at, e.used_at, e.revoked_at, u.id, u.name, u.display_name, u.handle, u.disabled_at IS NOT NULL
		FROM auth.enrolment e JOIN auth.user_account u ON u.id = e.user_id WHERE e.token_hash = $1`, tokenHash).
		Scan(&e.Created, &e.Expires, &used, &revoked, &e.User.ID, &e.User.Name, &e.User.DisplayName, &e.User.Handle, &e.User.Disabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return passkey.Enrolment{}, health.ErrNotFound
	}
	if err != nil {
		return passkey.Enrolment{}, fmt.Errorf("read enrolment link: %w", err)
	}
	e.Used, e.Revoked = orZero(used), orZero(revoked)
	return e, nil
}

// EnrolPasskey uses the link up and stores the passkey, both or neither. Of two
// callers with one link one wins, the other gets passkey.ErrLinkDead. A
// credential id that is stored already gives passkey.ErrKnown.
func (db *DB) EnrolPasskey(ctx context.Context, tokenHash []byte, key passkey.Passkey, at time.Time) (int64, error) {
	var id int64
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE auth.enrolment e SET used_at = $3 FROM auth.user_account u
			WHERE e.token_hash = $1 AND e.user_id = $2 AND e.used_at IS NULL AND e.revoked_at IS NULL AND e.expires_at > $3
			  AND u.id = e.user_id AND u.disabled_at IS NULL`, tokenHash, key.UserID, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return passkey.ErrLinkDead
		}
		return tx.QueryRow(ctx, `INSERT INTO auth.passkey (user_id, credential_id, credential, name, created_at)
			VALUES ($1, $2, $3, $4, $5) RETURNING id`, key.UserID, key.CredentialID, key.Record, key.Name, at).Scan(&id)
	})
	if violates(err, "passkey_credential_id_key") {
		return 0, passkey.ErrKnown
	}
	if err != nil {
		return 0, fmt.Errorf("store passkey: %w", err)
	}
	return id, nil
}
