package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// Setting returns the value of ops.setting, or health.ErrNotFound.
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := db.owner.QueryRow(ctx, `SELECT value FROM ops.setting WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("setting %s: %w", name, health.ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("setting %s: %w", name, err)
	}
	return value, nil
}

// SetSetting writes a value of ops.setting.
func (db *DB) SetSetting(ctx context.Context, name, value string) error {
	if _, err := db.owner.Exec(ctx, `INSERT INTO ops.setting (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value); err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}

// HasPersons reports whether the database holds any patient at all.
func (db *DB) HasPersons(ctx context.Context) (bool, error) {
	var any bool
	if err := db.owner.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM health.person)`).Scan(&any); err != nil {
		return false, fmt.Errorf("look for patients: %w", err)
	}
	return any, nil
}
