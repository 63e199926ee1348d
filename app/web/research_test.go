package web

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/research"
)

const knownPseudonym = "pabcdefghijklmnopqrstuvwxyz"

// fakeResearch is a view with one participant, person 42.
type fakeResearch struct {
	err       error
	summary   research.Summary
	page      research.EventPage
	gotFilter research.EventFilter
	gotList   research.ListFilter
	gotUser   int64
}

// Person knows one pseudonym.
func (f *fakeResearch) Person(pseudonym string) (health.PersonID, error) {
	if pseudonym != knownPseudonym {
		return 0, health.ErrNotFound
	}
	return 42, nil
}

// Summary returns the fake's.
func (f *fakeResearch) Summary(context.Context) (research.Summary, error) { return f.summary, f.err }

// Participants returns two pseudonyms between others.
func (f *fakeResearch) Participants(_ context.Context, l research.ListFilter) (research.List, error) {
	f.gotList = l
	return research.List{Pseudonyms: []string{knownPseudonym, "pzz"}, Next: true, Previous: l.After != "", Size: cmp.Or(l.Size, 50)}, f.err
}

// Participant returns the one there is.
func (f *fakeResearch) Participant(_ context.Context, id health.PersonID) (research.Participant, error) {
	if id != 42 {
		return research.Participant{}, health.ErrNotFound
	}
	return research.Participant{Pseudonym: knownPseudonym, Sex: health.Female, Age: 90, HasAge: true,
		Metrics: []research.MetricCount{{Code: "heart_rate", Name: "Heart rate", Persons: 1, Values: 1204}}, Withheld: research.Withheld{Texts: research.Left{Values: 3, Persons: 1}}}, f.err
}

// Events returns the fake's page.
func (f *fakeResearch) Events(_ context.Context, userID int64, e research.EventFilter) (research.EventPage, error) {
	f.gotFilter, f.gotUser = e, userID
	page := f.page
	page.Size = cmp.Or(e.Size, 50)
	return page, f.err
}

func someResearch() *fakeResearch {
	at := time.Date(2025, 9, 1, 3, 30, 0, 0, time.UTC)
	return &fakeResearch{
		summary: research.Summary{
			Participants: research.Count{N: 23},
			Sex:          []research.Cell{{Label: "female", Count: research.Count{N: 15}}, {Label: "male", Count: research.Count{Withheld: true}}, {Label: "other", Count: research.Count{Withheld: true}}},
			Ages:         []research.Cell{{Label: "40–49", Count: research.Count{N: 23}}},
			Metrics: []research.MetricCell{{Code: "heart_rate", Name: "Heart rate", Persons: research.Count{N: 23}, Values: research.Count{N: 12045}},
				{Code: "sodium", Name: "Sodium", Persons: research.Count{Withheld: true}, Values: research.Count{Withheld: true}}},
			Withheld: research.WithheldSummary{Texts: research.LeftCell{Values: research.Count{N: 77}, Persons: research.Count{N: 6}}},
		},
		page: research.EventPage{Total: 107, Older: "older-cursor", Metrics: []research.MetricCount{{Code: "heart_rate", Name: "Heart rate", Values: 107}},
			Withheld: research.Withheld{Codes: research.Left{Values: 8, Persons: 1}}, Events: []research.Event{
				{Day: day("2025-09-01"), Start: at, Metric: "heart_rate", MetricName: "Heart rate", Value: 72.5, Unit: "/min", LOINC: "8867-4", Flag: "HH", Status: health.Preliminary},
				{Day: day("2025-09-01"), Start: at.Add(-8 * time.Hour), End: at, Metric: "sleep_duration", MetricName: "Sleep duration", Value: 480, Unit: "min", Status: health.Final},
				{Day: day("2025-08-30"), Start: at.AddDate(0, 0, -2).Add(-210 * time.Minute), End: at.AddDate(0, 0, -1).Add(-210 * time.Minute), WholeDays: true, MetricName: "Steps", Value: 0, Unit: "{steps}", Status: health.Final},
				{Day: day("2025-08-29"), Start: at.AddDate(0, 0, -3), MetricName: "Potassium", Value: 0.1, Comparator: "<", Status: health.Final}}}}
}

func researchSite(t *testing.T, f *fakeResearch) *site {
	t.Helper()
	return newSite(t, func(d *Deps) { d.Research = f })
}

func researchPaths() []string {
	return []string{"/research", "/research/participants", "/research/participants/" + knownPseudonym, "/research/events", "/research/events?participant=" + knownPseudonym}
}

func TestResearchSummary(t *testing.T) {
	s := researchSite(t, someResearch())
	s.get("/research", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Research</h1>", "23 participants", "12,045", "fewer than 5", "withheld", "Heart rate", "Sodium",
		"Text instead of a number", "77", "devices", "Research", `href="/research/participants"`)
	if e := s.book.last(); e.Kind != access.KindResearch || e.Outcome != audit.Done || e.PersonID != 0 || e.UserID != 7 {
		t.Errorf("the log says %+v", e)
	}
	few := someResearch()
	few.summary = research.Summary{Participants: research.Count{Withheld: true}, Sex: []research.Cell{{Label: "female", Count: research.Count{Withheld: true}}}}
	researchSite(t, few).get("/research", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "fewer than 5", "withheld").wantNoText(t, "No participants yet")
	researchSite(t, &fakeResearch{}).get("/research", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "No participants yet", "0 participants")
}

func TestResearchParticipants(t *testing.T) {
	f := someResearch()
	s := researchSite(t, f)
	a := s.get("/research/participants?size=25&after=pyy", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, knownPseudonym, "2 participants on this page", "<h1>Research participants")
	if f.gotList != (research.ListFilter{Size: 25, After: "pyy"}) {
		t.Errorf("asked for %+v", f.gotList)
	}
	next, previous := linkTo(t, a.body, "participant-pages-next"), linkTo(t, a.body, "participant-pages-previous")
	if next != "/research/participants?after=pzz&size=25" || previous != "/research/participants?before="+knownPseudonym+"&size=25" {
		t.Errorf("next %s, previous %s", next, previous)
	}
	s.get(next, as("researcher"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="participants"`).wantNoText(t, "<html", "<h1")
	if e := s.book.last(); e.Kind != access.KindResearch || e.PersonID != 0 || e.Detail != `{"shown":2}` {
		t.Errorf("the log says %+v", e)
	}
}

func TestResearchParticipant(t *testing.T) {
	s := researchSite(t, someResearch())
	s.get("/research/participants/"+knownPseudonym, as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Participant</h1>", knownPseudonym, "female", "90 or older", "1,204",
		"/research/events?metric=heart_rate&amp;participant="+knownPseudonym, "Text instead of a number").wantNoText(t, "42")
	e := s.book.last()
	if e.Kind != access.KindResearch || e.PersonID != 42 || e.Outcome != audit.Done {
		t.Errorf("the log says %+v", e)
	}
	// Person and pseudonym in one row would undo the pseudonym for readers of the log.
	if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), knownPseudonym) {
		t.Errorf("the log's row holds the pseudonym: %s, %v", text, err)
	}
}

func TestResearchEvents(t *testing.T) {
	f := someResearch()
	s := researchSite(t, f)
	path := "/research/events?participant=" + knownPseudonym
	a := s.get(path+"&metric=heart_rate&from=2025-08-01&to=2025-09-30&size=25", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Research values</h1>",
		"1 Sep 2025, 03:30:00", "31 Aug 2025, 19:30:00", "to 1 Sep 2025, 03:30:00; counts for 1 Sep 2025", "30 Aug 2025", "whole day, no time given", "72.5", "LOINC 8867-4",
		"HH critically high", "preliminary", "&lt; 0.1", "4 of 107 values", "Metric: Heart rate", "From 1 Aug 2025", "To 30 Sep 2025", "Code outside the catalogue")
	want := research.EventFilter{Person: 42, Metric: "heart_rate", From: day("2025-08-01"), To: day("2025-09-30"), Size: 25}
	if f.gotFilter != want || f.gotUser != 7 {
		t.Errorf("user %d asked for %+v", f.gotUser, f.gotFilter)
	}
	e := s.book.last()
	if e.PersonID != 42 || e.Subject != "" || e.Detail != `{"metric":"heart_rate","shifted_from":"2025-08-01","shifted_to":"2025-09-30","shown":4}` {
		t.Errorf("the log says %+v", e)
	}
	next := linkTo(t, a.body, "research-pages-next")
	for _, part := range []string{"metric=heart_rate", "from=2025-08-01", "to=2025-09-30", "size=25", "participant=" + knownPseudonym, "after=older-cursor"} {
		if !strings.Contains(next, part) {
			t.Errorf("the next page's address lacks %s: %s", part, next)
		}
	}
	f.page.Older, f.page.Newer = "", "newer-cursor"
	b := s.get(next, as("researcher"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="research-events"`, `data-participant="`+knownPseudonym+`"`, "hx-get=").wantNoText(t, "<html", "<h1")
	if f.gotFilter.After != "older-cursor" || !strings.Contains(linkTo(t, b.body, "research-pages-previous"), "before=newer-cursor") {
		t.Errorf("asked for %+v", f.gotFilter)
	}
	s.get(path+"&metric=Anna+Muster", as("researcher")).wantStatus(t, http.StatusOK)
	if strings.Contains(s.book.last().Detail, "Muster") {
		t.Error("what is no metric got into the log")
	}
	s.get("/research/events", as("researcher")).wantStatus(t, http.StatusOK).wantText(t, "Choose a participant")
	f.page = research.EventPage{Total: 5}
	s.get(path, as("researcher")).wantText(t, "No values on this page")
	f.page = research.EventPage{}
	s.get(path, as("researcher")).wantText(t, "No values to show")
	s.get(path+"&from=2025-01-01", as("researcher")).wantText(t, "No values match", "Show all values")
}

func TestResearchRefusals(t *testing.T) {
	s := researchSite(t, someResearch())
	path := "/research/events?participant=" + knownPseudonym
	tests := []struct {
		path   string
		status int
		text   string
	}{
		{"/research/participants/0123456789abcdef0123456789abcdef", 404, "no such page"},
		{"/research/participants/pqqqqqqqqqqqqqqqqqqqqqqqqqq", 404, "no such page"},
		{"/research/participants/42", 404, "no such page"},
		{"/research/events?participant=42", 404, "no such page"},
		{path + "&size=x", 400, "size"}, {path + "&size=0", 400, "size"}, {path + "&from=yesterday", 400, "from"}, {path + "&to=2025-13-01", 400, "to"},
		{path + "&metric=" + strings.Repeat("m", 601), 400, "metric"}, {"/research/participants?size=-1", 400, "size"},
		{"/research/participants?after=a&before=b", 400, "not both"},
	}
	for _, tt := range tests {
		s.get(tt.path, as("researcher")).wantStatus(t, tt.status).wantText(t, tt.text)
		if e := s.book.last(); e.Outcome != audit.Denied || e.Kind != access.KindResearch {
			t.Errorf("%s: the log says %+v", tt.path, e)
		}
	}
	for err, name := range map[error]string{health.ErrBadCursor: "after", errSecret: ""} {
		f := someResearch()
		f.err = err
		a := researchSite(t, f).get(path+"&after=x", as("researcher"))
		if name == "" {
			a.wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "Muster")
			continue
		}
		a.wantStatus(t, http.StatusServiceUnavailable) // only errors with words for the reader are the reader's
	}
	f := someResearch()
	_, f.err = health.ParseCursor("x")
	researchSite(t, f).get(path+"&after=x", as("researcher")).wantStatus(t, http.StatusBadRequest).wantText(t, "after", "page link is not valid")
	researchSite(t, f).get(path+"&before=x", as("researcher")).wantStatus(t, http.StatusBadRequest).wantText(t, "before", "page link is not valid")
	wrong := health.EventFilter{From: day("2025-02-02"), To: day("2025-02-01")}
	f.err = wrong.Validate()
	researchSite(t, f).get(path, as("researcher")).wantStatus(t, http.StatusBadRequest).wantText(t, "from", "ends (2025-02-01)")
}

func TestResearchIsForResearchersAlone(t *testing.T) {
	s := researchSite(t, someResearch())
	for _, path := range researchPaths() {
		for _, role := range []string{"clinician", "analyst", "ops", "privacy", "admin"} {
			s.get(path, as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, knownPseudonym, "12,045")
			if e := s.book.last(); e.Kind != access.KindResearch || e.Outcome != audit.Denied {
				t.Errorf("%s as %s: the log says %+v", path, role, e)
			}
		}
		if a := s.get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login") {
			t.Errorf("%s signed out: %d %s", path, a.status, a.header.Get("Location"))
		}
		s.do(http.MethodPost, path, "", as("researcher"), fromPage).wantStatus(t, http.StatusMethodNotAllowed)
		down := someResearch()
		down.err = errSecret
		if path != "/research/events" {
			researchSite(t, down).get(path, as("researcher")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "Muster", "password")
		}
		unlogged := researchSite(t, someResearch())
		unlogged.book.err = errSecret
		unlogged.get(path, as("researcher")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, knownPseudonym, "12,045")
	}
	s.get("/", as("researcher")).wantStatus(t, http.StatusSeeOther)
	for _, path := range []string{"/dashboard", "/dashboard/events", "/patients/" + knownPatient, "/genomics/reports"} {
		s.get(path, as("researcher")).wantStatus(t, http.StatusForbidden)
	}
}

func TestResearchFragmentOfAnotherParticipant(t *testing.T) {
	s := researchSite(t, someResearch())
	path := "/research/events?participant=" + knownPseudonym
	current := func(participant string) option {
		return header("HX-Current-URL", testOrigin+"/research/events?participant="+participant)
	}
	s.get(path, as("researcher"), asFragment, current("pother")).wantStatus(t, http.StatusConflict).wantNoText(t, "72.5")
	s.get(path, as("researcher"), asFragment, current(knownPseudonym)).wantStatus(t, http.StatusOK)
	s.get(path, as("researcher"), asFragment, header("HX-Current-URL", "%zz")).wantStatus(t, http.StatusOK)
}
