package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// markWritten says that the patient's data changed, as a write by anybody does:
// the portal must read the next answer from the database.
const markWritten = `SELECT health.stamp_data(ARRAY[$1::bigint])`

// charts measures what the cache of aggregates saves through HTTP: each page as
// it comes again, and after a write about its patient.
func (b *bench) charts(ctx context.Context, conn *pgx.Conn, c chart) (err error) {
	who := subject{id: c.person}
	if err := conn.QueryRow(ctx, `SELECT public_id FROM health.person WHERE id = $1`, int64(c.person)).Scan(&who.publicID); err != nil {
		return fmt.Errorf("find the patient of the chart: %w", err)
	}
	dsn, err := b.place.dsn(filled)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, dsn, "charts", who)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	b.say("charts of %s through HTTP", c.metric)
	for _, page := range c.pages(who.publicID) {
		address, err := s.at(page.path)
		if err != nil {
			return err
		}
		again := func(ctx context.Context) error { return s.shows(ctx, address, page.holds) }
		if err := again(ctx); err != nil {
			return fmt.Errorf("%s: %w", page.name, err)
		}
		if page.name == allYears {
			if err := b.againstRollup(ctx, conn, c, again); err != nil {
				return fmt.Errorf("%s: %w", page.name, err)
			}
		}
		pairs, err := alternate(ctx, b.opt.runs, b.oneByOne(again), b.afterWrites(conn, c.person, again))
		if err != nil {
			return fmt.Errorf("%s: %w", page.name, err)
		}
		b.add(Result{Name: page.name + ", HTTP", Limit: "the same after a write about the patient", Unit: "ms", Pairs: pairs,
			Note: "the limit reads everything from the database; both include session, rights, audit log and rendering"})
	}
	return nil
}

// allYears is the page that also stands against the bare rollup.
const allYears = "chart of all years"

// chartPage is a page to be measured and what must stand on it.
type chartPage struct{ name, path, holds string }

func (c chart) pages(publicID string) []chartPage {
	at := func(zoom health.Zoom, at string) string {
		q := url.Values{"metric": {c.metric}, "zoom": {string(zoom)}}
		if at != "" {
			q.Set("at", at)
		}
		return "/patients/" + publicID + "/chart?" + q.Encode()
	}
	return []chartPage{
		{allYears, at(health.Years, ""), drawn},
		{"chart of a year's months", at(health.Months, c.to.String()[:4]), drawn},
		{"chart of a month's days", at(health.Days, c.to.String()[:7]), drawn},
		{"chart of a day's hours", at(health.Hours, c.to.String()), drawn},
		{"page of a patient", "/patients/" + publicID, "<svg"},
	}
}

// at is the address of a path of the measured portal.
func (s *site) at(path string) (string, error) {
	u, err := url.Parse(s.page)
	if err != nil {
		return "", fmt.Errorf("address of the measured portal: %w", err)
	}
	u.Path, u.RawQuery, _ = strings.Cut(path, "?")
	return u.String(), nil
}

// shows asks for an address and insists on what must be on it.
func (s *site) shows(ctx context.Context, address, holds string) error {
	body, err := s.fetch(ctx, address)
	if err == nil && !strings.Contains(body, holds) {
		err = &absentError{"the page has no " + holds}
	}
	return err
}

// afterWrites times calls of which each follows a write about the person; the
// write itself is not timed.
func (b *bench) afterWrites(conn *pgx.Conn, person health.PersonID, call func(context.Context) error) side {
	return func(ctx context.Context) (float64, error) {
		var times []float64
		for began := time.Now(); time.Since(began) < b.opt.span || len(times) < 3; {
			if _, err := conn.Exec(ctx, markWritten, int64(person)); err != nil {
				return 0, fmt.Errorf("mark the patient's data as changed: %w", err)
			}
			start := time.Now()
			if err := call(ctx); err != nil {
				return 0, err
			}
			times = append(times, float64(time.Since(start).Nanoseconds())/1e6)
		}
		return spread(times).Median, nil
	}
}
