package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// slowHealth is a store that answers only when the request's time is up.
type slowHealth struct{ *fakeHealth }

// Patients waits for the end of ctx.
func (s slowHealth) Patients(ctx context.Context, _ int64, _ health.PatientFilter) (health.PatientPage, error) {
	<-ctx.Done()
	return health.PatientPage{}, errors.Join(errSecret, ctx.Err())
}

func TestTheDeadlineEndsInAPage(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Patients = slowHealth{withData()} })
	var stop context.CancelFunc
	s.server.base, stop = context.WithTimeout(s.server.base, 30*time.Millisecond)
	defer stop()
	a := s.get("/dashboard", as("clinician")).wantStatus(t, 503).wantNoText(t, "Muster").wantHeaders(t)
	a.wantText(t, "<!doctype html", "The answer took too long", "narrower filter", "Test User", a.header.Get("X-Request-Id"))
	s.get("/dashboard", as("clinician"), asFragment).wantStatus(t, 503).wantText(t, "took too long").wantNoText(t, "<html")
	s.get("/dashboard", as("clinician"), header("Accept", "application/json")).wantStatus(t, 503).wantText(t, `"status":503`)
}

func TestEveryRouteButStreamsHasADeadline(t *testing.T) {
	s := newSite(t, nil)
	left := func(path string, rt route) (left time.Duration, ok bool) {
		rt.permission = access.Public
		rt.handle = func(r *request) error {
			var at time.Time
			if at, ok = r.ctx.Deadline(); ok {
				left = time.Until(at)
			}
			return r.c.SendString("done")
		}
		s.server.app.Get(path, s.server.serve(rt))
		s.get(path).wantStatus(t, 200)
		return left, ok
	}
	if d, ok := left("/page", route{}); !ok || d > requestDeadline || d < requestDeadline/2 {
		t.Errorf("an ordinary route has %v, %v", d, ok)
	}
	if d, ok := left("/stream", route{streams: true}); ok {
		t.Errorf("a stream is cut off after %v", d)
	}
	for _, rt := range s.server.routes() {
		if rt.streams && !strings.HasSuffix(rt.path, "/file") && !strings.Contains(rt.path, "/export") {
			t.Errorf("%s has no deadline", rt.path)
		}
	}
}

func TestReadyzBoundsEachDependency(t *testing.T) {
	var left []time.Duration
	ping := func(ctx context.Context) error {
		at, _ := ctx.Deadline()
		left = append(left, time.Until(at))
		return nil
	}
	s := newSite(t, func(d *Deps) { d.Checks = []Check{{"postgres", ping}, {"mirror", ping}} })
	s.get("/readyz").wantStatus(t, 200)
	if len(left) != 2 || left[0] > readyTimeout || left[1] > readyTimeout || left[1] <= 0 {
		t.Errorf("the dependencies have %v", left)
	}
	if s.do(http.MethodHead, "/readyz", "").wantStatus(t, 200).body != "" {
		t.Error("HEAD has a body")
	}
	s.do(http.MethodPost, "/healthz", "", fromPage).wantStatus(t, 405)
}

// smallBuffers keeps the kernel from taking a whole answer at once.
type smallBuffers struct{ net.Listener }

// Accept shrinks the connection's buffer.
func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return conn, err
}

// download serves a body of the size with the stall and returns a client of it.
func download(t *testing.T, size int, stall time.Duration) (net.Conn, *site) {
	t.Helper()
	s := newSite(t, nil)
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	s.server.app.Get("/big", s.server.serve(route{permission: access.Public, handle: func(r *request) error { return r.c.Send(body) }}))
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.server.app.Listener(stallListener{smallBuffers{ln}, stall}) }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := errors.Join(conn.(*net.TCPConn).SetReadBuffer(64<<10), conn.SetDeadline(time.Now().Add(10*time.Second))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, ask("GET /big HTTP/1.1", "Connection: close")); err != nil {
		t.Fatal(err)
	}
	return conn, s
}

func TestAStalledReaderIsCutOff(t *testing.T) {
	const size = 8 << 20
	conn, _ := download(t, size, 100*time.Millisecond)
	time.Sleep(400 * time.Millisecond) // take nothing for longer than the stall
	n, err := io.Copy(io.Discard, conn)
	if n >= size {
		t.Errorf("all %d bytes came, though nobody read for four times the stall (%v)", n, err)
	}
}

// A reader on a thin line takes longer than the stall in all, and gets everything.
func TestASlowReaderIsNotCutOff(t *testing.T) {
	const size, stall = 2 << 20, 250 * time.Millisecond
	conn, _ := download(t, size, stall)
	began := time.Now()
	var n int64
	for {
		more, err := io.CopyN(io.Discard, conn, 64<<10)
		n += more
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes and %v: %v", n, time.Since(began), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n < size {
		t.Errorf("%d of %d bytes came", n, size)
	}
	if took := time.Since(began); took < 2*stall {
		t.Errorf("all came within %v, so that nothing was shown: slow the reader down", took)
	}
}

// brokenConn fails at a call.
type brokenConn struct {
	net.Conn
	deadline, write error
	wrote           []int
}

// SetWriteDeadline is the first thing that may fail.
func (c *brokenConn) SetWriteDeadline(time.Time) error { return c.deadline }

// Write fails at the third piece.
func (c *brokenConn) Write(p []byte) (int, error) {
	c.wrote = append(c.wrote, len(p))
	if len(c.wrote) == 3 && c.write != nil {
		return 7, c.write
	}
	return len(p), nil
}

func TestStallConnCountsWhatItWrote(t *testing.T) {
	broken := errors.New("broken")
	whole := make([]byte, 3*writePiece+5)
	for name, c := range map[string]struct {
		conn *brokenConn
		p    []byte
		n    int
		err  error
	}{
		"all":       {&brokenConn{}, whole, len(whole), nil},
		"nothing":   {&brokenConn{}, nil, 0, nil},
		"one piece": {&brokenConn{}, whole[:writePiece], writePiece, nil},
		"deadline":  {&brokenConn{deadline: broken}, whole, 0, broken},
		"write":     {&brokenConn{write: broken}, whole, 2*writePiece + 7, broken},
	} {
		n, err := stallConn{c.conn, time.Second}.Write(c.p)
		if n != c.n || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v; want %d, %v", name, n, err, c.n, c.err)
		}
		for _, piece := range c.conn.wrote {
			if piece > writePiece {
				t.Errorf("%s: a piece of %d bytes has one deadline", name, piece)
			}
		}
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	s := newSite(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	s.server.app.Get("/slow", s.server.serve(route{permission: access.Public, handle: func(r *request) error {
		close(entered)
		select {
		case <-leave:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		return r.c.SendString("all of it")
	}}))
	w := serveWire(s)
	idle := w.dial()
	idle.send(ask("GET /healthz HTTP/1.1")).receive().wantStatus(t, 200)
	slow := w.dial().send(ask("GET /slow HTTP/1.1"))
	<-entered
	stopped := make(chan struct{})
	go func() { w.stop(); close(stopped) }()
	idle.wantClosed() // an idle connection doesn't hold the end up
	select {
	case <-stopped:
		t.Error("the server ended with a request under way")
	case <-time.After(150 * time.Millisecond):
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr); err == nil {
		_ = conn.Close()
		t.Error("a new connection is taken during the end")
	}
	close(leave)
	slow.receive().wantStatus(t, 200).wantText(t, "all of it")
	<-stopped
}

// Where requests don't end by themselves, the end of the drain ends them.
func TestShutdownGivesUpInTime(t *testing.T) {
	s := newSite(t, nil)
	entered, ended := make(chan struct{}), make(chan error, 1)
	s.server.app.Get("/stuck", s.server.serve(route{permission: access.Public, streams: true, handle: func(r *request) error {
		close(entered)
		<-r.ctx.Done()
		ended <- r.ctx.Err()
		return r.ctx.Err()
	}}))
	w := serveWire(s)
	w.dial().send(ask("GET /stuck HTTP/1.1"))
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		t.Errorf("the end of patience is reported as %v", err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended by %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the request goes on after the end")
	}
}

// A stop in the moment of the start must not leave a server behind that nobody stops any more.
func TestShutdownBeforeServe(t *testing.T) {
	s := newSite(t, nil)
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ln) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server serves after its Shutdown")
	}
}
