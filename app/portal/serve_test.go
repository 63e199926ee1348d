package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics/reportsync"
)

// service is a portal that serves on a free port.
type service struct {
	*world
	addr string
	stop context.CancelFunc
	done chan error
}

// serve starts p and waits until it is ready. The test ends it, or stop does.
func (w *world) serve(p *Portal) *service {
	w.t.Helper()
	ln, err := Listen(w.t.Context(), "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	s := &service{world: w, addr: ln.Addr().String(), stop: stop, done: make(chan error, 1)}
	ready := make(chan struct{})
	go func() {
		s.done <- p.Serve(ctx, ln, func() { close(ready) })
		close(s.done)
	}()
	w.t.Cleanup(func() { stop(); s.ended() })
	select {
	case <-ready:
	case err := <-s.done:
		w.t.Fatalf("the portal ended at its start: %v", err)
	}
	return s
}

// ended waits for the end of Serve, which must be without an error.
func (s *service) ended() {
	s.t.Helper()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("Serve: %v", err)
		}
	case <-time.After(time.Minute):
		s.t.Fatal("Serve does not end")
	}
}

// ask sends one GET as a browser at the origin would.
func (s *service) ask(path, cookie string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = "localhost:8080"
	req.Header.Set("Accept", "text/html")
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "hp_session", Value: cookie})
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// want fails the test unless the page answers so.
func (s *service) want(path string, status int, texts ...string) {
	s.t.Helper()
	got, body, err := s.ask(path, "")
	if err != nil || got != status {
		s.t.Fatalf("%s: status %d, %v; want %d: %.500s", path, got, err, status, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			s.t.Errorf("%s lacks %q: %.900s", path, text, body)
		}
	}
}

func TestServe(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	s := w.serve(p)
	s.want("/healthz", 200, "ok")
	s.want("/readyz", 200, `"ready":true`, `"postgres":"ok"`, `"mirror":"ok"`)
	s.want("/login", 200, "Sign in with a passkey", "Test Clinic")
	s.want("/dashboard", 303)
	if _, body, err := s.ask("/login", ""); err != nil || strings.Contains(body, "ynthetic") {
		t.Errorf("real data is called synthetic (%v)", err)
	}
	s.stop()
	s.ended()
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr); err == nil {
		t.Error("the port is still taken after the end")
	}
	if log := w.log.String(); !strings.Contains(log, "msg=serving") || !strings.Contains(log, "msg=stopping") {
		t.Errorf("the log lacks start or end:\n%s", log)
	}
	if err := p.DB.SetSetting(t.Context(), SettingDemo, "filled 2026-03-29"); err != nil {
		t.Fatal(err)
	}
	w.serve(w.open(w.config("data"))).want("/login", 200, "ynthetic")
}

// The portal outlives its database: /readyz says so, and says so again when all is well.
func TestReadyzFollowsTheDatabase(t *testing.T) {
	w := newWorld(t)
	s := w.serve(w.open(w.config("data")))
	s.want("/readyz", 200)
	conn, database := w.maintenance()
	do := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	do("ALTER DATABASE " + database + " ALLOW_CONNECTIONS false")
	do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
	s.want("/readyz", 503, `"ready":false`, `"postgres":"failed"`, `"mirror":"ok"`)
	s.want("/healthz", 200)
	s.want("/login", 200, "Sign in with a passkey")
	status, body, err := s.ask("/dashboard", strings.Repeat("a", 43))
	if err != nil || status != 503 || !strings.Contains(body, "held back") || strings.Contains(body, database) {
		t.Errorf("a page without database: %d, %v: %.500s", status, err, body)
	}
	do("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true")
	w.eventually("the database's return", func() bool {
		status, _, err := s.ask("/readyz", "")
		return err == nil && status == 200
	})
	if status, _, err := s.ask("/dashboard", strings.Repeat("a", 43)); err != nil || status != 303 {
		t.Errorf("after the return an unknown session gets %d, %v", status, err)
	}
}

// The end waits for a request that the database keeps waiting.
func TestTheEndDrains(t *testing.T) {
	w := newWorld(t)
	s := w.serve(w.open(w.config("data")))
	tx, err := w.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE auth.session IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		status, _, err := s.ask("/dashboard", strings.Repeat("a", 43))
		answered <- fmt.Sprint(status, " ", err)
	}()
	look := connect(t, w.dsn)
	w.eventually("the request's wait", func() bool {
		var waiting bool
		err := look.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'auth.session'::regclass)").Scan(&waiting)
		return err == nil && waiting
	})
	s.stop()
	select {
	case err := <-s.done:
		t.Errorf("the portal ended with a request under way: %v", err)
	case got := <-answered:
		t.Errorf("the request was cut off: %s", got)
	case <-time.After(200 * time.Millisecond):
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got != "303 <nil>" {
		t.Errorf("the request ended with %s", got)
	}
	s.ended()
}

// Told to stop in the moment of its start, the portal stops.
func TestStopAtTheStart(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	for range 5 {
		ln, err := Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Serve(ctx, ln, cancel) }()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the portal goes on after it was told to stop")
		}
	}
}

func TestServeRefusesAndFreesThePort(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*Portal)
		words  []string
	}{
		"no manifest":   {func(p *Portal) { p.Config.ManifestPath += ".none" }, []string{"manifest.yaml.none", "GENOMICS_MANIFEST"}},
		"a bad origin":  {func(p *Portal) { p.Config.Origin = "nonsense" }, []string{"passkeys"}},
		"no mirror":     {func(p *Portal) { w.write("no mirror/mirror", "") }, []string{"mirror"}},
		"no database":   {func(p *Portal) { p.DB.Close() }, []string{"closed"}},
		"no demo table": {func(*Portal) { w.exec("ALTER TABLE ops.setting RENAME TO other") }, []string{"setting"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no demo table" {
				defer w.exec("ALTER TABLE ops.other RENAME TO setting")
			}
			p := w.open(w.config(name))
			c.change(p)
			ln, err := Listen(t.Context(), "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			err = p.Serve(t.Context(), ln, func() { t.Error("it calls itself ready") })
			wantError(t, err, c.words...)
			again, err := Listen(t.Context(), ln.Addr().String())
			if err != nil {
				t.Fatalf("the port is not free again: %v", err)
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Another process's sync-reports reaches a serving portal's mirror: at its start, and while it runs.
func TestFollowPicksUpTheWorkOfOthers(t *testing.T) {
	w := newWorld(t)
	worker, server := w.open(w.config("worker")), w.open(w.config("server"))
	sync := func() {
		t.Helper()
		if _, err := worker.SyncReports(t.Context(), reportsync.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(n int) func() bool { return func() bool { return state(t, server).Rows == n } }
	if _, err := server.Mirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	sync()
	if !rows(0)() {
		t.Fatal("the server's mirror is filled already")
	}
	s := w.serve(server)
	w.eventually("the first report", rows(1))
	s.stop()
	s.ended()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { server.follow(ctx, 10*time.Millisecond); close(ended) }()
	w.report("two")
	sync()
	w.eventually("the second report", rows(2))
	// A mirror stays as it was while the index can't be read, and the log says so once it can't.
	w.exec("ALTER TABLE analytics.report_roots RENAME TO elsewhere")
	w.eventually("the warning", func() bool { return strings.Contains(w.log.String(), "could not follow the index") })
	if !rows(2)() {
		t.Error("the mirror changed although the index could not be read")
	}
	w.exec("ALTER TABLE analytics.elsewhere RENAME TO report_roots")
	w.report("three")
	sync()
	w.eventually("the third report", rows(3))
	stop()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("following goes on after its end")
	}
}

// A start that was interrupted leaves nothing behind that keeps the next one from working.
func TestOpenEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(over, w.config("data"), w.open(w.config("other")).Log); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	w.serve(w.open(w.config("data"))).want("/readyz", 200)
}
