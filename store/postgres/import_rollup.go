package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// fresh_day is what the new rows of a batch add to the rollup.
const createFresh = `
	CREATE TEMP TABLE IF NOT EXISTS fresh_day (person_id bigint, metric_id integer, local_day date, code_system text, code text,
	  unit_id integer, n integer, n_used integer, value_min double precision, value_max double precision, value_sum double precision,
	  source_id integer, device_id integer, several boolean
	) ON COMMIT DELETE ROWS`

const copyFresh = `COPY fresh_day FROM STDIN BINARY`

// takeStale takes every key that is noted, as takeDirty does, and those of the
// batch that the rollup has: both are counted anew from the table.
const takeStale = `
	WITH taken AS (DELETE FROM health.event_dirty RETURNING person_id, metric_id, local_day)
	INSERT INTO dirty_now SELECT * FROM taken
	UNION SELECT f.person_id, f.metric_id, f.local_day FROM fresh_day f JOIN health.event_day d USING (person_id, metric_id, local_day)`

// fillFresh: a key that is neither in the rollup nor noted has no rows that count
// but the batch's. Where somebody commits others meanwhile, they have noted the
// key, and it is counted anew the next time.
const fillFresh = `
	INSERT INTO health.event_day (person_id, metric_id, local_day, code_system, code, unit_id, n, n_used, value_min, value_max, value_sum,
	  source_id, device_id, several)
	SELECT f.* FROM fresh_day f
	WHERE NOT EXISTS (SELECT FROM dirty_now n WHERE (n.person_id, n.metric_id, n.local_day) = (f.person_id, f.metric_id, f.local_day))`

// rollUpNew brings the rollup up to date with new rows, which tx stored without
// a note of their keys, and with what others noted. storeIn has made the temporary tables.
func (im *importer) rollUpNew(ctx context.Context, tx pgx.Tx, rows []*health.ImportRow) error {
	days := im.freshDays(rows)
	for _, d := range days {
		if math.IsInf(d.sum, 0) { // PostgreSQL refuses to add these up, too
			return errors.New("roll up new rows: the values of a day are too large to add up")
		}
	}
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, copying(len(days), func(e *encoder, i int) { days[i].encode(e) }), copyFresh); err != nil {
		return fmt.Errorf("roll up new rows: %w", err)
	}
	results, err := tx.Conn().PgConn().Exec(ctx, hashJoinOff+";"+takeStale+";"+hashJoinOn+";"+fillFresh).ReadAll()
	if err != nil {
		return fmt.Errorf("roll up new rows: %w", err)
	}
	stale := results[1].CommandTag.RowsAffected() > 0
	if stale {
		if err := recount(ctx, tx); err != nil {
			return err
		}
	}
	if stale || slices.ContainsFunc(days, func(d *freshDay) bool { return im.names.totals[d.metric] }) {
		return countOnce(ctx, tx, "dirty_now", "fresh_day")
	}
	return nil
}

// freshKey is a key of the rollup.
type freshKey struct {
	person       health.PersonID
	metric, unit int32
	day          health.Day
	system, code string
}

// freshDay is a row of the rollup. Its figures are those of dayRows.
type freshDay struct {
	freshKey
	n, used        int32
	low, high, sum float64
	// source and device (0: none) are those of the numbers; several: not of all.
	source, device int32
	several        bool
}

// freshDays counts the rows as dayRows does, in their order.
func (im *importer) freshDays(rows []*health.ImportRow) []*freshDay {
	known := map[freshKey]*freshDay{}
	var days []*freshDay
	for _, r := range rows {
		if r.Status == health.EnteredInError {
			continue
		}
		key := freshKey{r.Person, im.names.metrics[r.Metric], 0, r.Day, r.CodeSystem, r.Code}
		if r.Unit != "" {
			key.unit = im.names.units[r.Unit]
		}
		d := known[key]
		if d == nil {
			d = &freshDay{freshKey: key}
			known[key] = d
			days = append(days, d)
		}
		d.add(r, im.names.sources[r.Source], im.names.devices[r.Device])
	}
	return days
}

func (d *freshDay) add(r *health.ImportRow, source, device int32) {
	d.n++
	if !r.HasValue || r.Comparator != "" {
		return
	}
	if d.used == 0 {
		d.low, d.high, d.source, d.device = r.Value, r.Value, source, device
	}
	// The least of each, as dayLanes has it; where there are several they mean nothing.
	d.several = d.several || d.source != source || d.device != device
	d.source, d.device = min(d.source, source), min(d.device, device)
	d.used++
	d.low, d.high, d.sum = min(d.low, r.Value), max(d.high, r.Value), d.sum+r.Value
}

func (d *freshDay) encode(e *encoder) {
	e.int16(14)
	e.bigint(int64(d.person))
	e.integer(d.metric, true)
	e.date(d.day)
	e.str(d.system)
	e.str(d.code)
	e.integer(d.unit, true)
	e.integer(d.n, true)
	e.integer(d.used, true)
	e.float(d.low, d.used > 0)
	e.float(d.high, d.used > 0)
	e.float(d.sum, d.used > 0)
	e.integer(d.source, d.used > 0)
	e.integer(d.device, d.used > 0)
	e.boolean(d.several)
}
