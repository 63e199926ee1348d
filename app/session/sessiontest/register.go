package sessiontest

import (
	"context"
	"slices"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/session"
)

// SessionsOf lists the user's live sessions.
func (m *Memory) SessionsOf(_ context.Context, userID int64, now time.Time) ([]session.Info, error) {
	leave, err := m.enter("SessionsOf")
	defer leave()
	if err != nil {
		return nil, err
	}
	list := []session.Info{}
	for _, r := range m.rows {
		if r.UserID != userID || !r.Ended.IsZero() || !now.Before(r.Expires) {
			continue
		}
		info := m.infos[r.ID]
		info.Created, info.LastSeen, info.Verified, info.Ends, info.Locked = r.Created, r.LastSeen, r.Verified, r.Expires, !r.Locked.IsZero()
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b session.Info) int {
		if c := b.LastSeen.Compare(a.LastSeen); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// EndUserSession ends one session of the user, or fails with health.ErrNotFound.
func (m *Memory) EndUserSession(_ context.Context, userID int64, id, _ string, at time.Time) error {
	n, err := m.endWhere("EndUserSession", at, func(r session.Row) bool { return r.UserID == userID && r.ID == id })
	if err == nil && n == 0 {
		return health.ErrNotFound
	}
	return err
}

// EndUserSessions ends the user's sessions but the one with the public id keep.
func (m *Memory) EndUserSessions(_ context.Context, userID int64, keep, _ string, at time.Time) (int, error) {
	return m.endWhere("EndUserSessions", at, func(r session.Row) bool { return r.UserID == userID && r.ID != keep })
}

func (m *Memory) endWhere(method string, at time.Time, which func(session.Row) bool) (int, error) {
	leave, err := m.enter(method)
	defer leave()
	if err != nil {
		return 0, err
	}
	n := 0
	for k, r := range m.rows {
		if which(r) && r.Ended.IsZero() && at.Before(r.Expires) {
			r.Ended = at
			m.rows[k] = r
			n++
		}
	}
	m.version++
	return n, nil
}

// RemoveStale remembers its instants and deletes nothing.
func (m *Memory) RemoveStale(_ context.Context, now, old time.Time) (session.Removed, error) {
	leave, err := m.enter("RemoveStale")
	defer leave()
	m.stale = [2]time.Time{now, old}
	return session.Removed{Sessions: 1}, err
}
