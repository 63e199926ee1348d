package patients

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"healthportal/app/health"
)

func day(s string) health.Day {
	d, err := health.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func series(kind health.Kind, points ...health.DayPoint) health.Series {
	return health.Series{Metric: health.Metric{Code: "heart_rate", Name: "Heart rate", Kind: kind, Reference: "60–100"}, CodeSystem: health.SystemLOINC,
		Code: "8867-4", Unit: "/min", Points: points}
}

func point(d string, low, mean, high float64) health.DayPoint {
	return health.DayPoint{Day: day(d), N: 3, Used: 3, Min: low, Mean: mean, Max: high, Sum: mean * 3}
}

func href(d health.Day) string { return "/" + d.String() }

func TestFigureDays(t *testing.T) {
	for month, want := range map[string]int{"2026-01-01": 31, "2026-02-01": 28, "2024-02-01": 29, "2026-04-01": 30} {
		f := newFigure(series(health.Vital), day(month), href)
		if len(f.days) != want || f.days[want-1].label != strconv.Itoa(want) {
			t.Errorf("%s has %d days", month, len(f.days))
		}
		for _, d := range f.days {
			if d.href != "" {
				t.Errorf("%s: a day without data is a link", month)
			}
		}
		width, err := strconv.ParseFloat(f.days[0].width, 64)
		// charts.css draws the 900 units on at least 52 rem.
		if err != nil || width*52*16/figureWidth < 24 {
			t.Errorf("%s: a day's target is %v units wide", month, f.days[0].width)
		}
	}
}

func TestFigureGaps(t *testing.T) {
	f := newFigure(series(health.Vital, point("2026-03-01", 50, 60, 70), point("2026-03-02", 51, 61, 71), point("2026-03-05", 52, 62, 72),
		health.DayPoint{Day: day("2026-03-06"), N: 2}, point("2026-03-07", 53, 63, 73), point("2026-03-08", 54, 64, 74), point("2026-03-09", 54, 64, 74)), day("2026-03-01"), href)
	if len(f.bands) != 3 || len(f.lines) != 2 || len(f.points) != 6 || len(f.bars) != 0 {
		t.Errorf("%d bands, %d lines, %d points", len(f.bands), len(f.lines), len(f.points))
	}
	if n := strings.Count(f.lines[1], ","); n != 3 {
		t.Errorf("the last line joins %d days", n)
	}
	var linked []string
	for _, d := range f.days {
		if d.href != "" {
			linked = append(linked, d.label)
		}
	}
	if got := strings.Join(linked, " "); got != "1 2 5 6 7 8 9" {
		t.Errorf("links on days %s", got)
	}
	if got := f.days[5].name; got != "6 Mar 2026: no plain numbers, 2 observations" {
		t.Errorf("day without numbers: %q", got)
	}
	if got := f.days[0].name; got != "1 Mar 2026: 50 to 70, mean 60.0 /min, 3 observations" {
		t.Errorf("day: %q", got)
	}
}

func TestFigureKinds(t *testing.T) {
	points := []health.DayPoint{point("2026-03-01", 1, 2, 3), point("2026-03-02", 2, 2, 2)}
	lab := newFigure(series(health.Laboratory, points...), day("2026-03-01"), href)
	if len(lab.bands)+len(lab.lines)+len(lab.bars) != 0 || len(lab.points) != 3 {
		t.Errorf("laboratory: %+v", lab.points)
	}
	total := newFigure(series(health.Total, points...), day("2026-03-01"), href)
	if len(total.bands)+len(total.lines)+len(total.points) != 0 || len(total.bars) != 2 || total.ticks[0].label != "0" {
		t.Errorf("total: %+v, ticks %v", total.bars, total.ticks)
	}
	if got := total.days[0].name; got != "1 Mar 2026: sum 6 /min, 3 observations" {
		t.Errorf("total: %q", got)
	}
	if got := lab.days[1].name; got != "2 Mar 2026: 2 /min, 3 observations" {
		t.Errorf("single value: %q", got)
	}
}

func TestScale(t *testing.T) {
	for _, tt := range []struct{ low, high float64 }{
		{48, 131}, {0, 0}, {72.5, 72.5}, {-5, 5}, {0.001, 0.0012}, {1e-9, 2e-9}, {0, 1e12}, {-1e300, 1e300}, {-math.MaxFloat64 / 4, math.MaxFloat64 / 4}, {36.6, 36.6000001},
	} {
		s, ok := newScale(series(health.Vital, point("2026-03-01", tt.low, tt.low, tt.high)))
		if !ok || s.low > tt.low || s.high < tt.high || s.step <= 0 {
			t.Errorf("%v to %v: %+v", tt.low, tt.high, s)
		}
		if n := len(s.ticks()); n < 2 || n > 12 {
			t.Errorf("%v to %v: %d ticks of %v", tt.low, tt.high, n, s.step)
		}
		for _, v := range []float64{tt.low, tt.high} {
			if y := s.y(v); math.IsNaN(y) || y < plotTop-0.01 || y > plotBottom+0.01 {
				t.Errorf("%v to %v: %v lies at %v", tt.low, tt.high, v, y)
			}
		}
	}
	if _, ok := newScale(series(health.Vital, health.DayPoint{N: 1})); ok {
		t.Error("a scale without numbers")
	}
}

// render parses what a component renders.
func render(t *testing.T, p ChartProps) (*html.Node, string) {
	t.Helper()
	var b bytes.Buffer
	if err := Chart(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return doc, b.String()
}

func TestChartMarkup(t *testing.T) {
	s := series(health.Vital, point("2026-03-01", 50, 60, 70))
	s.Metric.Name = `"><script>alert(1)</script>`
	other := s
	other.Code = `x"y`
	p := ChartProps{PublicID: "abc", Month: day("2026-03-01"), Zone: "Europe/Berlin", Series: []health.Series{s, other},
		Metric: health.MetricSummary{Metric: s.Metric, First: day("2026-01-15"), Last: day("2026-04-02")}}
	p.Metrics = []health.MetricSummary{p.Metric}
	doc, text := render(t, p)
	if strings.Contains(text, "<script") || strings.Contains(text, "style=") {
		t.Error("hostile text or style in the markup")
	}
	ids, links := map[string]int{}, 0
	for n := range doc.Descendants() {
		if n.Data == "a" && n.Namespace == "svg" {
			links++
		}
		for _, a := range n.Attr {
			if a.Key == "id" {
				ids[a.Val]++
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %s stands %d times", id, n)
		}
	}
	if ids["hrChart"] != 1 || ids["hrChart-2"] != 1 || links != 2 {
		t.Errorf("ids %v, %d links", ids, links)
	}
	for _, want := range []string{"month=2026-02", "month=2026-04", "month=2026-01", "Oldest data", "Newest data"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestMonthsEndWhereTheDataDoes(t *testing.T) {
	p := ChartProps{PublicID: "a", Month: day("2026-03-01"), Metric: health.MetricSummary{First: day("2026-03-01"), Last: day("2026-03-31")}}
	if p.earlier()+p.later()+p.oldest()+p.newest() != "" {
		t.Error("one month of data leads elsewhere")
	}
	p.Month = day("2019-01-01")
	if p.earlier() != "" || p.later() == "" || p.newest() == "" {
		t.Error("before the data")
	}
	p.Month = day("2030-01-01")
	if p.earlier() == "" || p.later() != "" || p.oldest() == "" {
		t.Error("after the data")
	}
}

func TestBanner(t *testing.T) {
	p := health.Patient{Person: health.Person{PublicID: "abc", FamilyName: "F", GivenName: "G"}}
	for range 5 {
		p.Alike = append(p.Alike, health.Person{FamilyName: "F", RecordNumber: "R", BirthDate: day("1980-01-01")})
	}
	b := Banner(p, day("2026-03-01"), 0)
	if b.RecordNumber != "none" || b.BirthDate != "unknown" || b.Age != "age unknown" || b.Sex != "unknown" || b.Href != "/patients/abc" || b.Note != "" ||
		!strings.HasSuffix(b.Alike, "; and 2 more") {
		t.Errorf("%+v", b)
	}
	p.Synthetic = true
	if b := Banner(p, day("2026-03-01"), 1); b.Href != "" || b.Note == "" {
		t.Errorf("%+v", b)
	}
}

func TestLinks(t *testing.T) {
	if got := EventsHref("a&b", "metric", "loinc:1?", "day", ""); got != "/dashboard/events?metric=loinc%3A1%3F&person=a%26b" {
		t.Error(got)
	}
	if got := ChartHref("a/b", "x", health.Day{}); got != "/patients/a%2Fb?metric=x" {
		t.Error(got)
	}
	if got := ChartHref("a", "x", health.Day{Year: 2026, Month: time.March, Dom: 9}); got != "/patients/a?metric=x&month=2026-03" {
		t.Error(got)
	}
	for flag, kind := range map[string]string{"": "", "N": "good", "H": "warn", "L": "warn", "A": "warn", "HH": "bad", "LL": "bad", "AA": "bad", "POS": "info"} {
		if got := FlagCell(health.Observation{Flag: flag}); string(got.Kind) != kind || (flag != "" && !strings.HasPrefix(got.Text, flag)) {
			t.Errorf("flag %q: %+v", flag, got)
		}
	}
}
