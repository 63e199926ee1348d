package cli_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/cli"
	"healthportal/store/postgres"
)

// screen is an output that a test reads while a command writes it.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds text.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// command is a command that runs until it is stopped.
type command struct {
	o        *office
	out, err screen
	stop     context.CancelFunc
	code     chan int
}

func (o *office) start(args ...string) *command {
	ctx, stop := context.WithCancel(o.t.Context())
	c := &command{o: o, stop: stop, code: make(chan int, 1)}
	go func() {
		c.code <- cli.Run(ctx, cli.Process{Args: args, Env: o.env, Stdin: strings.NewReader(""), Stdout: &c.out, Stderr: &c.err})
	}()
	return c
}

// until waits for ok while the command runs, for a minute.
func (c *command) until(what string, ok func() bool) {
	c.o.t.Helper()
	c.untilWithin(time.Minute, what, ok)
}

func (c *command) untilWithin(most time.Duration, what string, ok func() bool) {
	c.o.t.Helper()
	for deadline := time.Now().Add(most); !ok(); time.Sleep(20 * time.Millisecond) {
		select {
		case code := <-c.code:
			c.o.t.Fatalf("before %s it ended with %d\nout: %s\nerr: %s", what, code, &c.out, &c.err)
		default:
		}
		if time.Now().After(deadline) {
			c.stop()
			c.o.t.Fatalf("%s does not come about\nout: %s\nerr: %s", what, &c.out, &c.err)
		}
	}
}

// end stops the command and wants the code.
func (c *command) end(code int) {
	c.o.t.Helper()
	c.stop()
	if got := <-c.code; got != code {
		c.o.t.Fatalf("exit code %d, want %d\nout: %s\nerr: %s", got, code, &c.out, &c.err)
	}
}

// demoOffice is an office whose commands serve at a free port.
func demoOffice(t *testing.T) (*office, *postgres.DB, string) {
	t.Helper()
	o := newOffice(t)
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	o.env = append(o.env, "PORTAL_ADDR="+addr, "PORTAL_ORIGIN=http://localhost:8080")
	db, err := postgres.Open(t.Context(), o.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return o, db, addr
}

// mark writes the demo's record of itself.
func mark(t *testing.T, db *postgres.DB, value string) {
	t.Helper()
	if err := db.SetSetting(t.Context(), "demo", value); err != nil {
		t.Fatal(err)
	}
}

// A filling that was cut off goes on where it was: with the same day, and in a database that holds persons by now.
func TestDemoFillingGoesOnAfterAnInterruption(t *testing.T) {
	o, db, _ := demoOffice(t)
	first := o.start("demo")
	first.until("the first patients", func() bool { has, err := db.HasPersons(t.Context()); return err == nil && has })
	first.end(1)
	if out := first.out.String(); out != "" {
		t.Errorf("an interrupted filling printed %q", out)
	}
	state, err := db.Setting(t.Context(), "demo")
	if err != nil || !regexp.MustCompile(`^filling \d{4}-\d\d-\d\d$`).MatchString(state) {
		t.Fatalf("the record is %q, %v", state, err)
	}
	mark(t, db, "filling 2026-01-15") // as if it had been begun then
	second := o.start("demo")
	second.until("the second filling", func() bool { return strings.Contains(second.err.String(), "reports written") })
	second.end(1)
	if text := second.err.String(); !strings.Contains(text, "as of 2026-01-15") {
		t.Errorf("the second start changed the demo's day: %s", text)
	}
	if state, err = db.Setting(t.Context(), "demo"); err != nil || state != "filling 2026-01-15" {
		t.Errorf("the record is %q, %v", state, err)
	}
}

var enrolLine = regexp.MustCompile(`^enrol (\w+) (http://localhost:8080/enrol#[\w-]{43})$`)

// links maps roles to the links of a demo's output, which holds nothing else.
func links(t *testing.T, out string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(out) {
		m := enrolLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("standard output holds %q", line)
		}
		found[m[1]] = m[2]
	}
	return found
}

// A filled demo serves at once, and hands out fresh links for the same people.
func TestDemoSecondStart(t *testing.T) {
	o, db, addr := demoOffice(t)
	mark(t, db, "filled 2026-01-15")
	ready := func() bool {
		res, err := http.Get("http://" + addr + "/readyz") //nolint:noctx // loopback, bounded by until
		if err == nil {
			err = res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	}
	run := func() (map[string]string, string) {
		c := o.start("demo")
		c.until("readiness", ready)
		c.until("the last line", func() bool { return strings.Contains(c.err.String(), "Ctrl-C") })
		c.end(0)
		return links(t, c.out.String()), c.err.String()
	}
	first, said := run() // the data folder is new: the reports are written, the events stay as they are
	if !strings.Contains(said, "reports written") || strings.Contains(said, "making a synthetic clinic") || !strings.Contains(said, "ready at http://localhost:8080") {
		t.Errorf("the start with a new data folder said %s", said)
	}
	second, said := run()
	if strings.Contains(said, "reports written") {
		t.Errorf("the second start said %s", said)
	}
	for _, role := range []string{"clinician", "analyst", "researcher", "ops", "privacy", "admin"} {
		if first[role] == "" || second[role] == "" || first[role] == second[role] {
			t.Errorf("%s has the links %q and %q", role, first[role], second[role])
		}
	}
	conn, err := pgx.Connect(t.Context(), o.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is pending
	var users, valid int
	err = conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM auth.user_account),
		(SELECT count(*) FROM auth.enrolment WHERE used_at IS NULL AND revoked_at IS NULL)`).Scan(&users, &valid)
	if err != nil || users != 6 || valid != 6 {
		t.Errorf("%d people, %d valid links (%v); want 6 and 6", users, valid, err)
	}
	manifest := filepath.Join(o.dir, "data/demo/manifest.yaml")
	if _, err := os.Stat(manifest); err != nil {
		t.Error(err)
	}
	o.run("sync-reports").want(t, 1, "demo-reports") // the office's own manifest does not name the demo's root
}

// A record that can't be read stops the demo: it could be somebody's data.
func TestDemoRecordDamaged(t *testing.T) {
	o, db, addr := demoOffice(t)
	for record, words := range map[string]string{"": "can't be read", "filled": "can't be read", "filled 2026-13-45": "2026-13-45", "filled yesterday": "yesterday"} {
		mark(t, db, record)
		o.run("demo").want(t, 1, words)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatalf("a demo that failed keeps the port: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}
