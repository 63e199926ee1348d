package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

// SaveCeremony stores a ceremony until it is taken or cleaned up.
func (db *DB) SaveCeremony(ctx context.Context, c passkey.Ceremony) error {
	_, err := db.app.Exec(ctx, `INSERT INTO auth.ceremony (id_hash, kind, user_id, enrolment, state, expires_at)
		VALUES ($1, $2, nullif($3::bigint, 0), $4, $5, $6)`, c.IDHash, string(c.Kind), c.UserID, c.EnrolmentHash, c.State, c.Expires)
	if err != nil {
		return fmt.Errorf("store ceremony: %w", err)
	}
	return nil
}

// TakeCeremony removes and returns a ceremony, or health.ErrNotFound. Of two
// callers one gets it.
func (db *DB) TakeCeremony(ctx context.Context, idHash []byte) (passkey.Ceremony, error) {
	c := passkey.Ceremony{IDHash: idHash}
	err := db.app.QueryRow(ctx, `DELETE FROM auth.ceremony WHERE id_hash = $1
		RETURNING kind, coalesce(user_id, 0), enrolment, state, expires_at`, idHash).
		Scan(&c.Kind, &c.UserID, &c.EnrolmentHash, &c.State, &c.Expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return passkey.Ceremony{}, health.ErrNotFound
	}
	if err != nil {
		return passkey.Ceremony{}, fmt.Errorf("take ceremony: %w", err)
	}
	return c, nil
}

// LivePasskeys returns the user's passkeys that are not revoked, oldest first.
func (db *DB) LivePasskeys(ctx context.Context, userID int64) ([]passkey.Passkey, error) {
	rows, err := db.app.Query(ctx, `SELECT id, user_id, credential_id, credential, name FROM auth.passkey
		WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (passkey.Passkey, error) {
		var k passkey.Passkey
		err := row.Scan(&k.ID, &k.UserID, &k.CredentialID, &k.Record, &k.Name)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	return keys, nil
}

// RecordPasskeyUse writes sign count, flags and time of a sign-in back. Where
// the stored record is no longer the one verified, or passkey or user are
// barred by now, it fails with passkey.ErrChanged.
func (db *DB) RecordPasskeyUse(ctx context.Context, use passkey.Use) error {
	tag, err := db.app.Exec(ctx, `
		UPDATE auth.passkey k SET credential = $3, last_used_at = greatest(k.last_used_at, $4) FROM auth.user_account u
		WHERE k.id = $1 AND k.credential = $2::jsonb AND k.revoked_at IS NULL AND u.id = k.user_id AND u.disabled_at IS NULL`,
		use.PasskeyID, use.Before, use.After, use.At)
	if err != nil {
		return fmt.Errorf("write passkey: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return passkey.ErrChanged
	}
	return nil
}
