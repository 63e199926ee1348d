package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// ensureTeam returns the care team of that name, made when missing.
func ensureTeam(ctx context.Context, q queryer, name string) (int64, error) {
	var id int64
	err := q.QueryRow(ctx, `INSERT INTO auth.care_team (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`,
		name).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("care team: %w", err)
	}
	return id, nil
}

// joinTeam makes persons members of a care team from now on, those who aren't already.
func joinTeam(ctx context.Context, tx pgx.Tx, team int64, persons []int64) error {
	if len(persons) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO auth.care_team_person (team_id, person_id)
		SELECT $1, p FROM unnest($2::bigint[]) p
		WHERE NOT EXISTS (SELECT 1 FROM auth.care_team_person m
		  WHERE m.team_id = $1 AND m.person_id = p AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()))
		ON CONFLICT DO NOTHING`, team, persons)
	if err != nil {
		return fmt.Errorf("care team members: %w", err)
	}
	return nil
}

// PersonsOf returns the persons in whose care teams the user is now.
func (db *DB) PersonsOf(ctx context.Context, userID int64) ([]health.PersonID, error) {
	rows, err := db.app.Query(ctx, `SELECT p FROM auth.persons_of($1) p ORDER BY 1`, userID)
	if err != nil {
		return nil, fmt.Errorf("care teams of a user: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[health.PersonID])
	if err != nil {
		return nil, fmt.Errorf("care teams of a user: %w", err)
	}
	return ids, nil
}
