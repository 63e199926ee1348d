package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"healthportal/app/audit"
	"healthportal/app/genomics"
	"healthportal/app/health"
)

// search posts the search form.
func (s *site) search(form url.Values, opts ...option) answer {
	s.t.Helper()
	return s.do(http.MethodPost, "/dashboard/search", form.Encode(), append([]option{header("Content-Type", "application/x-www-form-urlencoded"), fromPage}, opts...)...)
}

// sealed is user 7's view id of a search.
func sealed(text string) string { return fakeViews{}.SealView(7, text) }

func TestSearchBecomesAView(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	a := s.search(url.Values{"q": {" Muster "}, "sort": {"flags"}, "size": {"25"}}, as("clinician")).wantStatus(t, http.StatusSeeOther)
	want := "/dashboard?size=25&sort=flags&view=" + sealed("Muster")
	if got := a.header.Get("Location"); got != want {
		t.Fatalf("led to %q, want %q", got, want)
	}
	s.get(want, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, `value="Muster"`, "1 of 2 patients found", "view="+sealed("Muster"),
		`action="/dashboard/search"`, `method="post"`, `name="csrf"`, "Show all patients", `aria-current="true"`, `hx-trigger="input delay:300ms, submit"`)
	if got := f.gotPatients; got.Text != "Muster" || got.Sort != health.ByFlags || got.Size != 25 || got.FlagsSince != testNow().AddDate(0, 0, -30) {
		t.Errorf("asked for %+v", got)
	}
	if got := s.search(url.Values{"q": {""}}, as("clinician")).wantStatus(t, http.StatusSeeOther).header.Get("Location"); got != "/dashboard" {
		t.Errorf("an empty search leads to %q", got)
	}
	part := s.search(url.Values{"q": {"R-1"}, "sort": {"name"}, "size": {"50"}}, as("clinician"), asFragment).wantStatus(t, http.StatusOK).
		wantText(t, `id="patients"`, "data-announce", "1 of 2 patients found").wantNoText(t, "<html", `id="patient-search"`, "How fresh")
	if got := part.header.Get("HX-Replace-Url"); got != "/dashboard?view="+sealed("R-1") {
		t.Errorf("the address becomes %q", got)
	}
	f.list = health.PatientPage{All: 12}
	s.get("/dashboard?view="+sealed("zzz"), as("clinician")).wantText(t, "No patient found", "break the glass", "Show all patients", "0 of 0 patients found", "data-announce").
		wantNoText(t, "No patients in your care teams")
}

func TestSearchesAreNowhere(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
		a := s.search(url.Values{"q": {"Sonderbar"}}, opts...)
		if where := a.header.Get("Location") + a.header.Get("HX-Replace-Url"); where == "" || strings.Contains(where, "Sonderbar") {
			t.Errorf("leads to %q", where)
		}
		if e := s.book.last(); e.Kind != "patients.list" || e.Outcome != audit.Done || !strings.Contains(e.Detail, `"searched":true`) || strings.Contains(e.Detail+e.Subject, "Sonderbar") {
			t.Errorf("recorded: %+v", e)
		}
	}
	s.get("/dashboard", as("clinician"))
	if e := s.book.last(); !strings.Contains(e.Detail, `"searched":false`) {
		t.Errorf("recorded: %+v", e)
	}
	if a := s.get("/dashboard?view="+sealed("Sonderbar"), as("clinician")); strings.Contains(a.body[:strings.Index(a.body, "</title>")], "Sonderbar") {
		t.Error("the title names what was searched for")
	}
	if log := s.log.String(); strings.Contains(log, "Sonderbar") || strings.Contains(log, "view=") {
		t.Errorf("the log has the search: %s", log)
	}
}

func TestForgedViews(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	f.gotPatients = health.PatientFilter{}
	good := sealed("Muster")
	for _, view := range map[string]string{"another user's": "8." + strings.TrimPrefix(good, "7."), "cut": good[:len(good)-1], "nonsense": "x", "markup": "%3Cscript%3E", "long": strings.Repeat("7", 2000)} {
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			s.get("/dashboard?view="+view, opts...).wantStatus(t, http.StatusBadRequest).wantText(t, "This link to a search can&#39;t be used", "Search again").
				wantNoText(t, "Muster", "password", "<script>alert")
		}
	}
	if f.gotPatients != (health.PatientFilter{}) {
		t.Errorf("the store was asked: %+v", f.gotPatients)
	}
}

func TestSearchIsClosed(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	form := url.Values{"q": {"Muster"}}
	if a := s.search(form); a.status != http.StatusSeeOther && a.status != http.StatusUnauthorized || strings.Contains(a.body, "R-1") {
		t.Errorf("signed out: %d", a.status)
	}
	for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin", "analyst+ops+admin"} {
		s.search(form, as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, "R-1")
		s.search(form, as(role), asFragment).wantStatus(t, http.StatusForbidden).wantNoText(t, "R-1")
	}
	s.search(form, as("clinician"), header("X-CSRF-Token", "another")).wantStatus(t, http.StatusForbidden).wantNoText(t, "R-1")
	s.get("/dashboard/search", as("clinician")).wantStatus(t, http.StatusMethodNotAllowed)
	for name, bad := range map[string]url.Values{"nul": {"q": {"a\x00b"}}, "no text": {"q": {"\xff"}}, "long": {"q": {strings.Repeat("x", 201)}}, "order": {"sort": {"id"}}, "size": {"size": {"0"}}} {
		if a := s.search(bad, as("clinician")); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	f.err = errSecret
	s.search(form, as("clinician"), asFragment).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "Muster", "password")
}

func TestPatientListOrdersAndPages(t *testing.T) {
	f := withData()
	f.list.Patients[0].Flags = health.FlagSummary{Flag: "LL", Metric: "Potassium <b>", Day: day("2026-03-20"), Count: 3}
	f.list.Patients[0].New = true
	s := newSite(t, healthSite(f))
	a := s.get("/dashboard?sort=data&size=25", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "LL critically low", "kind-bad", "Potassium &lt;b&gt;, 9 days ago, and 2 more",
		"new, opened by nobody yet, synthetic", `aria-sort="descending"`, "/dashboard?size=25&amp;sort=flags", "after="+knownPatient+"&amp;size=25&amp;sort=data",
		`form="patient-search" name="sort" value="data"`)
	if strings.Count(a.body, `aria-current="true"`) != 1 {
		t.Errorf("%d orders are in force", strings.Count(a.body, `aria-current="true"`))
	}
	for _, query := range []string{"sort=x", "sort=name;drop", "after=a&before=b"} {
		s.get("/dashboard?"+query, as("clinician")).wantStatus(t, http.StatusBadRequest)
	}
	s.get("/dashboard?team=%00", as("clinician")).wantStatus(t, http.StatusBadRequest)
	f.list = health.PatientPage{All: 3}
	s.get("/dashboard?team=abc", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Nothing new", "Show all patients")
	s.get("/dashboard?after=abc", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No patients here")
	if f.gotPatients.After != "abc" {
		t.Errorf("asked for %+v", f.gotPatients)
	}
}

func TestSiteSummary(t *testing.T) {
	f := withData()
	f.summary = health.SiteSummary{
		Teams:   []health.TeamNews{{PublicID: "t1", Name: "Ward <7>", Patients: 3, Data: 2, Reports: 1}},
		Sources: []health.SourceFreshness{{Name: "Simon's <iPhone>", LastDay: day("2026-03-29"), Week: 12345}, {Name: "lab", LastDay: day("2026-03-01")}}, SourceCount: 40,
	}
	index := &fakeIndex{state: genomics.IndexState{Roots: []genomics.RootStatus{{Name: "r", IndexedAt: testNow()}}}}
	s := newSite(t, func(d *Deps) { d.NewReports = index; healthSite(f)(d) })
	s.get("/dashboard", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "New, opened by nobody yet", "Ward &lt;7&gt;: 3 patients", "2 with new data, 1 with new reports",
		"/dashboard?sort=flags&amp;team=t1", "Simon&#39;s &lt;iPhone&gt;", "29 Mar 2026", "today", "12,345", "28 days ago", "The latest 2 of 40 sources", "Report index as of 29 Mar 2026, 12:00 UTC").
		wantNoText(t, "it may be behind")
	s.get("/dashboard", as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantNoText(t, "iPhone", "Ward")
	index.state.Roots[0].IndexedAt = testNow().Add(-2 * indexStale)
	s.get("/dashboard", as("clinician")).wantText(t, "it may be behind")
	index.state = genomics.IndexState{}
	s.get("/dashboard", as("clinician")).wantText(t, "was never completely compared")
	index.err = errSecret
	s.get("/dashboard", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "The report index can&#39;t be read right now", "R-1").wantNoText(t, "password")
}

func TestPatientPageBesideTheChart(t *testing.T) {
	f := withData()
	heart, _ := health.ByLOINC("8867-4")
	f.sparks = []health.Series{
		{Metric: heart, CodeSystem: health.SystemLOINC, Code: "8867-4", Unit: "/min", Points: []health.DayPoint{
			{Day: day("2026-03-01"), Mean: 50, Min: 40.25, Max: 60, Used: 2}, {Day: day("2026-03-29"), Mean: 100, Min: 90, Max: 131, Used: 3}}},
		{Metric: heart, CodeSystem: health.SystemLOINC, Code: "8867-4", Unit: "Hz", Points: []health.DayPoint{{Day: day("2026-03-01"), Mean: 7777, Min: 7777, Max: 7777, Used: 1}}},
	}
	index := &fakeIndex{state: genomics.IndexState{LastChange: 9}, page: genomics.ReportPage{Count: 5, Reports: []genomics.Report{
		{ID: "r1", Title: "Statins <b>", Format: genomics.PDF, State: genomics.Present, Status: genomics.Final, GeneratedAt: testNow().AddDate(0, 0, -3), Risk: genomics.Risk{Level: "high", Scale: "CPIC"}},
		{ID: "r2", Title: "Heart", Format: genomics.HTML, State: genomics.Gone, ModTime: testNow().AddDate(0, 0, -400)}}}}
	s := newSite(t, func(d *Deps) { d.NewReports = index; healthSite(f)(d) })
	path := "/patients/" + knownPatient
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "40.25 to 131 /min, 2 days since 1 Mar 2026", `aria-hidden="true"`, `points="3.0,25.0 117.0,3.0"`,
		"Newest reports", "The newest 2 of 5 reports", "Statins &lt;b&gt;", "/genomics/reports/r1", "high", "CPIC", "3 days ago", "not stated", "400 days ago; date of the file", "Gone",
		"/genomics/reports?person="+knownPatient).wantNoText(t, "7777", "Statins <b>")
	if got := index.got; got.Person != 42 || len(got.Persons) != 1 || got.Persons[0] != 42 || got.AllPersons || got.Size != 3 {
		t.Errorf("asked for %+v", got)
	}
	if got := f.gotSeen; len(got) != 4 || got[0] != 7 || got[1] != 42 || got[2] != 4 || got[3] != 9 {
		t.Errorf("noted as seen: %v", got)
	}
	s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusOK)
	s.get(path+"/chart?metric=heart_rate", as("clinician")).wantStatus(t, http.StatusOK)
	s.get(path+"?month=x", as("clinician")).wantStatus(t, http.StatusBadRequest)
	if len(f.gotSeen) != 4 {
		t.Error("a part of the page, or a page that was refused, counts as opened")
	}
	index.err = errSecret
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "The reports can&#39;t be read right now", "72.50 /min").wantNoText(t, "password", "No genomics report")
	if got := f.gotSeen; len(got) != 8 || got[7] != 0 {
		t.Errorf("reports that were not shown count as seen: %v", got)
	}
	index.err, index.page, f.seenErr = nil, genomics.ReportPage{}, errSecret
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No genomics report of this patient is indexed")
	if log := s.log.String(); !strings.Contains(log, "could not note that") || strings.Contains(log, "R-1") {
		t.Errorf("log: %s", log)
	}
}
