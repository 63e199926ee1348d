package adultrange

import (
	"math"
	"time"

	"healthportal/app/health"
)

// Looks reports whether charts of a window mark values outside: those of days and
// hours, whose values are read one by one. The rollup of months and years doesn't
// know which values the laboratory has judged.
func Looks(w health.Window) bool { return w.Zoom == health.Days || w.Zoom == health.Hours }

// Outlying chooses the events of a person that may lie outside a range: those of
// a metric on local days, without a laboratory's range or flag, whose number is at
// or beyond a limit, or is in another unit than Unit.
type Outlying struct {
	Person health.PersonID
	Metric string
	// From and To are local days, both inclusive.
	From, To health.Day
	// Unit is the one of Low and High; an end that is nil is open.
	Unit      string
	Low, High *float64
}

// Outlying is what has to be read to mark a person's values in a window; false
// where nothing can be marked.
func (s Standing) Outlying(p health.Person, w health.Window) (Outlying, bool) {
	if !s.SignedOff() || !Looks(w) || s.Range.Fits(p, w.To) != Within {
		return Outlying{}, false
	}
	part, _ := s.Range.Of(p.Sex)
	o := Outlying{Person: p.ID, Metric: s.Range.Metric.Code, From: w.From, To: w.To, Unit: s.Range.Metric.Unit}
	if part.Low.Is() {
		v := part.Low.Value()
		o.Low = &v
	}
	if part.High.Is() {
		v := part.High.Value()
		o.High = &v
	}
	return o, true
}

// Attach counts the events outside the range at the points of their series, by
// Judge. Points and events are of the same window.
func (s Standing) Attach(list []health.Series, p health.Person, w health.Window, events []health.Event) {
	var starts []time.Time
	if w.Zoom == health.Hours {
		starts = w.HourStarts()
	}
	for i := range events {
		e := &events[i]
		outcome := s.Range.Judge(p, e)
		if point := pointOf(list, e, starts); point != nil && outcome.Outside() {
			if outcome == Below {
				add(&point.Below, e.Value, math.Min)
			} else {
				add(&point.Above, e.Value, math.Max)
			}
		}
	}
}

func add(o *health.Outside, v float64, further func(a, b float64) float64) {
	if o.N == 0 {
		o.Furthest = v
	}
	o.N++
	o.Furthest = further(o.Furthest, v)
}

// pointOf is the point that an event belongs to; nil where there is none.
func pointOf(list []health.Series, e *health.Event, starts []time.Time) *health.DayPoint {
	start := startOf(e, starts)
	for i := range list {
		if l := &list[i]; l.CodeSystem != e.CodeSystem || l.Code != e.Code || l.Unit != e.Unit {
			continue
		}
		for j := range list[i].Points {
			if p := &list[i].Points[j]; p.Day == e.Day && p.Start.Equal(start) {
				return p
			}
		}
	}
	return nil
}

// startOf is the beginning of the hour of an event among those of a chart of
// hours; zero in other charts, and for whole days.
func startOf(e *health.Event, starts []time.Time) time.Time {
	var found time.Time
	if !e.StartDay.IsZero() {
		return found
	}
	for _, t := range starts {
		if t.After(e.EffectiveAt) {
			break
		}
		found = t
	}
	return found
}
