package units

import (
	"math"

	"healthportal/app/health"
)

// Doubt is a reason to look twice at a number. It marks the number and changes
// nothing about it.
type Doubt string

// The doubts. The zero value is none.
const (
	NoDoubt Doubt = ""
	// OutOfBounds numbers lie outside the catalogue's plausible bounds.
	OutOfBounds Doubt = "out-of-bounds"
	// ForeignUnit numbers come in a unit that measures something else, a body weight in mg/dL.
	ForeignUnit Doubt = "foreign-unit"
	// UnknownUnit numbers come in a unit that the portal can't read, or without one: bounds are not checked.
	UnknownUnit Doubt = "unknown-unit"
	// Contradiction is a unit text that says something else than the unit's code.
	Contradiction Doubt = "contradiction"
)

// DoubtOf judges the number of a catalogue metric. A bound (<0.1) is out of bounds
// only where all that it allows is.
func DoubtOf(o *health.Observation) Doubt {
	e := entries()[o.Metric]
	if e == nil || !o.HasValue {
		return NoDoubt
	}
	ucum, known := Canonical(o.Metric, o.Unit)
	switch {
	case !known:
		return UnknownUnit
	case e.find(ucum) == nil:
		return ForeignUnit
	case sourceOf(o).ucum == o.Unit && unitsContradict(o):
		return Contradiction
	}
	low, high := o.Value, o.Value
	switch o.Comparator {
	case "<", "<=":
		low = math.Inf(-1)
	case ">", ">=":
		high = math.Inf(1)
	}
	least, most, ok := Bounds(o.Metric, o.Unit)
	if ok && !(high >= least && low <= most) { // not a number is out of bounds, too
		return OutOfBounds
	}
	return NoDoubt
}

// Plausible reports whether a number of a metric in a unit lies within the
// catalogue's bounds, both included. A unit that measures something else is not
// plausible; where there is nothing to judge by, everything is.
func Plausible(metric string, value float64, unit string) bool {
	d := DoubtOf(&health.Observation{Metric: metric, Value: value, HasValue: true, Unit: unit})
	return d == NoDoubt || d == UnknownUnit
}

// Bounds are the catalogue's plausible bounds of a metric in a unit; false where
// it has none, or none in that unit.
func Bounds(metric, unit string) (low, high float64, ok bool) {
	e := entries()[metric]
	if e == nil || e.metric.Low == 0 && e.metric.High == 0 {
		return 0, 0, false
	}
	low, err := Convert(metric, e.metric.Low, e.base(), unit)
	if err != nil {
		return 0, 0, false
	}
	high, err = Convert(metric, e.metric.High, e.base(), unit)
	return low, high, err == nil
}
