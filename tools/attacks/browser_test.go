package attacks

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// tab is one browser tab with a virtual authenticator.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	device webauthn.AuthenticatorID
}

// newTab starts a browser. flags are further command-line flags.
func newTab(t *testing.T, origin string, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(1200, 800))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), append(opts, flags...)...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, origin: origin}
	b.do("start the browser", network.Enable(), webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		b.device, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	return b
}

// do runs actions within a minute.
func (b *tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if chromedp.FromContext(b.ctx).Target == nil {
		ctx = b.ctx // the first run owns the browser: it must not end with this call
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\nat %s\n%s", what, err, b.eval("location.href"), b.eval("document.body.innerText.slice(0, 1500)"))
	}
}

// eval is a script's value as text, or what went wrong. Promises are waited for.
func (b *tab) eval(script string) string {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	var v any
	if err := chromedp.Run(ctx, chromedp.Evaluate(script, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })); err != nil {
		return "(" + err.Error() + ")"
	}
	return fmt.Sprint(v)
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.origin+path))
}

// until waits until the script is true, across navigations.
func (b *tab) until(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); b.eval(script) != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("timed out waiting until %s\nat %s\n%s", what, b.eval("location.href"), b.eval("document.body.innerText.slice(0, 1500)"))
		}
	}
}

func (b *tab) shows(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the page shows %q", text), fmt.Sprintf("!!document.body && document.body.innerText.includes(%q)", text))
}

func (b *tab) click(text string) {
	b.t.Helper()
	b.do("click "+text, chromedp.Click(fmt.Sprintf(`//*[self::a or self::button][normalize-space()=%q]`, text), chromedp.BySearch, chromedp.NodeVisible))
}

// enrol makes a passkey with a link's token, by the page.
func (b *tab) enrol(token string) {
	b.t.Helper()
	b.open("/enrol#" + token)
	b.until("the page is ready", `!!document.getElementById("passkey-start") && !document.getElementById("passkey-start").disabled`)
	b.click("Create passkey")
	b.shows("Passkey created")
}

// byButton turns autofill off, so that only the button signs in.
func (b *tab) byButton() {
	b.t.Helper()
	b.do("turn autofill off", chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`PublicKeyCredential.isConditionalMediationAvailable = async () => false`).Do(ctx)
		return err
	}))
}

// signIn signs in by the button.
func (b *tab) signIn() {
	b.t.Helper()
	b.open("/login")
	b.click("Sign in with a passkey")
	b.until("signed in", `location.pathname !== "/login" && document.readyState === "complete"`)
}

// adopt gives the browser the session of somebody who signed in otherwise.
func (b *tab) adopt(c *caller) {
	b.t.Helper()
	b.do("take over a session", network.SetCookie(cookieName, c.cookie).WithURL(b.origin).WithHTTPOnly(true).WithSameSite(network.CookieSameSiteLax))
}

// attackInBrowser has a real browser answer with a bad authenticator.
func attackInBrowser(t *testing.T) {
	w := newClinic(t)
	token := w.invite("ada", "clinician", "")
	b := newTab(t, w.origin)
	b.byButton()
	b.enrol(token)
	override := func(bogus, badUV, badUP bool) chromedp.Action {
		return webauthn.SetResponseOverrideBits(b.device).WithIsBogusSignature(bogus).WithIsBadUV(badUV).WithIsBadUP(badUP)
	}
	for name, bad := range map[string]chromedp.Action{
		"bogus signature": override(true, false, false), "user not verified": override(false, true, false), "user not present": override(false, false, true),
	} {
		b.open("/login")
		b.do(name, bad)
		b.click("Sign in with a passkey")
		b.until("the page says that it failed", `[...document.querySelectorAll("[data-failure]")].some(e => !e.hidden && e.innerText.trim() !== "")`)
		if n := one[int](w, "SELECT count(*) FROM auth.session"); n != 0 {
			t.Errorf("%s: %d sessions, want none", name, n)
		}
		if got := b.eval(`fetch("/dashboard", {redirect: "manual"}).then(r => r.type)`); got != "opaqueredirect" {
			t.Errorf("%s: the dashboard answers %s", name, got)
		}
	}
	if n := w.entries("sign-in", "denied"); n < 3 {
		t.Errorf("%d refused sign-ins are on record, want one for each bad answer", n)
	}
	b.do("a good authenticator", override(false, false, false))
	b.signIn()
	if got := b.eval(`fetch("/settings/passkeys").then(r => r.status)`); got != fmt.Sprint(http.StatusOK) {
		t.Errorf("signed in, the own passkeys answer %s", got)
	}
}

// submitForm submits the page's form of that action, as its button would.
func submitForm(action string) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`document.querySelector('form[action=%q]').requestSubmit()`, action), nil)
}

// historyBack is the browser's Back, which may show a page from its memory.
func historyBack() chromedp.Action {
	return chromedp.Evaluate("setTimeout(() => history.back(), 0), 0", nil)
}
