package health

import (
	"fmt"
	"time"
)

// Day is a civil date without a zone: the local_day of an observation, a birth
// date. The zero Day means unknown or open.
type Day struct {
	Year  int
	Month time.Month
	Dom   int
}

// DayOf returns the civil date of t in t's own location.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day{y, m, d}
}

// ParseDay reads an ISO 8601 calendar date, YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, inputError("%q is not a date: write YYYY-MM-DD", s)
	}
	return DayOf(t), nil
}

// IsZero reports whether d is the zero Day.
func (d Day) IsZero() bool { return d == Day{} }

// String is YYYY-MM-DD, or empty for the zero Day.
func (d Day) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Dom)
}

// Start is the first instant of d in loc. Where a daylight-saving change skips
// midnight it is the first instant that exists.
func (d Day) Start(loc *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Dom, 0, 0, 0, 0, loc)
	if DayOf(t) != d {
		// time.Date went back over the gap; the day begins where the gap ends.
		t = time.Date(d.Year, d.Month, d.Dom, 1, 0, 0, 0, loc)
	}
	return t
}

// AddDays returns the civil date n days later.
func (d Day) AddDays(n int) Day {
	return DayOf(time.Date(d.Year, d.Month, d.Dom+n, 0, 0, 0, 0, time.UTC))
}

// Before reports whether d is an earlier date than o.
func (d Day) Before(o Day) bool { return d.utc().Before(o.utc()) }

// DaysUntil is the number of days from d to o; negative when o is earlier.
func (d Day) DaysUntil(o Day) int { return int(o.utc().Sub(d.utc()).Hours() / 24) }

// FirstOfMonth is the first day of d's month.
func (d Day) FirstOfMonth() Day { return Day{d.Year, d.Month, 1} }

// AddMonths returns the first day of the month n months after d's month.
func (d Day) AddMonths(n int) Day {
	return DayOf(time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC))
}

func (d Day) utc() time.Time { return time.Date(d.Year, d.Month, d.Dom, 0, 0, 0, 0, time.UTC) }
