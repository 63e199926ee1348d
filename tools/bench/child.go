package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"healthportal/app/demo"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/applehealth"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
)

// childWord is the first argument of a process that imports one file and ends:
// so that its memory is its own, and its start is timed as psql's is.
const childWord = "import-one-file"

// The formats of a child's file.
const (
	formatFHIR  = "fhir"
	formatApple = "apple"
)

// imported is what a child says.
type imported struct {
	Rows int
	// seconds and memory are the process's: from its start to its end, and the most
	// that was resident, in bytes.
	seconds float64
	memory  int64
}

// child imports the file of the arguments dsn, format, record, name.
func child(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 4 {
		return errors.New("usage: " + childWord + " DSN FORMAT RECORD FILE")
	}
	db, err := postgres.Open(ctx, args[0])
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer db.Close()
	rows, err := importFile(ctx, db, args[1], args[2], args[3])
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(imported{Rows: rows}); err != nil {
		return fmt.Errorf("say what was stored: %w", err)
	}
	return nil
}

// importFile brings a file in through the real importer. Refused lines are an
// error, because the limit would not have to store them. record is the record
// number of the person of a file that names nobody.
func importFile(ctx context.Context, db *postgres.DB, format, record, name string) (rows int, err error) {
	f, err := os.Open(name) //nolint:gosec // a file of the run
	if err != nil {
		return 0, fmt.Errorf("open a file of the run: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	zone, err := time.LoadLocation(demo.SiteZone)
	if err != nil {
		return 0, fmt.Errorf("the clinic's time zone: %w", err)
	}
	options := intake.Options{CreatePersons: true, Team: team, Synthetic: true, Site: zone}
	var src intake.Source = fhir.NewReader(f)
	if format == formatApple {
		src = applehealth.New(f)
		options.Person = health.Identifier{System: health.SystemRecordNumber, Value: record}
	}
	report, err := intake.Import(ctx, src, db, options)
	if err != nil {
		return 0, fmt.Errorf("import %s: %w", filepath.Base(name), err)
	}
	if report.Refused > 0 {
		return 0, fmt.Errorf("import %s: %d lines refused, the first: %s", filepath.Base(name), report.Refused, report.Problems[0])
	}
	return report.Stored, nil
}

// spawn imports a file in a process of its own.
func (b *bench) spawn(ctx context.Context, database, format, name string) (imported, error) {
	var done imported
	dsn, err := b.place.dsn(database)
	if err != nil {
		return done, err
	}
	self, err := os.Executable()
	if err != nil {
		return done, fmt.Errorf("find this program: %w", err)
	}
	began := time.Now()
	var out bytes.Buffer
	state, _, err := executed(ctx, &out, nil, self, childWord, dsn, format, records()[0], name)
	done.seconds = time.Since(began).Seconds()
	if err != nil {
		return done, err
	}
	if err := json.Unmarshal(out.Bytes(), &done); err != nil {
		return done, fmt.Errorf("what the importing process says: %w", err)
	}
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return done, errors.New("this system doesn't say what a process used")
	}
	done.memory = usage.Maxrss << 10 // Linux counts kibibytes
	return done, nil
}
