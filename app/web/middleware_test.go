package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/static"
)

// The log says what happened by the route's pattern: paths, queries and cookies carry patients' identifiers.
func TestTheLogNamesRoutesNotRequests(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	a := s.get("/patients/"+knownPatient+"?metric=heart_rate&note="+marker, as("clinician"), header("User-Agent", marker), header("Referer", "/"+marker))
	a.wantStatus(t, 200)
	s.get("/nothing/"+marker, as(marker)).wantStatus(t, 404)
	s.get("/", header("X-Request-Id", marker)).wantStatus(t, 303)
	log := s.log.String()
	for _, secret := range []string{marker, knownPatient, "Muster", "clinician"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	for _, want := range []string{"request=" + a.header.Get("X-Request-Id"), "route=/patients/:id", "status=200", "method=GET", "route=unknown", "status=404", "route=/ status=303"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// Request ids are the server's own, fresh for each request.
func TestRequestIDs(t *testing.T) {
	s := newSite(t, nil)
	seen := map[string]bool{}
	for range 50 {
		id := s.get("/healthz", header("X-Request-Id", "mine")).header.Get("X-Request-Id")
		if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(id) || seen[id] {
			t.Fatalf("request id %q", id)
		}
		seen[id] = true
	}
}

func TestMachinesMayCallByAnyName(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		s.get(path, func(r *http.Request) { r.Host = "10.0.0.7:8080" }).wantStatus(t, 200)
	}
	for _, path := range []string{"/login", "/sw.js", "/healthz/", "/healthzz"} {
		a := s.get(path, func(r *http.Request) { r.Host = "10.0.0.7:8080" }).wantStatus(t, 307)
		if got := a.header.Get("Location"); got != testOrigin+path {
			t.Errorf("%s by another name leads to %q", path, got)
		}
	}
	s.get("/login", func(r *http.Request) { r.Host = "LOCALHOST:8080" }).wantStatus(t, 200)
}

func TestCookiesOfOtherSchemesDontCount(t *testing.T) {
	var log lockedLog
	server, err := New(Config{Origin: "https://portal.example", Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: testNow}, Deps{Sessions: roleSessions{}})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, server: server, log: &log}
	atHost := func(r *http.Request) { r.Host = "portal.example" }
	s.get("/", atHost, as("admin")).wantStatus(t, 303) // hp_session could have been set over http
	a := s.get("/", atHost, header("Cookie", "__Host-hp_session=ops")).wantStatus(t, 200)
	for _, one := range []answer{a, s.get("/nowhere", atHost), s.get("/login", func(r *http.Request) { r.Host = "10.0.0.1" })} {
		if one.header.Get("Strict-Transport-Security") == "" {
			t.Errorf("status %d came without HSTS", one.status)
		}
	}
}

// Where a request brings several cookies of the name, one of them counts as a whole.
func TestOddCookies(t *testing.T) {
	s := newSite(t, nil)
	for _, cookie := range []string{"", "hp_session", "hp_session=", "=admin", "hp_session=" + strings.Repeat("a", 8000), "HP_SESSION=admin",
		"xhp_session=admin", "hp_session%3dadmin", "hp_session= king"} {
		if a := s.get("/", header("Cookie", cookie)); a.status != 303 && a.status != 400 {
			t.Errorf("cookie %.40q: status %d", cookie, a.status)
		}
	}
}

func TestUnsafeMethodsWithoutARoute(t *testing.T) {
	s := newSite(t, nil)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		for _, path := range []string{"/dashboard", "/healthz", "/static/x", "/login"} {
			if a := s.do(method, path, "", as("clinician"), fromPage).wantHeaders(t); a.status != 405 && a.status != 404 {
				t.Errorf("%s %s: status %d", method, path, a.status)
			}
		}
	}
}

// Static files come in the form that the browser takes, each form with the headers that keep caches right.
func TestStaticFilesInEveryEncoding(t *testing.T) {
	s := newSite(t, nil)
	file, ok := s.server.assets.Lookup(s.server.assets.URL("css/app.css"))
	if !ok {
		t.Fatal("no style sheet")
	}
	for accept, want := range map[string]string{"": "", "identity": "", "br": "br", "gzip": "gzip", "gzip, br": "br", "br;q=0, gzip": "gzip", "gzip;q=0": "", "*": ""} {
		if want != "" && file.Brotli == nil {
			continue // the asset step has not run here: the plain file is right
		}
		a := s.get(file.URL, header("Accept-Encoding", accept)).wantStatus(t, 200)
		body, _ := file.Encoded(accept)
		if a.body != string(body) || a.header.Get("Content-Encoding") != want || !strings.Contains(a.header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%q: %d bytes as %q, Vary %q", accept, len(a.body), a.header.Get("Content-Encoding"), a.header.Get("Vary"))
		}
		if got := a.header.Get("Content-Length"); got != fmt.Sprint(len(body)) {
			t.Errorf("%q: length %s of %d", accept, got, len(body))
		}
	}
	a := s.get(file.URL, header("If-None-Match", `"other"`)).wantStatus(t, 200)
	if a.header.Get("ETag") == "" || a.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", a.header)
	}
	if head := s.do(http.MethodHead, file.URL, ""); head.status != 200 || head.body != "" || head.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes, length %s", head.status, len(head.body), head.header.Get("Content-Length"))
	}
}

// A file's missing is never cached, and asks for no session.
func TestMissingStaticFiles(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{static.Prefix + "css/app.00000000.css", static.Prefix + "%00", static.Prefix + "..%2f..%2fgo.mod", static.Prefix + "css%2fapp.css",
		static.Prefix + "vendor/", static.Prefix + "sw.js", static.Prefix + strings.Repeat("a/", 500)} {
		if got := s.get(path).wantStatus(t, 404).header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%.60s: the 404 may be cached: %q", path, got)
		}
	}
	for _, path := range []string{"/sw.js", "/manifest.webmanifest"} {
		if got := s.get(path).wantStatus(t, 200).header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: cache control %q: an old one would stay", path, got)
		}
	}
}

// No route answers a stranger with anything of a page that needs a session.
func TestEveryRouteHoldsItsPermission(t *testing.T) {
	s := newSite(t, nil)
	for _, rt := range s.server.routes() {
		path := strings.NewReplacer(":id", knownPatient, "*", "x").Replace(rt.path)
		if rt.permission == access.Public {
			continue
		}
		if a := s.do(rt.method, path, "", fromPage); a.status != 303 && a.status != 401 {
			t.Errorf("%s %s answers a stranger with %d", rt.method, rt.path, a.status)
		}
		if rt.permission == access.SignedIn {
			continue
		}
		want := 403
		if apiPath(rt.path) {
			want = 401 // a cookie is nothing there
		}
		if a := s.do(rt.method, path, "", fromPage, as("ops")); a.status != want {
			t.Errorf("%s %s answers a role without %s with %d", rt.method, rt.path, rt.permission, a.status)
		}
	}
}
