package passkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"healthportal/app/health"
)

// Enrolling is a begun enrolment: the browser's half, and for whom it is.
type Enrolling struct {
	Begun
	User User
	// LinkExpires is when the enrolment link stops working.
	LinkExpires time.Time
}

// BeginEnrolment starts the creation of a passkey for the link's user. It uses
// nothing up: the link works until a passkey is stored or it expires.
func (s *Service) BeginEnrolment(ctx context.Context, token string) (Enrolling, error) {
	link, err := s.link(ctx, token)
	if err != nil {
		return Enrolling{}, err
	}
	who, err := s.person(ctx, link.User)
	if err != nil {
		return Enrolling{}, fmt.Errorf("begin enrolment: %w", err)
	}
	options, state, err := s.rp.BeginRegistration(who, webauthn.WithExclusions(who.descriptors()))
	if err != nil {
		return Enrolling{}, fmt.Errorf("begin enrolment: %w", err)
	}
	begun, err := s.begin(ctx, Ceremony{Kind: KindEnrol, UserID: link.User.ID, EnrolmentHash: link.TokenHash}, state, options)
	if err != nil {
		return Enrolling{}, err
	}
	return Enrolling{Begun: begun, User: link.User, LinkExpires: link.Expires}, nil
}

// FinishEnrolment verifies the new passkey, stores it under keyName and uses the
// link up, both or neither. It signs nobody in. An empty keyName becomes the
// authenticator's name, or "Passkey of" today's date (UTC).
func (s *Service) FinishEnrolment(ctx context.Context, ceremonyID, token string, credential []byte, keyName string) (User, error) {
	name, err := cleanName(keyName)
	if err != nil {
		return User{}, err
	}
	ceremony, state, err := s.take(ctx, ceremonyID, KindEnrol)
	if err != nil {
		return User{}, err
	}
	link, err := s.link(ctx, token)
	if err != nil {
		return User{}, err
	}
	if !bytes.Equal(ceremony.EnrolmentHash, link.TokenHash) || ceremony.UserID != link.User.ID {
		return User{}, refuse(CodeCeremonyGone, errors.New("the ceremony belongs to another link"))
	}
	record, err := s.create(link.User, state, credential)
	if err != nil {
		return User{}, err
	}
	err = s.keep(ctx, link, record, name)
	if errors.Is(err, ErrLinkDead) {
		// Somebody else was faster: say what has become of the link.
		if _, dead := s.link(ctx, token); dead != nil {
			return User{}, dead
		}
		return User{}, refuse(CodeLinkUsed, err)
	}
	if err != nil {
		return User{}, err
	}
	return link.User, nil
}

// link returns the usable link of a token.
func (s *Service) link(ctx context.Context, token string) (Enrolment, error) {
	if len(token) != secretChars {
		return Enrolment{}, refuse(CodeLinkUnknown, errors.New("the token has the wrong length"))
	}
	link, err := s.store.EnrolmentLink(ctx, hash(token))
	if errors.Is(err, health.ErrNotFound) {
		return Enrolment{}, refuse(CodeLinkUnknown, err)
	}
	if err != nil {
		return Enrolment{}, fmt.Errorf("enrolment link: %w", err)
	}
	switch link.State(s.now()) {
	case LinkUnused:
		return link, nil
	case LinkUsed:
		return Enrolment{}, refuse(CodeLinkUsed, nil).of(link.User.ID)
	case LinkExpired:
		return Enrolment{}, refuse(CodeLinkExpired, nil).of(link.User.ID)
	default:
		return Enrolment{}, refuse(CodeLinkRevoked, nil).of(link.User.ID)
	}
}

// create checks the browser's answer.
func (s *Service) create(u User, state webauthn.SessionData, credential []byte) (*webauthn.Credential, error) {
	if len(credential) > maxBody {
		return nil, refuse(CodeMalformed, fmt.Errorf("an answer of %d bytes", len(credential)))
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return nil, refuse(CodeMalformed, err)
	}
	record, err := s.rp.CreateCredential(person{User: u}, state, answer)
	if err != nil {
		return nil, refuse(CodeNotCreated, err)
	}
	return record, nil
}

// keep stores the passkey and uses the link up.
func (s *Service) keep(ctx context.Context, link Enrolment, record *webauthn.Credential, name string) error {
	key, err := s.stored(link.User.ID, record, name)
	if err != nil {
		return err
	}
	_, err = s.store.EnrolPasskey(ctx, link.TokenHash, key, s.now())
	if errors.Is(err, ErrKnown) {
		return refuse(CodeKnown, err).of(link.User.ID)
	}
	if err != nil {
		return fmt.Errorf("finish enrolment: %w", err)
	}
	return nil
}
