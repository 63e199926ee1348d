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
	"healthportal/app/people"
)

// uniqueViolation is PostgreSQL's SQLSTATE for a broken unique constraint.
const uniqueViolation = "23505"

func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == uniqueViolation && pg.ConstraintName == constraint
}

// InsertUser stores a user with roles; a taken name gives people.ErrUserExists.
// Else it fails as inAdminTx does.
func (db *DB) InsertUser(ctx context.Context, u people.NewUser) (people.Added, error) {
	var added people.Added
	err := db.inAdminTx(ctx, u.By, time.Now(), func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO auth.user_account (name, display_name, handle) VALUES ($1, $2, $3) RETURNING id, public_id`,
			u.Name, u.DisplayName, u.Handle).Scan(&added.ID, &added.PublicID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO auth.user_role (user_id, role, granted_by) SELECT $1, unnest($2::text[]), nullif($3::bigint, 0)`,
			added.ID, roleNames(u.Roles), u.By)
		return err
	})
	if violates(err, "user_account_name_key") {
		return people.Added{}, people.ErrUserExists
	}
	if err != nil {
		return people.Added{}, fmt.Errorf("insert user: %w", err)
	}
	return added, nil
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

// accountSQL selects what scanAccount reads of the users u.
const accountSQL = `
	SELECT u.id, u.public_id, u.name, u.display_name, u.handle, u.disabled_at IS NOT NULL, u.created_at, u.last_sign_in,
	  ARRAY(SELECT role FROM auth.user_role r WHERE r.user_id = u.id ORDER BY role), t.ids, t.names,
	  (SELECT count(*) FROM auth.passkey k WHERE k.user_id = u.id AND k.revoked_at IS NULL),
	  (SELECT count(*) FROM auth.api_key k WHERE k.user_id = u.id AND k.revoked_at IS NULL AND k.expires_at > now()),
	  e.created_at, e.expires_at, e.used_at, e.revoked_at, coalesce(e.handed_as, ''), coalesce(e.ends_old, false), coalesce(e.made_by, '')
	FROM auth.user_account u
	CROSS JOIN LATERAL (
	  SELECT array_agg(n.public_id ORDER BY n.name) AS ids, array_agg(n.name ORDER BY n.name) AS names
	  FROM (SELECT DISTINCT t.public_id, t.name FROM auth.care_team_user m JOIN auth.care_team t ON t.id = m.team_id
	    WHERE m.user_id = u.id AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())) n) t
	LEFT JOIN LATERAL (
	  SELECT l.created_at, l.expires_at, l.used_at, l.revoked_at, l.handed_as, l.ends_old, b.display_name AS made_by
	  FROM auth.enrolment l LEFT JOIN auth.user_account b ON b.id = l.created_by
	  WHERE l.user_id = u.id ORDER BY l.created_at DESC, l.token_hash LIMIT 1) e ON true `

// Accounts returns every user by name, with roles, present care teams, how many
// live passkeys and API keys there are, and the newest enrolment link.
func (db *DB) Accounts(ctx context.Context) ([]people.Account, error) {
	rows, err := db.app.Query(ctx, accountSQL+`ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanAccount)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return all, nil
}

// Account returns the user of a public id, or health.ErrNotFound.
func (db *DB) Account(ctx context.Context, publicID string) (people.Account, error) {
	return db.account(ctx, `WHERE u.public_id = $1`, publicID)
}

// AccountByName returns the user of a short name, or health.ErrNotFound.
func (db *DB) AccountByName(ctx context.Context, name string) (people.Account, error) {
	return db.account(ctx, `WHERE u.name = $1`, name)
}

// account reads one user; where is one of the two constants above.
func (db *DB) account(ctx context.Context, where, key string) (people.Account, error) {
	rows, err := db.app.Query(ctx, accountSQL+where, key)
	if err != nil {
		return people.Account{}, fmt.Errorf("read user: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanAccount)
	if errors.Is(err, pgx.ErrNoRows) {
		return people.Account{}, health.ErrNotFound
	}
	if err != nil {
		return people.Account{}, fmt.Errorf("read user: %w", err)
	}
	return a, nil
}

func scanAccount(row pgx.CollectableRow) (people.Account, error) {
	var a people.Account
	var roles, teamIDs, teamNames []string
	var signIn, created, expires, used, revoked *time.Time
	err := row.Scan(&a.ID, &a.PublicID, &a.Name, &a.DisplayName, &a.Handle, &a.Disabled, &a.Created, &signIn, &roles, &teamIDs, &teamNames,
		&a.Passkeys, &a.Keys, &created, &expires, &used, &revoked, &a.Link.As, &a.Link.EndsOld, &a.Link.MadeBy)
	a.Roles, a.LastSignIn = rolesOf(roles), orZero(signIn)
	for i, id := range teamIDs {
		a.Teams = append(a.Teams, people.Team{PublicID: id, Name: teamNames[i]})
	}
	a.Link.Created, a.Link.Expires, a.Link.Used, a.Link.Revoked = orZero(created), orZero(expires), orZero(used), orZero(revoked)
	return a, err
}

// orZero turns SQL's null into the zero time.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// JoinTeam makes the user a member of the care team from now on, creating the
// team where it is missing, and reports whether it did. A present member stays
// one. It is for commands; the user is told.
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
		tag, err = tx.Exec(ctx, `
			INSERT INTO auth.care_team_user (team_id, user_id)
			SELECT $1, $2 WHERE NOT EXISTS (
			  SELECT FROM auth.care_team_user WHERE team_id = $1 AND user_id = $2
			    AND valid_from <= now() AND (valid_to IS NULL OR valid_to > now()))`, id, userID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return tellEnrolled(ctx, tx, userID, access.NoticeTeam, fmt.Sprintf("You were added to the care team %s.", team), 0)
	})
	if err != nil {
		return false, fmt.Errorf("join care team: %w", err)
	}
	return created, nil
}
