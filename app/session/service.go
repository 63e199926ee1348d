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
	secretBytes = 32
	secretChars = 43
)

// Service manages sessions. It is safe for concurrent use.
type Service struct {
	store    Store
	register Register
	now      func() time.Time
}

// NewService returns a Service; now is the clock, nil means time.Now.
func NewService(store Store, register Register, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store: store, register: register, now: now}
}

// Issue makes a session for a user who has just signed in and returns its
// token, which exists nowhere else. Every sign-in gets a new one.
func (s *Service) Issue(ctx context.Context, n New) (string, error) {
	token, now := secret(), s.now()
	row := Fresh{New: n, TokenHash: hash(token), CSRF: secret(), Created: now, Expires: now.Add(Absolute)}
	if err := s.store.InsertSession(ctx, row); err != nil {
		return "", fmt.Errorf("issue a session for user %d: %w", n.UserID, err)
	}
	return token, nil
}

// Lookup returns the live session of a token, or ErrNone. It counts as activity,
// unless the session is locked: whoever gets a locked one must refuse data.
func (s *Service) Lookup(ctx context.Context, token string) (Session, error) {
	found, err := s.Peek(ctx, token)
	if err != nil || found.Locked {
		return found, err
	}
	if now := s.now(); now.Sub(found.LastSeen) >= TouchEvery {
		if err := s.store.TouchSession(ctx, hash(token), now); err != nil {
			return Session{}, fmt.Errorf("session of user %d: %w", found.Principal.UserID, err)
		}
		found.LastSeen = now
	}
	return found, nil
}

// Peek is Lookup without counting as activity, for what the page asks by itself.
func (s *Service) Peek(ctx context.Context, token string) (Session, error) {
	if !wellFormed(token) {
		return Session{}, ErrNone
	}
	row, err := s.store.SessionByToken(ctx, hash(token))
	if err != nil {
		return Session{}, none("session", err)
	}
	now := s.now()
	if !row.live(now) {
		return Session{}, ErrNone
	}
	return row.session(now), nil
}

// Verified notes a passkey check by one of the user's passkeys: it unlocks the
// session and gives it a new token, which replaces the old one at once. A session
// that ended meanwhile stays ended: ErrNone.
func (s *Service) Verified(ctx context.Context, token string, passkeyID int64) (newToken string, found Session, err error) {
	if !wellFormed(token) {
		return "", Session{}, ErrNone
	}
	newToken = secret()
	row, err := s.store.VerifySession(ctx, hash(token), hash(newToken), passkeyID, s.now())
	if err != nil {
		return "", Session{}, none("note a passkey check", err)
	}
	return newToken, row.session(s.now()), nil
}

// Lock locks the session of a token until a passkey check. One that is unknown,
// locked or ended stays as it is.
func (s *Service) Lock(ctx context.Context, token string) error {
	if !wellFormed(token) {
		return nil
	}
	if _, err := s.store.LockSession(ctx, hash(token), s.now()); err != nil {
		return fmt.Errorf("lock a session: %w", err)
	}
	return nil
}

// SetResearch chooses between de-identified and identified data and gives the
// session a new token. It fails with access.ErrDenied for users without a choice
// and locked sessions, with ErrNone where there is no session.
func (s *Service) SetResearch(ctx context.Context, token string, on bool) (newToken string, found Session, err error) {
	if found, err = s.Peek(ctx, token); err != nil {
		return "", Session{}, err
	}
	if !found.CanSwitch || found.Locked {
		return "", Session{}, fmt.Errorf("choose the mode of a session: %w", access.ErrDenied)
	}
	newToken = secret()
	row, err := s.store.SwitchSession(ctx, hash(token), hash(newToken), on, s.now())
	if err != nil {
		return "", Session{}, none("choose the mode of a session", err)
	}
	return newToken, row.session(s.now()), nil
}

// Revoke ends the session of a token. Ending one that is unknown or has ended
// is no error: the caller's wish is fulfilled.
func (s *Service) Revoke(ctx context.Context, token string) error {
	if !wellFormed(token) {
		return nil
	}
	if _, err := s.store.EndSession(ctx, hash(token), WhySignOut, s.now()); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// List lists the user's live sessions, the latest activity first.
func (s *Service) List(ctx context.Context, userID int64) ([]Info, error) {
	now := s.now()
	all, err := s.register.SessionsOf(ctx, userID, now)
	if err != nil {
		return nil, fmt.Errorf("sessions of user %d: %w", userID, err)
	}
	for i := range all {
		all[i].Locked = all[i].Locked || !now.Before(all[i].LastSeen.Add(Idle))
	}
	return all, nil
}

// End ends one of the user's sessions by its public id; health.ErrNotFound for
// those of others, ended ones and unknown ones. why is WhyOwner, WhyAdmin or words.
func (s *Service) End(ctx context.Context, userID int64, id, why string) error {
	if err := s.register.EndUserSession(ctx, userID, id, why, s.now()); err != nil {
		return fmt.Errorf("end a session of user %d: %w", userID, err)
	}
	return nil
}

// EndOthers ends all sessions of the user but the one with the public id keep,
// and returns how many.
func (s *Service) EndOthers(ctx context.Context, userID int64, keep string) (int, error) {
	n, err := s.register.EndUserSessions(ctx, userID, keep, WhyOwner, s.now())
	if err != nil {
		return 0, fmt.Errorf("end the other sessions of user %d: %w", userID, err)
	}
	return n, nil
}

// EndAll ends all sessions of the user and returns how many.
func (s *Service) EndAll(ctx context.Context, userID int64, why string) (int, error) {
	n, err := s.register.EndUserSessions(ctx, userID, "", why, s.now())
	if err != nil {
		return 0, fmt.Errorf("end the sessions of user %d: %w", userID, err)
	}
	return n, nil
}

// Cleanup deletes expired ceremonies, counts of attempts, and sessions and
// enrolment links that have been dead for Keep. Nothing that is alive is touched.
func (s *Service) Cleanup(ctx context.Context) (Removed, error) {
	now := s.now()
	removed, err := s.register.RemoveStale(ctx, now, now.Add(-Keep))
	if err != nil {
		return Removed{}, fmt.Errorf("clean up sessions: %w", err)
	}
	return removed, nil
}

// none turns the store's "not found" into ErrNone.
func none(what string, err error) error {
	if errors.Is(err, health.ErrNotFound) {
		return ErrNone
	}
	return fmt.Errorf("%s: %w", what, err)
}

func secret() string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// wellFormed reports whether token can be one of secret's. Only its hash meets
// the store, so that its characters need no check.
func wellFormed(token string) bool { return len(token) == secretChars }

// hash is the form in which tokens are stored.
func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
