package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/session"
)

// SessionsOf lists the user's sessions that are live at now, the latest activity first.
func (db *DB) SessionsOf(ctx context.Context, userID int64, now time.Time) ([]session.Info, error) {
	rows, err := db.app.Query(ctx, `
		SELECT s.public_id, s.created_at, s.last_seen, s.verified_at, s.expires_at, s.browser, coalesce(host(s.address), ''),
		  coalesce(k.name, ''), s.locked_at IS NOT NULL
		FROM auth.session s JOIN auth.user_account u ON u.id = s.user_id LEFT JOIN auth.passkey k ON k.id = s.passkey_id
		WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL AND k.revoked_at IS NULL
		ORDER BY s.last_seen DESC, s.public_id`, userID, now)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", away(err))
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (session.Info, error) {
		var s session.Info
		err := row.Scan(&s.ID, &s.Created, &s.LastSeen, &s.Verified, &s.Ends, &s.Browser, &s.Address, &s.Passkey, &s.Locked)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", away(err))
	}
	return list, nil
}

// EndUserSession ends one of the user's live sessions by its public id, or fails
// with health.ErrNotFound.
func (db *DB) EndUserSession(ctx context.Context, userID int64, id, why string, at time.Time) error {
	tag, err := db.app.Exec(ctx, `UPDATE auth.session SET ended_at = $4, ended_why = $3
		WHERE user_id = $1 AND public_id = $2 AND ended_at IS NULL AND expires_at > $4`, userID, id, why, at)
	if err != nil {
		return fmt.Errorf("end session: %w", away(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("end session: %w", health.ErrNotFound)
	}
	return nil
}

// EndUserSessions ends the user's live sessions but the one with the public id
// keep, and returns how many.
func (db *DB) EndUserSessions(ctx context.Context, userID int64, keep, why string, at time.Time) (int, error) {
	tag, err := db.app.Exec(ctx, `UPDATE auth.session SET ended_at = $4, ended_why = $3
		WHERE user_id = $1 AND public_id <> $2 AND ended_at IS NULL AND expires_at > $4`, userID, keep, why, at)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", away(err))
	}
	return int(tag.RowsAffected()), nil
}

// attemptKeep is longer than any window in which attempts are counted.
const attemptKeep = 24 * time.Hour

// RemoveStale deletes ceremonies that expired before now, sessions and enrolment
// links that ended or expired before old, and old counts of attempts.
func (db *DB) RemoveStale(ctx context.Context, now, old time.Time) (session.Removed, error) {
	var removed session.Removed
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		// Ceremonies before links: they refer to them.
		for _, step := range []struct {
			count *int64
			sql   string
			at    time.Time
		}{
			{&removed.Ceremonies, `DELETE FROM auth.ceremony WHERE expires_at <= $1`, now},
			{&removed.Sessions, `DELETE FROM auth.session WHERE least(ended_at, expires_at) < $1`, old},
			{&removed.Enrolments, `DELETE FROM auth.enrolment e WHERE least(used_at, revoked_at, expires_at) < $1
				AND NOT EXISTS (SELECT FROM auth.ceremony c WHERE c.enrolment = e.token_hash)`, old},
			{&removed.Attempts, `DELETE FROM auth.attempt WHERE started_at < $1`, now.Add(-attemptKeep)},
		} {
			tag, err := tx.Exec(ctx, step.sql, step.at)
			if err != nil {
				return err
			}
			*step.count = tag.RowsAffected()
		}
		return nil
	})
	if err != nil {
		return session.Removed{}, fmt.Errorf("remove stale sessions: %w", err)
	}
	return removed, nil
}
