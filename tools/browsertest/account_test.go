package browsertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"healthportal/store/storetest"
)

// account is a person at a browser, with the database behind the portal's back.
type account struct {
	*tab
	c  *clinic
	db *pgx.Conn
}

func newAccount(t *testing.T) *account {
	t.Helper()
	db := storetest.Open(t)
	c := newClinic(t, manifest)
	c.env = append(c.env, "DATABASE_URL="+db.DSN())
	conn, err := pgx.Connect(t.Context(), db.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) }) //nolint:errcheck // the database is dropped next
	link := c.enrolLink("clinician", c.run(0, "user", "add", "ada", "--role", "clinician", "--team", "Ward 1"))
	c.serve("serve")
	a := &account{newTab(t, c.origin), c, conn}
	a.enrol(link)
	a.waitPath("/dashboard")
	return a
}

// sql changes something behind the portal's back, and wakes its caches.
func (a *account) sql(statement string) {
	a.t.Helper()
	if _, err := a.db.Exec(a.t.Context(), statement); err != nil {
		a.t.Fatal(err)
	}
}

// stale makes the check of the session six minutes old, and opens a page that knows it.
func (a *account) stale(path string) {
	a.t.Helper()
	a.sql(`UPDATE auth.session SET verified_at = now() - interval '6 minutes', research = research WHERE ended_at IS NULL`)
	a.openUntil(path, `Number(document.querySelector('meta[name="verified-until"]').dataset.seconds) <= 0`)
}

// openUntil opens a page again and again until the script is true there: the portal
// hears of what the test changed in the database a moment later.
func (a *account) openUntil(path, script string) {
	a.t.Helper()
	for a.open(path); a.eval(script) != "true"; a.open(path) {
		if a.ctx.Err() != nil {
			a.t.Fatalf("%s never came to %s", path, script)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// securityKey adds a second authenticator, reached by USB.
func (a *account) securityKey() webauthn.AuthenticatorID {
	a.t.Helper()
	var id webauthn.AuthenticatorID
	a.do("add a security key", chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportUsb,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	return id
}

// refuse makes the device fail to check who is there, or stops that.
func (a *account) refuse(yes bool) {
	a.t.Helper()
	a.do("user verification", chromedp.ActionFunc(func(ctx context.Context) error {
		return webauthn.SetUserVerified(a.device, !yes).Do(ctx)
	}))
}

// fill puts text into a field as a person would.
func (a *account) fill(selector, text string) {
	a.t.Helper()
	a.do("type", chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector), nil), chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// press clicks what the selector finds.
func (a *account) press(selector string) {
	a.t.Helper()
	a.do("press "+selector, chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// A second passkey is added and named, the first one is lost and removed after a
// fresh check, and the second signs in.
func TestOwnPasskeys(t *testing.T) {
	a := newAccount(t)
	a.open("/settings/passkeys")
	a.waitText("Add a second passkey.")
	a.visit("passkeys-one")

	a.press("#passkey-start")
	a.waitText("has a passkey of yours already")
	a.until("the button is back", `!document.getElementById("passkey-start").disabled`)
	key := a.securityKey()
	a.fill("#key-name", "Blue key")
	a.press("#shared")
	a.press("#passkey-start")
	a.waitText("Passkey added.")
	a.waitText("USB")
	a.visit("passkeys-two")

	second := `section.card:nth-of-type(2)`
	a.press(second + ` details:nth-of-type(1) summary`)
	a.fill(second+` input[name=name]`, "Drawer key")
	a.do("save", chromedp.Submit(second+` input[name=name]`, chromedp.ByQuery))
	a.waitText("Passkey renamed.")
	a.waitText("Drawer key")

	a.stale("/settings/passkeys")
	first := `section.card:nth-of-type(1)`
	a.press(first + ` details:nth-of-type(2) summary`)
	a.do("put the security key away", chromedp.ActionFunc(func(ctx context.Context) error { return webauthn.SetAutomaticPresenceSimulation(key, false).Do(ctx) }))
	a.refuse(true)
	a.press(first + ` .button-danger`)
	a.waitText("The passkey prompt was closed")
	a.shots("step-up")
	a.refuse(false)
	a.press(`#step-up .button-primary`)
	a.waitText("you are signed out here")
	a.visit("passkey-gone")

	a.do("lose the device, take the security key", chromedp.ActionFunc(func(ctx context.Context) error {
		return errors.Join(webauthn.RemoveVirtualAuthenticator(a.device).Do(ctx), webauthn.SetAutomaticPresenceSimulation(key, true).Do(ctx))
	}))
	a.open("/login")
	a.click("Sign in with a passkey")
	a.waitPath("/dashboard")
	a.open("/settings/passkeys")
	a.waitText("Drawer key")
	a.waitText("Add a second passkey.")
	a.quiet()
}

// shots takes screenshots of what lies over the page, narrow and wide.
func (a *account) shots(name string) {
	a.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1440} {
			a.size(width, 900, scheme)
			a.shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	a.accessible(name)
	a.size(1440, 900, "light")
}

// The page of a locked session, and the check before what is sensitive.
func TestVerifyPage(t *testing.T) {
	a := newAccount(t)
	a.stale("/settings/passkeys")
	a.open("/verify?next=/settings/passkeys")
	a.waitText("Confirm it is you")
	a.visit("verify")
	a.refuse(true)
	a.press("#passkey-start")
	a.waitText("The passkey prompt was closed")
	a.refuse(false)
	a.press("#passkey-start")
	a.waitPath("/settings/passkeys")
	a.sql(`UPDATE auth.session SET locked_at = now() WHERE ended_at IS NULL`)
	a.openUntil("/dashboard", `location.pathname !== "/dashboard"`)
	a.waitPath("/verify")
	a.waitText("Locked")
	a.visit("verify-locked")
	a.press("#passkey-start")
	a.waitPath("/dashboard")
	a.quiet()
}

// Left alone, the page hides everything, in every tab; one touch leads back to
// the same place with what was typed.
func TestLock(t *testing.T) {
	a := newAccount(t)
	other := a.secondTab("/dashboard")
	a.open("/settings/passkeys")
	a.size(1440, 400, "light")
	a.fill("#key-name", "half typ")
	a.do("scroll", chromedp.Evaluate(`scrollTo(0, 100000)`, nil))
	place := a.eval("scrollY")
	if place == "0" {
		t.Fatal("the page is too short to scroll")
	}
	a.idle(1)
	a.until("the page is locked", `document.documentElement.hasAttribute("data-locked") && document.getElementById("lock").open`)
	a.idle(900)
	other.until("the other tab is locked", `document.documentElement.hasAttribute("data-locked")`)
	if shown := a.spoken(); strings.Contains(shown, "Your passkeys") || strings.Contains(shown, "half typ") || strings.Contains(shown, "Sign out") == false {
		t.Errorf("a screen reader still finds: %s", shown)
	}
	for _, script := range []string{`getComputedStyle(document.querySelector("main h1")).visibility`, `getComputedStyle(document.querySelector("header")).visibility`} {
		if got := a.eval(script); got != "hidden" {
			t.Errorf("%s is %s", script, got)
		}
	}
	a.lockedOnServer()
	a.shots("lock")
	a.size(1440, 400, "light")
	a.do("escape", chromedp.KeyEvent("\x1b"), chromedp.KeyEvent("\x1b"))
	a.until("Escape leaves the lock", `document.getElementById("lock").open && document.documentElement.hasAttribute("data-locked")`)
	a.refuse(true)
	a.press(`#lock .button-primary`)
	a.waitText("The passkey prompt was closed")
	a.refuse(false)
	a.press(`#lock .button-primary`)
	a.until("the page is back", `!document.documentElement.hasAttribute("data-locked") && !document.getElementById("lock")`)
	other.until("the other tab is back", `!document.documentElement.hasAttribute("data-locked")`)
	for script, want := range map[string]string{"scrollY": place, `document.getElementById("key-name").value`: "half typ", "document.activeElement.id": "key-name"} {
		if got := a.eval(script); got != want {
			t.Errorf("%s is %s after the lock, want %s", script, got, want)
		}
	}
	a.open("/settings/passkeys")
	a.waitText("Add a second passkey.")
	a.quiet()
}

// A computer that slept locks before the first movement counts, and a session
// that ended meanwhile leads to the sign-in page.
func TestLockAfterSleep(t *testing.T) {
	a := newAccount(t)
	a.open("/settings/passkeys")
	a.later(70)
	a.do("move", chromedp.KeyEvent("x"))
	a.until("activity is told", `performance.getEntriesByType("resource").filter(e => e.name.endsWith("/session/activity") && e.responseStatus === 200).length === 1`)
	a.later(20 * 60)
	if got := a.eval(`dispatchEvent(new KeyboardEvent("keydown")), document.documentElement.hasAttribute("data-locked")`); got != "true" {
		t.Error("the first movement after waking up kept the page open")
	}
	a.lockedOnServer()
	a.sql(`UPDATE auth.session SET ended_at = now()`)
	a.press(`#lock .button-primary`)
	a.waitPath("/login")
	if got := a.eval("location.search"); got != "?next=%2Fsettings%2Fpasskeys" {
		t.Errorf("the way back is %s", got)
	}
}

// Signing out in one tab leaves nothing on the screen of another.
func TestSignOutInAnotherTab(t *testing.T) {
	a := newAccount(t)
	other := a.secondTab("/settings/passkeys")
	other.waitText("Your passkeys")
	a.open("/dashboard")
	a.signOut()
	other.waitPath("/login")
}

// idle sets after how many seconds the page locks itself.
func (a *account) idle(seconds int) {
	a.t.Helper()
	a.do("set the limit", chromedp.Evaluate(fmt.Sprintf(`document.body.dataset.lockAfter = "%d"`, seconds), nil))
}

// later puts the page's clock forward.
func (a *account) later(seconds int) {
	a.t.Helper()
	a.do("wait", chromedp.Evaluate(fmt.Sprintf(`{ const now = Date.now; Date.now = () => now() + %d }; 0`, 1000*seconds), nil))
}

// lockedOnServer waits until the session is locked for everybody.
func (a *account) lockedOnServer() {
	a.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var n int
		if err := a.db.QueryRow(a.t.Context(), `SELECT count(*) FROM auth.session WHERE ended_at IS NULL AND locked_at IS NOT NULL`).Scan(&n); err != nil {
			a.t.Fatal(err)
		}
		if n == 1 {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatal("the session is not locked on the server")
		}
	}
}

// spoken is what a screen reader finds on the page.
func (a *account) spoken() string {
	a.t.Helper()
	// The generated types don't know every reason for which Chromium leaves nodes out.
	var tree struct {
		Nodes []struct {
			Ignored bool `json:"ignored"`
			Role    struct {
				Value string `json:"value"`
			} `json:"role"`
			Name struct {
				Value string `json:"value"`
			} `json:"name"`
		} `json:"nodes"`
	}
	a.do("read the accessibility tree", chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree)
	}))
	var words []string
	for _, n := range tree.Nodes {
		if !n.Ignored && n.Role.Value != "RootWebArea" {
			words = append(words, n.Name.Value)
		}
	}
	return strings.Join(words, " ")
}

// secondTab opens a page in another tab of the same browser.
func (a *account) secondTab(path string) *tab {
	a.t.Helper()
	ctx, cancel := chromedp.NewContext(a.ctx)
	a.t.Cleanup(cancel)
	b := &tab{t: a.t, ctx: ctx, origin: a.origin}
	b.open(path)
	a.do("come back to the first tab", page.BringToFront())
	return b
}
