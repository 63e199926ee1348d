package units

import (
	"strconv"
	"strings"

	"healthportal/app/health"
)

// Reading is the number of an Observation as a page shows it: in the source's own
// digits where it is in the source's unit, else converted and cut to Shown's
// digits, with the received number beside.
type Reading struct {
	// Value, Low and High are digits in Unit, a UCUM code; Low and High are empty where the range is open.
	Value, Low, High, Unit string
	// Received and ReceivedUnit are as the source wrote them; empty where Value was not converted.
	Received, ReceivedUnit string
}

// Converted reports whether the digits are not the source's own.
func (r Reading) Converted() bool { return r.Received != "" }

// Read words the number of an Observation in a unit, or in the stored one where
// unit is empty or no unit of its kind. Without a number there is only the range.
func Read(o *health.Observation, unit string) Reading {
	if !o.HasValue {
		s := source{ucum: o.Unit}
		return Reading{Unit: o.Unit, Low: s.bound(o, o.RefLow, o.Unit), High: s.bound(o, o.RefHigh, o.Unit)}
	}
	s := sourceOf(o)
	value, target := o.Value, o.Unit
	if unit != "" {
		if v, err := Convert(o.Metric, o.Value, o.Unit, unit); err == nil {
			value, target = v, unit
		}
	}
	r := Reading{Value: s.digits, Unit: target, Low: s.bound(o, o.RefLow, target), High: s.bound(o, o.RefHigh, target)}
	if !s.writtenIn(o.Metric, target) {
		r.Value, r.Received, r.ReceivedUnit = Shown(value, s.digits), s.digits, s.unit
	}
	return r
}

// source is what the source of an Observation wrote.
type source struct {
	digits, unit string
	// ucum is the unit that the digits are in.
	ucum string
	// unread: the number was converted from a unit that the portal can't read, and ucum is empty.
	unread bool
}

func sourceOf(o *health.Observation) source {
	s := source{digits: o.OrigValue, unit: o.OrigUnit, ucum: o.Unit}
	if s.unit == "" {
		s.unit = o.Unit
	}
	was, err := strconv.ParseFloat(s.digits, 64)
	if err != nil {
		s.digits, was = number(o.Value), o.Value
	}
	if ucum, known := Canonical(o.Metric, o.OrigUnit); known && ucum != o.Unit {
		if v, err := Convert(o.Metric, was, ucum, o.Unit); err == nil && v == o.Value {
			s.ucum = ucum
			return s
		}
	}
	if was != o.Value {
		s.ucum, s.unread = "", true
	}
	return s
}

// writtenIn reports whether the digits are in a unit, whatever its spelling.
func (s source) writtenIn(metric, unit string) bool {
	if s.unread || s.ucum == unit {
		return !s.unread
	}
	a, known := Canonical(metric, s.ucum)
	b, also := Canonical(metric, unit)
	return known && also && a == b
}

// bound words a bound of the range. Its own digits are not stored; turned back into
// the source's unit they appear again, but for what was rounded in the 16th digit.
func (s source) bound(o *health.Observation, bound *float64, target string) string {
	if bound == nil {
		return ""
	}
	digits := number(*bound)
	if s.ucum != o.Unit {
		if was, err := Convert(o.Metric, *bound, o.Unit, s.ucum); err == nil {
			digits = number(tidy(was))
		}
	}
	if s.writtenIn(o.Metric, target) {
		return digits
	}
	v, err := Convert(o.Metric, *bound, o.Unit, target)
	if err != nil {
		v = *bound
	}
	return Shown(v, digits)
}

func tidy(v float64) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	if err != nil {
		return v
	}
	return f
}

// The significant digits of a converted number: as many as the source wrote, but
// at least three, and no more than a float64 holds.
const (
	leastDigits = 3
	mostDigits  = 15
)

// Shown rounds a converted number to as many significant digits as the source
// wrote, which gives the digits, but at least three; digits before the decimal
// point are never rounded away. A number that is what the source wrote keeps its digits.
func Shown(v float64, source string) string {
	if was, err := strconv.ParseFloat(source, 64); err == nil && was == v {
		return source
	}
	if v == 0 {
		return "0"
	}
	digits := min(max(significant(source), leastDigits), mostDigits)
	_, power, ok := strings.Cut(strconv.FormatFloat(v, 'e', digits-1, 64), "e")
	exponent, err := strconv.Atoi(power)
	if !ok || err != nil { // not a number, or infinite
		return number(v)
	}
	return strconv.FormatFloat(v, 'f', max(0, digits-1-exponent), 64)
}

// significant counts the digits from the first that is not zero, trailing zeros included.
func significant(source string) int {
	if i := strings.IndexAny(source, "eE"); i >= 0 {
		source = source[:i]
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, source)
	return len(strings.TrimLeft(digits, "0"))
}
