package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/store/postgres"
)

// The databases of the catching up: a table, and one ten times as large.
const (
	smaller = "bench_smaller"
	larger  = "bench_larger"
)

// The other program's share: its new rows are a day of so many persons.
const (
	catchUpPersons = 20
	catchUpTimes   = 10
	rowsPerDay     = 24
)

// bring inserts rows of every hour of whole local days, $2 days from the day $1,
// of the persons, as another program does: the day and the note of it are the
// table's own work.
const bring = `INSERT INTO health.event (person_id, metric_id, effective_at, value, unit_id, source_id, code_system, code, dedupe)
	SELECT p.id, m.id, p.midnight + h * interval '1 hour', 60 + h % 24, u.id, s.id, '', '', sha256(int8send(p.id) || int4send(m.id) || int4send(h) || date_send($1::date))
	FROM (SELECT id, $1::date::timestamp AT TIME ZONE health.person_zone(id) AS midnight FROM health.person ORDER BY id LIMIT 20) p,
	  (SELECT id FROM health.metric WHERE in_catalogue ORDER BY id LIMIT 10) m,
	  (SELECT id FROM health.unit ORDER BY id LIMIT 1) u, (SELECT id FROM health.source ORDER BY id LIMIT 1) s,
	  generate_series(0, $2::integer * 24 - 1) h`

// The other program's first new day, in winter: each has 24 hours.
const newDay = "2026-11-20"

// metricsOfDay is how many metrics grow and ingest have.
const metricsOfDay = 10

// catchUp measures how long the rollup takes to catch up with what another
// program inserted, in a small and in a large table.
func (b *bench) catchUp(ctx context.Context) error {
	many := catchUpTimes * b.opt.table
	if err := errors.Join(b.growTable(ctx, smaller, b.opt.table), b.growTable(ctx, larger, many)); err != nil {
		return err
	}
	day := 0
	next := func(database string) side {
		return func(ctx context.Context) (float64, error) {
			day++
			return b.catchUpOnce(ctx, database, day%catchUpDays)
		}
	}
	for _, database := range []string{smaller, larger} { // read what is needed once
		if _, err := next(database)(ctx); err != nil {
			return err
		}
	}
	pairs, err := alternate(ctx, b.opt.runs, next(larger), next(smaller))
	if err != nil {
		return err
	}
	b.add(Result{
		Name: fmt.Sprintf("catching up a day of %d persons, %d rows", catchUpPersons, many), Limit: fmt.Sprintf("the same with %d rows", b.opt.table), Unit: "ms", Goal: 1.3, Pairs: pairs,
		Note: fmt.Sprintf("%d rows inserted by SQL, then what refresh-views does: %d keys counted anew; the insert is not timed",
			catchUpPersons*metricsOfDay*rowsPerDay, catchUpPersons*metricsOfDay),
	})
	return errors.Join(b.place.drop(ctx, smaller), b.place.drop(ctx, larger))
}

// catchUpDays is how many different days are brought; each is taken away again.
const catchUpDays = 7

// growTable makes a database with so many rows that are rolled up.
func (b *bench) growTable(ctx context.Context, database string, rows int) error {
	b.say("a table of %d rows", rows)
	if err := errors.Join(b.place.drop(ctx, database), b.place.create(ctx, database, peopled)); err != nil {
		return err
	}
	conn, err := b.place.connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	days := max(1, rows/(catchUpPersons*metricsOfDay*rowsPerDay))
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO health.person (public_id, synthetic) SELECT 'bench-' || n, true FROM generate_series(1, 20) n`, nil},
		{`INSERT INTO health.unit (ucum) VALUES ('/min') ON CONFLICT DO NOTHING`, nil},
		{`INSERT INTO health.source (name) VALUES ('other program') ON CONFLICT DO NOTHING`, nil},
		{`SELECT health.ensure_partitions($1::date - $2::integer - 1, $1::date + 10)`, []any{newDay, days}},
		{strings.ReplaceAll(bring, "$1::date", "($1::date - $2::integer)"), []any{newDay, days}},
	} {
		if _, err := conn.Exec(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("fill a table: %w", err)
		}
	}
	return b.settle(ctx, conn, database)
}

// settle brings the rollup up to date with rows that were written past an import, and the statistics.
func (b *bench) settle(ctx context.Context, conn *pgx.Conn, database string) error {
	err := b.withStore(ctx, database, func(db *postgres.DB) error {
		_, err := db.RebuildDirty(ctx)
		return err //nolint:wrapcheck // says what itself
	})
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}

// catchUpOnce brings a day's rows, times the catching up in milliseconds, and
// takes the rows away again.
func (b *bench) catchUpOnce(ctx context.Context, database string, day int) (float64, error) {
	conn, err := b.place.connect(ctx, database)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	if _, err := conn.Exec(ctx, strings.ReplaceAll(bring, "$1::date", "($1::date + $3::integer)"), newDay, 1, day); err != nil {
		return 0, fmt.Errorf("bring another program's rows: %w", err)
	}
	var took float64
	err = b.withStore(ctx, database, func(db *postgres.DB) error {
		began := time.Now()
		keys, err := db.RebuildDirty(ctx)
		took = float64(time.Since(began).Microseconds()) / 1000
		if err != nil {
			return err //nolint:wrapcheck // says what itself
		}
		if keys != catchUpPersons*metricsOfDay {
			return fmt.Errorf("%d keys were counted anew, want %d", keys, catchUpPersons*metricsOfDay)
		}
		if _, err := conn.Exec(ctx, `DELETE FROM health.event WHERE local_day >= $1::date AND effective_at >= $1::date - 2`, newDay); err != nil {
			return fmt.Errorf("take another program's rows away: %w", err)
		}
		_, err = db.RebuildDirty(ctx)
		return err //nolint:wrapcheck // says what itself
	})
	return took, err
}
