package health

import "time"

// Zoom is a step of a chart's ladder: how long a point's time is.
type Zoom string

// The steps, from far to near. Below hours stand the events themselves.
const (
	Years  Zoom = "years"
	Months Zoom = "months"
	Days   Zoom = "days"
	Hours  Zoom = "hours"
)

// Window is the part of time that a chart shows, in steps of Zoom: all years,
// the months of a year, the days of a month, or the hours of a day.
type Window struct {
	Zoom Zoom
	// From and To are the first and the last local day, both inclusive.
	From, To Day
	// Zone is the patient's; only hours need it.
	Zone *time.Location
}

// WindowAt is the window of a zoom that holds a day. Of years it has the day's only.
func WindowAt(zoom Zoom, at Day, zone *time.Location) Window {
	w := Window{Zoom: zoom, From: at, To: at, Zone: zone}
	switch zoom {
	case Years, Months:
		w.From, w.To = Day{at.Year, time.January, 1}, Day{at.Year, time.December, 31}
	case Days:
		w.From, w.To = at.FirstOfMonth(), at.AddMonths(1).AddDays(-1)
	}
	return w
}

// Holds reports whether a local day lies in the window.
func (w Window) Holds(d Day) bool { return !d.Before(w.From) && !w.To.Before(d) }

// Steps are the first days of the window's years, months or days; none for hours.
func (w Window) Steps() []Day {
	var list []Day
	for d := w.From; !w.To.Before(d) && w.Zoom != Hours; {
		list = append(list, d)
		switch w.Zoom {
		case Years:
			d = d.AddMonths(12)
		case Months:
			d = d.AddMonths(1)
		default:
			d = d.AddDays(1)
		}
	}
	return list
}

// HourStarts are when the local hours around the window's day begin, from noon
// three days before to noon three days after: an Observation of the day lies
// among them, also where it began on another date. Each change of the clocks
// begins an hour of its own, so that no two hours are mixed.
func (w Window) HourStarts() []time.Time {
	noon := func(d Day) time.Time { return time.Date(d.Year, d.Month, d.Dom, 12, 0, 0, 0, w.Zone) }
	var list []time.Time
	for t, end := noon(w.From.AddDays(-3)), noon(w.From.AddDays(3)); t.Before(end); {
		list = append(list, t)
		next := t.Add(time.Hour - time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second)
		if _, change := t.ZoneBounds(); change.After(t) && change.Before(next) {
			next = change.In(w.Zone)
		}
		t = next
	}
	return list
}

// DayHours are those of HourStarts that begin on the window's day: 24 of them on
// most days, 23 or 25 where the clocks change by an hour, none on a date that a
// zone has skipped.
func (w Window) DayHours() []time.Time {
	var list []time.Time
	for _, t := range w.HourStarts() {
		if DayOf(t) == w.From {
			list = append(list, t)
		}
	}
	return list
}
