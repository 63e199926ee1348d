package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// move brings rows of one person to another. Which rows is for the caller, who
// fills person_pick.
type move struct {
	from, to health.PersonID
	// fromZone and toZone are the zones by which the two persons' days are counted.
	fromZone, toZone string
	// origin is the expression for origin_person_id of a moved row e.
	origin string
}

// person_pick are the chosen rows, person_move those with their place and key at
// the other person. state: move, repeated (same content there), clash (other content there).
const createMove = `
	CREATE TEMP TABLE IF NOT EXISTS person_pick (
	  event_id bigint, effective_at timestamptz, source_id integer, external_id text
	) ON COMMIT DELETE ROWS;
	CREATE INDEX IF NOT EXISTS person_pick_order ON person_pick (effective_at, event_id);
	CREATE TEMP TABLE IF NOT EXISTS person_key (
	  event_id bigint, dedupe bytea, unkeyed boolean
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE IF NOT EXISTS person_move (
	  event_id bigint, effective_at timestamptz, source_id integer, external_id text, ext uuid, shown boolean,
	  new_at timestamptz, new_end timestamptz, new_day date, dedupe bytea, unkeyed boolean, state text
	) ON COMMIT DELETE ROWS;
	TRUNCATE person_pick, person_key, person_move`

// pick chooses the rows of a person that meet the condition on health.event AS e; $1 is the person.
func pick(ctx context.Context, tx pgx.Tx, from health.PersonID, cond string, args ...any) error {
	if _, err := tx.Exec(ctx, createMove); err != nil {
		return fmt.Errorf("choose the rows: %w", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO person_pick SELECT e.id, e.effective_at, e.source_id, e.external_id
		FROM health.event e WHERE e.person_id = $1 AND (`+cond+`)`, append([]any{int64(from)}, args...)...)
	if err != nil {
		return fmt.Errorf("choose the rows: %w", err)
	}
	return nil
}

// hold takes out the external ids of which the person has rows that were not chosen,
// because versions of one observation stay together.
func hold(ctx context.Context, tx pgx.Tx, from health.PersonID) (int64, error) {
	var n int64
	err := tx.QueryRow(ctx, `
		WITH chosen AS (SELECT source_id, external_id, count(*) AS n FROM person_pick WHERE external_id IS NOT NULL GROUP BY 1, 2),
		every AS (SELECT source_id, external_id, count(*) AS n FROM health.event
		  WHERE person_id = $1 AND external_id IS NOT NULL GROUP BY 1, 2),
		split AS (SELECT source_id, external_id FROM chosen JOIN every USING (source_id, external_id) WHERE chosen.n <> every.n),
		gone AS (DELETE FROM person_pick p USING split s WHERE p.source_id = s.source_id AND p.external_id = s.external_id)
		SELECT count(*) FROM split`, int64(from)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("keep versions together: %w", err)
	}
	return n, nil
}

const placeMoved = `
	INSERT INTO person_move
	SELECT e.id, e.effective_at, e.source_id, e.external_id, CASE WHEN e.external_id IS NOT NULL THEN ` + extOf + ` END, e.superseded_at IS NULL,
	  t.new_at, t.new_end,
	  CASE WHEN $1 = $2 OR e.whole_days THEN e.local_day ELSE health.local_day_of(e.metric_id, t.new_at, t.new_end, $2) END,
	  k.dedupe, k.unkeyed, 'move'
	FROM person_pick p
	JOIN person_key k ON k.event_id = p.event_id
	JOIN health.event e ON e.person_id = $3 AND e.effective_at = p.effective_at AND e.id = p.event_id,
	LATERAL (SELECT
	  CASE WHEN e.whole_days THEN (e.effective_at AT TIME ZONE $1)::date::timestamp AT TIME ZONE $2 ELSE e.effective_at END AS new_at,
	  CASE WHEN e.whole_days THEN (e.effective_end AT TIME ZONE $1)::date::timestamp AT TIME ZONE $2 ELSE e.effective_end END AS new_end) t`

// Observations of one source and id are one: the other record's are the same where what shows of them is the same.
const compareIDs = `
	WITH mine AS (SELECT source_id, external_id, array_agg(dedupe ORDER BY dedupe) FILTER (WHERE shown) AS has
	  FROM person_move WHERE external_id IS NOT NULL GROUP BY 1, 2),
	theirs AS (SELECT source_id, external_id, array_agg(dedupe ORDER BY dedupe) FILTER (WHERE superseded_at IS NULL) AS has
	  FROM health.event WHERE person_id = $1 AND external_id IS NOT NULL GROUP BY 1, 2)
	UPDATE person_move m SET state = CASE WHEN mine.has IS NOT DISTINCT FROM theirs.has THEN 'repeated' ELSE 'clash' END
	FROM mine JOIN theirs USING (source_id, external_id)
	WHERE m.source_id = mine.source_id AND m.external_id = mine.external_id`

const compareRows = `
	UPDATE person_move m SET state = CASE WHEN m.external_id IS NULL AND m.shown = (e.superseded_at IS NULL) THEN 'repeated' ELSE 'clash' END
	FROM health.event e
	WHERE m.state = 'move' AND e.person_id = $1 AND e.dedupe = m.dedupe AND e.effective_at = m.new_at`

// Rows of one external id don't part.
const spreadClash = `
	UPDATE person_move m SET state = 'clash' FROM person_move c
	WHERE c.state = 'clash' AND c.external_id IS NOT NULL AND m.source_id = c.source_id AND m.external_id = c.external_id AND m.state <> 'clash'`

const countMoved = `
	SELECT count(*) FILTER (WHERE state = 'move'), count(*) FILTER (WHERE state = 'repeated'),
	  (SELECT count(DISTINCT (source_id, external_id)) FROM person_move WHERE state = 'clash' AND external_id IS NOT NULL)
	    + count(*) FILTER (WHERE state = 'clash' AND external_id IS NULL),
	  count(*) FILTER (WHERE state = 'clash'), count(*) FILTER (WHERE state = 'move' AND unkeyed)
	FROM person_move`

// compare finds out which of the chosen rows can move, and what stands against the others.
func (m move) compare(ctx context.Context, tx pgx.Tx) (health.MoveCounts, error) {
	var c health.MoveCounts
	// Temporary tables have no statistics of their own accord, without which PostgreSQL would join them with every partition.
	if _, err := tx.Exec(ctx, `ANALYZE person_pick`); err != nil {
		return c, fmt.Errorf("compare the two records: %w", err)
	}
	if err := m.key(ctx, tx); err != nil {
		return c, err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`ANALYZE person_key`, nil},
		{placeMoved, []any{m.fromZone, m.toZone, int64(m.from)}},
		{`ANALYZE person_move`, nil},
		{compareIDs, []any{int64(m.to)}},
		{compareRows, []any{int64(m.to)}},
		{spreadClash, nil},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
			return c, fmt.Errorf("compare the two records: %w", err)
		}
	}
	if err := tx.QueryRow(ctx, countMoved).Scan(&c.Values, &c.Repeated, &c.Clashing, &c.ClashingRows, &c.Unkeyed); err != nil {
		return c, fmt.Errorf("compare the two records: %w", err)
	}
	return c, nil
}

// apply moves what compare found movable, with what imports noted about it.
func (m move) apply(ctx context.Context, tx pgx.Tx) error {
	const moved = ` FROM person_move m WHERE m.state = 'move' AND `
	for _, sql := range []string{
		`UPDATE health.event_identity i SET person_id = $2, dedupe = m.dedupe, effective_at = m.new_at` + moved +
			`i.person_id = $1 AND i.source_id = m.source_id AND i.ext = m.ext AND i.event_id = m.event_id`,
		`UPDATE health.import_identity_before b SET person_id = $2, dedupe = m.dedupe, effective_at = m.new_at` + moved +
			`b.person_id = $1 AND b.source_id = m.source_id AND b.ext = m.ext AND b.event_id = m.event_id`,
		`UPDATE health.import_event_before b SET person_id = $2, effective_at = m.new_at` + moved + `b.person_id = $1 AND b.event_id = m.event_id`,
		`UPDATE health.event e SET person_id = $2, effective_at = m.new_at, effective_end = m.new_end, local_day = m.new_day,
		  dedupe = m.dedupe, origin_person_id = ` + m.origin + moved +
			`e.person_id = $1 AND e.effective_at = m.effective_at AND e.id = m.event_id`,
	} {
		if _, err := tx.Exec(ctx, sql, int64(m.from), int64(m.to)); err != nil {
			return fmt.Errorf("move the rows: %w", err)
		}
	}
	return nil
}

// keyBatch is how many rows are in memory at once.
const keyBatch = 20_000

// keyColumns are read by keyedRow; $1 is the person, $2 the zone of the person's days.
const keyColumns = `
	SELECT e.id, e.effective_at, e.effective_end, CASE WHEN e.whole_days THEN (e.effective_at AT TIME ZONE $2)::date END,
	  CASE WHEN e.whole_days THEN (e.effective_end AT TIME ZONE $2)::date - 1 END,
	  e.value, coalesce(e.comparator, ''), coalesce(e.value_text, ''), coalesce(u.ucum, ''), coalesce(e.orig_value, ''), coalesce(e.orig_unit, ''),
	  e.ref_low, e.ref_high, coalesce(e.flag, ''), e.status, s.name, coalesce(e.external_id, ''), e.code_system, e.code, c.code, e.dedupe, e.slot,
	  (SELECT array_agg(i.slot) FROM health.event_identity i WHERE e.external_id IS NOT NULL
	   AND i.person_id = e.person_id AND i.source_id = e.source_id AND i.ext = ` + extOf + `)
	FROM (SELECT * FROM person_pick WHERE (effective_at, event_id) > ($3, $4) ORDER BY effective_at, event_id LIMIT $5) p
	JOIN health.event e ON e.person_id = $1 AND e.effective_at = p.effective_at AND e.id = p.event_id
	JOIN health.metric c ON c.id = e.metric_id JOIN health.source s ON s.id = e.source_id LEFT JOIN health.unit u ON u.id = e.unit_id
	ORDER BY p.effective_at, p.event_id`

// keyedRow is a row with what its key is made of.
type keyedRow struct {
	id    int64
	at    time.Time
	o     health.Observation
	old   []byte
	slot  *string
	slots []string
}

func scanKeyed(row pgx.CollectableRow) (keyedRow, error) {
	var k keyedRow
	var end, startDay, endDay *time.Time
	var value *float64
	o := &k.o
	err := row.Scan(&k.id, &k.at, &end, &startDay, &endDay, &value, &o.Comparator, &o.ValueText, &o.Unit, &o.OrigValue, &o.OrigUnit,
		&o.RefLow, &o.RefHigh, &o.Flag, &o.Status, &o.Source, &o.ExternalID, &o.CodeSystem, &o.Code, &o.Metric, &k.old, &k.slot, &k.slots)
	o.EffectiveAt, o.EffectiveEnd, o.StartDay, o.EndDay = k.at, orZero(end), dayOf(startDay), dayOf(endDay)
	if value != nil {
		o.Value, o.HasValue = *value, true
	}
	return k, err
}

// rekey is the row's key at another person. ok is false where the row has no key
// of ours: who wrote it made its own, which it keeps.
func (k *keyedRow) rekey(from, to health.PersonID) (key []byte, ok bool) {
	slots := append([]string{""}, k.slots...)
	if k.slot != nil {
		slots = []string{*k.slot}
	} else {
		slots = append(slots, strings.Join([]string{k.o.CodeSystem, k.o.Code}, "|"))
	}
	for _, k.o.Slot = range slots {
		if id := k.o.Dedupe(from); string(id[:]) == string(k.old) {
			id = k.o.Dedupe(to)
			return id[:], true
		}
	}
	return k.old, false
}

// key fills person_key: what the chosen rows' keys are at the other person. The
// key covers the person and is no function that SQL has.
func (m move) key(ctx context.Context, tx pgx.Tx) error {
	at, id := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), int64(0)
	for {
		rows, err := tx.Query(ctx, keyColumns, int64(m.from), m.fromZone, at, id, keyBatch)
		if err != nil {
			return fmt.Errorf("read the rows: %w", err)
		}
		batch, err := pgx.CollectRows(rows, scanKeyed)
		if err != nil {
			return fmt.Errorf("read the rows: %w", err)
		}
		if len(batch) == 0 {
			return nil
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"person_key"}, []string{"event_id", "dedupe", "unkeyed"},
			pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
				key, ok := batch[i].rekey(m.from, m.to)
				return []any{batch[i].id, key, !ok}, nil
			}))
		if err != nil {
			return fmt.Errorf("key the rows anew: %w", err)
		}
		at, id = batch[len(batch)-1].at, batch[len(batch)-1].id
	}
}

// leftBehind are records that became part of another and have rows still, with
// the record at the end of the way.
const leftBehind = `
	WITH RECURSIVE way (id, last) AS (
	  SELECT p.id, p.merged_into FROM health.person p
	  WHERE p.merged_into IS NOT NULL AND EXISTS (SELECT FROM health.event e WHERE e.person_id = p.id)
	  UNION ALL SELECT w.id, p.merged_into FROM way w JOIN health.person p ON p.id = w.last WHERE p.merged_into IS NOT NULL)
	SELECT w.id, w.last, health.person_zone(w.id), health.person_zone(w.last) FROM way w
	JOIN health.person p ON p.id = w.last WHERE p.merged_into IS NULL ORDER BY w.id`

func scanLeftBehind(row pgx.CollectableRow) (move, error) {
	m := move{origin: mergedOrigin}
	err := row.Scan(&m.from, &m.to, &m.fromZone, &m.toZone)
	return m, err
}

// surface moves rows that a merge left behind because the other record had the
// same, where it has them no longer.
func surface(ctx context.Context, tx pgx.Tx) (int64, error) {
	var n int64
	moves, err := collect(ctx, tx, leftBehind, scanLeftBehind)
	if err != nil {
		return 0, fmt.Errorf("look at merged records: %w", err)
	}
	for _, m := range moves {
		if err := pick(ctx, tx, m.from, `true`); err != nil {
			return n, err
		}
		c, err := m.compare(ctx, tx)
		if err != nil {
			return n, err
		}
		if err := m.apply(ctx, tx); err != nil {
			return n, err
		}
		n += c.Values
	}
	return n, nil
}
