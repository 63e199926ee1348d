package format

import (
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
)

// AdultRange words the part of a general adult range in a unit, with its context:
// "3.5–5.0 mmol/L", "below 120 mmHg", "60–100 /min at rest". In the catalogue's
// unit, or where unit is empty or none of the metric's, it has the catalogue's digits.
// A converted limit that is rounded says so: "below ≈ 38.78 mmol/mol". Values are
// compared with the limit itself.
func AdultRange(r adultrange.Range, part adultrange.Part, unit string) string {
	if _, err := units.Convert(r.Metric.Code, 1, r.Metric.Unit, unit); err != nil {
		unit = r.Metric.Unit
	}
	low, high := limit(r, part.Low, unit), limit(r, part.High, unit)
	words, shown := "", Unit(unit)
	switch {
	case part.Low.Is() && part.High.Is():
		words = low + "–" + high + " " + shown
	case part.Low.Is():
		words = low + " " + shown + " or more"
	case part.High.Open:
		words = "below " + high + " " + shown
	default:
		words = "up to " + high + " " + shown
	}
	if r.Context != adultrange.NoContext {
		words += " " + string(r.Context)
	}
	return words
}

func limit(r adultrange.Range, l adultrange.Limit, unit string) string {
	if !l.Is() || unit == r.Metric.Unit {
		return l.Digits
	}
	v, err := units.Convert(r.Metric.Code, l.Value(), r.Metric.Unit, unit)
	if err != nil {
		return l.Digits + " " + Unit(r.Metric.Unit) // AdultRange has tried the unit: never seen
	}
	digits := Number(v)
	switch {
	case v == l.Value():
		return l.Digits
	case len(digits) <= longestLimit:
		return digits
	default:
		return "≈ " + units.Shown(v, fourDigits)
	}
}

// longestLimit is the length of limits that are shown in full, as 100.4 °F is for
// 38.0 °C; longer ones never end, and show as many digits as fourDigits has.
const (
	longestLimit = 6
	fourDigits   = "1000"
)

// SignedOff says who signed a range off and when: "signed off by Dr Eve on 27 Nov 2026".
func SignedOff(a adultrange.Act) string {
	return "signed off by " + a.By + " on " + Date(health.DayOf(a.At))
}
