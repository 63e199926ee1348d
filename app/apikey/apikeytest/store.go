// Package apikeytest holds API keys in memory, for the tests of what is built on them.
package apikeytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"healthportal/app/apikey"
	"healthportal/app/health"
)

// Store is an apikey.Store in memory. Change its fields between calls only.
type Store struct {
	mu sync.Mutex
	// Owners are the users as they are now.
	Owners []apikey.Owner
	// Keys are by id; the owner of each is read from Owners.
	Keys map[string]apikey.Stored
	// Err fails every method, TouchErr the noting of a use.
	Err, TouchErr error
	// Reads and Touched count calls of APIKey and TouchAPIKey.
	Reads, Touched int
	// By are the acting users of keys made and revoked, in order.
	By []int64
}

// New returns a store that knows these owners.
func New(owners ...apikey.Owner) *Store {
	return &Store{Owners: owners, Keys: map[string]apikey.Stored{}}
}

func (s *Store) owner(match func(apikey.Owner) bool) (apikey.Owner, bool) {
	i := slices.IndexFunc(s.Owners, match)
	if i < 0 {
		return apikey.Owner{}, false
	}
	return s.Owners[i], true
}

func (s *Store) stored(id string) (apikey.Stored, error) {
	k, ok := s.Keys[id]
	if !ok {
		return apikey.Stored{}, errors.Join(s.Err, health.ErrNotFound)
	}
	k.Owner, _ = s.owner(func(o apikey.Owner) bool { return o.UserID == k.Owner.UserID })
	return k, s.Err
}

// APIKey returns a key with its owner as the owner is now.
func (s *Store) APIKey(_ context.Context, id string) (apikey.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Reads++
	if s.Err != nil {
		return apikey.Stored{}, s.Err
	}
	return s.stored(id)
}

// APIKeys lists the keys of a user by id.
func (s *Store) APIKeys(_ context.Context, userID int64) ([]apikey.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []apikey.Key
	for id := range s.Keys {
		if k, _ := s.stored(id); userID == 0 || k.Owner.UserID == userID {
			list = append(list, k.Key)
		}
	}
	slices.SortFunc(list, func(a, b apikey.Key) int { return strings.Compare(a.ID, b.ID) })
	return list, s.Err
}

// KeyOwners lists the owners who are not disabled.
func (s *Store) KeyOwners(context.Context) ([]apikey.Owner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.Owners), func(o apikey.Owner) bool { return o.Disabled }), s.Err
}

// InsertAPIKey stores a key.
func (s *Store) InsertAPIKey(_ context.Context, k apikey.New) (apikey.Owner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return apikey.Owner{}, s.Err
	}
	owner, ok := s.owner(func(o apikey.Owner) bool { return o.Name == k.Owner && !o.Disabled })
	if !ok {
		return apikey.Owner{}, apikey.ErrNoOwner
	}
	s.By = append(s.By, k.By)
	s.Keys[k.ID] = apikey.Stored{SecretHash: k.SecretHash, Key: apikey.Key{ID: k.ID, Name: k.Name, Owner: owner, Scopes: k.Scopes, Created: k.Created, Expires: k.Expires}}
	return owner, nil
}

// RevokeAPIKey revokes a key.
func (s *Store) RevokeAPIKey(_ context.Context, id string, userID, by int64, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.stored(id)
	if err != nil {
		return err
	}
	if userID != 0 && userID != k.Owner.UserID {
		return health.ErrNotFound
	}
	s.By = append(s.By, by)
	if k.Revoked.IsZero() {
		k.Revoked = at
		s.Keys[id] = k
	}
	return nil
}

// TouchAPIKey notes a use.
func (s *Store) TouchAPIKey(_ context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Touched++
	if s.TouchErr != nil {
		return s.TouchErr
	}
	k := s.Keys[id]
	k.LastUsed = at
	s.Keys[id] = k
	return nil
}
