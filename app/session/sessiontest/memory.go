// Package sessiontest is an in-memory store of sessions for tests. The program
// never imports it.
package sessiontest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/session"
)

// Memory is a session.Store and session.Register in memory. Its fields may be
// changed between calls; Do changes rows under its lock.
type Memory struct {
	// Roles are the roles of every user; nil means clinician.
	Roles []access.Role
	// Fail is what every method fails with.
	Fail error

	mu      sync.Mutex
	rows    map[string]session.Row // by token hash
	before  map[string]string      // token hash before the latest rotation, to the present one
	infos   map[string]session.Info
	version uint64
	calls   map[string]int
	stale   [2]time.Time
}

// Calls is how often the named method was called.
func (m *Memory) Calls(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[method]
}

// Stale are the instants of the latest clean-up: now, old.
func (m *Memory) Stale() (now, old time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stale[0], m.stale[1]
}

// Len is how many sessions there are, ended ones included.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rows)
}

// Do changes every row, as an administrator would behind the session's back.
func (m *Memory) Do(change func(*session.Row)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	for k, row := range m.rows {
		change(&row)
		m.rows[k] = row
	}
}

// enter counts a call and returns with the lock held.
func (m *Memory) enter(method string) (leave func(), err error) {
	m.mu.Lock()
	if m.rows == nil {
		m.rows, m.before, m.infos, m.calls = map[string]session.Row{}, map[string]string{}, map[string]session.Info{}, map[string]int{}
	}
	m.calls[method]++
	return m.mu.Unlock, m.Fail
}

func (m *Memory) snapshot() session.Snapshot {
	return session.Snapshot{Server: "memory", Min: m.version + 1, Max: m.version + 1}
}

// Snapshot is what a read of this instant sees.
func (m *Memory) Snapshot(context.Context) (session.Snapshot, error) {
	leave, err := m.enter("Snapshot")
	defer leave()
	return m.snapshot(), err
}

// InsertSession stores a session.
func (m *Memory) InsertSession(_ context.Context, s session.Fresh) error {
	leave, err := m.enter("InsertSession")
	defer leave()
	if err != nil {
		return err
	}
	roles := m.Roles
	if roles == nil {
		roles = []access.Role{access.Clinician}
	}
	id := fmt.Sprintf("session-%d", len(m.rows)+1)
	m.rows[string(s.TokenHash)] = session.Row{ID: id, UserID: s.UserID, DisplayName: "Dr Ada", Roles: slices.Clone(roles), PasskeyID: s.PasskeyID,
		CSRF: s.CSRF, Created: s.Created, LastSeen: s.Created, Verified: s.Created, Expires: s.Expires}
	m.infos[id] = session.Info{ID: id, Browser: s.Browser, Address: s.Address}
	return nil
}

// SessionByToken returns a row or health.ErrNotFound.
func (m *Memory) SessionByToken(_ context.Context, hash []byte) (session.Row, error) {
	leave, err := m.enter("SessionByToken")
	defer leave()
	if err != nil {
		return session.Row{}, err
	}
	row, ok := m.rows[string(hash)]
	if !ok {
		return session.Row{}, health.ErrNotFound
	}
	row.Snapshot = m.snapshot()
	return row, nil
}

// change edits the row of a session that has not ended.
func (m *Memory) change(method string, hash []byte, f func(*session.Row)) error {
	leave, err := m.enter(method)
	defer leave()
	if err != nil {
		return err
	}
	if row, ok := m.rows[string(hash)]; ok && row.Ended.IsZero() {
		f(&row)
		m.rows[string(hash)] = row
	}
	return nil
}

// TouchSession notes activity of a session that is not locked.
func (m *Memory) TouchSession(_ context.Context, hash []byte, at time.Time) error {
	return m.change("TouchSession", hash, func(r *session.Row) {
		if r.Locked.IsZero() && at.Before(r.LastSeen.Add(session.Idle)) {
			r.LastSeen = at
		}
	})
}

// LockSession locks a session.
func (m *Memory) LockSession(_ context.Context, hash []byte, at time.Time) (int64, error) {
	var user int64
	err := m.change("LockSession", hash, func(r *session.Row) { r.Locked, user = at, r.UserID; m.version++ })
	return user, err
}

// rotate moves a live row to another token hash.
func (m *Memory) rotate(method string, hash, fresh []byte, at time.Time, f func(*session.Row)) (session.Row, error) {
	leave, err := m.enter(method)
	defer leave()
	if err != nil {
		return session.Row{}, err
	}
	row, ok := m.rows[string(hash)]
	if !ok || !row.Ended.IsZero() || row.Disabled || row.PasskeyRevoked || !at.Before(row.Expires) {
		return session.Row{}, health.ErrNotFound
	}
	row.Snapshot = m.snapshot()
	m.version++
	f(&row)
	delete(m.rows, string(hash))
	m.rows[string(fresh)], m.before[string(hash)] = row, string(fresh)
	return row, nil
}

// VerifySession notes a passkey check; any passkey but 0 is the user's.
func (m *Memory) VerifySession(_ context.Context, hash, fresh []byte, passkeyID int64, at time.Time) (session.Row, error) {
	if passkeyID == 0 {
		return session.Row{}, health.ErrNotFound
	}
	return m.rotate("VerifySession", hash, fresh, at, func(r *session.Row) {
		r.Verified, r.LastSeen, r.Locked = at, at, time.Time{}
	})
}

// SwitchSession chooses the mode of a session.
func (m *Memory) SwitchSession(_ context.Context, hash, fresh []byte, research bool, at time.Time) (session.Row, error) {
	return m.rotate("SwitchSession", hash, fresh, at, func(r *session.Row) { r.Research = research })
}

// EndSession ends the session of a token, or of the one before it.
func (m *Memory) EndSession(_ context.Context, hash []byte, _ string, at time.Time) (int64, error) {
	var user int64
	end := func(r *session.Row) { r.Ended, user = at, r.UserID; m.version++ }
	err := m.change("EndSession", hash, end)
	m.mu.Lock()
	later := m.before[string(hash)]
	m.mu.Unlock()
	if err == nil && later != "" {
		err = m.change("EndSession", []byte(later), end)
	}
	return user, err
}
