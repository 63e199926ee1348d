package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"healthportal/app/health"
)

// Key is one of a user's own passkeys as its owner sees it.
type Key struct {
	// ID is the store's, PublicID the one for addresses.
	ID       int64
	PublicID string
	Name     string
	// Maker names what keeps the passkey, such as "Google Password Manager"; empty where unknown.
	Maker string
	// Device says whether it syncs, and how it is reached.
	Device Device
	// Created and LastUsed are in UTC; LastUsed is zero before the first use.
	Created, LastUsed time.Time
}

// Accepted tells a browser which passkeys of a user this site still accepts, so
// that it stops offering the others. It is JSON for signalAllAcceptedCredentials.
type Accepted struct {
	RPID   string   `json:"rpId"`
	UserID string   `json:"userId"`
	IDs    []string `json:"allAcceptedCredentialIds"`
}

// Keys returns the user's live passkeys, oldest first.
func (s *Service) Keys(ctx context.Context, userID int64) ([]Key, error) {
	stored, err := s.keys.LivePasskeys(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("passkeys of user %d: %w", userID, err)
	}
	keys := make([]Key, len(stored))
	for i, k := range stored {
		keys[i] = Key{ID: k.ID, PublicID: k.PublicID, Name: k.Name, Maker: maker(k.Device.AAGUID), Device: k.Device, Created: k.Created, LastUsed: k.LastUsed}
	}
	return keys, nil
}

// Accepted returns the ids of the user's live passkeys in the browser's terms.
func (s *Service) Accepted(ctx context.Context, userID int64) (Accepted, error) {
	u, err := s.keys.UserByID(ctx, userID)
	if err != nil {
		return Accepted{}, fmt.Errorf("user %d: %w", userID, err)
	}
	stored, err := s.keys.LivePasskeys(ctx, userID)
	if err != nil {
		return Accepted{}, fmt.Errorf("passkeys of user %d: %w", userID, err)
	}
	a := Accepted{RPID: s.rp.Config.RPID, UserID: base64.RawURLEncoding.EncodeToString(u.Handle), IDs: make([]string, len(stored))}
	for i, k := range stored {
		a.IDs[i] = base64.RawURLEncoding.EncodeToString(k.CredentialID)
	}
	return a, nil
}

// BeginAdd starts the creation of a further passkey for the user of a session.
// Authenticators that hold one already are left out.
func (s *Service) BeginAdd(ctx context.Context, userID int64, sessionID string) (Begun, error) {
	who, err := s.member(ctx, userID)
	if err != nil {
		return Begun{}, err
	}
	options, state, err := s.rp.BeginRegistration(who, webauthn.WithExclusions(who.descriptors()))
	if err != nil {
		return Begun{}, fmt.Errorf("begin a further passkey: %w", err)
	}
	return s.begin(ctx, Ceremony{Kind: KindAdd, UserID: userID, SessionID: sessionID}, state, options)
}

// FinishAdd verifies and stores a further passkey of the same user and session
// and returns its public id. An empty name becomes the authenticator's or the date's.
func (s *Service) FinishAdd(ctx context.Context, userID int64, sessionID, ceremonyID string, credential []byte, name string) (string, error) {
	name, err := cleanName(name)
	if err != nil {
		return "", err
	}
	state, err := s.takeOwn(ctx, ceremonyID, KindAdd, userID, sessionID)
	if err != nil {
		return "", err
	}
	who, err := s.member(ctx, userID)
	if err != nil {
		return "", err
	}
	record, err := s.create(who.User, state, credential)
	if err != nil {
		return "", err
	}
	key, err := s.stored(userID, record, name)
	if err != nil {
		return "", err
	}
	id, err := s.keys.AddPasskey(ctx, key, s.now())
	switch {
	case errors.Is(err, ErrKnown):
		return "", refuse(CodeKnown, err).of(userID)
	case errors.Is(err, health.ErrNotFound):
		return "", refuse(CodeNotCreated, err).of(userID)
	case err != nil:
		return "", fmt.Errorf("add a passkey: %w", err)
	}
	return id, nil
}

// Rename gives one of the user's passkeys a name. Somebody else's gives health.ErrNotFound.
func (s *Service) Rename(ctx context.Context, userID int64, publicID, name string) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	if name == "" {
		return refuse(CodeName, errors.New("no name"))
	}
	if err := s.keys.RenamePasskey(ctx, userID, publicID, name); err != nil {
		return fmt.Errorf("rename a passkey: %w", err)
	}
	return nil
}

// Remove revokes one of the user's passkeys and ends the sessions that it signed
// in. The last one is refused; somebody else's gives health.ErrNotFound.
func (s *Service) Remove(ctx context.Context, userID int64, publicID string) error {
	err := s.keys.RemovePasskey(ctx, userID, publicID, s.now())
	if errors.Is(err, ErrLastPasskey) {
		return refuse(CodeLast, err).of(userID)
	}
	if err != nil {
		return fmt.Errorf("remove a passkey: %w", err)
	}
	return nil
}

// descriptors name the passkeys that a person has already.
func (p person) descriptors() []protocol.CredentialDescriptor {
	list := make([]protocol.CredentialDescriptor, len(p.records))
	for i, record := range p.records {
		list[i] = record.Descriptor()
	}
	return list
}

// stored is a verified credential as the store takes it.
func (s *Service) stored(userID int64, record *webauthn.Credential, name string) (Passkey, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return Passkey{}, fmt.Errorf("store a passkey: %w", err)
	}
	device := deviceOf(record)
	if !storable(text, device) {
		return Passkey{}, refuse(CodeMalformed, errors.New("an answer that no honest authenticator sends"))
	}
	if name == "" {
		name = defaultName(device, s.now())
	}
	return Passkey{UserID: userID, CredentialID: record.ID, Record: text, Name: name, Device: device}, nil
}
