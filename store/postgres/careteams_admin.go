package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// teamColumns are the columns of auth.care_team AS t that scanTeam reads.
const teamColumns = `t.id, t.public_id, t.name,
	(SELECT count(DISTINCT m.user_id) FROM auth.care_team_user m WHERE m.team_id = t.id
	  AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
	(SELECT count(DISTINCT m.person_id) FROM auth.care_team_person m WHERE m.team_id = t.id
	  AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()))`

func scanTeam(row pgx.CollectableRow) (access.Team, error) {
	var t access.Team
	err := row.Scan(&t.ID, &t.PublicID, &t.Name, &t.Members, &t.Patients)
	return t, err
}

// Teams returns every care team by name, with how many belong to it now.
func (db *DB) Teams(ctx context.Context) ([]access.Team, error) {
	rows, err := db.app.Query(ctx, `SELECT `+teamColumns+` FROM auth.care_team t ORDER BY lower(t.name), t.id`)
	if err != nil {
		return nil, fmt.Errorf("care teams: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanTeam)
	if err != nil {
		return nil, fmt.Errorf("care teams: %w", err)
	}
	return list, nil
}

// Team returns a care team, or health.ErrNotFound.
func (db *DB) Team(ctx context.Context, publicID string) (access.Team, error) {
	rows, err := db.app.Query(ctx, `SELECT `+teamColumns+` FROM auth.care_team t WHERE t.public_id = $1`, publicID)
	if err != nil {
		return access.Team{}, fmt.Errorf("care team: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTeam)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, health.ErrNotFound
	}
	if err != nil {
		return t, fmt.Errorf("care team: %w", err)
	}
	return t, nil
}

// AddTeam makes a care team and returns its public id; a taken name gives access.ErrTeamExists.
func (db *DB) AddTeam(ctx context.Context, name string) (string, error) {
	var id string
	err := db.owner.QueryRow(ctx, `INSERT INTO auth.care_team (name) VALUES ($1) RETURNING public_id`, name).Scan(&id)
	if violates(err, "care_team_name_key") {
		return "", access.ErrTeamExists
	}
	if err != nil {
		return "", fmt.Errorf("make a care team: %w", err)
	}
	return id, nil
}

// RenameTeam gives a care team another name; a taken one gives access.ErrTeamExists.
func (db *DB) RenameTeam(ctx context.Context, team int64, name string) error {
	_, err := db.owner.Exec(ctx, `UPDATE auth.care_team SET name = $2 WHERE id = $1`, team, name)
	if violates(err, "care_team_name_key") {
		return access.ErrTeamExists
	}
	if err != nil {
		return fmt.Errorf("rename a care team: %w", err)
	}
	return nil
}

// TeamUsers returns the memberships of a team's users, present ones first.
func (db *DB) TeamUsers(ctx context.Context, team int64) ([]access.Membership, error) {
	rows, err := db.app.Query(ctx, `
		SELECT m.public_id, m.valid_from, m.valid_to, coalesce(b.display_name, ''), u.public_id, u.name, u.display_name
		FROM auth.care_team_user m JOIN auth.user_account u ON u.id = m.user_id LEFT JOIN auth.user_account b ON b.id = m.added_by
		WHERE m.team_id = $1
		ORDER BY m.valid_to IS NOT NULL AND m.valid_to <= now(), lower(u.display_name), u.id, m.valid_from`, team)
	if err != nil {
		return nil, fmt.Errorf("members of a care team: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Membership, error) {
		var m access.Membership
		var to *time.Time
		err := row.Scan(&m.PublicID, &m.From, &to, &m.AddedBy, &m.UserID, &m.User, &m.DisplayName)
		m.To = orZero(to)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("members of a care team: %w", err)
	}
	return list, nil
}

// TeamChoices returns the users who are not disabled, by display name; only the
// fields about the user are filled.
func (db *DB) TeamChoices(ctx context.Context) ([]access.Membership, error) {
	rows, err := db.app.Query(ctx, `SELECT public_id, name, display_name FROM auth.user_account
		WHERE disabled_at IS NULL ORDER BY lower(display_name), id`)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Membership, error) {
		var m access.Membership
		err := row.Scan(&m.UserID, &m.User, &m.DisplayName)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return list, nil
}

// TeamPatients returns a page of the memberships of a team's patients, by record
// number, behind the membership named beyond; more says that others follow.
func (db *DB) TeamPatients(ctx context.Context, team int64, beyond string, size int) (list []access.Membership, more bool, err error) {
	rows, err := db.app.Query(ctx, `SELECT public_id, record_number, valid_from, valid_to, added_by FROM auth.team_patients($1, $2, $3)`,
		team, beyond, size+1)
	if err != nil {
		return nil, false, fmt.Errorf("patients of a care team: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Membership, error) {
		var m access.Membership
		var to *time.Time
		err := row.Scan(&m.PublicID, &m.RecordNumber, &m.From, &to, &m.AddedBy)
		m.To = orZero(to)
		return m, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("patients of a care team: %w", err)
	}
	more = len(list) > size
	return list[:min(len(list), size)], more, nil
}
