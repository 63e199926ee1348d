// Package apikey makes, checks and revokes the keys of programs. A key is shown
// once and stored as a hash; it opens what its scopes and its owner's present
// roles both allow, and never the researcher's view.
package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

const (
	// MaxLife is how long a key lives at most.
	MaxLife = 366 * 24 * time.Hour
	// TouchEvery is how often the use of a key is written down.
	TouchEvery = time.Minute
	// MaxName is the longest name of a key, in bytes.
	MaxName = 100
)

// Owner is the user whose rights a key uses.
type Owner struct {
	UserID int64
	// Name is the short name, DisplayName what pages show.
	Name, DisplayName string
	Roles             []access.Role
	Disabled          bool
}

// Key is a key as lists show it, with its owner as the owner is now.
type Key struct {
	// ID is the part of the key that is no secret.
	ID     string
	Name   string
	Owner  Owner
	Scopes []access.Permission
	// CreatedBy is the display name of who made the key; empty for a command.
	CreatedBy string
	// Created, Expires, LastUsed and Revoked are in UTC; LastUsed and Revoked are zero where they didn't happen.
	Created, Expires, LastUsed, Revoked time.Time
}

// State is what became of a key.
type State string

// The states. Only a Live key opens anything.
const (
	Live          State = "live"
	Expired       State = "expired"
	Revoked       State = "revoked"
	OwnerDisabled State = "owner disabled"
)

// StateAt is the key's state at an instant.
func (k Key) StateAt(now time.Time) State {
	switch {
	case !k.Revoked.IsZero():
		return Revoked
	case !now.Before(k.Expires):
		return Expired
	case k.Owner.Disabled:
		return OwnerDisabled
	default:
		return Live
	}
}

// Principal is who asks with this key: the owner's present roles without the
// researcher's, which show other data to the same person.
func (k Key) Principal() access.Principal {
	roles := slices.DeleteFunc(slices.Clone(k.Owner.Roles), func(r access.Role) bool { return r == access.Researcher })
	return access.Principal{UserID: k.Owner.UserID, Name: k.Owner.DisplayName, Roles: roles, KeyID: k.ID, Scopes: k.Scopes}
}

// Effective are the scopes that the owner's present roles grant too.
func (k Key) Effective() []access.Permission {
	effective := []access.Permission{}
	for _, scope := range k.Scopes {
		if k.Principal().Can(scope) {
			effective = append(effective, scope)
		}
	}
	return effective
}

// Stored is a key with the hash of its secret.
type Stored struct {
	Key
	SecretHash []byte
}

// New is a key about to be stored.
type New struct {
	ID, Name   string
	SecretHash []byte
	// Owner is the owner's short name.
	Owner  string
	Scopes []access.Permission
	// By is the acting user, 0 for a command.
	By               int64
	Created, Expires time.Time
}

// ErrNoOwner says that no user of that name may have keys: unknown or disabled.
var ErrNoOwner = errors.New("there is nobody of that name who may sign in")

// Store keeps keys.
type Store interface {
	// APIKey returns a key by id, or health.ErrNotFound.
	APIKey(ctx context.Context, id string) (Stored, error)
	// APIKeys returns the keys of a user, 0 for everybody's, newest first.
	APIKeys(ctx context.Context, userID int64) ([]Key, error)
	// KeyOwners returns the users who may have keys, by short name.
	KeyOwners(ctx context.Context) ([]Owner, error)
	// InsertAPIKey stores a key and tells its owner; it fails with ErrNoOwner.
	InsertAPIKey(ctx context.Context, k New) (Owner, error)
	// RevokeAPIKey ends a key of the user, 0 for anybody's, and tells its owner.
	// One that is revoked stays as it is; an unknown one is health.ErrNotFound.
	RevokeAPIKey(ctx context.Context, id string, userID, by int64, at time.Time) error
	// TouchAPIKey moves the last use of a key forward to at.
	TouchAPIKey(ctx context.Context, id string, at time.Time) error
}

// Service makes, checks and revokes keys. It is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
}

// NewService returns a Service; now is the clock, nil means time.Now.
func NewService(store Store, now func() time.Time, log *slog.Logger) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store, now, log}
}

// Authenticate returns the holder of a live key, or access.ErrNoKey: the same
// error after the same work, whatever is wrong with a key of the right shape.
func (s *Service) Authenticate(ctx context.Context, key string) (access.Principal, error) {
	id, secret, err := Parse(key)
	if err != nil {
		return access.Principal{}, fmt.Errorf("%w: %w", access.ErrNoKey, err)
	}
	sum := hash(secret)
	found, err := s.store.APIKey(ctx, id)
	if errors.Is(err, health.ErrNotFound) {
		found, err = Stored{SecretHash: make([]byte, len(sum))}, nil
	}
	if err != nil {
		return access.Principal{}, fmt.Errorf("API key: %w", err)
	}
	now := s.now()
	if subtle.ConstantTimeCompare(sum, found.SecretHash) != 1 || found.StateAt(now) != Live {
		return access.Principal{}, access.ErrNoKey
	}
	s.touch(ctx, found.Key, now)
	return found.Principal(), nil
}

// touch notes the use of a key. The request goes on without the note: it is no
// part of the answer, and the audit log has each use.
func (s *Service) touch(ctx context.Context, k Key, now time.Time) {
	if now.Sub(k.LastUsed) < TouchEvery {
		return
	}
	if err := s.store.TouchAPIKey(ctx, k.ID, now); err != nil {
		s.log.Warn("the use of an API key could not be noted", "key", k.ID, "error", err)
	}
}

// Holder returns who holds the live key of an id, or access.ErrNoKey. It is for
// what was signed for a key earlier; it proves nothing about who asks.
func (s *Service) Holder(ctx context.Context, id string) (access.Principal, error) {
	k, err := s.Key(ctx, id)
	if errors.Is(err, health.ErrNotFound) {
		return access.Principal{}, access.ErrNoKey
	}
	if err != nil {
		return access.Principal{}, err
	}
	if k.StateAt(s.now()) != Live {
		return access.Principal{}, access.ErrNoKey
	}
	return k.Principal(), nil
}

// Key returns a key by id, dead ones too, or health.ErrNotFound.
func (s *Service) Key(ctx context.Context, id string) (Key, error) {
	if !ValidID(id) {
		return Key{}, health.ErrNotFound
	}
	k, err := s.store.APIKey(ctx, id)
	if err != nil {
		return Key{}, fmt.Errorf("API key: %w", err)
	}
	return k.Key, nil
}

// List returns the keys of a user, 0 for everybody's, newest first.
func (s *Service) List(ctx context.Context, userID int64) ([]Key, error) {
	keys, err := s.store.APIKeys(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	return keys, nil
}

// Owners returns the users who may have keys, by short name.
func (s *Service) Owners(ctx context.Context) ([]Owner, error) {
	owners, err := s.store.KeyOwners(ctx)
	if err != nil {
		return nil, fmt.Errorf("owners of API keys: %w", err)
	}
	return owners, nil
}

// Revoke ends any key; by is the acting user, 0 for a command. It fails with health.ErrNotFound.
func (s *Service) Revoke(ctx context.Context, by int64, id string) error {
	return s.revoke(ctx, id, 0, by)
}

// RevokeOwn ends a key of the user; somebody else's is health.ErrNotFound.
func (s *Service) RevokeOwn(ctx context.Context, userID int64, id string) error {
	if userID == 0 {
		return health.ErrNotFound // 0 would mean anybody's
	}
	return s.revoke(ctx, id, userID, userID)
}

func (s *Service) revoke(ctx context.Context, id string, userID, by int64) error {
	if !ValidID(id) {
		return health.ErrNotFound
	}
	if err := s.store.RevokeAPIKey(ctx, id, userID, by, s.now()); err != nil {
		return fmt.Errorf("revoke an API key: %w", err)
	}
	return nil
}
