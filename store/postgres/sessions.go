package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/session"
)

// InsertSession stores a session.
func (db *DB) InsertSession(ctx context.Context, s session.New) error {
	_, err := db.app.Exec(ctx, `INSERT INTO auth.session (token_hash, user_id, passkey_id, csrf, created_at, last_seen, expires_at)
		VALUES ($1, $2, nullif($3::bigint, 0), $4, $5, $5, $6)`, s.TokenHash, s.UserID, s.PasskeyID, s.CSRF, s.Created, s.Expires)
	if err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	return nil
}

// SessionByToken returns a session with its user as the user is now, or health.ErrNotFound.
func (db *DB) SessionByToken(ctx context.Context, tokenHash []byte) (session.Row, error) {
	var r session.Row
	var roles []string
	var ended *time.Time
	err := db.app.QueryRow(ctx, `
		SELECT s.user_id, u.display_name, ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role),
		  u.disabled_at IS NOT NULL, k.revoked_at IS NOT NULL, coalesce(s.passkey_id, 0),
		  s.csrf, s.created_at, s.last_seen, s.expires_at, s.ended_at
		FROM auth.session s JOIN auth.user_account u ON u.id = s.user_id LEFT JOIN auth.passkey k ON k.id = s.passkey_id
		WHERE s.token_hash = $1`, tokenHash).
		Scan(&r.UserID, &r.DisplayName, &roles, &r.Disabled, &r.PasskeyRevoked, &r.PasskeyID,
			&r.CSRF, &r.Created, &r.LastSeen, &r.Expires, &ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.Row{}, health.ErrNotFound
	}
	if err != nil {
		return session.Row{}, fmt.Errorf("read session: %w", err)
	}
	r.Roles, r.Ended = rolesOf(roles), orZero(ended)
	return r, nil
}

// TouchSession moves last_seen of a session that has not ended forward to at.
func (db *DB) TouchSession(ctx context.Context, tokenHash []byte, at time.Time) error {
	_, err := db.app.Exec(ctx, `UPDATE auth.session SET last_seen = $2 WHERE token_hash = $1 AND ended_at IS NULL AND last_seen < $2`, tokenHash, at)
	if err != nil {
		return fmt.Errorf("touch session: %w", err)
	}
	return nil
}

// EndSession ends a session; one that is unknown or ended stays as it is.
func (db *DB) EndSession(ctx context.Context, tokenHash []byte, at time.Time) error {
	_, err := db.app.Exec(ctx, `UPDATE auth.session SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL`, tokenHash, at)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// RemoveStale deletes ceremonies that expired before now, and sessions and
// enrolment links that ended, expired or went idle before old.
func (db *DB) RemoveStale(ctx context.Context, now, old time.Time, idle time.Duration) (session.Removed, error) {
	var removed session.Removed
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		// Ceremonies first: they refer to links.
		tag, err := tx.Exec(ctx, `DELETE FROM auth.ceremony WHERE expires_at <= $1`, now)
		if err != nil {
			return err
		}
		removed.Ceremonies = tag.RowsAffected()
		tag, err = tx.Exec(ctx, `DELETE FROM auth.session WHERE least(ended_at, expires_at, last_seen + $2::interval) < $1`, old, idle)
		if err != nil {
			return err
		}
		removed.Sessions = tag.RowsAffected()
		tag, err = tx.Exec(ctx, `DELETE FROM auth.enrolment e WHERE least(used_at, revoked_at, expires_at) < $1
			AND NOT EXISTS (SELECT FROM auth.ceremony c WHERE c.enrolment = e.token_hash)`, old)
		removed.Enrolments = tag.RowsAffected()
		return err
	})
	if err != nil {
		return session.Removed{}, fmt.Errorf("remove stale sessions: %w", err)
	}
	return removed, nil
}
