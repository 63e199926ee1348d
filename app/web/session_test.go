package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
	"healthportal/app/session/sessiontest"
)

// sessionSite is a site with real sessions on a store in memory.
type sessionSite struct {
	*site
	store   *sessiontest.Memory
	service *session.Service
	clock   time.Time
	token   string
}

func newSessionSite(t *testing.T, roles ...access.Role) *sessionSite {
	t.Helper()
	s := &sessionSite{store: &sessiontest.Memory{Roles: roles}, clock: testNow()}
	s.service = session.NewService(s.store, s.store, func() time.Time { return s.clock })
	s.site = newSite(t, func(d *Deps) { d.Sessions, d.SessionIssuer, d.OwnSessions = s.service, s.service, s.service })
	s.server.cfg.Now = func() time.Time { return s.clock }
	s.token = s.signIn(7)
	return s
}

func (s *sessionSite) signIn(user int64) string {
	s.t.Helper()
	token, err := s.service.Issue(s.t.Context(), session.New{UserID: user, PasskeyID: 3, Browser: "Firefox on Mac", Address: "192.0.2.9"})
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// with makes a request the page's, in the session of token.
func (s *sessionSite) with(token string) option {
	return func(r *http.Request) {
		withCookie(token)(r)
		fromPage(r)
		if found, err := s.service.Peek(r.Context(), token); err == nil {
			r.Header.Set("X-CSRF-Token", found.CSRF)
		}
	}
}

func asForm(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }

func asJSON(r *http.Request) { r.Header.Set("Accept", "application/json") }

func (s *sessionSite) state(a answer) (st sessionState) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(a.body), &st); err != nil {
		s.t.Fatalf("%v: %s", err, a.body)
	}
	return st
}

// Line 20: typing extends a session, asking how long it lasts does not.
func TestActivityAndState(t *testing.T) {
	s := newSessionSite(t)
	s.clock = s.clock.Add(10 * time.Minute)
	if st := s.state(s.get("/session/state", s.with(s.token), asJSON).wantStatus(t, 200)); st != (sessionState{LockIn: 300, EndsIn: 12*3600 - 600}) {
		t.Errorf("state %+v", st)
	}
	if st := s.state(s.do(http.MethodPost, "/session/activity", "", s.with(s.token), asJSON).wantStatus(t, 200)); st.LockIn != 900 || st.Locked {
		t.Errorf("after activity %+v", st)
	}
	if e := s.book.last(); e.Kind != "" {
		t.Errorf("activity was recorded: %+v", e)
	}
	for range 14 {
		s.clock = s.clock.Add(time.Minute)
		s.get("/session/state", s.with(s.token), asJSON).wantStatus(t, 200)
	}
	s.clock = s.clock.Add(time.Minute)
	if st := s.state(s.get("/session/state", s.with(s.token), asJSON).wantStatus(t, 200)); !st.Locked || st.LockIn != 0 {
		t.Errorf("polled through the idle limit: %+v", st)
	}
	s.do(http.MethodPost, "/session/activity", "", s.with(s.token), asJSON).wantStatus(t, http.StatusLocked)
	if st := s.state(s.get("/session/state", s.with(s.token), asJSON)); !st.Locked {
		t.Error("activity unlocked the session")
	}
	s.clock = s.clock.Add(session.Absolute)
	s.get("/session/state", s.with(s.token), asJSON).wantStatus(t, http.StatusUnauthorized)
}

// Near its end a session can't promise more than is left.
func TestLockInIsBoundedByTheEnd(t *testing.T) {
	s := newSessionSite(t)
	s.store.Do(func(r *session.Row) { r.Expires = s.clock.Add(5 * time.Minute) })
	if st := s.state(s.get("/session/state", s.with(s.token), asJSON)); st.LockIn != 300 || st.EndsIn != 300 {
		t.Errorf("%+v", st)
	}
}

func TestLockRoute(t *testing.T) {
	s := newSessionSite(t)
	for range 2 {
		if st := s.state(s.do(http.MethodPost, "/session/lock", "", s.with(s.token), asJSON).wantStatus(t, 200)); !st.Locked {
			t.Errorf("%+v", st)
		}
		if e := s.book.last(); e.Kind != access.KindLock || e.Outcome != audit.Done || e.UserID != 7 || e.SessionID != "session-1" {
			t.Errorf("entry %+v", e)
		}
	}
	if got := s.get("/settings/sessions", s.with(s.token)).wantStatus(t, http.StatusSeeOther); !strings.HasPrefix(got.header.Get("Location"), "/verify?next=") {
		t.Errorf("a locked session's page leads to %s", got.header.Get("Location"))
	}
	s.do(http.MethodPost, "/session/mode", "research=1", s.with(s.token), asForm).wantStatus(t, http.StatusLocked)
}

func TestModeRoute(t *testing.T) {
	s := newSessionSite(t, access.Clinician, access.Researcher)
	for _, wrong := range []string{"", "research=2", "research=on", "research=1+1"} {
		s.do(http.MethodPost, "/session/mode", wrong, s.with(s.token), asForm).wantStatus(t, http.StatusUnprocessableEntity)
	}
	got := s.do(http.MethodPost, "/session/mode", "research=1", s.with(s.token), asForm).wantStatus(t, http.StatusSeeOther)
	e := s.book.last()
	if got.header.Get("Location") != "/" || e.Kind != access.KindMode || e.Detail != `{"research":true}` {
		t.Errorf("to %s, entry %+v", got.header.Get("Location"), e)
	}
	cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
	if err != nil || cookie.Value == s.token || !cookie.HttpOnly {
		t.Fatalf("cookie %v, %v", cookie, err)
	}
	s.get("/session/state", s.with(s.token), asJSON).wantStatus(t, http.StatusUnauthorized) // line 17
	if found, err := s.service.Peek(t.Context(), cookie.Value); err != nil || !found.Research {
		t.Errorf("%+v, %v", found, err)
	}
	got = s.do(http.MethodPost, "/session/mode", "research=0", s.with(cookie.Value), asForm, header("HX-Request", "true")).wantStatus(t, http.StatusNoContent)
	if got.header.Get("HX-Redirect") != "/" {
		t.Errorf("htmx is led to %q", got.header.Get("HX-Redirect"))
	}
	plain := newSessionSite(t, access.Clinician)
	plain.do(http.MethodPost, "/session/mode", "research=1", plain.with(plain.token), asForm).wantStatus(t, http.StatusForbidden)
	if e := plain.book.last(); e.Kind != access.KindMode || e.Outcome != audit.Denied {
		t.Errorf("entry %+v", e)
	}
}

func TestSessionRoutesRefuse(t *testing.T) {
	s := newSessionSite(t)
	for _, c := range []struct{ method, path string }{
		{http.MethodPost, "/session/activity"}, {http.MethodPost, "/session/lock"}, {http.MethodPost, "/session/mode"},
		{http.MethodPost, "/settings/sessions/session-1/end"}, {http.MethodPost, "/settings/sessions/end-others"},
	} {
		s.do(c.method, c.path, "", fromPage, asJSON).wantStatus(t, http.StatusUnauthorized)
		s.do(c.method, c.path, "", s.with(s.token), asJSON, header("X-CSRF-Token", "wrong")).wantStatus(t, http.StatusForbidden)
		s.do(c.method, c.path, "", s.with(s.token), asJSON, header("Sec-Fetch-Site", "cross-site")).wantStatus(t, http.StatusForbidden)
		s.get(c.path, s.with(s.token)).wantStatus(t, http.StatusMethodNotAllowed)
	}
	s.get("/session/state", asJSON).wantStatus(t, http.StatusUnauthorized)
	if got := s.get("/settings/sessions").wantStatus(t, http.StatusSeeOther); got.header.Get("Location") != "/login?next=%2Fsettings%2Fsessions" {
		t.Errorf("signed out, led to %s", got.header.Get("Location"))
	}
	if found, err := s.service.Peek(t.Context(), s.token); err != nil || found.Locked {
		t.Errorf("a refused request changed the session: %+v, %v", found, err)
	}
}

// A session that ends between the check and the act is "signed out", no failure.
func TestModeOfASessionThatEnded(t *testing.T) {
	for err, want := range map[error]int{session.ErrNone: http.StatusUnauthorized, errors.New("disk on fire"): http.StatusServiceUnavailable} {
		s := newSite(t, func(d *Deps) { d.OwnSessions = failingSessions{err} })
		s.do(http.MethodPost, "/session/mode", "research=1", as("clinician"), fromPage, asForm, asJSON).wantStatus(t, want).wantNoText(t, "fire")
	}
}
