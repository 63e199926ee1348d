package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
	"healthportal/app/session"
	"healthportal/app/session/sessiontest"
)

// clinic is a site with real ceremonies and sessions on stores in memory.
type clinic struct {
	*site
	keys    *passkeytest.Store
	rows    *sessiontest.Memory
	notices *noticeBox
	alerts  *alertBox
	device  passkeytest.Authenticator
	clock   time.Time
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{keys: &passkeytest.Store{}, rows: &sessiontest.Memory{}, notices: &noticeBox{}, alerts: &alertBox{}, clock: testNow(),
		device: passkeytest.Authenticator{Origin: testOrigin, RPID: "localhost"}}
	now := func() time.Time { return c.clock }
	cfg := passkey.Config{Origin: testOrigin, RPName: "Example Clinic", Now: now}
	service, err := passkey.New(cfg, c.keys, c.keys)
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.NewService(c.rows, c.rows, now)
	c.site = newSite(t, func(d *Deps) {
		d.Passkeys, d.Verifier, d.OwnPasskeys, d.Notices, d.Alerts = service, service, service, c.notices, c.alerts
		d.Sessions, d.SessionIssuer = sessions, sessions
	})
	return c
}

// link adds a user where missing and returns an enrolment token.
func (c *clinic) link(name string) string {
	c.t.Helper()
	u, err := c.keys.UserByName(c.t.Context(), name)
	if errors.Is(err, health.ErrNotFound) {
		u, err = c.keys.AddUser(name, "Dr Ada Lovelace"), nil
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return c.keys.AddLink(u, c.clock)
}

// disable bars a user.
func (c *clinic) disable(name string) {
	c.t.Helper()
	u, err := c.keys.UserByName(c.t.Context(), name)
	if err != nil {
		c.t.Fatal(err)
	}
	c.keys.SetDisabled(u.ID, true)
}

// asScript makes a request look like the sign-in script's.
func asScript(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", testOrigin)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
}

// withCookie sends a session cookie.
func withCookie(token string) option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "hp_session", Value: token}) }
}

// step posts JSON as the script does.
func (c *clinic) step(path string, body map[string]any, opts ...option) answer {
	c.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(http.MethodPost, path, string(b), append([]option{asScript}, opts...)...)
}

// begun is the answer to both begins.
type begun struct {
	Ceremony             string
	Options              json.RawMessage
	Name, DisplayName    string
	Expires              time.Time
	Title, Detail, Next  string
	Status               int
	Created              bool
	Type, Instance, More string
}

func (a answer) json(t *testing.T) begun {
	t.Helper()
	var b begun
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatalf("%v in %.300s", err, a.body)
	}
	return b
}

// enrol creates a passkey through the pages' own steps.
func (c *clinic) enrol(token string) *passkeytest.Key {
	c.t.Helper()
	b := c.step("/enrol/begin", map[string]any{"token": token}).wantStatus(c.t, 200).json(c.t)
	credential, key, err := c.device.Create(b.Options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.step("/enrol/finish", map[string]any{"ceremony": b.Ceremony, "token": token, "credential": json.RawMessage(credential), "name": "Laptop"}).wantStatus(c.t, 200)
	return key
}

// signIn runs a sign-in and returns the last answer.
func (c *clinic) signIn(key *passkeytest.Key, next string, opts ...option) answer {
	c.t.Helper()
	b := c.step("/login/begin", nil).wantStatus(c.t, 200).json(c.t)
	credential, err := c.device.Get(b.Options, key)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.step("/login/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential), "next": next}, opts...)
}

// cookie is the session cookie that an answer sets.
func (a answer) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && strings.HasSuffix(c.Name, "hp_session") {
			return c
		}
	}
	t.Fatal("no session cookie was set")
	return nil
}

func TestSignInPages(t *testing.T) {
	c := newClinic(t)
	login := c.get("/login").wantStatus(t, 200)
	login.wantText(t, "Sign in with a passkey", `autocomplete="username webauthn"`, "js/passkey", "<noscript>", `data-next="/"`)
	enrol := c.get("/enrol").wantStatus(t, 200)
	enrol.wantText(t, "Create passkey", "js/passkey", "<noscript>", `maxlength="64"`)
	for _, a := range []answer{login, enrol} {
		a.wantNoText(t, "<script>", "style=", "onclick", "Lovelace")
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q", got)
		}
		if len(a.header.Values("Set-Cookie")) != 0 {
			t.Error("a page without a sign-in sets a cookie")
		}
	}
}

func TestEnrolSignInSignOut(t *testing.T) {
	c := newClinic(t)
	token := c.link("ada")
	b := c.step("/enrol/begin", map[string]any{"token": token}).wantStatus(t, 200).json(t)
	if b.Name != "ada" || b.DisplayName != "Dr Ada Lovelace" || !b.Expires.Equal(testNow().Add(passkey.LinkLife)) {
		t.Errorf("the link enrols %+v", b)
	}
	key := c.enrol(token)
	if c.rows.Len() != 0 {
		t.Error("an enrolment link signed somebody in")
	}
	in := c.signIn(key, "/dashboard?x=1").wantStatus(t, 200)
	if got := in.json(t).Next; got != "/dashboard?x=1" {
		t.Errorf("next is %q", got)
	}
	cookie := in.cookie(t)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.Name != "hp_session" || cookie.Domain != "" || !cookie.Expires.IsZero() {
		t.Errorf("cookie %s", cookie.Raw)
	}
	c.get("/", withCookie(cookie.Value)).wantStatus(t, 303)

	live, err := c.server.deps.Sessions.Lookup(t.Context(), cookie.Value)
	if err != nil {
		t.Fatal(err)
	}
	c.do(http.MethodPost, "/logout", "", fromPage, withCookie(cookie.Value)).wantStatus(t, 403) // without the session's own token
	out := c.do(http.MethodPost, "/logout", "csrf="+live.CSRF, withCookie(cookie.Value),
		header("Origin", testOrigin), header("Content-Type", "application/x-www-form-urlencoded")).wantStatus(t, 303)
	if out.header.Get("Location") != "/login" || out.header.Get("Clear-Site-Data") != `"cache", "storage"` {
		t.Errorf("sign-out answers %v", out.header)
	}
	if gone := out.cookie(t); gone.Value != "" || gone.Expires.After(testNow()) {
		t.Errorf("cookie after sign-out: %s", gone.Raw)
	}
	if got := c.get("/", withCookie(cookie.Value)).wantStatus(t, 303).header.Get("Location"); got != "/login" {
		t.Errorf("after sign-out / leads to %q", got)
	}
	for _, secret := range []string{token, cookie.Value, live.CSRF, "Lovelace", "Laptop", b.Ceremony} {
		if strings.Contains(c.log.String(), secret) {
			t.Errorf("the log holds %.12s...", secret)
		}
	}
}

// Line 16: a cookie planted before sign-in is not the one after it, and the old
// session ends.
func TestFixation(t *testing.T) {
	c := newClinic(t)
	key := c.enrol(c.link("ada"))
	planted := strings.Repeat("A", 43)
	first := c.signIn(key, "", withCookie(planted)).wantStatus(t, 200).cookie(t).Value
	second := c.signIn(key, "", withCookie(first)).wantStatus(t, 200).cookie(t).Value
	if first == planted || second == first {
		t.Error("sign-in kept the session id")
	}
	for _, dead := range []string{planted, first} {
		if got := c.get("/", withCookie(dead)).wantStatus(t, 303).header.Get("Location"); got != "/login" {
			t.Errorf("an old session leads to %q", got)
		}
	}
}

// Line 43.
func TestNextStaysLocal(t *testing.T) {
	c := newClinic(t)
	key := c.enrol(c.link("ada"))
	for _, next := range []string{"//evil.example", `/\evil.example`, "javascript:alert(1)", "/%09/evil.example", "https://evil.example", "@evil.example",
		"/\t/evil.example", "///evil.example", "evil", "", `\\evil.example`, "/%5cevil.example", "http:/evil.example"} {
		if got := c.signIn(key, next).wantStatus(t, 200).json(t).Next; got != "/" {
			t.Errorf("next=%q leads to %q", next, got)
		}
	}
	c.get("/login?next=//evil.example").wantStatus(t, 200).wantText(t, `data-next="/"`).wantNoText(t, "evil")
	c.get("/login?next=/dashboard").wantStatus(t, 200).wantText(t, `data-next="/dashboard"`)
}

// Each refusal has its status and its words, as a problem document.
func TestRefusals(t *testing.T) {
	c := newClinic(t)
	key := c.enrol(c.link("ada"))
	used := c.link("bob")
	c.enrol(used)
	replaced, expired := c.link("eve"), c.link("eve")
	c.clock = c.clock.Add(passkey.LinkLife)
	fresh := c.link("ada")
	begin := func() string { return c.step("/login/begin", nil).json(t).Ceremony }
	tests := []struct {
		name, path string
		body       map[string]any
		status     int
		says       string
	}{
		{"used link", "/enrol/begin", map[string]any{"token": used}, 410, "has been used"},
		{"expired link", "/enrol/begin", map[string]any{"token": expired}, 410, "has expired"},
		{"replaced link", "/enrol/begin", map[string]any{"token": replaced}, 410, "no longer valid"},
		{"unknown link", "/enrol/begin", map[string]any{"token": "x"}, 404, "not known"},
		{"no token", "/enrol/begin", map[string]any{}, 404, "not known"},
		{"bad name", "/enrol/finish", map[string]any{"token": fresh, "name": strings.Repeat("a", 65)}, 422, "Choose another name"},
		{"no ceremony", "/enrol/finish", map[string]any{"token": fresh}, 409, "try again"},
		{"no sign-in", "/login/finish", map[string]any{}, 409, "try again"},
		{"no assertion", "/login/finish", map[string]any{"ceremony": begin()}, 400, "could not be read"},
		{"assertion of null", "/login/finish", map[string]any{"ceremony": begin(), "credential": nil}, 400, "could not be read"},
	}
	for _, tt := range tests {
		a := c.step(tt.path, tt.body).wantStatus(t, tt.status).wantText(t, tt.says)
		if got := a.json(t); got.Status != tt.status || got.Detail == "" || a.header.Get("Content-Type") != mimeProblem {
			t.Errorf("%s: %s %s", tt.name, a.header.Get("Content-Type"), a.body)
		}
	}
	key.Count = 0
	c.device.RPID = "evil.example"
	c.signIn(key, "").wantStatus(t, 401).wantText(t, "not accepted").wantNoText(t, "RP", "hash", "Lovelace")
	if !strings.Contains(c.log.String(), "code=not-accepted") {
		t.Error("a refused sign-in left no line in the log")
	}
}

// Line 15 over HTTP: who is unknown and who is disabled get the same answer.
func TestUnknownAndKnownLookAlike(t *testing.T) {
	c := newClinic(t)
	key := c.enrol(c.link("ada"))
	stranger := *key
	stranger.Handle = bytes.Repeat([]byte{1}, 64)
	unknown := c.signIn(&stranger, "").wantStatus(t, 401).json(t)
	c.disable("ada")
	key.Count += 5
	known := c.signIn(key, "").wantStatus(t, 401).json(t)
	unknown.Instance, known.Instance = "", ""
	unknown.Options, known.Options = nil, nil
	if unknown.Title != known.Title || unknown.Detail != known.Detail || unknown.Type != known.Type {
		t.Errorf("%+v differs from %+v", unknown, known)
	}
}

// Line 23 for the ceremonies: what another site can send is refused.
func TestCeremoniesFromElsewhere(t *testing.T) {
	c := newClinic(t)
	tests := []struct {
		name   string
		change option
		status int
	}{
		{"cross-site", header("Sec-Fetch-Site", "cross-site"), 403},
		{"same-site", header("Sec-Fetch-Site", "same-site"), 403},
		{"other origin", header("Origin", "https://evil.example"), 403},
		{"origin null", header("Origin", "null"), 403},
		{"no headers", func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }, 403},
		{"text/plain", header("Content-Type", "text/plain"), 415},
		{"form", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		{"no type", func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		{"gzip", header("Content-Encoding", "gzip"), 415},
		{"with a charset", header("Content-Type", "application/json; charset=utf-8"), 200},
	}
	for _, path := range []string{"/login/begin", "/login/finish", "/enrol/begin", "/enrol/finish"} {
		for _, tt := range tests {
			if tt.status == 200 && path != "/login/begin" {
				continue
			}
			if a := c.step(path, map[string]any{}, tt.change); a.status != tt.status {
				t.Errorf("%s, %s: %d, want %d", path, tt.name, a.status, tt.status)
			}
		}
		if path == "/login/begin" || path == "/enrol/begin" {
			c.get(path).wantStatus(t, 405)
		}
	}
}

func TestMalformedCeremonyBodies(t *testing.T) {
	c := newClinic(t)
	for _, body := range []string{"", "null x", "[]", "7", `{"ceremony":7}`, `{"token":{}}`, `{"ceremony":"`, "\x00", strings.Repeat("[", 100000)} {
		for _, path := range []string{"/login/begin", "/login/finish", "/enrol/begin", "/enrol/finish"} {
			if a := c.do(http.MethodPost, path, body, asScript); a.status != 400 {
				t.Errorf("%s with %.20q: %d, want 400", path, body, a.status)
			}
		}
	}
	if n := strings.Count(c.log.String(), "level=ERROR"); n != 0 {
		t.Errorf("%d errors logged for bad input", n)
	}
}

// With the store away the answer says so, without internals.
func TestSignInStoreFails(t *testing.T) {
	c := newClinic(t)
	token := c.link("ada")
	key := c.enrol(token)
	b := c.step("/login/begin", nil).json(t)
	credential, err := c.device.Get(b.Options, key)
	if err != nil {
		t.Fatal(err)
	}
	live := c.signIn(key, "").cookie(t).Value
	c.rows.Fail = errors.New("pq: secret detail")
	key.Count++
	c.signIn(key, "").wantStatus(t, 503).wantNoText(t, "secret")
	c.do(http.MethodPost, "/logout", "", fromPage, withCookie(live)).wantStatus(t, 503).wantNoText(t, "secret")
	c.keys.Fail = errors.New("pq: secret detail")
	c.step("/login/begin", nil).wantStatus(t, 503).wantNoText(t, "secret")
	c.step("/login/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential)}).wantStatus(t, 503).wantNoText(t, "secret")
	c.step("/enrol/begin", map[string]any{"token": token}).wantStatus(t, 503).wantNoText(t, "secret")
	c.step("/enrol/finish", map[string]any{"ceremony": b.Ceremony, "token": token}).wantStatus(t, 503).wantNoText(t, "secret")
	c.get("/login").wantStatus(t, 200) // the page itself needs no store
}

func TestLogoutSignedOut(t *testing.T) {
	c := newClinic(t)
	c.do(http.MethodPost, "/logout", "", fromPage).wantStatus(t, 401)
	c.get("/logout").wantStatus(t, 405)
}

func TestSessionCookieOnHTTPS(t *testing.T) {
	c := newClinic(t)
	server, err := New(Config{Origin: "https://portal.example", Now: testNow, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, c.server.deps)
	if err != nil {
		t.Fatal(err)
	}
	r := &request{s: server}
	if got := r.sessionCookie("x"); !got.Secure || got.Name != "__Host-hp_session" || got.Path != "/" || got.Domain != "" || !got.HTTPOnly {
		t.Errorf("cookie %+v", got)
	}
}
