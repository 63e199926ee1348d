package cache

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"healthportal/app/health"
)

// The bounds of what a process keeps.
const (
	keptBytes = 64 << 20
	// A larger answer is rare and not worth what it would push out.
	keptLargest = 1 << 20
	keptLife    = 10 * time.Minute
	// keptOverhead is about what an entry takes beside its answer.
	keptOverhead = 512
	// flightLimit bounds a query whose askers may all have left.
	flightLimit = 10 * time.Second
)

// Counts say how the answers of a cache came about, since the process began.
type Counts struct {
	// Hits came from the cache, Misses from the database, Shared from another
	// request's query under way, Passed from the database because no version is known.
	Hits, Misses, Shared, Passed int64
	// Failures are queries that failed.
	Failures int64
	// Entries and Bytes are what is kept now; Bytes is an estimate.
	Entries, Bytes int64
}

// kept are answers by their question, each with the version of the data that it
// shows. It is safe for concurrent use.
type kept struct {
	now     func() time.Time
	flights singleflight.Group

	mu    sync.Mutex
	lru   *simplelru.LRU[string, answer]
	bytes int
	limit int

	hits, misses, shared, passed, failures atomic.Int64
}

type answer struct {
	at    health.DataVersion
	value any
	size  int
	until time.Time
}

func newKept(limit int, now func() time.Time) *kept {
	k := &kept{now: now, limit: limit}
	// Called by the LRU, which put and get use under the lock.
	k.lru, _ = simplelru.NewLRU(max(1, limit/keptOverhead), func(_ string, a answer) { k.bytes -= a.size }) // fails for a size below 1 only
	return k
}

// get returns the answer to a question where it shows the data of version at.
func (k *kept) get(question string, at health.DataVersion) (any, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.lru.Get(question)
	if !ok {
		return nil, false
	}
	if !k.now().Before(a.until) {
		k.lru.Remove(question)
		return nil, false
	}
	return a.value, a.at == at
}

// put keeps an answer in place of an older one to the same question.
func (k *kept) put(question string, at health.DataVersion, value any, size int) {
	size += len(question) + len(at) + keptOverhead
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lru.Remove(question)
	if at == "" || size > keptLargest || size > k.limit {
		return
	}
	now := k.now()
	for _, a, ok := k.lru.GetOldest(); ok && (k.bytes+size > k.limit || !now.Before(a.until)); _, a, ok = k.lru.GetOldest() {
		k.lru.RemoveOldest()
	}
	k.bytes += size
	k.lru.Add(question, answer{at, value, size, now.Add(keptLife)})
}

func (k *kept) counts() Counts {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Counts{Hits: k.hits.Load(), Misses: k.misses.Load(), Shared: k.shared.Load(), Passed: k.passed.Load(), Failures: k.failures.Load(),
		Entries: int64(k.lru.Len()), Bytes: int64(k.bytes)}
}

// asking is one kind of question: how to ask the database, and about how large an answer is.
type asking[T any] struct {
	question string
	ask      func(context.Context) (T, health.DataVersion, error)
	size     func(T) int
}

// answerOf answers a question for somebody to whom PostgreSQL has just shown that
// the data has version at. Requests for the same state share one query, which
// goes on when the first of them leaves. Nothing that failed is kept.
func answerOf[T any](ctx context.Context, k *kept, at health.DataVersion, q asking[T]) (T, error) {
	if at == "" {
		k.passed.Add(1)
		value, _, err := q.ask(ctx)
		return value, err
	}
	if v, ok := k.get(q.question, at); ok {
		k.hits.Add(1)
		return v.(T), nil // a question begins with its kind, which has one type
	}
	asked := false
	flight := k.flights.DoChan(q.question+"\n"+string(at), func() (any, error) {
		asked = true
		return fly(ctx, k, at, q)
	})
	var none T
	select {
	case r := <-flight:
		if !asked {
			k.shared.Add(1)
		}
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	case <-ctx.Done():
		return none, fmt.Errorf("wait for a query under way: %w", ctx.Err())
	}
}

// fly asks the database and keeps the answer under the version that the same
// instant of the database told. Who reads it may see newer data than at, never older.
func fly[T any](ctx context.Context, k *kept, at health.DataVersion, q asking[T]) (value T, err error) {
	defer func() {
		if p := recover(); p != nil { // singleflight would end the process
			err = fmt.Errorf("query of an aggregate: panic: %v", p)
		}
		if err != nil {
			k.failures.Add(1)
		}
	}()
	if v, ok := k.get(q.question, at); ok { // another flight ended between look-up and start
		k.hits.Add(1)
		return v.(T), nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightLimit)
	defer cancel()
	k.misses.Add(1)
	value, read, err := q.ask(ctx)
	if err != nil {
		return value, err
	}
	k.put(q.question, read, value, q.size(value))
	return value, nil
}
