package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
)

// lockedSessions is a clinician's session in a given state.
type lockedSessions struct{ state session.Session }

// Lookup returns the session.
func (l lockedSessions) Lookup(context.Context, string) (session.Session, error) {
	s := l.state
	s.Principal = access.Principal{UserID: 7, Name: "Test User", Roles: []access.Role{access.Clinician}, SessionID: "s1"}
	return s, nil
}

// Peek is Lookup.
func (l lockedSessions) Peek(ctx context.Context, token string) (session.Session, error) {
	return l.Lookup(ctx, token)
}

func TestViewsAreRecordedBeforeTheAnswer(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	s.get("/dashboard", as("clinician")).wantStatus(t, http.StatusOK)
	e := s.book.last()
	if e.Kind != access.KindPatients || e.Outcome != audit.Done || e.UserID != 7 || e.Roles != "clinician" ||
		e.SessionID == "" || e.Route != "GET /dashboard" || e.RequestID == "" || e.Address == "" || !e.At.Equal(testNow()) {
		t.Errorf("recorded %+v", e)
	}
}

func TestWhatCannotBeRecordedIsNotAnswered(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	s.book.err = errors.New("disk full")
	for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
		s.get("/dashboard", opts...).wantStatus(t, http.StatusServiceUnavailable).
			wantText(t, "held back").wantNoText(t, "Weber", "disk full")
	}
}

func TestDenialsAreRecorded(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	s.get("/dashboard", as("analyst")).wantStatus(t, http.StatusForbidden)
	if e := s.book.last(); e.Kind != access.KindPatients || e.Outcome != audit.Denied || e.UserID != 7 {
		t.Errorf("forbidden: %+v", e)
	}
	s.get("/", as("nobody")).wantStatus(t, http.StatusSeeOther)
	if e := s.book.last(); e.Kind != access.KindRefused || e.Outcome != audit.Denied || e.UserID != 0 {
		t.Errorf("a cookie of no session: %+v", e)
	}
	before := len(s.book.entries)
	s.get("/dashboard").wantStatus(t, http.StatusSeeOther)
	s.get("/login").wantStatus(t, http.StatusOK)
	if len(s.book.entries) != before {
		t.Error("who merely lacks a cookie fills the log")
	}
}

func TestLockedSessionsShowNothing(t *testing.T) {
	s := newSite(t, func(d *Deps) {
		healthSite(withData())(d)
		d.Sessions = lockedSessions{session.Session{CSRF: testCSRF, Locked: true}}
	})
	got := s.get("/dashboard?size=50", as("x")).wantStatus(t, http.StatusSeeOther)
	if to := got.header.Get("Location"); to != "/verify?next=%2Fdashboard%3Fsize%3D50" {
		t.Errorf("leads to %q", to)
	}
	part := s.get("/dashboard", as("x"), asFragment, header("HX-Current-URL", testOrigin+"/dashboard?size=25")).wantStatus(t, http.StatusLocked)
	if to := part.header.Get("HX-Redirect"); to != "/verify?next=%2Fdashboard%3Fsize%3D25" {
		t.Errorf("a fragment leads to %q", to)
	}
	part = s.get("/dashboard", as("x"), asFragment, header("HX-Current-URL", "https://evil.example/x")).wantStatus(t, http.StatusLocked)
	if to := part.header.Get("HX-Redirect"); strings.Contains(to, "evil") {
		t.Errorf("a fragment leads to %q", to)
	}
	s.get("/dashboard", as("x"), header("Accept", "application/json")).wantStatus(t, http.StatusLocked).wantText(t, "passkey")
}

// A route table of the test's own: what the frame demands of each route.
func TestRoutesThatMayNotStart(t *testing.T) {
	handle := func(*request) error { return nil }
	tests := []struct {
		why string
		r   route
		ok  bool
	}{
		{"no permission", route{method: "GET", path: "/x", handle: handle}, false},
		{"a role's permission without audit", route{method: "GET", path: "/x", permission: access.EventsRead, handle: handle}, false},
		{"unsafe without audit", route{method: "POST", path: "/x", permission: access.SignedIn, handle: handle}, false},
		{"no handler", route{method: "GET", path: "/x", permission: access.Public}, false},
		{"public page", route{method: "GET", path: "/x", permission: access.Public, handle: handle}, true},
		{"role with audit", route{method: "GET", path: "/x", permission: access.EventsRead, audit: access.KindEvents, handle: handle}, true},
		{"begin of a ceremony", route{method: "POST", path: "/x", permission: access.Public, prepares: true, handle: handle}, true},
	}
	for _, tt := range tests {
		if err := checkRoutes([]route{tt.r}); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

func TestRateLimits(t *testing.T) {
	l, err := newLimits(2)
	if err != nil {
		t.Fatal(err)
	}
	now := testNow()
	count := func(asker string, share int) (n int) {
		for range 1000 {
			if l.allow(asker, share, now) {
				n++
			}
		}
		return n
	}
	if n := count("user 1", 1); n != 2*limitBurst {
		t.Errorf("%d requests at once, want %d", n, 2*limitBurst)
	}
	if n := count("user 2", 1); n != 2*limitBurst {
		t.Errorf("another user's allowance is %d", n)
	}
	if n := count("house", 3); n != 6*limitBurst {
		t.Errorf("a house's allowance is %d", n)
	}
	now = now.Add(3 * time.Second)
	if n := count("user 1", 1); n != 6 {
		t.Errorf("%d requests after three seconds, want 6", n)
	}
}

func TestTooManyRequests(t *testing.T) {
	s := newSite(t, nil)
	s.server.limits, _ = newLimits(1)
	for range limitBurst {
		s.get("/login").wantStatus(t, http.StatusOK)
	}
	s.get("/login").wantStatus(t, http.StatusTooManyRequests).wantText(t, "Wait a minute")
	// The header of a stranger is not believed, so that it buys no new allowance.
	s.get("/login", header("X-Forwarded-For", "192.0.2.9")).wantStatus(t, http.StatusTooManyRequests)
	if len(s.book.entries) != 0 {
		t.Error("a flood fills the audit log")
	}
}

func TestAddressBehindProxies(t *testing.T) {
	tests := []struct{ forwarded, want string }{
		{"", "0.0.0.0"},
		{"192.0.2.9", "192.0.2.9"},
		{"203.0.113.1, 192.0.2.9", "192.0.2.9"},
		{"203.0.113.1, 192.0.2.9, 10.1.2.3", "192.0.2.9"},
		{"10.1.2.3, 10.9.9.9", "10.1.2.3"},
		{"192.0.2.9, nonsense", "0.0.0.0"},
		{"2001:db8:1:2:3::4%eth0", "2001:db8:1:2:3::4"},
		{"::ffff:192.0.2.9", "192.0.2.9"},
	}
	for _, tt := range tests {
		s := newSite(t, healthSite(withData()))
		s.server.cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("10.0.0.0/8")}
		s.get("/dashboard", as("clinician"), header("X-Forwarded-For", tt.forwarded)).wantStatus(t, http.StatusOK)
		if got := s.book.last().Address; got != tt.want {
			t.Errorf("%q: %q, want %q", tt.forwarded, got, tt.want)
		}
	}
}

func TestNobodySignsInUncounted(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Attempts = noAttempts{err: errors.New("gone")} })
	s.do(http.MethodPost, "/login/begin", "{}", fromPage, header("Content-Type", "application/json")).
		wantStatus(t, http.StatusServiceUnavailable)
}

// What a form does comes from its body: an address can be anybody's.
func TestFormsIgnoreTheAddress(t *testing.T) {
	f := &fakeTeams{}
	s := teamSite(t, f)
	s.do(http.MethodPost, "/admin/teams?name=From+the+address", "name=", as("admin"), fromPage, urlencoded).wantStatus(t, http.StatusUnprocessableEntity)
	s.do(http.MethodPost, "/admin/teams?csrf="+testCSRF, "name=W", as("admin"), urlencoded,
		header("Sec-Fetch-Site", "same-origin")).wantStatus(t, http.StatusForbidden)
	if len(f.asked) != 0 {
		t.Errorf("done: %v", f.asked)
	}
}
