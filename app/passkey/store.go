package passkey

import (
	"context"
	"errors"
	"time"

	"healthportal/app/access"
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
	ID           int64
	UserID       int64
	CredentialID []byte
	// Record is the WebAuthn library's credential record as JSON.
	Record []byte
	// Name is what its owner calls it.
	Name string
}

// Kind tells an enrolment ceremony from a sign-in; neither finishes the other.
type Kind string

// The kinds of ceremony, as stored in auth.ceremony.
const (
	KindEnrol  Kind = "enrol"
	KindSignIn Kind = "sign-in"
)

// Ceremony is what the server remembers between begin and finish.
type Ceremony struct {
	// IDHash is the SHA-256 of the id that the browser holds.
	IDHash []byte
	Kind   Kind
	// UserID is 0 for sign-ins: nobody has said yet who they are.
	UserID int64
	// EnrolmentHash names the enrolment link; nil for sign-ins.
	EnrolmentHash []byte
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
	At    time.Time
}

// Errors that a CeremonyStore or DirectoryStore returns besides health.ErrNotFound.
var (
	// ErrLinkDead says that the enrolment link is used, expired or revoked by now.
	ErrLinkDead = errors.New("the enrolment link is no longer usable")
	// ErrKnown says that the credential id belongs to a passkey already.
	ErrKnown = errors.New("the passkey is enrolled already")
	// ErrChanged says that the passkey was used, revoked or its user disabled meanwhile.
	ErrChanged = errors.New("the passkey changed during sign-in")
	// ErrUserExists says that the user name is taken.
	ErrUserExists = errors.New("a user of this name exists already")
)

// CeremonyStore keeps ceremonies, links and passkeys. Lookups that find nothing
// return health.ErrNotFound.
type CeremonyStore interface {
	// SaveCeremony stores c until it is taken or cleaned up.
	SaveCeremony(ctx context.Context, c Ceremony) error
	// TakeCeremony removes and returns a ceremony in one step: of two callers
	// one gets it. Expiry is the caller's check.
	TakeCeremony(ctx context.Context, idHash []byte) (Ceremony, error)
	// EnrolmentLink returns the link with its user.
	EnrolmentLink(ctx context.Context, tokenHash []byte) (Enrolment, error)
	// UserByHandle returns the user whom a passkey names.
	UserByHandle(ctx context.Context, handle []byte) (User, error)
	// LivePasskeys returns the user's passkeys that are not revoked.
	LivePasskeys(ctx context.Context, userID int64) ([]Passkey, error)
	// EnrolPasskey uses up the link and stores the passkey for the link's user in
	// one transaction, and returns its id. It fails with ErrLinkDead or ErrKnown.
	EnrolPasskey(ctx context.Context, tokenHash []byte, key Passkey, at time.Time) (int64, error)
	// RecordPasskeyUse writes a sign-in back, or fails with ErrChanged.
	RecordPasskeyUse(ctx context.Context, use Use) error
}

// Account is a user as administrators list them.
type Account struct {
	User
	Roles []access.Role
	// Teams are the care teams that the user belongs to now.
	Teams []string
	// Passkeys counts those that are not revoked.
	Passkeys int
	Created  time.Time
	// Link is the newest enrolment link; its User is left empty.
	Link Enrolment
	// LinkState is Link's state at the time of listing.
	LinkState LinkState
}

// NewUser is a user about to be added.
type NewUser struct {
	Name        string
	DisplayName string
	Handle      []byte
	Roles       []access.Role
}

// DirectoryStore keeps users, their roles, teams and links.
type DirectoryStore interface {
	// InsertUser stores a user with roles, or fails with ErrUserExists.
	InsertUser(ctx context.Context, u NewUser) (int64, error)
	// UserByName returns a user, or health.ErrNotFound.
	UserByName(ctx context.Context, name string) (User, error)
	// Accounts returns every user, by name.
	Accounts(ctx context.Context) ([]Account, error)
	// DisableUser marks the user disabled at the given instant, ends the sessions
	// and revokes unused links, all in one transaction. It fails with health.ErrNotFound.
	DisableUser(ctx context.Context, userID int64, at time.Time) error
	// ReplaceEnrolment stores a link and revokes the user's earlier unused ones.
	ReplaceEnrolment(ctx context.Context, e Enrolment) error
	// JoinTeam makes the user a member of the care team from now on, creating the
	// team where it is missing, and reports whether it did so.
	JoinTeam(ctx context.Context, team string, userID int64) (created bool, err error)
}
