package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/session"
)

// shelf is a session.Cache in a map.
type shelf struct {
	mu      sync.Mutex
	entries map[string]session.Entry
}

func (s *shelf) Get(_ context.Context, hash []byte) (session.Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[string(hash)]
	return e, ok
}

func (s *shelf) Put(_ context.Context, hash []byte, e session.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[string(hash)] = e
}

func (s *shelf) Drop(_ context.Context, hash []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, string(hash))
}

// cachedFixture is a service with a cache, connected unless said otherwise.
type cachedFixture struct {
	*fixture
	t      *testing.T
	cached *session.Cached
	shelf  *shelf
}

func startCached(t *testing.T) *cachedFixture {
	t.Helper()
	f := &cachedFixture{t: t, fixture: start(t), shelf: &shelf{entries: map[string]session.Entry{}}}
	now := func() time.Time { return f.clock }
	f.cached = session.NewCached(f.store, f.store, f.store, f.shelf, now)
	f.service = session.NewService(f.cached, f.cached, now)
	f.cached.Connected(f.snapshot())
	return f
}

func (f *cachedFixture) snapshot() session.Snapshot {
	f.t.Helper()
	at, err := f.store.Snapshot(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return at
}

// asks is how often the store was asked for a row by f.
func (f *cachedFixture) asks(do func()) int {
	before := f.store.Calls("SessionByToken")
	do()
	return f.store.Calls("SessionByToken") - before
}

func (f *cachedFixture) live(locked bool) {
	f.t.Helper()
	if got, err := f.service.Lookup(f.t.Context(), f.token); err != nil || got.Locked != locked {
		f.t.Fatalf("locked %v, %v; want a live session, locked %v", got.Locked, err, locked)
	}
}

func (f *cachedFixture) gone(token string, kind error) {
	f.t.Helper()
	if got, err := f.service.Lookup(f.t.Context(), token); !errors.Is(err, kind) {
		f.t.Fatalf("%+v, %v; want %v", got, err, kind)
	}
}

// away makes the store give no answer at all.
func (f *cachedFixture) away() {
	f.store.Fail = fmt.Errorf("%w: connection refused", session.ErrAway)
	f.cached.Lost()
}

func TestWarmCacheAsksNothing(t *testing.T) {
	f := startCached(t)
	if n := f.asks(func() { f.live(false) }); n != 1 {
		t.Errorf("the first look asked %d times, want 1", n)
	}
	if n := f.asks(func() {
		for range 50 {
			f.clock = f.clock.Add(time.Second)
			f.live(false)
		}
	}); n != 0 {
		t.Errorf("50 looks within a minute asked %d times", n)
	}
	f.clock = f.clock.Add(20 * time.Second)
	if n := f.asks(func() { f.live(false) }); n != 1 {
		t.Errorf("a row older than a minute: asked %d times, want 1", n)
	}
}

// Without news of changes, and before the first, the store is asked each time.
func TestDeafCacheIsPassedBy(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.cached.Lost()
	if n := f.asks(func() { f.live(false); f.live(false) }); n != 2 {
		t.Errorf("while deaf: asked %d times, want 2", n)
	}
	f.cached.Connected(f.snapshot())
	f.live(false)
	if n := f.asks(func() { f.live(false) }); n != 0 {
		t.Errorf("hearing again: asked %d times", n)
	}
	deaf := session.NewCached(f.store, f.store, f.store, f.shelf, func() time.Time { return f.clock })
	f.service = session.NewService(deaf, deaf, func() time.Time { return f.clock })
	if n := f.asks(func() { f.live(false) }); n != 1 {
		t.Errorf("before the first connection: asked %d times, want 1", n)
	}
}

// Line 21, with a cache: what another process changes counts from its news on.
func TestNewsOfChanges(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.store.Do(func(r *session.Row) { r.Roles = []access.Role{access.Ops} })
	f.cached.Changed(7, f.snapshot())
	if got, err := f.service.Lookup(t.Context(), f.token); err != nil || got.Principal.Can(access.EventsRead) {
		t.Errorf("after the news: %v, %v", got.Principal.Roles, err)
	}
	f.store.Do(func(r *session.Row) { r.Ended = f.clock })
	f.cached.Changed(8, f.snapshot())
	f.live(false) // news of others changes nothing
	f.cached.Changed(7, f.snapshot())
	f.gone(f.token, session.ErrNone)
}

// A read that began before a change must not put its row back afterwards.
func TestLatePut(t *testing.T) {
	f := startCached(t)
	f.live(false)
	old := map[string]session.Entry{}
	for k, e := range f.shelf.entries {
		old[k] = e
	}
	if err := f.service.Revoke(t.Context(), f.token); err != nil {
		t.Fatal(err)
	}
	f.shelf.entries = old
	f.gone(f.token, session.ErrNone)
}

func TestOwnChangesCountAtOnce(t *testing.T) {
	for name, act := range map[string]func(*cachedFixture) error{
		"sign-out": func(f *cachedFixture) error { return f.service.Revoke(f.t.Context(), f.token) },
		"end":      func(f *cachedFixture) error { return f.service.End(f.t.Context(), 7, "session-1", session.WhyOwner) },
		"all": func(f *cachedFixture) error {
			_, err := f.service.EndAll(f.t.Context(), 7, session.WhyAdmin)
			return err
		},
		"verified": func(f *cachedFixture) error { _, _, err := f.service.Verified(f.t.Context(), f.token, 3); return err },
		"disabled elsewhere in the process": func(f *cachedFixture) error {
			f.store.Do(func(r *session.Row) { r.Disabled = true })
			f.cached.Forget(f.t.Context(), 7)
			return nil
		},
	} {
		f := startCached(t)
		f.live(false)
		old := f.shelf.entries
		if err := act(f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.shelf.entries = old
		if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: the old token gives %v, want ErrNone", name, err)
		}
	}
	f := startCached(t)
	f.live(false)
	if err := f.service.Lock(t.Context(), f.token); err != nil {
		t.Fatal(err)
	}
	f.live(true)
}

// What this process changed in ways that the Service doesn't know of.
func TestOutdated(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.store.Do(func(r *session.Row) { r.Disabled = true })
	f.cached.Outdated(f.snapshot())
	f.gone(f.token, session.ErrNone)
	f.store.Do(func(r *session.Row) { r.Disabled = false })
	f.live(false)
	if n := f.asks(func() { f.live(false) }); n != 0 {
		t.Errorf("afterwards asked %d times", n)
	}
	f.cached.Lost()
	f.cached.Outdated(f.snapshot())
	if n := f.asks(func() { f.live(false) }); n != 1 {
		t.Error("hears again without a connection")
	}
}

func TestModeThroughTheCache(t *testing.T) {
	f := startCached(t)
	f.store.Do(func(r *session.Row) { r.Roles = []access.Role{access.Clinician, access.Researcher} })
	f.live(false)
	token, _, err := f.service.SetResearch(t.Context(), f.token, true)
	if err != nil {
		t.Fatal(err)
	}
	f.gone(f.token, session.ErrNone)
	if got, err := f.service.Lookup(t.Context(), token); err != nil || !got.Research {
		t.Errorf("research %v, %v", got.Research, err)
	}
}

// Another process may have noted activity: a row that looks idle is read again.
func TestIdleIsReadAgain(t *testing.T) {
	f := startCached(t)
	f.clock = f.clock.Add(session.Idle - 30*time.Second)
	if _, err := f.service.Peek(t.Context(), f.token); err != nil {
		t.Fatal(err)
	}
	f.store.Do(func(r *session.Row) { r.LastSeen = f.clock })
	f.clock = f.clock.Add(45 * time.Second)
	f.live(false)
}

func TestActivityStaysInTheCache(t *testing.T) {
	f := startCached(t)
	f.clock = f.clock.Add(session.TouchEvery)
	f.live(false)
	if n := f.store.Calls("TouchSession"); n != 1 {
		t.Fatalf("%d touches", n)
	}
	f.clock = f.clock.Add(30 * time.Second)
	f.live(false)
	if n := f.store.Calls("TouchSession"); n != 1 {
		t.Errorf("the noted activity was forgotten: %d touches", n)
	}
}
