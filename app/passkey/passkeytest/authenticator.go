// Package passkeytest is a software authenticator and an in-memory store, with
// which tests run real passkey ceremonies and attack them. The program never
// imports it.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The flags of authenticator data.
const (
	UserPresent    byte = 0x01
	UserVerified   byte = 0x04
	BackupEligible byte = 0x08
	BackedUp       byte = 0x10
	attested       byte = 0x40
)

// Key is one passkey of the authenticator.
type Key struct {
	ID []byte
	// Handle names the user to the site.
	Handle []byte
	// Count is the signature counter; each use adds one.
	Count   uint32
	private *ecdsa.PrivateKey
}

// Draft is what the authenticator and browser are about to answer. Attacks change it.
type Draft struct {
	// Type is webauthn.create or webauthn.get.
	Type        string
	Challenge   string
	Origin      string
	CrossOrigin bool
	RPID        string
	Flags       byte
	Count       uint32
	ID          []byte
	Handle      []byte
	// Trailing bytes follow the CBOR of an attestation object.
	Trailing []byte
	// Transports are the hints of a new passkey.
	Transports []string
	// AAGUID is the make of the authenticator: 16 bytes, zero unless set.
	AAGUID []byte
	// SpoilSignature flips a bit of the signature.
	SpoilSignature bool
	// Statement replaces the empty attestation statement.
	Statement any
}

// Tweak changes a draft before it is signed.
type Tweak func(*Draft)

// Authenticator answers ceremonies as a browser at Origin with a device-bound
// ES256 authenticator would.
type Authenticator struct {
	Origin string
	RPID   string
}

// options is what the authenticator reads of a site's options.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

// Create makes a passkey and the browser's answer to creation options.
func (a Authenticator) Create(optionsJSON []byte, tweaks ...Tweak) ([]byte, *Key, error) {
	var o options
	if err := json.Unmarshal(optionsJSON, &o); err != nil {
		return nil, nil, fmt.Errorf("creation options: %w", err)
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("user handle: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	key := &Key{ID: make([]byte, 32), Handle: handle, private: private}
	rand.Read(key.ID) // never fails: crypto/rand ends the program instead
	d := a.draft("webauthn.create", o.PublicKey.Challenge, key, tweaks)
	key.ID = d.ID
	object, err := attestation(d, private)
	if err != nil {
		return nil, nil, err
	}
	answer, err := encode(d.ID, map[string]any{
		"clientDataJSON":    b64(d.clientData()),
		"attestationObject": b64(append(object, d.Trailing...)),
		"transports":        d.Transports,
	})
	return answer, key, err
}

// Get makes the browser's answer to request options with key.
func (a Authenticator) Get(optionsJSON []byte, key *Key, tweaks ...Tweak) ([]byte, error) {
	var o options
	if err := json.Unmarshal(optionsJSON, &o); err != nil {
		return nil, fmt.Errorf("request options: %w", err)
	}
	key.Count++
	d := a.draft("webauthn.get", o.PublicKey.Challenge, key, tweaks)
	client := d.clientData()
	data := d.authenticatorData()
	clientHash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), clientHash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, key.private, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if d.SpoilSignature {
		signature[len(signature)-1] ^= 1
	}
	return encode(d.ID, map[string]any{
		"clientDataJSON":    b64(client),
		"authenticatorData": b64(data),
		"signature":         b64(signature),
		"userHandle":        b64(d.Handle),
	})
}

func (a Authenticator) draft(kind, challenge string, key *Key, tweaks []Tweak) *Draft {
	d := &Draft{
		Type: kind, Challenge: challenge, Origin: a.Origin, RPID: a.RPID, Flags: UserPresent | UserVerified,
		Count: key.Count, ID: key.ID, Handle: key.Handle, Transports: []string{"internal"}, Statement: map[string]any{}, AAGUID: make([]byte, 16),
	}
	for _, t := range tweaks {
		t(d)
	}
	return d
}

func (d *Draft) clientData() []byte {
	b, err := json.Marshal(map[string]any{"type": d.Type, "challenge": d.Challenge, "origin": d.Origin, "crossOrigin": d.CrossOrigin})
	if err != nil {
		panic(err) // strings and a bool always marshal
	}
	return b
}

// authenticatorData is the rpIdHash, the flags and the counter.
func (d *Draft) authenticatorData() []byte {
	rp := sha256.Sum256([]byte(d.RPID))
	return binary.BigEndian.AppendUint32(append(rp[:], d.Flags), d.Count)
}

// attestation is the attestation object with an attestation of "none".
func attestation(d *Draft, private *ecdsa.PrivateKey) ([]byte, error) {
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:65]})
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	d.Flags |= attested
	data := append(d.authenticatorData(), d.AAGUID...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.ID))) //nolint:gosec // G115: ids of tests are short
	data = append(append(data, d.ID...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": d.Statement, "authData": data})
	if err != nil {
		return nil, fmt.Errorf("attestation object: %w", err)
	}
	return object, nil
}

func encode(id []byte, response map[string]any) ([]byte, error) {
	b, err := json.Marshal(map[string]any{
		"id": b64(id), "rawId": b64(id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": response,
	})
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return b, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
