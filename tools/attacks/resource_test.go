package attacks

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// allocated runs f and returns how many bytes this process, the server in it,
// took meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const mebi = 1 << 20

// Defence: requests with a Content-Encoding are refused before the body is touched.
func TestAttack44_GzipBomb(t *testing.T) {
	w := newClinic(t)
	ada := w.as("analyst")
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, mebi)
	for range 300 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, coding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "identity, gzip"} {
		for _, path := range []string{"/login/begin", "/login/finish", "/logout", "/genomics/reports", "/nothing"} {
			used := allocated(func() {
				a := ada.do(http.MethodPost, path, bytes.NewReader(bomb.Bytes()), set("Origin", w.origin), set("Content-Encoding", coding),
					set("Content-Type", "application/json"), set("X-CSRF-Token", ada.csrf()))
				a.want(http.StatusUnsupportedMediaType)
			})
			if used > 32*mebi {
				t.Errorf("%s to %s took %d MiB", coding, path, used/mebi)
			}
		}
	}
	if !ada.signedIn() {
		t.Error("the bomb signed somebody out")
	}
}

// Defence: the body limit, Go's parsers' own limits, and forms read by name only.
func TestAttack45_OversizedInput(t *testing.T) {
	w := newClinic(t)
	ada := w.as("analyst")
	many := func(n int, pair func(int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = pair(i)
		}
		return strings.Join(parts, "&")
	}
	form := func(path, body string) answer {
		return ada.do(http.MethodPost, path, strings.NewReader(body), set("Origin", w.origin), set("Content-Type", "application/x-www-form-urlencoded"), set("X-CSRF-Token", ada.csrf()))
	}
	list := "/genomics/reports"
	for name, c := range map[string]struct {
		ask      func() answer
		statuses []int
	}{
		"a field of 10 MB":      {func() answer { return w.tenMegabytes(ada) }, []int{413}},
		"a field of 1 MB":       {func() answer { return form(list, "q="+strings.Repeat("x", 1_000_000)) }, []int{400, 422}},
		"JSON 100,000 deep":     {func() answer { return ada.json("/login/finish", []byte(strings.Repeat("[", 100_000))) }, []int{400}},
		"an object 50,000 deep": {func() answer { return ada.json("/login/finish", []byte(strings.Repeat(`{"a":`, 50_000))) }, []int{400}},
		"an index of 999999999": {func() answer { return form(list, "a[999999999]=1&q[999999999]=1&q.999999999=1") }, []int{200}},
		"a query index":         {func() answer { return ada.get(list + "?a[999999999]=1&size[999999999]=3") }, []int{200}},
		"10,000 parameters":     {func() answer { return form(list, many(10_000, func(i int) string { return fmt.Sprintf("p%d=1", i) })) }, []int{200}},
		"one name 10,000 times": {func() answer { return form(list, many(10_000, func(int) string { return "q=x" })) }, []int{200}},
		"nested names":          {func() answer { return form(list, "a"+strings.Repeat("[b]", 10_000)+"=1") }, []int{200}},
		"2,000 query parameters": {func() answer {
			return ada.get(list + "?" + many(2_000, func(i int) string { return fmt.Sprintf("p%d", i) }))
		}, []int{200, 431}},
		"a size beyond any page": {func() answer { return ada.get(list + "?size=999999999999999999999") }, []int{400}},
		"a size of a billion":    {func() answer { return ada.get(list + "?size=1000000000") }, []int{400}},
		"a negative size":        {func() answer { return ada.get(list + "?size=-1") }, []int{400}},
		"multipart, 1,000 parts": {func() answer { return multipart(ada, 1000) }, []int{200, 400, 403, 413, 415, 422}},
		"a passkey name of 1 MB": {func() answer {
			return ada.json("/enrol/finish", map[string]any{"name": strings.Repeat("n", 900_000), "token": "x"})
		}, []int{400, 404, 409, 422}},
	} {
		used := allocated(func() { c.ask().want(c.statuses...) })
		if used > 200*mebi {
			t.Errorf("%s took %d MiB", name, used/mebi)
		}
	}
}

// tenMegabytes announces a form of 10 MB and sends what the server takes of it.
func (w *clinic) tenMegabytes(c *human) answer {
	l := w.dial().send(w.ask("POST /genomics/reports HTTP/1.1", "Cookie: "+cookieName+"="+c.cookie, "Origin: "+w.origin, "Content-Type: application/x-www-form-urlencoded",
		"X-CSRF-Token: "+c.csrf(), "Content-Length: 10000000") + "q=")
	got := l.receive() // before the rest: a server that hangs up on it would take the answer along
	l.send(strings.Repeat("x", 10_000_000))
	return got
}

func multipart(c *human, parts int) answer {
	var b strings.Builder
	for i := range parts {
		fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=\"f%d\"; filename=\"../../evil%d\"\r\n\r\nv\r\n", i, i)
	}
	b.WriteString("--x--\r\n")
	return c.do(http.MethodPost, "/genomics/reports", strings.NewReader(b.String()), set("Origin", c.w.origin),
		set("Content-Type", "multipart/form-data; boundary=x"), set("X-CSRF-Token", c.csrf()))
}

// Defence: deadlines for reading a request and for each piece of an answer; slow
// clients hold nothing that others need. The waits are the server's own timeouts.
func TestAttack46_SlowClients(t *testing.T) {
	t.Parallel() // it waits
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	big := filepath.Join(w.dir, "reports", a.number, "big.pdf")
	w.report("reports/"+a.number+"/big.pdf", samplePDF+strings.Repeat("%padding\n", 8*mebi)+"%%EOF\n", nil)
	w.run("sync-reports")
	id := w.reportID(a.number + "/big.pdf")
	slow := map[string]*line{
		"header without end": w.dial().send("GET /login HTTP/1.1\r\nHost: " + w.host() + "\r\nX-A: "),
		"no byte at all":     w.dial(),
		"body without end":   w.dial().send(w.ask("POST /login/begin HTTP/1.1", "Origin: "+w.origin, "Content-Type: application/json", "Content-Length: 1000") + "{"),
		"chunk without end":  w.dial().send(w.ask("POST /login/begin HTTP/1.1", "Origin: "+w.origin, "Transfer-Encoding: chunked") + "ffff\r\n{"),
	}
	trickling := w.dial().send("GET /login HTTP/1.1\r\nHost: " + w.host() + "\r\nX-A: ")
	reader := w.dial()
	if tcp, ok := reader.conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	reader.send(w.ask("GET /genomics/reports/"+id+"/file HTTP/1.1", "Cookie: "+cookieName+"="+ada.cookie))
	w.eventually("the slow reader's download", func() bool { return opened(big) > 0 })
	for range 200 {
		w.dial().send("GET /dashboard HTTP/1.1\r\n")
	}
	// Meanwhile everybody else is served.
	for range 20 {
		ada.get("/patients/" + a.public).want(http.StatusOK)
	}
	for stop := time.Now().Add(time.Minute); ; time.Sleep(250 * time.Millisecond) {
		if _, err := io.WriteString(trickling.conn, "x"); err != nil {
			break // cut off although a byte came every now and then
		}
		if time.Now().After(stop) {
			t.Error("a header that trickles in keeps its connection for a minute")
			break
		}
	}
	for name, l := range slow {
		if err := l.conn.SetReadDeadline(time.Now().Add(100 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(l.in); errors.Is(err, os.ErrDeadlineExceeded) || strings.HasPrefix(string(rest), "HTTP/1.1 2") {
			t.Errorf("%s: %v, %.100q; want the server to hang up", name, err, rest)
		}
	}
	w.eventually("the end of the slow reader's download", func() bool { return opened(big) == 0 })
}

// opened counts this process's handles on a file.
func opened(file string) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	n := 0
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == file {
			n++
		}
	}
	return n
}

// Defence: fasthttp as pinned refuses ambiguous framing and hosts; links come
// from PORTAL_ORIGIN, never from a header.
func TestAttack47_Smuggling(t *testing.T) {
	w := newClinic(t)
	ada := w.as("clinician")
	cookie := "Cookie: " + cookieName + "=" + ada.cookie
	hidden := w.ask("GET /healthz HTTP/1.1")
	for name, raw := range map[string]string{
		"two hosts":                 w.ask("GET /dashboard HTTP/1.1", "Host: evil.example", cookie),
		"the same host twice":       w.ask("GET /dashboard HTTP/1.1", "Host: "+w.host(), cookie),
		"two lengths":               w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: 0", fmt.Sprintf("Content-Length: %d", len(hidden))) + hidden,
		"equal lengths":             w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: 2", "Content-Length: 2") + "ab" + hidden,
		"a list of lengths":         w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: 2, 2") + "ab" + hidden,
		"a negative length":         w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: -1") + hidden,
		"a length with a sign":      w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: +2") + "ab" + hidden,
		"an unknown coding":         w.ask("POST /logout HTTP/1.1", cookie, "Transfer-Encoding: xchunked") + "0\r\n\r\n" + hidden,
		"two codings":               w.ask("POST /logout HTTP/1.1", cookie, "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + "0\r\n\r\n" + hidden,
		"a bad chunk":               w.ask("POST /logout HTTP/1.1", cookie, "Transfer-Encoding: chunked") + "zz\r\n" + hidden,
		"space before the colon":    w.ask("POST /logout HTTP/1.1", cookie, "Content-Length : 5") + hidden,
		"length and chunks at once": w.ask("POST /logout HTTP/1.1", cookie, "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close") + "0\r\n\r\n" + hidden,
	} {
		l := w.dial().send(raw)
		first, err := l.try()
		if err != nil || first.status < 400 || first.status >= 500 {
			t.Errorf("%s: %d, %v; want a refusal", name, first.status, err)
		}
		if !l.closed() {
			t.Errorf("%s: the hidden request was answered", name)
		}
	}
	if !ada.signedIn() {
		t.Error("one of them reached sign-out")
	}
	for name, raw := range map[string]string{
		"absolute target":        w.ask("GET http://evil.example/dashboard HTTP/1.1"),
		"X-Forwarded-Host":       w.ask("GET /dashboard HTTP/1.1", "X-Forwarded-Host: evil.example", "X-Host: evil.example", "Forwarded: host=evil.example;proto=https"),
		"X-Forwarded-Proto":      w.ask("GET /dashboard HTTP/1.1", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /evil.example", "X-Original-URL: /evil.example", "X-Rewrite-URL: /evil.example"),
		"another host":           "GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"another host and path":  "GET //evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"a host with a port":     "GET /dashboard HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
		"a host that is an auth": "GET /dashboard HTTP/1.1\r\nHost: " + w.host() + "@evil.example\r\n\r\n",
	} {
		got := w.dial().send(raw).receive()
		location := got.header.Get("Location")
		if u, err := url.Parse(location); err != nil || u.Host != "" && w.origin != u.Scheme+"://"+u.Host || strings.Contains(got.body, "evil.example") {
			t.Errorf("%s: %d to %q: %.300s", name, got.status, location, got.body)
		}
	}
	// A name that others point at this address (DNS rebinding) gets nothing, cookie or not.
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1", "localhost", "localhost.", "localhost.evil.example", "[::1]"} {
		ask := func(line string) answer {
			return w.dial().send(line + "\r\nHost: " + host + "\r\n" + cookie + "\r\nOrigin: " + w.origin + "\r\nX-CSRF-Token: " + ada.csrf() + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").receive()
		}
		if got := ask("GET /dashboard HTTP/1.1"); got.status != http.StatusTemporaryRedirect || got.header.Get("Location") != w.origin+"/dashboard" {
			t.Errorf("GET as %s: %d to %q", host, got.status, got.header.Get("Location"))
		}
		if got := ask("POST /logout HTTP/1.1"); got.status != http.StatusMisdirectedRequest {
			t.Errorf("POST as %s: %d", host, got.status)
		}
	}
	if !ada.signedIn() {
		t.Error("another name reached sign-out")
	}
}
