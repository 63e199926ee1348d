package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func TestEventTable(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	path := "/dashboard/events?person=" + knownPatient
	a := s.get(path+"&metric=heart_rate&from=2026-03-01&to=2026-03-31&size=25", as("clinician")).wantStatus(t, http.StatusOK).wantText(t,
		"<h1>Health events</h1>", "Muster&lt;b&gt;, Anna", "R-1", "Similar name", "times in Europe/Berlin",
		"29 Mar 2026, 03:30:00", "UTC+02:00", "1 Feb 2026, 09:00:00", "UTC+01:00", "72.50", "&lt; 0.1", "LL critically low", "preliminary", "version 2",
		"2 of 1,204 events", "Metric: Heart rate", "From 1 Mar 2026", "To 31 Mar 2026", "Wrist sensor", "LOINC 8867-4")
	want := health.EventFilter{Person: 42, Metric: "heart_rate", From: day("2026-03-01"), To: day("2026-03-31"), Size: 25, Choices: true, Nights: true}
	if f.gotFilter != want {
		t.Errorf("asked for %+v", f.gotFilter)
	}
	next := linkTo(t, a.body, "event-pages-next")
	for _, part := range []string{"metric=heart_rate", "from=2026-03-01", "to=2026-03-31", "size=25", "person=" + knownPatient, "after="} {
		if !strings.Contains(next, part) {
			t.Errorf("the link to the next page lacks %s: %s", part, next)
		}
	}
	if strings.Contains(a.body, `id="event-pages-previous"`) {
		t.Error("the first page links to a previous one")
	}
	s.get(next, as("clinician")).wantStatus(t, http.StatusOK)
	if f.gotFilter.After == nil || f.gotFilter.After.ID != 5 || f.gotFilter.Metric != "heart_rate" || f.gotFilter.Size != 25 {
		t.Errorf("the next page asked for %+v", f.gotFilter)
	}
}

// linkTo is the address of the link with an id.
func linkTo(t *testing.T, body, id string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `id="`+id+`" href="`)
	if !ok {
		t.Fatalf("no link %s", id)
	}
	href, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(href, "&amp;", "&")
}

func TestEventFragment(t *testing.T) {
	f := withData()
	f.page.Newer, f.page.Total = &health.Cursor{At: testNow(), ID: 77}, 107_094
	s := newSite(t, healthSite(f))
	a := s.get("/dashboard/events?person="+knownPatient+"&day=2026-03-29", as("clinician"), asFragment).wantStatus(t, http.StatusOK).
		wantText(t, `id="events"`, `data-person="`+knownPatient+`"`, "2 of 107,094 events", "Heart rate", "Potassium", "Day: 29 Mar 2026", "hx-get=", "hx-push-url=").wantNoText(t, "<html", "<h1")
	if f.gotFilter.From != day("2026-03-29") || f.gotFilter.To != day("2026-03-29") || f.gotFilter.Size != health.DefaultPageSize {
		t.Errorf("asked for %+v", f.gotFilter)
	}
	previous := linkTo(t, a.body, "event-pages-previous")
	if !strings.Contains(previous, "day=2026-03-29") || !strings.Contains(previous, "before=") || strings.Contains(previous, "after=") {
		t.Errorf("previous: %s", previous)
	}
	s.get(previous, as("clinician")).wantStatus(t, http.StatusOK)
	if f.gotFilter.Before == nil || f.gotFilter.Before.ID != 77 {
		t.Errorf("the previous page asked for %+v", f.gotFilter)
	}
	if vary := a.header.Get("Vary"); !strings.Contains(vary, "HX-Request") {
		t.Errorf("Vary %q", vary)
	}
}

func TestEventsWithoutPatient(t *testing.T) {
	s := newSite(t, healthSite(withData()))
	s.get("/dashboard/events", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Choose a patient", `href="/dashboard"`).wantNoText(t, "Muster")
}

func TestEventsEmpty(t *testing.T) {
	f := withData()
	f.page = health.EventPage{}
	s := newSite(t, healthSite(f))
	path := "/dashboard/events?person=" + knownPatient
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No health data yet", "0 events")
	s.get(path+"&metric=loinc:%3Cscript%3E", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No events match", "loinc:&lt;script&gt;").wantNoText(t, "<script>")
	f.page = health.EventPage{Total: 7, Newer: &health.Cursor{At: testNow(), ID: 1}}
	s.get(path+"&after="+health.Cursor{At: testNow(), ID: 1}.String(), as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "No events on this page", "0 of 7 events")
}

func TestEventsBadInput(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	cursor := health.Cursor{At: testNow(), ID: 1}.String()
	for _, query := range []string{"day=29.03.2026", "day=2026-02-30", "from=x", "to=x", "from=2026-03-02&to=2026-03-01", "day=2026-03-01&from=2026-03-01",
		"day=2026-03-01&to=2026-03-02", "size=x", "size=0", "after=x", "before=x", "after=" + cursor + "&before=" + cursor, "after=%27%20OR%201=1",
		"metric=" + strings.Repeat("m", 601), "source=lab", "source=0", "source=-1", "source=2147483648", "flag=" + strings.Repeat("H", 101), "view=mine"} {
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			s.get("/dashboard/events?person="+knownPatient+"&"+query, opts...).wantStatus(t, http.StatusBadRequest).
				wantText(t, "can&#39;t be used").wantNoText(t, "72.5", "Muster")
		}
	}
	if f.gotFilter.Person != 0 {
		t.Error("bad input reached the store")
	}
	s.get("/dashboard/events?person="+knownPatient+"&size=100000", as("clinician")).wantStatus(t, http.StatusOK)
	if f.gotFilter.Size != health.MaxPageSize {
		t.Errorf("size %d", f.gotFilter.Size)
	}
}

func TestEventCells(t *testing.T) {
	f := withData()
	whole := beat(1, time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC), 60)
	whole.Day, whole.StartDay, whole.EffectiveEnd = day("2026-03-28"), day("2026-03-28"), time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC)
	sleep := beat(2, time.Date(2026, 3, 27, 21, 0, 0, 0, time.UTC), 420)
	sleep.Day, sleep.EffectiveEnd, sleep.OrigUnit = day("2026-03-28"), time.Date(2026, 3, 28, 6, 0, 0, 0, time.UTC), "minutes"
	zero := beat(3, time.Date(2026, 3, 27, 20, 0, 0, 500_000_000, time.UTC), 0)
	zero.Flag = "weird<i>"
	short := beat(4, time.Date(2026, 3, 27, 19, 0, 0, 0, time.UTC), 1)
	short.EffectiveEnd = short.EffectiveAt.Add(time.Minute)
	text := beat(5, time.Date(2026, 3, 27, 18, 0, 0, 0, time.UTC), 0)
	text.HasValue, text.ValueText, text.Status = false, "<img src=x>", "cancelled"
	days := whole
	days.ID, days.EffectiveEnd = 6, time.Date(2026, 3, 30, 22, 0, 0, 0, time.UTC)
	f.page = health.EventPage{Events: []health.Event{whole, sleep, zero, short, text, days}, Total: 6}
	newSite(t, healthSite(f)).get("/dashboard/events?person="+knownPatient, as("clinician")).wantStatus(t, http.StatusOK).
		wantText(t, "whole day, no time given", "whole days to 30 Mar 2026", "UTC+01:00 to 28 Mar 2026, 07:00:00; counts for 28 Mar 2026", "sent as minutes",
			"27 Mar 2026, 21:00:00.5", "UTC+01:00 to 20:01:00", "weird&lt;i&gt;", "&lt;img src=x&gt;", "cancelled", "6 events").
		wantNoText(t, "<img src=x", "weird<i>")
}
