package events

import (
	"testing"
	"time"

	"healthportal/app/health"
)

// Times stand in the patient's zone with their offset, days without one, and what
// counts for another day says so.
func TestTimeCells(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	utc := func(month time.Month, d, h, m, s int) time.Time {
		return time.Date(2026, month, d, h, m, s, 0, time.UTC)
	}
	of := func(d int) health.Day { return health.Day{Year: 2026, Month: time.March, Dom: d} }
	event := func(day health.Day, at, end time.Time) health.Event {
		return health.Event{Day: day, Observation: health.Observation{EffectiveAt: at, EffectiveEnd: end}}
	}
	whole := func(first, last health.Day) health.Event {
		e := event(first, first.Start(berlin), last.AddDays(1).Start(berlin))
		e.StartDay, e.EndDay = first, last
		return e
	}
	october := health.Day{Year: 2026, Month: time.October, Dom: 25}
	tests := []struct {
		name      string
		e         health.Event
		text, sub string
	}{
		{"winter", event(of(1), utc(3, 1, 9, 0, 0), time.Time{}), "1 Mar 2026, 10:00:00", "UTC+01:00"},
		{"before the clocks go forward", event(of(29), utc(3, 29, 0, 59, 0), time.Time{}), "29 Mar 2026, 01:59:00", "UTC+01:00"},
		{"after the clocks went forward", event(of(29), utc(3, 29, 1, 0, 0), time.Time{}), "29 Mar 2026, 03:00:00", "UTC+02:00"},
		{"the first pass of an hour that comes twice", event(october, utc(10, 25, 0, 30, 0), time.Time{}), "25 Oct 2026, 02:30:00", "UTC+02:00"},
		{"its second pass", event(october, utc(10, 25, 1, 30, 0), time.Time{}), "25 Oct 2026, 02:30:00", "UTC+01:00"},
		{"another day here than in UTC", event(of(2), utc(3, 1, 23, 30, 0), time.Time{}), "2 Mar 2026, 00:30:00", "UTC+01:00"},
		{"a period", event(of(1), utc(3, 1, 9, 0, 0), utc(3, 1, 9, 45, 0)), "1 Mar 2026, 10:00:00", "UTC+01:00 to 10:45:00"},
		{"a period over midnight", event(of(1), utc(3, 1, 22, 0, 0), utc(3, 2, 5, 0, 0)), "1 Mar 2026, 23:00:00", "UTC+01:00 to 2 Mar 2026, 06:00:00"},
		{"sleep counts for the day of waking", event(of(2), utc(3, 1, 22, 0, 0), utc(3, 2, 5, 0, 0)), "1 Mar 2026, 23:00:00", "UTC+01:00 to 2 Mar 2026, 06:00:00; counts for 2 Mar 2026"},
		{"a row of something else, counted elsewhere", event(of(5), utc(3, 1, 9, 0, 0), time.Time{}), "1 Mar 2026, 10:00:00", "UTC+01:00; counts for 5 Mar 2026"},
		{"a period over a clock change", event(october, utc(10, 25, 0, 30, 0), utc(10, 25, 1, 30, 0)), "25 Oct 2026, 02:30:00", "UTC+02:00 to 02:30:00 UTC+01:00"},
		{"a night over a clock change", event(of(28), utc(3, 28, 22, 0, 0), utc(3, 29, 5, 0, 0)), "28 Mar 2026, 23:00:00", "UTC+01:00 to 29 Mar 2026, 07:00:00 UTC+02:00"},
		{"a whole day", whole(of(1), of(1)), "1 Mar 2026", "whole day, no time given"},
		{"the day of a clock change", whole(of(29), of(29)), "29 Mar 2026", "whole day, no time given"},
		{"several days", whole(of(28), of(31)), "28 Mar 2026", "whole days to 31 Mar 2026"},
		{"days without an end", func() health.Event { e := whole(of(1), of(1)); e.EffectiveEnd = time.Time{}; return e }(), "1 Mar 2026", "whole day, no time given"},
	}
	for _, tt := range tests {
		p := props()
		p.Zone = berlin
		cell := p.timeCell(tt.e)
		if cell.Text != tt.text || cell.Sub != tt.sub || !cell.Header {
			t.Errorf("%s: %q, %q; want %q, %q", tt.name, cell.Text, cell.Sub, tt.text, tt.sub)
		}
	}
}
