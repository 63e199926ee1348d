package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// marker stands for what a client sent and nobody may read again.
const marker = "s3cr3t-Muster"

// wire is a site behind a real listener, spoken to byte by byte.
type wire struct {
	*site
	addr string
	stop func()
}

// serveWire serves the site until the test ends, or stop is called.
func serveWire(s *site) *wire {
	s.t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ln) }()
	stopped := false
	w := &wire{site: s, addr: ln.Addr().String()}
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			s.t.Error(err)
		}
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
	s.t.Cleanup(w.stop)
	return w
}

// line is one connection of a client.
type line struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (w *wire) dial() *line {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	return &line{w.t, conn, bufio.NewReader(conn)}
}

// send writes raw; a server that has closed already is no failure of the test.
func (l *line) send(raw string) *line {
	_, _ = io.WriteString(l.conn, raw)
	return l
}

// receive reads one answer.
func (l *line) receive() answer {
	l.t.Helper()
	res, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.t.Fatalf("no answer: %v", err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Fatalf("half an answer: %v", err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// wantClosed fails the test unless the server closes the connection.
func (l *line) wantClosed() {
	l.t.Helper()
	if rest, err := io.ReadAll(l.in); err != nil || len(rest) > 0 {
		l.t.Errorf("after the answer came %q, %v; want the end", rest, err)
	}
}

// ask is the start of a request to the right host.
func ask(first string, headers ...string) string {
	return first + "\r\nHost: localhost:8080\r\nAccept: text/html\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// wantHeaders fails the test unless the answer is protected as every other.
func (a answer) wantHeaders(t *testing.T) answer {
	t.Helper()
	if a.header.Get("Content-Security-Policy") != contentPolicy || a.header.Get("X-Content-Type-Options") != "nosniff" ||
		a.header.Get("Cache-Control") != "no-store" || len(a.header.Get("X-Request-Id")) != 16 {
		t.Errorf("headers are missing: %v", a.header)
	}
	if a.header.Get("Server") != "" {
		t.Errorf("the answer names its server: %v", a.header)
	}
	return a
}

// Whatever comes over the wire is answered with the headers, without an echo, and leaves the server alive.
func TestMalformedRequests(t *testing.T) {
	w := serveWire(newSite(t, nil))
	cookie := "Cookie: hp_session=" + marker
	for name, c := range map[string]struct {
		raw    string
		status int
	}{
		"no method":                     {"\x16\x03\x01" + marker + "\r\n\r\n", 400},
		"no target":                     {"GET\r\n" + cookie + "\r\n\r\n", 400},
		"no version":                    {"GET /" + marker + "\r\n" + cookie + "\r\n\r\n", 400},
		"version 9":                     {"GET /" + marker + " HTTP/9\r\n" + cookie + "\r\n\r\n", 400},
		"empty target":                  {"GET  HTTP/1.1\r\n" + cookie + "\r\n\r\n", 400},
		"space in target":               {"GET /a " + marker + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 400},
		"NUL in target":                 {"GET /" + marker + "\x00 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 400},
		"method with a control byte":    {"GE\x01" + marker + " / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 400},
		"unknown method":                {ask("BREW /"+marker+" HTTP/1.1", cookie), 405},
		"lower-case method":             {ask("get /healthz HTTP/1.1", cookie), 405},
		"connect":                       {"CONNECT evil:443 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 0},
		"options star":                  {ask("OPTIONS * HTTP/1.1", cookie), 0},
		"trace":                         {ask("TRACE /healthz HTTP/1.1", cookie), 405},
		"header without colon":          {ask("GET /healthz HTTP/1.1", cookie, marker), 400},
		"space before colon":            {ask("GET /healthz HTTP/1.1", cookie, "X-A : "+marker), 400},
		"NUL in header":                 {ask("GET /healthz HTTP/1.1", "X-A: "+marker+"\x00"), 400},
		"folded header":                 {ask("GET /healthz HTTP/1.1", "X-A: 1", " "+marker), 200},
		"two hosts":                     {ask("GET /healthz HTTP/1.1", "Host: "+marker), 400},
		"two lengths":                   {ask("POST /logout HTTP/1.1", cookie, "Content-Length: 1", "Content-Length: 2") + "ab", 400},
		"equal lengths twice":           {ask("POST /logout HTTP/1.1", cookie, "Content-Length: 2", "Content-Length: 2") + "ab", 400},
		"length with a list":            {ask("POST /logout HTTP/1.1", cookie, "Content-Length: 2, 2") + "ab", 400},
		"negative length":               {ask("POST /logout HTTP/1.1", cookie, "Content-Length: -1"), 400},
		"length not a number":           {ask("POST /logout HTTP/1.1", cookie, "Content-Length: "+marker), 400},
		"length beyond any number":      {ask("POST /logout HTTP/1.1", cookie, "Content-Length: 99999999999999999999"), 400},
		"two transfer encodings":        {ask("POST /logout HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400},
		"unknown transfer encoding":     {ask("POST /logout HTTP/1.1", "Transfer-Encoding: "+marker), 400},
		"chunk length not a number":     {ask("POST /logout HTTP/1.1", "Transfer-Encoding: chunked") + marker + "\r\n\r\n", 400},
		"chunk longer than any message": {ask("POST /logout HTTP/1.1", "Transfer-Encoding: chunked") + "ffffffffffffffffff\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.dial()
			l.t = t
			a := l.send(c.raw).receive().wantHeaders(t)
			if a.status != c.status && (c.status != 0 || a.status >= 500 || a.status < 300) {
				t.Errorf("status %d, want %d", a.status, c.status)
			}
			if text := fmt.Sprint(a.header) + a.body; strings.Contains(text, marker) || strings.Contains(text, "evil") {
				t.Errorf("the answer echoes the request: %.900s", text)
			}
		})
	}
	w.dial().send(ask("GET /healthz HTTP/1.1")).receive().wantStatus(t, 200)
	w.stop()
	if log := w.log.String(); strings.Contains(log, marker) {
		t.Errorf("the log quotes a request: %s", log[max(0, strings.Index(log, marker)-300):][:400])
	}
}

// Connections that end, or fall silent, halfway through a request harm nobody.
func TestHalfRequests(t *testing.T) {
	w := serveWire(newSite(t, nil))
	for _, raw := range []string{"", "\r\n", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: lo", ask("POST /logout HTTP/1.1", "Content-Length: 100") + marker,
		ask("POST /logout HTTP/1.1", "Transfer-Encoding: chunked") + "5\r\nab"} {
		l := w.dial().send(raw)
		if err := l.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(l.in)
		if err != nil || strings.Contains(string(rest), marker) || strings.HasPrefix(string(rest), "HTTP/1.1 2") {
			t.Errorf("after %q came %q, %v", raw, rest, err)
		}
	}
	w.dial().send(ask("GET /healthz HTTP/1.1")).receive().wantStatus(t, 200)
}

func TestRequestLimits(t *testing.T) {
	w := serveWire(newSite(t, nil))
	fill := func(n int) string { return strings.Repeat("x", n) }
	login := func(body string) string {
		return ask("POST /login/begin HTTP/1.1", "Origin: "+testOrigin, fmt.Sprintf("Content-Length: %d", len(body))) + body
	}
	for name, c := range map[string]struct {
		raw    string
		status int
		text   string
	}{
		"headers of 15 KiB":    {ask("GET /healthz HTTP/1.1", "X-A: "+fill(15<<10)), 200, "ok"},
		"headers of 17 KiB":    {ask("GET /healthz HTTP/1.1", "X-A: "+fill(17<<10)), 431, "headers are too large"},
		"target of 17 KiB":     {ask("GET /" + fill(17<<10) + " HTTP/1.1"), 431, "headers are too large"},
		"thousand headers":     {ask("GET /healthz HTTP/1.1", strings.Repeat("X-A: "+fill(20)+"\r\n", 1000)+"X-B: 1"), 431, "headers are too large"},
		"body over 1 MiB":      {login(fill(1<<20 + 1)), 413, "at most 1 MiB"},
		"length of a gibibyte": {ask("POST /login/begin HTTP/1.1", "Origin: "+testOrigin, "Content-Length: 1073741824"), 413, "at most 1 MiB"},
		"chunks over 1 MiB": {ask("POST /login/begin HTTP/1.1", "Origin: "+testOrigin, "Transfer-Encoding: chunked") +
			strings.Repeat("10000\r\n"+fill(0x10000)+"\r\n", 17) + "0\r\n\r\n", 413, "at most 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.dial()
			l.t = t
			go l.send(c.raw) // the answer may come before the last byte is taken
			a := l.receive().wantStatus(t, c.status).wantText(t, c.text).wantHeaders(t)
			if a.status != 200 {
				a.wantText(t, a.header.Get("X-Request-Id"))
			}
		})
	}
	// A body just within the limit reaches the handler, whatever that makes of it.
	if a := w.dial().send(login(fill(1 << 20))).receive(); a.status == 413 {
		t.Error("a body of exactly 1 MiB is refused as too large")
	}
}

func TestKeepAlive(t *testing.T) {
	w := serveWire(newSite(t, nil))
	l := w.dial()
	first := l.send(ask("GET / HTTP/1.1", "Cookie: hp_session=ops")).receive().wantStatus(t, 200).wantText(t, "Test User")
	second := l.send(ask("GET / HTTP/1.1")).receive().wantStatus(t, 303).wantNoText(t, "Test User")
	if first.header.Get("X-Request-Id") == second.header.Get("X-Request-Id") {
		t.Error("two requests share a request id")
	}
	l.send(ask("GET /nothing HTTP/1.1")).receive().wantStatus(t, 404).wantNoText(t, "Test User")
	// Two requests in one write are answered in turn.
	l.send(ask("GET /healthz HTTP/1.1") + ask("GET /manifest.webmanifest HTTP/1.1"))
	l.receive().wantStatus(t, 200).wantText(t, "ok")
	l.receive().wantStatus(t, 200).wantText(t, `"icons"`)
	l.send(ask("GET /healthz HTTP/1.1", "Connection: close")).receive().wantStatus(t, 200)
	l.wantClosed()
	old := w.dial().send("GET /healthz HTTP/1.0\r\n\r\n")
	old.receive().wantStatus(t, 200)
	old.wantClosed()
}

// What can't be parsed is not answered in the name of who asked before on the same connection.
func TestMalformedAfterGood(t *testing.T) {
	w := serveWire(newSite(t, nil))
	l := w.dial()
	first := l.send(ask("GET / HTTP/1.1", "Cookie: hp_session=ops")).receive().wantStatus(t, 200).wantText(t, "Test User")
	bad := l.send(ask("GET /"+marker+" HTTP/9")).receive().wantStatus(t, 400).wantHeaders(t).wantNoText(t, "Test User", testCSRF, marker)
	if first.header.Get("X-Request-Id") == bad.header.Get("X-Request-Id") {
		t.Error("two requests share a request id")
	}
	l = w.dial()
	l.send(ask("GET / HTTP/1.1", "Cookie: hp_session=ops")).receive().wantStatus(t, 200)
	l.send(ask("BREW / HTTP/1.1")).receive().wantStatus(t, 405).wantHeaders(t).wantNoText(t, "Test User", testCSRF)
}

// After a refusal the connection ends: what follows could be the refused body.
func TestNoRequestIsReadOutOfARefusedBody(t *testing.T) {
	w := serveWire(newSite(t, nil))
	hidden := ask("GET /healthz HTTP/1.1")
	for name, raw := range map[string]string{
		"two lengths":     ask("POST /logout HTTP/1.1", "Content-Length: 0", fmt.Sprintf("Content-Length: %d", len(hidden))) + hidden,
		"bad chunk":       ask("POST /logout HTTP/1.1", "Transfer-Encoding: chunked") + "zz\r\n" + hidden,
		"too large":       ask("POST /logout HTTP/1.1", "Content-Length: 2000000") + hidden,
		"too big headers": ask("GET /healthz HTTP/1.1", "X-A: "+strings.Repeat("x", 20<<10)) + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			l := w.dial()
			l.t = t
			if a := l.send(raw).receive(); a.status < 400 {
				t.Errorf("status %d", a.status)
			}
			if rest, _ := io.ReadAll(l.in); len(rest) > 0 {
				t.Errorf("the rest was taken for a request: %.200q", rest)
			}
		})
	}
	// With both framings the chunks count, and nothing is left over.
	l := w.dial().send(ask("POST /logout HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close") + "0\r\n\r\n" + hidden)
	if a := l.receive(); a.status < 400 {
		t.Errorf("both framings: status %d", a.status)
	}
	l.wantClosed()
}

// The configured origin alone makes links, whatever the request calls the host.
func TestAbsoluteTargets(t *testing.T) {
	w := serveWire(newSite(t, nil))
	for name, c := range map[string]struct {
		raw, location string
		status        int
	}{
		"own origin":            {ask("GET http://localhost:8080/healthz HTTP/1.1"), "", 200},
		"own origin, page":      {ask("GET http://localhost:8080/dashboard?x=1 HTTP/1.1"), "/login?next=%2Fdashboard%3Fx%3D1", 303},
		"other host in target":  {ask("GET http://evil.example/dashboard HTTP/1.1"), "/login?next=%2Fdashboard", 303},
		"other host in header":  {"GET http://localhost:8080/login HTTP/1.1\r\nHost: evil.example\r\n\r\n", testOrigin + "/login", 307},
		"two slashes, bad host": {"GET //evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n", testOrigin, 307},
		"no host":               {"GET /login HTTP/1.1\r\n\r\n", "", 400},
		"no host, HTTP/1.0":     {"GET /login HTTP/1.0\r\n\r\n", testOrigin + "/login", 307},
		"forwarded host":        {ask("GET /dashboard HTTP/1.1", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"), "/login?next=%2Fdashboard", 303},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.dial()
			l.t = t
			a := l.send(c.raw).receive().wantStatus(t, c.status).wantHeaders(t)
			if got := a.header.Get("Location"); !strings.HasPrefix(got, c.location) || strings.Contains(strings.TrimPrefix(got, c.location), "//evil") && c.location != testOrigin {
				t.Errorf("location %q, want %q", got, c.location)
			}
		})
	}
}
