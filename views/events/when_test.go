package events

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// The two hours that begin at 02:00 in Berlin on 25 October 2026.
func fold(t *testing.T) (berlin *time.Location, summer, winter time.Time) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return berlin, time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)
}

func TestTimesOfAFilter(t *testing.T) {
	p := props()
	var summer, winter time.Time
	p.Zone, summer, winter = fold(t)
	day := health.Day{Year: 2026, Month: 10, Dom: 25}
	p.Day, p.Filter.From, p.Filter.To, p.Filter.Since, p.Filter.Until = day, day, day, summer, winter
	if got := p.href(); got != "/dashboard/events?day=2026-10-25&from=2026-10-25T00%3A00%3A00Z&person=abc&to=2026-10-25T01%3A00%3A00Z" {
		t.Error(got)
	}
	text := html(t, Table(p))
	for _, want := range []string{"Day: 25 Oct 2026", "From 25 Oct 2026, 02:00:00 UTC+02:00", "Before 25 Oct 2026, 02:00:00 UTC+01:00", `name="day" value="2026-10-25"`,
		`value="2026-10-25T00:00:00Z"`, `value="2026-10-25T01:00:00Z"`, "From day or time", "To day, or before time"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q", want)
		}
	}
	if strings.Contains(text, `type="date"`) {
		t.Error("a date field would lose the time")
	}
	for name, want := range map[string]string{
		"day": "/dashboard/events?from=2026-10-25T00%3A00%3A00Z&person=abc&to=2026-10-25T01%3A00%3A00Z", "from": "/dashboard/events?day=2026-10-25&person=abc&to=2026-10-25T01%3A00%3A00Z",
		"to": "/dashboard/events?day=2026-10-25&from=2026-10-25T00%3A00%3A00Z&person=abc",
	} {
		if got := p.href(name); got != want {
			t.Errorf("without %s: %s", name, got)
		}
	}
	if got := days(p.Filter, p.Zone); got != "25 Oct 2026, from 25 Oct 2026, 02:00:00 UTC+02:00, before 25 Oct 2026, 02:00:00 UTC+01:00" {
		t.Error(got)
	}
	receipt := ReceiptProps{Zone: p.Zone, Export: health.Export{PersonID: "abc", Filter: p.Filter}}
	if got := receipt.eventsHref(); got != p.href() {
		t.Errorf("the receipt leads to %s", got)
	}
}

// A day on one side and a time on the other keep both.
func TestDayAndTime(t *testing.T) {
	p := props()
	p.Zone = time.UTC
	p.Filter.From, p.Filter.Until = day(1), time.Date(2026, 3, 9, 12, 0, 0, 500_000_000, time.UTC)
	if got := p.href(); got != "/dashboard/events?from=2026-03-01&person=abc&to=2026-03-09T12%3A00%3A00.5Z" {
		t.Error(got)
	}
	var labels []string
	for _, c := range p.chips() {
		labels = append(labels, c.Label)
	}
	if got := strings.Join(labels, "; "); got != "From 1 Mar 2026; Before 9 Mar 2026, 12:00:00.5 UTC+00:00" {
		t.Error(got)
	}
	fields := p.whenFields()
	if fields[0].Value != "2026-03-01" || fields[1].Value != "2026-03-09T12:00:00.5Z" || fields[0].Type != "" {
		t.Errorf("%+v", fields)
	}
	receipt := ReceiptProps{Zone: time.UTC, Export: health.Export{PersonID: "abc", Filter: p.Filter}}
	if got := receipt.eventsHref(); got != p.href() {
		t.Errorf("the receipt leads to %s", got)
	}
	p.Filter.Until = time.Time{}
	if fields := p.whenFields(); fields[0].Type != "date" || fields[1].Label != "To day" {
		t.Errorf("%+v", fields)
	}
}
