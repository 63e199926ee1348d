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

// of are the props of a chart with one series in the window of a zoom that holds a day.
func of(zoom health.Zoom, d string, s ...health.Series) ChartProps {
	p := ChartProps{PublicID: "abc", Window: health.WindowAt(zoom, day(d), time.UTC), Series: s,
		Metric: health.MetricSummary{Metric: s[0].Metric, First: day("2026-01-15"), Last: day("2026-04-02")}}
	p.Metrics = []health.MetricSummary{p.Metric}
	return p
}

// month draws a series over the month of a day.
func month(d string, s health.Series) figure { return drawnFigure(of(health.Days, d, s)) }

func drawnFigure(p ChartProps) figure { return newFigure(p.panels(p.Series, false)[0], p.slots()) }

func TestFigureDays(t *testing.T) {
	for first, want := range map[string]int{"2026-01-01": 31, "2026-02-01": 28, "2024-02-01": 29, "2026-04-01": 30} {
		f := month(first, series(health.Vital))
		if len(f.places) != want || f.places[want-1].label != strconv.Itoa(want) || f.wide() {
			t.Errorf("%s has %d days", first, len(f.places))
		}
		for _, d := range f.places {
			if d.href != "" || d.below != "" {
				t.Errorf("%s: a day without data is a link", first)
			}
		}
	}
}

// charts.css draws 900 units on at least 52 rem, wider figures unit by pixel.
func TestTargetsAreLargeEnough(t *testing.T) {
	for name, p := range map[string]ChartProps{
		"days": of(health.Days, "2026-03-01", series(health.Vital)), "hours": of(health.Hours, "2026-03-01", series(health.Vital)), "months": of(health.Months, "2026-03-01", series(health.Vital)),
		"years": {Window: health.Window{Zoom: health.Years, From: day("1900-01-01"), To: day("2000-12-31")}, Series: []health.Series{series(health.Vital)}},
	} {
		f := drawnFigure(p)
		scale := 52 * 16 / narrowest
		if f.wide() {
			scale = 1
		}
		if got := f.pitch * scale; got < 24 {
			t.Errorf("%s: a target of %.1f px", name, got)
		}
		if got := labelHeight * scale; got < 24 {
			t.Errorf("%s: a label of %.1f px", name, got)
		}
		if last := f.left(len(f.slots)); last > f.width+0.01 || f.width-last > rightEdge+0.01 {
			t.Errorf("%s: slots end at %.1f of %.1f", name, last, f.width)
		}
	}
}

func TestFigureGaps(t *testing.T) {
	f := month("2026-03-01", series(health.Vital, point("2026-03-01", 50, 60, 70), point("2026-03-02", 51, 61, 71), point("2026-03-05", 52, 62, 72),
		health.DayPoint{Day: day("2026-03-06"), N: 2}, point("2026-03-07", 53, 63, 73), point("2026-03-08", 54, 64, 74), point("2026-03-09", 54, 64, 74)))
	if len(f.bands) != 3 || len(f.lines) != 2 || len(f.points) != 6 || len(f.bars) != 0 || len(f.bounds) != 1 {
		t.Errorf("%d bands, %d lines, %d points, %d other marks", len(f.bands), len(f.lines), len(f.points), len(f.bounds))
	}
	if n := strings.Count(f.lines[1], ","); n != 3 {
		t.Errorf("the last line joins %d days", n)
	}
	var linked []string
	for _, d := range f.places {
		if d.href != "" {
			linked = append(linked, d.label)
		}
	}
	if got := strings.Join(linked, " "); got != "1 2 5 6 7 8 9" {
		t.Errorf("links on days %s", got)
	}
	if got := f.places[5].name; got != "6 March 2026: no plain numbers, 2 observations" {
		t.Errorf("day without numbers: %q", got)
	}
	if got := f.places[0].name; got != "1 March 2026: 50 to 70, mean 60.0 /min, 3 observations" {
		t.Errorf("day: %q", got)
	}
	if got := f.places[0].belowName; got != "Hours of 1 March 2026" {
		t.Errorf("the link to the hours: %q", got)
	}
}

func TestFigureKinds(t *testing.T) {
	points := []health.DayPoint{point("2026-03-01", 1, 2, 3), point("2026-03-02", 2, 2, 2)}
	lab := month("2026-03-01", series(health.Laboratory, points...))
	if len(lab.bands)+len(lab.lines)+len(lab.bars) != 0 || len(lab.points) != 3 {
		t.Errorf("laboratory: %+v", lab.points)
	}
	total := month("2026-03-01", series(health.Total, points...))
	if len(total.bands)+len(total.lines)+len(total.points) != 0 || len(total.bars) != 2 || total.ticks[0].label != "0" {
		t.Errorf("total: %+v, ticks %v", total.bars, total.ticks)
	}
	if y, err := strconv.ParseFloat(total.bars[0].y, 64); err != nil || math.Abs(y+height(t, total.bars[0])-plotBottom) > 0.11 {
		t.Errorf("a bar does not stand on zero: %+v", total.bars[0])
	}
	if got := total.places[0].name; got != "1 March 2026: sum 6 /min, 3 observations" {
		t.Errorf("total: %q", got)
	}
	if got := lab.places[1].name; got != "2 March 2026: 2 /min, 3 observations" {
		t.Errorf("single value: %q", got)
	}
}

func height(t *testing.T, b bar) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(b.height, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
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
	p := of(health.Days, "2026-03-01", s, other)
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
	if ids["hrChart"] != 1 || ids["hrChart-2"] != 1 || links != 4 {
		t.Errorf("ids %v, %d links", ids, links)
	}
	for _, want := range []string{"at=2026-02&amp;", "at=2026-04&amp;", "at=2026-01&amp;", "at=2026&amp;", "zoom=years", "at=2026-03-01&amp;", "Oldest data", "Newest data"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
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
