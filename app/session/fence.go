package session

import (
	"sync"
	"time"
)

const (
	// fencedUsers is how many users' latest changes are remembered at once.
	fencedUsers = 10_000
	// lossGrace is how long after losing the feed of changes a read doesn't count
	// as proof that changes may have been missed: both go when the server goes.
	lossGrace = 2 * time.Second
)

// fence tells which cached rows are still true: those that were read late enough
// to have seen every change that this process has heard of. The zero fence has
// heard of nothing and lets nothing pass.
type fence struct {
	mu        sync.Mutex
	listening bool
	lost      time.Time
	base      Snapshot
	users     map[int64]Snapshot
}

// connect begins to hear changes: whatever was read before is out of date.
func (f *fence) connect(at Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listening, f.base, f.users = true, at, map[int64]Snapshot{}
}

// lose ends the hearing of changes.
func (f *fence) lose(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listening {
		f.listening, f.lost = false, now
	}
}

// raise asks rows of the user to have seen at. The zero Snapshot lets none pass
// until the next change.
func (f *fence) raise(userID int64, at Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == nil {
		f.users = map[int64]Snapshot{}
	}
	if old, ok := f.users[userID]; ok && old.Sees(at) {
		return
	}
	if len(f.users) >= fencedUsers && at.Max > 0 {
		f.base, f.users = at, map[int64]Snapshot{}
		return
	}
	f.users[userID] = at
}

// outdate asks all rows to have seen at.
func (f *fence) outdate(at Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.base.Sees(at) {
		f.base = at
	}
}

// read notes that the store answered at now with a row that saw at. If nobody
// listens by then, earlier rows may have missed a change.
func (f *fence) read(at Snapshot, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.listening && f.base.Max > 0 && now.Sub(f.lost) > lossGrace && at.Sees(f.base) {
		f.base = at
	}
}

// stands reports whether a row is true as far as this process has heard.
func (f *fence) stands(r Row) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holds(r)
}

// passes reports whether a row is true: it stands, and changes are being heard.
func (f *fence) passes(r Row) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listening && f.holds(r)
}

func (f *fence) holds(r Row) bool {
	if f.base.Max == 0 || !r.Snapshot.Sees(f.base) {
		return false
	}
	change, ok := f.users[r.UserID]
	return !ok || r.Snapshot.Sees(change)
}
