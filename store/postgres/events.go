package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
)

// eventWhere builds the conditions of an event filter. The text depends only on
// which filters are set, so that each shape is planned once.
type eventWhere struct {
	conds []string
	args  []any
	// literals, where set, take the place of arguments.
	literals *literals
}

func (w *eventWhere) arg(v any) string {
	if w.literals != nil {
		return w.literals.of(v)
	}
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *eventWhere) add(cond string) { w.conds = append(w.conds, cond) }

func (w *eventWhere) sql() string { return strings.Join(w.conds, " AND ") }

// newEventWhere has all conditions but the cursor's. Beside local_day stand the
// bounds of effective_at that follow from it, because they choose the partitions.
func newEventWhere(f health.EventFilter) eventWhere {
	var w eventWhere
	w.choose(f)
	return w
}

func (w *eventWhere) choose(f health.EventFilter) {
	w.add("e.person_id = " + w.arg(int64(f.Person)))
	w.chooseRows(f)
}

// chooseRows has the conditions that are not about the person.
func (w *eventWhere) chooseRows(f health.EventFilter) {
	w.add("e.superseded_at IS NULL AND e.status <> 'entered-in-error'")
	if f.Metric != "" {
		w.add("e.metric_id = (SELECT id FROM health.metric WHERE code = " + w.arg(f.Metric) + ")")
	}
	w.chooseFlag(f.Flag)
	if f.Source != 0 {
		w.add("e.source_id = " + w.arg(int64(f.Source)))
	}
	if f.Timed() {
		w.add("NOT e.whole_days")
	}
	if !f.Since.IsZero() {
		w.add("e.effective_at >= " + w.arg(f.Since))
	}
	if !f.Until.IsZero() {
		w.add("e.effective_at < " + w.arg(f.Until))
	}
	if !f.From.IsZero() {
		p := w.arg(dateArg(f.From))
		w.add("e.local_day >= " + p + "::date AND e.effective_at >= (" + p + "::date - 2)::timestamp AT TIME ZONE 'UTC'")
	}
	if !f.To.IsZero() {
		p := w.arg(dateArg(f.To))
		w.add("e.local_day <= " + p + "::date AND e.effective_at < (" + p + "::date + 2)::timestamp AT TIME ZONE 'UTC'")
	}
}

// chooseFlag's conditions imply flag IS NOT NULL, which is what event_flag holds.
func (w *eventWhere) chooseFlag(flag string) {
	switch flag {
	case "":
	case health.FlagAny:
		w.add("e.flag IS NOT NULL")
	case health.FlagNotNormal:
		w.add("e.flag <> 'N'")
	default:
		w.add("e.flag = " + w.arg(flag))
	}
}

// beyond narrows to the rows on one side of a cursor. The plain bound on
// effective_at looks redundant; it is what prunes partitions.
func (w *eventWhere) beyond(c health.Cursor, op string) {
	at, id := w.arg(c.At), w.arg(c.ID)
	w.add(fmt.Sprintf("(e.effective_at, e.id) %s (%s, %s) AND e.effective_at %c= %s", op, at, id, op[0], at))
}

const eventColumns = `e.id, e.person_id, e.effective_at, e.effective_end, e.tz_offset_min, e.local_day, e.whole_days, e.value,
	coalesce(e.comparator, ''), coalesce(e.value_text, ''), coalesce(u.ucum, ''), coalesce(e.orig_value, ''), coalesce(e.orig_unit, ''),
	e.ref_low, e.ref_high, coalesce(e.flag, ''), e.status, s.name, coalesce(d.name, ''), coalesce(e.external_id, ''),
	coalesce(e.group_id, ''), e.code_system, e.code, e.version, m.code AS metric, m.name, s.id`

const eventJoins = `
	JOIN health.metric m ON m.id = e.metric_id
	JOIN health.source s ON s.id = e.source_id
	LEFT JOIN health.unit u ON u.id = e.unit_id
	LEFT JOIN health.device d ON d.id = e.device_id`

// pageQuery is the query of a page's rows from the cursor outwards: those of the
// page, and some beyond.
func pageQuery(f health.EventFilter) (string, []any) {
	if f.Costly() {
		return costlyPage(f)
	}
	w := newEventWhere(f)
	order := w.fromCursor(f)
	limit := w.arg(f.Size + lookBeyond)
	return fmt.Sprintf(`SELECT %s FROM (SELECT * FROM health.event e WHERE %s ORDER BY e.effective_at %s, e.id %s LIMIT %s) e %s
		ORDER BY e.effective_at %s, e.id %s`, eventColumns, w.sql(), order, order, limit, eventJoins, order, order), w.args
}

// fromCursor narrows to the rows on the page's side of its cursor and returns their order.
func (w *eventWhere) fromCursor(f health.EventFilter) (order string) {
	switch {
	case f.After != nil:
		w.beyond(*f.After, "<")
	case f.Before != nil:
		w.beyond(*f.Before, ">")
		return "ASC"
	}
	return "DESC"
}

// EventPage returns one page of a person's events, newest first. Rows of the
// same effective time follow their ids. Superseded and retracted rows don't show.
// Rows, total and metrics are of one instant.
func (db *DB) EventPage(ctx context.Context, scope access.Scope, f health.EventFilter) (health.EventPage, error) {
	var page health.EventPage
	if err := f.Validate(); err != nil {
		return page, err
	}
	var beyond []groupAt // the nearest rows on the cursor's other side
	err := db.read(ctx, scope, func(b *pgx.Batch) {
		if f.Costly() {
			b.Queue(byIndexOnly)
		}
		sql, args := pageQuery(f)
		b.Queue(sql, args...).Query(func(r pgx.Rows) error {
			var err error
			page.Events, err = scanEvents(r)
			return err
		})
		sql, args = countQuery(f)
		b.Queue(sql, args...).Query(func(r pgx.Rows) error { return scanCounts(r, f, &page) })
		queueCount(b, f, &page)
		if f.Choices {
			queueChoices(b, f.Person, &page)
		}
		if f.Nights {
			queueNights(b, f, &page)
		}
		if c, op := otherSide(f); c != nil {
			other := newEventWhere(f)
			other.beyond(*c, op)
			sql, args := otherQuery(other, op)
			b.Queue(sql, args...).Query(func(r pgx.Rows) (err error) {
				beyond, err = pgx.CollectRows(r, pgx.RowToStructByPos[groupAt])
				return err
			})
		}
	})
	if err != nil {
		return health.EventPage{}, fmt.Errorf("events: %w", err)
	}
	more := len(page.Events) > f.Size
	ahead := page.Events[min(len(page.Events), f.Size):]
	page.Events = page.Events[:len(page.Events)-len(ahead)]
	markTorn(page.Events, ahead, beyond)
	if f.Before != nil {
		slices.Reverse(page.Events)
	}
	neighbours(&page, f, more, len(beyond) > 0)
	return page, nil
}

// otherSide is the side of the cursor that the page is not on, the cursor's own row included.
func otherSide(f health.EventFilter) (*health.Cursor, string) {
	switch {
	case f.After != nil:
		return f.After, ">="
	case f.Before != nil:
		return f.Before, "<="
	default:
		return nil, ""
	}
}

// neighbours sets the cursors. An empty page leads back over its own cursor.
func neighbours(page *health.EventPage, f health.EventFilter, more, beyond bool) {
	older, newer := more, beyond
	if f.Before != nil {
		older, newer = beyond, more
	}
	n := len(page.Events)
	if older {
		if n > 0 {
			page.Older = &health.Cursor{At: page.Events[n-1].EffectiveAt, ID: page.Events[n-1].ID}
		} else {
			page.Older = &health.Cursor{At: f.Before.At.Add(time.Microsecond), ID: 1}
		}
	}
	if newer {
		if n > 0 {
			page.Newer = &health.Cursor{At: page.Events[0].EffectiveAt, ID: page.Events[0].ID}
		} else {
			page.Newer = &health.Cursor{At: f.After.At.Add(-time.Microsecond), ID: math.MaxInt64}
		}
	}
}

func scanEvents(rows pgx.Rows) ([]health.Event, error) {
	var list []health.Event
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

func scanEvent(row pgx.Row) (health.Event, error) {
	var (
		e         health.Event
		end       *time.Time
		offset    *int16
		day       time.Time
		wholeDays bool
		value     *float64
		status    string
	)
	err := row.Scan(&e.ID, &e.Person, &e.EffectiveAt, &end, &offset, &day, &wholeDays, &value,
		&e.Comparator, &e.ValueText, &e.Unit, &e.OrigValue, &e.OrigUnit, &e.RefLow, &e.RefHigh, &e.Flag, &status, &e.Source, &e.Device,
		&e.ExternalID, &e.Group, &e.CodeSystem, &e.Code, &e.Version, &e.Metric, &e.MetricTitle, &e.SourceID)
	if err != nil {
		return e, err
	}
	e.EffectiveAt = e.EffectiveAt.UTC()
	e.Status, e.Day = health.Status(status), health.DayOf(day)
	if end != nil {
		e.EffectiveEnd = end.UTC()
	}
	if offset != nil {
		e.OffsetMinutes, e.HasOffset = int(*offset), true
	}
	if wholeDays {
		e.StartDay = e.Day
	}
	if value != nil {
		e.Value, e.HasValue = *value, true
	}
	return e, nil
}
