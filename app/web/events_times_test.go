package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// The filter's times, in either form, reach the store as the same instants, and the page's own addresses keep them.
func TestEventsByTime(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	summer, winter := time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)
	fold := day("2026-10-25")
	for query, want := range map[string]health.EventFilter{
		"day=2026-10-25&from=2026-10-25T00:00:00Z&to=2026-10-25T01:00:00Z":               {From: fold, To: fold, Since: summer, Until: winter},
		"day=2026-10-25&from=2026-10-25T02:00:00%2B02:00&to=2026-10-25T02:00:00%2B01:00": {From: fold, To: fold, Since: summer, Until: winter},
		"from=2026-10-25T02:00:00%2B01:00":                                               {Since: winter},
		"to=2026-10-25T02:00:00%2B01:00":                                                 {Until: winter},
		"from=2026-10-25&to=2026-10-25T01:00:00Z":                                        {From: fold, Until: winter},
		"from=2026-10-25T01:00:00Z&to=2026-10-25":                                        {Since: winter, To: fold},
		"from=2026-10-25T00:00:00.000001Z":                                               {Since: summer.Add(time.Microsecond)},
	} {
		a := s.get(annasEvents+"&metric=heart_rate&"+query, as("clinician")).wantStatus(t, http.StatusOK)
		got := f.gotFilter
		if got.From != want.From || got.To != want.To || !got.Since.Equal(want.Since) || !got.Until.Equal(want.Until) || got.CountAll {
			t.Errorf("%s asked for %+v", query, got)
		}
		for _, id := range []string{"event-pages-next", "event-export"} {
			link := linkHref(t, a.body, id)
			s.get(link, as("clinician")).wantStatus(t, http.StatusOK)
			again := f.gotFilter
			if again.From != want.From || again.To != want.To || !again.Since.Equal(want.Since) || !again.Until.Equal(want.Until) {
				t.Errorf("%s: %s asks for %+v", query, link, again)
			}
		}
	}
	a := s.get(annasEvents+"&day=2026-10-25&from=2026-10-25T00:00:00Z&to=2026-10-25T01:00:00Z", as("clinician"))
	a.wantText(t, "Day: 25 Oct 2026", "From 25 Oct 2026, 02:00:00 UTC+02:00", "Before 25 Oct 2026, 02:00:00 UTC+01:00")
}

func TestEventsByTimesThatAreNone(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	for query, want := range map[string]string{
		"from=2026-10-25T02:00:00": "offset", "to=2026-10-25T02:00:00+02:00": "%2B", "from=2026-10-25T02:00:00.1234567Z": "microsecond", "from=0001-01-01T00:00:00Z": "1800",
		"from=2026-10-25T01:00:00Z&to=2026-10-25T01:00:00Z": "empty", "from=2026-10-25T01:00:00Z&to=2026-10-25T00:00:00Z": "before it begins", "day=2026-10-25T00:00:00Z": "YYYY-MM-DD",
		"day=2026-10-25&from=2026-10-25&to=2026-10-25T01:00:00Z": "not for both", "from=T": "offset",
	} {
		s.get(annasEvents+"&"+query, as("clinician")).wantStatus(t, http.StatusBadRequest).wantText(t, want).wantNoText(t, "Muster", "72.5")
		s.get("/dashboard/events/export?person="+knownPatient+"&"+query, as("clinician")).wantStatus(t, http.StatusBadRequest)
	}
	if f.gotFilter.Person != 0 {
		t.Error("bad input reached the store")
	}
}

// Each hour of the chart leads to a table of just that hour.
func TestHoursOfTheChartLeadToTheirTables(t *testing.T) {
	f := withData()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	heart, _ := health.ByLOINC("8867-4")
	summer := time.Date(2026, 10, 25, 2, 0, 0, 0, berlin)
	winter := summer.Add(time.Hour)
	fold := day("2026-10-25")
	f.byZoom[health.Hours] = []health.Series{{Metric: heart, CodeSystem: health.SystemLOINC, Code: "8867-4", Unit: "/min", Points: []health.DayPoint{
		{Day: fold, Start: summer, N: 7, Used: 7, Min: 50, Mean: 60, Max: 70}, {Day: fold, Start: winter, N: 9, Used: 9, Min: 51, Mean: 61, Max: 71},
	}}}
	s := newSite(t, healthSite(f))
	body := s.get("/patients/"+knownPatient+"/chart?metric=heart_rate&zoom=hours&at=2026-10-25", as("clinician")).wantStatus(t, http.StatusOK).body
	for _, hour := range []time.Time{summer, winter} {
		href := "/dashboard/events?" + url.Values{"person": {knownPatient}, "metric": {"heart_rate"}, "day": {"2026-10-25"},
			"from": {health.Instant(hour)}, "to": {health.Instant(hour.Add(time.Hour))}}.Encode()
		if strings.Count(body, `"`+strings.ReplaceAll(href, "&", "&amp;")+`"`) < 2 {
			t.Errorf("the hour from %s does not lead to %s, in drawing and table", hour, href)
		}
		s.get(href, as("clinician")).wantStatus(t, http.StatusOK)
		if got := f.gotFilter; !got.Since.Equal(hour) || !got.Until.Equal(hour.Add(time.Hour)) || got.From != fold || got.To != fold {
			t.Errorf("the hour from %s asks for %+v", hour, got)
		}
	}
}
