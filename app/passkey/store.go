package passkey

import (
	"context"
	"errors"
	"time"
)

// User is a person who may sign in, as the ceremonies need it.
type User struct {
	ID int64
	// Name is the short name that commands use, lower case.
	Name string
	// DisplayName is what pages show.
	DisplayName string
	// Handle is 64 random bytes: the only thing about the user that a passkey keeps.
	Handle []byte
	// Disabled users neither sign in nor enrol.
	Disabled bool
}

// Passkey is one stored credential of a user.
type Passkey struct {
	ID     int64
	UserID int64
	// PublicID names the passkey in addresses.
	PublicID     string
	CredentialID []byte
	// Record is the WebAuthn library's credential record as JSON.
	Record []byte
	// Name is what its owner calls it.
	Name string
	// Device is what the authenticator says of itself and of the passkey.
	Device Device
	// Created and LastUsed are in UTC; LastUsed is zero before the first use.
	Created, LastUsed time.Time
}

// Device is what an authenticator says of itself and of a passkey that it keeps.
type Device struct {
	// AAGUID is the make of the authenticator as a UUID; empty where it keeps that to itself.
	AAGUID string
	// MaySync says that the passkey may be copied to other devices, Synced that it has been.
	MaySync, Synced bool
	// Transports are the ways to reach the authenticator: internal, hybrid, usb, nfc, ble.
	Transports []string
}

// Kind tells the ceremonies apart; none finishes another.
type Kind string

// The kinds of ceremony, as stored in auth.ceremony.
const (
	KindEnrol  Kind = "enrol"
	KindSignIn Kind = "sign-in"
	KindVerify Kind = "verify"
	KindAdd    Kind = "add"
)

// Ceremony is what the server remembers between begin and finish.
type Ceremony struct {
	// IDHash is the SHA-256 of the id that the browser holds.
	IDHash []byte
	Kind   Kind
	// UserID is 0 for sign-ins: nobody has said yet who they are.
	UserID int64
	// EnrolmentHash names the enrolment link; nil where none is used.
	EnrolmentHash []byte
	// SessionID is the public id of the session that began a check or an
	// addition; empty for the others.
	SessionID string
	// State is the WebAuthn library's session data as JSON.
	State []byte
	// Expires is the instant from which the ceremony is dead.
	Expires time.Time
}

// LinkState is what has become of an enrolment link.
type LinkState string

// The states of an enrolment link. NoLink says that there never was one.
const (
	NoLink      LinkState = ""
	LinkUnused  LinkState = "unused"
	LinkUsed    LinkState = "used"
	LinkExpired LinkState = "expired"
	LinkRevoked LinkState = "revoked"
)

// Enrolment is one enrolment link. Zero times mean "not happened".
type Enrolment struct {
	TokenHash []byte
	User      User
	Created   time.Time
	Expires   time.Time
	Used      time.Time
	Revoked   time.Time
}

// State is the link's state at now.
func (e Enrolment) State(now time.Time) LinkState {
	switch {
	case e.Created.IsZero() && e.Expires.IsZero():
		return NoLink
	case !e.Used.IsZero():
		return LinkUsed
	case !e.Revoked.IsZero() || e.User.Disabled:
		return LinkRevoked
	case !now.Before(e.Expires):
		return LinkExpired
	default:
		return LinkUnused
	}
}

// Use is what a successful sign-in writes back to a passkey.
type Use struct {
	PasskeyID int64
	// Before is the record that the assertion was verified against; when the
	// stored one has changed since, the use must fail with ErrChanged.
	Before []byte
	// After carries the new sign count and flags.
	After []byte
	// Device is what the authenticator says now.
	Device Device
	At     time.Time
}

// Errors that stores return besides health.ErrNotFound.
var (
	// ErrLinkDead says that the enrolment link is used, expired or revoked by now.
	ErrLinkDead = errors.New("the enrolment link is no longer usable")
	// ErrKnown says that the credential id belongs to a passkey already.
	ErrKnown = errors.New("the passkey is enrolled already")
	// ErrChanged says that the passkey was used, revoked or its user disabled meanwhile.
	ErrChanged = errors.New("the passkey changed during sign-in")
	// ErrLastPasskey says that the user has no other passkey.
	ErrLastPasskey = errors.New("the last passkey can't be removed")
)

// CeremonyStore keeps ceremonies and enrolment links. Lookups that find nothing
// return health.ErrNotFound.
type CeremonyStore interface {
	// SaveCeremony stores c until it is taken or cleaned up.
	SaveCeremony(ctx context.Context, c Ceremony) error
	// TakeCeremony removes and returns a ceremony in one step: of two callers
	// one gets it. Expiry is the caller's check.
	TakeCeremony(ctx context.Context, idHash []byte) (Ceremony, error)
	// EnrolmentLink returns the link with its user.
	EnrolmentLink(ctx context.Context, tokenHash []byte) (Enrolment, error)
	// EnrolPasskey uses up the link and stores the passkey for the link's user in
	// one transaction, and returns its id. Where the link says so, the user's other
	// passkeys and sessions end in the same. It fails with ErrLinkDead or ErrKnown.
	EnrolPasskey(ctx context.Context, tokenHash []byte, key Passkey, at time.Time) (int64, error)
}

// KeyStore keeps passkeys. Lookups that find nothing return health.ErrNotFound.
type KeyStore interface {
	// UserByHandle returns the user whom a passkey names.
	UserByHandle(ctx context.Context, handle []byte) (User, error)
	// UserByID returns a user.
	UserByID(ctx context.Context, userID int64) (User, error)
	// LivePasskeys returns the user's passkeys that are not revoked, oldest first.
	LivePasskeys(ctx context.Context, userID int64) ([]Passkey, error)
	// RecordPasskeyUse writes a sign-in back, or fails with ErrChanged.
	RecordPasskeyUse(ctx context.Context, use Use) error
	// AddPasskey stores a passkey of key.UserID and returns its public id. It fails
	// with ErrKnown, or health.ErrNotFound where the user is disabled.
	AddPasskey(ctx context.Context, key Passkey, at time.Time) (string, error)
	// RenamePasskey names a live passkey of the user.
	RenamePasskey(ctx context.Context, userID int64, publicID, name string) error
	// RemovePasskey revokes a live passkey of the user and ends the sessions that it
	// signed in. It fails with ErrLastPasskey where the user has no other.
	RemovePasskey(ctx context.Context, userID int64, publicID string, at time.Time) error
}
