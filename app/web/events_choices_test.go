package web

import (
	"net/http"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

const annasEvents = "/dashboard/events?person=" + knownPatient

func TestEventsOfASourceAndFlag(t *testing.T) {
	f := withData()
	f.page.AtLeast, f.page.Total = true, health.CountLimit
	s := newSite(t, healthSite(f))
	for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
		a := s.get(annasEvents+"&source=3&flag=H&size=25", opts...).wantStatus(t, http.StatusOK).
			wantText(t, "2 of 10,000+ events", "Source: Anna&#39;s &lt;phone&gt;", "Flag: H high", `name="source"`, `name="flag"`, "Any but N normal", "LL critically low").wantNoText(t, "<phone>")
		if f.gotFilter.Source != 3 || f.gotFilter.Flag != "H" || !f.gotFilter.Choices || f.gotFilter.CountAll {
			t.Errorf("asked for %+v", f.gotFilter)
		}
		next := linkTo(t, a.body, "event-pages-next")
		export := linkHref(t, a.body, "event-export")
		for _, href := range []string{next, export} {
			if !strings.Contains(href, "source=3") || !strings.Contains(href, "flag=H") || strings.Contains(href, "phone") {
				t.Errorf("the address %s", href)
			}
		}
	}
	s.get(annasEvents+"&source=99&flag=not-normal", as("clinician")).wantStatus(t, http.StatusOK).
		wantText(t, "Source: no. 99, which this patient has nothing of", "Flag: Any but N normal")
	f.page = health.EventPage{}
	s.get(annasEvents+"&flag=HH", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No events match", "Flag: HH critically high", "Show all events")
}

// linkHref is the address of a link button with an id, wherever its href stands.
func linkHref(t *testing.T, body, id string) string {
	t.Helper()
	before, _, ok := strings.Cut(body, `id="`+id+`"`)
	if !ok {
		t.Fatalf("no link %s", id)
	}
	tag := body[strings.LastIndex(before, "<a "):]
	_, rest, _ := strings.Cut(tag, `href="`)
	href, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(href, "&amp;", "&")
}

func TestEventVersions(t *testing.T) {
	f := withData()
	old := f.page.Events[1]
	old.Version, old.Value, old.Comparator, old.Flag = 1, 9.9, "", "H"
	f.versions = []health.EventVersion{
		{Event: f.page.Events[1], Received: testNow(), Import: 12, Format: "fhir", ImportedAt: testNow()},
		{Event: old, Received: testNow().AddDate(0, 0, -1), Superseded: testNow(), Import: 7, Format: "csv", Undone: true},
	}
	s := newSite(t, healthSite(f))
	_, rest, ok := strings.Cut(s.get(annasEvents, as("clinician")).wantStatus(t, http.StatusOK).body, `<summary>version 2</summary>`)
	_, rest, _ = strings.Cut(rest, `href="`)
	path, _, _ := strings.Cut(rest, `"`)
	path = strings.ReplaceAll(path, "&amp;", "&")
	if !ok || !strings.HasPrefix(path, "/dashboard/events/") {
		t.Fatalf("nothing leads to the history: %q", path)
	}
	texts := []string{"Version 2", "in force", "&lt; 0.1 mmol/L, flag LL critically low, preliminary", "by import 12 (fhir)", "Version 1", "replaced", "9.9 mmol/L, flag H high",
		"by import 7 (csv), which was taken back", "28 Mar 2026, 13:00:00 UTC+01:00"}
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, append(texts, "<h1>History of a value</h1>", "R-1")...)
	if e := s.book.last(); e.Kind != "events.view" || e.PersonID != 42 || !strings.Contains(e.Detail, `"versions":2`) {
		t.Errorf("recorded %+v", e)
	}
	s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, append(texts, `data-person="`+knownPatient+`"`)...).wantNoText(t, "<html", "<h1")
	if f.gotScope.Persons[0] != 42 || len(f.gotScope.Persons) != 1 {
		t.Errorf("scope %+v", f.gotScope)
	}
	s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+"/patients/other")).wantStatus(t, http.StatusConflict)
	s.get(path, as("analyst")).wantStatus(t, http.StatusForbidden)
	s.get(path).wantStatus(t, http.StatusSeeOther)
	for _, bad := range []string{strings.Replace(path, knownPatient, strings.Repeat("0", 32), 1), strings.Split(path, "?")[0], "/dashboard/events/x/versions?person=" + knownPatient,
		"/dashboard/events/" + health.Cursor{At: testNow(), ID: 6}.String() + "/versions?person=" + knownPatient} {
		s.get(bad, as("clinician")).wantStatus(t, http.StatusNotFound).wantNoText(t, "9.9", "Muster")
	}
	f.versions[0].Status = health.EnteredInError
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "retracted: entered in error", "leave it out")
	f.err = errSecret
	s.get(path, as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1", "Muster")
}

func TestSavedView(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	s.get(annasEvents, as("clinician")).wantStatus(t, http.StatusOK).wantNoText(t, "Save this view", "Forget", "saved view")
	s.get(annasEvents+"&metric=heart_rate&source=4", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Save this view", testCSRF).wantNoText(t, "Forget")
	save := func(form string, opts ...option) answer {
		opts = append([]option{fromPage, header("Content-Type", "application/x-www-form-urlencoded")}, opts...)
		return s.do(http.MethodPost, "/dashboard/events/view", form, opts...)
	}
	a := save("person="+knownPatient+"&metric=heart_rate&source=4&size=50&after=x", as("clinician"))
	a.wantStatus(t, http.StatusBadRequest)
	save("person="+knownPatient+"&metric=heart_rate&source=4&size=100", as("clinician")).wantStatus(t, http.StatusSeeOther)
	if view := f.views["7-42"]; view != "metric=heart_rate&size=100&source=4" {
		t.Fatalf("saved %q of %v", view, f.views)
	}
	if e := s.book.last(); e.Kind != "events.saved-view" || e.PersonID != 42 || strings.Contains(e.Detail, "heart_rate") {
		t.Errorf("recorded %+v", e)
	}
	for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
		a = s.get(annasEvents, opts...).wantStatus(t, http.StatusOK).wantText(t, "Your saved view is on", "Show everything", "view=all", "Forget saved view", "Metric: Heart rate").wantNoText(t, "Save this view")
		if f.gotFilter.Metric != "heart_rate" || f.gotFilter.Source != 4 || f.gotFilter.Size != 100 {
			t.Errorf("asked for %+v", f.gotFilter)
		}
		if next := linkTo(t, a.body, "event-pages-next"); !strings.Contains(next, "metric=heart_rate") || !strings.Contains(next, "size=100") {
			t.Errorf("the next page would show something else: %s", next)
		}
	}
	s.get(annasEvents+"&view=all", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Open your saved view").wantNoText(t, "saved view is on", "Save this view")
	if f.gotFilter.Metric != "" || f.gotFilter.Source != 0 {
		t.Errorf("everything is %+v", f.gotFilter)
	}
	// The form of the filter, all of it empty, asks for everything; the last chip's link too.
	s.get(annasEvents+"&metric=&source=&flag=&from=&to=", as("clinician")).wantStatus(t, http.StatusOK).wantNoText(t, "saved view is on")
	s.get(annasEvents+"&flag=H", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Save this view", "person="+knownPatient+"&amp;view=all")
	s.testBadViews(f, save)
	s.do(http.MethodPost, "/dashboard/events/view/forget", "person="+knownPatient, as("clinician"), fromPage, header("Content-Type", "application/x-www-form-urlencoded")).wantStatus(t, http.StatusSeeOther)
	if len(f.views) != 0 {
		t.Errorf("left %v", f.views)
	}
}

func (s *site) testBadViews(f *fakeHealth, save func(string, ...option) answer) {
	t := s.t
	t.Helper()
	before := f.views["7-42"]
	save("person="+knownPatient, as("clinician")).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "nothing to save")
	save("person="+knownPatient+"&source=lab", as("clinician")).wantStatus(t, http.StatusBadRequest)
	save("person="+strings.Repeat("0", 32)+"&flag=H", as("clinician")).wantStatus(t, http.StatusNotFound)
	save("person="+knownPatient+"&flag=H", as("analyst")).wantStatus(t, http.StatusForbidden)
	save("person="+knownPatient+"&flag=H", as("clinician"), header("X-CSRF-Token", "no")).wantStatus(t, http.StatusForbidden)
	save("person="+knownPatient+"&flag=H").wantStatus(t, http.StatusUnauthorized)
	if f.views["7-42"] != before {
		t.Errorf("a refused form saved %v", f.views)
	}
	for _, broken := range []string{"metric=heart_rate&unit=blorps", "%zz", "source=x"} {
		f.views["7-42"] = broken
		s.get(annasEvents, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "can't be used any more, so all events are shown", "Forget saved view")
		if f.gotFilter.Metric != "" || f.gotFilter.Source != 0 {
			t.Errorf("of a broken view came %+v", f.gotFilter)
		}
	}
	f.err = errSecret
	for _, got := range []answer{save("person="+knownPatient+"&flag=H", as("clinician")), s.get(annasEvents, as("clinician"))} {
		got.wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	}
	f.err = nil
}

func TestExportOfASourceAndFlag(t *testing.T) {
	s, h, f := exportSite(t)
	const chosen = "?person=" + knownPatient + "&source=3&flag=H"
	s.get("/dashboard/events/export"+chosen, as("clinician")).wantStatus(t, http.StatusOK).
		wantText(t, "Anna&#39;s &lt;phone&gt;", "H high", `name="source" value="3"`, `name="flag" value="H"`).wantNoText(t, "data-step-up")
	if g := h.gotFilter; g.Source != 3 || g.Flag != "H" || !g.CountAll {
		t.Errorf("counted %+v", g)
	}
	s.get("/dashboard/events/export.csv"+chosen, as("clinician")).wantStatus(t, http.StatusOK)
	if g := f.receipt().Filter; g.Source != 3 || g.Flag != "H" || g.CountAll || g.Choices || g.Person != 42 {
		t.Errorf("exported %+v", g)
	}
	if e := s.book.last(); !strings.Contains(e.Detail, `"source":3`) || !strings.Contains(e.Detail, `"flag":"H"`) || strings.Contains(e.Detail, "phone") {
		t.Errorf("recorded %s", e.Detail)
	}
	s.get("/dashboard/events/export.csv?person="+knownPatient+"&source=lab", as("clinician")).wantStatus(t, http.StatusBadRequest)
}

func TestAPIEventsOfASourceAndFlag(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead).Text
	w.health.page.AtLeast, w.health.page.Total, w.health.page.Events[0].SourceID = true, health.CountLimit, 3
	var got eventsAnswer
	w.get("/v1/events?source=3&flag=not-normal&person="+knownPatient, bearer(k)).wantJSON(t, "Events", &got)
	if !got.AtLeast || got.Total != health.CountLimit || got.Events[0].SourceID != 3 || !strings.Contains(*got.Next, "source=3") || !strings.Contains(*got.Next, "flag=not-normal") {
		t.Errorf("%+v", got)
	}
	if g := w.health.gotFilter; g.Source != 3 || g.Flag != health.FlagNotNormal || g.Choices || g.CountAll {
		t.Errorf("asked for %+v", g)
	}
	for _, bad := range []string{"source=lab", "source=0", "flag=" + strings.Repeat("H", 101), "view=all"} {
		w.get("/v1/events?person="+knownPatient+"&"+bad, bearer(k)).wantProblem(t, http.StatusBadRequest)
	}
}
