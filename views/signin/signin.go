// Package signin draws the pages of passkey ceremonies: sign-in and enrolment,
// which work without a session, and the check of who is there. The scripts
// js/ceremony.js and js/passkey.js bring them to life.
package signin

// Props describes the sign-in page.
type Props struct {
	// Next is the local path to go to afterwards; empty means the start page.
	Next string
}

// EnrolProps describes the enrolment page. Whom it enrols is known only to the
// link's fragment, which servers never see; the script asks with it.
type EnrolProps struct {
	// NameLimit is the longest name of a passkey, in characters.
	NameLimit int
}

// VerifyProps describes the page that checks who is there. It shows no health data.
type VerifyProps struct {
	// Name is the display name of the session's user.
	Name string
	// Next is the local path to go to afterwards.
	Next string
	// CSRF is the session's token for the sign-out form.
	CSRF string
	// Locked says that the session is locked; else a sensitive act comes next.
	Locked bool
}
