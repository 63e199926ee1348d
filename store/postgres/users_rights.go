package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Why sessions ended, for those who look into auth.session.
const (
	whyRoles    = "the roles changed"
	whyDisabled = "the account was disabled"
	whyPasskey  = "the passkey was removed by an administrator"
)

// SetRoles gives the user exactly these roles and ends the sessions; the same
// roles again change nothing. It fails with health.ErrNotFound, and as inAdminTx does.
func (db *DB) SetRoles(ctx context.Context, by, userID int64, roles []access.Role, at time.Time) error {
	err := db.inAdminTx(ctx, by, at, func(tx pgx.Tx) error {
		var held []string
		err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role)
			FROM auth.user_account u WHERE id = $1`, userID).Scan(&held)
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		if err != nil {
			return err
		}
		wanted := roleNames(roles)
		slices.Sort(wanted)
		if slices.Equal(held, wanted) {
			return nil
		}
		if _, err := tx.Exec(ctx, `DELETE FROM auth.user_role WHERE user_id = $1 AND role <> ALL ($2)`, userID, wanted); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO auth.user_role (user_id, role, granted_by) SELECT $1, unnest($2::text[]), nullif($3::bigint, 0)
			ON CONFLICT DO NOTHING`, userID, wanted, by)
		if err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, userID, whyRoles, at); err != nil {
			return err
		}
		return tellEnrolled(ctx, tx, userID, access.NoticeRole,
			fmt.Sprintf("Your roles were changed from %s to %s.", access.Words(rolesOf(held), ", "), access.Words(roles, ", ")), by)
	})
	if err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	return nil
}

// endSessionsOf ends every live session of the user.
func endSessionsOf(ctx context.Context, tx pgx.Tx, userID int64, why string, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE auth.session SET ended_at = $2, ended_why = $3 WHERE user_id = $1 AND ended_at IS NULL`, userID, at, why)
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// SetDisabled bars a user at the given instant, so that sessions and unused links
// end, or lets one in again. Who is so already stays as is. It fails with
// health.ErrNotFound, and as inAdminTx does.
func (db *DB) SetDisabled(ctx context.Context, by, userID int64, disabled bool, at time.Time) error {
	err := db.inAdminTx(ctx, by, at, func(tx pgx.Tx) error {
		var was bool
		err := tx.QueryRow(ctx, `SELECT disabled_at IS NOT NULL FROM auth.user_account WHERE id = $1 FOR UPDATE`, userID).Scan(&was)
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		if err != nil || was == disabled {
			return err
		}
		if !disabled {
			if _, err := tx.Exec(ctx, `UPDATE auth.user_account SET disabled_at = NULL WHERE id = $1`, userID); err != nil {
				return err
			}
			return tellEnrolled(ctx, tx, userID, access.NoticeAccount, "Your account was enabled again.", by)
		}
		if _, err := tx.Exec(ctx, `UPDATE auth.user_account SET disabled_at = $2 WHERE id = $1`, userID, at); err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, userID, whyDisabled, at); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, revokeUnusedLinks, userID, at); err != nil {
			return err
		}
		return tellEnrolled(ctx, tx, userID, access.NoticeAccount, "Your account was disabled.", by)
	})
	if err != nil {
		return fmt.Errorf("disable or enable a user: %w", err)
	}
	return nil
}

// RevokePasskey revokes a user's live passkey by its public id, be it the last
// one, and ends the sessions that it signed in. It fails with health.ErrNotFound,
// and as inAdminTx does.
func (db *DB) RevokePasskey(ctx context.Context, by, userID int64, keyID string, at time.Time) error {
	err := db.inAdminTx(ctx, by, at, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `UPDATE auth.passkey SET revoked_at = $3 WHERE user_id = $1 AND public_id = $2 AND revoked_at IS NULL RETURNING id`,
			userID, keyID, at).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return health.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE auth.session SET ended_at = $2, ended_why = $3 WHERE passkey_id = $1 AND ended_at IS NULL`, id, at, whyPasskey)
		if err != nil {
			return err
		}
		return tell(ctx, tx, userID, access.NoticePasskey, "One of your passkeys was removed.", by)
	})
	if err != nil {
		return fmt.Errorf("revoke a passkey: %w", err)
	}
	return nil
}

// TellSessions leaves a notice about sessions that were ended.
func (db *DB) TellSessions(ctx context.Context, by, userID int64, what string) error {
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error { return tell(ctx, tx, userID, access.NoticeSession, what, by) })
}
