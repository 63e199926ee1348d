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

// SaveCeremony stores a ceremony until it is taken or cleaned up.
func (db *DB) SaveCeremony(ctx context.Context, c passkey.Ceremony) error {
	_, err := db.app.Exec(ctx, `INSERT INTO auth.ceremony (id_hash, kind, user_id, enrolment, session_id, state, expires_at)
		VALUES ($1, $2, nullif($3::bigint, 0), $4, nullif($5, ''), $6, $7)`,
		c.IDHash, string(c.Kind), c.UserID, c.EnrolmentHash, c.SessionID, c.State, c.Expires)
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
		RETURNING kind, coalesce(user_id, 0), enrolment, coalesce(session_id, ''), state, expires_at`, idHash).
		Scan(&c.Kind, &c.UserID, &c.EnrolmentHash, &c.SessionID, &c.State, &c.Expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return passkey.Ceremony{}, health.ErrNotFound
	}
	if err != nil {
		return passkey.Ceremony{}, fmt.Errorf("take ceremony: %w", err)
	}
	return c, nil
}

// UserByID returns a user, or health.ErrNotFound.
func (db *DB) UserByID(ctx context.Context, userID int64) (passkey.User, error) {
	return db.user(ctx, `id = $1`, userID)
}

// LivePasskeys returns the user's passkeys that are not revoked, oldest first.
func (db *DB) LivePasskeys(ctx context.Context, userID int64) ([]passkey.Passkey, error) {
	rows, err := db.app.Query(ctx, `
		SELECT id, user_id, public_id, credential_id, credential, name, coalesce(aaguid::text, ''), may_sync, synced, transports, created_at, last_used_at
		FROM auth.passkey WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, scanPasskey)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	return keys, nil
}

func scanPasskey(row pgx.CollectableRow) (passkey.Passkey, error) {
	var k passkey.Passkey
	var used *time.Time
	err := row.Scan(&k.ID, &k.UserID, &k.PublicID, &k.CredentialID, &k.Record, &k.Name,
		&k.Device.AAGUID, &k.Device.MaySync, &k.Device.Synced, &k.Device.Transports, &k.Created, &used)
	k.LastUsed = orZero(used)
	return k, err
}

// insertPasskey stores a passkey and returns its ids. A credential id that is
// stored already violates passkey_credential_id_key.
func insertPasskey(ctx context.Context, tx pgx.Tx, key passkey.Passkey, at time.Time) (id int64, publicID string, err error) {
	d := key.Device
	err = tx.QueryRow(ctx, `
		INSERT INTO auth.passkey (user_id, credential_id, credential, name, aaguid, may_sync, synced, transports, created_at)
		VALUES ($1, $2, $3, $4, nullif($5, '')::uuid, $6, $7, coalesce($8::text[], '{}'), $9) RETURNING id, public_id`,
		key.UserID, key.CredentialID, key.Record, key.Name, d.AAGUID, d.MaySync, d.Synced, d.Transports, at).Scan(&id, &publicID)
	return id, publicID, err
}

// RecordPasskeyUse writes sign count, flags and time of a sign-in back. Where
// the stored record is no longer the one verified, or passkey or user are
// barred by now, it fails with passkey.ErrChanged.
func (db *DB) RecordPasskeyUse(ctx context.Context, use passkey.Use) error {
	tag, err := db.app.Exec(ctx, `
		UPDATE auth.passkey k SET credential = $3, may_sync = $4, synced = $5, transports = coalesce($6::text[], '{}'),
		  last_used_at = greatest(k.last_used_at, $7) FROM auth.user_account u
		WHERE k.id = $1 AND k.credential = $2::jsonb AND k.revoked_at IS NULL AND u.id = k.user_id AND u.disabled_at IS NULL`,
		use.PasskeyID, use.Before, use.After, use.Device.MaySync, use.Device.Synced, use.Device.Transports, use.At)
	if err != nil {
		return fmt.Errorf("write passkey: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return passkey.ErrChanged
	}
	return nil
}
