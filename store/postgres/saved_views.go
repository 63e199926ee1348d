package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// SavedView returns the view that a user keeps for a person's events, as a query of
// the table's parameters, or health.ErrNotFound where there is none.
func (db *DB) SavedView(ctx context.Context, userID int64, person health.PersonID) (string, error) {
	var view string
	err := db.read(ctx, access.One(person), func(b *pgx.Batch) {
		b.Queue(`SELECT view FROM auth.saved_view WHERE user_id = $1 AND person_id = $2`, userID, int64(person)).
			QueryRow(func(row pgx.Row) error { return row.Scan(&view) })
	})
	if err != nil {
		return "", fmt.Errorf("saved view: %w", err)
	}
	return view, nil
}

// SaveView keeps a view for a user and a person, in place of the one before.
func (db *DB) SaveView(ctx context.Context, userID int64, person health.PersonID, view string) error {
	return db.changeView(ctx, person, `INSERT INTO auth.saved_view (user_id, person_id, view) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, person_id) DO UPDATE SET view = excluded.view, saved_at = now()`, userID, int64(person), view)
}

// ForgetView removes a user's view of a person's events, if there is one.
func (db *DB) ForgetView(ctx context.Context, userID int64, person health.PersonID) error {
	return db.changeView(ctx, person, `DELETE FROM auth.saved_view WHERE user_id = $1 AND person_id = $2`, userID, int64(person))
}

// changeView runs a statement that sees and changes the views of one person only.
func (db *DB) changeView(ctx context.Context, person health.PersonID, sql string, args ...any) error {
	err := pgx.BeginFunc(ctx, db.app, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('hp.persons', $1, true)`, personList([]health.PersonID{person})); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("change a saved view: %w", err)
	}
	return nil
}
