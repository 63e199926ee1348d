package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"healthportal/app/health"
	"healthportal/migrations"
)

// ErrDatabaseNewer says that the database was migrated by a program that this
// one can't follow: its min_program exceeds ours.
var ErrDatabaseNewer = errors.New("the database needs a newer portal")

// Migrate brings the database up to this program's schema and writes the metric
// catalogue into it. Several processes may call it at once: one works, under an
// advisory lock, the others wait. It refuses a database whose min_program is
// newer than the program (ErrDatabaseNewer), and changes nothing there.
func Migrate(ctx context.Context, dsn string) error {
	fsys, err := migrations.Postgres()
	if err != nil {
		return err
	}
	return migrateWith(ctx, dsn, fsys, migrations.Program)
}

// migrateWith is Migrate with the migrations and program number as inputs, for
// the tests of upgrades and refusals.
func migrateWith(ctx context.Context, dsn string, fsys fs.FS, program int) (err error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("database address: %w", err)
	}
	db := stdlib.OpenDB(*cfg)
	defer func() {
		if cerr := db.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close migration connection: %w", cerr)
		}
	}()
	if err := checkProgram(ctx, db, program); err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys,
		goose.WithSessionLocker(locker), goose.WithTableName("goose_db_version"))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	if err := writeCatalogue(ctx, db); err != nil {
		return err
	}
	return rankAll(ctx, cfg)
}

// rankAll gives the sources that are there their default priorities.
func rankAll(ctx context.Context, cfg *pgx.ConnConfig) (err error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("rank the sources: %w", err)
	}
	defer func() {
		if cerr := conn.Close(context.WithoutCancel(ctx)); err == nil && cerr != nil {
			err = fmt.Errorf("rank the sources: %w", cerr)
		}
	}()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := lockEvents(ctx, tx); err != nil {
			return err
		}
		return rankSources(ctx, tx)
	})
}

func checkProgram(ctx context.Context, db *sql.DB, program int) error {
	var least int
	err := db.QueryRowContext(ctx, `SELECT min_program FROM ops.schema_state`).Scan(&least)
	var pgErr *pgconn.PgError
	var unreachable *pgconn.ConnectError
	switch {
	case errors.As(err, &pgErr) && (pgErr.Code == "42P01" || pgErr.Code == "3F000"):
		return nil // undefined_table, invalid_schema_name: a database before its first migration
	case errors.As(err, &unreachable):
		return fmt.Errorf("can't reach the database: %w; check DATABASE_URL and that the server runs", oneLine{err})
	case err != nil:
		return fmt.Errorf("read the database's schema state: %w", err)
	case least > program:
		return fmt.Errorf("%w: it asks for schema generation %d, this program knows %d; install the newer release", ErrDatabaseNewer, least, program)
	default:
		return nil
	}
}

// writeCatalogue makes health.metric equal to the program's catalogue. Metrics
// outside the catalogue, which imports add, stay.
func writeCatalogue(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("metric catalogue: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('health.metric'))`); err != nil {
		return fmt.Errorf("metric catalogue: %w", err)
	}
	for i, m := range health.Catalogue() {
		var id int
		var low, high *float64
		if m.Low != 0 || m.High != 0 {
			low, high = &m.Low, &m.High
		}
		err := tx.QueryRowContext(ctx, `
			INSERT INTO health.metric (position, code, name, unit, kind, low, high, reference, in_catalogue)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true)
			ON CONFLICT (code) DO UPDATE SET name = excluded.name, unit = excluded.unit, kind = excluded.kind,
			  low = excluded.low, high = excluded.high, reference = excluded.reference, position = excluded.position, in_catalogue = true
			RETURNING id`, i+1, m.Code, m.Name, m.Unit, string(m.Kind), low, high, m.Reference).Scan(&id)
		if err != nil {
			return fmt.Errorf("metric catalogue, %s: %w", m.Code, err)
		}
		for _, code := range m.LOINC {
			if _, err := tx.ExecContext(ctx, `INSERT INTO health.metric_code (metric_id, code_system, code) VALUES ($1, $2, $3)
				ON CONFLICT (code_system, code) DO UPDATE SET metric_id = excluded.metric_id`, id, health.SystemLOINC, code); err != nil {
				return fmt.Errorf("metric catalogue, %s: %w", m.Code, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("metric catalogue: %w", err)
	}
	return nil
}

// oneLine prints the driver's account of every address it tried in one line.
type oneLine struct{ error }

// Error is the error's text with its lines joined.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap returns the driver's error.
func (e oneLine) Unwrap() error { return e.error }
