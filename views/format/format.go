// Package format words numbers, dates and units the same way on every page.
// Nothing is rounded but means, which say that they are means.
package format

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"healthportal/app/health"
)

// Number prints a value with exactly the digits that it has.
func Number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Mean prints a mean with one decimal more than the values that it stands for,
// which are given as examples.
func Mean(mean float64, examples ...float64) string {
	decimals := 0
	for _, v := range examples {
		if _, frac, ok := strings.Cut(Number(v), "."); ok {
			decimals = max(decimals, len(frac))
		}
	}
	return strconv.FormatFloat(mean, 'f', min(decimals+1, 12), 64)
}

// Count prints a number of things with thousands separators.
func Count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Things is a count with its noun: "1 event", "1,204 events".
func Things(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + " " + noun
}

// Date is "12 Oct 2026", and "unknown" for the zero Day.
func Date(d health.Day) string {
	if d.IsZero() {
		return "unknown"
	}
	return fmt.Sprintf("%d %s %d", d.Dom, d.Month.String()[:3], d.Year)
}

// LongDate is "12 October 2026", and "unknown" for the zero Day.
func LongDate(d health.Day) string {
	if d.IsZero() {
		return "unknown"
	}
	return fmt.Sprintf("%d %s %d", d.Dom, d.Month, d.Year)
}

// Month is "October 2026".
func Month(d health.Day) string { return fmt.Sprintf("%s %d", d.Month, d.Year) }

// Clock is the time of day in t's own zone, with the fraction of a second where there is one.
func Clock(t time.Time) string { return t.Format("15:04:05.999999") }

// Offset is t's distance from UTC: "UTC+02:00".
func Offset(t time.Time) string { return "UTC" + t.Format("-07:00") }

// Age is the person's age on a day, with its unit: days and months for small children.
func Age(p health.Person, today health.Day) string {
	years, ok := p.Age(today)
	switch {
	case !ok:
		return "age unknown"
	case years >= 2:
		return fmt.Sprintf("%d years", years)
	}
	months := (today.Year-p.BirthDate.Year)*12 + int(today.Month) - int(p.BirthDate.Month)
	if today.Dom < p.BirthDate.Dom {
		months--
	}
	if months < 1 {
		return Things(p.BirthDate.DaysUntil(today), "day")
	}
	return Things(months, "month")
}

// Ago says how long before today a day was.
func Ago(day, today health.Day) string {
	switch n := day.DaysUntil(today); {
	case n == 0:
		return "today"
	case n == 1:
		return "yesterday"
	case n < 0:
		return "in the future"
	default:
		return Count(n) + " days ago"
	}
}

// Sex is the administrative sex in words.
func Sex(s health.Sex) string {
	switch s {
	case health.Male, health.Female, health.OtherSex:
		return string(s)
	default:
		return "unknown"
	}
}

// Unit spells the common UCUM codes as people write them; others stay as they are.
func Unit(ucum string) string {
	switch ucum {
	case "mm[Hg]":
		return "mmHg"
	case "Cel":
		return "°C"
	case "[degF]":
		return "°F"
	case "kg/m2":
		return "kg/m²"
	case "{steps}":
		return "steps"
	case "{flights}":
		return "flights"
	case "{score}":
		return "score"
	case "mL/min/{1.73_m2}":
		return "mL/min/1.73 m²"
	case "10*3/uL":
		return "10³/µL"
	case "10*6/uL":
		return "10⁶/µL"
	default:
		return ucum
	}
}

// Value is an Observation's value as tables show it, without its unit: the
// source's own digits where they were kept, with the comparator of a bound.
func Value(o health.Observation) string {
	if !o.HasValue {
		return o.ValueText
	}
	digits := o.OrigValue
	if digits == "" {
		digits = Number(o.Value)
	}
	if o.Comparator == "" {
		return digits
	}
	return comparator(o.Comparator) + " " + digits
}

func comparator(c string) string {
	switch c {
	case "<=":
		return "≤"
	case ">=":
		return "≥"
	default:
		return c
	}
}

// Range is the laboratory's own reference range, or empty.
func Range(o health.Observation) string {
	switch {
	case o.RefLow != nil && o.RefHigh != nil:
		return Number(*o.RefLow) + "–" + Number(*o.RefHigh)
	case o.RefLow != nil:
		return "≥ " + Number(*o.RefLow)
	case o.RefHigh != nil:
		return "≤ " + Number(*o.RefHigh)
	default:
		return ""
	}
}
