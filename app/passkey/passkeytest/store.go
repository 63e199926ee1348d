package passkeytest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

// Store is a passkey.CeremonyStore and passkey.DirectoryStore in memory, with
// the atomicity that PostgreSQL gives. The zero Store is empty and usable.
type Store struct {
	mu         sync.Mutex
	ceremonies map[string]passkey.Ceremony
	links      []*passkey.Enrolment
	accounts   []*passkey.Account
	keys       []*storedKey
	lastID     int64
	// Fail, when set, is what every method returns.
	Fail error
}

type storedKey struct {
	passkey.Passkey
	revoked bool
}

func (s *Store) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

// SaveCeremony stores a ceremony.
func (s *Store) SaveCeremony(_ context.Context, c passkey.Ceremony) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	if s.ceremonies == nil {
		s.ceremonies = map[string]passkey.Ceremony{}
	}
	s.ceremonies[string(c.IDHash)] = c
	return nil
}

// TakeCeremony removes and returns a ceremony.
func (s *Store) TakeCeremony(_ context.Context, idHash []byte) (passkey.Ceremony, error) {
	defer s.lock()()
	c, ok := s.ceremonies[string(idHash)]
	delete(s.ceremonies, string(idHash))
	switch {
	case s.Fail != nil:
		return passkey.Ceremony{}, s.Fail
	case !ok:
		return passkey.Ceremony{}, health.ErrNotFound
	}
	return c, nil
}

// EnrolmentLink returns a link with its user.
func (s *Store) EnrolmentLink(_ context.Context, tokenHash []byte) (passkey.Enrolment, error) {
	defer s.lock()()
	if s.Fail != nil {
		return passkey.Enrolment{}, s.Fail
	}
	for _, l := range s.links {
		if bytes.Equal(l.TokenHash, tokenHash) {
			link := *l
			link.User = s.account(l.User.ID).User
			return link, nil
		}
	}
	return passkey.Enrolment{}, health.ErrNotFound
}

// account is the stored account of id; the caller holds the lock.
func (s *Store) account(id int64) *passkey.Account {
	for _, a := range s.accounts {
		if a.ID == id {
			return a
		}
	}
	return &passkey.Account{}
}

// UserByHandle returns the user whom a passkey names.
func (s *Store) UserByHandle(_ context.Context, handle []byte) (passkey.User, error) {
	return s.user(func(u passkey.User) bool { return bytes.Equal(u.Handle, handle) })
}

// UserByName returns a user.
func (s *Store) UserByName(_ context.Context, name string) (passkey.User, error) {
	return s.user(func(u passkey.User) bool { return u.Name == name })
}

func (s *Store) user(is func(passkey.User) bool) (passkey.User, error) {
	defer s.lock()()
	if s.Fail != nil {
		return passkey.User{}, s.Fail
	}
	for _, a := range s.accounts {
		if is(a.User) {
			return a.User, nil
		}
	}
	return passkey.User{}, health.ErrNotFound
}

// LivePasskeys returns the user's passkeys that are not revoked.
func (s *Store) LivePasskeys(_ context.Context, userID int64) ([]passkey.Passkey, error) {
	defer s.lock()()
	if s.Fail != nil {
		return nil, s.Fail
	}
	var live []passkey.Passkey
	for _, k := range s.keys {
		if k.UserID == userID && !k.revoked {
			live = append(live, k.Passkey)
		}
	}
	return live, nil
}

// EnrolPasskey uses the link up and stores the passkey.
func (s *Store) EnrolPasskey(_ context.Context, tokenHash []byte, key passkey.Passkey, at time.Time) (int64, error) {
	defer s.lock()()
	if s.Fail != nil {
		return 0, s.Fail
	}
	i := slices.IndexFunc(s.links, func(l *passkey.Enrolment) bool { return bytes.Equal(l.TokenHash, tokenHash) })
	if i < 0 {
		return 0, passkey.ErrLinkDead
	}
	link := *s.links[i]
	link.User = s.account(link.User.ID).User
	if link.State(at) != passkey.LinkUnused || link.User.ID != key.UserID {
		return 0, passkey.ErrLinkDead
	}
	if slices.ContainsFunc(s.keys, func(k *storedKey) bool { return bytes.Equal(k.CredentialID, key.CredentialID) }) {
		return 0, passkey.ErrKnown
	}
	s.links[i].Used = at
	s.lastID++
	key.ID = s.lastID
	s.keys = append(s.keys, &storedKey{Passkey: key})
	return key.ID, nil
}

// RecordPasskeyUse writes a sign-in back.
func (s *Store) RecordPasskeyUse(_ context.Context, use passkey.Use) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	for _, k := range s.keys {
		if k.ID == use.PasskeyID && !k.revoked && bytes.Equal(k.Record, use.Before) && !s.account(k.UserID).Disabled {
			k.Record = use.After
			return nil
		}
	}
	return passkey.ErrChanged
}

// RevokeAll revokes every passkey of a user.
func (s *Store) RevokeAll(userID int64) {
	defer s.lock()()
	for _, k := range s.keys {
		if k.UserID == userID {
			k.revoked = true
		}
	}
}

// InsertUser stores a user.
func (s *Store) InsertUser(_ context.Context, u passkey.NewUser) (int64, error) {
	defer s.lock()()
	if s.Fail != nil {
		return 0, s.Fail
	}
	if slices.ContainsFunc(s.accounts, func(a *passkey.Account) bool { return a.Name == u.Name }) {
		return 0, passkey.ErrUserExists
	}
	s.lastID++
	s.accounts = append(s.accounts, &passkey.Account{Roles: u.Roles,
		User: passkey.User{ID: s.lastID, Name: u.Name, DisplayName: u.DisplayName, Handle: u.Handle}})
	return s.lastID, nil
}

// Accounts returns every user in the order in which they were added.
func (s *Store) Accounts(context.Context) ([]passkey.Account, error) {
	defer s.lock()()
	if s.Fail != nil {
		return nil, s.Fail
	}
	all := make([]passkey.Account, len(s.accounts))
	for i, a := range s.accounts {
		all[i] = *a
		for _, l := range s.links {
			if l.User.ID == a.ID {
				all[i].Link = *l
				all[i].Link.User = passkey.User{}
			}
		}
	}
	return all, nil
}

// DisableUser marks a user disabled.
func (s *Store) DisableUser(_ context.Context, userID int64, at time.Time) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	s.account(userID).Disabled = true
	s.revokeLinks(userID, at)
	return nil
}

func (s *Store) revokeLinks(userID int64, at time.Time) {
	for _, l := range s.links {
		if l.User.ID == userID && l.Used.IsZero() && l.Revoked.IsZero() {
			l.Revoked = at
		}
	}
}

// ReplaceEnrolment stores a link and revokes earlier unused ones.
func (s *Store) ReplaceEnrolment(_ context.Context, e passkey.Enrolment) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	s.revokeLinks(e.User.ID, e.Created)
	s.links = append(s.links, &e)
	return nil
}

// JoinTeam makes the user a member of a team.
func (s *Store) JoinTeam(_ context.Context, team string, userID int64) (bool, error) {
	defer s.lock()()
	if s.Fail != nil {
		return false, s.Fail
	}
	known := slices.ContainsFunc(s.accounts, func(a *passkey.Account) bool { return slices.Contains(a.Teams, team) })
	if a := s.account(userID); !slices.Contains(a.Teams, team) {
		a.Teams = append(a.Teams, team)
	}
	return !known, nil
}
