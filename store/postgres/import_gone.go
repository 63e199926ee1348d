package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// goneRecord is a record that became part of another and has rows left, because
// the other one had the same observations.
type goneRecord struct {
	id   health.PersonID
	zone *time.Location
}

// loadGone reads the records that became part of others. No merge happens while
// the import runs.
func (im *importer) loadGone(ctx context.Context) error {
	moves, err := collect(ctx, im.conn, leftBehind, scanLeftBehind)
	if err != nil {
		return fmt.Errorf("read the merged records: %w", err)
	}
	im.gone = map[health.PersonID][]goneRecord{}
	for _, m := range moves {
		zone, err := time.LoadLocation(m.fromZone)
		if err != nil {
			return fmt.Errorf("zone of a merged record: %w", err)
		}
		im.gone[m.to] = append(im.gone[m.to], goneRecord{m.from, zone})
	}
	return nil
}

// gone_stage are the staged rows as the merged records would have them, gone_known those that these have.
const createGone = `
	CREATE TEMP TABLE IF NOT EXISTS gone_stage (
	  person_id bigint, dedupe bytea, gone_id bigint, gone_dedupe bytea, gone_at timestamptz
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE IF NOT EXISTS gone_known (person_id bigint, dedupe bytea) ON COMMIT DELETE ROWS`

const fillGoneKnown = `
	INSERT INTO gone_known SELECT DISTINCT g.person_id, g.dedupe FROM gone_stage g
	JOIN health.event e ON e.person_id = g.gone_id AND e.dedupe = g.gone_dedupe AND e.effective_at = g.gone_at`

// markGone: content that a merged record had is as old as an older version of
// the person's own, and doesn't come back either, unless other parts of the same
// observation are new, or the source changed it later than what is known.
const markGone = `
	UPDATE stage s SET repeated = true, correction = false
	FROM (SELECT c.person_id, c.source_id, c.ext FROM stage c
	  LEFT JOIN gone_known g ON g.person_id = c.person_id AND g.dedupe = c.dedupe
	  WHERE c.round = $1 AND c.correction AND NOT EXISTS (SELECT FROM prior p
	    WHERE p.age > 0 AND (p.person_id, p.source_id, p.ext) = (c.person_id, c.source_id, c.ext)) GROUP BY 1, 2, 3 HAVING bool_and(g.dedupe IS NOT NULL)) r
	WHERE s.round = $1 AND s.correction AND (s.person_id, s.source_id, s.ext) = (r.person_id, r.source_id, r.ext)`

// stageGone finds out what of the batch the merged records of its persons have.
func (im *importer) stageGone(ctx context.Context, tx pgx.Tx, rows []health.ImportRow) error {
	if _, err := tx.Exec(ctx, createGone); err != nil {
		return fmt.Errorf("look at merged records: %w", err)
	}
	var staged [][]any
	for i := range rows {
		r := &rows[i]
		if r.ExternalID == "" {
			continue
		}
		for _, g := range im.gone[r.Person] {
			o := *r.Observation
			o.InZone(g.zone)
			id := o.Dedupe(g.id)
			staged = append(staged, []any{int64(r.Person), r.Content[:], int64(g.id), id[:], o.EffectiveAt})
		}
	}
	if len(staged) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"gone_stage"}, []string{"person_id", "dedupe", "gone_id", "gone_dedupe", "gone_at"}, pgx.CopyFromRows(staged))
	if err != nil {
		return fmt.Errorf("look at merged records: %w", err)
	}
	return byIndex(ctx, tx, func() error {
		_, err := tx.Exec(ctx, fillGoneKnown)
		return err
	})
}
