// Package audit is the tamper-evident log: who did what when, in hash chains
// whose heads are kept apart from the rows.
package audit

import (
	"time"

	"healthportal/app/access"
)

// Outcome is how what an entry records went.
type Outcome string

// The outcomes, as stored in audit.entry.
const (
	// Done: it was answered or carried out.
	Done Outcome = "done"
	// Denied: rights, rules or a failed check stood against it.
	Denied Outcome = "denied"
	// Failed: it was permitted and did not work.
	Failed Outcome = "failed"
)

// Entry is one thing that happened. It carries ids and filters, never names,
// values or the text of a search.
type Entry struct {
	// At is when it happened, in UTC to the microsecond; the log fills it in where it is zero.
	At      time.Time
	Kind    access.Kind
	Outcome Outcome
	// UserID is 0 where nobody had signed in.
	UserID int64
	// Roles are the roles in force, joined by "+".
	Roles string
	// SessionID and KeyID say by what the user came in; both are empty for commands.
	SessionID, KeyID string
	// PersonID is the patient concerned; 0 for none or several.
	PersonID int64
	// Subject is the thing concerned by its id: a report, a user, a session, a key.
	Subject string
	// Route is the method and pattern of the route, or the command.
	Route string
	// RequestID is the id that the answer and the log lines carry.
	RequestID string
	// Address is the network address that asked.
	Address string
	// Detail is a JSON object with what else is known, such as the filter; empty for none.
	Detail string
}
