package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"healthportal/app/health"
)

const (
	// freshFor is how long a cached row is believed without asking the store again,
	// whatever was heard of changes.
	freshFor = time.Minute
	// askFor is how long the store may take where a cached row could stand in.
	askFor = 2 * time.Second
	// restFor is how long a store that gave no answer is not asked again where a
	// cached row can stand in.
	restFor = time.Second
)

// Entry is a cached row.
type Entry struct {
	Row Row
	// Read is when the row was read.
	Read time.Time
}

// Cache keeps rows of live sessions by the hash of their token. It may forget
// any at any time, and fails silently: then it knows nothing.
type Cache interface {
	Get(ctx context.Context, tokenHash []byte) (Entry, bool)
	Put(ctx context.Context, tokenHash []byte, e Entry)
	Drop(ctx context.Context, tokenHash []byte)
}

// Snapshots tells what a statement of this instant sees.
type Snapshots interface {
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Cached is a Store and Register with a Cache in front. A cached row counts only
// while changes are heard (Connected, Changed) and none came after it was read.
// While the store gives no answer at all, rows that were true until then stay
// true within their own limits; nobody new gets in. Safe for concurrent use.
type Cached struct {
	Store
	Register
	source Snapshots
	cache  Cache
	now    func() time.Time
	fence  fence
	rest   atomic.Int64 // until when, in Unix nanoseconds, the store is not asked
	edits  sync.Mutex   // one change of an entry at a time
}

// NewCached puts cache in front of the store; now is the clock, nil means time.Now.
func NewCached(store Store, register Register, source Snapshots, cache Cache, now func() time.Time) *Cached {
	if now == nil {
		now = time.Now
	}
	return &Cached{Store: store, Register: register, source: source, cache: cache, now: now}
}

// Connected says that every change after at will be told to Changed.
func (c *Cached) Connected(at Snapshot) { c.fence.connect(at) }

// Changed says that a user's sessions, roles or passkeys changed, not later than at.
func (c *Cached) Changed(userID int64, at Snapshot) { c.fence.raise(userID, at) }

// Outdated says that whatever was read before at counts no more: this process
// changed something.
func (c *Cached) Outdated(at Snapshot) { c.fence.outdate(at) }

// Lost says that changes are no longer told.
func (c *Cached) Lost() { c.fence.lose(c.now()) }

// Forget lets no row of the user count that was read before now, so that a change
// of this process needn't wait for the news of it.
func (c *Cached) Forget(ctx context.Context, userID int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	at, err := c.source.Snapshot(ctx)
	if err != nil {
		at = Snapshot{} // bars the user's rows until the news comes
	}
	c.fence.raise(userID, at)
}

// SessionByToken answers from the cache, else from the store.
func (c *Cached) SessionByToken(ctx context.Context, tokenHash []byte) (Row, error) {
	e, known := c.cache.Get(ctx, tokenHash)
	now := c.now()
	if known && now.Sub(e.Read) < freshFor && e.Row.live(now) && !e.Row.locked(now) && c.fence.passes(e.Row) {
		return e.Row, nil
	}
	known = known && c.fence.stands(e.Row)
	if known && now.UnixNano() < c.rest.Load() {
		return e.Row, nil
	}
	row, err := c.ask(ctx, tokenHash, known)
	switch {
	case err == nil:
		c.fence.read(row.Snapshot, now)
		if row.live(now) {
			c.cache.Put(ctx, tokenHash, Entry{row, now})
		}
	case known && c.away(ctx, err):
		return c.standIn(ctx, tokenHash)
	case errors.Is(err, health.ErrNotFound):
		c.drop(ctx, tokenHash)
	}
	return row, err
}

// ask reads from the store, impatiently where a cached row could stand in.
func (c *Cached) ask(ctx context.Context, tokenHash []byte, known bool) (Row, error) {
	if known {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askFor)
		defer cancel()
	}
	return c.Store.SessionByToken(ctx, tokenHash) //nolint:wrapcheck // the store's own
}

// away reports whether err means that the store gives no answer, rather than
// that the caller stopped waiting, and lets the store rest then.
func (c *Cached) away(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrAway) || ctx.Err() != nil {
		return false
	}
	c.rest.Store(c.now().Add(restFor).UnixNano())
	return true
}

// standIn reads the entry again: it may have been dropped while the store was asked.
func (c *Cached) standIn(ctx context.Context, tokenHash []byte) (Row, error) {
	e, known := c.cache.Get(ctx, tokenHash)
	if !known || !c.fence.stands(e.Row) {
		return Row{}, ErrAway
	}
	return e.Row, nil
}

// TouchSession notes activity in the store and in the cache; while the store
// gives no answer, in the cache alone.
func (c *Cached) TouchSession(ctx context.Context, tokenHash []byte, at time.Time) error {
	err := ErrAway
	if c.now().UnixNano() >= c.rest.Load() {
		err = c.Store.TouchSession(ctx, tokenHash, at)
	}
	if err != nil && !c.away(ctx, err) {
		return err //nolint:wrapcheck // the store's own
	}
	found := c.edit(ctx, tokenHash, func(r *Row) {
		if r.LastSeen.Before(at) {
			r.LastSeen = at
		}
	})
	if found {
		return nil
	}
	return err //nolint:wrapcheck // the store's own
}

// LockSession locks a session; while the store gives no answer this process
// keeps it locked, and the error says that others don't know.
func (c *Cached) LockSession(ctx context.Context, tokenHash []byte, at time.Time) (int64, error) {
	user, err := c.Store.LockSession(ctx, tokenHash, at)
	if err != nil {
		c.edit(ctx, tokenHash, func(r *Row) { r.Locked = at })
		return 0, err //nolint:wrapcheck // the store's own
	}
	c.changed(ctx, tokenHash, user)
	return user, nil
}

// VerifySession notes a passkey check; the row under the old token is forgotten.
func (c *Cached) VerifySession(ctx context.Context, tokenHash, newHash []byte, passkeyID int64, at time.Time) (Row, error) {
	row, err := c.Store.VerifySession(ctx, tokenHash, newHash, passkeyID, at)
	if err == nil {
		c.changed(ctx, tokenHash, row.UserID)
	}
	return row, err //nolint:wrapcheck // the store's own
}

// SwitchSession chooses a mode; the row under the old token is forgotten.
func (c *Cached) SwitchSession(ctx context.Context, tokenHash, newHash []byte, research bool, at time.Time) (Row, error) {
	row, err := c.Store.SwitchSession(ctx, tokenHash, newHash, research, at)
	if err == nil {
		c.changed(ctx, tokenHash, row.UserID)
	}
	return row, err //nolint:wrapcheck // the store's own
}

// EndSession ends a session. This process forgets it even where the store gives no answer.
func (c *Cached) EndSession(ctx context.Context, tokenHash []byte, why string, at time.Time) (int64, error) {
	user, err := c.Store.EndSession(ctx, tokenHash, why, at)
	c.changed(ctx, tokenHash, user)
	return user, err //nolint:wrapcheck // the store's own
}

// EndUserSession ends one of the user's sessions.
func (c *Cached) EndUserSession(ctx context.Context, userID int64, id, why string, at time.Time) error {
	defer c.Forget(ctx, userID)
	return c.Register.EndUserSession(ctx, userID, id, why, at) //nolint:wrapcheck // the store's own
}

// EndUserSessions ends the user's sessions but one.
func (c *Cached) EndUserSessions(ctx context.Context, userID int64, keep, why string, at time.Time) (int, error) {
	defer c.Forget(ctx, userID)
	return c.Register.EndUserSessions(ctx, userID, keep, why, at) //nolint:wrapcheck // the store's own
}

// changed forgets the row of a token hash, and what was read of its user.
func (c *Cached) changed(ctx context.Context, tokenHash []byte, userID int64) {
	c.drop(ctx, tokenHash)
	if userID != 0 {
		c.Forget(ctx, userID)
	}
}

func (c *Cached) drop(ctx context.Context, tokenHash []byte) {
	c.edits.Lock()
	defer c.edits.Unlock()
	c.cache.Drop(ctx, tokenHash)
}

// edit changes the entry of a token hash and reports whether there is one that stands.
func (c *Cached) edit(ctx context.Context, tokenHash []byte, f func(*Row)) bool {
	c.edits.Lock()
	defer c.edits.Unlock()
	e, known := c.cache.Get(ctx, tokenHash)
	if !known || !c.fence.stands(e.Row) {
		return false
	}
	f(&e.Row)
	c.cache.Put(ctx, tokenHash, e)
	return true
}
