package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// readVersion gathers the stamps of person $1 and of the names that every answer
// shows. There are none where row security hides the person, and none where a
// database was filled past the triggers: what nobody stamps can't be kept.
const readVersion = `
	SELECT CASE WHEN bool_or(s.person_id = $1) AND bool_or(s.person_id = 0) THEN string_agg(s.stamp::text, ' ' ORDER BY s.stamp) ELSE '' END
	FROM health.data_stamp s WHERE s.person_id IN ($1, 0) AND EXISTS (SELECT FROM health.person p WHERE p.id = $1)`

// DataVersion returns the version of what charts and overviews show of a person,
// empty where scope doesn't hold the person or nothing is known.
func (db *DB) DataVersion(ctx context.Context, scope access.Scope, person health.PersonID) (at health.DataVersion, err error) {
	if err := db.read(ctx, scope, func(b *pgx.Batch) { queueVersion(b, person, &at) }); err != nil {
		return "", fmt.Errorf("version of a person's data: %w", err)
	}
	return at, nil
}

// queueVersion reads the version of a person's data in the batch's own instant.
func queueVersion(b *pgx.Batch, person health.PersonID, at *health.DataVersion) {
	stampsOf(b.Queue(readVersion, int64(person)), at)
}

// queueSourcesVersion reads the version of what is known of the sources of the user's patients.
func queueSourcesVersion(b *pgx.Batch, userID int64, at *health.DataVersion) {
	stampsOf(b.Queue(`SELECT health.sources_stamp($1)`, userID), at)
}

func stampsOf(q *pgx.QueuedQuery, at *health.DataVersion) {
	q.QueryRow(func(row pgx.Row) error {
		var text *string
		if err := row.Scan(&text); err != nil {
			return err
		}
		if text != nil {
			*at = health.DataVersion(*text)
		}
		return nil
	})
}
