package demo

import (
	"math"
	"time"

	"healthportal/app/health"
)

// simulation lives one patient's days, one after the other.
type simulation struct {
	*patient
	dice *dice
	w    *lineWriter
	// yesterday and now are the plans of the day before and of the day itself.
	yesterday, now plan
	// drift is the slow wander of the heart rate.
	drift float64
}

// plan is what happens on one local day, before anything is measured.
type plan struct {
	day health.Day
	// n is the epoch day.
	n int
	// start and end are the first instants of the day and of the next one.
	start, end time.Time
	// worn and night say whether the sensor is worn by day and in the night that begins on it.
	worn, night bool
	// wake is in the morning, bed in the evening or shortly after midnight.
	wake, bed time.Time
	// fever is in degrees above the usual temperature.
	fever float64
	// irregular marks a day in atrial fibrillation.
	irregular bool
	// exercise begins here and lasts for effort; no effort, none.
	exercise time.Time
	effort   time.Duration
}

func newSimulation(p *patient, d *dice, w *lineWriter) *simulation {
	return &simulation{patient: p, dice: d, w: w}
}

// begin plans the day before the first one, whose night reaches into it.
func (s *simulation) begin(first health.Day) { s.now = s.plan(first.AddDays(-1)) }

// day lives one day and writes what was measured.
func (s *simulation) day(d health.Day) {
	s.yesterday, s.now = s.now, s.plan(d)
	if s.now.worn {
		s.hearts()
		s.morning()
		s.walk()
	}
	s.fevers()
	s.scales()
	s.pressures()
	s.visit()
}

func (s *simulation) plan(d health.Day) plan {
	p := plan{day: d, n: epochDay(d), start: d.Start(s.w.loc), end: d.AddDays(1).Start(s.w.loc)}
	r := s.dice.on(s.record, "day", p.n)
	nights, exercises := r.Float64(), r.Float64()
	rise, bed := about(r, 400, 28), about(r, 1365, 32) // minutes after midnight
	if s.isChild(d) {
		rise, bed = about(r, 400, 18), about(r, 1215, 22)
	}
	if weekday := d.Start(time.UTC).Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		rise += 55
	}
	p.wake, p.bed = s.clock(d, rise), s.clock(d, bed)
	if exercises < s.body.active {
		p.exercise = s.clock(d, 1020+about(r, 0, 50))
		p.effort = time.Duration(30+r.IntN(45)) * time.Minute
	}
	change := s.clocksChange(d) || s.clocksChange(d.AddDays(1))
	p.worn = (s.wears(p.n) || change) && s.watch.every > 0 && !d.Before(s.watch.firstDay)
	p.night = p.worn && (nights < s.watch.nights || change)
	p.fever = s.feverOn(p.n)
	p.irregular = s.body.fibrillates && s.dice.chance(s.record, "rhythm", p.n/3) < 0.22
	return p
}

// clock is a time of day on the patient's own clock.
func (s *simulation) clock(d health.Day, minutes float64) time.Time {
	return time.Date(d.Year, d.Month, d.Dom, 0, int(minutes), 0, 0, s.w.loc)
}

// clocksChange tells whether a day has other than 24 hours. The sensor is worn then, and in the night before, so
// that every demo holds the days on which a count by days goes wrong first.
func (s *simulation) clocksChange(d health.Day) bool {
	return d.AddDays(1).Start(s.w.loc).Sub(d.Start(s.w.loc)) != 24*time.Hour
}

// wears tells whether the sensor is worn on a day: gaps are single days and
// whole weeks, as on holidays or with a broken strap.
func (s *simulation) wears(n int) bool {
	if s.dice.chance(s.record, "gap week", n/7) < s.watch.gaps*0.7 {
		return false
	}
	return s.dice.chance(s.record, "gap day", n) >= s.watch.gaps*0.4
}

// feverOn is the fever of a day in degrees; spells of five days come about
// three times in four years.
func (s *simulation) feverOn(n int) float64 {
	const span = 45
	r := s.dice.on(s.record, "fever", n/span)
	if r.Float64() >= 0.11 {
		return 0
	}
	first, strength := r.IntN(span-5), about(r, 1, 0.15)
	course := [...]float64{0.9, 2.1, 1.8, 1.1, 0.4}
	if i := n%span - first; i >= 0 && i < len(course) {
		return course[i] * strength
	}
	return 0
}

// asleep tells whether the patient sleeps at t, an instant of today.
func (s *simulation) asleep(t time.Time) bool {
	return (t.Before(s.now.wake) && !t.Before(s.yesterday.bed)) || !t.Before(s.now.bed)
}

// wearing tells whether the sensor is on at t: not in nights without it, and
// not while it charges after getting up.
func (s *simulation) wearing(t time.Time) bool {
	since := t.Sub(s.now.wake)
	switch {
	case since < 0:
		return s.yesterday.night
	case since < 45*time.Minute:
		return false
	case !t.Before(s.now.bed):
		return s.now.night
	default:
		return true
	}
}

// round keeps as many digits as the code reports.
func round(v float64, c coding) float64 {
	unit := math.Pow10(c.decimals)
	return math.Round(v*unit) / unit
}
