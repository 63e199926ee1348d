package attacks

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"healthportal/app/web"
)

// Defence: no answer about people may be stored or compared by a cache; the
// browser forgets at sign-out.
func TestAttack50_SharedBrowser(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	ada, bea := w.as("clinician"), w.as("clinician2")
	paths := []string{"/dashboard", "/patients/" + a.public, "/patients/" + a.public + "/chart", "/dashboard/events?person=" + a.public, "/genomics/reports",
		"/genomics/reports/" + a.pdf, "/genomics/reports/" + a.pdf + "/file", "/genomics/reports/" + a.html + "/file", "/settings/sessions", "/settings/passkeys"}
	for _, path := range paths {
		first := ada.get(path).want(http.StatusOK)
		if got := first.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		// Whatever a cache between them had kept, B's answer is made for B.
		conditional := []edit{set("If-None-Match", "*"), set("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")}
		if tag := first.header.Get("Etag"); tag != "" {
			conditional[0] = set("If-None-Match", tag)
		}
		for _, who := range []*caller{ada.caller, bea.caller, w.caller()} {
			if got := who.get(path, conditional...); got.status == http.StatusNotModified {
				t.Errorf("%s answers 304", path)
			} else if who != ada.caller {
				got.lacks(a.secrets()...)
			}
		}
	}
	browserGoesBack(t, w, ada, bea, a, b)
	// What a browser kept all the same, the next sign-out has it forget.
	cleared := ada.alive().post("/logout", nil).want(http.StatusSeeOther).header.Get("Clear-Site-Data")
	if !strings.Contains(cleared, `"cache"`) || !strings.Contains(cleared, `"storage"`) {
		t.Errorf("sign-out clears %q of the browser", cleared)
	}
}

// browserGoesBack has A and B use one browser, with Back in between.
func browserGoesBack(t *testing.T, w *clinic, ada, bea *human, a, b *patient) {
	t.Helper()
	tab := newTab(t, w.origin)
	tab.adopt(ada.caller)
	tab.open("/patients/" + a.public)
	tab.shows(a.family)
	tab.open("/dashboard")
	tab.shows(a.family)
	tab.do("sign out", submitForm("/logout"))
	tab.until("signed out", `location.pathname === "/login" && document.readyState === "complete"`)
	for range 2 {
		tab.do("go back", chromedp.Evaluate("document.body.id = 'before'", nil), historyBack())
		tab.until("a page", `!!document.body && document.body.id !== "before"`)
		tab.until("a page", `document.readyState === "complete" && !!document.body`)
		if got := tab.eval("document.documentElement.outerHTML"); strings.Contains(got, a.family) || strings.Contains(got, a.number) {
			t.Errorf("Back after sign-out shows the patient at %s", tab.eval("location.href"))
		}
	}
	tab.adopt(bea.caller)
	tab.open("/patients/" + a.public)
	tab.until("a page", `document.readyState === "complete" && !!document.body`)
	if got := tab.eval("document.documentElement.outerHTML"); strings.Contains(got, a.family) {
		t.Error("B sees A's patient at A's address")
	}
	tab.open("/dashboard")
	tab.shows(b.family)
	if got := tab.eval("document.documentElement.outerHTML"); strings.Contains(got, a.family) {
		t.Error("B's list shows A's patient")
	}
	if got := tab.eval(`caches.keys().then(async names => { let n = 0; for (const name of names) for (const r of await (await caches.open(name)).keys()) if (!new URL(r.url).pathname.startsWith("/static/")) n++; return n })`); got != "0" {
		t.Errorf("the service worker keeps %s pages", got)
	}
	if got := tab.eval(`Object.values(localStorage).concat(Object.values(sessionStorage)).join(" ")`); strings.Contains(got, a.family) || strings.Contains(got, b.family) {
		t.Error("the browser's storage holds a name")
	}
}

// Defence: logs carry ids and route patterns; answers carry the portal's own words.
func TestAttack51_PlantedSecrets(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	token := w.invite("late", "ops", "")
	words := []string{a.family, a.given, a.number, a.birth, ada.cookie, ada.csrf(), token}
	provoke := func() {
		for _, path := range []string{"/patients/" + planted, "/patients/" + planted + "/chart?month=" + planted, "/dashboard?after=" + planted, "/dashboard?size=" + planted, "/genomics/reports?q=" + url.QueryEscape(a.family), "/genomics/reports/" + planted + "/file",
			"/" + planted, "/static/" + planted, "/dashboard/events?metric=" + planted + "&person=" + a.public, "/genomics/reports?after=" + planted, "/login?next=/" + planted} {
			got := ada.get(path)
			if got.status >= 400 {
				got.lacks(planted, "store/postgres", "goroutine", "SQLSTATE", w.dir)
			}
		}
		ada.post("/genomics/reports", url.Values{"q": {a.family}}).lacks(w.dir)
		ada.post("/genomics/reports", url.Values{"kind": {planted}}).lacks(w.dir)
		ada.json("/login/finish", map[string]any{"ceremony": planted, "credential": map[string]any{"id": planted}})
		ada.json("/enrol/begin", map[string]any{"token": token})
		ada.json("/enrol/finish", map[string]any{"token": token, "ceremony": planted, "credential": planted, "name": planted})
		w.caller().get("/v1/events?person="+planted, set("Authorization", "Bearer hp_"+planted)).lacks(planted)
		w.dial().send("GET /"+planted+" HTTP/9\r\nCookie: "+ada.cookie+"\r\n\r\n").receive().lacks(planted, ada.cookie)
		w.dial().send(w.ask("GET /healthz HTTP/1.1", "Cookie: "+ada.cookie, "X: "+planted+"\x00")).receive().lacks(planted, ada.cookie)
	}
	provoke()
	for _, path := range []string{"/dashboard", "/patients/" + a.public, "/genomics/reports", "/genomics/reports/" + a.pdf + "/file"} {
		ada.get(path).want(http.StatusOK)
	}
	// The same with tables gone, so that every store fails.
	for _, table := range []string{"health.person", "health.event", "auth.enrolment", "auth.ceremony", "auth.care_team_person"} {
		schema, name, _ := strings.Cut(table, ".")
		w.exec(fmt.Sprintf("ALTER TABLE %s RENAME TO elsewhere", table))
		provoke()
		w.exec(fmt.Sprintf("ALTER TABLE %s.elsewhere RENAME TO %s", schema, name))
	}
	log := w.log.String()
	for line := range strings.Lines(log) {
		// At debug the reader's own input is quoted; it is none of the secrets below.
		if strings.Contains(line, planted) && !strings.Contains(line, "level=DEBUG") {
			t.Errorf("the log quotes what was typed: %s", line)
		}
	}
	for _, word := range append(words, tokenHex(ada.cookie)) {
		if i := strings.Index(log, word); i >= 0 {
			t.Errorf("%q is in the log: ...%s", word, log[max(0, i-200):min(len(log), i+60)])
		}
	}
	audit := one[string](w, "SELECT string_agg(e::text, ' ') FROM audit.entry e")
	for _, word := range []string{a.family, a.given, a.number, ada.cookie, ada.csrf(), token} {
		if strings.Contains(audit, word) {
			t.Errorf("%q is in the audit log", word)
		}
	}
	if n := strings.Count(log, "msg=request "); n < 50 {
		t.Errorf("only %d requests are in the log: it was not this log", n)
	}
}

func tokenHex(token string) string { return fmt.Sprintf("%x", tokenHash(token)) }

// Defence: outermost sets the headers before anything else happens, and answerError once more.
func TestAttack52_HeadersOnErrors(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	check := func(name string, got answer, statuses ...int) {
		t.Helper()
		got.want(statuses...)
		h := got.header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) && want != "object-src 'none'" {
				t.Errorf("%s (%d): the policy lacks %s: %q", name, got.status, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is open: %s", name, policy)
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Server": ""} {
			if got := h.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if len(h.Get("X-Request-Id")) != 16 {
			t.Errorf("%s: no request id", name)
		}
	}
	raw := func(text string) answer { return w.dial().send(text).receive() }
	check("no session", w.caller().get("/dashboard"), 303)
	check("no session, JSON", w.caller().get("/dashboard", set("Accept", "application/json")), 401)
	check("no key", w.caller().get("/v1/events"), 401, 404)
	check("bad query", ada.get("/dashboard?size=x"), 400)
	check("NUL in the query", ada.get("/dashboard?after=%00"), 400)
	check("no rights", w.as("ops").get("/dashboard"), 403)
	check("cross-site", ada.post("/logout", nil, set("Sec-Fetch-Site", "cross-site")), 403)
	check("unknown path", ada.get("/nothing"), 404)
	check("unknown static file", ada.get("/static/none.js"), 404)
	check("unknown patient", ada.get("/patients/none"), 404)
	check("unknown method", raw(w.ask("BREW / HTTP/1.1")), 405)
	check("wrong method", ada.do(http.MethodDelete, "/dashboard", nil), 405, 404)
	check("gone ceremony", ada.json("/login/finish", map[string]any{"ceremony": strings.Repeat("A", 43), "credential": map[string]any{}}), 409)
	check("other patient's fragment", ada.get("/patients/"+a.public, set("HX-Request", "true"), set("HX-Current-URL", w.origin+"/patients/other")), 409)
	// Announced only: who is still sending may see the connection's end before the answer.
	check("too large", raw(w.ask("POST /login/begin HTTP/1.1", "Content-Type: application/json", "Origin: "+w.origin, "Content-Length: "+itoa(mebi+1))), 413)
	check("wrong type", ada.json("/login/begin", map[string]any{}, set("Content-Type", "text/plain")), 415)
	check("compressed", ada.json("/login/begin", map[string]any{}, set("Content-Encoding", "gzip")), 415)
	check("headers too large", raw(w.ask("GET / HTTP/1.1", "X-A: "+strings.Repeat("x", 20<<10))), 431)
	check("no HTTP", raw("nonsense\r\n\r\n"), 400)
	check("another host", raw("POST /logout HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n"), 421)
	// What fails inside carries them too.
	w.exec("ALTER TABLE health.person RENAME TO elsewhere")
	check("database fails", ada.get("/dashboard"), 503)
	check("database fails, fragment", ada.get("/dashboard", set("HX-Request", "true")), 503)
	w.exec("ALTER TABLE health.elsewhere RENAME TO person")
	w.exec("ALTER TABLE audit.entry RENAME TO elsewhere")
	check("the log fails", ada.get("/dashboard"), 503)
	w.exec("ALTER TABLE audit.elsewhere RENAME TO entry")
	w.eventually("the log's return", func() bool { return ada.get("/dashboard").status == http.StatusOK })
	for _, rt := range web.RouteDocs() {
		if rt.Permission != "public" {
			check(rt.Method+" "+rt.Path, w.caller().do(rt.Method, fillWith(rt.Path, "x"), nil, set("Origin", w.origin)), 303, 401, 403, 404, 415, 400)
		}
	}
}
