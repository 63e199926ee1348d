package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// tab is one browser tab with a virtual authenticator of its own.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	// device is the virtual platform authenticator.
	device webauthn.AuthenticatorID
	// complaints are uncaught exceptions and console errors, policy violations among them.
	complaints []string
	// withoutAutofill is the script that keeps login pages from asking for a suggested passkey.
	withoutAutofill page.ScriptIdentifier
}

// newTab starts a browser with a virtual platform authenticator.
func newTab(t *testing.T, origin string) *tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(1440, 900))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, origin: origin}
	chromedp.ListenTarget(ctx, b.listen)
	b.do("start the browser", log.Enable(), webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		b.device, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	b.turnAutofillOff()
	return b
}

// turnAutofillOff makes new documents show a browser without autofill for passkeys. The
// authenticator would answer its request at once, on each login page that a test only passes by.
func (b *tab) turnAutofillOff() {
	b.t.Helper()
	b.do("turn autofill off", chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		b.withoutAutofill, err = page.AddScriptToEvaluateOnNewDocument(`PublicKeyCredential.isConditionalMediationAvailable = async () => false`).Do(ctx)
		return err
	}))
}

// turnAutofillOn undoes turnAutofillOff.
func (b *tab) turnAutofillOn() {
	b.t.Helper()
	b.do("turn autofill on", page.RemoveScriptToEvaluateOnNewDocument(b.withoutAutofill))
}

func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// do runs actions, each call within 30 seconds.
func (b *tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if b.ctx.Err() == nil && chromedp.FromContext(b.ctx).Target == nil {
		ctx = b.ctx // the first run owns the browser: it must not end with this call
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\nat %s\n%s\n%s", what, err, b.eval("location.href"), b.eval("document.body.innerText.slice(0, 1500)"), strings.Join(b.complaints, "\n"))
	}
}

// eval returns the string value of a script, or what went wrong.
func (b *tab) eval(script string) string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	var v any
	if err := chromedp.Run(ctx, chromedp.Evaluate(script, &v)); err != nil {
		return "(" + err.Error() + ")"
	}
	return fmt.Sprint(v)
}

// open goes to a path of the portal, or to a whole URL.
func (b *tab) open(path string) {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.origin + path
	}
	b.do("open "+path, chromedp.Navigate(path))
}

// click clicks the visible button or link with the text.
func (b *tab) click(text string) {
	b.t.Helper()
	b.do("click "+text, chromedp.Click(fmt.Sprintf(`//*[self::a or self::button or self::summary][normalize-space()=%q]`, text), chromedp.BySearch, chromedp.NodeVisible))
}

// waitText waits until the page shows the text.
func (b *tab) waitText(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the page shows %q", text), fmt.Sprintf("document.body && document.body.innerText.includes(%q)", text))
}

// until waits until the script is true, across navigations.
func (b *tab) until(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); b.eval(script) != "true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("timed out waiting until %s\nat %s\n%s\n%s", what, b.eval("location.href"), b.eval("document.body.innerText.slice(0, 1500)"), strings.Join(b.complaints, "\n"))
		}
	}
}

// waitPath waits until the address has the path and the page is loaded.
func (b *tab) waitPath(path string) {
	b.t.Helper()
	b.until("the address is "+path, fmt.Sprintf("location.pathname === %q && document.readyState === 'complete'", path))
}

// accessible runs axe on the page and fails on any violation.
func (b *tab) accessible(name string) {
	b.t.Helper()
	axe, err := os.ReadFile(filepath.Join(root, "static/node_modules/axe-core/axe.min.js"))
	if err != nil {
		b.t.Fatal(err)
	}
	var found string
	b.do("axe on "+name, chromedp.Evaluate(string(axe)+";0", nil), chromedp.Evaluate(`axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], iframes: false,
	}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " | " + n.failureSummary).join(" ;; "))))`,
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var list []string
	if err := json.Unmarshal([]byte(found), &list); err != nil {
		b.t.Fatalf("axe on %s answered %q: %v", name, found, err)
	}
	for _, v := range list {
		b.t.Errorf("axe on %s: %s", name, v)
	}
}

// noSidewaysScroll fails if the page is wider than the window.
func (b *tab) noSidewaysScroll(name string) {
	b.t.Helper()
	if got := b.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"); got != "0" {
		b.t.Errorf("%s scrolls sideways by %s px", name, got)
	}
}

// size sets the window's size and the colour scheme. Motion is off, so that
// colours are measured as they stay.
func (b *tab) size(width, height int64, scheme string) {
	b.t.Helper()
	b.do("resize", emulation.SetDeviceMetricsOverride(width, height, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}}))
}

// visit checks a page as it stands: axe wide and narrow, light and dark, no
// sideways scroll, and takes the screenshots that were asked for.
func (b *tab) visit(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 768, 1440} {
			b.size(width, 900, scheme)
			label := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			b.noSidewaysScroll(label)
			if width == 320 && scheme == "dark" || width == 1440 && scheme == "light" {
				b.accessible(label)
			}
			b.shot(label)
		}
	}
	b.size(1440, 900, "light")
}

// shot saves a screenshot of the whole page where a folder was asked for.
func (b *tab) shot(name string) {
	b.t.Helper()
	if *shotsDir == "" {
		return
	}
	if err := os.MkdirAll(*shotsDir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	var png []byte
	b.do("screenshot", chromedp.Evaluate("scrollTo(0, 0)", nil), chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFormat(page.CaptureScreenshotFormatPng).Do(ctx)
		return err
	}))
	if err := os.WriteFile(filepath.Join(*shotsDir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// quiet fails if the browser complained: exceptions, policy violations, failed loads.
func (b *tab) quiet() {
	b.t.Helper()
	for _, c := range b.complaints {
		b.t.Errorf("the browser complained: %s", c)
	}
	b.complaints = nil
}
