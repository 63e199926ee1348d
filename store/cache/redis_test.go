package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"healthportal/app/session"
	"healthportal/app/session/sessiontest"
	"healthportal/store/cache"
)

// redisServer is a Redis of the test's own, on a socket.
type redisServer struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing; install it: apt-get install redis-server")
	}
	dir, err := os.MkdirTemp("", "hp-redis-")
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{t: t, dir: dir}
	t.Cleanup(func() {
		s.kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.start()
	return s
}

func (s *redisServer) socket() string { return filepath.Join(s.dir, "redis.sock") }

func (s *redisServer) url() string { return "unix://" + s.socket() }

func (s *redisServer) start() {
	s.t.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), "redis-server", "--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func() { defer close(s.done); _ = s.cmd.Wait() }()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket()})
	defer client.Close() //nolint:errcheck // only asked
	for deadline := time.Now().Add(time.Minute); client.Ping(s.t.Context()).Err() != nil; {
		if time.Now().After(deadline) {
			s.t.Fatal("redis-server does not answer")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kill ends the server as a crash would.
func (s *redisServer) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.done
		s.cmd = nil
	}
}

// keys are what the server holds.
func (s *redisServer) keys() map[string]string {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket()})
	defer client.Close() //nolint:errcheck // only asked
	names, err := client.Keys(s.t.Context(), "*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		value, err := client.Get(s.t.Context(), name).Result()
		if err != nil {
			s.t.Fatal(err)
		}
		if ttl := client.TTL(s.t.Context(), name).Val(); ttl <= 0 || ttl > time.Minute {
			s.t.Errorf("an entry stays for %v", ttl)
		}
		all[name] = value
	}
	return all
}

// process is a session service with its own near cache and a Redis shared with others.
type process struct {
	*session.Service
	cached *session.Cached
	cache  *cache.Sessions
	log    *bytes.Buffer
}

func join(t *testing.T, store *sessiontest.Memory, url string) *process {
	t.Helper()
	p := &process{log: &bytes.Buffer{}}
	var err error
	p.cache, err = cache.Open(url, nil, slog.New(slog.NewTextHandler(p.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.cache.Close(); err != nil {
			t.Error(err)
		}
	})
	p.cached = session.NewCached(store, store, store, p.cache, nil)
	p.Service = session.NewService(p.cached, p.cached, nil)
	p.connect(t, store)
	return p
}

func (p *process) connect(t *testing.T, store *sessiontest.Memory) {
	t.Helper()
	at, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.cached.Connected(at)
}

func issue(t *testing.T, p *process) string {
	t.Helper()
	token, err := p.Issue(t.Context(), session.New{UserID: 7, PasskeyID: 3})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func wantLive(t *testing.T, p *process, token string) {
	t.Helper()
	if got, err := p.Lookup(t.Context(), token); err != nil || got.Locked {
		t.Fatalf("locked %v, %v; want a live session", got.Locked, err)
	}
}

func wantGone(t *testing.T, p *process, token string) {
	t.Helper()
	if _, err := p.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Fatalf("%v, want ErrNone", err)
	}
}

// What one process has read, another finds in Redis.
func TestRedisIsShared(t *testing.T) {
	server, store := startRedis(t), &sessiontest.Memory{}
	a, b := join(t, store, server.url()), join(t, store, server.url())
	token := issue(t, a)
	wantLive(t, a, token)
	wantLive(t, b, token)
	if n := store.Calls("SessionByToken"); n != 1 {
		t.Errorf("two processes read the row %d times, want 1", n)
	}
	for name, value := range server.keys() {
		if !strings.HasPrefix(name, "hp:session:") || strings.Contains(name+value, token) {
			t.Errorf("key %s holds %.80s", name, value)
		}
	}
	if err := a.cache.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if left := server.keys(); len(left) != 0 {
		t.Errorf("%d entries are left after the sign-out", len(left))
	}
	wantGone(t, a, token)
}

// Line 22: Redis dies and comes back. Nobody is signed out, nothing panics, and
// what was revoked meanwhile is not served from what Redis kept.
func TestRedisLostAndBack(t *testing.T) {
	server, store := startRedis(t), &sessiontest.Memory{}
	a, b := join(t, store, server.url()), join(t, store, server.url())
	stays, goes := issue(t, a), issue(t, a)
	for _, token := range []string{stays, goes} {
		wantLive(t, a, token)
	}
	if len(server.keys()) != 2 {
		t.Fatalf("Redis holds %v", server.keys())
	}
	server.kill()
	began := time.Now()
	for range 100 {
		wantLive(t, a, stays)
		wantLive(t, b, stays)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("200 checks without Redis took %v", took)
	}
	if err := a.Revoke(t.Context(), goes); err != nil { // the entry stays in Redis
		t.Fatal(err)
	}
	at, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.cached.Changed(7, at) // the news, as PostgreSQL sends it
	server.start()
	if len(server.keys()) != 2 {
		t.Fatalf("Redis forgot what it held: %v", server.keys())
	}
	late := join(t, store, server.url()) // one that was not there for the news
	time.Sleep(5100 * time.Millisecond)  // until Redis is tried again
	for _, p := range []*process{a, b, late} {
		wantGone(t, p, goes)
		wantLive(t, p, stays)
	}
	if logged := a.log.String(); strings.Count(logged, "does not answer") != 1 || strings.Contains(logged, stays) {
		t.Errorf("log of the loss:\n%s", logged)
	}
	fresh := issue(t, a)
	wantLive(t, a, fresh)
	if !strings.Contains(a.log.String(), "answers again") || len(server.keys()) < 2 {
		t.Errorf("Redis was not taken up again:\n%s", a.log.String())
	}
}

// A Redis that hangs costs each process a moment, not each request.
func TestRedisHangs(t *testing.T) {
	ln := cache.HangingServer(t)
	store := &sessiontest.Memory{}
	p := join(t, store, "redis://"+ln)
	token := issue(t, p)
	began := time.Now()
	for range 20 {
		wantLive(t, p, token)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("20 checks with a hanging Redis took %v", took)
	}
	if err := p.cache.Ping(t.Context()); err == nil {
		t.Error("a hanging Redis answers a ping")
	}
}

// What does not come from us, or from another release, counts for nothing.
func TestForeignEntries(t *testing.T) {
	server, store := startRedis(t), &sessiontest.Memory{}
	a := join(t, store, server.url())
	token := issue(t, a)
	wantLive(t, a, token)
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: server.socket()})
	defer client.Close() //nolint:errcheck // only used here
	for name, value := range server.keys() {
		for _, foreign := range []string{"", "x", "{}", "null", `{"format":1}`, value[:len(value)/2], strings.Replace(value, `"format":1`, `"format":2`, 1),
			strings.Replace(value, "memory|", "elsewhere|", 1), `{"format":1,"row":{"Roles":["admin"]}}`} {
			if err := client.Set(t.Context(), name, foreign, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			b := join(t, store, server.url())
			before := store.Calls("SessionByToken")
			wantLive(t, b, token)
			if store.Calls("SessionByToken") == before {
				t.Errorf("a row was made of %.60q", foreign)
			}
		}
	}
}

func TestRaceWithRedis(t *testing.T) {
	server, store := startRedis(t), &sessiontest.Memory{}
	a, b := join(t, store, server.url()), join(t, store, server.url())
	for range 30 {
		token := issue(t, a)
		var wg sync.WaitGroup
		for _, p := range []*process{a, b} {
			wg.Go(func() {
				for range 10 {
					if _, err := p.Lookup(t.Context(), token); err != nil && !errors.Is(err, session.ErrNone) {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			if err := a.Revoke(t.Context(), token); err != nil {
				t.Error(err)
			}
			wantGone(t, a, token)
		})
		wg.Wait()
		at, err := store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.cached.Changed(7, at)
		wantGone(t, b, token)
		wantGone(t, a, token)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"http://secret@host", "redis://:secret@host/x", "secret", "redis://:%zz@h"} {
		_, err := cache.Open(url, nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "REDIS_URL") || !strings.Contains(err.Error(), "redis://host") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	alone, err := cache.Open("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(alone.Ping(context.Background()), alone.Close()); err != nil {
		t.Errorf("without Redis: %v", err)
	}
	// A Redis that isn't there is no error: it may come.
	absent, err := cache.Open(fmt.Sprintf("unix://%s/none.sock", t.TempDir()), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	absent.Put(t.Context(), []byte("h"), session.Entry{Read: time.Now()})
	if _, ok := absent.Get(t.Context(), []byte("h")); !ok {
		t.Error("without its Redis the process's own cache forgets")
	}
	if err := absent.Close(); err != nil {
		t.Error(err)
	}
}
