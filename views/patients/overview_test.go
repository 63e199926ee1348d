package patients

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

func overview(m ...health.MetricSummary) ShowProps {
	return ShowProps{Person: health.Person{PublicID: "abc"}, Today: day("2026-03-29"), Metrics: m}
}

// cellsOf is the markup of a table's lines.
func linesOf(t *testing.T, p ShowProps) []string {
	t.Helper()
	var list []string
	for _, row := range p.rows() {
		list = append(list, strings.Join(strings.Fields(text(t, row)), " "))
	}
	return list
}

// Each latest value says its number, range, flag, age and state, and where more of it is.
func TestLatestValues(t *testing.T) {
	low, high := 60.0, 100.0
	latest := func(change func(*health.Event)) health.MetricSummary {
		e := health.Event{Day: day("2026-03-28"), Observation: health.Observation{Metric: "heart_rate", Value: 72, HasValue: true, Unit: "/min", Status: health.Final}}
		change(&e)
		return health.MetricSummary{Metric: health.Metric{Code: "heart_rate", Name: "Heart rate"}, Count: 12345, Latest: e, Last: e.Day}
	}
	tests := []struct {
		name      string
		m         health.MetricSummary
		want, not []string
	}{
		{"a number", latest(func(*health.Event) {}), []string{"Heart rate", "72", "28 Mar 2026", "12,345", "metric=heart_rate", "#chart"}, []string{"range", "final", "implausible"}},
		{"zero is a value", latest(func(e *health.Event) { e.Value = 0 }), []string{">0 "}, []string{"no value"}},
		{"with the laboratory's range and flag", latest(func(e *health.Event) { e.RefLow, e.RefHigh, e.Flag, e.Value = &low, &high, "HH", 180 }), []string{"180", "range 60", "100", "HH"}, nil},
		{"a bound", latest(func(e *health.Event) { e.Comparator, e.Value, e.OrigValue = "<", 0.1, "0.10" }), []string{"&lt;", "0.1"}, nil},
		{"preliminary", latest(func(e *health.Event) { e.Status = health.Preliminary }), []string{", preliminary"}, nil},
		{"a text", latest(func(e *health.Event) { e.HasValue, e.ValueText, e.Unit = false, "<b>positive</b>", "" }), []string{"&lt;b&gt;positive", "text"}, []string{"<b>positive"}},
		{"out of all bounds", latest(func(e *health.Event) { e.Value = 7200 }), []string{"implausible"}, nil},
		{"in a unit of something else", latest(func(e *health.Event) { e.Unit = "mg/dL" }), []string{"implausible unit"}, nil},
		{"long ago", latest(func(e *health.Event) { e.Day = day("2019-03-28") }), []string{"28 Mar 2019", "2,558 days ago"}, nil},
		{"a hostile name", func() health.MetricSummary {
			m := latest(func(*health.Event) {})
			m.Metric = health.Metric{Code: "x:a&b", Name: "<script>alert(1)</script>"}
			return m
		}(), []string{"&lt;script&gt;", "metric=x%3Aa%26b"}, []string{"<script>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := linesOf(t, overview(tt.m))
			if len(lines) != 1 {
				t.Fatalf("%d lines", len(lines))
			}
			for _, want := range tt.want {
				if !strings.Contains(lines[0], want) {
					t.Errorf("the line lacks %q: %s", want, lines[0])
				}
			}
			for _, not := range tt.not {
				if strings.Contains(lines[0], not) {
					t.Errorf("the line has %q: %s", not, lines[0])
				}
			}
		})
	}
}

// A trend is drawn for the very series that the value is of, never for one like it.
func TestTrendIsOfTheSameSeries(t *testing.T) {
	s := series(health.Vital, point("2026-03-27", 60, 70, 80), point("2026-03-28", 61, 71, 81))
	s.CodeSystem, s.Code, s.Unit = health.SystemLOINC, "8867-4", "/min"
	e := health.Event{Observation: health.Observation{Metric: s.Metric.Code, CodeSystem: s.CodeSystem, Code: s.Code, Unit: s.Unit, HasValue: true, Value: 71}}
	p := overview()
	p.Sparks = []health.Series{s}
	if cell := p.trend(e); cell.Content == nil || !strings.Contains(text(t, cell.Content), "<svg") {
		t.Error("the series has no trend")
	}
	for name, change := range map[string]func(*health.Event){
		"another metric": func(e *health.Event) { e.Metric = "spo2" },
		"another code":   func(e *health.Event) { e.Code = "8889-8" },
		"another system": func(e *health.Event) { e.CodeSystem = "urn:own" },
		"another unit":   func(e *health.Event) { e.Unit = "Hz" },
	} {
		other := e
		change(&other)
		if cell := p.trend(other); cell.Content != nil {
			t.Errorf("%s is drawn as the same", name)
		}
	}
	p.Sparks[0].Points = nil
	if cell := p.trend(e); cell.Content != nil {
		t.Error("a series without numbers is drawn")
	}
}

// The newest reports say their risk in their own words, and whose date it is.
func TestNewestReports(t *testing.T) {
	made := time.Date(2026, 3, 27, 23, 30, 0, 0, time.UTC)
	p := overview()
	p.Person.PublicID = "a b"
	p.Reports = &ReportsProps{Zone: time.FixedZone("", 3600), List: []genomics.Report{
		{ID: "r1", Title: "Risk <b>", State: genomics.Present, GeneratedAt: made, Risk: genomics.Risk{Level: "elevated", Scale: "PRS"}},
		{ID: "r2", Title: "Second", State: genomics.Gone, ModTime: made.AddDate(0, 0, -3)},
	}}
	var lines []string
	for _, row := range p.reportRows() {
		lines = append(lines, text(t, row))
	}
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range [][]string{{"Risk &lt;b&gt;", "elevated", "28 Mar 2026", "yesterday"}, {"Second", "Gone", "25 Mar 2026", "; date of the file", "ot stated"}} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("report %d lacks %q: %s", i+1, w, strings.Join(strings.Fields(lines[i]), " "))
			}
		}
	}
	if strings.Contains(lines[0], "date of the file") {
		t.Error("a report that says when it was made has the date of its file")
	}
	if all := text(t, p.allReports()); !strings.Contains(all, "person=a+b") {
		t.Errorf("all reports: %s", all)
	}
}

func TestNewsOfATeam(t *testing.T) {
	n := health.TeamNews{PublicID: "t1", Data: 1234, Reports: 0}
	if got := newsWords(n); got != "1,234 with new data, 0 with new reports" {
		t.Error(got)
	}
	if got := newsHref(n); !strings.Contains(got, "team=t1") || !strings.Contains(got, "sort=flags") {
		t.Error(got)
	}
	for n, want := range map[int]string{0: "0 patients", 1: "1 patient", 1000: "1,000 patients"} {
		if got := patientsWord(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// Why somebody is in the list, and that an emergency access ends, stands beside the name.
func TestNamesInTheList(t *testing.T) {
	until := time.Date(2026, 3, 29, 14, 5, 0, 0, time.UTC)
	person := health.Person{PublicID: "abc", FamilyName: "Muster", GivenName: "Anna"}
	made := person
	made.Synthetic = true
	for want, row := range map[string]health.PatientRow{
		"":                               {Person: person},
		"new, opened by nobody yet":      {Person: person, New: true},
		"synthetic":                      {Person: made},
		"break-glass access until 14:05": {Person: person, BreakGlassUntil: until},
		"new, opened by nobody yet, synthetic, break-glass access until 14:05": {Person: made, New: true, BreakGlassUntil: until},
	} {
		cell := nameCell(row)
		if cell.Sub != want || !strings.Contains(cell.Text, "Muster") || cell.Href != Href("abc") || !cell.Header {
			t.Errorf("%+v, want %q", cell, want)
		}
	}
}
