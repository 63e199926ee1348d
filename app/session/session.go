// Package session issues, looks up and ends the server-side sessions of people
// who signed in. The database row is the authority; the browser holds a random
// token of which only the hash is stored.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

const (
	// Idle is how long a session lives without activity. It may end up to
	// TouchEvery early, never late.
	Idle = 15 * time.Minute
	// Absolute is how long a session lives at most.
	Absolute = 12 * time.Hour
	// TouchEvery is how often activity is written down.
	TouchEvery = time.Minute
	// Keep is how long ended sessions and dead links stay for those who ask what happened.
	Keep = 30 * 24 * time.Hour

	secretBytes = 32
	secretChars = 43
)

// ErrNone says that there is no live session: none at all, ended, idle for too
// long, too old, or of a user or passkey that is disabled by now.
var ErrNone = errors.New("no session")

// Row is a session as stored, joined with its user as the user is now.
type Row struct {
	UserID      int64
	DisplayName string
	Roles       []access.Role
	// Disabled is the user's present state.
	Disabled bool
	// PasskeyRevoked is the present state of the passkey that signed in.
	PasskeyRevoked bool
	PasskeyID      int64
	CSRF           string
	Created        time.Time
	LastSeen       time.Time
	Expires        time.Time
	// Ended is the zero time while the session has not been ended.
	Ended time.Time
}

// New is a session about to be stored.
type New struct {
	TokenHash []byte
	UserID    int64
	PasskeyID int64
	CSRF      string
	Created   time.Time
	Expires   time.Time
}

// Removed counts what a clean-up deleted.
type Removed struct {
	Sessions   int64 `json:"sessions"`
	Ceremonies int64 `json:"ceremonies"`
	Enrolments int64 `json:"enrolments"`
}

// Store keeps sessions. Only InsertSession creates a row; the others change or
// delete what is there, so that a late write can't undo a sign-out.
type Store interface {
	// InsertSession stores a session.
	InsertSession(ctx context.Context, s New) error
	// SessionByToken returns the row of a token hash, or health.ErrNotFound.
	SessionByToken(ctx context.Context, tokenHash []byte) (Row, error)
	// TouchSession sets last_seen of a session that has not ended.
	TouchSession(ctx context.Context, tokenHash []byte, at time.Time) error
	// EndSession ends a session; one that is unknown or ended stays as it is.
	EndSession(ctx context.Context, tokenHash []byte, at time.Time) error
	// RemoveStale deletes ceremonies that expired before now, and sessions and
	// links that ended, expired or went idle before old.
	RemoveStale(ctx context.Context, now, old time.Time, idle time.Duration) (Removed, error)
}

// Service manages sessions. It is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time
}

// NewService returns a Service; now is the clock, nil means time.Now.
func NewService(store Store, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store: store, now: now}
}

// Session is a live session: one that may be used now.
type Session struct {
	Principal access.Principal
	// CSRF is the token that forms and scripts of this session send along.
	CSRF string
	// PasskeyID is the passkey that signed in.
	PasskeyID int64
	// Created is the time of sign-in.
	Created time.Time
	// Ends is when the session ends whatever happens.
	Ends time.Time
}

// Issue makes a session for a user who has just signed in and returns its
// token, which exists nowhere else. Every sign-in gets a new one.
func (s *Service) Issue(ctx context.Context, userID, passkeyID int64) (string, error) {
	token, now := secret(), s.now()
	row := New{TokenHash: hash(token), UserID: userID, PasskeyID: passkeyID, CSRF: secret(), Created: now, Expires: now.Add(Absolute)}
	if err := s.store.InsertSession(ctx, row); err != nil {
		return "", fmt.Errorf("issue a session for user %d: %w", userID, err)
	}
	return token, nil
}

// Lookup returns the live session of a token and counts as activity, or ErrNone.
func (s *Service) Lookup(ctx context.Context, token string) (Session, error) {
	found, row, err := s.find(ctx, token)
	if err != nil {
		return Session{}, err
	}
	if now := s.now(); now.Sub(row.LastSeen) >= TouchEvery {
		if err := s.store.TouchSession(ctx, hash(token), now); err != nil {
			return Session{}, fmt.Errorf("session of user %d: %w", row.UserID, err)
		}
	}
	return found, nil
}

// Peek is Lookup without counting as activity, for what the page asks by itself.
func (s *Service) Peek(ctx context.Context, token string) (Session, error) {
	found, _, err := s.find(ctx, token)
	return found, err
}

func (s *Service) find(ctx context.Context, token string) (Session, Row, error) {
	if len(token) != secretChars {
		return Session{}, Row{}, ErrNone
	}
	row, err := s.store.SessionByToken(ctx, hash(token))
	if errors.Is(err, health.ErrNotFound) {
		return Session{}, Row{}, ErrNone
	}
	if err != nil {
		return Session{}, Row{}, fmt.Errorf("session: %w", err)
	}
	if !row.live(s.now()) {
		return Session{}, Row{}, ErrNone
	}
	return Session{
		Principal: access.Principal{UserID: row.UserID, Name: row.DisplayName, Roles: row.Roles},
		CSRF:      row.CSRF,
		PasskeyID: row.PasskeyID,
		Created:   row.Created,
		Ends:      row.Expires,
	}, row, nil
}

func (r Row) live(now time.Time) bool {
	return r.Ended.IsZero() && !r.Disabled && !r.PasskeyRevoked &&
		now.Before(r.Expires) && now.Before(r.LastSeen.Add(Idle))
}

// Revoke ends the session of a token. Ending one that is unknown or has ended
// is no error: the caller's wish is fulfilled.
func (s *Service) Revoke(ctx context.Context, token string) error {
	if len(token) != secretChars {
		return nil
	}
	if err := s.store.EndSession(ctx, hash(token), s.now()); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// Cleanup deletes expired ceremonies, and sessions and enrolment links that
// have been dead for Keep. Nothing that is alive is touched.
func (s *Service) Cleanup(ctx context.Context) (Removed, error) {
	now := s.now()
	removed, err := s.store.RemoveStale(ctx, now, now.Add(-Keep), Idle)
	if err != nil {
		return Removed{}, fmt.Errorf("clean up sessions: %w", err)
	}
	return removed, nil
}

func secret() string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// hash is the form in which tokens are stored.
func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
