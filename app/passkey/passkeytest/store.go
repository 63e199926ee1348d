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

// Store is a passkey.CeremonyStore and KeyStore in memory, with
// the atomicity that PostgreSQL gives. The zero Store is empty and usable.
type Store struct {
	mu         sync.Mutex
	ceremonies map[string]passkey.Ceremony
	links      []*passkey.Enrolment
	users      []*passkey.User
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
			link.User = *s.account(l.User.ID)
			return link, nil
		}
	}
	return passkey.Enrolment{}, health.ErrNotFound
}

// account is the stored account of id; the caller holds the lock.
func (s *Store) account(id int64) *passkey.User {
	for _, a := range s.users {
		if a.ID == id {
			return a
		}
	}
	return &passkey.User{}
}

// UserByHandle returns the user whom a passkey names.
func (s *Store) UserByHandle(_ context.Context, handle []byte) (passkey.User, error) {
	return s.user(func(u passkey.User) bool { return bytes.Equal(u.Handle, handle) })
}

// UserByID returns a user.
func (s *Store) UserByID(_ context.Context, id int64) (passkey.User, error) {
	return s.user(func(u passkey.User) bool { return u.ID == id })
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
	for _, a := range s.users {
		if is(*a) {
			return *a, nil
		}
	}
	return passkey.User{}, health.ErrNotFound
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
	link.User = *s.account(link.User.ID)
	if link.State(at) != passkey.LinkUnused || link.User.ID != key.UserID {
		return 0, passkey.ErrLinkDead
	}
	if slices.ContainsFunc(s.keys, func(k *storedKey) bool { return bytes.Equal(k.CredentialID, key.CredentialID) }) {
		return 0, passkey.ErrKnown
	}
	s.links[i].Used = at
	return s.keep(key, at).ID, nil
}

func (s *Store) revokeLinks(userID int64, at time.Time) {
	for _, l := range s.links {
		if l.User.ID == userID && l.Used.IsZero() && l.Revoked.IsZero() {
			l.Revoked = at
		}
	}
}
