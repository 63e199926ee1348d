package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
)

// uniqueViolation is PostgreSQL's SQLSTATE for a broken unique constraint.
const uniqueViolation = "23505"

func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == uniqueViolation && pg.ConstraintName == constraint
}

// InsertUser stores a user with roles; a taken name gives passkey.ErrUserExists.
func (db *DB) InsertUser(ctx context.Context, u passkey.NewUser) (int64, error) {
	var id int64
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO auth.user_account (name, display_name, handle) VALUES ($1, $2, $3) RETURNING id`,
			u.Name, u.DisplayName, u.Handle).Scan(&id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO auth.user_role (user_id, role) SELECT $1, unnest($2::text[])`, id, roleNames(u.Roles))
		return err
	})
	if violates(err, "user_account_name_key") {
		return 0, passkey.ErrUserExists
	}
	if err != nil {
		return 0, fmt.Errorf("insert user: %w", err)
	}
	return id, nil
}

func roleNames(roles []access.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}

func rolesOf(names []string) []access.Role {
	roles := make([]access.Role, len(names))
	for i, n := range names {
		roles[i] = access.Role(n)
	}
	return roles
}

// UserByName returns a user, or health.ErrNotFound.
func (db *DB) UserByName(ctx context.Context, name string) (passkey.User, error) {
	return db.user(ctx, `name = $1`, name)
}

// UserByHandle returns the user whom a passkey names, or health.ErrNotFound.
func (db *DB) UserByHandle(ctx context.Context, handle []byte) (passkey.User, error) {
	return db.user(ctx, `handle = $1`, handle)
}

// user reads one user; where is one of the two constants above.
func (db *DB) user(ctx context.Context, where string, key any) (passkey.User, error) {
	var u passkey.User
	err := db.app.QueryRow(ctx, `SELECT id, name, display_name, handle, disabled_at IS NOT NULL FROM auth.user_account WHERE `+where, key).
		Scan(&u.ID, &u.Name, &u.DisplayName, &u.Handle, &u.Disabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return passkey.User{}, health.ErrNotFound
	}
	if err != nil {
		return passkey.User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// Accounts returns every user by name, with roles, present care teams, the
// number of live passkeys and the newest enrolment link.
func (db *DB) Accounts(ctx context.Context) ([]passkey.Account, error) {
	rows, err := db.app.Query(ctx, `
		SELECT u.id, u.name, u.display_name, u.handle, u.disabled_at IS NOT NULL, u.created_at,
		  ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role),
		  ARRAY(SELECT DISTINCT t.name FROM auth.care_team_user m JOIN auth.care_team t ON t.id = m.team_id
		        WHERE m.user_id = u.id AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()) ORDER BY t.name),
		  (SELECT count(*) FROM auth.passkey k WHERE k.user_id = u.id AND k.revoked_at IS NULL),
		  e.created_at, e.expires_at, e.used_at, e.revoked_at
		FROM auth.user_account u
		LEFT JOIN LATERAL (SELECT created_at, expires_at, used_at, revoked_at FROM auth.enrolment
		  WHERE user_id = u.id ORDER BY created_at DESC, token_hash LIMIT 1) e ON true
		ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanAccount)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return all, nil
}

func scanAccount(row pgx.CollectableRow) (passkey.Account, error) {
	var a passkey.Account
	var roles []string
	var created, expires, used, revoked *time.Time
	err := row.Scan(&a.ID, &a.Name, &a.DisplayName, &a.Handle, &a.Disabled, &a.Created, &roles, &a.Teams, &a.Passkeys,
		&created, &expires, &used, &revoked)
	a.Roles = rolesOf(roles)
	a.Link = passkey.Enrolment{Created: orZero(created), Expires: orZero(expires), Used: orZero(used), Revoked: orZero(revoked)}
	return a, err
}

// orZero turns SQL's null into the zero time.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// DisableUser bars a user at the given instant: sessions end, unused links are
// revoked. Disabling again changes nothing. It fails with health.ErrNotFound.
func (db *DB) DisableUser(ctx context.Context, userID int64, at time.Time) error {
	err := db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE auth.user_account SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1`, userID, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return health.ErrNotFound
		}
		if _, err := tx.Exec(ctx, `UPDATE auth.session SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL`, userID, at); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, revokeUnusedLinks, userID, at)
		return err
	})
	if err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	return nil
}

// JoinTeam makes the user a member of the care team from now on, creating the
// team where it is missing, and reports whether it did. A present member stays one.
func (db *DB) JoinTeam(ctx context.Context, team string, userID int64) (created bool, err error) {
	err = db.inOwnerTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO auth.care_team (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, team)
		if err != nil {
			return err
		}
		created = tag.RowsAffected() == 1
		// The row lock makes two joins at once queue up, so that the second sees the first.
		var id int64
		if err := tx.QueryRow(ctx, `SELECT id FROM auth.care_team WHERE name = $1 FOR UPDATE`, team).Scan(&id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO auth.care_team_user (team_id, user_id)
			SELECT $1, $2 WHERE NOT EXISTS (
			  SELECT FROM auth.care_team_user WHERE team_id = $1 AND user_id = $2
			    AND valid_from <= now() AND (valid_to IS NULL OR valid_to > now()))`, id, userID)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("join care team: %w", err)
	}
	return created, nil
}
