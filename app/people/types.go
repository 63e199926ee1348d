package people

import (
	"context"
	"errors"
	"time"

	"healthportal/app/access"
	"healthportal/app/passkey"
)

// What the rules forbid. The words are for whoever asked.
var (
	// ErrUserExists says that the short name is taken.
	ErrUserExists = errors.New("a user of this name exists already")
	// ErrSelf says that the act is not for one's own account.
	ErrSelf = errors.New("nobody changes this of their own account: ask another administrator, or use the settings for your own passkeys and sessions")
	// ErrLastAdmin says that nobody could administer the portal afterwards.
	ErrLastAdmin = errors.New("this is the last administrator who can sign in: give somebody else the role admin first, and have them enrol a passkey")
	// ErrDisabled says that a disabled user gets no link.
	ErrDisabled = errors.New("the person is disabled: enable the account first")
	// ErrNoLink says that there is no unused link to withdraw.
	ErrNoLink = errors.New("there is no unused enrolment link: it was used, expired or was withdrawn already")
)

// FieldError is an input that can't be used.
type FieldError struct {
	// Field is name, display_name or roles.
	Field string
	// What says what to give instead, as a sentence.
	What string
}

// Error is the words for the command line.
func (e *FieldError) Error() string { return e.What }

// Account is a user as administrators see one.
type Account struct {
	passkey.User
	// PublicID names the user in addresses.
	PublicID string
	Roles    []access.Role
	// Teams are the care teams that the user belongs to now, by name.
	Teams []Team
	// Passkeys counts those that are not revoked, Keys the API keys that work or
	// would do so if the user were not disabled.
	Passkeys, Keys int
	// Created and LastSignIn are in UTC; LastSignIn is zero before the first one.
	Created, LastSignIn time.Time
	// Link is the newest enrolment link.
	Link Link
	// LinkState is Link's state at the time of reading.
	LinkState passkey.LinkState
}

// Team is a care team as an account lists it.
type Team struct{ PublicID, Name string }

// TeamNames are the names of the user's care teams.
func (a Account) TeamNames() []string {
	names := make([]string, len(a.Teams))
	for i, t := range a.Teams {
		names[i] = t.Name
	}
	return names
}

func (a Account) linkState(now time.Time) passkey.LinkState {
	return passkey.Enrolment{Created: a.Link.Created, Expires: a.Link.Expires, Used: a.Link.Used, Revoked: a.Link.Revoked,
		User: passkey.User{Disabled: a.Disabled}}.State(now)
}

// HandedAs is how an enrolment link is handed over.
type HandedAs string

// The ways, as stored in auth.enrolment.
const (
	AsLink HandedAs = "link"
	AsQR   HandedAs = "qr"
)

// Link is an enrolment link as lists show it. Times are in UTC; zero ones mean
// "not happened".
type Link struct {
	// MadeBy is the display name of who made it; empty for a command.
	MadeBy string
	As     HandedAs
	// EndsOld says that older passkeys and sessions end when it is used.
	EndsOld bool

	Created, Expires, Used, Revoked time.Time
}

// NewUser is a user about to be added.
type NewUser struct {
	Name        string
	DisplayName string
	Handle      []byte
	Roles       []access.Role
	// By is the acting user; 0 is a command.
	By int64
}

// NewLink is an enrolment link about to be stored.
type NewLink struct {
	TokenHash        []byte
	UserID           int64
	Created, Expires time.Time
	As               HandedAs
	EndsOld          bool
	// By is the acting user; 0 is a command.
	By int64
}

// Added is who was added.
type Added struct {
	ID       int64
	PublicID string
}

// Accounts keeps users. Lookups that find nothing return health.ErrNotFound.
type Accounts interface {
	// Accounts returns every user, by name.
	Accounts(ctx context.Context) ([]Account, error)
	// Account returns the user of a public id.
	Account(ctx context.Context, publicID string) (Account, error)
	// AccountByName returns the user of a short name.
	AccountByName(ctx context.Context, name string) (Account, error)
	// JoinTeam makes the user a member of the care team from now on, creating the
	// team where it is missing, and reports whether it did so.
	JoinTeam(ctx context.Context, team string, userID int64) (created bool, err error)
}

// Rights changes users. Each method is one transaction, which also checks that
// by is 0 or still an administrator (else access.ErrDenied), and that an
// administrator who can sign in remains (else ErrLastAdmin), and leaves the
// notices. Methods queue up across processes, so that two of them can't both pass.
type Rights interface {
	// InsertUser stores a user with roles, or fails with ErrUserExists.
	InsertUser(ctx context.Context, u NewUser) (Added, error)
	// ReplaceEnrolment stores a link and revokes the user's earlier unused ones.
	// It fails with ErrDisabled.
	ReplaceEnrolment(ctx context.Context, l NewLink) error
	// RevokeEnrolment revokes the user's unused links, or fails with ErrNoLink.
	RevokeEnrolment(ctx context.Context, by, userID int64, at time.Time) error
	// SetRoles gives the user exactly these roles and ends the sessions; the same
	// roles again change nothing.
	SetRoles(ctx context.Context, by, userID int64, roles []access.Role, at time.Time) error
	// SetDisabled bars a user, whose sessions and unused links end, or lets one in
	// again. A user who is so already stays as is.
	SetDisabled(ctx context.Context, by, userID int64, disabled bool, at time.Time) error
	// RevokePasskey revokes a passkey by its public id and ends the sessions that
	// it signed in; health.ErrNotFound for those of others.
	RevokePasskey(ctx context.Context, by, userID int64, keyID string, at time.Time) error
	// TellSessions leaves a notice about ended sessions.
	TellSessions(ctx context.Context, by, userID int64, what string) error
}

// Sessions ends sessions.
type Sessions interface {
	// End ends one of the user's sessions, or fails with health.ErrNotFound.
	End(ctx context.Context, userID int64, id, why string) error
	// EndAll ends all sessions of the user and returns how many.
	EndAll(ctx context.Context, userID int64, why string) (int, error)
}
