package web

import (
	"net/http"
	"slices"

	"healthportal/app/access"
)

// routes is the whole route table. A route that is not listed does not exist.
func (s *Server) routes() []route {
	return slices.Concat(s.machineRoutes(), s.signInRoutes(), s.accountRoutes(), s.patientRoutes(), s.emergencyRoutes(), s.auditRoutes(),
		s.userRoutes(), s.teamRoutes(), s.keyRoutes(), s.apiRoutes(), s.researchRoutes(), s.genomicsRoutes())
}

// machineRoutes are for load balancers, monitors and browsers.
func (s *Server) machineRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/healthz", permission: access.Public, handle: s.healthz},
		{method: http.MethodGet, path: "/readyz", permission: access.Public, handle: s.readyz},
		{method: http.MethodGet, path: "/manifest.webmanifest", permission: access.Public, handle: s.webManifest},
		{method: http.MethodGet, path: "/sw.js", permission: access.Public, handle: s.serviceWorker},
		{method: http.MethodGet, path: "/favicon.ico", permission: access.Public, handle: s.favicon},
		{method: http.MethodGet, path: "/static/*", permission: access.Public, handle: s.staticFile},
	}
}

// signInRoutes are the ways in and out.
func (s *Server) signInRoutes() []route {
	signIn := signInPages{s.deps.Passkeys, s.deps.SessionIssuer, s.deps.Notices}
	return []route{
		{method: http.MethodGet, path: "/login", permission: access.Public, handle: signIn.login},
		{method: http.MethodPost, path: "/login/begin", permission: access.Public, handle: signIn.beginLogin, ceremony: true, prepares: true},
		{method: http.MethodPost, path: "/login/finish", permission: access.Public, audit: access.KindSignIn, handle: signIn.finishLogin, ceremony: true},
		{method: http.MethodGet, path: "/enrol", permission: access.Public, handle: signIn.enrol},
		{method: http.MethodPost, path: "/enrol/begin", permission: access.Public, handle: signIn.beginEnrolment, ceremony: true, prepares: true},
		{method: http.MethodPost, path: "/enrol/finish", permission: access.Public, audit: access.KindEnrol, handle: signIn.finishEnrolment, ceremony: true},
		{method: http.MethodPost, path: "/logout", permission: access.SignedIn, audit: access.KindSignOut, handle: signIn.logout, whileLocked: true},
	}
}

// accountRoutes are the session's own, and what people see and change of their account.
func (s *Server) accountRoutes() []route {
	own := sessionPages{s.deps.OwnSessions}
	check := verifyPages{s.deps.Verifier, s.deps.SessionIssuer}
	key := passkeyPages{s.deps.OwnPasskeys}
	notice := noticePages{s.deps.Notices}
	return []route{
		{method: http.MethodPost, path: "/session/activity", permission: access.SignedIn, handle: own.activity, prepares: true},
		{method: http.MethodGet, path: "/session/state", permission: access.SignedIn, handle: own.state, whileLocked: true, quiet: true},
		{method: http.MethodPost, path: "/session/lock", permission: access.SignedIn, audit: access.KindLock, handle: own.lock, whileLocked: true, quiet: true},
		{method: http.MethodPost, path: "/session/mode", permission: access.SignedIn, audit: access.KindMode, handle: own.mode},
		{method: http.MethodGet, path: "/settings/sessions", permission: access.SignedIn, handle: own.list},
		{method: http.MethodPost, path: "/settings/sessions/:id/end", permission: access.SignedIn, audit: access.KindSessionEnd, handle: own.end},
		{method: http.MethodPost, path: "/settings/sessions/end-others", permission: access.SignedIn, audit: access.KindSessionEnd, handle: own.endOthers},

		{method: http.MethodGet, path: "/verify", permission: access.SignedIn, handle: check.show, whileLocked: true},
		{method: http.MethodPost, path: "/verify/begin", permission: access.SignedIn, handle: check.begin, whileLocked: true, prepares: true},
		{method: http.MethodPost, path: "/verify/finish", permission: access.SignedIn, audit: access.KindVerify, handle: check.finish, whileLocked: true},
		{method: http.MethodGet, path: "/notices", permission: access.SignedIn, handle: notice.show},
		{method: http.MethodPost, path: "/notices/seen", permission: access.SignedIn, audit: access.KindNotices, handle: notice.seen},
		{method: http.MethodGet, path: "/settings/passkeys", permission: access.SignedIn, handle: key.list},
		{method: http.MethodPost, path: "/settings/passkeys/begin", permission: access.SignedIn, handle: key.begin, stepUp: true, prepares: true},
		{method: http.MethodPost, path: "/settings/passkeys/finish", permission: access.SignedIn, audit: access.KindPasskeyAdd, handle: key.finish, stepUp: true},
		{method: http.MethodPost, path: "/settings/passkeys/:id/name", permission: access.SignedIn, audit: access.KindPasskeyRename, handle: key.rename},
		{method: http.MethodPost, path: "/settings/passkeys/:id/remove", permission: access.SignedIn, audit: access.KindPasskeyRemove, handle: key.remove, stepUp: true},
	}
}

// exportPages are shared by people and programs, which share the places too.
func (s *Server) exportPages() exportPages {
	return exportPages{s.deps.Events, s.deps.Patients, s.deps.Exports, s.deps.Receipts, s.exports}
}

// patientRoutes show patients and their health events.
func (s *Server) patientRoutes() []route {
	patient := patientPages{s.deps.Patients, s.deps.Series, s.deps.Ranges, s.deps.Home, s.deps.NewReports, s.deps.Views}
	event := eventPages{s.deps.Events, s.deps.Patients, s.deps.SavedViews, s.deps.Ranges}
	ranges := rangePages{s.deps.Ranges, s.deps.RangeKeeper}
	export := s.exportPages()
	return []route{
		{method: http.MethodGet, path: "/", permission: access.SignedIn, handle: s.home},
		{method: http.MethodGet, path: "/dashboard", permission: access.PatientsRead, audit: access.KindPatients, handle: patient.list},
		{method: http.MethodPost, path: "/dashboard/search", permission: access.PatientsRead, audit: access.KindPatients, handle: patient.search},
		{method: http.MethodGet, path: "/dashboard/events", permission: access.EventsRead, audit: access.KindEvents, handle: event.table},
		{method: http.MethodGet, path: "/dashboard/events/:id/versions", permission: access.EventsRead, audit: access.KindEvents, handle: event.versions},
		{method: http.MethodPost, path: "/dashboard/events/view", permission: access.EventsRead, audit: access.KindSavedView, handle: event.saveView},
		{method: http.MethodPost, path: "/dashboard/events/view/forget", permission: access.EventsRead, audit: access.KindSavedView, handle: event.forgetView},
		{method: http.MethodGet, path: "/dashboard/events/export", permission: access.EventsRead, audit: access.KindEvents, handle: export.offer},
		{method: http.MethodGet, path: "/dashboard/events/export.csv", permission: access.EventsRead, audit: access.KindExport, handle: export.csv, streams: true},
		{method: http.MethodGet, path: "/dashboard/events/export.ndjson", permission: access.EventsRead, audit: access.KindExport, handle: export.ndjson, streams: true},
		{method: http.MethodGet, path: "/dashboard/events/exports/:id", permission: access.SignedIn, handle: export.receipt, quiet: true},
		{method: http.MethodGet, path: "/patients/:id", permission: access.EventsRead, audit: access.KindPatient, handle: patient.show},
		{method: http.MethodGet, path: "/patients/:id/chart", permission: access.EventsRead, audit: access.KindPatient, handle: patient.chart},
		{method: http.MethodGet, path: "/settings/ranges", permission: access.RangesRead, audit: access.KindRanges, handle: ranges.list},
		{method: http.MethodPost, path: "/settings/ranges/:metric/sign-off", permission: access.RangesSign, audit: access.KindRangeSign, handle: ranges.signOff, stepUp: true},
		{method: http.MethodPost, path: "/settings/ranges/:metric/withdraw", permission: access.RangesSign, audit: access.KindRangeWithdraw, handle: ranges.withdraw, stepUp: true},
	}
}
