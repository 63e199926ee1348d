package passkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"healthportal/app/health"
)

// BeginVerify starts the check that the user of a session is still there. Only
// the user's own passkeys are asked for. sessionID is the session's public id.
func (s *Service) BeginVerify(ctx context.Context, userID int64, sessionID string) (Begun, error) {
	who, err := s.member(ctx, userID)
	if err != nil {
		return Begun{}, err
	}
	if len(who.keys) == 0 {
		return Begun{}, refuse(CodeNotAccepted, errors.New("the user has no passkey")).of(userID)
	}
	options, state, err := s.rp.BeginLogin(who, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Begun{}, fmt.Errorf("begin check: %w", err)
	}
	return s.begin(ctx, Ceremony{Kind: KindVerify, UserID: userID, SessionID: sessionID}, state, options)
}

// FinishVerify verifies the answer to a check that the same user began in the
// same session. A refusal is an *Error.
func (s *Service) FinishVerify(ctx context.Context, userID int64, sessionID, ceremonyID string, assertion []byte) (SignIn, error) {
	state, err := s.takeOwn(ctx, ceremonyID, KindVerify, userID, sessionID)
	if err != nil {
		return SignIn{}, err
	}
	answer, err := parseAssertion(assertion)
	if err != nil {
		return SignIn{}, err
	}
	who, err := s.member(ctx, userID)
	if err != nil {
		return SignIn{}, err
	}
	record, err := s.rp.ValidateLogin(who, state, answer)
	if err := who.judge(answer.RawID, record, err); err != nil {
		return SignIn{}, err
	}
	return s.record(ctx, who, record)
}

// member is the user of a session with the live passkeys. One who is gone or
// disabled since is refused.
func (s *Service) member(ctx context.Context, userID int64) (person, error) {
	u, err := s.keys.UserByID(ctx, userID)
	if errors.Is(err, health.ErrNotFound) {
		return person{}, refuse(CodeNotAccepted, err)
	}
	if err != nil {
		return person{}, fmt.Errorf("user %d: %w", userID, err)
	}
	if u.Disabled {
		return person{}, refuse(CodeNotAccepted, fmt.Errorf("user %d is disabled", userID)).of(userID)
	}
	return s.person(ctx, u)
}

// takeOwn is take for ceremonies that a session began: another user's or
// session's answers as if it did not exist, and is used up.
func (s *Service) takeOwn(ctx context.Context, id string, kind Kind, userID int64, sessionID string) (webauthn.SessionData, error) {
	c, state, err := s.take(ctx, id, kind)
	if err != nil {
		return state, err
	}
	if c.UserID != userID || c.SessionID != sessionID || sessionID == "" {
		return state, refuse(CodeCeremonyGone, errors.New("the ceremony belongs to another session")).of(userID)
	}
	return state, nil
}
