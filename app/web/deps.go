package web

import (
	"context"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
)

// Deps are the stores and services behind the pages. Each field is an interface
// of the page that uses it.
type Deps struct {
	Sessions Sessions
	// Passkeys and SessionIssuer are for sign-in.
	Passkeys      Passkeys
	SessionIssuer SessionIssuer
	// Verifier and OwnPasskeys are for ceremonies within a session.
	Verifier    Verifier
	OwnPasskeys OwnPasskeys
	// Notices are what others did to an account.
	Notices Notices
	// OwnSessions is for locking, choosing the mode, and one's list of sessions.
	OwnSessions OwnSessions
	// Keys are the API keys of programs.
	Keys Keys
	// KeyReader, KeyKeeper and Downloads are the API's and the pages about keys.
	KeyReader KeyReader
	KeyKeeper KeyKeeper
	Downloads DownloadTokens
	// Audit is the log that every answer about health data waits for.
	Audit Auditor
	// Attempts counts attempts to sign in, across processes.
	Attempts Attempts
	// Reports, ReportRights and ReportFiles are for the genomics reports.
	Reports      ReportIndex
	ReportRights ReportRights
	ReportFiles  ReportFiles
	// Patients, Series and Events are for the pages about health data.
	Patients PatientStore
	Series   SeriesStore
	Events   EventStore
	// Ranges are the general adult ranges and who signed them off, RangeKeeper the acts of clinicians.
	Ranges      RangeStore
	RangeKeeper RangeKeeper
	// Home is what stands beside the list of patients and on a patient's page, NewReports the
	// newest reports there, Views the seal of searches in addresses.
	Home       HomeStore
	NewReports NewReports
	Views      ViewSealer
	// SavedViews are the views of the events that users keep.
	SavedViews ViewStore
	// Exports and Receipts are for the export of health events.
	Exports  ExportStore
	Receipts ReceiptStore
	// People and PeopleRights are the users whom administrators keep, UserPasskeys
	// and UserSessions what they have.
	People       People
	PeopleRights PeopleRights
	UserPasskeys UserPasskeys
	UserSessions UserSessions
	// Teams and TeamKeeper are the care teams that administrators keep.
	Teams      TeamStore
	TeamKeeper TeamKeeper
	// AuditLog and Lookers are what people read of the audit log.
	AuditLog AuditLog
	Lookers  LookerStore
	// Emergencies and Reviews are break-glass and its review.
	Emergencies EmergencyStore
	Reviews     ReviewStore
	// Research is the de-identified view.
	Research Research
	// Alerts tells people at once what can't wait.
	Alerts Alerter
	// Checks are the dependencies that /readyz names.
	Checks []Check
}

// Sessions tells who a session cookie belongs to.
type Sessions interface {
	// Lookup returns the live session of token, or session.ErrNone.
	Lookup(ctx context.Context, token string) (session.Session, error)
	// Peek is Lookup without counting as activity.
	Peek(ctx context.Context, token string) (session.Session, error)
}

// Keys tells who an API key belongs to.
type Keys interface {
	// Authenticate returns the key's holder, or access.ErrNoKey for one that is
	// unknown, expired, revoked, or whose owner is disabled.
	Authenticate(ctx context.Context, key string) (access.Principal, error)
}

// Auditor is the audit log.
type Auditor interface {
	// Append returns once the entry can't be lost any more.
	Append(ctx context.Context, e audit.Entry) error
}

// Attempts counts attempts to sign in.
type Attempts interface {
	// CountAttempt adds n, which may be 0, to the bucket's count of the present
	// window and returns the count.
	CountAttempt(ctx context.Context, bucket string, n int, window time.Duration) (int, error)
}

// Alerter tells people at once what can't wait; it never makes the caller wait.
type Alerter interface {
	Send(a access.Alert)
}

// Check is one dependency of the portal.
type Check struct {
	// Name is shown by /readyz: postgres, mirror.
	Name string
	// Ping fails when the dependency doesn't answer.
	Ping func(ctx context.Context) error
}
