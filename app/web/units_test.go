package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/units"
)

// glucose is a value as an import stores it.
func glucose(id int64, digits float64, unit string, change ...func(*health.Event)) health.Event {
	low, high := 3.9, 5.8
	e := health.Event{ID: id, Person: 42, Day: day("2026-03-01"), MetricTitle: "Glucose", Version: 1, Observation: health.Observation{
		Metric: "glucose", CodeSystem: health.SystemLOINC, Code: "2345-7", EffectiveAt: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
		Value: digits, HasValue: true, Unit: unit, Status: health.Final, Source: "lab"}}
	if unit == "mmol/L" {
		e.RefLow, e.RefHigh = &low, &high
	}
	for _, c := range change {
		c(&e)
	}
	units.Normalise(&e.Observation)
	return e
}

func withGlucose() *fakeHealth {
	f := withData()
	metric, _ := health.ByLOINC("2345-7")
	bound := func(e *health.Event) { e.Comparator = "<" }
	list := []health.Event{glucose(9, 5.4, "mmol/L"), glucose(8, 99, "mg/dL"), glucose(7, 2, "mmol/L", bound), glucose(6, 5.4, ""), glucose(5, 5000, "mg/dL")}
	f.page = health.EventPage{Events: list, Total: 70, Older: &health.Cursor{At: testNow(), ID: 5}, Newer: &health.Cursor{At: testNow(), ID: 9},
		Metrics: []health.MetricCount{{Code: "glucose", Name: "Glucose", Count: 70}}}
	f.metrics = []health.MetricSummary{{Metric: metric, Count: 70, First: day("2026-01-01"), Last: day("2026-03-01"), Latest: list[0]}}
	f.series = []health.Series{
		{Metric: metric, CodeSystem: health.SystemLOINC, Code: "2345-7", Unit: "mg/dL", Points: []health.DayPoint{{Day: day("2026-03-01"), N: 2, Used: 2, Min: 90.08, Mean: 99.088, Max: 108.096, Sum: 198.176}}},
		{Metric: metric, CodeSystem: health.SystemLOINC, Code: "2345-7", Unit: "blorps", Points: []health.DayPoint{{Day: day("2026-03-01"), N: 1, Used: 1, Min: 77, Mean: 77, Max: 77, Sum: 77}}},
	}
	return f
}

func TestConvertedValuesShowWhatWasReceived(t *testing.T) {
	s := newSite(t, healthSite(withGlucose()))
	path := "/dashboard/events?person=" + knownPatient
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "97.3", "range 70.3–104", "received as 5.4 mmol/L", "&lt; 36.0", "received as &lt; 2 mmol/L",
		"implausible", "outside plausible bounds 10–1500 mg/dL; shown as received", "no unit").wantNoText(t, `name="unit"`, "97.2864")
	s.get(path+"&metric=glucose", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, `name="unit"`, `<option value="mmol/L"`, `name="unit_of" value="glucose"`)
	s.get("/patients/"+knownPatient, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "97.3 mg/dL", "range 70.3–104; received as 5.4 mmol/L")
}

func TestUnitOfTheEventTable(t *testing.T) {
	f := withGlucose()
	s := newSite(t, healthSite(f))
	path := "/dashboard/events?person=" + knownPatient + "&metric=glucose&day=2026-03-01&unit=" + url.QueryEscape("mmol/L")
	for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
		a := s.get(path, opts...).wantStatus(t, http.StatusOK).wantText(t, `id="events"`, "range 3.9–5.8", "5.50", "received as 99 mg/dL", "&lt; 2", "277.5",
			"outside plausible bounds 0.555–83.3 mmol/L; the received value stands beside", "no unit", `<option value="mmol/L" selected`, "Clear").
			wantNoText(t, "received as 5.4", "97.3")
		for _, id := range []string{"event-pages-next", "event-pages-previous"} {
			if href := linkTo(t, a.body, id); !strings.Contains(href, "unit=mmol%2FL") || !strings.Contains(href, "day=2026-03-01") {
				t.Errorf("%s leads to %s", id, href)
			}
		}
		if n := strings.Count(a.body, `name="unit" value="mmol/L"`); n != 2 {
			t.Errorf("%d forms keep the unit, of the page size's and the saved view's", n)
		}
		if strings.Contains(a.body, "<html") == (len(opts) == 2) {
			t.Error("page and fragment are mixed up")
		}
	}
	if f.gotFilter.Metric != "glucose" || f.gotFilter.From != day("2026-03-01") {
		t.Errorf("asked for %+v", f.gotFilter)
	}
}

func TestUnitLeavesWithItsMetric(t *testing.T) {
	s := newSite(t, healthSite(withGlucose()))
	path := "/dashboard/events?person=" + knownPatient + "&unit=" + url.QueryEscape("mmol/L") + "&unit_of=glucose"
	a := s.get(path+"&metric=heart_rate", as("clinician")).wantStatus(t, http.StatusOK)
	if next := linkTo(t, a.body, "event-pages-next"); strings.Contains(next, "unit") {
		t.Errorf("the next page: %s", next)
	}
	s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "97.3")
	a = s.get(path+"&metric=glucose", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "received as 99 mg/dL")
	if !strings.Contains(a.body, "/dashboard/events?person="+knownPatient+`"`) {
		t.Error("removing the metric keeps its unit")
	}
}

func TestUnknownUnitsAreRefused(t *testing.T) {
	f := withGlucose()
	s := newSite(t, healthSite(f))
	for query, words := range map[string]string{
		"metric=glucose&unit=kg":                           "can be shown in mg/dL, mmol/L",
		"metric=glucose&unit=MMOL%2FL":                     "can be shown in mg/dL, mmol/L",
		"metric=glucose&unit=%3Cscript%3E":                 "can be shown in",
		"metric=glucose&unit=kg&unit_of=glucose":           "can be shown in",
		"metric=heart_rate&unit=mmol%2FL":                  "can be shown in /min",
		"metric=loinc:1&unit=kg":                           "in the unit that they came in",
		"unit=mmol%2FL":                                    "choose the metric first",
		"metric=glucose&unit=" + strings.Repeat("m", 9000): "",
	} {
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			a := s.get("/dashboard/events?person="+knownPatient+"&"+query, opts...).wantNoText(t, "<script>", "97.3", "Muster")
			if words == "" {
				continue // the server itself may refuse so long an address
			}
			a.wantStatus(t, http.StatusBadRequest).wantText(t, "can&#39;t be used", words)
		}
	}
	if f.gotFilter.Person != 0 {
		t.Error("bad input reached the store")
	}
	for _, path := range []string{"/patients/" + knownPatient, "/patients/" + knownPatient + "/chart"} {
		s.get(path+"?metric=glucose&unit=kg", as("clinician")).wantStatus(t, http.StatusBadRequest).wantText(t, "can be shown in mg/dL, mmol/L").wantNoText(t, "97.3")
	}
}

func TestUnitOfTheChart(t *testing.T) {
	s := newSite(t, healthSite(withGlucose()))
	for _, path := range []string{"/patients/" + knownPatient, "/patients/" + knownPatient + "/chart"} {
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			s.get(path+"?metric=glucose&unit=mmol%2FL&unit_of=glucose", opts...).wantStatus(t, http.StatusOK).wantText(t, `id="chart"`,
				"5 to 6, mean 5.5 mmol/L, 2 observations", "77 blorps, 1 observation", "unit=mmol%2FL", `<option value="mmol/L" selected`)
		}
	}
	s.get("/patients/"+knownPatient+"/chart?unit=Cel&unit_of=body_temperature", as("clinician")).wantStatus(t, http.StatusOK).
		wantText(t, "90.08 to 108.096, mean 99.0880 mg/dL").wantNoText(t, "unit=")
}
