package passkey

import (
	"errors"
	"fmt"
)

// Code names a refusal; scripts and tests go by it, people by the text.
type Code string

// The refusals. Sign-in has one code for every reason that depends on who asks,
// so that the answer says nothing about which users exist.
const (
	// CodeMalformed: the body is not an answer to a ceremony.
	CodeMalformed Code = "malformed"
	// CodeCeremonyGone: the ceremony is unknown, used, expired or of the other kind.
	CodeCeremonyGone Code = "ceremony-gone"
	// CodeNotAccepted: the passkey does not sign this person in.
	CodeNotAccepted Code = "not-accepted"
	// CodeNotCreated: the new passkey failed a check.
	CodeNotCreated Code = "not-created"
	// CodeKnown: the passkey is enrolled already.
	CodeKnown Code = "passkey-known"
	// CodeLast: the user has no other passkey.
	CodeLast Code = "passkey-last"
	// CodeName: the name of the passkey is not usable.
	CodeName Code = "name"
	// CodeLinkUnknown: no such enrolment link.
	CodeLinkUnknown Code = "link-unknown"
	// CodeLinkUsed: the link has created its passkey.
	CodeLinkUsed Code = "link-used"
	// CodeLinkExpired: the link is older than LinkLife.
	CodeLinkExpired Code = "link-expired"
	// CodeLinkRevoked: the link was replaced or withdrawn, or the user disabled.
	CodeLinkRevoked Code = "link-revoked"
)

// words are what the person reads for each code: what happened, what to do.
func (c Code) words() (what, do string) {
	switch c {
	case CodeMalformed:
		return "The browser's answer could not be read", "Reload the page and try again."
	case CodeCeremonyGone:
		return "This attempt took too long or was used already", "Please try again."
	case CodeNotAccepted:
		return "This passkey was not accepted", "Try again, or ask an administrator for a new enrolment link."
	case CodeNotCreated:
		return "The passkey could not be created", "Try again, or use another device or security key."
	case CodeKnown:
		return "This passkey is enrolled already", "Sign in with it, or use another device or security key."
	case CodeLast:
		return "This is your only passkey", "Add another one first, or ask an administrator for a new enrolment link."
	case CodeName:
		return fmt.Sprintf("The name of the passkey has more than %d characters, or control characters", maxName), "Choose another name."
	case CodeLinkUsed:
		return "This enrolment link has been used", "If that was not you, tell an administrator at once."
	case CodeLinkExpired:
		return "This enrolment link has expired", "Ask an administrator for a new one."
	case CodeLinkRevoked:
		return "This enrolment link is no longer valid", "Ask an administrator for a new one."
	default:
		return "This enrolment link is not known", "Open the whole link, or ask an administrator for a new one."
	}
}

// Error is a refusal. Code, What and Do are for the client; Error() carries the
// cause for the log and must not be sent to anybody.
type Error struct {
	Code Code
	// What says what happened, without a full stop.
	What string
	// Do says what the person can do about it.
	Do string
	// UserID is whose passkey was offered, for the audit log; 0 where nobody knows.
	UserID int64
	cause  error
}

// Causes of CodeNotAccepted that concern more than the person who tries.
var (
	// ErrCopied says that the sign count went back: two devices hold one key.
	ErrCopied = errors.New("the sign count went back, the passkey may have been copied")
	// ErrUnknownKey says that no user has this passkey (any more).
	ErrUnknownKey = errors.New("nobody has this passkey")
)

func refuse(code Code, cause error) *Error {
	what, do := code.words()
	return &Error{Code: code, What: what, Do: do, cause: cause}
}

// of names the user whose passkey was refused.
func (e *Error) of(userID int64) *Error {
	e.UserID = userID
	return e
}

// Error is the log's view: the code and the cause, without any developer
// details of the library.
func (e *Error) Error() string {
	if e.cause == nil {
		return "passkey: " + string(e.Code)
	}
	return fmt.Sprintf("passkey: %s: %v", e.Code, e.cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }
