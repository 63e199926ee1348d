package portal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/config"
	"healthportal/store/storetest"
)

// world is a clinic's machine: a database, a folder with manifest and reports, and what it logged.
type world struct {
	t    *testing.T
	dir  string
	dsn  string
	conn *pgx.Conn // sees everything
	log  *journal
}

// journal is a log that tests may read while a server writes it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

const someManifest = `version: 1
site: {name: Test Clinic, timezone: Europe/Berlin}
database:
  dsn_env: DATABASE_URL
  tables:
    - {name: health.person, sample: "SELECT count(*) FROM health.person"}
reports:
  - {name: reports, root: reports, include: ["**/*.html"], settle: 0s}
`

func newWorld(t *testing.T) *world {
	t.Helper()
	db := storetest.Open(t)
	w := &world{t: t, dir: t.TempDir(), dsn: db.DSN(), log: &journal{}}
	w.conn = connect(t, db.SuperuserDSN())
	w.write("manifest.yaml", someManifest)
	w.report("one")
	return w
}

// connect opens a connection that ends with the test.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (w *world) write(name, text string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// report writes an HTML report of that title.
func (w *world) report(title string) {
	w.t.Helper()
	w.write("reports/"+title+".html", "<!doctype html><title>"+title+"</title><p>Text.</p>")
}

// config is the configuration of a process with a data folder of its own.
func (w *world) config(name string) config.Config {
	return config.Config{DatabaseURL: w.dsn, DataDir: filepath.Join(w.dir, name), KeysDir: filepath.Join(w.dir, "keys"), ManifestPath: filepath.Join(w.dir, "manifest.yaml"),
		Addr: "127.0.0.1:0", Origin: "http://localhost:8080", LogFormat: "text"}
}

// open opens a portal that is closed at the end of the test.
func (w *world) open(cfg config.Config) *Portal {
	w.t.Helper()
	p, err := Open(w.t.Context(), cfg, slog.New(slog.NewTextHandler(w.log, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return p
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.conn.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

func one[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	var v T
	if err := w.conn.QueryRow(w.t.Context(), sql, args...).Scan(&v); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// maintenance is a connection to the cluster's own database, from where w's can be shut.
func (w *world) maintenance() (conn *pgx.Conn, database string) {
	w.t.Helper()
	u, err := url.Parse(w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	database = strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	return connect(w.t, u.String()), database
}

// eventually waits until ok holds.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not come about; the log:\n%s", what, w.log)
		}
	}
}

// wantError fails the test unless err says every word.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q lacks %q", err, word)
		}
	}
}
