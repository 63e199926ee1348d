package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/session"
	"healthportal/store/cache"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// ear hears what a session cache hears.
type ear struct {
	ada  int64
	news chan string
	last session.Snapshot
	mu   sync.Mutex
}

func (e *ear) Connected(at session.Snapshot) { e.hear("connected", at) }
func (e *ear) Outdated(at session.Snapshot)  { e.hear("outdated", at) }
func (e *ear) Lost()                         { e.hear("lost", session.Snapshot{}) }
func (e *ear) Changed(user int64, at session.Snapshot) {
	e.hear(map[bool]string{true: "ada", false: "other"}[user == e.ada], at)
}

func (e *ear) hear(what string, at session.Snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = at
	e.news <- what
}

// watch listens until the test ends, and waits for the first connection.
func watch(t *testing.T, db *postgres.DB, w postgres.SessionWatcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.WatchSessions(ctx, w, func(err error) { t.Logf("listening: %v", err) })
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (e *ear) want(t *testing.T, what string) {
	t.Helper()
	select {
	case got := <-e.news:
		if got != what {
			t.Fatalf("heard %q, want %q", got, what)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("heard nothing, want %q", what)
	}
}

// Line 21: each change that ends or narrows sessions is told to every process.
func TestWatchSessions(t *testing.T) {
	s := signTwoIn(t)
	e := &ear{ada: s.ada, news: make(chan string, 100)}
	watch(t, s.DB, e)
	e.want(t, "connected")
	s.exec(`CREATE TABLE ada AS SELECT $1::bigint AS id`, s.ada)
	for _, sql := range []string{
		`UPDATE auth.session SET ended_at = now() WHERE user_id = (SELECT id FROM ada)`,
		`UPDATE auth.session SET locked_at = now() WHERE user_id = (SELECT id FROM ada)`,
		`UPDATE auth.session SET research = true WHERE user_id = (SELECT id FROM ada)`,
		`UPDATE auth.session SET token_hash = '\x07' WHERE user_id = (SELECT id FROM ada)`,
		`INSERT INTO auth.user_role SELECT id, 'ops' FROM ada`,
		`UPDATE auth.user_role SET role = 'privacy' WHERE role = 'ops'`,
		`DELETE FROM auth.user_role WHERE role = 'privacy'`,
		`UPDATE auth.passkey SET revoked_at = now() WHERE user_id = (SELECT id FROM ada)`,
		`UPDATE auth.user_account SET disabled_at = now() WHERE id = (SELECT id FROM ada)`,
		`DELETE FROM auth.session WHERE user_id = (SELECT id FROM ada)`,
	} {
		s.exec(sql)
		e.want(t, "ada")
		e.mu.Lock()
		at := e.last
		e.mu.Unlock()
		if now, err := s.Snapshot(t.Context()); err != nil || !now.Sees(at) {
			t.Errorf("%s: what is told can't be seen afterwards (%v)", sql, err)
		}
	}
	s.exec(`UPDATE auth.session SET last_seen = now()`) // activity is no news
	s.exec(`SELECT pg_notify('hp_sessions', 'gibberish')`)
	e.want(t, "connected")
}

// A lost connection is told, made anew, and everything read before counts no more.
func TestWatchReconnects(t *testing.T) {
	s := signTwoIn(t)
	e := &ear{ada: s.ada, news: make(chan string, 100)}
	watch(t, s.DB, e)
	e.want(t, "connected")
	for range 2 {
		s.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'portal sessions'`)
		e.want(t, "lost")
		e.want(t, "connected")
	}
}

// statements counts what the pages' pool runs.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if !strings.HasPrefix(q.SQL, "--") && q.SQL != "" {
		s.n.Add(1)
	}
	return ctx
}
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// cachedService is a process: a store, a cache and an ear for changes.
type cachedService struct {
	*session.Service
	db     *postgres.DB
	cached *session.Cached
	count  *statements
	joined chan struct{}
}

// Connected tells the cache and the test.
func (c *cachedService) Connected(at session.Snapshot) {
	c.cached.Connected(at)
	select {
	case c.joined <- struct{}{}:
	default:
	}
}
func (c *cachedService) Changed(user int64, at session.Snapshot) { c.cached.Changed(user, at) }
func (c *cachedService) Outdated(at session.Snapshot)            { c.cached.Outdated(at) }
func (c *cachedService) Lost()                                   { c.cached.Lost() }

func startProcess(t *testing.T, dsn, redis string) *cachedService {
	t.Helper()
	c := &cachedService{count: &statements{}, joined: make(chan struct{}, 1)}
	var err error
	if c.db, err = postgres.OpenTraced(t.Context(), dsn, c.count); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.db.Close)
	kept, err := cache.Open(redis, nil, discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	c.cached = session.NewCached(c.db, c.db, c.db, kept, nil)
	c.Service = session.NewService(c.cached, c.cached, nil)
	watch(t, c.db, c)
	<-c.joined
	return c
}

// runs is how many statements do runs.
func (c *cachedService) runs(do func()) int64 {
	before := c.count.n.Load()
	do()
	return c.count.n.Load() - before
}

// With a warm cache a session check runs no statement, else one.
func TestSessionCheckStatements(t *testing.T) {
	fresh := storetest.Open(t)
	p := startProcess(t, fresh.DSN(), "")
	db := signInDB{p.db, t, connectTo(t, fresh)}
	ada := db.addUser("ada", access.Clinician)
	token, err := p.Issue(t.Context(), session.New{UserID: ada.ID, PasskeyID: db.addPasskey(ada, 1)})
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		if _, err := p.Lookup(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(100 * time.Millisecond) // the news of the new role
	if n := p.runs(look); n != 1 {
		t.Errorf("the first check ran %d statements, want 1", n)
	}
	if n := p.runs(func() {
		for range 100 {
			look()
		}
	}); n != 0 {
		t.Errorf("100 checks with a warm cache ran %d statements", n)
	}
	// This process does something as owner: that counts in its next request.
	if err := p.db.SetDisabled(t.Context(), 0, ada.ID, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("at once after disabling: %v", err)
	}
	db.exec(`UPDATE auth.user_account SET disabled_at = NULL`)
	db.exec(`UPDATE auth.session SET ended_at = NULL`)
	time.Sleep(100 * time.Millisecond)
	look()
	// Another process disables the user; its news arrives by itself.
	db.exec(`UPDATE auth.user_account SET disabled_at = now()`)
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := p.Lookup(t.Context(), token)
		if errors.Is(err, session.ErrNone) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("still live after the user was disabled elsewhere: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Line 18 across two processes with caches: what one ends is over in both.
func TestTwoProcesses(t *testing.T) {
	fresh := storetest.Open(t)
	a, b := startProcess(t, fresh.DSN(), ""), startProcess(t, fresh.DSN(), "")
	db := signInDB{a.db, t, connectTo(t, fresh)}
	ada := db.addUser("ada", access.Clinician)
	key := db.addPasskey(ada, 1)
	for range 20 {
		token, err := a.Issue(t.Context(), session.New{UserID: ada.ID, PasskeyID: key})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		rotated := make(chan string, 1)
		for _, p := range []*cachedService{a, b} {
			wg.Go(func() {
				for range 20 {
					if _, err := p.Lookup(t.Context(), token); err != nil && !errors.Is(err, session.ErrNone) {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			defer close(rotated)
			if next, _, err := b.Verified(t.Context(), token, key); err == nil {
				rotated <- next
			}
		})
		wg.Go(func() {
			if err := a.Revoke(t.Context(), token); err != nil {
				t.Error(err)
			}
			if _, err := a.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
				t.Errorf("live in the process that ended it: %v", err)
			}
		})
		wg.Wait()
		for _, old := range []string{token, <-rotated} {
			for name, p := range map[string]*cachedService{"a": a, "b": b} {
				waitGone(t, p, old, name)
			}
		}
	}
}

func waitGone(t *testing.T, p *cachedService, token, name string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := p.Lookup(t.Context(), token)
		if errors.Is(err, session.ErrNone) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still live in process %s: %v", name, err)
		}
		time.Sleep(time.Millisecond)
	}
}
