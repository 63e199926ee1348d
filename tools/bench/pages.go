package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/store/postgres"
)

// pageSize is the table's usual page.
const pageSize = health.DefaultPageSize

// subject is the patient with the most events, whom the pages are about.
type subject struct {
	id       health.PersonID
	publicID string
	events   int
}

const findSubject = `SELECT p.id, p.public_id, count(*) FROM health.event e JOIN health.person p ON p.id = e.person_id
	WHERE e.superseded_at IS NULL AND e.status <> 'entered-in-error' GROUP BY p.id, p.public_id ORDER BY 3 DESC, 1 LIMIT 1`

// findRow is the table's row number $2, counted from 0: what a reader of that page has before the cursor.
const findRow = `SELECT effective_at, id FROM health.event WHERE person_id = $1 AND superseded_at IS NULL AND status <> 'entered-in-error'
	ORDER BY effective_at DESC, id DESC OFFSET $2 LIMIT 1`

func (b *bench) subject(ctx context.Context) (subject, error) {
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return subject{}, err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	var s subject
	err = conn.QueryRow(ctx, findSubject).Scan(&s.id, &s.publicID, &s.events)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, errors.New("no patient has events; raise -events")
	}
	if err != nil {
		return s, fmt.Errorf("find the patient with the most events: %w", err)
	}
	return s, nil
}

// pages measures the event table: through the store, through HTTP, and far down.
func (b *bench) pages(ctx context.Context) error {
	who, err := b.subject(ctx)
	if err != nil {
		return err
	}
	if who.events < 2*pageSize {
		return fmt.Errorf("the patient with the most events has %d, two pages need %d; raise -events", who.events, 2*pageSize)
	}
	b.say("pages of a patient with %d events", who.events)
	err = b.withStore(ctx, filled, func(db *postgres.DB) error {
		first := health.EventFilter{Person: who.id, Size: pageSize}
		if err := b.storePage(ctx, db, first); err != nil {
			return err
		}
		if err := b.againstSQL(ctx, db, "first page, store", first); err != nil {
			return err
		}
		return b.deepPage(ctx, db, who, first)
	})
	if err != nil {
		return err
	}
	return b.httpPage(ctx, who)
}

// fullPage reads a page and insists that it is full.
func fullPage(ctx context.Context, db *postgres.DB, f health.EventFilter) error {
	page, err := db.EventPage(ctx, access.One(f.Person), f)
	if err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	if len(page.Events) != f.Size {
		return fmt.Errorf("a page of %d events holds %d", f.Size, len(page.Events))
	}
	return nil
}

// storePage measures requests per second of the first page.
func (b *bench) storePage(ctx context.Context, db *postgres.DB, f health.EventFilter) error {
	first := func(ctx context.Context) error { return fullPage(ctx, db, f) }
	trips, settings, err := b.record(ctx, "page of the event table", func(db *postgres.DB) error { return fullPage(ctx, db, f) })
	if err != nil {
		return err
	}
	whole, err := b.pgbench(settings, "page", trips)
	if err != nil {
		return err
	}
	alone, err := b.pgbench(settings, "rows", withoutOthers(trips))
	if err != nil {
		return err
	}
	if _, err := rate(ctx, b.opt.clients, 0, first); err != nil { // connect and plan before the first run
		return err
	}
	pairs, err := alternate(ctx, b.opt.runs, b.underLoad(first), whole)
	if err != nil {
		return err
	}
	b.add(Result{Name: "page of 50 events, store", Limit: "pgbench, the same statements in the same round trip", Unit: "requests/s", More: true, Pairs: pairs})
	pairs, err = alternate(ctx, b.opt.runs, whole, alone)
	if err != nil {
		return err
	}
	b.add(Result{
		Name: "  its SQL with the count", Limit: "pgbench, the same without the total and the metrics", Unit: "requests/s", More: true, Pairs: pairs,
		Note: "both sides are pgbench: what it costs to say how many rows there are, of each metric and of the filter",
	})
	return nil
}

// againstSQL compares a page of the store with its statements alone.
func (b *bench) againstSQL(ctx context.Context, db *postgres.DB, name string, f health.EventFilter) (err error) {
	trips, settings, err := b.record(ctx, name, func(db *postgres.DB) error { return fullPage(ctx, db, f) })
	if err != nil {
		return err
	}
	executed, conn, err := b.executed(ctx, settings, trips, f.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	pairs, err := alternate(ctx, b.opt.runs, b.oneByOne(func(ctx context.Context) error { return fullPage(ctx, db, f) }), executed)
	if err != nil {
		return err
	}
	b.add(Result{Name: name, Limit: "its statements by EXECUTE with generic plans", Unit: "ms", Goal: 1.5, Pairs: pairs})
	return nil
}

// deepPage compares a page far down with the first one.
func (b *bench) deepPage(ctx context.Context, db *postgres.DB, who subject, first health.EventFilter) error {
	depth := min(b.opt.depth, who.events-pageSize-1)
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	var at health.Cursor
	if err := conn.QueryRow(ctx, findRow, int64(who.id), depth).Scan(&at.At, &at.ID); err != nil {
		return fmt.Errorf("find row %d: %w", depth, err)
	}
	deep := first
	deep.After = &at
	read := func(f health.EventFilter) side {
		return b.oneByOne(func(ctx context.Context) error { return fullPage(ctx, db, f) })
	}
	pairs, err := alternate(ctx, b.opt.runs, read(deep), read(first))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("page at row %d", depth)
	b.add(Result{Name: name, Limit: "the first page", Unit: "ms", Goal: 1.1, Pairs: pairs})
	return b.againstSQL(ctx, db, name+", store", deep)
}

// underLoad calls from all clients at once: calls per second.
func (b *bench) underLoad(call func(context.Context) error) side {
	return func(ctx context.Context) (float64, error) {
		return rate(ctx, b.opt.clients, b.opt.span, call)
	}
}

// oneByOne calls one after the other: milliseconds.
func (b *bench) oneByOne(call func(context.Context) error) side {
	return func(ctx context.Context) (float64, error) {
		return latency(ctx, b.opt.span, call)
	}
}
