// Package passkey runs the WebAuthn ceremonies: enrolment by a single-use link,
// sign-in without a user name, and within a session the check of who is there
// and further passkeys. Bytes in, bytes out; it knows neither HTTP nor SQL.
package passkey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"healthportal/app/health"
)

const (
	// CeremonyLife is how long a begun ceremony may be finished.
	CeremonyLife = 5 * time.Minute
	// LinkLife is how long an enrolment link works.
	LinkLife = 24 * time.Hour

	// maxBody bounds what is parsed; real answers are below 10 KB.
	maxBody = 64 << 10
	// maxName is the longest name of a passkey, in characters.
	maxName = 64
	// secretBytes is the length of tokens and ceremony ids: 256 bits.
	secretBytes = 32
	// secretChars is secretBytes in unpadded base64url.
	secretChars = 43
)

// Config says for which site the ceremonies are.
type Config struct {
	// Origin is the portal's own address, such as https://portal.example.org:8443.
	Origin string
	// RPName is the site's name as authenticators show it.
	RPName string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service runs ceremonies. It is safe for concurrent use.
type Service struct {
	rp    *webauthn.WebAuthn
	store CeremonyStore
	keys  KeyStore
	now   func() time.Time
}

// New returns a Service for the site, or an error that says what is wrong with
// its address. Passkeys belong to a host name and so never to an IP address.
func New(cfg Config, store CeremonyStore, keys KeyStore) (*Service, error) {
	host, err := rpHost(cfg.Origin)
	if err != nil {
		return nil, err
	}
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: CeremonyLife, TimeoutUVD: CeremonyLife}
	rp, err := webauthn.New(&webauthn.Config{
		RPID:          host,
		RPDisplayName: cfg.RPName,
		RPOrigins:     []string{cfg.Origin},
		// Nothing is decided by the make of the authenticator, so it is not asked for.
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(),
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit},
		// Several password managers answer extensions that nobody asked for; none is read here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys for %s: %w", cfg.Origin, err)
	}
	return &Service{rp: rp, store: store, keys: keys, now: clock(cfg.Now)}, nil
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// rpHost checks origin and returns its host name.
func rpHost(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return "", fmt.Errorf("portal origin %q is not a URL: %w", origin, err)
	}
	host := u.Hostname()
	if host == "" || u.Scheme+"://"+u.Host != origin {
		return "", fmt.Errorf("portal origin %q must be scheme, host and port only, such as https://portal.example.org", origin)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", fmt.Errorf("portal origin %q is an IP address, to which browsers give no passkeys: use a host name, or http://localhost on this machine", origin)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || host != "localhost") {
		return "", fmt.Errorf("portal origin %q must use https, because browsers give passkeys to nothing else but http://localhost", origin)
	}
	return host, nil
}

// Begun is what the browser gets to start a ceremony with.
type Begun struct {
	// CeremonyID comes back with the answer.
	CeremonyID string
	// Options is the JSON for navigator.credentials, "publicKey" on the outside.
	Options []byte
}

// begin stores the ceremony and makes the browser's half of it.
func (s *Service) begin(ctx context.Context, c Ceremony, state *webauthn.SessionData, options any) (Begun, error) {
	id := secret()
	c.IDHash, c.Expires = hash(id), s.now().Add(CeremonyLife)
	var err error
	if c.State, err = json.Marshal(state); err != nil {
		return Begun{}, fmt.Errorf("begin %s: %w", c.Kind, err)
	}
	opts, err := json.Marshal(options)
	if err != nil {
		return Begun{}, fmt.Errorf("begin %s: %w", c.Kind, err)
	}
	if err := s.store.SaveCeremony(ctx, c); err != nil {
		return Begun{}, fmt.Errorf("begin %s: %w", c.Kind, err)
	}
	return Begun{CeremonyID: id, Options: opts}, nil
}

// take removes the ceremony before anything is verified, so that no answer is
// ever verified twice.
func (s *Service) take(ctx context.Context, id string, kind Kind) (Ceremony, webauthn.SessionData, error) {
	var state webauthn.SessionData
	if len(id) != secretChars {
		return Ceremony{}, state, refuse(CodeCeremonyGone, errors.New("no ceremony id"))
	}
	c, err := s.store.TakeCeremony(ctx, hash(id))
	switch {
	case errors.Is(err, health.ErrNotFound):
		return Ceremony{}, state, refuse(CodeCeremonyGone, err)
	case err != nil:
		return Ceremony{}, state, fmt.Errorf("finish %s: %w", kind, err)
	case c.Kind != kind:
		return Ceremony{}, state, refuse(CodeCeremonyGone, fmt.Errorf("a ceremony of kind %q answered as %q", c.Kind, kind))
	case !s.now().Before(c.Expires):
		return Ceremony{}, state, refuse(CodeCeremonyGone, errors.New("expired"))
	}
	if err := json.Unmarshal(c.State, &state); err != nil {
		return Ceremony{}, state, fmt.Errorf("finish %s: stored state: %w", kind, err)
	}
	return c, state, nil
}

// secret is a new token or ceremony id.
func secret() string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// hash is the form in which secrets are stored.
func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// person shows a User with passkeys to the WebAuthn library.
type person struct {
	User
	keys    []Passkey
	records []webauthn.Credential
}

func newPerson(u User, keys []Passkey) (person, error) {
	p := person{User: u, keys: keys, records: make([]webauthn.Credential, len(keys))}
	for i, k := range keys {
		if err := json.Unmarshal(k.Record, &p.records[i]); err != nil {
			return person{}, fmt.Errorf("stored passkey %d: %w", k.ID, err)
		}
	}
	return p, nil
}

// WebAuthnID is the user handle.
func (p person) WebAuthnID() []byte { return p.Handle }

// WebAuthnName is the user's short name.
func (p person) WebAuthnName() string { return p.Name }

// WebAuthnDisplayName is the name that the authenticator shows.
func (p person) WebAuthnDisplayName() string { return p.DisplayName }

// WebAuthnCredentials are the passkeys that are not revoked.
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.records }
