package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"healthportal/app/session"
)

// Line 22: with the store away, who was in stays in within the limits of the
// session, and nobody new gets in.
func TestOutage(t *testing.T) {
	f := startCached(t)
	unseen, err := f.service.Issue(t.Context(), session.New{UserID: 8, PasskeyID: 4})
	if err != nil {
		t.Fatal(err)
	}
	f.live(false)
	f.away()
	f.gone(unseen, session.ErrAway)
	if _, err := f.service.Issue(t.Context(), session.New{UserID: 7}); !errors.Is(err, session.ErrAway) {
		t.Errorf("somebody signed in: %v", err)
	}
	for range 60 {
		f.clock = f.clock.Add(time.Minute)
		f.live(false)
	}
	f.clock = f.clock.Add(session.Idle)
	f.live(true)
	if _, _, err := f.service.Verified(t.Context(), f.token, 3); !errors.Is(err, session.ErrAway) {
		t.Errorf("unlocked without the store: %v", err)
	}
	f.clock = f.clock.Add(session.Absolute)
	f.gone(f.token, session.ErrNone)
}

func TestRevokedBeforeTheOutage(t *testing.T) {
	f := startCached(t)
	f.live(false)
	old := f.shelf.entries
	if err := f.service.Revoke(t.Context(), f.token); err != nil {
		t.Fatal(err)
	}
	f.shelf.entries = old
	f.away()
	f.gone(f.token, session.ErrAway)
}

// The store fails between the end of a session and the question what is true now.
func TestForgetWithoutAnswer(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.away()
	f.cached.Forget(t.Context(), 7)
	f.gone(f.token, session.ErrAway)
}

func TestSignOutAndLockInAnOutage(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.away()
	if err := f.service.Lock(t.Context(), f.token); !errors.Is(err, session.ErrAway) {
		t.Errorf("lock: %v", err)
	}
	f.live(true)
	if err := f.service.Revoke(t.Context(), f.token); !errors.Is(err, session.ErrAway) {
		t.Errorf("sign-out: %v", err)
	}
	f.gone(f.token, session.ErrAway)
}

// Changes may have been missed between the loss of the news and that of the store.
func TestOutageAfterDeafness(t *testing.T) {
	f := startCached(t)
	f.live(false)
	old := f.shelf.entries
	f.cached.Lost()
	f.clock = f.clock.Add(10 * time.Second)
	f.store.Do(func(r *session.Row) { r.Ended = f.clock }) // unheard of
	other, err := f.service.Issue(t.Context(), session.New{UserID: 8, PasskeyID: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.service.Lookup(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for k, e := range old {
		f.shelf.entries[k] = e
	}
	f.away()
	f.gone(f.token, session.ErrAway)
	if _, err := f.service.Lookup(t.Context(), other); err != nil {
		t.Errorf("read last: %v", err)
	}
}

func TestAfterTheOutage(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.away()
	f.live(false)
	f.store.Fail = nil
	f.store.Do(func(r *session.Row) { r.Ended = f.clock })
	f.cached.Connected(f.snapshot())
	f.gone(f.token, session.ErrNone)
}

// A store that answers "no" is no outage, nor is a reader who went away.
func TestRefusalIsNoOutage(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.clock = f.clock.Add(2 * time.Minute)
	f.store.Fail = errors.New("permission denied")
	f.gone(f.token, f.store.Fail)
	f.away()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.service.Lookup(ctx, f.token); !errors.Is(err, session.ErrAway) {
		t.Errorf("a reader who went away: %v", err)
	}
}

// While the store is away it is asked about once a second, not by every request.
func TestOutageRests(t *testing.T) {
	f := startCached(t)
	f.live(false)
	f.away()
	if n := f.asks(func() {
		for range 100 {
			f.clock = f.clock.Add(10 * time.Millisecond)
			f.live(false)
		}
	}); n > 2 {
		t.Errorf("100 requests in a second asked %d times", n)
	}
}

// Line 18 with the cache, under the race detector: once Revoke has returned,
// nothing that runs beside it makes the session live again.
func TestRevokeIsFinalWithCache(t *testing.T) {
	for range 200 {
		f := startCached(t)
		f.clock = f.clock.Add(2 * time.Minute)
		var wg sync.WaitGroup
		revoked := make(chan struct{})
		tokens := make(chan string, 1)
		for range 4 {
			wg.Go(func() {
				for range 20 {
					ended := false
					select {
					case <-revoked:
						ended = true
					default:
					}
					if _, err := f.service.Lookup(t.Context(), f.token); ended && !errors.Is(err, session.ErrNone) {
						t.Errorf("live after the end: %v", err)
					}
				}
			})
		}
		wg.Go(func() {
			defer close(tokens)
			if token, _, err := f.service.Verified(t.Context(), f.token, 3); err == nil {
				tokens <- token
			}
		})
		wg.Go(func() {
			if err := f.service.Revoke(t.Context(), f.token); err != nil {
				t.Error(err)
			}
			close(revoked)
		})
		wg.Wait()
		if token := <-tokens; token != "" {
			f.gone(token, session.ErrNone)
		}
	}
}
