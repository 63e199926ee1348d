package events

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/views/ui"
)

// pressure is a systolic or diastolic value of the measurement g.
func pressure(id int64, metric string, value float64, g string, change ...func(*health.Event)) health.Event {
	e := health.Event{ID: id, Day: day(1), MetricTitle: metric, Version: 1, SourceID: 1, Observation: health.Observation{Metric: metric, Value: value, HasValue: true, Unit: "mm[Hg]",
		EffectiveAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Status: health.Final, Source: "cuff", Group: g}}
	for _, c := range change {
		c(&e)
	}
	return e
}

func with(events ...health.Event) Props {
	p := props()
	p.Page.Events, p.Page.Total = events, len(events)
	return p
}

// row is the markup of the line with an event's id.
func row(t *testing.T, p Props, id string) string {
	t.Helper()
	_, text, ok := strings.Cut(html(t, Table(p)), `id="event-`+id+`"`)
	if !ok {
		t.Fatalf("no line %s", id)
	}
	text, _, _ = strings.Cut(text, "</tr>")
	return text
}

func TestBloodPressureReadsAsOne(t *testing.T) {
	high, low := 120.0, 60.0
	p := with(
		pressure(3, diastolic, 76, "g", func(e *health.Event) { e.RefLow = &low; e.Flag = "N" }),
		pressure(2, systolic, 118.5, "g", func(e *health.Event) { e.RefHigh = &high; e.Flag = "HH"; e.OrigValue = "118.50" }),
		pressure(1, systolic, 0, "zero"), pressure(4, diastolic, 0, "zero"))
	if n := len(p.lines()); n != 2 || p.count() != "4 events, in 2 lines" {
		t.Errorf("%d lines, %q", n, p.count())
	}
	line := row(t, p, "2")
	for _, want := range []string{"118.50/76", "mmHg", "systolic range ≤ 120; diastolic range ≥ 60", "Blood pressure", "systolic", "HH critically high", "diastolic", "N normal", "final", "1 Mar 2026, 10:00:00"} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %q:\n%s", want, line)
		}
	}
	if zero := row(t, p, "1"); !strings.Contains(zero, "0/0") || strings.Contains(zero, "badge kind-bad") {
		t.Errorf("a zero reads %s", zero)
	}
}

// Whatever does not surely belong together stays on lines of its own.
func TestPressuresThatStayApart(t *testing.T) {
	s := pressure(1, systolic, 118, "g")
	for name, d := range map[string]health.Event{
		"another measurement": pressure(2, diastolic, 76, "h"),
		"no measurement":      pressure(2, diastolic, 76, ""),
		"another time":        pressure(2, diastolic, 76, "g", func(e *health.Event) { e.EffectiveAt = e.EffectiveAt.Add(time.Second) }),
		"another end":         pressure(2, diastolic, 76, "g", func(e *health.Event) { e.EffectiveEnd = e.EffectiveAt.Add(time.Second) }),
		"another source":      pressure(2, diastolic, 76, "g", func(e *health.Event) { e.SourceID = 2 }),
		"another unit":        pressure(2, diastolic, 10, "g", func(e *health.Event) { e.Unit = "kPa" }),
		"a text":              pressure(2, diastolic, 0, "g", func(e *health.Event) { e.HasValue, e.ValueText = false, "error" }),
		"twice the same":      pressure(2, systolic, 119, "g"),
		"another metric":      pressure(2, "heart_rate", 60, "g"),
		"torn":                pressure(2, diastolic, 76, "g", func(e *health.Event) { e.Torn = true }),
	} {
		p := with(s, d)
		if n := len(p.lines()); n != 2 || p.count() != "2 events" {
			t.Errorf("%s: %d lines, %q", name, n, p.count())
		}
	}
	if n := len(with(s, pressure(2, diastolic, 76, "g"), pressure(3, diastolic, 77, "g")).lines()); n != 3 {
		t.Errorf("three values of one measurement are %d lines", n)
	}
}

func TestGroupsAreJoinedAndTornOnesSaySo(t *testing.T) {
	p := with(pressure(1, "a", 1, "g"), pressure(2, "b", 2, "g"), pressure(3, "c", 3, "", func(e *health.Event) { e.Torn = false }), pressure(4, systolic, 118, "h", func(e *health.Event) { e.Torn = true }))
	for id, want := range map[string][2]string{
		"1": {"", "line above"}, "2": {"measured with the line above", "beyond"}, "3": {"", "line above"}, "4": {"this measurement may go on beyond this page", "line above"},
	} {
		if line := row(t, p, id); !strings.Contains(line, want[0]) || strings.Contains(line, want[1]) {
			t.Errorf("line %s:\n%s", id, line)
		}
	}
	if p.count() != "4 events" {
		t.Error(p.count())
	}
}

func TestStatusOfAPair(t *testing.T) {
	p := with(pressure(1, systolic, 118, "g", func(e *health.Event) { e.Status, e.Version = health.Preliminary, 3 }), pressure(2, diastolic, 76, "g"))
	line := row(t, p, "1")
	at := health.Cursor{At: p.Page.Events[0].EffectiveAt, ID: 1}.String()
	for _, want := range []string{"systolic", "preliminary", "<summary>version 3</summary>", "diastolic", "final", "/dashboard/events/" + at + "/versions?person=abc", `hx-trigger="toggle once"`, `hx-target="#versions-1"`, `id="versions-1"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %q:\n%s", want, line)
		}
	}
	if strings.Count(line, "<details") != 1 {
		t.Errorf("%s", line)
	}
}

func TestWordsOfTwo(t *testing.T) {
	for _, tt := range [][4]string{
		{"", "", "", ""}, {"x", "x", "x", "systolic x; diastolic x"}, {"x", "", "systolic x", "systolic x"}, {"", "y", "diastolic y", "diastolic y"},
		{"x", "y", "systolic x; diastolic y", "systolic x; diastolic y"},
	} {
		if a, b := both(tt[0], tt[1]), apart(tt[0], tt[1]); a != tt[2] || b != tt[3] {
			t.Errorf("%q and %q: %q, %q", tt[0], tt[1], a, b)
		}
	}
	for _, tt := range []struct{ a, b, want ui.Mark }{
		{ui.Mark{}, ui.Mark{}, ui.Mark{}}, {ui.Mark{Label: "odd", Why: "w"}, ui.Mark{}, ui.Mark{Label: "odd", Why: "systolic w"}},
		{ui.Mark{Label: "odd", Why: "w"}, ui.Mark{Label: "odd", Why: "w"}, ui.Mark{Label: "odd", Why: "systolic w; diastolic w"}},
		{ui.Mark{Label: "odd", Why: "w"}, ui.Mark{Label: "new", Why: "v"}, ui.Mark{Label: "odd, new", Why: "systolic w; diastolic v"}},
	} {
		if got := bothMarks(tt.a, tt.b); got != tt.want {
			t.Errorf("%+v", got)
		}
	}
}

// The same in another unit: both numbers are converted, and both received ones shown.
func TestPairInAUnit(t *testing.T) {
	p := with(pressure(1, systolic, 120, "g"), pressure(2, diastolic, 80, "g"))
	p.Filter.Metric, p.Unit = systolic, "kPa"
	if line := row(t, p, "1"); strings.Contains(line, "120/80") || !strings.Contains(line, "received as 120 mm[Hg]; diastolic received as 80") {
		t.Errorf("%s", line)
	}
}

// What a signed-off range says of one of the two is said of that one alone, and is no warning.
func TestSignedOffRangesOfAPair(t *testing.T) {
	var acts []adultrange.Act
	for _, m := range []string{systolic, diastolic} {
		r, _ := adultrange.Of(m)
		acts = append(acts, adultrange.Act{Metric: m, Kind: adultrange.SignOff, Digest: r.Digest(), By: "Dr Eve", At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
	}
	marked := func(s, d float64, change ...func(*health.Event)) string {
		p := with(pressure(1, systolic, s, "g", change...), pressure(2, diastolic, d, "g"))
		p.Person.BirthDate, p.Ranges = health.Day{Year: 1980, Month: 1, Dom: 1}, adultrange.NewSheet(acts)
		return row(t, p, "1")
	}
	const one, two = "systolic below 120 mmHg, signed off by Dr Eve on 1 Mar 2026", "diastolic below 80 mmHg, signed off by Dr Eve on 1 Mar 2026"
	for name, tt := range map[string]struct {
		line       string
		has, lacks []string
	}{
		"both":   {marked(130, 90), []string{"mark-range", "above the general adult range", one + "; " + two}, []string{"kind-warn"}},
		"one":    {marked(130, 70), []string{"mark-range", one}, []string{two, "kind-warn"}},
		"other":  {marked(110, 90), []string{"mark-range", two}, []string{one, "kind-warn"}},
		"none":   {marked(110, 70), nil, []string{"mark-range", "general adult"}},
		"lab's":  {marked(130, 70, func(e *health.Event) { e.Flag = "N" }), nil, []string{"mark-range", "general adult"}},
		"absurd": {marked(500, 90), []string{"kind-warn", "implausible, above the general adult range", two}, []string{"mark-range"}},
	} {
		for _, text := range tt.has {
			if !strings.Contains(tt.line, text) {
				t.Errorf("%s: the line lacks %q:\n%s", name, text, tt.line)
			}
		}
		for _, text := range tt.lacks {
			if strings.Contains(tt.line, text) {
				t.Errorf("%s: the line holds %q:\n%s", name, text, tt.line)
			}
		}
	}
	for _, tt := range []struct{ a, b, want ui.Icon }{{ui.IconUp, ui.IconUp, ui.IconUp}, {ui.IconUp, ui.IconDown, ui.IconSort}, {ui.IconUp, "", ""}, {"", ui.IconDown, ""}} {
		if got := bothArrows(ui.Mark{Label: "a", Arrow: tt.a}, ui.Mark{Label: "b", Arrow: tt.b}); got != tt.want {
			t.Errorf("%q and %q: %q", tt.a, tt.b, got)
		}
	}
}
