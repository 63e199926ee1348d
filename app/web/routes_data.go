package web

import (
	"net/http"

	"healthportal/app/access"
)

// apiRoutes are for programs: keys instead of cookies.
func (s *Server) apiRoutes() []route {
	reports := reportPages{s.deps.Reports, s.deps.ReportRights, s.deps.ReportFiles}
	download := downloads{s.deps.Downloads, s.deps.KeyReader, reports}
	api := apiPages{s.deps.KeyReader, s.deps.Events, s.deps.Patients, reports, download}
	return []route{
		{method: http.MethodGet, path: "/v1/key", permission: access.KeyHolder, audit: access.KindKeySelf, handle: api.ownKey},
		{method: http.MethodGet, path: "/v1/events", permission: access.EventsRead, audit: access.KindEvents, handle: api.listEvents},
		{method: http.MethodGet, path: "/v1/events/export", permission: access.EventsRead, audit: access.KindExport, handle: s.exportPages().api, streams: true},
		{method: http.MethodGet, path: "/v1/genomics/reports", permission: access.ReportsRead, audit: access.KindReports, handle: api.listReports},
		{method: http.MethodGet, path: "/v1/genomics/reports/:id", permission: access.ReportsRead, audit: access.KindReport, handle: api.showReport},
		{method: http.MethodGet, path: "/v1/genomics/reports/:id/file", permission: access.Public, audit: access.KindReportFile, handle: download.file, streams: true},
	}
}

// researchRoutes show de-identified data.
func (s *Server) researchRoutes() []route {
	research := researchPages{s.deps.Research}
	return []route{
		{method: http.MethodGet, path: "/research", permission: access.ResearchRead, audit: access.KindResearch, handle: research.summary},
		{method: http.MethodGet, path: "/research/participants", permission: access.ResearchRead, audit: access.KindResearch, handle: research.list},
		{method: http.MethodGet, path: "/research/participants/:pseudonym", permission: access.ResearchRead, audit: access.KindResearch, handle: research.participant},
		{method: http.MethodGet, path: "/research/events", permission: access.ResearchRead, audit: access.KindResearch, handle: research.events},
	}
}

// genomicsRoutes show genomics reports.
func (s *Server) genomicsRoutes() []route {
	reports := reportPages{s.deps.Reports, s.deps.ReportRights, s.deps.ReportFiles}
	return []route{
		{method: http.MethodGet, path: "/genomics/reports", permission: access.ReportsRead, audit: access.KindReports, handle: reports.list},
		{method: http.MethodPost, path: "/genomics/reports", permission: access.ReportsRead, audit: access.KindReports, handle: reports.list},
		{method: http.MethodGet, path: "/genomics/reports/:id", permission: access.ReportsRead, audit: access.KindReport, handle: reports.view},
		{method: http.MethodGet, path: "/genomics/reports/:id/file", permission: access.ReportsRead, audit: access.KindReportFile, handle: reports.file, streams: true},
	}
}
