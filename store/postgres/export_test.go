package postgres

import (
	"context"
	"io"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"healthportal/app/health"
)

// Statement is a statement with its arguments.
type Statement struct {
	SQL  string
	Args []any
}

// SeriesStatements are the statements of Series, the points first.
func SeriesStatements(person health.PersonID, metric string, w health.Window) []Statement {
	q := seriesQuery{int64(person), metric, w}
	var list []Statement
	for _, of := range []func() (string, []any){q.points, q.bounds, q.ranges} {
		sql, args := of()
		list = append(list, Statement{sql, args})
	}
	return list
}

// ExportStatements are the settings of an export as the owner, and the statement of one person's rows.
func ExportStatements(person health.PersonID, format health.ExportFormat) ([]Statement, error) {
	sql, err := exportQuery(health.EventFilter{Person: person}, format)
	return []Statement{{exportSettings, []any{""}}, {sql, nil}}, err
}

// MigrateWith is migrateWith, for the tests of upgrades and refusals.
func MigrateWith(ctx context.Context, dsn string, fsys fs.FS, program int) error {
	return migrateWith(ctx, dsn, fsys, program)
}

// OpenTraced is Open with a tracer of the statements that pages run.
func OpenTraced(ctx context.Context, dsn string, tracer pgx.QueryTracer) (*DB, error) {
	db, err := Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	cfg := db.app.Config()
	cfg.ConnConfig.Tracer = tracer
	db.app.Close()
	if db.app, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, err
	}
	return db, nil
}

// CopyingNumbers is the COPY input of n rows of one bigint.
func CopyingNumbers(n int) io.Reader {
	return copying(n, func(e *encoder, i int) {
		e.int16(1)
		e.bigint(int64(i))
	})
}
