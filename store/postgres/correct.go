package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The current versions of every external id that the round names, in all slots.
// keep: the round has the same content. back_id, back_at: the round has what an
// older version had. The others are explained in correct_order.go.
const createPrior = `
	CREATE TEMP TABLE IF NOT EXISTS prior (
	  person_id bigint, source_id integer, ext uuid, slot text, version integer, dedupe bytea,
	  effective_at timestamptz, event_id bigint, updated timestamptz,
	  incoming timestamptz, age integer DEFAULT 0, shown boolean, touched boolean DEFAULT false, bumped boolean DEFAULT false,
	  changed boolean DEFAULT false, keep boolean DEFAULT false, back_id bigint, back_at timestamptz
	) ON COMMIT DELETE ROWS`

const fillPrior = `
	INSERT INTO prior
	SELECT i.person_id, i.source_id, i.ext, i.slot, i.version, i.dedupe, i.effective_at, i.event_id, i.updated, s.updated,
	  CASE WHEN s.updated > max(i.updated) OVER same THEN 1 WHEN s.updated < max(i.updated) OVER same THEN -1 ELSE 0 END
	FROM (SELECT person_id, source_id, ext, max(updated) AS updated FROM stage WHERE round = $1 AND ext IS NOT NULL GROUP BY 1, 2, 3) s
	JOIN health.event_identity i USING (person_id, source_id, ext)
	WINDOW same AS (PARTITION BY i.person_id, i.source_id, i.ext)`

const markRepeated = `
	UPDATE stage s SET repeated = true
	FROM prior p
	WHERE s.round = $1 AND (s.person_id, s.source_id, s.ext, s.slot, s.dedupe) = (p.person_id, p.source_id, p.ext, p.slot, p.dedupe)`

const markCorrections = `
	UPDATE stage s SET correction = true
	FROM (SELECT DISTINCT person_id, source_id, ext FROM prior) p
	WHERE s.round = $1 AND NOT s.repeated AND (s.person_id, s.source_id, s.ext) = (p.person_id, p.source_id, p.ext)`

// An older version is known by its content, too.
const markOld = `
	UPDATE stage s SET repeated = true, correction = false, old_id = e.id
	FROM health.event e
	WHERE s.round = $1 AND s.correction
	  AND e.person_id = s.person_id AND e.dedupe = s.dedupe AND e.effective_at = s.effective_at`

// An external id of which any value is new has changed as a whole.
const markChanged = `
	UPDATE prior p SET changed = true
	FROM (SELECT DISTINCT person_id, source_id, ext FROM stage WHERE round = $1 AND correction) s
	WHERE (p.person_id, p.source_id, p.ext) = (s.person_id, s.source_id, s.ext)`

const markKept = `
	UPDATE prior p SET keep = s.dedupe = p.dedupe, back_id = s.old_id, back_at = CASE WHEN s.old_id IS NOT NULL THEN s.effective_at END
	FROM stage s
	WHERE s.round = $1 AND p.changed AND (p.person_id, p.source_id, p.ext, p.slot) = (s.person_id, s.source_id, s.ext, s.slot)`

const numberVersions = `
	UPDATE stage s SET version = p.version + 1
	FROM prior p
	WHERE s.round = $1 AND s.correction AND (p.person_id, p.source_id, p.ext, p.slot) = (s.person_id, s.source_id, s.ext, s.slot)`

const supersede = `
	UPDATE health.event e SET superseded_at = now()
	FROM prior p
	WHERE p.changed AND NOT p.keep AND e.superseded_at IS NULL
	  AND e.person_id = p.person_id AND e.effective_at = p.effective_at AND e.id = p.event_id`

// A value that the new version of a panel has again counts again: first where a
// version without the slot lay between, then where other content did.
const reviveKept = `
	UPDATE health.event e SET superseded_at = NULL
	FROM prior p
	WHERE p.changed AND p.keep AND e.superseded_at IS NOT NULL
	  AND e.person_id = p.person_id AND e.effective_at = p.effective_at AND e.id = p.event_id`

const reviveOld = `
	UPDATE health.event e SET superseded_at = NULL, version = p.version + 1
	FROM prior p
	WHERE p.changed AND e.person_id = p.person_id AND e.effective_at = p.back_at AND e.id = p.back_id`

const identifyOld = `
	UPDATE health.event_identity i SET version = p.version + 1, dedupe = e.dedupe, effective_at = e.effective_at, event_id = e.id
	FROM prior p JOIN health.event e ON e.person_id = p.person_id AND e.effective_at = p.back_at AND e.id = p.back_id
	WHERE p.changed AND (i.person_id, i.source_id, i.ext, i.slot) = (p.person_id, p.source_id, p.ext, p.slot)`

// correct finds out which rows of the round are known already and which are new
// versions, and supersedes what those replace. An older version that comes again
// as a whole is a repetition: nothing of it returns, unless the source says that it
// changed it after what is known.
func correct(ctx context.Context, tx pgx.Tx, round int, importID int64) error {
	for _, sql := range []string{createPrior, `DELETE FROM prior`} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("look for older versions: %w", err)
		}
	}
	found, err := byIndexExec(ctx, tx, round, fillPrior)
	if err != nil || found == 0 {
		return err
	}
	if err := compare(ctx, tx, round); err != nil {
		return err
	}
	var changes bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM prior WHERE changed OR touched)`).Scan(&changes); err != nil {
		return fmt.Errorf("compare with older versions: %w", err)
	}
	if !changes {
		return nil
	}
	if _, err := execAll(ctx, tx, round, markKept, numberVersions, markReturned, inheritTime); err != nil {
		return err
	}
	return byIndex(ctx, tx, func() error {
		if err := journal(ctx, tx, importID); err != nil {
			return err
		}
		for _, sql := range []string{supersede, reviveKept, identifyOld, reviveOld, bumpRows, bumpIdentities, setTime} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("supersede older versions: %w", err)
			}
		}
		return nil
	})
}

// compare marks what of the round is known, and what of the known gives way to it.
func compare(ctx context.Context, tx pgx.Tx, round int) error {
	if _, err := execAll(ctx, tx, round, markRepeated); err != nil {
		return err
	}
	corrections, err := execAll(ctx, tx, round, markCorrections)
	if err != nil {
		return err
	}
	if corrections > 0 {
		if _, err := byIndexExec(ctx, tx, round, markOld); err != nil {
			return err
		}
		if _, err := execAll(ctx, tx, round, markGone, markLate, markChanged); err != nil {
			return err
		}
	}
	return order(ctx, tx, round)
}

// execAll runs statements of one parameter and returns how many rows the last one changed.
func execAll(ctx context.Context, tx pgx.Tx, round int, statements ...string) (int64, error) {
	var n int64
	for _, sql := range statements {
		tag, err := tx.Exec(ctx, sql, round)
		if err != nil {
			return 0, fmt.Errorf("compare with older versions: %w", err)
		}
		n = tag.RowsAffected()
	}
	return n, nil
}

func byIndexExec(ctx context.Context, tx pgx.Tx, round int, sql string) (n int64, err error) {
	err = byIndex(ctx, tx, func() error {
		n, err = execAll(ctx, tx, round, sql)
		return err
	})
	return n, err
}
