package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"healthportal/app/demo"
	"healthportal/store/postgres"
)

// The databases of a run: templates, the one that pages are measured on, and
// the one that psql fills.
const (
	migrated = "bench_migrated"
	peopled  = "bench_peopled"
	filled   = "bench_filled"
	copied   = "bench_copied"
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
		_, err := importFile(ctx, db, formatFHIR, "", b.place.patientsFile())
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

// contest is one importer against \copy of the rows that it made.
type contest struct {
	name, format, file string
	rows               int
	// partitions is the SQL that makes the partitions of the rows.
	partitions string
	// memory is the most that each importing process held, in bytes.
	memory []float64
}

// imports measures the importer against \copy of the rows that it made. The
// last run's database of FHIR stays, for the pages.
func (b *bench) imports(ctx context.Context) error {
	if b.opt.measures(partImport) {
		if err := writeFile(b.place.appleFile(), func(w io.Writer) error { return writeApple(w, b.opt.records) }); err != nil {
			return err
		}
		for _, c := range []*contest{
			{name: "Apple Health", format: formatApple, file: b.place.appleFile()},
			{name: "FHIR NDJSON", format: formatFHIR, file: b.place.eventsFile()},
		} {
			if err := b.contest(ctx, c); err != nil {
				return err
			}
		}
	} else if err := b.rehearse(ctx, &contest{format: formatFHIR, file: b.place.eventsFile()}); err != nil {
		return err
	}
	if !b.reads() {
		return nil
	}
	return b.swell(ctx)
}

// contest runs both sides, and says what the importing processes held in memory.
func (b *bench) contest(ctx context.Context, c *contest) error {
	if err := b.rehearse(ctx, c); err != nil {
		return err
	}
	var triggered, plain []Pair
	for i := range b.opt.runs {
		b.say("import of %s, run %d of %d", c.name, i+1, b.opt.runs)
		order := []side{
			func(ctx context.Context) (float64, error) { return b.importOnce(ctx, c) },
			func(ctx context.Context) (float64, error) { return b.copyOnce(ctx, c, true) },
			func(ctx context.Context) (float64, error) { return b.copyOnce(ctx, c, false) },
		}
		var took [3]float64
		for k := range order {
			n := (i + k) % len(order)
			var err error
			if took[n], err = order[n](ctx); err != nil {
				return err
			}
		}
		triggered = append(triggered, Pair{Ours: took[0], Limit: took[1]})
		plain = append(plain, Pair{Ours: took[0], Limit: took[2]})
	}
	b.add(Result{
		Name: fmt.Sprintf("import %s, %d rows", c.name, c.rows), Limit: `psql \copy of the same rows into the same table`, Unit: "rows/s", More: true, Goal: 0.5, Pairs: triggered,
		Note: "the importer also parses, identifies, versions and rolls up; psql fires the table's triggers, which note what refresh-views has left to do; both tables have their partitions beforehand, which an import else makes",
	})
	b.add(Result{Name: "  the same import", Limit: `psql \copy into the same partitions and indexes without triggers`, Unit: "rows/s", More: true, Pairs: plain})
	return b.addMemory("  memory of the importing process", c)
}

// addMemory says what the importing processes held.
func (b *bench) addMemory(name string, c *contest) error {
	memory := make([]Pair, len(c.memory))
	for i, bytes := range c.memory {
		memory[i] = Pair{Ours: bytes / (1 << 20), Limit: 128}
	}
	info, err := os.Stat(c.file)
	if err != nil {
		return fmt.Errorf("the file's size: %w", err)
	}
	b.add(Result{
		Name: name, Limit: "128 MiB", Unit: "MiB", Goal: 1, Pairs: memory,
		Note: fmt.Sprintf("the most that was resident; the file has %d MB", info.Size()/1_000_000),
	})
	return nil
}

// memory imports one export of Apple Health, untimed, for what the process holds.
func (b *bench) memory(ctx context.Context) error {
	c := &contest{format: formatApple, file: filepath.Join(b.place.dir, "memory.xml")}
	if err := writeFile(c.file, func(w io.Writer) error { return writeApple(w, b.opt.records) }); err != nil {
		return err
	}
	b.say("import of %d Records", b.opt.records)
	if err := errors.Join(b.place.drop(ctx, copied), b.place.create(ctx, copied, peopled)); err != nil {
		return err
	}
	done, err := b.spawn(ctx, copied, c.format, c.file)
	if err != nil {
		return err
	}
	c.memory = []float64{float64(done.memory)}
	err = b.addMemory(fmt.Sprintf("memory of importing Apple Health, %d Records", b.opt.records), c)
	return errors.Join(err, os.Remove(c.file), b.place.drop(ctx, copied))
}

// rehearse imports once, untimed, and exports what that stored.
func (b *bench) rehearse(ctx context.Context, c *contest) error {
	if err := b.renew(ctx, filled, ""); err != nil {
		return err
	}
	done, err := b.spawn(ctx, filled, c.format, c.file)
	if err != nil {
		return err
	}
	c.rows = done.Rows
	if c.partitions, err = b.psql(ctx, filled, partitionsOf); err != nil {
		return err
	}
	_, err = b.psql(ctx, filled, `\copy (SELECT * FROM health.event ORDER BY id) TO `+literal(b.copyFile(c))+` (FORMAT csv)`)
	return err
}

// importOnce imports into a new database and returns rows per second.
func (b *bench) importOnce(ctx context.Context, c *contest) (float64, error) {
	if err := b.renew(ctx, filled, c.partitions); err != nil {
		return 0, err
	}
	done, err := b.spawn(ctx, filled, c.format, c.file)
	if err != nil {
		return 0, err
	}
	c.memory = append(c.memory, float64(done.memory))
	if done.Rows != c.rows {
		return 0, fmt.Errorf("one import stored %d rows, another %d", c.rows, done.Rows)
	}
	return float64(done.Rows) / done.seconds, nil
}

func (b *bench) copyFile(c *contest) string { return filepath.Join(b.place.dir, c.format+".csv") }

// renew makes a database anew that has the patients, changes it by SQL, and
// writes out what that left behind.
func (b *bench) renew(ctx context.Context, database, sql string) error {
	if err := errors.Join(b.place.drop(ctx, database), b.place.create(ctx, database, peopled)); err != nil {
		return err
	}
	if sql != "" {
		if _, err := b.psql(ctx, database, sql); err != nil {
			return err
		}
	}
	return b.place.checkpoint(ctx)
}

// partitionsOf answers the SQL that makes the partitions that health.event has.
const partitionsOf = `SELECT string_agg(format('SELECT health.ensure_partitions(%L, %L)', d, d), ';' ORDER BY d) FROM (
	SELECT to_date(substr(relname, 7), 'YYYY_MM') AS d FROM pg_class WHERE relkind = 'r' AND relname ~ '^event_[0-9]{4}_[0-9]{2}$') m`

// withoutTriggers takes those away that an INSERT fires.
const withoutTriggers = `; DROP TRIGGER event_local_day ON health.event; DROP TRIGGER event_dirty_insert ON health.event; DROP TRIGGER event_choice_insert ON health.event`

// copyOnce times \copy of the imported rows into another new database's
// health.event, and counts what arrived.
func (b *bench) copyOnce(ctx context.Context, c *contest, triggers bool) (float64, error) {
	prepare := strings.TrimSpace(c.partitions)
	if !triggers {
		prepare += withoutTriggers
	}
	if err := b.renew(ctx, copied, prepare); err != nil {
		return 0, err
	}
	took, err := seconds(ctx, func(ctx context.Context) error {
		_, err := b.psql(ctx, copied, `\copy health.event FROM `+literal(b.copyFile(c))+` (FORMAT csv)`)
		return err
	})
	if err != nil {
		return 0, err
	}
	count, err := b.psql(ctx, copied, "SELECT count(*) FROM health.event")
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(strings.TrimSpace(count)); err != nil || n != c.rows {
		return 0, fmt.Errorf(`\copy stored %s rows of %d`, strings.TrimSpace(count), c.rows)
	}
	return float64(c.rows) / took, nil
}

// literal quotes a file name for psql.
func literal(name string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(name) + "'"
}

func (b *bench) psql(ctx context.Context, database, command string) (string, error) {
	dsn, err := b.place.dsn(database)
	if err != nil {
		return "", err
	}
	out, _, err := outputs(ctx, []string{"PGOPTIONS=-c client_min_messages=warning"}, b.place.programs.psql,
		"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", command)
	return out, err
}
