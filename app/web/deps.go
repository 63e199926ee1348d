package web

import (
	"context"

	"healthportal/app/session"
)

// Deps are the stores and services behind the pages. Each field is an interface
// of the page that uses it.
type Deps struct {
	Sessions Sessions
	// Passkeys and SessionIssuer are for sign-in.
	Passkeys      Passkeys
	SessionIssuer SessionIssuer
	// Reports, ReportRights and ReportFiles are for the genomics reports.
	Reports      ReportIndex
	ReportRights ReportRights
	ReportFiles  ReportFiles
	// Patients, Series and Events are for the pages about health data.
	Patients PatientStore
	Series   SeriesStore
	Events   EventStore
	// Checks are the dependencies that /readyz names.
	Checks []Check
}

// Sessions tells who a session cookie belongs to.
type Sessions interface {
	// Lookup returns the live session of token, or session.ErrNone.
	Lookup(ctx context.Context, token string) (session.Session, error)
}

// Check is one dependency of the portal.
type Check struct {
	// Name is shown by /readyz: postgres, mirror.
	Name string
	// Ping fails when the dependency doesn't answer.
	Ping func(ctx context.Context) error
}
