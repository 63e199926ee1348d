package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/session"
)

// memory is a session.Store in memory.
type memory struct {
	mu      sync.Mutex
	rows    map[string]session.Row
	touches int
	now     time.Time
	old     time.Time
	fail    error
}

func (m *memory) InsertSession(_ context.Context, s session.New) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[string(s.TokenHash)] = session.Row{UserID: s.UserID, DisplayName: "Ada", Roles: []access.Role{access.Clinician},
		PasskeyID: s.PasskeyID, CSRF: s.CSRF, Created: s.Created, LastSeen: s.Created, Expires: s.Expires}
	return m.fail
}

func (m *memory) SessionByToken(_ context.Context, hash []byte) (session.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return session.Row{}, m.fail
	}
	row, ok := m.rows[string(hash)]
	if !ok {
		return session.Row{}, health.ErrNotFound
	}
	return row, nil
}

func (m *memory) TouchSession(_ context.Context, hash []byte, at time.Time) error {
	return m.change(hash, func(r *session.Row) { r.LastSeen = at; m.touches++ })
}

func (m *memory) EndSession(_ context.Context, hash []byte, at time.Time) error {
	return m.change(hash, func(r *session.Row) { r.Ended = at })
}

func (m *memory) change(hash []byte, f func(*session.Row)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, ok := m.rows[string(hash)]; ok && row.Ended.IsZero() {
		f(&row)
		m.rows[string(hash)] = row
	}
	return m.fail
}

func (m *memory) RemoveStale(_ context.Context, now, old time.Time, _ time.Duration) (session.Removed, error) {
	m.now, m.old = now, old
	return session.Removed{Sessions: 1}, m.fail
}

// edit changes every row, as an administrator would behind the session's back.
func (m *memory) edit(f func(*session.Row)) {
	for k, row := range m.rows {
		f(&row)
		m.rows[k] = row
	}
}

type fixture struct {
	store   *memory
	service *session.Service
	clock   time.Time
	token   string
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{store: &memory{rows: map[string]session.Row{}}, clock: time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)}
	f.service = session.NewService(f.store, func() time.Time { return f.clock })
	var err error
	if f.token, err = f.service.Issue(t.Context(), 7, 3); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestIssueAndLookup(t *testing.T) {
	f := start(t)
	got, err := f.service.Lookup(t.Context(), f.token)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Principal
	if p.UserID != 7 || p.Name != "Ada" || !slices.Equal(p.Roles, []access.Role{access.Clinician}) || got.PasskeyID != 3 {
		t.Errorf("session %+v", got)
	}
	if !got.Created.Equal(f.clock) || !got.Ends.Equal(f.clock.Add(session.Absolute)) {
		t.Errorf("from %v to %v", got.Created, got.Ends)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(f.token); err != nil || len(raw) != 32 {
		t.Errorf("the token has %d bytes (%v), want 256 bits", len(raw), err)
	}
	if len(got.CSRF) != 43 || got.CSRF == f.token {
		t.Errorf("CSRF token %q", got.CSRF)
	}
	if _, stored := f.store.rows[f.token]; stored {
		t.Error("the token is stored in the clear")
	}
}

// Lines 16 and 17: each sign-in has its own token and CSRF token.
func TestTokensDiffer(t *testing.T) {
	f := start(t)
	first, err := f.service.Lookup(t.Context(), f.token)
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.service.Issue(t.Context(), 7, 3)
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.service.Lookup(t.Context(), token)
	if err != nil || token == f.token || first.CSRF == second.CSRF {
		t.Errorf("a second sign-in shares something with the first (%v)", err)
	}
}

// Line 19: what is not exactly a token is nobody's session and asks no store.
func TestForgedTokens(t *testing.T) {
	f := start(t)
	flipped := []byte(f.token)
	flipped[0] ^= 1
	for _, token := range []string{"", "x", string(flipped), f.token + "A", f.token[:42], f.token + ";" + f.token,
		strings.Repeat("A", 43), strings.Repeat("A", 8<<10), strings.ToUpper(f.token), "\x00" + f.token[1:]} {
		if _, err := f.service.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
			t.Errorf("token %.20q: %v, want ErrNone", token, err)
		}
	}
	// The last character carries two bits that base64url ignores: they count too.
	for c := range strings.SplitSeq("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "") {
		token := f.token[:42] + c
		if _, err := f.service.Lookup(t.Context(), token); token != f.token && !errors.Is(err, session.ErrNone) {
			t.Errorf("token with last character %s: %v, want ErrNone", c, err)
		}
	}
}

// Line 20.
func TestExpiry(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		live  bool
	}{
		{"just issued", 0, true},
		{"just before idle", session.Idle - time.Second, true},
		{"idle", session.Idle, false},
		{"next day", 24 * time.Hour, false},
	}
	for _, tt := range tests {
		f := start(t)
		f.clock = f.clock.Add(tt.after)
		_, err := f.service.Lookup(t.Context(), f.token)
		if tt.live != (err == nil) || (err != nil && !errors.Is(err, session.ErrNone)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestActivityExtendsToTheAbsoluteLimit(t *testing.T) {
	f := start(t)
	begin := f.clock
	for f.clock.Sub(begin) < session.Absolute {
		if _, err := f.service.Lookup(t.Context(), f.token); err != nil {
			t.Fatalf("after %v: %v", f.clock.Sub(begin), err)
		}
		f.clock = f.clock.Add(10 * time.Minute)
	}
	if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after %v: %v, want ErrNone", f.clock.Sub(begin), err)
	}
}

func TestPollingDoesNotExtend(t *testing.T) {
	f := start(t)
	for range 14 {
		f.clock = f.clock.Add(time.Minute)
		if _, err := f.service.Peek(t.Context(), f.token); err != nil {
			t.Fatal(err)
		}
	}
	f.clock = f.clock.Add(time.Minute)
	if _, err := f.service.Peek(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("polled through the idle limit: %v", err)
	}
	if f.store.touches != 0 {
		t.Errorf("polling wrote %d times", f.store.touches)
	}
}

func TestActivityIsWrittenOnceAMinute(t *testing.T) {
	f := start(t)
	for range 150 {
		f.clock = f.clock.Add(time.Second)
		if _, err := f.service.Lookup(t.Context(), f.token); err != nil {
			t.Fatal(err)
		}
	}
	if f.store.touches != 2 {
		t.Errorf("150 seconds of clicks wrote %d times, want 2", f.store.touches)
	}
}

// Line 21: what an administrator does shows in the next request.
func TestChangesTakeEffectAtOnce(t *testing.T) {
	f := start(t)
	f.store.edit(func(r *session.Row) { r.Roles = []access.Role{access.Ops} })
	got, err := f.service.Lookup(t.Context(), f.token)
	if err != nil || got.Principal.Can(access.EventsRead) {
		t.Errorf("after the role change: %+v, %v", got.Principal, err)
	}
	for name, change := range map[string]func(*session.Row){
		"disabled":        func(r *session.Row) { r.Disabled = true },
		"passkey revoked": func(r *session.Row) { r.PasskeyRevoked = true },
		"ended":           func(r *session.Row) { r.Ended = f.clock },
	} {
		f := start(t)
		f.store.edit(change)
		if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", name, err)
		}
	}
}

// Line 18: requests under way during sign-out do not bring the session back.
func TestSignOutIsFinal(t *testing.T) {
	f := start(t)
	f.clock = f.clock.Add(2 * time.Minute)
	service := session.NewService(f.store, func() time.Time { return f.clock })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := service.Lookup(t.Context(), f.token); err != nil && !errors.Is(err, session.ErrNone) {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		if err := service.Revoke(t.Context(), f.token); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if _, err := service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("the session is back: %v", err)
	}
	for _, token := range []string{f.token, "", "x", strings.Repeat("A", 43)} {
		if err := service.Revoke(t.Context(), token); err != nil {
			t.Errorf("ending %.5q again: %v", token, err)
		}
	}
	if len(f.store.rows) != 1 {
		t.Errorf("%d rows, want the one that was ended", len(f.store.rows))
	}
}

func TestCleanup(t *testing.T) {
	f := start(t)
	removed, err := f.service.Cleanup(t.Context())
	if err != nil || removed.Sessions != 1 || !f.store.now.Equal(f.clock) || !f.store.old.Equal(f.clock.Add(-session.Keep)) {
		t.Errorf("removed %+v with now %v and old %v (%v)", removed, f.store.now, f.store.old, err)
	}
}

// Line 22: with the store away nobody gets in, and nobody is told "signed out".
func TestStoreFails(t *testing.T) {
	f := start(t)
	f.store.fail = errors.New("connection refused")
	f.clock = f.clock.Add(2 * time.Minute)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"issue":   func() error { _, err := f.service.Issue(ctx, 7, 3); return err },
		"lookup":  func() error { _, err := f.service.Lookup(ctx, f.token); return err },
		"peek":    func() error { _, err := f.service.Peek(ctx, f.token); return err },
		"revoke":  func() error { return f.service.Revoke(ctx, f.token) },
		"cleanup": func() error { _, err := f.service.Cleanup(ctx); return err },
	} {
		if err := call(); !errors.Is(err, f.store.fail) || errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v, want the store's failure", name, err)
		}
	}
}

func TestTouchFails(t *testing.T) {
	f := start(t)
	broken := errors.New("connection refused")
	service := session.NewService(touchFails{f.store, broken}, func() time.Time { return f.clock.Add(2 * time.Minute) })
	if _, err := service.Lookup(t.Context(), f.token); !errors.Is(err, broken) {
		t.Errorf("got %v, want the store's failure", err)
	}
}

type touchFails struct {
	*memory
	err error
}

func (s touchFails) TouchSession(context.Context, []byte, time.Time) error { return s.err }

func TestDefaultClock(t *testing.T) {
	store := &memory{rows: map[string]session.Row{}}
	service := session.NewService(store, nil)
	token, err := service.Issue(t.Context(), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := service.Lookup(t.Context(), token)
	if err != nil || time.Since(got.Created) > time.Minute {
		t.Errorf("created %v (%v)", got.Created, err)
	}
}
