package units

import (
	"strconv"

	"healthportal/app/health"
)

// Normalise brings the number and range of a catalogue metric to the catalogue's
// unit, and keeps the source's digits and unit in OrigValue and OrigUnit. What has
// no number, no known unit, a unit that measures something else, or a unit code and
// a unit text that contradict each other, stays as it came: a series of its own.
func Normalise(o *health.Observation) {
	e := entries()[o.Metric]
	if e == nil || !o.HasValue || o.Unit == e.base() || unitsContradict(o) {
		return
	}
	value, err := Convert(o.Metric, o.Value, o.Unit, e.base())
	if err != nil {
		return
	}
	low, high, err := ConvertRange(o.Metric, o.RefLow, o.RefHigh, o.Unit, e.base())
	if err != nil {
		return
	}
	if value != o.Value && o.OrigValue == "" {
		o.OrigValue = number(o.Value)
	}
	if o.OrigUnit == "" {
		o.OrigUnit = o.Unit
	}
	o.Value, o.RefLow, o.RefHigh, o.Unit = value, low, high, e.base()
}

// unitsContradict reports whether an Observation as its source sent it has a unit
// text that is known, and by which the number would say something else than by the
// unit's code.
func unitsContradict(o *health.Observation) bool {
	if o.OrigUnit == "" {
		return false
	}
	code, known := Canonical(o.Metric, o.Unit)
	text, also := Canonical(o.Metric, o.OrigUnit)
	if !known || !also || code == text {
		return false
	}
	same, err := Convert(o.Metric, o.Value, text, code)
	return err != nil || same != o.Value
}

// number prints exactly the digits that a value has.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
