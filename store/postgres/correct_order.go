package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Where the source says when it changed an observation, that decides which version
// counts; else the order of arrival does. Of a row of prior
//
//	updated   is the latest change that is known, incoming that of the round
//	age       is 1 where the round is newer, -1 where it is older, 0 where neither can be told
//	shown     says whether the current version's row counts; told where age is 1 only
//	touched   rows of event_identity change in another way than by a new version
//	bumped    the slot gets an older version, and the current one the number after it
//
// All slots of an external id have the same age, incoming and touched.

// markLate: what is not known of an older round is stored, and superseded at once. It
// takes the current version's number.
const markLate = `
	UPDATE stage s SET correction = false, late = true, version = coalesce((SELECT o.version FROM prior o
	  WHERE (o.person_id, o.source_id, o.ext, o.slot) = (s.person_id, s.source_id, s.ext, s.slot)), 1)
	FROM (SELECT DISTINCT person_id, source_id, ext FROM prior WHERE age < 0) p
	WHERE s.round = $1 AND s.correction AND (s.person_id, s.source_id, s.ext) = (p.person_id, p.source_id, p.ext)`

const markTouchedByLate = `
	UPDATE prior p SET touched = true, bumped = EXISTS (SELECT FROM stage o
	  WHERE o.round = $1 AND o.late AND (o.person_id, o.source_id, o.ext, o.slot) = (p.person_id, p.source_id, p.ext, p.slot))
	FROM (SELECT DISTINCT person_id, source_id, ext FROM stage WHERE round = $1 AND late) s
	WHERE (p.person_id, p.source_id, p.ext) = (s.person_id, s.source_id, s.ext)`

const markShown = `
	UPDATE prior p SET shown = e.superseded_at IS NULL
	FROM health.event e
	WHERE p.age > 0 AND e.person_id = p.person_id AND e.effective_at = p.effective_at AND e.id = p.event_id`

// markDifferent: a newer round counts as a whole where anything of it differs from
// what shows, be it that a value is back or that one is missing.
const markDifferent = `
	UPDATE prior p SET changed = true
	FROM (SELECT DISTINCT o.person_id, o.source_id, o.ext FROM prior o
	  LEFT JOIN stage s ON s.round = $1 AND (s.person_id, s.source_id, s.ext, s.slot) = (o.person_id, o.source_id, o.ext, o.slot)
	  WHERE o.age > 0 AND (o.shown IS DISTINCT FROM (s.dedupe IS NOT NULL) OR s.dedupe <> o.dedupe)) d
	WHERE (p.person_id, p.source_id, p.ext) = (d.person_id, d.source_id, d.ext)`

// markTouched: what is known becomes as new as the round, where it is the same or
// gives way to it.
const markTouched = `
	UPDATE prior p SET touched = true
	FROM (SELECT o.person_id, o.source_id, o.ext FROM prior o
	  JOIN stage s ON s.round = $1 AND (s.person_id, s.source_id, s.ext) = (o.person_id, o.source_id, o.ext)
	  WHERE o.incoming IS NOT NULL AND (o.age > 0 OR o.updated IS NULL)
	  GROUP BY 1, 2, 3
	  HAVING bool_or(o.age > 0 OR o.changed) OR bool_and(s.dedupe = o.dedupe OR s.slot <> o.slot) AND bool_and(s.old_id IS NULL AND s.repeated)) t
	WHERE (p.person_id, p.source_id, p.ext) = (t.person_id, t.source_id, t.ext)`

// markReturned: values that show again, because the source went back to them.
const markReturned = `
	UPDATE stage s SET returned = true
	FROM prior p
	WHERE s.round = $1 AND p.changed AND p.age > 0 AND (s.old_id IS NOT NULL OR p.keep AND NOT p.shown)
	  AND (p.person_id, p.source_id, p.ext, p.slot) = (s.person_id, s.source_id, s.ext, s.slot)`

// inheritTime: new slots are as new as those that are known.
const inheritTime = `
	UPDATE stage s SET updated = greatest(s.updated, p.updated)
	FROM (SELECT person_id, source_id, ext, max(updated) AS updated FROM prior GROUP BY 1, 2, 3) p
	WHERE s.round = $1 AND (s.person_id, s.source_id, s.ext) = (p.person_id, p.source_id, p.ext) AND p.updated IS NOT NULL`

const bumpRows = `
	UPDATE health.event e SET version = p.version + 1
	FROM prior p
	WHERE p.bumped AND e.person_id = p.person_id AND e.effective_at = p.effective_at AND e.id = p.event_id`

const bumpIdentities = `
	UPDATE health.event_identity i SET version = p.version + 1
	FROM prior p
	WHERE p.bumped AND (i.person_id, i.source_id, i.ext, i.slot) = (p.person_id, p.source_id, p.ext, p.slot)`

const setTime = `
	UPDATE health.event_identity i SET updated = p.incoming
	FROM prior p
	WHERE (p.changed OR p.touched) AND p.age >= 0 AND p.incoming IS NOT NULL AND i.updated IS DISTINCT FROM p.incoming
	  AND (i.person_id, i.source_id, i.ext, i.slot) = (p.person_id, p.source_id, p.ext, p.slot)`

// order finds out what the times of change say of the round.
func order(ctx context.Context, tx pgx.Tx, round int) error {
	var newer, older, told bool
	err := tx.QueryRow(ctx, `SELECT coalesce(bool_or(age > 0), false), coalesce(bool_or(age < 0), false),
		coalesce(bool_or(incoming IS NOT NULL AND (age > 0 OR updated IS NULL)), false) FROM prior`).Scan(&newer, &older, &told)
	if err != nil {
		return fmt.Errorf("compare the times of change: %w", err)
	}
	if newer {
		err := byIndex(ctx, tx, func() error {
			_, err := tx.Exec(ctx, markShown)
			return err
		})
		if err != nil {
			return fmt.Errorf("compare the times of change: %w", err)
		}
		if _, err := byIndexExec(ctx, tx, round, markDifferent); err != nil {
			return err
		}
	}
	if older {
		if _, err := execAll(ctx, tx, round, markTouchedByLate); err != nil {
			return err
		}
	}
	if told {
		_, err = execAll(ctx, tx, round, markTouched)
	}
	return err
}
