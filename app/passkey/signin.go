package passkey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"healthportal/app/health"
)

// SignIn is a finished sign-in or check: who, and with which passkey.
type SignIn struct {
	User      User
	PasskeyID int64
}

// BeginSignIn starts a sign-in for whoever holds a passkey of this site. It is
// the same for everybody.
func (s *Service) BeginSignIn(ctx context.Context) (Begun, error) {
	options, state, err := s.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Begun{}, fmt.Errorf("begin sign-in: %w", err)
	}
	return s.begin(ctx, Ceremony{Kind: KindSignIn}, state, options)
}

// FinishSignIn verifies the browser's answer to a ceremony and writes the sign
// count back. A refusal is an *Error; anything else is a failure of the portal.
func (s *Service) FinishSignIn(ctx context.Context, ceremonyID string, assertion []byte) (SignIn, error) {
	_, state, err := s.take(ctx, ceremonyID, KindSignIn)
	if err != nil {
		return SignIn{}, err
	}
	answer, err := parseAssertion(assertion)
	if err != nil {
		return SignIn{}, err
	}
	who, record, err := s.verify(ctx, state, answer)
	if err != nil {
		return SignIn{}, err
	}
	return s.record(ctx, who, record)
}

func parseAssertion(assertion []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(assertion) > maxBody {
		return nil, refuse(CodeMalformed, fmt.Errorf("an answer of %d bytes", len(assertion)))
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(assertion)
	if err != nil {
		return nil, refuse(CodeMalformed, err)
	}
	return answer, nil
}

// verify finds the passkey's owner and checks the assertion.
func (s *Service) verify(ctx context.Context, state webauthn.SessionData, answer *protocol.ParsedCredentialAssertionData) (person, *webauthn.Credential, error) {
	var who person
	var broken error // the library would report the store's failures as refusals
	find := func(_, handle []byte) (webauthn.User, error) {
		var err error
		if who, err = s.owner(ctx, handle); err != nil {
			if !errors.Is(err, health.ErrNotFound) {
				broken = err
			}
			return nil, err
		}
		return who, nil
	}
	_, record, err := s.rp.ValidatePasskeyLogin(find, state, answer)
	if broken != nil {
		return who, nil, fmt.Errorf("finish sign-in: %w", broken)
	}
	return who, record, who.judge(answer.RawID, record, err)
}

// judge turns what the library says of an assertion into a refusal, or nil.
func (p person) judge(credentialID []byte, record *webauthn.Credential, err error) error {
	switch {
	case !p.has(credentialID):
		return refuse(CodeNotAccepted, fmt.Errorf("%w: %w", ErrUnknownKey, orRefused(err))).of(p.ID)
	case err != nil:
		return refuse(CodeNotAccepted, err).of(p.ID)
	case p.Disabled:
		return refuse(CodeNotAccepted, fmt.Errorf("user %d is disabled", p.ID)).of(p.ID)
	case record.Authenticator.CloneWarning:
		// The library only warns, but two devices with one key mean that one is a copy.
		return refuse(CodeNotAccepted, fmt.Errorf("user %d: %w", p.ID, ErrCopied)).of(p.ID)
	}
	return nil
}

// orRefused stands in for a missing error.
func orRefused(err error) error {
	if err == nil {
		return errors.New("refused")
	}
	return err
}

// has reports whether the passkey is among the person's live ones.
func (p person) has(credentialID []byte) bool {
	for _, key := range p.keys {
		if bytes.Equal(key.CredentialID, credentialID) {
			return true
		}
	}
	return false
}

func (s *Service) owner(ctx context.Context, handle []byte) (person, error) {
	u, err := s.keys.UserByHandle(ctx, handle)
	if err != nil {
		return person{}, fmt.Errorf("owner of a passkey: %w", err)
	}
	return s.person(ctx, u)
}

// person is a user with the live passkeys.
func (s *Service) person(ctx context.Context, u User) (person, error) {
	keys, err := s.keys.LivePasskeys(ctx, u.ID)
	if err != nil {
		return person{}, fmt.Errorf("passkeys of user %d: %w", u.ID, err)
	}
	return newPerson(u, keys)
}

// record writes the sign count and flags back; without that there is no sign-in.
func (s *Service) record(ctx context.Context, who person, record *webauthn.Credential) (SignIn, error) {
	after, err := json.Marshal(record)
	if err != nil {
		return SignIn{}, fmt.Errorf("finish sign-in: %w", err)
	}
	for _, key := range who.keys {
		if !bytes.Equal(key.CredentialID, record.ID) {
			continue
		}
		err := s.keys.RecordPasskeyUse(ctx, Use{PasskeyID: key.ID, Before: key.Record, After: after, Device: deviceOf(record), At: s.now()})
		if errors.Is(err, ErrChanged) {
			return SignIn{}, refuse(CodeNotAccepted, err).of(who.ID)
		}
		if err != nil {
			return SignIn{}, fmt.Errorf("finish sign-in: %w", err)
		}
		return SignIn{User: who.User, PasskeyID: key.ID}, nil
	}
	return SignIn{}, refuse(CodeNotAccepted, errors.New("the verified passkey is not in the store")).of(who.ID)
}
