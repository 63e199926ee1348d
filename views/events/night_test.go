package events

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// slept is a stage of a night, from a minute after 22:00 UTC of 28 March 2026 on.
func slept(id int64, code string, from, seconds int, change ...func(*health.Event)) health.Event {
	at := time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC).Add(time.Duration(from) * time.Minute)
	length := time.Duration(seconds) * time.Second
	e := health.Event{ID: id, SourceID: 1, Version: 1, MetricTitle: "Sleep duration", Observation: health.Observation{Metric: "sleep_duration", CodeSystem: health.SystemLOINC, Code: code,
		Unit: "min", HasValue: true, Value: length.Minutes(), EffectiveAt: at, EffectiveEnd: at.Add(length), Status: health.Final, Source: "Watch", Group: "n"}}
	for _, c := range change {
		c(&e)
	}
	e.Day = e.LocalDay(time.UTC)
	return e
}

func not(stage string) func(*health.Event) {
	return func(e *health.Event) {
		e.Metric, e.CodeSystem, e.Code = "apple:HKCategoryValueSleepAnalysis"+stage, "apple", "HKCategoryValueSleepAnalysis"+stage
	}
}

const rem, core, deep, unspecified = "93829-0", "93830-8", "93831-6", "93832-4"

// aNight has 4:30 + 0:20:30 + 1:00 of sleep in it, over midnight and the change of clocks in Berlin.
func aNight() []health.Event {
	return []health.Event{
		slept(6, rem, 330, 3600), slept(5, "", 300, 1800, not("Awake")), slept(4, core, 30, 16_200),
		slept(2, deep, 0, 1230), slept(1, "", 0, 390*60, not("InBed")),
	}
}

func TestNightReadsAsOne(t *testing.T) {
	p := with(aNight()...)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p.Zone = berlin
	if n := len(p.lines()); n != 1 || p.count() != "5 events, in 1 line" {
		t.Errorf("%d lines, %q", n, p.count())
	}
	line := row(t, p, "6")
	for _, want := range []string{`data-events="5"`, "Sleep", "350 min 30 s asleep", "REM 60 min, core 270 min, deep 20 min 30 s, awake 30 min, in bed 390 min",
		"28 Mar 2026, 23:00:00", "UTC+01:00 to 29 Mar 2026, 06:30:00 UTC+02:00; counts for 28 Mar 2026 and 29 Mar 2026", "final", "Watch",
		"<summary>5 Observations</summary>", `data-event="4"`, "23:30:00–05:00:00 core, 270 min", "23:00:00–23:20:30 deep, 20 min 30 s"} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %q:\n%s", want, line)
		}
	}
	if strings.Contains(line, "part of a night") || strings.Contains(line, "beyond") || strings.Count(line, "<li") != 5 {
		t.Errorf("a whole night: %s", line)
	}
	p.Filter.Metric, p.Unit = "sleep_duration", "h"
	if line := row(t, p, "6"); !strings.Contains(line, "5 h 50 min 30 s asleep") || strings.Contains(line, "received") {
		t.Errorf("in hours: %s", line)
	}
}

func TestPartOfANight(t *testing.T) {
	all := aNight()
	for name, change := range map[string]func(*Props){
		"an older page has more": func(p *Props) { p.Page.Events, p.Page.SleepNear = all[:3], all },
		"a newer page has more":  func(p *Props) { p.Page.Events, p.Page.SleepNear = all[2:], all },
		"the filter leaves out":  func(p *Props) { p.Page.Events, p.Page.SleepNear = []health.Event{all[0], all[2], all[3]}, all },
		"more than can be read":  func(p *Props) { p.Page.Events, p.Page.SleepCut = all, true },
		"one of many":            func(p *Props) { p.Page.Events, p.Page.SleepNear = all[2:3], all },
	} {
		p := with()
		change(&p)
		p.Page.Total = 5
		text := html(t, Table(p))
		if n := len(p.lines()); n != 1 || !strings.Contains(text, "part of a night") || !strings.Contains(text, "goes on beyond this page") {
			t.Errorf("%s: %d lines: %s", name, n, text)
		}
	}
	p := with(all...)
	p.Page.SleepNear = append(all, slept(9, core, 330+60+60, 60, func(e *health.Event) { e.Group = "m" }), slept(10, core, 0, 60, func(e *health.Event) { e.SourceID = 2 }))
	if text := html(t, Table(p)); strings.Contains(text, "part of a night") {
		t.Error("the next night and another source's are taken for parts of this one")
	}
	if p.count() != "5 events, in 1 line" {
		t.Error(p.count())
	}
}

// A page of stages and others counts all, and shows each once.
func TestNightAmongOthers(t *testing.T) {
	night := aNight()
	beat := pressure(7, "heart_rate", 60, "")
	p := with(night[0], beat, night[1], night[2], slept(3, core, 20, 60, func(e *health.Event) { e.SourceID, e.Group = 2, "m" }), night[3], night[4])
	lines := p.lines()
	if len(lines) != 3 || lines[0][0].ID != 6 || len(lines[0]) != 5 || lines[1][0].ID != 7 || lines[2][0].ID != 3 {
		t.Fatalf("%+v", lines)
	}
	if p.count() != "7 events, in 3 lines" {
		t.Error(p.count())
	}
	if alone := row(t, p, "3"); strings.Contains(alone, "data-events") || !strings.Contains(alone, "Sleep duration") {
		t.Errorf("a stage alone: %s", alone)
	}
}

func TestNightWithoutSleep(t *testing.T) {
	p := with(slept(2, "", 10, 60, not("Awake")), slept(1, "", 0, 60*60, not("InBed")))
	if line := row(t, p, "2"); !strings.Contains(line, "no sleep recorded") || !strings.Contains(line, "awake 1 min, in bed 60 min") {
		t.Error(line)
	}
	p = with(slept(2, core, 10, 0), slept(1, core, 0, 0))
	if line := row(t, p, "2"); !strings.Contains(line, "0 min asleep") {
		t.Errorf("a zero: %s", line)
	}
}

// What one line can't say, or would count twice, stays on lines of its own.
func TestStagesThatStayApart(t *testing.T) {
	high := 500.0
	s := slept(1, core, 0, 1800)
	for name, e := range map[string]health.Event{
		"overlapping":        slept(2, rem, 29, 1800),
		"awake while asleep": slept(2, "", 10, 60, not("Awake")),
		"preliminary":        slept(2, rem, 30, 1800, func(e *health.Event) { e.Status = health.Preliminary }),
		"corrected":          slept(2, rem, 30, 1800, func(e *health.Event) { e.Version = 2 }),
		"flagged":            slept(2, rem, 30, 1800, func(e *health.Event) { e.Flag = "H" }),
		"with a range":       slept(2, rem, 30, 1800, func(e *health.Event) { e.RefHigh = &high }),
		"in hours":           slept(2, rem, 30, 1800, func(e *health.Event) { e.OrigValue, e.OrigUnit = "0.5", "h" }),
		"another source":     slept(2, rem, 30, 1800, func(e *health.Event) { e.SourceID = 2 }),
		"an hour later":      slept(2, rem, 90, 1800, func(e *health.Event) { e.Group = "m" }),
		"no interval":        slept(2, rem, 30, 1800, func(e *health.Event) { e.Value = 29 }),
		"a day later":        slept(2, rem, 24*60, 1800),
	} {
		if p := with(e, s); len(p.lines()) != 2 || p.count() != "2 events" {
			t.Errorf("%s: %d lines", name, len(p.lines()))
		}
	}
	if p := with(slept(2, "", 5, 3600, not("InBed")), slept(1, "", 0, 3600, not("InBed"))); len(p.lines()) != 2 {
		t.Error("two times in bed are counted twice")
	}
	// Stored before importers gave groups: what lies together reads as one all the same.
	bare := func(e *health.Event) { e.Group = "" }
	if p := with(slept(2, rem, 30, 1800, bare), slept(1, core, 0, 1800, bare)); len(p.lines()) != 1 {
		t.Error("stages without a group")
	}
}

// panel is an Observation of a night with components, as FHIR has it.
func panel(change ...func(*health.Event)) []health.Event {
	part := func(id int64, code string, value float64, group string) health.Event {
		return slept(id, code, 0, 8*3600, append([]func(*health.Event){func(e *health.Event) { e.Value, e.Group, e.ExternalID = value, group, "obs" }}, change...)...)
	}
	return []health.Event{part(4, deep, 60, "obs"), part(3, core, 300.5, "obs"), part(2, rem, 0, "obs"), part(1, unspecified, 360.5, "")}
}

func TestPanelOfSleepReadsAsOne(t *testing.T) {
	p := with(panel()...)
	if n := len(p.lines()); n != 1 || p.count() != "4 events, in 1 line" {
		t.Errorf("%d lines, %q", n, p.count())
	}
	line := row(t, p, "4")
	for _, want := range []string{`data-events="4"`, "360.5", "REM 0 min, light 300.5 min, deep 60 min", "28 Mar 2026, 22:00:00", "29 Mar 2026, 06:00:00", "light: 300.5 min, 93830-8", "total: 360.5 min, 93832-4", "deep: 60 min, 93831-6"} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %q:\n%s", want, line)
		}
	}
	p.Filter.Metric, p.Unit = "sleep_duration", "h"
	if line := row(t, p, "4"); !strings.Contains(line, "deep 1.00 h (received as 60 min)") || !strings.Contains(line, "received as 360.5 min") {
		t.Errorf("in hours: %s", line)
	}
	// A total as long as the period is an interval by itself, and still the panel's total.
	p = with(panel(func(e *health.Event) {
		if e.Code == unspecified {
			e.Value = 480
		}
	})...)
	if line := row(t, p, "4"); !strings.Contains(line, "480") || len(p.lines()) != 1 {
		t.Errorf("%s", line)
	}
}

func TestPanelsThatStayApart(t *testing.T) {
	for name, list := range map[string][]health.Event{
		"without a total": panel()[:3],
		"the total alone": panel()[3:],
		"twice a stage":   append(panel(), slept(5, deep, 0, 8*3600, func(e *health.Event) { e.Value, e.Group, e.ExternalID = 61, "obs", "obs" })),
		"torn":            panel(func(e *health.Event) { e.Torn = e.ID == 4 }),
		"corrected":       panel(func(e *health.Event) { e.Version = 2 }),
		"other devices":   panel(func(e *health.Event) { e.Device = string(rune('a' + e.ID)) }),
		"no id":           panel(func(e *health.Event) { e.ExternalID, e.Group = "", "" }),
		"a text": panel(func(e *health.Event) {
			if e.ID == 2 {
				e.HasValue, e.ValueText = false, "unknown"
			}
		}),
	} {
		if p := with(list...); len(p.lines()) != len(list) {
			t.Errorf("%s: %d lines of %d", name, len(p.lines()), len(list))
		}
	}
}
