package web

import (
	"net/http"

	"healthportal/app/access"
)

// auditRoutes show the log: to its reviewers, and to clinicians who looked at their patients.
func (s *Server) auditRoutes() []route {
	log, lookers := auditPages{s.deps.AuditLog, make(chan struct{}, maxExports)}, lookerPages{s.deps.Lookers, s.deps.Patients}
	return []route{
		{method: http.MethodGet, path: "/admin/audit", permission: access.AuditRead, audit: access.KindAudit, handle: log.page},
		{method: http.MethodPost, path: "/admin/audit/patient", permission: access.AuditRead, audit: access.KindAudit, handle: log.patient},
		{method: http.MethodGet, path: "/admin/audit/export.csv", permission: access.AuditRead, audit: access.KindAuditExport, stepUp: true, streams: true, handle: log.export},
		{method: http.MethodGet, path: "/patients/:id/access", permission: access.LookersRead, audit: access.KindLookers, handle: lookers.show},
	}
}

// emergencyRoutes open a patient in an emergency, and review that.
func (s *Server) emergencyRoutes() []route {
	glass, review := glassPages{s.deps.Emergencies}, reviewPages{s.deps.Reviews}
	return []route{
		{method: http.MethodGet, path: "/break-glass", permission: access.BreakGlass, audit: access.KindBreakGlassStart, handle: glass.start},
		{method: http.MethodPost, path: "/break-glass/find", permission: access.BreakGlass, audit: access.KindBreakGlassFind, handle: glass.find},
		{method: http.MethodPost, path: "/break-glass/open", permission: access.BreakGlass, audit: access.KindBreakGlass, stepUp: true, handle: glass.open},
		{method: http.MethodPost, path: "/break-glass/:id/end", permission: access.BreakGlass, audit: access.KindBreakGlassEnd, handle: glass.end},
		{method: http.MethodGet, path: "/admin/break-glass", permission: access.BreakGlassRead, audit: access.KindBreakGlassList, handle: review.queue},
		{method: http.MethodPost, path: "/admin/break-glass/:id/review", permission: access.BreakGlassReview, audit: access.KindBreakGlassReview, stepUp: true, handle: review.review},
	}
}

// userRoutes are the administration of people who may sign in.
func (s *Server) userRoutes() []route {
	user := userPages{s.deps.People, s.deps.PeopleRights, s.deps.UserPasskeys, s.deps.UserSessions}
	return []route{
		{method: http.MethodGet, path: "/admin/users", permission: access.UsersManage, audit: access.KindUsersView, handle: user.list},
		{method: http.MethodPost, path: "/admin/users/search", permission: access.UsersManage, audit: access.KindUsersView, handle: user.search},
		{method: http.MethodGet, path: "/admin/users/new", permission: access.UsersManage, audit: access.KindUsersView, handle: user.form},
		{method: http.MethodPost, path: "/admin/users", permission: access.UsersManage, audit: access.KindUserAdd, stepUp: true, handle: user.add},
		{method: http.MethodGet, path: "/admin/users/:id", permission: access.UsersManage, audit: access.KindUsersView, handle: user.show},
		{method: http.MethodPost, path: "/admin/users/:id/roles", permission: access.UsersManage, audit: access.KindUserRoles, stepUp: true, handle: user.roles},
		{method: http.MethodPost, path: "/admin/users/:id/disable", permission: access.UsersManage, audit: access.KindUserDisable, stepUp: true, handle: user.disable},
		{method: http.MethodPost, path: "/admin/users/:id/enable", permission: access.UsersManage, audit: access.KindUserEnable, stepUp: true, handle: user.enable},
		{method: http.MethodPost, path: "/admin/users/:id/enrol-link", permission: access.UsersManage, audit: access.KindLink, stepUp: true, handle: user.enrolLink},
		{method: http.MethodPost, path: "/admin/users/:id/revoke-link", permission: access.UsersManage, audit: access.KindLinkRevoke, stepUp: true, handle: user.revokeLink},
		{method: http.MethodPost, path: "/admin/users/:id/passkeys/:key/remove", permission: access.UsersManage, audit: access.KindPasskeyRemove, stepUp: true, handle: user.removePasskey},
		{method: http.MethodPost, path: "/admin/users/:id/sessions/end", permission: access.UsersManage, audit: access.KindSessionEnd, stepUp: true, handle: user.endSessions},
		{method: http.MethodPost, path: "/admin/users/:id/sessions/:session/end", permission: access.UsersManage, audit: access.KindSessionEnd, stepUp: true, handle: user.endSession},
	}
}

// teamRoutes are the administration of care teams.
func (s *Server) teamRoutes() []route {
	team := teamPages{s.deps.Teams, s.deps.TeamKeeper}
	return []route{
		{method: http.MethodGet, path: "/admin/teams", permission: access.TeamsManage, audit: access.KindTeamsView, handle: team.list},
		{method: http.MethodPost, path: "/admin/teams", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.add},
		{method: http.MethodGet, path: "/admin/teams/:id", permission: access.TeamsManage, audit: access.KindTeamsView, handle: team.show},
		{method: http.MethodPost, path: "/admin/teams/:id/name", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.rename},
		{method: http.MethodPost, path: "/admin/teams/:id/users", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.addUser},
		{method: http.MethodPost, path: "/admin/teams/:id/patients", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.addPatient},
		{method: http.MethodPost, path: "/admin/teams/:id/users/:membership/end", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.endUser},
		{method: http.MethodPost, path: "/admin/teams/:id/patients/:membership/end", permission: access.TeamsManage, audit: access.KindTeam, stepUp: true, handle: team.endPatient},
	}
}

// keyRoutes are the administration of API keys, and one's own.
func (s *Server) keyRoutes() []route {
	keys := keyPages{s.deps.KeyKeeper}
	return []route{
		{method: http.MethodGet, path: "/admin/api-keys", permission: access.KeysManage, audit: access.KindKeysView, handle: keys.list},
		{method: http.MethodPost, path: "/admin/api-keys", permission: access.KeysManage, audit: access.KindKeyAdd, stepUp: true, handle: keys.add},
		{method: http.MethodPost, path: "/admin/api-keys/:id/revoke", permission: access.KeysManage, audit: access.KindKeyRevoke, stepUp: true, handle: keys.revoke},
		{method: http.MethodGet, path: "/settings/keys", permission: access.SignedIn, handle: keys.own},
		{method: http.MethodPost, path: "/settings/keys/:id/revoke", permission: access.SignedIn, audit: access.KindKeyRevoke, handle: keys.revokeOwn},
	}
}
