package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
)

// dimensions are the ids of the names that events refer to.
type dimensions struct {
	metrics, units, sources, devices map[string]int32
	// totals are the metrics that are summed.
	totals map[int32]bool
}

// queryer is a connection or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (d *dimensions) load(ctx context.Context, q queryer) error {
	for _, t := range []struct {
		into *map[string]int32
		sql  string
	}{
		{&d.metrics, `SELECT code, id FROM health.metric`},
		{&d.units, `SELECT ucum, id FROM health.unit`},
		{&d.sources, `SELECT name, id FROM health.source`},
		{&d.devices, `SELECT name, id FROM health.device`},
	} {
		*t.into = map[string]int32{}
		rows, err := q.Query(ctx, t.sql)
		if err != nil {
			return fmt.Errorf("read the names: %w", err)
		}
		var name string
		var id int32
		if _, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error {
			(*t.into)[name] = id
			return nil
		}); err != nil {
			return fmt.Errorf("read the names: %w", err)
		}
	}
	rows, err := q.Query(ctx, `SELECT id FROM health.metric WHERE kind = 'total'`)
	if err != nil {
		return fmt.Errorf("read the names: %w", err)
	}
	d.totals = map[int32]bool{}
	var id int32
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		d.totals[id] = true
		return nil
	}); err != nil {
		return fmt.Errorf("read the names: %w", err)
	}
	return nil
}

// ensure makes the names of a batch that are new. Where the transaction is rolled
// back the ids are void, and so is the import.
func (d *dimensions) ensure(ctx context.Context, q queryer, rows []health.ImportRow) error {
	for i := range rows {
		o := rows[i].Observation
		for _, t := range []struct {
			known map[string]int32
			name  string
			sql   string
		}{
			{d.units, o.Unit, insertUnit},
			{d.sources, o.Source, insertSource},
			{d.devices, o.Device, insertDevice},
		} {
			if _, ok := t.known[t.name]; ok || t.name == "" {
				continue
			}
			args := []any{t.name}
			if t.sql != insertUnit {
				args = append(args, health.SourceKindOf(t.name).Priority())
			}
			var id int32
			if err := q.QueryRow(ctx, t.sql, args...).Scan(&id); err != nil {
				return fmt.Errorf("store a new name: %w", err)
			}
			t.known[t.name] = id
		}
		if _, ok := d.metrics[o.Metric]; !ok {
			var id int32
			if err := q.QueryRow(ctx, insertMetric, o.Metric, o.MetricName, string(health.OutsideCatalogue)).Scan(&id); err != nil {
				return fmt.Errorf("store a new metric: %w", err)
			}
			d.metrics[o.Metric] = id
		}
	}
	return nil
}

// Each returns the id of a name that another import made meanwhile, too.
const (
	insertUnit   = `INSERT INTO health.unit (ucum) VALUES ($1) ON CONFLICT (ucum) DO UPDATE SET ucum = excluded.ucum RETURNING id`
	insertSource = `INSERT INTO health.source (name, priority_default) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET priority_default = excluded.priority_default RETURNING id`
	insertDevice = `INSERT INTO health.device (name, priority_default) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET priority_default = excluded.priority_default RETURNING id`
	insertMetric = `INSERT INTO health.metric (code, name, kind) VALUES ($1, $2, $3)
		ON CONFLICT (code) DO UPDATE SET code = excluded.code RETURNING id`
)
