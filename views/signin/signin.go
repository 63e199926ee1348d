// Package signin draws the two pages that work without a session: sign-in and
// enrolment. The script js/passkey.js brings them to life.
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
