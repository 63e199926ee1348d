package access

import "time"

// NoticeKind says what part of an account somebody else changed.
type NoticeKind string

// The kinds, as stored in auth.notice.
const (
	NoticePasskey NoticeKind = "passkey"
	NoticeKey     NoticeKind = "key"
	NoticeLink    NoticeKind = "link"
	NoticeRole    NoticeKind = "role"
	NoticeTeam    NoticeKind = "team"
	NoticeSession NoticeKind = "session"
	NoticeAccount NoticeKind = "account"
)

// Notice tells a user what somebody else did to the account. It is shown at the
// next sign-in, until the user has seen it.
type Notice struct {
	ID   int64
	Kind NoticeKind
	// What says what was done, as a sentence without names of patients.
	What string
	// By is the display name of who did it; empty for a command on the server.
	By string
	// At is when, in UTC.
	At time.Time
}
