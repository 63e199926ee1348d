package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one tab, and what the console complained about.
type browser struct {
	ctx        context.Context
	mu         sync.Mutex
	complaints []string
}

func start(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stopTab := chromedp.NewContext(allocator)
	t.Cleanup(stopTab)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser has gone
	ctx, stopTimer := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(stopTimer)
	b := &browser{ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	if err := chromedp.Run(ctx, log.Enable(), runtime.Enable()); err != nil {
		t.Fatalf("start Chromium: %v: install it, for instance by: apt-get install chromium", err)
	}
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// quiet fails the test with what the console complained about since the last call.
func (b *browser) quiet(t *testing.T, where string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		t.Errorf("%s: the console says %s", where, complaint)
	}
	b.complaints = nil
}

func (b *browser) do(t *testing.T, where string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
}

func (b *browser) text(t *testing.T, expression string) string {
	t.Helper()
	var result string
	b.do(t, expression, chromedp.Evaluate(expression, &result))
	return result
}

// axe runs the checker and lists what it finds, one line per finding.
const axe = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ")).join(", ")).join("\n"))`

// overflow names the elements that stick out of the page sideways; what scrolls in a region of its own may.
const overflow = `document.documentElement.scrollWidth <= innerWidth ? "" : [...document.querySelectorAll("body *")]
	.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".table-wrap, .chart")).map(e => e.tagName + "." + e.className).join(", ") || "something"`

// smallTargets lists controls under 24 px that are no links within text.
const smallTargets = `[...document.querySelectorAll("button, input:not([type=hidden]), select, textarea, summary, a.button, .nav a, .chip")]
	.filter(e => e.checkVisibility() && !e.matches(".nav-toggle, .check input")).map(e => [e, e.getBoundingClientRect()])
	.filter(([e, r]) => r.width > 0 && (r.width < 24 || r.height < 24)).map(([e, r]) => e.outerHTML.slice(0, 80) + " " + r.width + "x" + r.height).join("; ")`

// TestInBrowser visits every page in both themes at three widths: axe finds nothing, nothing sticks out, the console
// stays quiet under the portal's security policy.
func TestInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: starts a browser")
	}
	checker, err := os.ReadFile("../../static/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe is not there: run the asset step (go run ./tools/assets): %v", err)
	}
	server := httptest.NewServer(handler(assets(t)))
	defer server.Close()
	b := start(t)
	for _, p := range pages() {
		for _, theme := range []string{"light", "dark"} {
			where := theme + " " + p.name
			b.do(t, where, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(server.URL+"/page/"+theme+"/"+p.name))
			b.quiet(t, where)
			b.do(t, where, chromedp.Evaluate(string(checker), nil))
			for _, width := range []int64{1440, 768, 320} {
				at := fmt.Sprintf("%s at %d px", where, width)
				b.do(t, at, chromedp.EmulateViewport(width, 900))
				if width != 768 {
					b.checkAxe(t, at)
				}
				if wide := b.text(t, overflow); wide != "" {
					t.Errorf("%s: sticks out: %s", at, wide)
				}
				if small := b.text(t, smallTargets); small != "" {
					t.Errorf("%s: small targets: %s", at, small)
				}
			}
		}
	}
}

func (b *browser) checkAxe(t *testing.T, where string) {
	t.Helper()
	var found string
	b.do(t, where, chromedp.Evaluate(axe, &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if found != "" {
		t.Errorf("%s: axe finds %s", where, found)
	}
}

// TestScriptInBrowser tries what app.js adds: dialog, toast, menu, folded navigation.
func TestScriptInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: starts a browser")
	}
	server := httptest.NewServer(handler(assets(t)))
	defer server.Close()
	b := start(t)
	step := func(where, act, until string) {
		t.Helper()
		b.do(t, where, chromedp.Evaluate(act, nil), chromedp.Poll(until, nil, chromedp.WithPollingTimeout(5*time.Second)))
	}
	b.do(t, "dialog", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(server.URL+"/page/light/dialog"))
	step("open dialog", `document.querySelector("[data-dialog-open]").focus(); document.activeElement.click()`, `document.querySelector("dialog").open && document.querySelector("dialog").contains(document.activeElement)`)
	step("close dialog", `document.querySelector("dialog [aria-label=Close]").click()`, `!document.querySelector("dialog").open && document.activeElement.matches("[data-dialog-open]")`)
	b.do(t, "toast", chromedp.Navigate(server.URL+"/page/light/notices"))
	step("dismiss toast", `document.querySelector("[data-toast] [data-dismiss]").click()`, `document.querySelectorAll("[data-toast]").length === 1`)
	menu := `document.querySelector(".user-menu")`
	step("open menu", menu+`.querySelector("summary").click()`, menu+`.open`)
	step("escape", `document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}))`, `!`+menu+`.open && document.activeElement.tagName === "SUMMARY"`)
	step("open menu again", menu+`.querySelector("summary").click()`, menu+`.open`)
	step("click elsewhere", `document.querySelector("h1").click()`, `!`+menu+`.open`)
	fold, list := `document.getElementById("nav-toggle")`, `document.querySelector(".nav-list")`
	step("fold", fold+`.click()`, fold+`.checked && `+list+`.offsetWidth < 80`)
	b.do(t, "next page", chromedp.Reload())
	step("still folded", `0`, fold+`.checked`)
	b.do(t, "narrow", chromedp.EmulateViewport(320, 700), chromedp.Reload())
	step("closed at first", `0`, `!`+list+`.checkVisibility()`)
	step("open", fold+`.click()`, list+`.checkVisibility()`)
	step("escape", `document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}))`, `!`+list+`.checkVisibility()`)
	b.quiet(t, "scripts")
}

// TestServiceWorkerInBrowser lets the worker start, then asks what it keeps.
func TestServiceWorkerInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: starts a browser")
	}
	server := httptest.NewServer(handler(assets(t)))
	b := start(t)
	b.do(t, "start", chromedp.Navigate(server.URL+"/page/light/patient"))
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	var kept string
	b.do(t, "worker", chromedp.Evaluate(`navigator.serviceWorker.ready.then(() => 0)`, nil, wait), chromedp.Navigate(server.URL+"/page/dark/patient"),
		chromedp.Evaluate(`(async () => { let all = []; for (const n of await caches.keys()) for (const r of await (await caches.open(n)).keys()) all.push(new URL(r.url).pathname); return all.join(" ") })()`, &kept, wait))
	if kept == "" {
		t.Error("the worker keeps nothing, so that there is no offline page")
	}
	for path := range strings.FieldsSeq(kept) {
		if !strings.HasPrefix(path, "/static/") {
			t.Errorf("the worker keeps %s", path)
		}
	}
	b.quiet(t, "worker")
	server.Close()
	b.do(t, "offline", chromedp.Navigate(server.URL+"/page/light/list"))
	if title := b.text(t, `document.querySelector("h1").textContent`); title != "No connection" {
		t.Errorf("without the server the page says %q", title)
	}
}
