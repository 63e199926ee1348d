package attacks

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"healthportal/app/web"
)

// expected says, a second time and by hand, who may ask for each route. A route
// of the live table that is not listed here fails the test, and so does a line
// without a route.
func expected() map[string]string {
	rules := map[string]string{}
	for who, routes := range map[string]string{
		"anybody": "GET /healthz|GET /readyz|GET /manifest.webmanifest|GET /sw.js|GET /favicon.ico|GET /static/*|GET /login|POST /login/begin|" +
			"POST /login/finish|GET /enrol|POST /enrol/begin|POST /enrol/finish",
		"token": "GET /v1/genomics/reports/:id/file",
		"key":   "GET /v1/key|GET /v1/events|GET /v1/events/export|GET /v1/genomics/reports|GET /v1/genomics/reports/:id",
		"signed in": "GET /|POST /logout|POST /session/activity|GET /session/state|POST /session/lock|POST /session/mode|GET /verify|POST /verify/begin|POST /verify/finish|" +
			"GET /notices|POST /notices/seen|GET /settings/sessions|POST /settings/sessions/:id/end|POST /settings/sessions/end-others|GET /settings/passkeys|" +
			"POST /settings/passkeys/begin|POST /settings/passkeys/finish|POST /settings/passkeys/:id/name|POST /settings/passkeys/:id/remove|" +
			"GET /settings/keys|GET /dashboard/events/exports/:id|POST /settings/keys/:id/revoke",
		"clinician": "GET /dashboard|POST /dashboard/search|GET /dashboard/events|GET /dashboard/events/:id/versions|POST /dashboard/events/view|POST /dashboard/events/view/forget|GET /dashboard/events/export|GET /dashboard/events/export.csv|GET /dashboard/events/export.ndjson|GET /patients/:id|GET /patients/:id/chart|GET /patients/:id/access|" +
			"GET /settings/ranges|POST /settings/ranges/:metric/sign-off|POST /settings/ranges/:metric/withdraw|" +
			"GET /break-glass|POST /break-glass/find|POST /break-glass/open|POST /break-glass/:id/end",
		"clinician analyst": "GET /genomics/reports|POST /genomics/reports|GET /genomics/reports/:id|GET /genomics/reports/:id/file",
		"researcher":        "GET /research|GET /research/events|GET /research/participants|GET /research/participants/:pseudonym",
		"privacy":           "POST /admin/break-glass/:id/review",
		"privacy admin":     "GET /admin/audit|POST /admin/audit/patient|GET /admin/audit/export.csv|GET /admin/break-glass",
		"admin": "GET /admin/users|POST /admin/users/search|GET /admin/users/new|POST /admin/users|GET /admin/users/:id|POST /admin/users/:id/roles|" +
			"POST /admin/users/:id/disable|POST /admin/users/:id/enable|POST /admin/users/:id/enrol-link|POST /admin/users/:id/revoke-link|" +
			"POST /admin/users/:id/passkeys/:key/remove|POST /admin/users/:id/sessions/end|POST /admin/users/:id/sessions/:session/end|" +
			"GET /admin/teams|POST /admin/teams|GET /admin/teams/:id|POST /admin/teams/:id/name|POST /admin/teams/:id/users|POST /admin/teams/:id/patients|" +
			"POST /admin/teams/:id/users/:membership/end|POST /admin/teams/:id/patients/:membership/end|" +
			"GET /admin/api-keys|POST /admin/api-keys|POST /admin/api-keys/:id/revoke",
	} {
		for route := range strings.SplitSeq(routes, "|") {
			rules[route] = who
		}
	}
	return rules
}

// verifyFirst are the acts that ask for a passkey check within five minutes.
func verifyFirst(route string) bool {
	method, path, _ := strings.Cut(route, " ")
	switch {
	case route == "GET /admin/audit/export.csv", route == "POST /break-glass/open":
		return true
	case route == "POST /admin/users/search", route == "POST /admin/audit/patient", strings.HasSuffix(path, "/name") && strings.HasPrefix(path, "/settings"):
		return false
	}
	return method == http.MethodPost && (strings.HasPrefix(path, "/admin/") || strings.HasPrefix(path, "/settings/passkeys/") || strings.HasPrefix(path, "/settings/ranges/"))
}

func everyRole() []string {
	return []string{"clinician", "clinician2", "analyst", "researcher", "ops", "privacy", "admin"}
}

// alive signs h in again where something has ended or locked the session.
func (h *human) alive() *human {
	h.w.t.Helper()
	if one[int](h.w, "SELECT count(*) FROM auth.session WHERE token_hash = $1 AND ended_at IS NULL AND locked_at IS NULL", tokenHash(h.cookie)) == 0 {
		h.cookie = ""
		h.signIn().want(http.StatusOK)
		h.settle()
	}
	return h
}

// Defence: the permission of each route, checked in one place, and the rights of each role.
func TestAttack24_Matrix(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	rules, live := expected(), map[string]bool{}
	for _, rt := range web.RouteDocs() {
		route := rt.Method + " " + rt.Path
		live[route] = true
		who, listed := rules[route]
		if !listed {
			t.Errorf("the route %s is not listed here: nobody has said who may ask for it", route)
			continue
		}
		byRole := who != "anybody" && who != "signed in" && who != "key" && who != "token"
		if rt.Permission == "" || rt.Audit == "" && (byRole || who == "key" || who == "token") {
			t.Errorf("%s declares permission %q and audit kind %q", route, rt.Permission, rt.Audit)
		}
		if rt.StepUp != verifyFirst(route) {
			t.Errorf("%s: a fresh passkey check is asked for: %v, want %v", route, rt.StepUp, !rt.StepUp)
		}
		w.tryRoute(rt, who, a)
	}
	for route := range rules {
		if !live[route] {
			t.Errorf("%s is listed here and served nowhere", route)
		}
	}
	w.staleChecks(rules, a)
	w.otherMethods(live)
}

// staleChecks asks for every sensitive act five minutes after the passkey check,
// as somebody who may do it, and again after another check.
func (w *clinic) staleChecks(rules map[string]string, a *patient) {
	w.t.Helper()
	for _, role := range everyRole() {
		w.as(role).alive()
	}
	w.exec("UPDATE auth.session SET verified_at = now() - interval '5 minutes' WHERE ended_at IS NULL")
	w.restart()
	held := func(h *human, rt web.RouteDoc) bool {
		path := fillWith(strings.Replace(rt.Path, "/patients/:id", "/patients/"+a.public, 1), strings.Repeat("a1b2", 8))
		if rt.Method == http.MethodGet {
			return strings.HasPrefix(h.get(path).header.Get("Location"), "/verify?")
		}
		got := h.post(path, nil)
		return got.status == http.StatusForbidden && strings.Contains(got.body, "fresh check of your passkey")
	}
	for _, verified := range []bool{false, true} {
		asked := 0
		for _, rt := range web.RouteDocs() {
			if !rt.StepUp {
				continue
			}
			who := strings.Fields(rules[rt.Method+" "+rt.Path])[0]
			if who == "signed" {
				who = "ops"
			}
			h := w.as(who)
			if verified {
				h.alive().verify().want(http.StatusOK)
			}
			asked++
			if held(h, rt) == verified {
				w.t.Errorf("%s %s as %s, checked a moment ago: %v: held back: %v", rt.Method, rt.Path, who, verified, !verified)
			}
		}
		if asked < 20 {
			w.t.Errorf("only %d sensitive acts were tried", asked)
		}
	}
}

// tryRoute asks for a route signed out and as each role.
func (w *clinic) tryRoute(rt web.RouteDoc, who string, a *patient) {
	w.t.Helper()
	path := rt.Path
	if strings.HasPrefix(path, "/patients/") {
		path = strings.Replace(path, ":id", a.public, 1)
	}
	path = fillWith(path, strings.Repeat("a1b2", 8))
	nobody := w.caller()
	var got answer
	if rt.Method == http.MethodPost && strings.HasPrefix(rt.Path, "/login") || strings.HasPrefix(rt.Path, "/enrol") && rt.Method == http.MethodPost {
		got = nobody.json(path, map[string]any{})
	} else {
		got = nobody.do(rt.Method, path, nil, set("Origin", w.origin))
	}
	if passed(got) != (who == "anybody") {
		w.t.Errorf("%s %s signed out: %d to %q, want it open: %v", rt.Method, rt.Path, got.status, got.header.Get("Location"), who == "anybody")
	}
	if who == "anybody" {
		return
	}
	for _, role := range everyRole() {
		h := w.as(role).alive()
		form := url.Values{}
		if rt.Path == "/session/mode" {
			form.Set("research", "x")
		}
		var got answer
		if rt.Method == http.MethodPost {
			got = h.post(path, form)
		} else {
			got = h.get(path)
		}
		allowed := who == "signed in" || slices.Contains(strings.Fields(who), strings.TrimSuffix(role, "2"))
		if passed(got) != allowed {
			w.t.Errorf("%s %s as %s: %d to %q, want it open: %v", rt.Method, rt.Path, role, got.status, got.header.Get("Location"), allowed)
		}
		if role != "clinician" && role != "analyst" {
			got.lacks(a.family, a.given)
		}
	}
}

// passed reports whether the answer came from the route's own handler.
func passed(a answer) bool {
	location := a.header.Get("Location")
	switch {
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status >= 500:
		return false
	case a.status == http.StatusSeeOther && (strings.HasPrefix(location, "/login?next=") || location == "/login" && a.what != "POST /logout" || strings.HasPrefix(location, "/verify")):
		return false
	}
	return true
}

// otherMethods asks for every path by every method that the table does not name.
func (w *clinic) otherMethods(live map[string]bool) {
	w.t.Helper()
	admin := w.as("admin").alive()
	seen := map[string]bool{}
	for route := range live {
		_, path, _ := strings.Cut(route, " ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "CONNECT"} {
			name := method + " " + path
			if live[name] || method == "HEAD" && live["GET "+path] || seen[name] {
				continue
			}
			seen[name] = true
			raw := w.dial().send(w.ask(method+" "+fillWith(path, "new")+" HTTP/1.1", "Cookie: "+cookieName+"="+admin.cookie, "X-CSRF-Token: "+admin.csrf(),
				"Origin: "+w.origin, "Content-Length: 0", "Connection: close"))
			if method == "HEAD" {
				continue // its answer has no body to read
			}
			got := raw.receive()
			// An id may be a word of another route: "new" answers GET /admin/users/:id as its form.
			if (got.status < 400 || got.status >= 500) && !live[method+" "+strings.Replace(path, ":id", "new", 1)] {
				w.t.Errorf("%s: %d", name, got.status)
			}
		}
	}
	if len(seen) < 100 {
		w.t.Error(fmt.Sprint("only ", len(seen), " methods were tried"))
	}
}
