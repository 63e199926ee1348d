package web

import (
	"net/http"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

// healthPaths are the routes about health data, each with a good query.
func healthPaths() []string {
	return []string{"/dashboard", "/patients/" + knownPatient, "/patients/" + knownPatient + "/chart?metric=heart_rate&month=2026-03",
		"/dashboard/events", "/dashboard/events?person=" + knownPatient}
}

func TestHealthRoutesAreClosed(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	for _, path := range healthPaths() {
		if a := s.get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login?next=") {
			t.Errorf("%s signed out: %d to %q", path, a.status, a.header.Get("Location"))
		}
		for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin", "analyst+ops+admin"} {
			for _, opts := range [][]option{{as(role)}, {as(role), asFragment}} {
				s.get(path, opts...).wantStatus(t, http.StatusForbidden).wantNoText(t, "Muster", "R-1", "72.5", knownPatient)
			}
		}
		s.get(path, as("clinician")).wantStatus(t, http.StatusOK)
		s.get(path, as("clinician+analyst"), asFragment).wantStatus(t, http.StatusOK)
	}
}

func TestHealthRoutesWithTheStoreDown(t *testing.T) {
	f := withData()
	f.err = errSecret
	s := newSite(t, healthSite(f))
	for _, path := range healthPaths() {
		if path == "/dashboard/events" {
			continue // asks for a patient, and the store for nothing
		}
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			s.get(path, opts...).wantStatus(t, http.StatusServiceUnavailable).wantText(t, "can&#39;t be read right now").wantNoText(t, "password", "Muster", "10.0.0.1")
		}
	}
	if log := s.log.String(); strings.Contains(log, "R-1") || strings.Contains(log, "72.5") {
		t.Errorf("health data in the log: %s", log)
	}
}

func TestOtherTeamsPatient(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	for _, path := range []string{"/patients/ffff", "/patients/ffff/chart", "/dashboard/events?person=ffff", "/patients/42", "/dashboard/events?person=R-1",
		"/patients/..%2f..%2fadmin", "/patients/%00"} {
		s.get(path, as("clinician")).wantStatus(t, http.StatusNotFound).wantNoText(t, "Muster")
		s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusNotFound).wantNoText(t, "Muster")
	}
}

func TestFragmentForAnotherPatientIsRefused(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	events, chart := "/dashboard/events?person="+knownPatient, "/patients/"+knownPatient+"?metric=heart_rate"
	for _, from := range []string{testOrigin + "/patients/ffff", testOrigin + "/patients/ffff/chart?x=1", testOrigin + "/dashboard/events?person=ffff&metric=x"} {
		for _, path := range []string{events, chart} {
			s.get(path, as("clinician"), asFragment, header("HX-Current-URL", from)).wantStatus(t, http.StatusConflict).
				wantText(t, "another patient").wantNoText(t, "Muster", "72.5")
		}
	}
	for _, from := range []string{testOrigin + events, testOrigin + chart, testOrigin + "/dashboard", "", "::"} {
		s.get(events, as("clinician"), asFragment, header("HX-Current-URL", from)).wantStatus(t, http.StatusOK)
	}
}

func TestPatientList(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	s.get("/dashboard", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Patients</h1>", "Muster&lt;b&gt;, Anna", "/patients/"+knownPatient,
		"4 Mar 1980", "46 years", "female", "R-1", "27 Mar 2026", "2 days ago", "synthetic", "1 of 2 patients", "after="+knownPatient).wantNoText(t, "Muster<b>")
	s.get("/dashboard", as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="patients"`).wantNoText(t, "<html", "<h1")
	s.get("/dashboard?size=25&after="+knownPatient, as("clinician")).wantStatus(t, http.StatusOK)
	if f.gotPatients.Size != 25 || f.gotPatients.After != knownPatient {
		t.Errorf("asked for %+v", f.gotPatients)
	}
	for _, query := range []string{"size=x", "size=0", "size=-1", "size=99999999999999999999", "after=a&before=b"} {
		s.get("/dashboard?"+query, as("clinician")).wantStatus(t, http.StatusBadRequest).wantText(t, "can&#39;t be used")
	}
	f.list = health.PatientPage{}
	s.get("/dashboard", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No patients in your care teams")
	f.err = health.ErrNotFound
	s.get("/dashboard?after=gone", as("clinician")).wantStatus(t, http.StatusNotFound)
}

func TestPatientPage(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	path := "/patients/" + knownPatient
	a := s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t,
		"4 March 1980", "46 years", "female", "R-1", "Similar name", "Muster, Hanna, born 1 January 1981, record no. R-2", "Synthetic",
		"72.50 /min", "29 Mar 2026", "today", "&lt; 0.1 mmol/L", "LL critically low", "range ≥ 3.5", "preliminary", "56 days ago",
		`/genomics/reports?person=`+knownPatient, `id="hrChart"`, "March 2026", "60–100 /min at rest", "Days in Europe/Berlin")
	a.wantText(t, `<title>1 March 2026: 48 to 131, mean 72.4 /min, 1,204 observations</title>`, `<title>29 March 2026: no plain numbers, 1 observation</title>`,
		`href="/dashboard/events?day=2026-03-01&amp;metric=heart_rate&amp;person=`+knownPatient+`"`, "Earlier month", "Oldest data", `at=2026-02&amp;metric=heart_rate&amp;zoom=days`).
		wantNoText(t, "Later month", "Newest data", "Muster<b>", "style=")
	if title := a.body[strings.Index(a.body, "<title>"):]; strings.Contains(title[:strings.Index(title, "</title>")], "Muster") {
		t.Error("the title names the patient")
	}
	if f.gotWindow.From != day("2026-03-01") || f.gotWindow.To != day("2026-03-31") || f.gotWindow.Zoom != health.Days || f.gotWindow.Zone.String() != "Europe/Berlin" || len(f.gotScope.Persons) != 1 || f.gotScope.Persons[0] != 42 {
		t.Errorf("asked for %s to %s in scope %+v", f.gotWindow.From, f.gotWindow.To, f.gotScope)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	s.get(path+"?metric=heart_rate&month=2026-02", as("clinician"), asFragment).wantStatus(t, http.StatusOK).
		wantText(t, `id="chart"`, "Later month", "Newest data", `data-person="`+knownPatient+`"`).wantNoText(t, "<html", "Latest values")
	if f.gotWindow.To != day("2026-02-28") {
		t.Errorf("February ends on %s", f.gotWindow.To)
	}
	s.get(path+"/chart?metric=potassium", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Potassium, February 2026", "R-1").wantNoText(t, "hrChart")
	for _, query := range []string{"metric=nonsense", "metric=%3Cscript%3E", "month=2026", "month=2026-13", "month=March", "month=0001-01"} {
		s.get(path+"?"+query, as("clinician")).wantStatus(t, http.StatusBadRequest).wantText(t, "can&#39;t be used").wantNoText(t, "<script>")
	}
}

func TestPatientWithoutData(t *testing.T) {
	f := withData()
	f.metrics, f.series = nil, nil
	s := newSite(t, healthSite(f))
	s.get("/patients/"+knownPatient, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No health data yet", "R-1")
	s.get("/patients/"+knownPatient+"/chart", as("clinician")).wantStatus(t, http.StatusNotFound)
	f = withData()
	f.series = nil
	s = newSite(t, healthSite(f))
	s.get("/patients/"+knownPatient+"?month=2026-01", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No data in January 2026")
}

func TestPatientOf(t *testing.T) {
	for address, want := range map[string]string{
		"http://x/patients/abc": "abc", "http://x/patients/abc/chart": "abc", "http://x/dashboard/events?person=abc&a=b": "abc",
		"http://x/dashboard": "", "": "", "%zz": "", "http://x/genomics/reports?person=abc": "abc",
	} {
		if got := patientOf(address); got != want {
			t.Errorf("patientOf(%q) = %q", address, got)
		}
	}
}

func TestScopeIsOnePatient(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	s.get("/dashboard/events?person="+knownPatient, as("clinician+analyst")).wantStatus(t, http.StatusOK)
	if want := access.One(42); len(f.gotScope.Persons) != 1 || f.gotScope.Persons[0] != want.Persons[0] || f.gotScope.AllReports {
		t.Errorf("scope %+v", f.gotScope)
	}
}
