package postgres_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
)

// wire stands between a program and PostgreSQL. Cut, it leaves both alone, as the
// end of a killed program does: nothing more goes through, no cancellation either.
type wire struct {
	in    net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

// newWire returns the address of the clinic's database through a wire.
func newWire(t *testing.T, c *clinic) (*wire, string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := fmt.Sprintf(".s.PGSQL.%d", cfg.Port)
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{in: l}
	t.Cleanup(w.cut)
	go w.serve(filepath.Join(cfg.Host, name))
	return w, fmt.Sprintf("host=%s port=%d dbname=%s user=%s password=%s sslmode=disable", dir, cfg.Port, cfg.Database, cfg.User, cfg.Password)
}

func (w *wire) serve(to string) {
	for {
		near, err := w.in.Accept()
		if err != nil {
			return
		}
		far, err := new(net.Dialer).DialContext(context.Background(), "unix", to)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, near, far)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(far, near) }()
		go func() { _, _ = io.Copy(near, far) }()
	}
}

func (w *wire) cut() {
	_ = w.in.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// until asks again and again, for at most as long as a broken defence would hold the test up.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// An import that is killed while it waits for another one is cut off, not running:
// PostgreSQL notices, although nothing is read or written.
func TestKilledImportIsCutOff(t *testing.T) {
	c := newClinic(t)
	w, dsn := newWire(t, c)
	db, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	tx, err := c.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // the end of the test
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtext('health.event'))`); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"x"`))), db, intake.Options{CreatePersons: true, Now: now})
		ended <- err
	}()
	state := func() health.ImportState {
		list, err := c.db.Imports(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return ""
		}
		return list[0].State
	}
	until(t, "the import waits", func() bool {
		var n int
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 1
	})
	if s := state(); s != health.ImportRunning {
		t.Errorf("while it waits: %q", s)
	}
	w.cut()
	if err := <-ended; err == nil {
		t.Error("the import ended well")
	}
	until(t, "the import counts as cut off", func() bool { return state() == health.ImportCutOff })
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := c.db.UndoImport(t.Context(), c.lastImport(), "tester", false); err != nil || r.Rows != 0 {
		t.Errorf("undo: %+v, %v", r, err)
	}
}
