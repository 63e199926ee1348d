package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/store/postgres"
)

// twoYears is the length of the chart in days.
const twoYears = 730

// findSeries is the patient and metric with the most events, and the last day.
const findSeries = `SELECT e.person_id, m.code, max(e.local_day) FROM health.event e JOIN health.metric m ON m.id = e.metric_id
	WHERE e.superseded_at IS NULL AND e.status <> 'entered-in-error' GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 1`

// rawSeries is the chart's answer without the rollup.
const rawSeries = `SELECT e.code_system, e.code, e.unit_id, e.local_day, count(*),
	  count(e.value) FILTER (WHERE e.comparator IS NULL), min(e.value) FILTER (WHERE e.comparator IS NULL),
	  max(e.value) FILTER (WHERE e.comparator IS NULL), sum(e.value) FILTER (WHERE e.comparator IS NULL)
	FROM health.event e
	WHERE e.person_id = $1 AND e.metric_id = (SELECT id FROM health.metric WHERE code = $2) AND e.local_day BETWEEN $3::date AND $4::date
	  AND e.effective_at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC' AND e.effective_at < ($4::date + 2)::timestamp AT TIME ZONE 'UTC'
	  AND e.superseded_at IS NULL AND e.status <> 'entered-in-error'
	GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`

// chart is one chart's question.
type chart struct {
	person   health.PersonID
	metric   string
	from, to health.Day
}

// series measures a chart of two years.
func (b *bench) series(ctx context.Context) error {
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	var c chart
	var last time.Time
	err = conn.QueryRow(ctx, findSeries).Scan(&c.person, &c.metric, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return errors.New("no patient has events; raise -events")
	}
	if err != nil {
		return fmt.Errorf("find the longest series: %w", err)
	}
	c.to = health.DayOf(last)
	c.from = c.to.AddDays(-twoYears)
	b.say("daily series of %s", c.metric)
	_, _, err = b.record(ctx, "daily series", func(db *postgres.DB) error {
		_, err := c.rolledUp(ctx, db)
		return err
	})
	if err != nil {
		return err
	}
	if err := b.withStore(ctx, filled, func(db *postgres.DB) error { return b.compareSeries(ctx, conn, db, c) }); err != nil {
		return err
	}
	return b.charts(ctx, conn, c)
}

func (b *bench) compareSeries(ctx context.Context, conn *pgx.Conn, db *postgres.DB, c chart) error {
	ours, err := c.rolledUp(ctx, db)
	if err != nil {
		return err
	}
	raw, err := c.raw(ctx, conn)
	if err != nil {
		return err
	}
	if ours != raw {
		return fmt.Errorf("the chart counts %d events on %d days, the table %d on %d: run refresh-views and compare", ours.events, ours.days, raw.events, raw.days)
	}
	pairs, err := alternate(ctx, b.opt.runs,
		b.oneByOne(func(ctx context.Context) error { _, err := c.rolledUp(ctx, db); return err }),
		b.oneByOne(func(ctx context.Context) error { _, err := c.raw(ctx, conn); return err }))
	if err != nil {
		return err
	}
	b.add(Result{
		Name: "daily series, two years", Limit: "GROUP BY over the raw events, same answer", Unit: "ms", Pairs: pairs,
		Note: fmt.Sprintf("%d events on %d days", raw.events, raw.days),
	})
	return nil
}

// totals are what both ways must agree on.
type totals struct{ events, days int }

func (c chart) rolledUp(ctx context.Context, db *postgres.DB) (totals, error) {
	list, err := db.Series(ctx, access.One(c.person), c.person, c.metric, health.Window{Zoom: health.Days, From: c.from, To: c.to})
	if err != nil {
		return totals{}, err //nolint:wrapcheck // says what itself
	}
	var t totals
	for _, s := range list {
		for _, p := range s.Points {
			t.events += p.N
			t.days++
		}
	}
	return t, nil
}

func (c chart) raw(ctx context.Context, conn *pgx.Conn) (totals, error) {
	rows, err := conn.Query(ctx, rawSeries, int64(c.person), c.metric, c.from.String(), c.to.String())
	if err != nil {
		return totals{}, fmt.Errorf("raw series: %w", err)
	}
	var t totals
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			rows.Close()
			return totals{}, fmt.Errorf("raw series: %w", err)
		}
		n, ok := values[4].(int64)
		if !ok {
			rows.Close()
			return totals{}, fmt.Errorf("raw series: the count is a %T", values[4])
		}
		t.events += int(n)
		t.days++
	}
	if err := rows.Err(); err != nil {
		return totals{}, fmt.Errorf("raw series: %w", err)
	}
	return t, nil
}
