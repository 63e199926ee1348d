package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"healthportal/app/demo"
	"healthportal/store/postgres"
)

// The databases of a run: templates, and the one that pages are measured on.
const (
	migrated = "bench_migrated"
	peopled  = "bench_peopled"
	filled   = "bench_filled"
)

// team is the care team that gets all patients.
const team = "Bench"

// prepare makes the templates: a migrated database, and one with the patients.
func (b *bench) prepare(ctx context.Context) error {
	lines, err := b.place.writeNDJSON(b.opt.events)
	if err != nil {
		return err
	}
	if lines < b.opt.events {
		b.say("the synthetic clinic has %d lines of Observations only; measuring with those", lines)
	}
	if err := b.place.create(ctx, migrated, "template0"); err != nil {
		return err
	}
	dsn, err := b.place.dsn(migrated)
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, dsn); err != nil {
		return fmt.Errorf("migrate the run's database: %w", err)
	}
	zone, err := time.LoadLocation(demo.SiteZone)
	if err != nil {
		return fmt.Errorf("the clinic's time zone: %w", err)
	}
	if err := b.withStore(ctx, migrated, func(db *postgres.DB) error { return db.SetSiteTimezone(ctx, zone) }); err != nil {
		return err
	}
	if err := b.place.create(ctx, peopled, migrated); err != nil {
		return err
	}
	return b.withStore(ctx, peopled, func(db *postgres.DB) error {
		_, err := importFile(ctx, db, b.place.patientsFile())
		return err
	})
}

// withStore runs fn on an opened store and closes it.
func (b *bench) withStore(ctx context.Context, database string, fn func(*postgres.DB) error) error {
	dsn, err := b.place.dsn(database)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, dsn)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer db.Close()
	return fn(db)
}

// imports measures the importer against \copy of the rows that it made. The
// last run's database stays, for the pages.
func (b *bench) imports(ctx context.Context) error {
	runs := b.opt.runs
	if !b.opt.measures(partImport) {
		runs = 1
	}
	result := Result{
		Name: "import FHIR NDJSON", Limit: `psql \copy of the same rows into a bare table`, Unit: "rows/s", More: true,
		Note: "the importer parses, identifies, indexes and rolls up; the bare table has no index, constraint, trigger or partition",
	}
	for i := range runs {
		b.say("import, run %d of %d", i+1, runs)
		if err := errors.Join(b.place.drop(ctx, filled), b.place.create(ctx, filled, peopled)); err != nil {
			return err
		}
		pair, err := b.importOnce(ctx)
		if err != nil {
			return err
		}
		result.Pairs = append(result.Pairs, pair)
	}
	if b.opt.measures(partImport) {
		b.add(result)
	}
	conn, err := b.place.connect(ctx, filled)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	// What autovacuum would do within minutes.
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}

func (b *bench) importOnce(ctx context.Context) (Pair, error) {
	if err := b.place.checkpoint(ctx); err != nil {
		return Pair{}, err
	}
	var rows int
	var took float64
	err := b.withStore(ctx, filled, func(db *postgres.DB) (err error) {
		took, err = seconds(ctx, func(ctx context.Context) (err error) {
			rows, err = importFile(ctx, db, b.place.eventsFile())
			return err
		})
		return err
	})
	if err != nil {
		return Pair{}, err
	}
	copied, err := b.copyOnce(ctx, rows)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Ours: float64(rows) / took, Limit: float64(rows) / copied}, nil
}

// copyOnce times \copy of the imported rows into a table with the same columns
// and nothing else, in seconds, and counts what arrived.
func (b *bench) copyOnce(ctx context.Context, rows int) (float64, error) {
	file := filepath.Join(b.place.dir, "rows.copy")
	for _, command := range []string{
		"CREATE SCHEMA bench", "CREATE TABLE bench.bare (LIKE health.event)",
		`\copy (SELECT * FROM health.event) TO ` + literal(file),
	} {
		if _, err := b.psql(ctx, command); err != nil {
			return 0, err
		}
	}
	if err := b.place.checkpoint(ctx); err != nil {
		return 0, err
	}
	took, err := seconds(ctx, func(ctx context.Context) error {
		_, err := b.psql(ctx, `\copy bench.bare FROM `+literal(file))
		return err
	})
	if err != nil {
		return 0, err
	}
	count, err := b.psql(ctx, "SELECT count(*) FROM bench.bare")
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(strings.TrimSpace(count)); err != nil || n != rows {
		return 0, fmt.Errorf(`\copy stored %s rows of %d`, strings.TrimSpace(count), rows)
	}
	_, err = b.psql(ctx, "DROP SCHEMA bench CASCADE")
	return took, err
}

// literal quotes a file name for psql.
func literal(name string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(name) + "'"
}

func (b *bench) psql(ctx context.Context, command string) (string, error) {
	dsn, err := b.place.dsn(filled)
	if err != nil {
		return "", err
	}
	out, _, err := outputs(ctx, []string{"PGOPTIONS=-c client_min_messages=warning"}, b.place.programs.psql,
		"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", command)
	return out, err
}
