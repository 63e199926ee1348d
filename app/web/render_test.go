package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"healthportal/app/access"
)

// text is a component that writes s.
func text(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	})
}

// halfway is a component that breaks after it wrote something.
func halfway(context.Context, io.Writer) error { return errors.New("the component broke on Muster") }

// showing is a site with p at /probe.
func showing(t *testing.T, p page) *site {
	t.Helper()
	s := newSite(t, nil)
	s.server.app.Get("/probe", s.server.serve(route{permission: access.SignedIn, handle: func(r *request) error { return r.render(p) }}))
	return s
}

func TestOneHandlerServesPageAndFragment(t *testing.T) {
	s := showing(t, page{title: "Probe", body: text("<p>the body</p>"), fragment: text("<p>the part</p>"), patient: text("<p>the patient</p>"),
		banner: text("<p>the notice</p>"), scripts: []string{"js/viewer.js"}, wide: true})
	a := s.get("/probe", as("clinician")).wantStatus(t, 200).wantHeaders(t)
	a.wantText(t, "<!doctype html", "<title>Probe · Example Clinic</title>", "the body", "the patient", "the notice", "content-wide",
		s.server.assets.URL("js/viewer.js"), "Test User", testCSRF, a.header.Get("X-Request-Id")).wantNoText(t, "the part")
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	part := s.get("/probe", as("clinician"), asFragment).wantStatus(t, 200).wantText(t, "the part", "the patient").wantNoText(t, "the body", "<html")
	for _, one := range []answer{a, part} {
		if got := one.header.Get("Vary"); !strings.Contains(got, "HX-Request") || !strings.Contains(got, "HX-Request-Type") || !strings.Contains(got, "HX-Current-URL") {
			t.Errorf("Vary is %q: a cache could mix page and fragment", got)
		}
	}
	// htmx going back in history, or asking for the full page, gets the page.
	s.get("/probe", as("clinician"), asFragment, header("HX-History-Restore-Request", "true")).wantText(t, "<!doctype html")
	s.get("/probe", as("clinician"), asFragment, header("HX-Request-Type", "full")).wantText(t, "<!doctype html")
	showing(t, page{title: "Probe", body: text("only body")}).get("/probe", as("admin"), asFragment).wantText(t, "only body").wantNoText(t, "<html")
}

// The form of a request never opens what the role doesn't.
func TestFragmentsNeedTheSameRights(t *testing.T) {
	s := newSite(t, nil)
	s.server.app.Get("/probe", s.server.serve(route{permission: access.PatientsRead, handle: func(r *request) error {
		return r.render(page{title: "Probe", body: text("secret body")})
	}}))
	s.get("/probe", asFragment).wantStatus(t, 401).wantNoText(t, "secret body")
	s.get("/probe", as("ops"), asFragment).wantStatus(t, 403).wantNoText(t, "secret body")
	s.get("/probe", as("ops"), header("Accept", "application/json")).wantStatus(t, 403).wantNoText(t, "secret body")
	s.get("/probe", as("clinician"), asFragment).wantStatus(t, 200).wantText(t, "secret body")
}

func TestABrokenComponentLeavesNoHalfPage(t *testing.T) {
	broken := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return errors.Join(text("<p>first half").Render(ctx, w), halfway(ctx, w))
	})
	s := showing(t, page{title: "Probe", body: broken})
	a := s.get("/probe", as("clinician")).wantStatus(t, 503).wantNoText(t, "first half", "Muster").wantHeaders(t)
	a.wantText(t, "<!doctype html", a.header.Get("X-Request-Id"))
	if strings.Count(a.body, "<html") != 1 {
		t.Error("the answer holds two pages")
	}
	s.get("/probe", as("clinician"), asFragment).wantStatus(t, 503).wantNoText(t, "first half", "<html")
}

func TestErrorPagesKeepTheShellOfTheReader(t *testing.T) {
	s := newSite(t, nil)
	s.server.app.Get("/fails", s.server.serve(route{permission: access.SignedIn, handle: func(*request) error { return errSecret }}))
	s.get("/fails", as("clinician")).wantStatus(t, 503).wantText(t, "Test User", `href="/dashboard"`, "Try again in a moment").wantNoText(t, "Muster", "10.0.0.1")
	s.get("/nowhere").wantStatus(t, 404).wantText(t, "There is no such page").wantNoText(t, "Test User", `href="/dashboard"`)
	// What was written before the error is not sent along.
	s.server.app.Get("/late", s.server.serve(route{permission: access.SignedIn, handle: func(r *request) error {
		r.c.Set("Cache-Control", "public, max-age=31536000")
		if err := r.c.SendString("patient Muster"); err != nil {
			return err
		}
		return errSecret
	}}))
	s.get("/late", as("clinician")).wantStatus(t, 503).wantNoText(t, "Muster").wantHeaders(t)
}

func TestNavigationShowsWhatTheRolesOpen(t *testing.T) {
	labels := func(roles ...access.Role) string {
		var all []string
		for _, item := range navigation(access.Principal{UserID: 1, Roles: roles}) {
			all = append(all, item.Label)
		}
		return strings.Join(all, " ")
	}
	for want, roles := range map[string][]access.Role{
		"Patients Events Break the glass Reports": {access.Clinician},
		"Reports": {access.Analyst},
		"":        {access.Ops},
		"People Care teams API keys Audit log Break-glass reviews": {access.Admin},
	} {
		if got := labels(roles...); got != want {
			t.Errorf("%v see %q, want %q", roles, got, want)
		}
	}
	// Every entry leads somewhere, and only to what its readers may open.
	s := newSite(t, nil)
	for _, item := range navigation(access.Principal{Roles: []access.Role{access.Clinician, access.Analyst}}) {
		s.get(item.Href).wantStatus(t, 303)
		s.get(item.Href, as("ops")).wantStatus(t, 403)
	}
}

func TestSyntheticDataIsSaidOnEveryPage(t *testing.T) {
	s := newSite(t, nil)
	s.server.cfg.Synthetic = true
	for _, path := range []string{"/login", "/enrol", "/nowhere"} {
		if a := s.get(path); !strings.Contains(a.body, "ynthetic") {
			t.Errorf("%s does not say that the data is made up", path)
		}
	}
	s.get("/", as("ops")).wantStatus(t, 200).wantText(t, "Synthetic data")
	newSite(t, nil).get("/", as("ops")).wantNoText(t, "ynthetic")
}

func TestRedirects(t *testing.T) {
	s := newSite(t, nil)
	a := s.get("/", as("clinician"), asFragment).wantStatus(t, 204)
	if got := a.header.Get("HX-Redirect"); got != "/dashboard" || a.header.Get("Location") != "" {
		t.Errorf("htmx is sent to %q, %q", got, a.header.Get("Location"))
	}
	s.get("/", as("clinician"), asFragment, header("HX-Request-Type", "full")).wantStatus(t, 204)
	s.get("/", as("clinician"), header("HX-Request", "1")).wantStatus(t, 303)
	if got := s.get("/").wantStatus(t, 303).header.Get("Location"); got != "/login" {
		t.Errorf("the start page leads to %q", got)
	}
	// A refused POST is not repeated after sign-in.
	s.do(http.MethodPost, "/logout", "", fromPage).wantStatus(t, 401).wantText(t, "You are signed out")
}
