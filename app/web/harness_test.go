package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
)

const (
	testOrigin = "http://localhost:8080"
	testCSRF   = "csrf-of-the-test-session"
)

// testNow is the clock of every HTTP test.
func testNow() time.Time { return time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC) }

// site is a server on fakes, with the log kept for leak checks.
type site struct {
	t      *testing.T
	server *Server
	log    *lockedLog
	// book is the audit log, unless the test brought its own.
	book *logbook
}

// roleSessions is a session store in which the token names the roles: "clinician+analyst".
type roleSessions struct{ err error }

// Lookup returns a session of user 7 with the roles that the token names.
func (s roleSessions) Lookup(_ context.Context, token string) (session.Session, error) {
	if s.err != nil {
		return session.Session{}, s.err
	}
	p := access.Principal{UserID: 7, Name: "Test User"}
	for name := range strings.SplitSeq(token, "+") {
		role, err := access.ParseRole(name)
		if err != nil {
			return session.Session{}, session.ErrNone
		}
		p.Roles = append(p.Roles, role)
	}
	p.SessionID = "session-of-the-test"
	return session.Session{Principal: p, ID: p.SessionID, CSRF: testCSRF, Verified: testNow()}, nil
}

// Peek is Lookup.
func (s roleSessions) Peek(ctx context.Context, token string) (session.Session, error) {
	return s.Lookup(ctx, token)
}

// logbook is an audit log that remembers.
type logbook struct {
	mu      sync.Mutex
	entries []audit.Entry
	err     error
}

// Append remembers an entry, or fails with the logbook's error or the context's.
func (l *logbook) Append(ctx context.Context, e audit.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.err == nil {
		l.entries = append(l.entries, e)
	}
	return l.err
}

// last is the newest entry; the zero Entry where there is none.
func (l *logbook) last() audit.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return audit.Entry{}
	}
	return l.entries[len(l.entries)-1]
}

// noAttempts counts nothing.
type noAttempts struct{ err error }

// CountAttempt says that these are the first attempts.
func (a noAttempts) CountAttempt(context.Context, string, int, time.Duration) (int, error) {
	return 0, a.err
}

// noKeys knows no API key.
type noKeys struct{}

// Authenticate refuses every key.
func (noKeys) Authenticate(context.Context, string) (access.Principal, error) {
	return access.Principal{}, access.ErrNoKey
}

// alertBox keeps the alerts.
type alertBox struct {
	mu     sync.Mutex
	alerts []access.Alert
}

// Send keeps an alert.
func (b *alertBox) Send(a access.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts = append(b.alerts, a)
}

// newSite starts a server in which sessions are named by their roles; with
// changes the test's own fakes.
func newSite(t *testing.T, with func(*Deps)) *site {
	t.Helper()
	log := &lockedLog{}
	book := &logbook{}
	deps := Deps{Sessions: roleSessions{}, Audit: book, Attempts: noAttempts{}, Keys: noKeys{}, Downloads: testTokens{}, Alerts: &alertBox{}}
	if with != nil {
		with(&deps)
	}
	server, err := New(Config{
		Origin: testOrigin, SiteName: "Example Clinic", Zone: time.UTC, Version: "test", Now: testNow,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &site{t: t, server: server, log: log, book: book}
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

// option changes a request before it is sent.
type option func(*http.Request)

// as signs the request in with roles: "clinician", "clinician+analyst".
func as(roles string) option {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "hp_session", Value: roles}) }
}

// asFragment makes the request htmx's, for a part of the page.
func asFragment(r *http.Request) {
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Request-Type", "partial")
}

// header sets a request header.
func header(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// fromPage makes an unsafe request look like one that a page of the portal sent.
func fromPage(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", testOrigin)
	r.Header.Set("X-CSRF-Token", testCSRF)
}

func (s *site) get(path string, opts ...option) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", opts...)
}

func (s *site) do(method, path, body string, opts ...option) answer {
	s.t.Helper()
	req := httptest.NewRequestWithContext(s.t.Context(), method, "/", strings.NewReader(body))
	req.Host, req.RequestURI = strings.TrimPrefix(testOrigin, "http://"), path
	req.Header.Set("Accept", "text/html")
	for _, o := range opts {
		o(req)
	}
	res, err := s.server.Test(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close() //nolint:errcheck // a test's recorded answer
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read the answer: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// wantStatus fails the test unless the answer has the status.
func (a answer) wantStatus(t *testing.T, want int) answer {
	t.Helper()
	if a.status != want {
		t.Fatalf("status %d, want %d; body: %.600s", a.status, want, a.body)
	}
	return a
}

// wantText fails the test unless the body holds every text.
func (a answer) wantText(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the answer lacks %q:\n%.2000s", text, a.body)
		}
	}
	return a
}

// wantNoText fails the test if the body holds any of the texts.
func (a answer) wantNoText(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("the answer holds %q", text)
		}
	}
	return a
}
