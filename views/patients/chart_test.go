package patients

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"healthportal/app/health"
)

// labels are those of steps, in order.
func labels(list []step) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = s.label
	}
	return strings.Join(words, ", ")
}

func TestSteps(t *testing.T) {
	for _, tt := range []struct {
		zoom               health.Zoom
		at, first, last    string
		steps, path, where string
	}{
		{health.Days, "2026-03-01", "2026-03-01", "2026-03-31", "", "all years, 2026", "March 2026"},
		{health.Days, "2026-03-01", "2026-02-28", "2026-04-01", "Oldest data, Earlier month, Later month, Newest data", "all years, 2026", "March 2026"},
		{health.Days, "2019-01-01", "2026-03-01", "2026-03-31", "Oldest data, Later month, Newest data", "all years, 2026", "March 2026"},
		{health.Days, "2030-01-01", "2026-03-01", "2026-03-31", "Oldest data, Earlier month, Newest data", "all years, 2026", "March 2026"},
		{health.Months, "2026-07-01", "2025-12-31", "2026-12-31", "Oldest data, Earlier year", "all years", "2026"},
		{health.Hours, "2026-03-29", "2026-03-29", "2026-03-30", "Later day, Newest data", "all years, 2026, March 2026", "29 March 2026"},
	} {
		p := of(tt.zoom, tt.at, series(health.Vital))
		p.Metric.First, p.Metric.Last = day(tt.first), day(tt.last)
		if got := labels(p.steps()); got != tt.steps {
			t.Errorf("%s at %s: steps %s, want %s", tt.zoom, tt.at, got, tt.steps)
		}
		if tt.at[:4] == "2026" && (labels(p.path()) != tt.path || p.where() != tt.where) {
			t.Errorf("%s at %s: path %s to %s", tt.zoom, tt.at, labels(p.path()), p.where())
		}
	}
	years := of(health.Years, "2026-03-01", series(health.Vital))
	if len(years.steps())+len(years.path()) != 0 || years.where() != "all years" {
		t.Errorf("years lead to %s and %s", labels(years.steps()), labels(years.path()))
	}
}

// Each zoom's points lead one step nearer, and to their events.
func TestWherePointsLead(t *testing.T) {
	at := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		zoom                health.Zoom
		point               health.DayPoint
		main, below, events string
	}{
		{health.Years, point("2026-01-01", 1, 2, 3), "/patients/abc?at=2026&metric=heart_rate&zoom=months", "", "from=2026-01-01&metric=heart_rate&person=abc&to=2026-12-31"},
		{health.Months, point("2026-02-01", 1, 2, 3), "/patients/abc?at=2026-02&metric=heart_rate&zoom=days", "", "from=2026-02-01&metric=heart_rate&person=abc&to=2026-02-28"},
		{health.Days, point("2026-03-29", 1, 2, 3), "/dashboard/events?day=2026-03-29&metric=heart_rate&person=abc", "/patients/abc?at=2026-03-29&metric=heart_rate&zoom=hours", "day=2026-03-29&"},
		{health.Hours, health.DayPoint{Day: day("2026-03-29"), Start: at, N: 1, Used: 1}, "/dashboard/events?day=2026-03-29&from=2026-03-29T00%3A00%3A00Z&metric=heart_rate&person=abc&to=2026-03-29T01%3A00%3A00Z", "", "from="},
		{health.Hours, health.DayPoint{Day: day("2026-03-29"), N: 1, Used: 1}, "/dashboard/events?day=2026-03-29&metric=heart_rate&person=abc", "", "?day="},
	} {
		p := of(tt.zoom, tt.point.Day.String(), series(health.Vital, tt.point))
		one, slots := p.panels(p.Series, false)[0], p.slots()
		found := 0
		for i, v := range pointsBySlot(one.series, slots) {
			if v == nil {
				continue
			}
			found++
			if main, below := one.links(slots[i]); main != tt.main || below != tt.below || !strings.Contains(one.slotEvents(slots[i]), tt.events) {
				t.Errorf("%s: leads to %s and %s, events %s", tt.zoom, main, below, one.slotEvents(slots[i]))
			}
		}
		if found != 1 {
			t.Errorf("%s: the point stands %d times", tt.zoom, found)
		}
	}
}

// hours are the labels of the slots of a day in Berlin with points at the given times; zero is no time.
func hours(t *testing.T, d string, starts ...time.Time) ([]slot, string) {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := series(health.Vital)
	for _, at := range starts {
		s.Points = append(s.Points, health.DayPoint{Day: day(d), Start: at, N: 1, Used: 1, Min: 60, Mean: 60, Max: 60})
	}
	p := of(health.Hours, d, s)
	p.Window.Zone = loc
	slots := p.slots()
	words := make([]string, len(slots))
	for i, s := range slots {
		words[i] = strings.TrimSpace(s.label + " " + s.sub)
	}
	return slots, strings.Join(words, ",")
}

func TestHoursOfChangingClocks(t *testing.T) {
	for d, want := range map[string]string{
		"2026-03-28": "00,01,02,03,04", "2026-03-29": "00 +01:00,01,03 +02:00,04", "2026-10-25": "00 +02:00,01,02,02 +01:00,03",
	} {
		slots, got := hours(t, d)
		if !strings.HasPrefix(got, want) || len(slots) != map[string]int{"2026-03-28": 24, "2026-03-29": 23, "2026-10-25": 25}[d] {
			t.Errorf("%s: %d hours %s, want %s", d, len(slots), got, want)
		}
		names := map[string]bool{}
		for i, s := range slots {
			names[s.name] = true
			if s.apart {
				t.Errorf("%s: hour %d is apart", d, i)
			}
		}
		if len(names) != len(slots) {
			t.Errorf("%s: two hours share a name", d)
		}
	}
	slots, _ := hours(t, "2026-10-25")
	if a, b := slots[2].name, slots[3].name; a != "25 October 2026, from 02:00 UTC+02:00" || b != "25 October 2026, from 02:00 UTC+01:00" {
		t.Errorf("the hour that comes twice: %q and %q", a, b)
	}
}

func TestHoursBeforeTheDayAndWithoutATime(t *testing.T) {
	evening := time.Date(2026, 3, 27, 20, 0, 0, 0, time.UTC) // 21:00 in Berlin, the evening before
	slots, got := hours(t, "2026-03-28", evening, time.Time{}, evening.Add(3*time.Hour))
	if len(slots) != 26 || !strings.HasPrefix(got, "day,21 27 Mar,00,01") || !slots[1].apart || !slots[2].apart || slots[3].apart {
		t.Errorf("%s, %+v", got, slots[:4])
	}
	if slots[0].short != "no time of day" || slots[1].short != "27 Mar, 21:00 UTC+01:00" || slots[3].short != "01:00 UTC+01:00" {
		t.Errorf("the table's words: %+v", slots[:4])
	}
	p := of(health.Hours, "2026-03-28", series(health.Vital, health.DayPoint{Day: day("2026-03-28"), N: 1, Used: 1, Min: 60, Mean: 60, Max: 60},
		health.DayPoint{Day: day("2026-03-28"), Start: day("2026-03-28").Start(time.UTC), N: 1, Used: 1, Min: 60, Mean: 60, Max: 60}))
	if f := drawnFigure(p); len(f.lines) != 0 || len(f.points) != 2 {
		t.Errorf("a value without a time is joined: %v", f.lines)
	}
}

func TestYearsFarApart(t *testing.T) {
	p := ChartProps{Window: health.Window{Zoom: health.Years, From: day("1002-01-01"), To: day("2026-12-31")},
		Series: []health.Series{series(health.Vital, point("1002-01-01", 1, 2, 3), point("2025-01-01", 1, 2, 3), point("2026-01-01", 1, 2, 3))}}
	f := drawnFigure(p)
	if len(f.slots) != 3 || !f.slots[1].apart || f.slots[2].apart || len(f.lines) != 1 || len(f.bands) != 2 {
		t.Errorf("%+v: %d lines, %d bands", f.slots, len(f.lines), len(f.bands))
	}
}

func TestBoundsStandApart(t *testing.T) {
	p := of(health.Days, "2026-03-01", series(health.Laboratory,
		health.DayPoint{Day: day("2026-03-01"), N: 4, Used: 1, Min: 5, Mean: 5, Max: 5, Sum: 5, Bounds: []health.Bound{{Comparator: "<", Value: 0.1, N: 2}}},
		health.DayPoint{Day: day("2026-03-02"), N: 1, Bounds: []health.Bound{{Comparator: ">=", Value: 9, N: 1}}},
		health.DayPoint{Day: day("2026-03-03"), N: 6, Bounds: []health.Bound{{Comparator: "<", Value: 1, N: 1}, {Comparator: "<", Value: 2, N: 1}, {Comparator: "<", Value: 3, N: 1}, {Comparator: "<", Value: 4, N: 2}, {Comparator: "<", Value: 4.0000001, N: 1}}},
		health.DayPoint{Day: day("2026-03-04"), N: 1}))
	f := drawnFigure(p)
	if len(f.points) != 1 || len(f.bounds) != 7 { // two of the third day lie on one spot; a diamond is the fourth's
		t.Errorf("%d points, %d other marks", len(f.points), len(f.bounds))
	}
	for i, want := range []string{
		"5 /min, beside them < 0.1 /min (2 times) and 1 without a number, 4 observations", "no plain numbers but ≥ 9 /min, 1 observation",
		"no plain numbers but < 1 /min and < 2 /min and < 3 /min and 3 other bounds, 6 observations", "no plain numbers, 1 observation",
	} {
		if got := f.places[i].name; !strings.HasSuffix(got, ": "+want) {
			t.Errorf("day %d: %q", i+1, got)
		}
	}
	if f.scale.low > 0.1 || f.scale.high < 9 {
		t.Errorf("bounds lie outside of the drawing: %+v", f.scale)
	}
	down, up := f.bounds[0], f.bounds[1]
	tip := regexp.MustCompile(`^M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)H`)
	a, b := tip.FindStringSubmatch(down), tip.FindStringSubmatch(up)
	if a == nil || b == nil || a[1] <= a[2] || b[1] >= b[2] {
		t.Errorf("triangles point the wrong way: %s and %s", down, up)
	}
	_, text := render(t, p)
	for _, want := range []string{"Open triangles are bounds", "◇ is data without a number", `<path class="chart-line" d="M`, "The laboratory gave no range"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestRanges(t *testing.T) {
	low, high := 4.0, 6.0
	for _, tt := range []struct {
		name   string
		kind   health.Kind
		r      *health.Range
		drawn  int
		edges  int
		legend string
	}{
		{"both", health.Laboratory, &health.Range{Low: &low, High: &high}, 1, 2, "own range of all values shown, 4–6 /min."},
		{"low", health.Laboratory, &health.Range{Low: &low}, 1, 1, "≥ 4 /min."},
		{"high", health.OutsideCatalogue, &health.Range{High: &high}, 1, 1, "≤ 6 /min."},
		{"mixed", health.Laboratory, &health.Range{Mixed: true}, 0, 0, "none is drawn"},
		{"none", health.Laboratory, nil, 0, 0, "gave no range"},
		{"vital", health.Vital, nil, 0, 0, ""},
	} {
		s := series(tt.kind, point("2026-03-01", 5, 5, 5))
		s.Range = tt.r
		p := of(health.Days, "2026-03-01", s)
		f, words := drawnFigure(p), p.panels(p.Series, false)[0].legend()
		if len(f.ranges) != tt.drawn || len(f.edges) != tt.edges || !strings.Contains(words, tt.legend) || tt.legend == "" && words != "" {
			t.Errorf("%s: %v, %v, %q", tt.name, f.ranges, f.edges, words)
		}
		if tt.drawn == 1 && (tt.r.Low != nil && f.scale.low > low || tt.r.High != nil && f.scale.high < high) {
			t.Errorf("%s lies outside of the drawing: %+v", tt.name, f.scale)
		}
	}
}

func TestCompare(t *testing.T) {
	p := of(health.Days, "2026-03-01", series(health.Vital, point("2026-03-01", 50, 60, 70)))
	steps := health.Series{Metric: health.Metric{Code: "steps", Name: "Steps", Kind: health.Total}, Unit: "{steps}", Points: []health.DayPoint{point("2026-03-02", 1, 2, 3)}}
	p.Compare, p.Compared, p.Unit = health.MetricSummary{Metric: steps.Metric, First: day("2020-05-01"), Last: day("2026-03-31")}, []health.Series{steps}, "/min"
	p.Metrics = append(p.Metrics, p.Compare)
	doc, text := render(t, p)
	figures := map[string]*html.Node{}
	for n := range doc.Descendants() {
		if n.Data == "figure" {
			figures[attr(n, "id")] = n
		}
	}
	if len(figures) != 2 || figures["hrChart"] == nil || figures["compare-figure"] == nil || !strings.Contains(attr(figures["compare-figure"], "class"), "chart-series-2") {
		t.Fatalf("figures %v", figures)
	}
	axis := func(id string) string {
		var words []string
		for n := range figures[id].Descendants() {
			if n.Data == "text" && attr(n, "text-anchor") == "middle" {
				words = append(words, attr(n, "x")+"="+n.FirstChild.Data)
			}
		}
		return strings.Join(words, " ")
	}
	if a, b := axis("hrChart"), axis("compare-figure"); a != b || !strings.Contains(a, "=31") {
		t.Errorf("the figures have axes of their own:\n%s\n%s", a, b)
	}
	for _, want := range []string{"Heart rate and Steps, March 2026", "at=2020-05&amp;compare=steps", "day=2026-03-02&amp;metric=steps&amp;person=abc\"",
		"at=2026-03-02&amp;compare=steps&amp;metric=heart_rate&amp;unit=%2Fmin&amp;zoom=hours", `<option value="steps" selected`, `name="zoom" value="days"`, `name="at" value="2026-03"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	p.Compared = nil
	if _, text = render(t, p); !strings.Contains(text, "There are no events of steps in this time") {
		t.Error("a second metric without data says nothing")
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Every link of every zoom's drawing has a name, an address, and a table row with the same address.
func TestDrawingIsNamedAndTabled(t *testing.T) {
	start := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
	for zoom, d := range map[health.Zoom]health.DayPoint{
		health.Years: point("2026-01-01", 50, 60, 70), health.Months: point("2026-03-01", 50, 60, 70), health.Days: point("2026-03-01", 50, 60, 70),
		health.Hours: {Day: day("2026-03-01"), Start: start, N: 3, Used: 3, Min: 50, Mean: 60, Max: 70, Sum: 180},
	} {
		doc, _ := render(t, of(zoom, "2026-03-01", series(health.Vital, d)))
		drawn, tabled := map[string]bool{}, map[string]bool{}
		for n := range doc.Descendants() {
			switch {
			case n.Data == "a" && n.Namespace == "svg":
				drawn[attr(n, "href")] = true
				if n.FirstChild == nil || n.FirstChild.Data != "title" || n.FirstChild.FirstChild == nil {
					t.Errorf("%s: a link without a name", zoom)
				}
				if into := strings.HasPrefix(attr(n, "href"), "/patients/"); into != (attr(n, "hx-get") == attr(n, "href")) || into != (attr(n, "hx-target") == "#chart") {
					t.Errorf("%s: the link to %s swaps %q", zoom, attr(n, "href"), attr(n, "hx-target"))
				}
			case n.Data == "a" && n.Parent.Data == "th", n.Data == "a" && n.Parent.Data == "td":
				tabled[attr(n, "href")] = true
			case n.Data == "svg" && attr(n, "role") != "":
				if attr(n, "aria-labelledby") != "hrChart-title" || attr(n, "role") != "group" {
					t.Errorf("%s: the drawing is named by %q", zoom, attr(n, "aria-labelledby"))
				}
			}
		}
		if len(drawn) == 0 {
			t.Errorf("%s: nothing to follow", zoom)
		}
		for href := range drawn {
			if !tabled[href] {
				t.Errorf("%s: the table does not lead to %s", zoom, href)
			}
		}
	}
}
