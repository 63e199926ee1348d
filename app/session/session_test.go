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
	"healthportal/app/session/sessiontest"
)

type fixture struct {
	store   *sessiontest.Memory
	service *session.Service
	clock   time.Time
	token   string
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{store: &sessiontest.Memory{}, clock: time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)}
	f.service = session.NewService(f.store, f.store, func() time.Time { return f.clock })
	var err error
	if f.token, err = f.service.Issue(t.Context(), session.New{UserID: 7, PasskeyID: 3, Browser: "Safari on iPhone", Address: "192.0.2.7"}); err != nil {
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
	if p.UserID != 7 || p.Name != "Dr Ada" || got.ID == "" || p.SessionID != got.ID || got.Locked || !got.Verified.Equal(f.clock) || !slices.Equal(p.Roles, []access.Role{access.Clinician}) || got.PasskeyID != 3 {
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
	if _, err := f.store.SessionByToken(t.Context(), []byte(f.token)); !errors.Is(err, health.ErrNotFound) {
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
	token, err := f.service.Issue(t.Context(), session.New{UserID: 7, PasskeyID: 3, Browser: "Safari on iPhone", Address: "192.0.2.7"})
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

// Line 20: idle locks, age ends, and nothing that looks wakes a locked session.
func TestExpiry(t *testing.T) {
	tests := []struct {
		name         string
		after        time.Duration
		live, locked bool
	}{
		{"just issued", 0, true, false},
		{"just before idle", session.Idle - time.Second, true, false},
		{"idle", session.Idle, true, true},
		{"the last second", session.Absolute - time.Second, true, true},
		{"too old", session.Absolute, false, false},
		{"next day", 24 * time.Hour, false, false},
	}
	for _, tt := range tests {
		f := start(t)
		f.clock = f.clock.Add(tt.after)
		for range 2 {
			got, err := f.service.Lookup(t.Context(), f.token)
			if tt.live != (err == nil) || (err != nil && !errors.Is(err, session.ErrNone)) || got.Locked != tt.locked {
				t.Errorf("%s: locked %v, %v", tt.name, got.Locked, err)
			}
		}
		if tt.locked && f.store.Calls("TouchSession") != 0 {
			t.Errorf("%s: looking at a locked session counted as activity", tt.name)
		}
	}
}

func TestActivityExtendsToTheAbsoluteLimit(t *testing.T) {
	f := start(t)
	begin := f.clock
	for f.clock.Sub(begin) < session.Absolute {
		if got, err := f.service.Lookup(t.Context(), f.token); err != nil || got.Locked {
			t.Fatalf("after %v: locked %v, %v", f.clock.Sub(begin), got.Locked, err)
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
		if got, err := f.service.Peek(t.Context(), f.token); err != nil || got.Locked {
			t.Fatal(got.Locked, err)
		}
	}
	f.clock = f.clock.Add(time.Minute)
	if got, err := f.service.Peek(t.Context(), f.token); err != nil || !got.Locked {
		t.Errorf("polled through the idle limit: locked %v, %v", got.Locked, err)
	}
	if n := f.store.Calls("TouchSession"); n != 0 {
		t.Errorf("polling wrote %d times", n)
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
	if n := f.store.Calls("TouchSession"); n != 2 {
		t.Errorf("150 seconds of clicks wrote %d times, want 2", n)
	}
}

// Line 21: what an administrator does shows in the next request.
func TestChangesTakeEffectAtOnce(t *testing.T) {
	f := start(t)
	f.store.Do(func(r *session.Row) { r.Roles = []access.Role{access.Ops} })
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
		f.store.Do(change)
		if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", name, err)
		}
	}
}

// Line 18: requests under way during sign-out do not bring the session back.
func TestSignOutIsFinal(t *testing.T) {
	f := start(t)
	f.clock = f.clock.Add(2 * time.Minute)
	service := session.NewService(f.store, f.store, func() time.Time { return f.clock })
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
	if n := f.store.Len(); n != 1 {
		t.Errorf("%d rows, want the one that was ended", n)
	}
}

func TestCleanup(t *testing.T) {
	f := start(t)
	removed, err := f.service.Cleanup(t.Context())
	now, old := f.store.Stale()
	if err != nil || removed.Sessions != 1 || !now.Equal(f.clock) || !old.Equal(f.clock.Add(-session.Keep)) {
		t.Errorf("removed %+v with now %v and old %v (%v)", removed, now, old, err)
	}
}

// Line 22: with the store away nobody gets in, and nobody is told "signed out".
func TestStoreFails(t *testing.T) {
	f := start(t)
	f.store.Fail = errors.New("connection refused")
	f.clock = f.clock.Add(2 * time.Minute)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"issue":    func() error { _, err := f.service.Issue(ctx, session.New{UserID: 7}); return err },
		"lookup":   func() error { _, err := f.service.Lookup(ctx, f.token); return err },
		"peek":     func() error { _, err := f.service.Peek(ctx, f.token); return err },
		"verified": func() error { _, _, err := f.service.Verified(ctx, f.token, 3); return err },
		"lock":     func() error { return f.service.Lock(ctx, f.token) },
		"mode":     func() error { _, _, err := f.service.SetResearch(ctx, f.token, true); return err },
		"revoke":   func() error { return f.service.Revoke(ctx, f.token) },
		"list":     func() error { _, err := f.service.List(ctx, 7); return err },
		"end":      func() error { return f.service.End(ctx, 7, "session-1", session.WhyOwner) },
		"others":   func() error { _, err := f.service.EndOthers(ctx, 7, "session-1"); return err },
		"all":      func() error { _, err := f.service.EndAll(ctx, 7, session.WhyAdmin); return err },
		"cleanup":  func() error { _, err := f.service.Cleanup(ctx); return err },
	} {
		if err := call(); !errors.Is(err, f.store.Fail) || errors.Is(err, session.ErrNone) || errors.Is(err, health.ErrNotFound) {
			t.Errorf("%s: %v, want the store's failure", name, err)
		}
	}
}

func TestTouchFails(t *testing.T) {
	f := start(t)
	broken := errors.New("connection refused")
	service := session.NewService(touchFails{f.store, broken}, f.store, func() time.Time { return f.clock.Add(2 * time.Minute) })
	if _, err := service.Lookup(t.Context(), f.token); !errors.Is(err, broken) {
		t.Errorf("got %v, want the store's failure", err)
	}
}

type touchFails struct {
	*sessiontest.Memory
	err error
}

func (s touchFails) TouchSession(context.Context, []byte, time.Time) error { return s.err }

func TestDefaultClock(t *testing.T) {
	store := &sessiontest.Memory{}
	service := session.NewService(store, store, nil)
	token, err := service.Issue(t.Context(), session.New{UserID: 1, PasskeyID: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := service.Lookup(t.Context(), token)
	if err != nil || time.Since(got.Created) > time.Minute {
		t.Errorf("created %v (%v)", got.Created, err)
	}
}
