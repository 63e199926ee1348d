package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/config"
	"healthportal/app/portal"
	"healthportal/store/embedded"
)

// closeTimeout bounds the orderly end of the database.
const closeTimeout = 60 * time.Second

// place is the temporary folder of a run and the PostgreSQL in it.
type place struct {
	dir      string
	lease    *embedded.Lease
	admin    *pgx.Conn
	programs programs
}

// openPlace starts a PostgreSQL of our own with the settings of the product.
func openPlace(ctx context.Context, pgBin string) (_ *place, err error) {
	dir, err := os.MkdirTemp("", "portal-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the run: %w; make the folder for temporary files writable or set TMPDIR", err)
	}
	p := &place{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	// The server's user must pass, nobody needs to list.
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // see above
		return nil, fmt.Errorf("open the run's folder to the database's user: %w", err)
	}
	data := filepath.Join(dir, "data")
	if p.lease, err = embedded.Open(ctx, embedded.Options{DataDir: data, Durable: true, BinDir: pgBin}); err != nil {
		return nil, err //nolint:wrapcheck // says what, where and what to do itself
	}
	if p.admin, err = pgx.Connect(ctx, p.lease.DSN()); err != nil {
		return nil, fmt.Errorf("connect to the run's database: %w", err)
	}
	var bin string
	if err := p.admin.QueryRow(ctx, "SELECT setting FROM pg_config WHERE name = 'BINDIR'").Scan(&bin); err != nil {
		return nil, fmt.Errorf("ask the server for its programs: %w", err)
	}
	if p.programs, err = findPrograms(bin); err != nil {
		return nil, err
	}
	return p, nil
}

// close stops the database and removes the folder, whatever became of the run.
func (p *place) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if p.admin != nil {
		errs = append(errs, p.admin.Close(ctx))
	}
	if p.lease != nil {
		errs = append(errs, p.lease.Close(ctx))
	}
	errs = append(errs, os.RemoveAll(p.dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean up %s: %w", p.dir, err)
	}
	return nil
}

func (p *place) describe(ctx context.Context) (Sheet, error) {
	s := Sheet{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)}
	if err := p.admin.QueryRow(ctx, "SHOW server_version").Scan(&s.PostgreSQL); err != nil {
		return s, fmt.Errorf("ask the server for its version: %w", err)
	}
	return s, nil
}

// dsn is the address of one of the run's databases.
func (p *place) dsn(database string) (string, error) {
	u, err := url.Parse(p.lease.DSN())
	if err != nil {
		return "", fmt.Errorf("the database's address: %w", err)
	}
	u.Path = "/" + database
	return u.String(), nil
}

// dsnAt is the address of a database behind another socket, the one in dir.
func (p *place) dsnAt(database, dir string) (string, error) {
	u, err := url.Parse(p.lease.DSN())
	if err != nil {
		return "", fmt.Errorf("the database's address: %w", err)
	}
	q := u.Query()
	q.Set("host", dir)
	u.Path, u.RawQuery = "/"+database, q.Encode()
	return u.String(), nil
}

// socketDir is the folder of the server's socket.
func (p *place) socketDir() (string, error) {
	u, err := url.Parse(p.lease.DSN())
	if err != nil {
		return "", fmt.Errorf("the database's address: %w", err)
	}
	return u.Query().Get("host"), nil
}

// create makes a database as a copy of another one that nobody is connected to.
func (p *place) create(ctx context.Context, name, template string) error {
	return p.exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template))
}

// drop removes a database and ends its connections.
func (p *place) drop(ctx context.Context, name string) error {
	return p.exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

// checkpoint writes out what earlier work left behind, so that it is not timed
// with what follows.
func (p *place) checkpoint(ctx context.Context) error { return p.exec(ctx, "CHECKPOINT") }

func (p *place) exec(ctx context.Context, sql string) error {
	if _, err := p.admin.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// connect connects to one of the run's databases as its superuser.
func (p *place) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	dsn, err := p.dsn(database)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", database, err)
	}
	return conn, nil
}

// portal opens the product on a database, with a data folder named folder and
// at the address addr.
func (p *place) portal(ctx context.Context, dsn, folder, manifest, addr string) (*portal.Portal, error) {
	env := []string{
		"DATABASE_URL=" + dsn, "PORTAL_DATA=" + filepath.Join(p.dir, folder), "PORTAL_KEYS=" + filepath.Join(p.dir, "keys"),
		"GENOMICS_MANIFEST=" + manifest, "PORTAL_ADDR=" + addr,
		// One reader asks as fast as it can, which is what the limit is there to stop.
		"PORTAL_RATE_LIMIT=1000000",
		// Nobody is there to show a passkey.
		"PORTAL_EXPORT_CHECK_ROWS=1000000000",
	}
	cfg, err := config.Load(env)
	if err != nil {
		return nil, fmt.Errorf("settings of the measured portal: %w", err)
	}
	opened, err := portal.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("open the measured portal: %w", err)
	}
	return opened, nil
}
