// Package cache keeps what was read lately: sessions in this process and, where
// there is a Redis, for all processes; what charts and overviews show in this
// process alone. It decides nothing: session.Cached knows which rows still count,
// and the database says of each answer whether it is still true.
package cache

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"healthportal/app/session"
)

// nearEntries is how many sessions a process keeps: some 50 MB at most.
const nearEntries = 50_000

// Sessions is a session.Cache. It is safe for concurrent use.
type Sessions struct {
	near *expirable.LRU[string, session.Entry]
	far  *remote // nil without Redis
	now  func() time.Time
}

// Open makes the cache: in this process alone, or with the Redis at redisURL
// (redis://, rediss:// or unix://) behind. A Redis that doesn't answer is no
// error: the portal works without it and takes it up when it comes. now is the
// clock, nil means time.Now.
func Open(redisURL string, now func() time.Time, log *slog.Logger) (*Sessions, error) {
	if now == nil {
		now = time.Now
	}
	s := &Sessions{near: expirable.NewLRU[string, session.Entry](nearEntries, nil, session.Absolute), now: now}
	if redisURL == "" {
		return s, nil
	}
	var err error
	if s.far, err = newRemote(redisURL, log, now); err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	return s, nil
}

// Get returns the entry of a token hash. The process's own comes first, unless it
// is old: then another process may have read a newer one.
func (s *Sessions) Get(ctx context.Context, tokenHash []byte) (session.Entry, bool) {
	e, ok := s.near.Get(string(tokenHash))
	now := s.now()
	if s.far == nil || (ok && now.Sub(e.Read) < farLife) {
		return e, ok
	}
	if shared, found := s.far.get(ctx, tokenHash); found && shared.Read.After(e.Read) {
		if shared.Read.After(now) { // another host's clock must not keep it young
			shared.Read = now
		}
		s.near.Add(string(tokenHash), shared)
		return shared, true
	}
	return e, ok
}

// Put keeps an entry.
func (s *Sessions) Put(ctx context.Context, tokenHash []byte, e session.Entry) {
	s.near.Add(string(tokenHash), e)
	if s.far != nil {
		s.far.put(ctx, tokenHash, e)
	}
}

// Drop forgets an entry.
func (s *Sessions) Drop(ctx context.Context, tokenHash []byte) {
	s.near.Remove(string(tokenHash))
	if s.far != nil {
		s.far.drop(ctx, tokenHash)
	}
}

// Ping reports whether Redis answers; nil without Redis.
func (s *Sessions) Ping(ctx context.Context) error {
	if s.far == nil {
		return nil
	}
	return s.far.ping(ctx)
}

// Close ends the connections to Redis.
func (s *Sessions) Close() error {
	if s.far == nil {
		return nil
	}
	return s.far.close()
}
