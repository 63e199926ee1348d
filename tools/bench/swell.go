package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// originals are the patient's events before there are copies.
const originals = `CREATE TEMP TABLE originals AS SELECT * FROM health.event
	WHERE person_id = $1 AND superseded_at IS NULL AND status <> 'entered-in-error'`

// noteOriginals notes the days that the copies belong to, once instead of with each copy.
const noteOriginals = `INSERT INTO health.event_dirty (person_id, metric_id, local_day) SELECT DISTINCT person_id, metric_id, local_day FROM originals
	ON CONFLICT DO NOTHING`

// withoutNotes keeps triggers from noting anything of this connection's rows.
const withoutNotes = `SET session_replication_role = replica`

// multiply adds up to $2 copies of the originals, $1 seconds later each.
const multiply = `INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, value, comparator, value_text, unit_id,
	  orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id, group_id, code_system, code, slot, dedupe)
	SELECT person_id, metric_id, effective_at + $1::int * interval '1 second', effective_end + $1::int * interval '1 second', tz_offset_min, local_day, value, comparator, value_text, unit_id,
	  orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id || '-' || $1::int, group_id, code_system, code, slot, sha256(dedupe || int4send($1::int))
	FROM originals LIMIT $2`

// swell gives the patient with the most events so many as -rows says, and does
// what refresh-views and autovacuum would do within minutes.
func (b *bench) swell(ctx context.Context) error {
	who, err := b.subject(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(b.place.drop(ctx, copied), ignoreMissing(os.Remove(b.copyFile(&contest{format: formatFHIR})))); err != nil {
		return err
	}
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	if who.events < b.opt.rows {
		for _, sql := range []string{originals, noteOriginals, withoutNotes} {
			if _, err := conn.Exec(ctx, strings.ReplaceAll(sql, "$1", fmt.Sprint(who.id))); err != nil {
				return fmt.Errorf("prepare to make more events: %w", err)
			}
		}
	}
	first := who.events
	for k := 1; who.events < b.opt.rows; k++ {
		tag, err := conn.Exec(ctx, multiply, k, min(first, b.opt.rows-who.events))
		if err != nil {
			return fmt.Errorf("make more events: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return errors.New("make more events: there was nothing to copy")
		}
		who.events += int(tag.RowsAffected())
		if k%10 == 0 {
			b.say("%d of %d events", who.events, b.opt.rows)
		}
	}
	return b.settle(ctx, conn, filled)
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
