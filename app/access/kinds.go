package access

// Kind names what an audit entry is about. The values are stored for good:
// add, never rename.
type Kind string

// What is recorded of signing in and of sessions.
const (
	KindSignIn        Kind = "sign-in"
	KindEnrol         Kind = "passkey.enrol"
	KindSignOut       Kind = "sign-out"
	KindVerify        Kind = "passkey.verify"
	KindLock          Kind = "session.lock"
	KindMode          Kind = "session.mode"
	KindSessionEnd    Kind = "session.end"
	KindPasskeyAdd    Kind = "passkey.add"
	KindPasskeyRename Kind = "passkey.rename"
	KindPasskeyRemove Kind = "passkey.remove"
	KindNotices       Kind = "notices.seen"
	KindOwnAccount    Kind = "account.view"
)

// What is recorded of reading health data and the log itself.
const (
	// KindPatients has the note "searched", never what was searched for.
	KindPatients   Kind = "patients.list"
	KindPatient    Kind = "patient.view"
	KindEvents     Kind = "events.view"
	KindExport     Kind = "events.export"
	KindSavedView  Kind = "events.saved-view"
	KindReports    Kind = "reports.list"
	KindReport     Kind = "report.view"
	KindReportFile Kind = "report.file"
	// KindRanges is the page of the general adult ranges.
	KindRanges      Kind = "ranges.view"
	KindLookers     Kind = "lookers.view"
	KindResearch    Kind = "research.view"
	KindAudit       Kind = "audit.view"
	KindAuditExport Kind = "audit.export"
	KindAuditVerify Kind = "audit.verify"
	KindKeySelf     Kind = "key.self"
	// KindRefused is an attempt that no route's own kind describes.
	KindRefused Kind = "request.refused"
)

// What is recorded of emergencies and administration.
const (
	KindBreakGlassStart  Kind = "break-glass.start"
	KindBreakGlassFind   Kind = "break-glass.find"
	KindBreakGlass       Kind = "break-glass.open"
	KindBreakGlassEnd    Kind = "break-glass.end"
	KindBreakGlassList   Kind = "break-glass.list"
	KindBreakGlassReview Kind = "break-glass.review"
	KindUsersView        Kind = "users.view"
	KindUserAdd          Kind = "user.add"
	KindUserRoles        Kind = "user.roles"
	KindUserDisable      Kind = "user.disable"
	KindUserEnable       Kind = "user.enable"
	KindLink             Kind = "link.make"
	KindLinkRevoke       Kind = "link.revoke"
	KindTeamsView        Kind = "teams.view"
	KindTeam             Kind = "team.change"
	KindKeysView         Kind = "keys.view"
	KindKeyAdd           Kind = "key.add"
	KindKeyRevoke        Kind = "key.revoke"
	KindKeyRotate        Kind = "secret.rotate"
	KindImportUndo       Kind = "import.undo"
	KindPersonMerge      Kind = "person.merge"
	KindPersonSplit      Kind = "person.split"
	KindSourcePriority   Kind = "source.priority"
	// KindRangeSign and KindRangeWithdraw have the metric's code as their subject.
	KindRangeSign     Kind = "range.sign-off"
	KindRangeWithdraw Kind = "range.withdraw"
	KindChainStart    Kind = "chain.start"
	KindChainEnd      Kind = "chain.end"
)
