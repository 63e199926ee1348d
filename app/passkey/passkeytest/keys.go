package passkeytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

// AddUser stores a user with a random handle.
func (s *Store) AddUser(name, displayName string) passkey.User {
	defer s.lock()()
	handle := make([]byte, 64)
	rand.Read(handle) // never fails: crypto/rand ends the program instead
	s.lastID++
	u := passkey.User{ID: s.lastID, Name: name, DisplayName: displayName, Handle: handle}
	s.users = append(s.users, &u)
	return u
}

// AddLink stores an enrolment link made now and returns its token. Earlier
// unused links of the user die.
func (s *Store) AddLink(u passkey.User, now time.Time) string {
	defer s.lock()()
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	token := base64.RawURLEncoding.EncodeToString(b)
	hash := sha256.Sum256([]byte(token))
	s.revokeLinks(u.ID, now)
	s.links = append(s.links, &passkey.Enrolment{TokenHash: hash[:], User: u, Created: now, Expires: now.Add(passkey.LinkLife)})
	return token
}

// SetDisabled bars a user, or lets the user in again.
func (s *Store) SetDisabled(userID int64, disabled bool) {
	defer s.lock()()
	s.account(userID).Disabled = disabled
}

// keep stores a passkey; the caller holds the lock.
func (s *Store) keep(key passkey.Passkey, at time.Time) passkey.Passkey {
	s.lastID++
	key.ID, key.PublicID, key.Created = s.lastID, fmt.Sprintf("key%d", s.lastID), at
	s.keys = append(s.keys, &storedKey{Passkey: key})
	return key
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

// RecordPasskeyUse writes a sign-in back.
func (s *Store) RecordPasskeyUse(_ context.Context, use passkey.Use) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	for _, k := range s.keys {
		if k.ID == use.PasskeyID && !k.revoked && bytes.Equal(k.Record, use.Before) && !s.account(k.UserID).Disabled {
			k.Record, k.Device, k.LastUsed = use.After, use.Device, use.At
			return nil
		}
	}
	return passkey.ErrChanged
}

// AddPasskey stores a further passkey.
func (s *Store) AddPasskey(_ context.Context, key passkey.Passkey, at time.Time) (string, error) {
	defer s.lock()()
	switch {
	case s.Fail != nil:
		return "", s.Fail
	case s.account(key.UserID).ID == 0 || s.account(key.UserID).Disabled:
		return "", health.ErrNotFound
	case slices.ContainsFunc(s.keys, func(k *storedKey) bool { return bytes.Equal(k.CredentialID, key.CredentialID) }):
		return "", passkey.ErrKnown
	}
	return s.keep(key, at).PublicID, nil
}

// RenamePasskey names a live passkey of the user.
func (s *Store) RenamePasskey(_ context.Context, userID int64, publicID, name string) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	k := s.own(userID, publicID)
	if k == nil {
		return health.ErrNotFound
	}
	k.Name = name
	return nil
}

// RemovePasskey revokes a live passkey of the user.
func (s *Store) RemovePasskey(_ context.Context, userID int64, publicID string, _ time.Time) error {
	defer s.lock()()
	if s.Fail != nil {
		return s.Fail
	}
	k := s.own(userID, publicID)
	if k == nil {
		return health.ErrNotFound
	}
	live := 0
	for _, other := range s.keys {
		if other.UserID == userID && !other.revoked {
			live++
		}
	}
	if live == 1 {
		return passkey.ErrLastPasskey
	}
	k.revoked = true
	return nil
}

// own is a live passkey of the user, or nil; the caller holds the lock.
func (s *Store) own(userID int64, publicID string) *storedKey {
	for _, k := range s.keys {
		if k.UserID == userID && k.PublicID == publicID && !k.revoked {
			return k
		}
	}
	return nil
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
