package events

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func day(d int) health.Day { return health.Day{Year: 2026, Month: time.March, Dom: d} }

func props() Props {
	return Props{Person: health.Person{PublicID: "abc"}, Zone: time.UTC, Filter: health.EventFilter{Size: health.DefaultPageSize},
		Page: health.EventPage{Metrics: []health.MetricCount{{Code: "heart_rate", Name: "Heart rate", Count: 1204}}}}
}

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		rows, total int
		want        string
	}{
		{0, 0, "0 events"}, {1, 1, "1 event"}, {50, 50, "50 events"}, {50, 1204, "50 of 1,204 events"},
		{50, 1_234_567, "50 of 1,234,567 events"}, {0, 7, "0 of 7 events"},
	} {
		p := props()
		p.Page = health.EventPage{Events: make([]health.Event, tt.rows), Total: tt.total}
		if got := p.count(); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	p := props()
	p.Filter.Metric, p.Filter.From, p.Filter.To, p.Filter.Size = "heart_rate", day(1), day(9), 25
	if got := p.href(); got != "/dashboard/events?from=2026-03-01&metric=heart_rate&person=abc&size=25&to=2026-03-09" {
		t.Error(got)
	}
	if got := p.href("metric", "from"); got != "/dashboard/events?person=abc&size=25&to=2026-03-09" {
		t.Error(got)
	}
	p.Day = day(1)
	if got := p.href("size"); got != "/dashboard/events?day=2026-03-01&metric=heart_rate&person=abc" {
		t.Error(got)
	}
	if got := p.cursorHref("after", nil); got != "" {
		t.Error(got)
	}
	if got := p.cursorHref("before", &health.Cursor{At: time.Unix(1, 0), ID: 1}); !strings.Contains(got, "before=AAAAAAAPQkAAAAAAAAAAAQ") {
		t.Error(got)
	}
}

func TestFilterInForce(t *testing.T) {
	p := props()
	if bar := p.filterBar(); bar.ClearHref != "" || len(bar.Chips) != 0 || len(bar.Hidden) != 1 {
		t.Errorf("no filter: %+v", bar)
	}
	p.Filter.Metric, p.Filter.From, p.Filter.Size = "loinc:1", day(1), 100
	bar := p.filterBar()
	if len(bar.Chips) != 2 || bar.Chips[0].Label != "Metric: loinc:1" || bar.Chips[1].RemoveHref != "/dashboard/events?metric=loinc%3A1&person=abc&size=100" || bar.ClearHref == "" {
		t.Errorf("chips %+v", bar.Chips)
	}
	if n := len(bar.Fields[0].Options); n != 3 || bar.Fields[0].Options[2].Value != "loinc:1" {
		t.Errorf("a metric without data is not among the choices: %+v", bar.Fields[0].Options)
	}
	if len(bar.Hidden) != 2 || bar.Hidden[1].Value != "100" {
		t.Errorf("hidden %+v", bar.Hidden)
	}
	if title := p.empty().Title; title != "No events match" {
		t.Error(title)
	}
}

func TestTableMarkup(t *testing.T) {
	p := props()
	e := health.Event{ID: 5, Day: day(1), MetricTitle: `"><script>x</script>`, Version: 1, Observation: health.Observation{
		EffectiveAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), HasValue: true, Status: "amended", Source: "<b>", Code: "k", CodeSystem: "urn:x"}}
	p.Page = health.EventPage{Events: []health.Event{e}, Total: 2, Older: &health.Cursor{At: e.EffectiveAt, ID: 5}}
	var b bytes.Buffer
	if err := Page(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{`id="events"`, `data-person="abc"`, "1 Mar 2026, 10:00:00", "UTC+00:00", "amended", `id="event-5"`, "1 of 2 events", `scope="col"`, "<caption"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	value := text[strings.Index(text, `data-label="Value"`):]
	if value = value[:strings.Index(value, "</td>")]; !strings.HasSuffix(strings.TrimSpace(value), "0") && !strings.Contains(value, "0<") {
		t.Errorf("a zero shows as %q", value)
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "<b>") || strings.Contains(text, "style=") {
		t.Error("hostile text in the markup")
	}
}

func TestUnitInAddresses(t *testing.T) {
	p := props()
	p.Filter.Metric, p.Unit = "glucose", "mmol/L"
	if got := p.href(); got != "/dashboard/events?metric=glucose&person=abc&unit=mmol%2FL" {
		t.Error(got)
	}
	for _, without := range []string{"metric", "unit"} {
		if got := p.href(without); strings.Contains(got, "unit") {
			t.Errorf("without %s: %s", without, got)
		}
	}
	bar := p.filterBar()
	if n := len(bar.Fields); n != 6 || bar.Fields[5].Name != "unit" || bar.Fields[5].Value != "mmol/L" || bar.Hidden[1].Value != "glucose" {
		t.Errorf("%+v", bar)
	}
	for _, metric := range []string{"", "heart_rate"} {
		p.Filter.Metric, p.Unit = metric, ""
		if bar := p.filterBar(); len(bar.Fields) != 5 || len(bar.Hidden) != 1 {
			t.Errorf("%q: %+v", metric, bar)
		}
	}
}

func TestCellsInAUnit(t *testing.T) {
	low := 36.0
	e := health.Event{Observation: health.Observation{Metric: "body_temperature", Value: 37, HasValue: true, Unit: "Cel", OrigValue: "98.6", OrigUnit: "°F", RefLow: &low}}
	for _, tt := range []struct{ unit, value, ranged, shown, sub string }{
		{"", "37.0", "range ≥ 36.0", "°C", "received as 98.6 °F"}, {"Cel", "37.0", "range ≥ 36.0", "°C", "received as 98.6 °F"},
		{"[degF]", "98.6", "range ≥ 96.8", "°F", ""},
	} {
		p := props()
		p.Unit = tt.unit
		value, unit := p.valueCell(e), p.unitCell(e)
		if value.Text != tt.value || value.Sub != tt.ranged || unit.Text != tt.shown || unit.Sub != tt.sub || value.Mark.Label != "" {
			t.Errorf("in %q: %+v %+v", tt.unit, value, unit)
		}
	}
	e.OrigUnit, e.OrigValue = "degrees", ""
	if unit := props().unitCell(e); unit.Sub != "sent as degrees" {
		t.Errorf("%+v", unit)
	}
	e.HasValue, e.ValueText = false, "warm"
	if value := props().valueCell(e); value.Text != "warm" || value.Sub != "range ≥ 36" {
		t.Errorf("%+v", value)
	}
}
