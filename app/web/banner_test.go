package web

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

// bannerPages are the routes whose answers show one patient, each with an address of it.
func bannerPages() map[string]string {
	return map[string]string{
		"GET /dashboard/events":              "/dashboard/events?person=" + knownPatient + "&metric=heart_rate",
		"GET /dashboard/events/:id/versions": versionsPath(5) + "?person=" + knownPatient,
		"GET /dashboard/events/export":       "/dashboard/events/export?person=" + knownPatient,
		"GET /patients/:id":                  "/patients/" + knownPatient,
		"GET /patients/:id/chart":            "/patients/" + knownPatient + "/chart?metric=heart_rate",
		"GET /patients/:id/access":           "/patients/" + knownPatient + "/access",
		"GET /genomics/reports":              "/genomics/reports?person=" + knownPatient,
		"GET /genomics/reports/:id":          "/genomics/reports/p1html",
	}
}

// bannerless are the other routes that people with these permissions reach, and why they need no banner.
func bannerless() map[string]string {
	return map[string]string{
		"GET /dashboard":                      "many patients, each row with name, birth date and record number",
		"POST /dashboard/search":              "as above",
		"POST /dashboard/events/view":         "a redirect to the patient's table",
		"POST /dashboard/events/view/forget":  "a redirect to the patient's table",
		"GET /dashboard/events/export.csv":    "a file, which names the patient in each row",
		"GET /dashboard/events/export.ndjson": "a file, which names the patient in each row",
		"POST /genomics/reports":              "the list of GET /genomics/reports, by the same handler",
		"GET /genomics/reports/:id/file":      "the document itself",
		"GET /break-glass":                    "nobody yet",
		"POST /break-glass/find":              "what the reader typed: nothing of the patient is shown before the glass is broken",
		"POST /break-glass/open":              "a redirect to the patient's page",
		"POST /break-glass/:id/end":           "a redirect",
	}
}

func versionsPath(id int64) string {
	return "/dashboard/events/" + health.Cursor{At: testNow(), ID: id}.String() + "/versions"
}

// bannerSite has Anna with events, and her report p1html.
func bannerSite(t *testing.T, person PatientStore) *site {
	t.Helper()
	w := newReportWorld(t)
	w.report("p1html").PersonID = 42
	f := withData()
	f.versions = []health.EventVersion{{Event: f.page.Events[1], Received: testNow()}}
	return newSite(t, func(d *Deps) {
		healthSite(f)(d)
		if person != nil {
			d.Patients = person
		}
		d.Lookers = fakeLookers{page: someLookers()}
		d.Reports, d.ReportRights, d.ReportFiles = annasReports{w}, annasRights{d.Patients}, w.server.deps.ReportFiles
	})
}

// annasReports knows no person but Anna.
type annasReports struct{ *reportWorld }

func (annasReports) Persons(context.Context, []int64) (map[health.PersonID]health.Person, error) {
	return map[health.PersonID]health.Person{42: anna()}, nil
}

// annasRights are those of a clinician of her care team.
type annasRights struct{ PatientStore }

func (annasRights) PersonsOf(context.Context, int64) ([]health.PersonID, error) {
	return []health.PersonID{42}, nil
}

// A route that people with such permissions reach is in one of the two tables, so that a new one is thought of.
func TestEveryRouteAboutPatientsIsKnown(t *testing.T) {
	about := []access.Permission{access.PatientsRead, access.EventsRead, access.ReportsRead, access.LookersRead, access.BreakGlass}
	pages, none := bannerPages(), bannerless()
	seen := 0
	for _, route := range bannerSite(t, nil).server.routes() {
		name := route.method + " " + route.path
		if apiPath(route.path) || !slices.Contains(about, route.permission) {
			if pages[name] != "" || none[name] != "" {
				t.Errorf("%s asks for %s", name, route.permission)
			}
			continue
		}
		seen++
		if (pages[name] == "") == (none[name] == "") {
			t.Errorf("%s: say in one table what it shows of the patient", name)
		}
	}
	if seen != len(pages)+len(none) {
		t.Errorf("%d routes, %d in the tables", seen, len(pages)+len(none))
	}
}

// bannerOf is the part of an answer that says who the patient is.
func bannerOf(body string) string {
	_, rest, ok := strings.Cut(body, `<div class="patient" role="group" aria-label="Patient">`)
	if !ok {
		return ""
	}
	banner, _, _ := strings.Cut(rest, "patient-alike")
	end, _, _ := strings.Cut(rest[len(banner):], "</p>")
	return banner + end
}

// wantBanner fails unless the answer names Anna once, with all that tells her from others.
func (a answer) wantBanner(t *testing.T, where string) {
	t.Helper()
	banner := bannerOf(a.body)
	for _, want := range []string{"Muster&lt;b&gt;, Anna", "4 March 1980", "46 years", "female", "R-1", "Similar name", "Hanna", "R-2"} {
		if !strings.Contains(banner, want) {
			t.Errorf("%s: the banner lacks %q: %s", where, want, banner)
		}
	}
	if n := strings.Count(a.body, `class="patient"`); n != 1 {
		t.Errorf("%s: %d banners", where, n)
	}
}

// Each page of a patient has the banner where print repeats it. Its fragments keep that of
// the page that they go to, or bring their own, and none goes to another patient's page.
func TestBannerOnEveryPageAndFragment(t *testing.T) {
	s := bannerSite(t, nil)
	for name, path := range bannerPages() {
		t.Run(name, func(t *testing.T) {
			page := s.get(path, as("clinician")).wantStatus(t, http.StatusOK)
			page.wantBanner(t, "page")
			_, head, _ := strings.Cut(page.body, `<div class="sheet-head">`)
			if head, _, _ = strings.Cut(head, `<div class="sheet-body">`); bannerOf(head) == "" {
				t.Error("the banner does not stand where print repeats it")
			}
			if _, title, _ := strings.Cut(page.body, "<title>"); strings.Contains(title[:strings.Index(title, "</title>")], "Muster") {
				t.Error("the title names the patient")
			}
			for from, own := range map[string]bool{
				"/patients/" + knownPatient: true, "/patients/" + knownPatient + "/chart?zoom=days": true, "/dashboard/events?metric=x&person=" + knownPatient: true,
				"/dashboard": false, "/genomics/reports/p1html": false, "/patients/": false, "": false, "::": false,
			} {
				part := s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+from)).wantStatus(t, http.StatusOK).
					wantText(t, `data-person="`+knownPatient+`"`).wantNoText(t, "<html")
				if !own {
					part.wantBanner(t, "fragment for "+from)
				} else if strings.Contains(part.body, `class="patient"`) {
					t.Errorf("for %s: two banners on one page", from)
				}
			}
			for _, from := range []string{"/patients/ffff", "/patients/ffff/access", "/dashboard/events?person=ffff&metric=heart_rate", "/genomics/reports?person=ffff", "/dashboard/events/export?person=ffff"} {
				s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+from)).wantStatus(t, http.StatusConflict).
					wantText(t, "another patient").wantNoText(t, "Muster", "R-1", "72.5", "Title of")
			}
			if restored := s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+"/patients/ffff"), header("HX-History-Restore-Request", "true")); bannerOf(restored.body) == "" {
				t.Error("a page that Back brings has no banner")
			}
		})
	}
}

// Lists of many patients are no part of one patient's page.
func TestListsAreNoPartOfAPatientsPage(t *testing.T) {
	s := bannerSite(t, nil)
	from := header("HX-Current-URL", testOrigin+"/dashboard/events?person="+knownPatient)
	for _, path := range []string{"/dashboard", "/genomics/reports", "/genomics/reports?kind=pgx"} {
		s.get(path, as("clinician"), asFragment, from).wantStatus(t, http.StatusConflict).wantNoText(t, "Muster", "Title of")
		s.get(path, as("clinician"), from).wantStatus(t, http.StatusOK)
		s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+path)).wantStatus(t, http.StatusOK)
	}
	s.get("/genomics/reports/nobody", as("analyst"), asFragment, header("HX-Current-URL", testOrigin+"/genomics/reports?person=ffff")).wantStatus(t, http.StatusConflict)
	s.get("/genomics/reports/nobody", as("analyst"), asFragment).wantStatus(t, http.StatusOK).wantNoText(t, `class="patient"`)
	s.do(http.MethodPost, "/genomics/reports", "kind=pgx", as("clinician"), asFragment, fromPage, header("Content-Type", "application/x-www-form-urlencoded"),
		header("HX-Current-URL", testOrigin+"/genomics/reports?person="+knownPatient)).wantStatus(t, http.StatusConflict)
	s.do(http.MethodPost, "/genomics/reports", "person="+knownPatient, as("clinician"), asFragment, fromPage, header("Content-Type", "application/x-www-form-urlencoded")).
		wantStatus(t, http.StatusOK).wantBanner(t, "search for a patient's reports")
}

// Under an emergency the banner and the emergency's own both come along.
func TestBannerUnderAnEmergency(t *testing.T) {
	s := bannerSite(t, emergencyHealth{withData()})
	for name, path := range bannerPages() {
		page := s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, `id="break-glass"`, "Break-glass access until")
		page.wantBanner(t, name)
		part := s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="break-glass"`)
		part.wantBanner(t, name+", fragment")
	}
}

// On paper the banner is the head of each sheet, and no rule hides it.
func TestBannerOnPaper(t *testing.T) {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	paper := read("../../static/css/print.css")
	for _, want := range []string{"@media print", ".sheet-head { display: table-header-group;", ".content { display: table;", ".sheet { display: contents;"} {
		if !strings.Contains(paper, want) {
			t.Errorf("print.css lacks %q", want)
		}
	}
	sheets, err := filepath.Glob("../../static/css/*.css")
	if err != nil || len(sheets) < 5 {
		t.Fatal(sheets, err)
	}
	rule := regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	names := regexp.MustCompile(`\.(patient|patient-line|patient-name|patient-facts|patient-alike|patient-note|sheet-head)(\W|$)`)
	seen := 0
	for _, file := range append(sheets, "../../static/js/viewer.css") {
		for _, m := range rule.FindAllStringSubmatch(read(file), -1) {
			if !names.MatchString(m[1]) {
				continue
			}
			seen++
			for _, bad := range []string{"display: none", "visibility:", "opacity: 0"} {
				if strings.Contains(m[2], bad) {
					t.Errorf("%s: %s {%s}", file, strings.TrimSpace(m[1]), m[2])
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d rules about the banner: the test reads the wrong files", seen)
	}
	// What print hides does not hold the banner.
	s := bannerSite(t, nil)
	for name, path := range bannerPages() {
		body := s.get(path, as("clinician")).body
		before, _, _ := strings.Cut(body, `<div class="patient"`)
		if main := strings.LastIndex(before, `<main class="sheet"`); main < 0 || strings.Contains(before[main:], "no-print") {
			t.Errorf("%s: the banner stands where print hides it", name)
		}
	}
}
