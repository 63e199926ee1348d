package research

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// EventFilter chooses values of one participant. Empty fields do not filter.
type EventFilter struct {
	Person health.PersonID
	// Metric is a code of the catalogue.
	Metric string
	// From and To are shifted days, both inclusive.
	From, To health.Day
	// Size is clamped to 1..health.MaxPageSize; 0 means health.DefaultPageSize.
	Size int
	// After and Before are cursors of an earlier page; at most one is set.
	After, Before string
}

// EventPage is one page of values, newest first.
type EventPage struct {
	Events []Event
	// Older and Newer are the cursors of the neighbouring pages; empty where there is none.
	Older, Newer string
	// Total counts exactly what the filter matches; Size is the size in force.
	Total, Size int
	// Metrics are those of which the participant has values, whatever the filter.
	Metrics []MetricCount
	// Withheld counts what is left out of the participant's values, whatever the filter.
	Withheld Withheld
}

// Events returns a page of a participant's values to the user who asks, to whom
// alone its cursors are of use. It fails with health.ErrNotFound for a person
// without consent, with a *health.InputError or health.ErrBadCursor for a filter
// that makes no sense.
func (v *View) Events(ctx context.Context, userID int64, f EventFilter) (EventPage, error) {
	if _, err := v.store.ResearchPerson(ctx, f.Person); err != nil {
		return EventPage{}, err
	}
	days := v.shift(f.Person)
	q, err := v.rowQuery(userID, f, days)
	if err != nil {
		return EventPage{}, err
	}
	rows, err := v.store.ResearchRows(ctx, q)
	if err != nil {
		return EventPage{}, err
	}
	page := EventPage{Total: rows.Total, Size: q.Size}
	for _, r := range rows.Rows {
		e := r.Event
		e.Day, e.Start, e.End = shiftDay(e.Day, days), shiftTime(e.Start, days), shiftTime(e.End, days)
		page.Events = append(page.Events, e)
	}
	page.Older, page.Newer = v.neighbours(userID, q, rows)
	if page.Metrics, err = v.store.ResearchMetrics(ctx, f.Person); err != nil {
		return EventPage{}, err
	}
	sortMetrics(page.Metrics)
	page.Withheld, err = v.store.ResearchWithheld(ctx, f.Person)
	return page, err
}

// rowQuery turns shifted days and sealed cursors back into true ones.
func (v *View) rowQuery(userID int64, f EventFilter, days int) (RowQuery, error) {
	q := RowQuery{Person: f.Person, Metric: f.Metric, From: shiftDay(f.From, -days), To: shiftDay(f.To, -days)}
	limits := health.EventFilter{From: f.From, To: f.To, Size: f.Size}
	for _, c := range []struct {
		text string
		to   **health.Cursor
		also **health.Cursor
	}{{f.After, &q.After, &limits.After}, {f.Before, &q.Before, &limits.Before}} {
		if c.text == "" {
			continue
		}
		cursor, err := v.openCursor(userID, f.Person, c.text)
		if err != nil {
			return q, err
		}
		*c.to, *c.also = &cursor, &cursor
	}
	err := limits.Validate()
	q.Size = limits.Size
	return q, err
}

// neighbours seals the cursors of the pages around rows. A page without rows
// leads back over the cursor that it was asked with.
func (v *View) neighbours(userID int64, q RowQuery, rows Rows) (older, newer string) {
	first, last := health.Cursor{}, health.Cursor{}
	switch n := len(rows.Rows); {
	case n > 0:
		first = health.Cursor{At: rows.Rows[0].At, ID: rows.Rows[0].ID}
		last = health.Cursor{At: rows.Rows[n-1].At, ID: rows.Rows[n-1].ID}
	case q.After != nil:
		first = health.Cursor{At: q.After.At, ID: q.After.ID - 1}
	case q.Before != nil:
		last = health.Cursor{At: q.Before.At, ID: q.Before.ID + 1}
	}
	if rows.Older {
		older = v.sealCursor(userID, q.Person, last)
	}
	if rows.Newer {
		newer = v.sealCursor(userID, q.Person, first)
	}
	return older, newer
}

// cursorSize is the length of a cursor before it is sealed: time and id.
const cursorSize = 16

func cursorContext(userID int64, person health.PersonID) string {
	return "research-cursor|user " + strconv.FormatInt(userID, 10) + "|person " + strconv.FormatInt(int64(person), 10)
}

// sealCursor encrypts a place in the order, which is a true date.
func (v *View) sealCursor(userID int64, person health.PersonID, c health.Cursor) string {
	var b [cursorSize]byte
	binary.BigEndian.PutUint64(b[:8], uint64(c.At.UnixMicro()))
	binary.BigEndian.PutUint64(b[8:], uint64(c.ID)) //nolint:gosec // bits in, the same bits out
	return v.keys.Seal(keyring.ViewIDs, cursorContext(userID, person), b[:])
}

// openCursor accepts what sealCursor made for the same user and person.
func (v *View) openCursor(userID int64, person health.PersonID, text string) (health.Cursor, error) {
	b, err := v.keys.Unseal(keyring.ViewIDs, cursorContext(userID, person), text)
	if err != nil || len(b) != cursorSize {
		return health.Cursor{}, foreignCursor{}
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(b[:8]))).UTC()            //nolint:gosec // bits in, the same bits out
	return health.Cursor{At: at, ID: int64(binary.BigEndian.Uint64(b[8:]))}, nil //nolint:gosec // bits in, the same bits out
}

// foreignCursor is a cursor that was changed, or made for another user,
// participant or key.
type foreignCursor struct{}

// Error is the words of health.ErrBadCursor.
func (foreignCursor) Error() string { return health.ErrBadCursor.Error() }

// Told is the words for the reader.
func (foreignCursor) Told() string { return health.ErrBadCursor.Error() }

// Unwrap returns health.ErrBadCursor.
func (foreignCursor) Unwrap() error { return health.ErrBadCursor }
