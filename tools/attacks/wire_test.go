package attacks

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// line is one raw connection of a client that keeps to no rules.
type line struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// host is what honest clients send as Host.
func (w *clinic) host() string { return strings.TrimPrefix(w.origin, "http://") }

// dial opens a connection that ends with the test.
func (w *clinic) dial() *line {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	return &line{w.t, conn, bufio.NewReader(conn)}
}

// send writes raw bytes; a server that has closed already is no failure of the test.
func (l *line) send(raw string) *line {
	_, _ = io.WriteString(l.conn, raw)
	return l
}

// receive reads one answer; after it the connection may be closed.
func (l *line) receive() answer {
	l.t.Helper()
	a, err := l.try()
	if err != nil {
		l.t.Fatalf("no whole answer: %v", err)
	}
	return a
}

func (l *line) try() (answer, error) {
	res, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(res.Body)
	if res.Close {
		_ = l.conn.Close()
	}
	return answer{l.t, "raw request", res.StatusCode, res.Header, string(body)}, err
}

// closed reports whether the server ends the connection without another byte.
func (l *line) closed() bool {
	rest, _ := io.ReadAll(l.in)
	return len(rest) == 0
}

// ask is a raw request to the right host.
func (w *clinic) ask(first string, headers ...string) string {
	return first + "\r\nHost: " + w.host() + "\r\nAccept: text/html\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}
