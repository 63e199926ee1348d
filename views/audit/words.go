package audit

import "healthportal/app/access"

// kindWords are the kinds of entries in the order of the filter, with their words.
func kindWords() []struct {
	kind  access.Kind
	words string
} {
	return []struct {
		kind  access.Kind
		words string
	}{
		{access.KindPatients, "List of patients"},
		{access.KindPatient, "Patient page"},
		{access.KindEvents, "Health events"},
		{access.KindExport, "Health events: export"},
		{access.KindSavedView, "Health events: saved view"},
		{access.KindRanges, "General adult ranges: page"},
		{access.KindRangeSign, "General adult range signed off"},
		{access.KindRangeWithdraw, "General adult range: sign-off withdrawn"},
		{access.KindReports, "List of reports"},
		{access.KindReport, "Report"},
		{access.KindReportFile, "Report file"},
		{access.KindLookers, "Who looked"},
		{access.KindResearch, "De-identified data"},
		{access.KindBreakGlassStart, "Break-glass: page"},
		{access.KindBreakGlassFind, "Break-glass: looked for a patient"},
		{access.KindBreakGlass, "Break-glass: opened a patient"},
		{access.KindBreakGlassEnd, "Break-glass: ended early"},
		{access.KindBreakGlassList, "Break-glass: review queue"},
		{access.KindBreakGlassReview, "Break-glass: decision"},
		{access.KindSignIn, "Sign-in"},
		{access.KindSignOut, "Sign-out"},
		{access.KindEnrol, "Passkey enrolled"},
		{access.KindVerify, "Passkey check"},
		{access.KindLock, "Session locked"},
		{access.KindMode, "Session's mode"},
		{access.KindSessionEnd, "Session ended"},
		{access.KindPasskeyAdd, "Passkey added"},
		{access.KindPasskeyRename, "Passkey renamed"},
		{access.KindPasskeyRemove, "Passkey removed"},
		{access.KindNotices, "Notices seen"},
		{access.KindOwnAccount, "Own account"},
		{access.KindUsersView, "Users: page"},
		{access.KindUserAdd, "User added"},
		{access.KindUserRoles, "Roles changed"},
		{access.KindUserDisable, "User disabled"},
		{access.KindUserEnable, "User enabled"},
		{access.KindLink, "Enrolment link made"},
		{access.KindLinkRevoke, "Enrolment link revoked"},
		{access.KindTeamsView, "Care teams: page"},
		{access.KindTeam, "Care team changed"},
		{access.KindKeysView, "API keys: page"},
		{access.KindKeyAdd, "API key made"},
		{access.KindKeyRevoke, "API key revoked"},
		{access.KindKeySelf, "API key looked itself up"},
		{access.KindKeyRotate, "Secret key rotated"},
		{access.KindImportUndo, "Import taken back"},
		{access.KindPersonMerge, "Two records became one"},
		{access.KindPersonSplit, "Record split"},
		{access.KindSourcePriority, "Priority of a source changed"},
		{access.KindAudit, "Audit log: page"},
		{access.KindAuditExport, "Audit log: export"},
		{access.KindAuditVerify, "Audit log: verified"},
		{access.KindRefused, "Refused request"},
		{access.KindChainStart, "Chain of the log began"},
		{access.KindChainEnd, "Chain of the log ended"},
	}
}

// KnownKind reports whether there are entries of the kind.
func KnownKind(k access.Kind) bool {
	for _, w := range kindWords() {
		if w.kind == k {
			return true
		}
	}
	return false
}

// words are a kind in words; the kind itself where it is of a later release.
func words(k access.Kind) string {
	for _, w := range kindWords() {
		if w.kind == k {
			return w.words
		}
	}
	return string(k)
}
