package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/people"
)

// administration is the key of the lock behind which changes of users queue up.
const administration = 0x6870_0001

// inAdminTx runs fn, which changes users, in one transaction as hp_owner. Such
// transactions run one after the other, across processes: two administrators who
// remove each other at once can't both succeed. by must be 0, for a command, or
// still be allowed to manage users (else access.ErrDenied). Where no administrator
// who can sign in would remain, nothing happens: people.ErrLastAdmin.
func (db *DB) inAdminTx(ctx context.Context, by int64, at time.Time, fn func(pgx.Tx) error) error {
	return db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, administration); err != nil {
			return err
		}
		if err := mayManage(ctx, tx, by); err != nil {
			return err
		}
		before, err := administrators(ctx, tx, at)
		if err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		after, err := administrators(ctx, tx, at)
		if err != nil {
			return err
		}
		if before > 0 && after == 0 {
			return people.ErrLastAdmin
		}
		return nil
	})
}

// mayManage fails with access.ErrDenied where the acting user may no longer
// manage users: the request began before that changed.
func mayManage(ctx context.Context, tx pgx.Tx, by int64) error {
	if by == 0 {
		return nil
	}
	roles, err := enabledRoles(ctx, tx, by)
	if err != nil {
		return err
	}
	if who := (access.Principal{UserID: by, Roles: roles}); !who.Can(access.UsersManage) {
		return fmt.Errorf("%w: no longer an administrator", access.ErrDenied)
	}
	return nil
}

// enabledRoles are the roles of a user who is not disabled; none for others.
func enabledRoles(ctx context.Context, tx pgx.Tx, userID int64) ([]access.Role, error) {
	var roles []string
	err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT r.role FROM auth.user_role r JOIN auth.user_account u ON u.id = r.user_id
		WHERE r.user_id = $1 AND u.disabled_at IS NULL ORDER BY r.role)`, userID).Scan(&roles)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	return rolesOf(roles), nil
}

// administrators counts those who can sign in, or could with the link they have.
func administrators(ctx context.Context, tx pgx.Tx, at time.Time) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM auth.user_account u JOIN auth.user_role r ON r.user_id = u.id AND r.role = $2
		WHERE u.disabled_at IS NULL AND (
		  EXISTS (SELECT FROM auth.passkey k WHERE k.user_id = u.id AND k.revoked_at IS NULL)
		  OR EXISTS (SELECT FROM auth.enrolment e WHERE e.user_id = u.id AND e.used_at IS NULL AND e.revoked_at IS NULL AND e.expires_at > $1))`,
		at, string(access.Admin)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count administrators: %w", err)
	}
	return n, nil
}

// tellEnrolled is tell for users who have had a passkey. Nobody owns an account
// before that: all of it is new to whoever enrols, and nothing of it a surprise.
func tellEnrolled(ctx context.Context, tx pgx.Tx, userID int64, kind access.NoticeKind, what string, by int64) error {
	var enrolled bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM auth.passkey WHERE user_id = $1)`, userID).Scan(&enrolled); err != nil {
		return fmt.Errorf("leave a notice: %w", err)
	}
	if !enrolled {
		return nil
	}
	return tell(ctx, tx, userID, kind, what, by)
}
