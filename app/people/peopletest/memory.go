// Package peopletest keeps users in memory, for tests of what is built on them.
package peopletest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/people"
)

// Memory is a people.Accounts, people.Rights and people.Sessions with the rules
// that PostgreSQL's store keeps. The zero Memory is empty and usable.
type Memory struct {
	mu    sync.Mutex
	users []*people.Account
	// passkeys and sessions are public ids by user.
	passkeys, sessions map[int64][]string
	// Links are the stored links, oldest first.
	Links []people.NewLink
	// Told are the notices about sessions.
	Told []string
	// Fail, when set, is what every method returns.
	Fail error
}

// AddPasskey gives a user a passkey of that public id.
func (m *Memory) AddPasskey(userID int64, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.passkeys == nil {
		m.passkeys = map[int64][]string{}
	}
	m.passkeys[userID] = append(m.passkeys[userID], id)
}

// AddSession gives a user a session of that public id.
func (m *Memory) AddSession(userID int64, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions == nil {
		m.sessions = map[int64][]string{}
	}
	m.sessions[userID] = append(m.sessions[userID], id)
}

// SessionIDs are the public ids of the user's sessions.
func (m *Memory) SessionIDs(userID int64) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sessions[userID])
}

// Change lets a test change a user in place.
func (m *Memory) Change(publicID string, change func(*people.Account)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.users {
		if u.PublicID == publicID {
			change(u)
		}
	}
}

func (m *Memory) view(u *people.Account) people.Account {
	a := *u
	a.Passkeys = len(m.passkeys[u.ID])
	return a
}

// Accounts returns every user in the order in which they were added.
func (m *Memory) Accounts(context.Context) ([]people.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]people.Account, len(m.users))
	for i, u := range m.users {
		all[i] = m.view(u)
	}
	return all, m.Fail
}

// Account returns the user of a public id.
func (m *Memory) Account(_ context.Context, publicID string) (people.Account, error) {
	return m.one(func(a *people.Account) bool { return a.PublicID == publicID })
}

// AccountByName returns the user of a short name.
func (m *Memory) AccountByName(_ context.Context, name string) (people.Account, error) {
	return m.one(func(a *people.Account) bool { return a.Name == name })
}

func (m *Memory) one(is func(*people.Account) bool) (people.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return people.Account{}, m.Fail
	}
	if i := slices.IndexFunc(m.users, is); i >= 0 {
		return m.view(m.users[i]), nil
	}
	return people.Account{}, health.ErrNotFound
}

// JoinTeam makes the user a member of a team.
func (m *Memory) JoinTeam(_ context.Context, team string, userID int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := func(t people.Team) bool { return t.Name == team }
	known := slices.ContainsFunc(m.users, func(a *people.Account) bool { return slices.ContainsFunc(a.Teams, is) })
	for _, u := range m.users {
		if u.ID == userID && !slices.ContainsFunc(u.Teams, is) {
			u.Teams = append(u.Teams, people.Team{PublicID: "t-" + team, Name: team})
		}
	}
	return !known, m.Fail
}

// InsertUser stores a user; the public id is "u" and a number.
func (m *Memory) InsertUser(_ context.Context, n people.NewUser) (people.Added, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return people.Added{}, m.Fail
	}
	if slices.ContainsFunc(m.users, func(a *people.Account) bool { return a.Name == n.Name }) {
		return people.Added{}, people.ErrUserExists
	}
	id := int64(len(m.users) + 1)
	a := &people.Account{PublicID: fmt.Sprintf("u%d", id), Roles: n.Roles,
		User: passkey.User{ID: id, Name: n.Name, DisplayName: n.DisplayName, Handle: n.Handle}}
	m.users = append(m.users, a)
	return people.Added{ID: id, PublicID: a.PublicID}, nil
}

// change applies fn to a user, unless no administrator with a passkey would remain.
func (m *Memory) change(userID int64, fn func(*people.Account) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	i := slices.IndexFunc(m.users, func(a *people.Account) bool { return a.ID == userID })
	if i < 0 {
		return health.ErrNotFound
	}
	before, was, keys := m.administrators(), *m.users[i], slices.Clone(m.passkeys[userID])
	err := fn(m.users[i])
	if err == nil && before > 0 && m.administrators() == 0 {
		err = people.ErrLastAdmin
	}
	if err != nil {
		*m.users[i] = was
		if keys != nil {
			m.passkeys[userID] = keys
		}
		return err
	}
	return nil
}

func (m *Memory) administrators() (n int) {
	for _, u := range m.users {
		if !u.Disabled && slices.Contains(u.Roles, access.Admin) && len(m.passkeys[u.ID]) > 0 {
			n++
		}
	}
	return n
}

// ReplaceEnrolment stores a link.
func (m *Memory) ReplaceEnrolment(_ context.Context, l people.NewLink) error {
	return m.change(l.UserID, func(a *people.Account) error {
		if a.Disabled {
			return people.ErrDisabled
		}
		m.Links = append(m.Links, l)
		a.Link = people.Link{As: l.As, EndsOld: l.EndsOld, Created: l.Created, Expires: l.Expires}
		return nil
	})
}

// RevokeEnrolment revokes the newest link.
func (m *Memory) RevokeEnrolment(_ context.Context, _, userID int64, at time.Time) error {
	return m.change(userID, func(a *people.Account) error {
		if a.Link.Created.IsZero() || !a.Link.Used.IsZero() || !a.Link.Revoked.IsZero() || !at.Before(a.Link.Expires) {
			return people.ErrNoLink
		}
		a.Link.Revoked = at
		return nil
	})
}

// SetRoles sets the roles and ends the sessions.
func (m *Memory) SetRoles(_ context.Context, _, userID int64, roles []access.Role, _ time.Time) error {
	return m.change(userID, func(a *people.Account) error {
		a.Roles = roles
		delete(m.sessions, userID)
		return nil
	})
}

// SetDisabled disables or enables a user.
func (m *Memory) SetDisabled(_ context.Context, _, userID int64, disabled bool, _ time.Time) error {
	return m.change(userID, func(a *people.Account) error {
		a.Disabled = disabled
		delete(m.sessions, userID)
		return nil
	})
}

// RevokePasskey revokes a passkey.
func (m *Memory) RevokePasskey(_ context.Context, _, userID int64, keyID string, _ time.Time) error {
	return m.change(userID, func(*people.Account) error {
		i := slices.Index(m.passkeys[userID], keyID)
		if i < 0 {
			return health.ErrNotFound
		}
		m.passkeys[userID] = slices.Delete(slices.Clone(m.passkeys[userID]), i, i+1)
		return nil
	})
}

// TellSessions remembers a notice.
func (m *Memory) TellSessions(_ context.Context, by, userID int64, what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Told = append(m.Told, fmt.Sprintf("%d to %d: %s", by, userID, what))
	return m.Fail
}

// End ends a session.
func (m *Memory) End(_ context.Context, userID int64, id, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.sessions[userID], id)
	switch {
	case m.Fail != nil:
		return m.Fail
	case i < 0:
		return health.ErrNotFound
	}
	m.sessions[userID] = slices.Delete(m.sessions[userID], i, i+1)
	return nil
}

// EndAll ends every session of the user.
func (m *Memory) EndAll(_ context.Context, userID int64, _ string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.sessions[userID])
	delete(m.sessions, userID)
	return n, m.Fail
}
