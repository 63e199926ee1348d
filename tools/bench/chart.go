package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// drawn stands in drawings and in no icon.
const drawn = `xmlns="http://www.w3.org/2000/svg"`

// bareRollup is the chart of years without anything around it.
const bareRollup = `SELECT code_system, code, unit_id, date_trunc('year', local_day::timestamp)::date AS step, sum(n), sum(n_used), min(value_min), max(value_max), sum(value_sum)
	FROM health.event_day WHERE person_id = $1 AND metric_id = (SELECT id FROM health.metric WHERE code = $2) AND local_day BETWEEN $3::date AND $4::date
	GROUP BY code_system, code, unit_id, step ORDER BY code_system, code, unit_id, step`

// againstRollup measures the chart of all years, which are the two of the synthetic
// clinic, through the web server against the rollup alone.
func (b *bench) againstRollup(ctx context.Context, conn *pgx.Conn, c chart, chart func(context.Context) error) error {
	pairs, err := alternate(ctx, b.opt.runs, b.oneByOne(chart), b.oneByOne(func(ctx context.Context) error { return c.bare(ctx, conn) }))
	if err != nil {
		return err
	}
	b.add(Result{
		Name: "the chart of two years, HTTP", Limit: "the bare query of the rollup, prepared", Unit: "ms", Goal: 3, Pairs: pairs,
		Note: "ours has session, patient, newest values of every metric, an entry of the audit log on the disk, and the drawing",
	})
	return nil
}

// bare asks the rollup alone.
func (c chart) bare(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, bareRollup, int64(c.person), c.metric, health.Day{Year: c.from.Year, Month: 1, Dom: 1}.String(), health.Day{Year: c.to.Year, Month: 12, Dom: 31}.String())
	if err != nil {
		return fmt.Errorf("ask the rollup: %w", err)
	}
	n := 0
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			rows.Close()
			return fmt.Errorf("ask the rollup: %w", err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask the rollup: %w", err)
	}
	if n == 0 {
		return errors.New("the rollup has nothing of the chart")
	}
	return nil
}
