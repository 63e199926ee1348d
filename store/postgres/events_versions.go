package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// versionsQuery finds the versions of the row that $2 and $3 point at. The digest of
// the external id is made first, because row security keeps functions out of indexes.
// Rows of before slots were kept are told apart by their codes.
const versionsQuery = `
	WITH asked AS MATERIALIZED (SELECT e.*, CASE WHEN e.external_id IS NOT NULL THEN ` + extOf + ` END AS ext
	  FROM health.event e WHERE e.person_id = $1 AND e.effective_at = $2 AND e.id = $3),
	current AS MATERIALIZED (SELECT i.effective_at, i.event_id FROM asked a
	  JOIN health.event_identity i ON i.person_id = $1 AND i.source_id = a.source_id AND i.ext = a.ext),
	family AS (
	  SELECT e.* FROM asked a JOIN health.event e ON e.person_id = $1 AND e.effective_at = a.effective_at AND e.id = a.id
	  UNION
	  SELECT e.* FROM asked a JOIN health.event e ON e.person_id = $1 AND e.source_id = a.source_id AND e.superseded_at IS NOT NULL
	    AND e.external_id = a.external_id AND (` + sameSlot + ` OR e.status = 'entered-in-error' AND e.slot = '')
	  UNION
	  SELECT e.* FROM asked a CROSS JOIN current i JOIN health.event e ON e.person_id = $1 AND e.effective_at = i.effective_at AND e.id = i.event_id
	    AND (` + sameSlot + ` OR e.status = 'entered-in-error'))
	SELECT e.ingested_at, e.superseded_at, coalesce(e.import_id, 0), coalesce(b.format, ''), b.started_at, b.undone_at IS NOT NULL, ` + eventColumns + `
	FROM family e ` + eventJoins + ` LEFT JOIN health.import b ON b.id = e.import_id
	ORDER BY e.superseded_at DESC NULLS FIRST, e.version DESC, e.id DESC`

const sameSlot = `(e.slot = a.slot OR (e.slot IS NULL OR a.slot IS NULL) AND (e.code_system, e.code) = (a.code_system, a.code))`

// EventVersions returns all versions of the event that at points at, the one in force
// first, or health.ErrNotFound where the person has no such event. at may point at any
// of them; a retraction (entered in error) is one too.
func (db *DB) EventVersions(ctx context.Context, scope access.Scope, person health.PersonID, at health.Cursor) ([]health.EventVersion, error) {
	var list []health.EventVersion
	err := db.read(ctx, scope, func(b *pgx.Batch) {
		b.Queue(versionsQuery, int64(person), at.At, at.ID).Query(func(rows pgx.Rows) (err error) {
			list, err = pgx.CollectRows(rows, scanVersion)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("versions of an event: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("versions of an event: %w", health.ErrNotFound)
	}
	return list, nil
}

func scanVersion(row pgx.CollectableRow) (health.EventVersion, error) {
	var v health.EventVersion
	var superseded, imported *time.Time
	var err error
	v.Event, err = scanEvent(prefixed{row, []any{&v.Received, &superseded, &v.Import, &v.Format, &imported, &v.Undone}})
	v.Received, v.Superseded, v.ImportedAt = v.Received.UTC(), orZero(superseded), orZero(imported)
	return v, err
}
