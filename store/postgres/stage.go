package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// The staged batch. It lives as long as the connection and is empty between
// transactions, so that its plans stay prepared.
const createStage = `
	CREATE TEMP TABLE IF NOT EXISTS stage (
	  round smallint, person_id bigint, metric_id integer, effective_at timestamptz, effective_end timestamptz,
	  tz_offset_min smallint, local_day date, whole_days boolean, value double precision, comparator text, value_text text,
	  unit_id integer, orig_value text, orig_unit text, ref_low double precision, ref_high double precision, flag text,
	  status text, source_id integer, device_id integer, external_id text, group_id text, code_system text, code text,
	  dedupe bytea, ext uuid, slot text, updated timestamptz,
	  id bigint DEFAULT nextval('health.event_id_seq'), version integer DEFAULT 1,
	  correction boolean DEFAULT false, repeated boolean DEFAULT false, old_id bigint,
	  returned boolean DEFAULT false, late boolean DEFAULT false
	) ON COMMIT DELETE ROWS`

// rowNames are the columns that encodeRow writes.
const rowNames = `person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, whole_days, value, comparator, value_text,
	unit_id, orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id, group_id, code_system, code, dedupe`

const copyStage = `COPY stage (round, ` + rowNames + `, ext, slot, updated) FROM STDIN BINARY`

const (
	rowColumns   = 24
	stageColumns = rowColumns + 4
)

// stage copies the batch into the temporary table and returns its number of rounds.
func (im *importer) stage(ctx context.Context, tx pgx.Tx, rows []health.ImportRow) (int, error) {
	if _, err := tx.Exec(ctx, createStage); err != nil {
		return 0, fmt.Errorf("stage: %w", err)
	}
	var e encoder
	e.begin()
	rounds := 0
	for i := range rows {
		rounds = max(rounds, rows[i].Round+1)
		im.encode(&e, &rows[i])
	}
	e.end()
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(e.buf), copyStage); err != nil {
		return 0, fmt.Errorf("stage: %w", err)
	}
	return rounds, nil
}

func (im *importer) encode(e *encoder, r *health.ImportRow) {
	e.int16(stageColumns)
	e.smallint(r.Round)
	im.encodeRow(e, r)
	if r.ExternalID == "" {
		e.null()
	} else {
		key := health.KeyOf(r.ExternalID)
		e.bytes(key[:])
	}
	e.str(r.Slot)
	e.timestamp(r.Updated)
}

// encodeRow writes rowColumns columns, those of a row that the file gives.
func (im *importer) encodeRow(e *encoder, r *health.ImportRow) {
	o := r.Observation
	e.bigint(int64(r.Person))
	e.integer(im.names.metrics[o.Metric], true)
	e.timestamp(o.EffectiveAt)
	e.timestamp(o.EffectiveEnd)
	if o.HasOffset {
		e.smallint(o.OffsetMinutes)
	} else {
		e.null()
	}
	e.date(r.Day)
	e.boolean(!o.StartDay.IsZero())
	e.float(o.Value, o.HasValue)
	e.text(o.Comparator)
	if o.HasValue {
		e.text(o.ValueText)
	} else {
		// A retraction without a value still has a text, an empty one.
		e.str(o.ValueText)
	}
	e.integer(im.names.units[o.Unit], o.Unit != "")
	e.text(o.OrigValue)
	e.text(o.OrigUnit)
	e.optional(o.RefLow)
	e.optional(o.RefHigh)
	e.text(o.Flag)
	e.str(string(o.Status))
	e.integer(im.names.sources[o.Source], true)
	e.integer(im.names.devices[o.Device], o.Device != "")
	e.text(o.ExternalID)
	e.text(o.Group)
	e.str(o.CodeSystem)
	e.str(o.Code)
	e.bytes(r.Content[:])
}

// encoder writes PostgreSQL's binary COPY format.
type encoder struct{ buf []byte }

func (e *encoder) begin() {
	e.buf = append(e.buf, "PGCOPY\n\xff\r\n\x00"...)
	e.buf = append(e.buf, make([]byte, 8)...) // no flags, no header extension
}

func (e *encoder) end() { e.int16(-1) }

func (e *encoder) int16(v int16) {
	e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(v)) //nolint:gosec // bits in, the same bits out
}

func (e *encoder) int32(v int32) {
	e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(v)) //nolint:gosec // as above
}

func (e *encoder) int64(v int64) {
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(v)) //nolint:gosec // as above
}

func (e *encoder) null() { e.int32(-1) }

func (e *encoder) bytes(b []byte) {
	e.int32(int32(len(b))) //nolint:gosec // readers refuse texts of more than 64 KiB
	e.buf = append(e.buf, b...)
}

// text writes an empty string as NULL.
func (e *encoder) text(s string) {
	if s == "" {
		e.null()
		return
	}
	e.str(s)
}

// str writes an empty string as one.
func (e *encoder) str(s string) {
	e.int32(int32(len(s))) //nolint:gosec // as above
	e.buf = append(e.buf, s...)
}

func (e *encoder) smallint(v int) {
	e.int32(2)
	e.int16(int16(v)) //nolint:gosec // minutes of an offset and rounds are small
}

func (e *encoder) integer(v int32, there bool) {
	if !there {
		e.null()
		return
	}
	e.int32(4)
	e.int32(v)
}

func (e *encoder) bigint(v int64) {
	e.int32(8)
	e.int64(v)
}

func (e *encoder) boolean(v bool) {
	e.int32(1)
	if v {
		e.buf = append(e.buf, 1)
		return
	}
	e.buf = append(e.buf, 0)
}

func (e *encoder) float(v float64, there bool) {
	if !there {
		e.null()
		return
	}
	e.int32(8)
	e.int64(int64(math.Float64bits(v))) //nolint:gosec // as above
}

func (e *encoder) optional(v *float64) {
	if v == nil {
		e.null()
		return
	}
	e.float(*v, true)
}

// timestamp writes microseconds since 2000-01-01 UTC; the zero time is NULL.
func (e *encoder) timestamp(t time.Time) {
	if t.IsZero() {
		e.null()
		return
	}
	e.bigint(t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}

func (e *encoder) date(d health.Day) {
	e.int32(4)
	e.int32(int32(health.Day{Year: 2000, Month: time.January, Dom: 1}.DaysUntil(d))) //nolint:gosec // days since 2000
}
