package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"healthportal/views/layout"
	"healthportal/views/ui"
)

// list is a paged list whose second page is the last, and a form that posts.
func list(second bool) templ.Component {
	hx := ui.HX{Target: "#list", Swap: "outerHTML", PushURL: true}
	p := ui.PaginationProps{ID: "pages", Label: "Pages", Count: "first page", Next: "/two", HX: hx}
	if second {
		p.Next, p.Previous, p.Count = "", "/one", "second page"
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<div id="list">`); err != nil {
			return err
		}
		if err := ui.Pagination(p).Render(ctx, w); err != nil {
			return err
		}
		save := ui.Button(ui.ButtonProps{ID: "save", Label: "Save", HX: ui.HX{Post: "/save", Target: "#list", Swap: "outerHTML"}})
		if err := save.Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</div>`)
		return err
	})
}

// TestHTMXInBrowser swaps fragments with the real htmx: focus stays, counts are announced, the token travels, back asks
// the server, and failures are said.
func TestHTMXInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: starts a browser")
	}
	a := assets(t)
	if !a.Has("htmx/htmx.min.js") {
		t.Fatal("htmx is not there: run the asset step (go run ./tools/assets)")
	}
	tokens := make(chan string, 8)
	mux := http.NewServeMux()
	mux.Handle("/", handler(a))
	page := func(second bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("HX-Request") != "" {
				render(w, r, list(second))
				return
			}
			render(w, r, examplePage(layout.PageProps{Title: "List", SiteName: "Test", Assets: a, User: &layout.UserProps{Name: "U", CSRF: "tok-1"}}, list(second)))
		}
	}
	mux.HandleFunc("GET /one", page(false))
	mux.HandleFunc("GET /two", page(true))
	mux.HandleFunc("POST /save", func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.Header.Get("X-CSRF-Token")
		render(w, r, list(false))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	b := start(t)
	step := func(where, act, until string) {
		t.Helper()
		b.do(t, where, chromedp.Evaluate(act, nil), chromedp.Poll(until, nil, chromedp.WithPollingTimeout(5*time.Second)))
	}
	b.do(t, "load", chromedp.Navigate(server.URL+"/one"))
	step("next", `window.stays = 1; document.getElementById("pages-next").focus(); document.activeElement.click()`, `document.getElementById("pages-count").textContent === "second page"`)
	step("focus falls back to the count", `0`, `document.activeElement.id === "pages-count"`)
	step("count is announced", `0`, `document.getElementById("live").textContent === "second page"`)
	step("address", `0`, `location.pathname === "/two" && window.stays === 1`)
	step("save", `document.getElementById("save").focus(); document.activeElement.click()`, `document.getElementById("pages-count").textContent === "first page"`)
	step("focus stays on the same button", `0`, `document.activeElement.id === "save"`)
	select {
	case token := <-tokens:
		if token != "tok-1" {
			t.Errorf("the request carried the token %q", token)
		}
	case <-time.After(5 * time.Second):
		t.Error("no request was sent")
	}
	b.quiet(t, "swaps")
	b.do(t, "back", chromedp.Evaluate(`history.back()`, nil), chromedp.Sleep(time.Second)) // the page itself goes away
	step("back asks the server", `0`, `location.pathname === "/one" && window.stays === undefined && document.getElementById("pages-next") !== null`)
	server.Close()
	step("failure is said", `document.getElementById("save").click()`, `document.querySelector("#toasts [data-toast]")?.textContent.includes("request failed")`)
}
