package attacks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const cookieName = "hp_session"

// caller is a browser, or a program, with a network address of its own.
type caller struct {
	w      *clinic
	cookie string
	key    string
	http   *http.Client
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// edit changes a request before it is sent.
type edit func(*http.Request)

// set is an edit that sets a header; an empty value removes it.
func set(name, value string) edit {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}

// caller is somebody new at an address from which nobody has called yet.
func (w *clinic) caller() *caller {
	w.mu.Lock()
	w.hosts++
	source := net.IPv4(127, 9, byte(w.hosts>>8), byte(w.hosts))
	w.mu.Unlock()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, w.addr)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &caller{w: w, http: &http.Client{Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send sends one request and keeps the session cookie that comes back.
func (c *caller) send(method, path string, body io.Reader, edits ...edit) (answer, error) {
	ctx := context.Background()
	req, err := http.NewRequestWithContext(ctx, method, c.w.origin+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "text/html")
	if c.cookie != "" {
		req.Header.Set("Cookie", cookieName+"="+c.cookie)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
		req.Header.Set("Accept", "application/json")
	}
	for _, e := range edits {
		e(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	for _, cookie := range res.Cookies() {
		if cookie.Name == cookieName {
			c.cookie = cookie.Value
		}
	}
	text, err := io.ReadAll(res.Body)
	return answer{c.w.t, method + " " + path, res.StatusCode, res.Header, string(text)}, err
}

// do is send where the answer must be whole.
func (c *caller) do(method, path string, body io.Reader, edits ...edit) answer {
	c.w.t.Helper()
	a, err := c.send(method, path, body, edits...)
	if err != nil {
		c.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *caller) get(path string, edits ...edit) answer {
	c.w.t.Helper()
	return c.do(http.MethodGet, path, nil, edits...)
}

// post submits a form as a page of the portal does.
func (c *caller) post(path string, form url.Values, edits ...edit) answer {
	c.w.t.Helper()
	sent := url.Values{"csrf": {c.csrf()}}
	for name, values := range form {
		sent[name] = values
	}
	return c.do(http.MethodPost, path, strings.NewReader(sent.Encode()), append([]edit{
		set("Origin", c.w.origin), set("Sec-Fetch-Site", "same-origin"), set("Content-Type", "application/x-www-form-urlencoded")}, edits...)...)
}

// json posts JSON as a script of the portal does.
func (c *caller) json(path string, body any, edits ...edit) answer {
	c.w.t.Helper()
	text, ok := body.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(body); err != nil {
			c.w.t.Fatal(err)
		}
	}
	return c.do(http.MethodPost, path, bytes.NewReader(text), append([]edit{set("Origin", c.w.origin), set("Sec-Fetch-Site", "same-origin"),
		set("Content-Type", "application/json"), set("Accept", "application/json"), set("X-CSRF-Token", c.csrf())}, edits...)...)
}

// csrf is the token that pages of the caller's session carry; empty without one.
func (c *caller) csrf() string {
	c.w.t.Helper()
	if c.cookie == "" {
		return ""
	}
	return one[string](c.w, "SELECT coalesce((SELECT csrf FROM auth.session WHERE token_hash = $1), '')", tokenHash(c.cookie))
}

// signedIn reports whether the portal takes the caller for anybody.
func (c *caller) signedIn() bool {
	c.w.t.Helper()
	a := c.get("/settings/sessions")
	return a.status == http.StatusOK
}

// tokenHash is how the database stores a token.
func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// want fails the test unless the status is one of those.
func (a answer) want(statuses ...int) answer {
	a.t.Helper()
	for _, s := range statuses {
		if a.status == s {
			return a
		}
	}
	a.t.Errorf("%s: status %d, want %v: %.600s", a.what, a.status, statuses, a.body)
	return a
}

// has fails the test unless the body holds every text.
func (a answer) has(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s lacks %q: %.2000s", a.what, text, a.body)
		}
	}
	return a
}

// lacks fails the test if body or headers hold one of the texts.
func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	var headers bytes.Buffer
	_ = a.header.Write(&headers)
	for _, text := range texts {
		if text == "" {
			a.t.Fatalf("%s: an empty text is in everything", a.what)
		}
		if i := strings.Index(a.body, text); i >= 0 {
			a.t.Errorf("%s shows %q: ...%.300s", a.what, text, a.body[max(0, i-150):])
		}
		if strings.Contains(headers.String(), text) {
			a.t.Errorf("%s: %q is in the headers:\n%s", a.what, text, headers.String())
		}
	}
	return a
}

// refused fails the test unless the answer gave nothing: signed out or no rights.
func (a answer) refused() answer {
	a.t.Helper()
	switch {
	case a.status == http.StatusSeeOther && (strings.HasPrefix(a.header.Get("Location"), "/login") || strings.HasPrefix(a.header.Get("Location"), "/verify")):
	case a.status >= 400 && a.status < 500:
	default:
		a.t.Errorf("%s was not refused: %d to %q: %.600s", a.what, a.status, a.header.Get("Location"), a.body)
	}
	return a
}
