package web

import (
	"net/http"

	"healthportal/app/access"
)

// routes is the whole route table. A route that is not listed does not exist.
func (s *Server) routes() []route {
	signIn := signInPages{s.deps.Passkeys, s.deps.SessionIssuer}
	reports := reportPages{s.deps.Reports, s.deps.ReportRights, s.deps.ReportFiles}
	patient := patientPages{s.deps.Patients, s.deps.Series}
	event := eventPages{s.deps.Events, s.deps.Patients}
	return []route{
		// Machine.
		{method: http.MethodGet, path: "/healthz", permission: access.Public, handle: s.healthz},
		{method: http.MethodGet, path: "/readyz", permission: access.Public, handle: s.readyz},
		{method: http.MethodGet, path: "/manifest.webmanifest", permission: access.Public, handle: s.webManifest},
		{method: http.MethodGet, path: "/sw.js", permission: access.Public, handle: s.serviceWorker},
		{method: http.MethodGet, path: "/favicon.ico", permission: access.Public, handle: s.favicon},
		{method: http.MethodGet, path: "/static/*", permission: access.Public, handle: s.staticFile},

		// Sign-in.
		{method: http.MethodGet, path: "/login", permission: access.Public, handle: signIn.login},
		{method: http.MethodPost, path: "/login/begin", permission: access.Public, handle: signIn.beginLogin, ceremony: true},
		{method: http.MethodPost, path: "/login/finish", permission: access.Public, handle: signIn.finishLogin, ceremony: true},
		{method: http.MethodGet, path: "/enrol", permission: access.Public, handle: signIn.enrol},
		{method: http.MethodPost, path: "/enrol/begin", permission: access.Public, handle: signIn.beginEnrolment, ceremony: true},
		{method: http.MethodPost, path: "/enrol/finish", permission: access.Public, handle: signIn.finishEnrolment, ceremony: true},
		{method: http.MethodPost, path: "/logout", permission: access.SignedIn, handle: signIn.logout},

		// Pages.
		{method: http.MethodGet, path: "/", permission: access.SignedIn, handle: s.home},
		{method: http.MethodGet, path: "/dashboard", permission: access.PatientsRead, handle: patient.list},
		{method: http.MethodGet, path: "/dashboard/events", permission: access.EventsRead, handle: event.table},
		{method: http.MethodGet, path: "/patients/:id", permission: access.EventsRead, handle: patient.show},
		{method: http.MethodGet, path: "/patients/:id/chart", permission: access.EventsRead, handle: patient.chart},

		// Genomics.
		{method: http.MethodGet, path: "/genomics/reports", permission: access.ReportsRead, handle: reports.list},
		{method: http.MethodPost, path: "/genomics/reports", permission: access.ReportsRead, handle: reports.list},
		{method: http.MethodGet, path: "/genomics/reports/:id", permission: access.ReportsRead, handle: reports.view},
		{method: http.MethodGet, path: "/genomics/reports/:id/file", permission: access.ReportsRead, handle: reports.file, streams: true},
	}
}
