package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/passkey/passkeytest"
	"healthportal/app/session"
)

// signedIn is a person of the clinic with a passkey and a session.
type signedIn struct {
	*clinic
	key   *passkeytest.Key
	token string
}

// enter enrols a person and signs in.
func (c *clinic) enter(name string) *signedIn {
	c.t.Helper()
	key := c.enrol(c.link(name))
	return &signedIn{c, key, c.signIn(key, "").wantStatus(c.t, 200).cookie(c.t).Value}
}

// csrf is the token of the session.
func (p *signedIn) csrf() string {
	p.t.Helper()
	s, err := p.server.deps.Sessions.Peek(p.t.Context(), p.token)
	if err != nil {
		p.t.Fatal(err)
	}
	return s.CSRF
}

// own posts JSON as the account's script does.
func (p *signedIn) own(path string, body map[string]any, opts ...option) answer {
	p.t.Helper()
	return p.step(path, body, append([]option{withCookie(p.token), header("X-CSRF-Token", p.csrf())}, opts...)...)
}

// post sends a form of a page.
func (p *signedIn) post(path string, form url.Values, opts ...option) answer {
	p.t.Helper()
	form.Set("csrf", p.csrf())
	return p.do(http.MethodPost, path, form.Encode(), append([]option{withCookie(p.token),
		header("Origin", testOrigin), header("Content-Type", "application/x-www-form-urlencoded")}, opts...)...)
}

// stale makes every session's passkey check old, or locks it.
func (c *clinic) stale(locked bool) {
	c.rows.Do(func(r *session.Row) {
		r.Verified = testNow().Add(-session.StepUp)
		if locked {
			r.Locked = testNow()
		}
	})
}

// verify runs a check and keeps the new cookie.
func (p *signedIn) verify(next string) answer {
	p.t.Helper()
	b := p.own("/verify/begin", nil).wantStatus(p.t, 200).json(p.t)
	credential, err := p.device.Get(b.Options, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	done := p.own("/verify/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential), "next": next})
	if done.status == 200 {
		p.token = done.cookie(p.t).Value
	}
	return done
}

func TestVerifyPage(t *testing.T) {
	p := newClinic(t).enter("ada")
	p.get("/verify?next=/settings/passkeys", withCookie(p.token)).wantStatus(t, 200).
		wantText(t, "Confirm it is you", "Dr Ada", "Continue with your passkey", `data-next="/settings/passkeys"`, `action="/logout"`, "js/ceremony", "js/passkey").
		wantNoText(t, "Main", "<script>")
	p.stale(true)
	p.get("/verify?next=//evil.example", withCookie(p.token)).wantStatus(t, 200).wantText(t, "<h1>Locked</h1>", `data-next="/"`).wantNoText(t, "evil")
	if got := p.get("/verify").wantStatus(t, 303).header.Get("Location"); !strings.HasPrefix(got, "/login") {
		t.Errorf("signed out it leads to %q", got)
	}
}

// A check gives the session a new id and opens what needs it; a locked session
// answers again.
func TestVerifyUnlocks(t *testing.T) {
	p := newClinic(t).enter("ada")
	p.stale(true)
	if got := p.get("/settings/passkeys", withCookie(p.token)).wantStatus(t, 303).header.Get("Location"); got != "/verify?next=%2Fsettings%2Fpasskeys" {
		t.Errorf("a locked session leads to %q", got)
	}
	old := p.token
	done := p.verify("/settings/passkeys")
	if e := p.book.last(); e.Kind != access.KindVerify || e.Outcome != audit.Done || e.UserID == 0 || e.SessionID == "" || !strings.Contains(e.Detail, `"unlocked":true`) {
		t.Errorf("recorded %+v", e)
	}
	var told struct {
		Next          string
		VerifiedUntil int64
		VerifiedFor   int
	}
	if err := json.Unmarshal([]byte(done.body), &told); err != nil {
		t.Fatal(err)
	}
	if told.Next != "/settings/passkeys" || told.VerifiedFor != 300 || told.VerifiedUntil != testNow().Add(5*time.Minute).Unix() {
		t.Errorf("answered %+v", told)
	}
	if p.token == old {
		t.Error("the session keeps its id")
	}
	p.get("/settings/passkeys", withCookie(p.token)).wantStatus(t, 200)
	p.get("/settings/passkeys", withCookie(old)).wantStatus(t, 303)
}

func TestVerifyRefuses(t *testing.T) {
	c := newClinic(t)
	bob, ada := c.enter("bob"), c.enter("ada")
	begin := func() begun { return ada.own("/verify/begin", nil).wantStatus(t, 200).json(t) }
	finish := func(p *signedIn, b begun, key *passkeytest.Key, tweaks ...passkeytest.Tweak) answer {
		t.Helper()
		credential, err := c.device.Get(b.Options, key, tweaks...)
		if err != nil {
			t.Fatal(err)
		}
		return p.own("/verify/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential)})
	}
	// 422, not 401: the session is as good as before.
	finish(ada, begin(), bob.key).wantStatus(t, 422)
	if e := c.book.last(); e.Kind != access.KindVerify || e.Outcome != audit.Denied || !strings.Contains(e.Detail, "not-accepted") {
		t.Errorf("recorded %+v", e)
	}
	finish(bob, begin(), ada.key).wantStatus(t, 409) // another's ceremony
	other := &signedIn{c, ada.key, c.signIn(ada.key, "").cookie(t).Value}
	finish(other, begin(), ada.key).wantStatus(t, 409) // another session of the same person
	finish(ada, begin(), ada.key, func(d *passkeytest.Draft) { d.SpoilSignature = true }).wantStatus(t, 422).wantText(t, "was not accepted")
	ada.own("/verify/finish", map[string]any{"ceremony": "x"}).wantStatus(t, 409)
	ada.own("/verify/begin", nil, header("Content-Type", "text/plain")).wantStatus(t, 415)
	c.step("/verify/begin", nil).wantStatus(t, 401)
	c.step("/verify/finish", nil).wantStatus(t, 401)
	for _, path := range []string{"/verify/begin", "/verify/finish", "/settings/passkeys/begin", "/settings/passkeys/finish"} {
		c.step(path, nil, withCookie(ada.token)).wantStatus(t, 403) // no CSRF token
		ada.own(path, nil, header("Origin", "https://evil.example")).wantStatus(t, 403)
	}
	if got := ada.verify("javascript:alert(1)").wantStatus(t, 200).json(t).Next; got != "/" {
		t.Errorf("next is %q", got)
	}
}

// A copied passkey is refused, told of at once, and named by its user's number only.
func TestCopiedPasskeyAlerts(t *testing.T) {
	p := newClinic(t).enter("ada")
	p.verify("/").wantStatus(t, 200)
	p.key.Count = 0
	p.verify("/").wantStatus(t, 422)
	p.key.Count = 0
	p.signIn(p.key, "").wantStatus(t, 401)
	if len(p.alerts.alerts) != 2 {
		t.Fatalf("%d alerts, want 2", len(p.alerts.alerts))
	}
	for _, a := range p.alerts.alerts {
		if a.Kind != access.AlertClone || strings.Contains(a.Text, "Ada") || strings.Contains(a.Text, "ada") || a.RequestID == "" || !a.At.Equal(testNow()) {
			t.Errorf("alert %+v", a)
		}
	}
	if e := p.book.last(); e.Kind != access.KindSignIn || e.Outcome != audit.Denied || e.UserID == 0 {
		t.Errorf("recorded %+v", e)
	}
}

// The browser is told to forget a passkey that nobody has, and no other.
func TestUnknownPasskeyIsSignalled(t *testing.T) {
	p := newClinic(t).enter("ada")
	stranger := *p.key
	stranger.ID = []byte("nobody has this passkey")
	if got := p.signIn(&stranger, "").wantStatus(t, 401).header.Get("X-Passkey-Unknown"); got != "1" {
		t.Error("an unknown passkey is not signalled")
	}
	p.key.Count = 0
	if got := p.signIn(p.key, "").wantStatus(t, 401).header.Get("X-Passkey-Unknown"); got != "" {
		t.Error("a refused passkey would be forgotten")
	}
}

func TestVerifyStoreFails(t *testing.T) {
	p := newClinic(t).enter("ada")
	b := p.own("/verify/begin", nil).wantStatus(t, 200).json(t)
	credential, err := p.device.Get(b.Options, p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.keys.Fail = errors.New("pq: secret detail")
	p.own("/verify/begin", nil).wantStatus(t, 503).wantNoText(t, "secret")
	p.own("/verify/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential)}).wantStatus(t, 503).wantNoText(t, "secret")
	if e := p.book.last(); e.Kind != access.KindVerify || e.Outcome != audit.Failed {
		t.Errorf("recorded %+v", e)
	}
	p.get("/settings/passkeys", withCookie(p.token)).wantStatus(t, 503).wantNoText(t, "secret")
}
