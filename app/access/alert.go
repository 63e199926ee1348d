package access

import "time"

// AlertKind names what an alert is about. Receivers filter by it: add, never rename.
type AlertKind string

// The kinds of alert.
const (
	// AlertBreakGlass says that somebody opened a patient in an emergency.
	AlertBreakGlass AlertKind = "break-glass"
	// AlertClone says that a passkey looks copied; the sign-in was refused.
	AlertClone AlertKind = "passkey-clone"
	// AlertDisowned says that a user knows nothing of changes to the own account.
	AlertDisowned AlertKind = "account-disowned"
	// AlertAudit says that the audit log can't be written, so that answers are held back.
	AlertAudit AlertKind = "audit-failure"
)

// Alert is what people must hear of at once. It leaves the portal, so it names
// no patient and no record number.
type Alert struct {
	Kind AlertKind
	// Text is a whole sentence for the reader.
	Text string
	// Path is the portal's page about it, root-relative; empty for none.
	Path string
	// RequestID is the id of the request that caused it, as in log and audit.
	RequestID string
	// At is when, in UTC; the sender fills it in where it is zero.
	At time.Time
	// Every is how often alerts of the kind are sent at most; those between are
	// counted, and the next one says how many. 0: each is sent.
	Every time.Duration
}
