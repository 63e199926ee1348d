package browsertest

import "testing"

// enrol opens an enrolment link, creates a passkey and signs in with it.
func (b *tab) enrol(link string) {
	b.t.Helper()
	b.open(link)
	b.waitText("Create passkey")
	b.until("the token has left the address", "location.hash === ''")
	b.visit("enrol")
	b.click("Create passkey")
	b.waitText("Passkey created")
	b.signIn()
}

// signIn signs in by the button with the passkey that the tab's authenticator holds.
func (b *tab) signIn() {
	b.t.Helper()
	b.open("/login")
	b.click("Sign in with a passkey")
	b.until("signed in", signedIn)
}

// signInByAutofill signs in without a click: the authenticator answers the request
// for a suggestion by itself, as a person would who picks it.
func (b *tab) signInByAutofill() {
	b.t.Helper()
	b.turnAutofillOn()
	b.open("/login")
	b.until("signed in", signedIn)
	b.turnAutofillOff()
}

const signedIn = `location.pathname !== "/login" && document.readyState === "complete"`

// signOut signs out through the user menu.
func (b *tab) signOut() {
	b.t.Helper()
	b.do("sign out", submitForm("/logout"))
	b.waitPath("/login")
}

// manifest is a manifest of one report root, DIR/reports.
const manifest = `version: 1
site: {name: Browser Test Clinic, timezone: UTC}
database:
  dsn_env: DATABASE_URL
  tables:
    - {name: health.event, sample: "SELECT count(*) FROM health.event"}
reports:
  - name: test-reports
    root: DIR/reports
    include: ["**/*.pdf", "**/*.html"]
    patient: "^(?P<patient>[^/]+)/"
    settle: 0s
`

func TestEnrolAndSignIn(t *testing.T) {
	c := newClinic(t, manifest)
	link := c.enrolLink("ops", c.run(0, "user", "add", "a.admin", "--role", "ops"))
	c.serve("serve")
	b := newTab(t, c.origin)
	b.enrol(link)
	b.waitText("Nothing is open to your roles yet")
	b.visit("home")
	b.signOut()
	b.visit("login")
	b.signInByAutofill()
	b.waitText("a.admin")
	b.quiet()
	b.open(link)
	b.waitText("has been used")
	b.visit("enrol-used")
}
