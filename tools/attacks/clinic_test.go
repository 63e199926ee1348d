package attacks

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/cli"
	"healthportal/app/config"
	"healthportal/app/portal"
	"healthportal/store/storetest"
)

// clinic is one portal under attack: its database, folders, server and log.
type clinic struct {
	t      *testing.T
	dir    string
	dsn    string
	addr   string
	origin string
	env    []string
	// db sees everything; no row security binds it. dbTurn lets one user at it.
	db     *pgx.Conn
	dbTurn sync.Mutex
	log    *journal

	stop   func()
	people map[string]*human
	hosts  int
	mu     sync.Mutex
}

const clinicManifest = `version: 1
site: {name: Test Clinic, timezone: Europe/Berlin}
database:
  dsn_env: DATABASE_URL
  tables:
    - {name: health.person, sample: "SELECT count(*) FROM health.person"}
reports:
  - {name: plain, root: reports, include: ["**/*.pdf", "**/*.html"], patient: "^(?P<patient>[^/]+)/", settle: 0s}
  - {name: live, root: live, include: ["**/*.html"], patient: "^(?P<patient>[^/]+)/", settle: 0s, scripts: true}
  - {name: loose, root: loose, include: ["**/*.pdf", "**/*.html"], settle: 0s}
`

// newClinic starts a portal that serves until the test ends. settings are
// further lines of the environment.
func newClinic(t *testing.T, settings ...string) *clinic {
	t.Helper()
	w := prepareClinic(t, settings...)
	w.serve()
	return w
}

// prepareClinic is a clinic whose portal does not serve yet.
func prepareClinic(t *testing.T, settings ...string) *clinic {
	t.Helper()
	db := storetest.Open(t)
	w := &clinic{t: t, dir: t.TempDir(), dsn: db.DSN(), log: &journal{}, people: map[string]*human{}, stop: func() {}}
	w.db = connect(t, db.SuperuserDSN())
	w.addr = freeAddress(t)
	_, port, err := net.SplitHostPort(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	w.origin = "http://localhost:" + port
	manifest := w.write("manifest.yaml", clinicManifest)
	w.mkdir("reports")
	w.mkdir("live")
	w.mkdir("loose")
	w.env = append(settings, // of repeated names the first counts
		"DATABASE_URL="+w.dsn, "PORTAL_DATA="+filepath.Join(w.dir, "data"), "PORTAL_KEYS="+filepath.Join(w.dir, "keys"),
		"GENOMICS_MANIFEST="+manifest, "PORTAL_ADDR="+w.addr, "PORTAL_ORIGIN="+w.origin,
		"LOG_LEVEL=debug", "PORTAL_RATE_LIMIT=100000")
	return w
}

// freeAddress is a loopback address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // only its number is of use
	return ln.Addr().String()
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// config is the checked environment.
func (w *clinic) config() config.Config {
	w.t.Helper()
	cfg, err := config.Load(w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg
}

// serve starts the server and waits until it answers.
func (w *clinic) serve() {
	w.t.Helper()
	cfg := w.config()
	p, err := portal.Open(w.t.Context(), cfg, slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := portal.Listen(w.t.Context(), cfg.Addr)
	if err != nil {
		w.t.Fatal(errors.Join(err, p.Close()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- p.Serve(ctx, ln, func() { close(ready) }) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, p.Close()); err != nil {
			w.t.Errorf("the end of the portal: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		w.t.Fatalf("the portal ended at its start: %v", err)
	}
}

// restart serves anew: nothing that a process remembers is left.
func (w *clinic) restart() {
	w.t.Helper()
	w.stop()
	w.serve()
}

// run runs a portal command, which must succeed, and returns what it printed.
func (w *clinic) run(args ...string) string {
	w.t.Helper()
	code, out, errs := w.try(args...)
	if code != 0 {
		w.t.Fatalf("portal %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// try runs a portal command.
func (w *clinic) try(args ...string) (code int, out, errs string) {
	w.t.Helper()
	var o, e bytes.Buffer
	code = cli.Run(w.t.Context(), cli.Process{Args: args, Env: w.env, Stdin: strings.NewReader(""), Stdout: &o, Stderr: &e})
	return code, o.String(), e.String()
}

func (w *clinic) mkdir(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// write puts a file below the clinic's folder and returns its path.
func (w *clinic) write(name, text string) string {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

func (w *clinic) exec(sql string, args ...any) {
	w.t.Helper()
	w.dbTurn.Lock()
	defer w.dbTurn.Unlock()
	if _, err := w.db.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// one is the single value of a query.
func one[T any](w *clinic, sql string, args ...any) T {
	w.t.Helper()
	w.dbTurn.Lock()
	defer w.dbTurn.Unlock()
	var v T
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&v); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// eventually waits until ok holds; what another process or goroutine does has no
// moment of its own.
func (w *clinic) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not come about", what)
		}
	}
}

// entries counts what the audit log holds of a kind and outcome.
func (w *clinic) entries(kind, outcome string) int {
	w.t.Helper()
	return one[int](w, "SELECT count(*) FROM audit.entry WHERE kind = $1 AND outcome = $2", kind, outcome)
}

// journal is a log that tests read while the server writes it.
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
