package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

func TestRoutesWithoutPermissionStopTheStart(t *testing.T) {
	handler := func(*request) error { return nil }
	for name, table := range map[string][]route{
		"no permission": {{method: "GET", path: "/x", handle: handler}},
		"no handler":    {{method: "GET", path: "/x", permission: access.Public}},
		"twice": {{method: "GET", path: "/x", permission: access.Public, handle: handler},
			{method: "GET", path: "/x", permission: access.SignedIn, handle: handler}},
	} {
		if err := checkRoutes(table); err == nil || !strings.Contains(err.Error(), "/x") {
			t.Errorf("%s: error %v, want one that names the route", name, err)
		}
	}
	if err := checkRoutes((&Server{}).routes()); err != nil {
		t.Error(err)
	}
}

func TestNewRefusesABadOrigin(t *testing.T) {
	for _, origin := range []string{"", "localhost", "::"} {
		if _, err := New(Config{Origin: origin}, Deps{}); err == nil {
			t.Errorf("origin %q was accepted", origin)
		}
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/", "/healthz", "/nothing-here", "/login", "/static/none.css"} {
		a := s.get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy":      contentPolicy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if len(a.header.Get("X-Request-Id")) != 16 {
			t.Errorf("%s: request id %q", path, a.header.Get("X-Request-Id"))
		}
		if a.header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS over http", path)
		}
	}
}

func TestHTTPSOriginsGetHSTSAndHostCookies(t *testing.T) {
	server, err := New(Config{Origin: "https://portal.example", Logger: newSite(t, nil).server.cfg.Logger, Now: testNow}, Deps{Sessions: roleSessions{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := SessionCookie(server.origin); got != "__Host-hp_session" {
		t.Errorf("cookie %q", got)
	}
	res := (&site{t: t, server: server}).do(http.MethodGet, "/healthz", "", func(r *http.Request) { r.Host = "portal.example" })
	if res.header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS over https")
	}
}

func TestHealthAndReadiness(t *testing.T) {
	bad := errors.New("dial tcp 10.1.2.3: refused")
	s := newSite(t, func(d *Deps) {
		d.Checks = []Check{
			{"postgres", func(context.Context) error { return bad }},
			{"mirror", func(context.Context) error { return nil }},
		}
	})
	s.get("/healthz").wantStatus(t, 200).wantText(t, "ok")
	a := s.get("/readyz").wantStatus(t, 503).wantText(t, `"postgres":"failed"`, `"mirror":"ok"`).wantNoText(t, "10.1.2.3")
	var body struct{ Ready bool }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Ready {
		t.Errorf("ready %v, error %v", body.Ready, err)
	}
	newSite(t, nil).get("/readyz").wantStatus(t, 200).wantText(t, `"ready":true`)
}

func TestSignedOutReadersAreSentToSignIn(t *testing.T) {
	s := newSite(t, nil)
	a := s.get("/?x=1").wantStatus(t, 303)
	if got := a.header.Get("Location"); got != "/login?next=%2F%3Fx%3D1" {
		t.Errorf("location %q", got)
	}
	a = s.get("/", asFragment).wantStatus(t, 401)
	if got := a.header.Get("HX-Redirect"); got != "/login" {
		t.Errorf("HX-Redirect %q", got)
	}
	s.get("/", as("nonsense")).wantStatus(t, 303)
	s.get("/", header("Accept", "application/json")).wantStatus(t, 401).wantText(t, `"status":401`)
}

func TestHomeLeadsToTheFirstOpenPage(t *testing.T) {
	s := newSite(t, nil)
	for role, want := range map[string]string{"clinician": "/dashboard", "analyst": "/genomics/reports", "analyst+clinician": "/dashboard", "privacy": "/admin/audit"} {
		if got := s.get("/", as(role)).wantStatus(t, 303).header.Get("Location"); got != want {
			t.Errorf("%s is sent to %q, want %q", role, got, want)
		}
	}
	if got := s.get("/", as("admin")).wantStatus(t, 303).header.Get("Location"); !strings.HasPrefix(got, "/admin/") {
		t.Errorf("an administrator is sent to %q", got)
	}
	for _, role := range []string{"ops"} {
		s.get("/", as(role)).wantStatus(t, 200).wantText(t, "Nothing is open to your roles yet", "Test User")
	}
}

func TestSessionStoreFailing(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Sessions = roleSessions{err: errors.New("pq: secret detail")} })
	a := s.get("/", as("clinician")).wantStatus(t, 503).wantNoText(t, "secret detail")
	a.wantText(t, a.header.Get("X-Request-Id"))
	if !strings.Contains(s.log.String(), "secret detail") {
		t.Error("the cause is not in the log")
	}
}

func TestErrorsByKindAndForm(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{health.ErrNotFound, 404}, {access.ErrDenied, 403}, {errSignedOut, 401}, {context.DeadlineExceeded, 503},
		{errPanic, 500}, {errors.New("driver: boom"), 503}, {badInput("day", errors.New("not a date")), 400}, {errCrossSite, 403},
	} {
		e := classify(c.err)
		if e.Status != c.status || e.What == "" || e.Do == "" {
			t.Errorf("%v: %+v, want status %d and words", c.err, e, c.status)
		}
		if strings.Contains(e.What+e.Do, "boom") {
			t.Errorf("%v: the cause reaches the reader", c.err)
		}
	}
	s := newSite(t, nil)
	s.get("/nothing").wantStatus(t, 404).wantText(t, "<!doctype html", "Not Found")
	s.get("/nothing", asFragment).wantStatus(t, 404).wantText(t, "Not Found").wantNoText(t, "<html")
	a := s.get("/nothing", header("Accept", "application/json")).wantStatus(t, 404)
	if got := a.header.Get("Content-Type"); got != mimeProblem {
		t.Errorf("content type %q", got)
	}
	s.do(http.MethodPost, "/", "", fromPage).wantStatus(t, 405)
	s.get("/nothing", as("clinician")).wantStatus(t, 404)
}

func TestOtherHostsAreSentToTheOrigin(t *testing.T) {
	s := newSite(t, nil)
	byIP := func(r *http.Request) { r.Host = "127.0.0.1:8080" }
	if got := s.get("/login?next=%2Fdashboard", byIP).wantStatus(t, 307).header.Get("Location"); got != testOrigin+"/login?next=%2Fdashboard" {
		t.Errorf("location %q", got)
	}
	s.do(http.MethodPost, "/logout", "", byIP, fromPage).wantStatus(t, 421)
	s.get("/healthz", byIP).wantStatus(t, 200)
}

func TestUnsafeRequestsFromElsewhere(t *testing.T) {
	s := newSite(t, nil)
	s.server.app.Post("/probe", s.server.serve(route{permission: access.SignedIn, handle: func(r *request) error { return r.c.SendString("done") }}))
	good := []option{as("clinician"), fromPage}
	s.do(http.MethodPost, "/probe", "", good...).wantStatus(t, 200).wantText(t, "done")
	for name, change := range map[string]option{
		"cross-site":  header("Sec-Fetch-Site", "cross-site"),
		"same-site":   header("Sec-Fetch-Site", "same-site"),
		"null origin": header("Origin", "null"),
		"other port":  header("Origin", "http://localhost:9999"),
		"wrong token": header("X-CSRF-Token", "guess"),
		"no token":    header("X-CSRF-Token", ""),
		"no headers": func(r *http.Request) {
			r.Header.Del("Origin")
			r.Header.Del("Sec-Fetch-Site")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.do(http.MethodPost, "/probe", "", append(good, change)...).wantStatus(t, 403)
		})
	}
	s.do(http.MethodPost, "/probe", "csrf="+testCSRF, as("clinician"), fromPage, header("X-CSRF-Token", ""),
		header("Content-Type", "application/x-www-form-urlencoded")).wantStatus(t, 200)
	s.do(http.MethodPost, "/probe", "", append(good, header("Content-Encoding", "gzip"))...).wantStatus(t, 415)
}

func TestPanicsAnswerAndLeakNothing(t *testing.T) {
	s := newSite(t, nil)
	s.server.app.Get("/boom", s.server.serve(route{permission: access.Public, handle: func(*request) error { panic("patient Doe") }}))
	s.get("/boom").wantStatus(t, 500).wantNoText(t, "Doe")
	if strings.Contains(s.log.String(), "Doe") {
		t.Error("the panic's value is in the log")
	}
	s.get("/healthz").wantStatus(t, 200)
}

func TestPathsAreTakenAsTheyStand(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/HEALTHZ", "//healthz", "/%68ealthz", "/healthz;/x", "/healthz/"} {
		if a := s.get(path); a.status == 200 {
			t.Errorf("%s answered 200", path)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/dashboard": "/dashboard", "/dashboard/events?person=p&day=2026-03-29": "/dashboard/events?person=p&day=2026-03-29",
		"": "/", "//evil": "/", `/\evil`: "/", "javascript:alert(1)": "/", "/%09/evil": "/", "/\t/evil": "/", "https://evil/": "/",
		"@evil": "/", "/%2f/evil": "/", "/%5cevil": "/", "/a\r\nSet-Cookie: x": "/",
	} {
		if got := LocalPath(next, "/"); got != want {
			t.Errorf("LocalPath(%q) is %q, want %q", next, got, want)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	s := newSite(t, nil)
	url := s.server.assets.URL("css/app.css")
	a := s.get(url).wantStatus(t, 200)
	if got := a.header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("cache control %q", got)
	}
	s.get(url, header("If-None-Match", a.header.Get("ETag"))).wantStatus(t, 304)
	for _, path := range []string{"/static/css/app.css", "/static/../go.mod", "/static/%2e%2e/go.mod", "/static/css/", "/static/"} {
		s.get(path).wantStatus(t, 404)
	}
	if got := s.get("/manifest.webmanifest").wantStatus(t, 200).header.Get("Content-Type"); got != "application/manifest+json" {
		t.Errorf("manifest type %q", got)
	}
	s.get("/sw.js").wantStatus(t, 200).wantNoText(t, "__FILES__", "/dashboard")
	s.do(http.MethodHead, "/healthz", "").wantStatus(t, 200)
	s.get(s.get("/favicon.ico").wantStatus(t, 303).header.Get("Location")).wantStatus(t, 200)
}

func TestWorkerScriptAloneMayCompileWebAssembly(t *testing.T) {
	s := newSite(t, nil)
	if !s.server.assets.Has("pdfjs/legacy/build/pdf.worker.min.mjs") {
		t.Log("pdf.js is not fetched here: the policy is checked in the browser test")
	} else if a := s.get(s.server.assets.URL("pdfjs/legacy/build/pdf.worker.min.mjs")); !strings.Contains(a.header.Get("Content-Security-Policy"), "wasm-unsafe-eval") {
		t.Errorf("policy of the worker: %q", a.header.Get("Content-Security-Policy"))
	}
	if strings.Contains(contentPolicy, "unsafe") || strings.Count(workerPolicy(), "unsafe") != 1 {
		t.Errorf("worker policy %q", workerPolicy())
	}
}

func TestParametersThatNoTextHolds(t *testing.T) {
	s := newSite(t, nil)
	for _, query := range []string{"?person=%00", "?q=%ff%fe", "?%00=1", "?a=1&b=%c3%28"} {
		s.get("/healthz"+query).wantStatus(t, 400).wantText(t, "characters that no text has")
	}
	s.get("/healthz?q=%C3%96rnek").wantStatus(t, 200)
}
