package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// chartPaths are the chart's windows by their addresses.
func chartPaths() []string {
	at := "/patients/" + knownPatient
	return []string{at + "?metric=heart_rate&zoom=years", at + "?metric=heart_rate&zoom=months&at=2026", at + "?zoom=days&at=2026-03", at + "?zoom=hours&at=2026-03-29",
		at + "?zoom=hours&compare=potassium", at + "/chart?zoom=years&compare=potassium", at + "/chart?zoom=hours&at=2026-03-29"}
}

func TestChartWindows(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	at := "/patients/" + knownPatient
	for query, want := range map[string]struct{ zoom, from, to, title string }{
		"":                            {"days", "2026-03-01", "2026-03-31", "Heart rate, March 2026"},
		"month=2025-12":               {"days", "2025-12-01", "2025-12-31", "Heart rate, December 2025"},
		"zoom=days":                   {"days", "2026-03-01", "2026-03-31", "Heart rate, March 2026"},
		"zoom=days&at=2024-02":        {"days", "2024-02-01", "2024-02-29", "Heart rate, February 2024"},
		"zoom=months":                 {"months", "2026-01-01", "2026-12-31", "Heart rate, 2026"},
		"zoom=months&at=2025":         {"months", "2025-01-01", "2025-12-31", "Heart rate, 2025"},
		"zoom=years":                  {"years", "2025-01-01", "2026-12-31", "Heart rate, all years"},
		"zoom=years&metric=potassium": {"years", "2026-01-01", "2026-12-31", "Potassium, all years"},
		"zoom=years&metric=potassium&compare=heart_rate": {"years", "2025-01-01", "2026-12-31", "Potassium and Heart rate, all years"},
		"zoom=hours":                {"hours", "2026-03-29", "2026-03-29", "Heart rate, 29 March 2026"},
		"zoom=hours&at=2026-10-25":  {"hours", "2026-10-25", "2026-10-25", "Heart rate, 25 October 2026"},
		"compare=heart_rate":        {"days", "2026-03-01", "2026-03-31", "Heart rate, March 2026"},
		"compare=&zoom=&at=&month=": {"days", "2026-03-01", "2026-03-31", "Heart rate, March 2026"},
	} {
		for _, path := range []string{at, at + "/chart"} {
			for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
				s.get(path+"?"+query, opts...).wantStatus(t, http.StatusOK).wantText(t, `<div id="chart"`, want.title+"</h2>")
				if w := f.gotWindow; string(w.Zoom) != want.zoom || w.From != day(want.from) || w.To != day(want.to) || w.Zone.String() != "Europe/Berlin" {
					t.Errorf("%s: asked for %+v", query, w)
				}
			}
		}
	}
	if len(f.gotScope.Persons) != 1 || f.gotScope.Persons[0] != 42 {
		t.Errorf("scope %+v", f.gotScope)
	}
}

func TestChartRefusesBadQueries(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	for query, words := range map[string]string{
		"zoom=weeks": "choose years, months, days or hours", "zoom=%3Cscript%3E": "choose years, months", "at=2026": "say whether at is",
		"zoom=months&at=2026-03": "write YYYY,", "zoom=months&at=1": "write YYYY,", "zoom=months&at=1066": "write YYYY,", "zoom=days&at=2026": "write YYYY-MM,",
		"zoom=days&at=2026-13": "write YYYY-MM,", "zoom=hours&at=2026-02-30": "write YYYY-MM-DD,", "zoom=hours&at=2026-03": "write YYYY-MM-DD,", "zoom=hours&at=%E2%98%83": "write YYYY-MM-DD,",
		"zoom=years&at=2026": "leave it out", "month=2026-03&zoom=days": "not for both", "month=2026-03&at=2026": "not for both",
		"compare=nonsense": "choose one of the list", "compare=%27%3B--": "choose one of the list", "metric=glucose&compare=heart_rate": "choose one of the list",
	} {
		for _, path := range []string{"/patients/" + knownPatient, "/patients/" + knownPatient + "/chart"} {
			for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
				s.get(path+"?"+query, opts...).wantStatus(t, http.StatusBadRequest).wantText(t, "can&#39;t be used", words).wantNoText(t, "<script>", "72.4")
			}
		}
	}
	if len(f.gotMetrics) != 0 {
		t.Errorf("bad input asked for %v", f.gotMetrics)
	}
}

func TestChartIsClosed(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	for _, path := range chartPaths() {
		if a := s.get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login?next=") {
			t.Errorf("%s signed out: %d to %q", path, a.status, a.header.Get("Location"))
		}
		for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin"} {
			s.get(path, as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, "Muster", "72.4", "hrChart")
			s.get(path, as(role), asFragment).wantStatus(t, http.StatusForbidden).wantNoText(t, "Muster", "72.4", "hrChart")
		}
		other := strings.Replace(path, knownPatient, "ffff", 1)
		s.get(other, as("clinician")).wantStatus(t, http.StatusNotFound).wantNoText(t, "Muster", "72.4")
		s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+"/patients/ffff")).wantStatus(t, http.StatusConflict).wantNoText(t, "72.4")
		if len(f.gotMetrics) != 0 {
			t.Fatalf("%s asked for %v", path, f.gotMetrics)
		}
	}
	f.err = errSecret
	for _, path := range chartPaths() {
		s.get(path, as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "password", "72.4")
		s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "password", "72.4", "<html")
	}
}

// The second metric's series may fail alone; half a chart would look like a whole one.
func TestChartWhoseSecondMetricFails(t *testing.T) {
	f := withData()
	f.failAt = "potassium"
	s := newSite(t, healthSite(f))
	s.get("/patients/"+knownPatient+"?metric=heart_rate&compare=potassium", as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "hrChart", "password")
	s.get("/patients/"+knownPatient+"?metric=heart_rate", as("clinician")).wantStatus(t, http.StatusOK)
}

func TestChartCompares(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	s.get("/patients/"+knownPatient+"?metric=heart_rate&compare=potassium&zoom=months&at=2026", as("clinician"), asFragment).wantStatus(t, http.StatusOK).
		wantText(t, "Heart rate and Potassium, 2026", `id="hrChart"`, `id="compare-figure"`, `<option value="potassium" selected`, "3.5–5.0 mmol/L", "at=2026-03&amp;compare=potassium&amp;metric=heart_rate&amp;zoom=days").
		wantNoText(t, "<html", "style=")
	if got := strings.Join(f.gotMetrics, " "); got != "heart_rate potassium" {
		t.Errorf("asked for %s", got)
	}
}

var pointLink = regexp.MustCompile(`<a href="(/patients/[^"]*zoom=(\w+)[^"]*|/dashboard/events[^"]*)"[^>]*><title>`)

// Without script the links alone lead from all years to the events, and back.
func TestLadderByLinks(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	at := time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC)
	for zoom, d := range map[health.Zoom]health.DayPoint{
		health.Years: {Day: day("2026-01-01")}, health.Months: {Day: day("2026-03-01")}, health.Days: {Day: day("2026-03-29")}, health.Hours: {Day: day("2026-03-29"), Start: at},
	} {
		d.N, d.Used, d.Min, d.Mean, d.Max, d.Sum = 4, 4, 50, 60, 70, 240
		one := f.series[0]
		one.Points = []health.DayPoint{d}
		f.byZoom[zoom] = []health.Series{one}
	}
	path := "/patients/" + knownPatient + "?metric=heart_rate&zoom=years"
	for _, next := range []string{"months", "days", "hours"} {
		links := pointLink.FindAllStringSubmatch(s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "4 observations").body, -1)
		last := links[len(links)-1]
		if last[2] != next {
			t.Fatalf("%s leads to %v, want %s", path, links, next)
		}
		path = strings.ReplaceAll(last[1], "&amp;", "&")
	}
	a := s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "this day has 23 hours", "All years</a>", "2026</a>", "March 2026</a>")
	links := pointLink.FindAllStringSubmatch(a.body, -1)
	if len(links) != 1 {
		t.Fatalf("the hours lead to %v", links)
	}
	u, err := url.Parse(strings.ReplaceAll(links[0][1], "&amp;", "&"))
	if err != nil || u.Query().Get("day") != "2026-03-29" || u.Query().Get("metric") != "heart_rate" {
		t.Fatalf("the hour leads to %s", links[0][1])
	}
	s.get(u.String(), as("clinician")).wantStatus(t, http.StatusOK)
	if got := f.gotFilter; !got.Since.Equal(at) || !got.Until.Equal(at.Add(time.Hour)) || got.From != day("2026-03-29") || got.To != got.From {
		t.Errorf("the hour's events: %+v", f.gotFilter)
	}
}
