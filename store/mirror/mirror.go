// Package mirror is the local SQLite copy of the report index, from which the
// web pages list and read reports even while PostgreSQL or the share is down.
// It is built anew by itself when it is damaged or of another version.
package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"modernc.org/sqlite" // the driver

	"healthportal/migrations"
)

const (
	fileName    = "reports.db"
	busyTimeout = 5 * time.Second
	// corrupt and notADB are SQLite's codes for a file that can't be used.
	corrupt = 11
	notADB  = 26
)

// Mirror is an open mirror. Its methods are safe for concurrent use, and
// several processes may share the file.
type Mirror struct {
	path string
	// files guards the two pools while a damaged file is replaced.
	files sync.RWMutex
	write *sql.DB
	read  *sql.DB
	// follow lets one Follow of this process work at a time.
	follow sync.Mutex
}

// Open opens the mirror in dir, which it makes (mode 0700) where it is missing;
// the file has mode 0600. A damaged or outdated file is replaced by an empty
// one, which the next Follow fills.
func Open(ctx context.Context, dir string) (*Mirror, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("report mirror: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
		return nil, fmt.Errorf("report mirror: %w", err)
	}
	path := filepath.Join(dir, fileName)
	m, err := open(ctx, path)
	if err == nil {
		return m, nil
	}
	if !unusable(err) {
		return nil, fmt.Errorf("report mirror %s: %w", path, err)
	}
	if err := remove(path); err != nil {
		return nil, fmt.Errorf("replace the damaged report mirror %s: %w", path, err)
	}
	if m, err = open(ctx, path); err != nil {
		return nil, fmt.Errorf("report mirror %s: %w", path, err)
	}
	return m, nil
}

func open(ctx context.Context, path string) (*Mirror, error) {
	// SQLite would create the file, and its journal, with the umask's mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // a fixed name in the data folder
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, err
	}
	m := &Mirror{path: path}
	if m.write, err = connect(path, 1, "immediate"); err != nil {
		return nil, err
	}
	if m.read, err = connect(path, 8, "deferred"); err != nil {
		return nil, errors.Join(err, m.write.Close())
	}
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func connect(path string, conns int, lock string) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")",
		"journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(ON)", "temp_store(MEMORY)", "trusted_schema(OFF)", "foreign_keys(ON)",
	}}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// errVersion says that the file was made by another version.
var errVersion = errors.New("made by another version of the portal")

// prepare checks the file and makes the schema in an empty one.
func (m *Mirror) prepare(ctx context.Context) error {
	return m.update(ctx, func(tx *sql.Tx) error {
		var version, tables int
		err := tx.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).
			Scan(&version, &tables)
		switch {
		case err != nil:
			return err
		case version == migrations.MirrorVersion:
			return check(ctx, tx)
		case version != 0 || tables != 0:
			return errVersion
		}
		if _, err := tx.ExecContext(ctx, migrations.Mirror()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `PRAGMA user_version = `+strconv.Itoa(migrations.MirrorVersion))
		return err
	})
}

func check(ctx context.Context, tx *sql.Tx) error {
	var verdict string
	if err := tx.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errVersion
	}
	return nil
}

// unusable tells a file that must be replaced from a passing trouble.
func unusable(err error) bool {
	var se *sqlite.Error
	if errors.As(err, &se) {
		code := se.Code() & 0xFF
		return code == corrupt || code == notADB
	}
	return errors.Is(err, errVersion)
}

func remove(path string) error {
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// replace puts an empty mirror in the place of one that is damaged.
func (m *Mirror) replace(ctx context.Context) error {
	m.files.Lock()
	defer m.files.Unlock()
	// The damage makes closing fail too; what counts is whether opening works.
	m.read.Close()  //nolint:errcheck // see above
	m.write.Close() //nolint:errcheck // see above
	if err := remove(m.path); err != nil {
		return err
	}
	anew, err := open(ctx, m.path)
	if err != nil {
		return err
	}
	m.read, m.write = anew.read, anew.write
	return nil
}

// Close closes the file.
func (m *Mirror) Close() error {
	m.files.Lock()
	defer m.files.Unlock()
	return errors.Join(m.read.Close(), m.write.Close())
}

// update runs fn in one writing transaction.
func (m *Mirror) update(ctx context.Context, fn func(*sql.Tx) error) error {
	m.files.RLock()
	defer m.files.RUnlock()
	tx, err := m.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
