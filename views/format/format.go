// Package format words numbers, dates and units the same way on every page.
// Nothing is rounded but means, which say that they are means.
package format

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/units"
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

// Minutes is a time to the last digit: "402 min", "402 min 30 s".
func Minutes(d time.Duration) string {
	whole, rest := d/time.Minute, d%time.Minute
	words := strconv.Itoa(int(whole)) + " min"
	if rest != 0 {
		words += " " + Number(rest.Seconds()) + " s"
	}
	return words
}

// Hours is Minutes with the hours apart: "6 h 42 min 30 s".
func Hours(d time.Duration) string {
	return strconv.Itoa(int(d/time.Hour)) + " h " + Minutes(d%time.Hour)
}

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
	case "[lb_av]":
		return "lb"
	case "[in_i]":
		return "in"
	case "[mi_i]":
		return "mi"
	case "{steps}":
		return "steps"
	case "{flights}":
		return "flights"
	case "{score}":
		return "score"
	default:
		return laboratoryUnit(ucum)
	}
}

func laboratoryUnit(ucum string) string {
	switch ucum {
	case "mL/min/{1.73_m2}":
		return "mL/min/1.73 m²"
	case "umol/L":
		return "µmol/L"
	case "meq/L":
		return "mEq/L"
	case "10*3/uL":
		return "10³/µL"
	case "10*6/uL":
		return "10⁶/µL"
	default:
		return ucum
	}
}

// Value is an Observation's value as tables show it, without its unit: the
// source's own digits where they are in the stored unit, with the comparator of a
// bound. A converted number has the digits that units.Shown leaves it.
func Value(o health.Observation) string {
	if !o.HasValue {
		return o.ValueText
	}
	return Reading(o, units.Read(&o, ""))
}

// Reading words what units.Read made of an Observation's number, without its unit.
func Reading(o health.Observation, r units.Reading) string {
	if o.Comparator == "" {
		return r.Value
	}
	return comparator(o.Comparator) + " " + r.Value
}

// Received is the number and unit as the source wrote them, where what is shown
// was converted: "received as < 5.4 mmol/L"; else empty.
func Received(o health.Observation, r units.Reading) string {
	if !r.Converted() {
		return ""
	}
	digits := r.Received
	if o.Comparator != "" {
		digits = comparator(o.Comparator) + " " + digits
	}
	return strings.TrimSpace("received as " + digits + " " + r.ReceivedUnit)
}

// Bound is a number that a value lies below or above: "≥ 5". number is its digits.
func Bound(c, number string) string { return comparator(c) + " " + number }

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

// Range is the laboratory's own reference range in the unit of a reading, or empty.
func Range(r units.Reading) string {
	switch {
	case r.Low != "" && r.High != "":
		return r.Low + "–" + r.High
	case r.Low != "":
		return "≥ " + r.Low
	case r.High != "":
		return "≤ " + r.High
	default:
		return ""
	}
}
