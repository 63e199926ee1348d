package adultrange

import (
	"healthportal/app/health"
	"healthportal/app/health/units"
)

// Outcome is what a range says of a value, or why it says nothing.
type Outcome string

// The outcomes. Only Below and Above mark a value.
const (
	// Within: the number lies inside, its limits included unless the range says "below".
	Within Outcome = "within"
	Below  Outcome = "below"
	Above  Outcome = "above"
	// OtherMetric: the range is another metric's.
	OtherMetric Outcome = "other-metric"
	// ContextUnknown: the range holds in a context (at rest, fasting, a week, a night) that isn't known of a single value.
	ContextUnknown Outcome = "context-unknown"
	// LaboratorysOwn: the laboratory gave a range or a flag, be it N for normal; its word counts alone.
	LaboratorysOwn Outcome = "laboratorys-own"
	// NotReported: the status is none of final, amended, corrected and preliminary.
	NotReported Outcome = "not-reported"
	// NoNumber: the value is a text or a code.
	NoNumber Outcome = "no-number"
	// Doubtful: the number or its unit is implausible, unknown or contradictory.
	Doubtful Outcome = "doubtful"
	// AgeUnknown: there is no birth date, or one after the value's day.
	AgeUnknown Outcome = "age-unknown"
	// UnderAge: the patient was younger than AdultAge on the value's day.
	UnderAge Outcome = "under-age"
	// SexUnknown: the range differs by sex, and the patient's is none that it names.
	SexUnknown Outcome = "sex-unknown"
	// LeftOpen: the value is a bound ("<5"), and not all that it allows lies outside.
	LeftOpen Outcome = "left-open"
)

// Outside reports whether the value is marked.
func (o Outcome) Outside() bool { return o == Below || o == Above }

// Fits reports, as Within, that the range holds for a person on a local day:
// at the age, for the sex and in the context. Else it says what is in the way.
func (r Range) Fits(p health.Person, day health.Day) Outcome {
	age, known := p.Age(day)
	switch {
	case !known:
		return AgeUnknown
	case age < AdultAge:
		return UnderAge
	}
	if _, ok := r.Of(p.Sex); !ok {
		return SexUnknown
	}
	if !r.Marks() {
		return ContextUnknown
	}
	return Within
}

// Judge holds a value of a person against the range, in the catalogue's unit and
// with all digits: nothing is rounded. Whatever is in doubt gives neither Below nor Above.
func (r Range) Judge(p health.Person, e *health.Event) Outcome {
	switch {
	case e.Metric != r.Metric.Code:
		return OtherMetric
	case e.Flag != "" || e.RefLow != nil || e.RefHigh != nil:
		return LaboratorysOwn
	case !reported(e.Status):
		return NotReported
	case !e.HasValue:
		return NoNumber
	case units.DoubtOf(&e.Observation) != units.NoDoubt:
		return Doubtful
	}
	if fits := r.Fits(p, e.Day); fits != Within {
		return fits
	}
	value, err := units.Convert(e.Metric, e.Value, e.Unit, r.Metric.Unit)
	if err != nil {
		return Doubtful
	}
	part, _ := r.Of(p.Sex)
	return part.judge(value, e.Comparator)
}

// reported are the states in which a source stands by a number.
func reported(s health.Status) bool {
	switch s {
	case health.Final, health.Preliminary, "amended", "corrected":
		return true
	default:
		return false
	}
}

// judge compares a number in the range's unit. A bound is outside only where all
// that it allows is: "<3" below a low of 3.5 is, "<5" below a low of 4 is left open.
func (p Part) judge(v float64, comparator string) Outcome {
	switch comparator {
	case "":
		switch {
		case p.below(v, false):
			return Below
		case p.above(v, false):
			return Above
		}
		return Within
	case "<", "<=":
		if p.below(v, comparator == "<") {
			return Below
		}
	case ">", ">=":
		if p.above(v, comparator == ">") {
			return Above
		}
	}
	return LeftOpen
}

// below reports whether v lies below the range; with less whether everything less
// than v does, which v itself may be the limit for.
func (p Part) below(v float64, less bool) bool {
	return p.Low.Is() && beyond(p.Low.Value()-v, p.Low.Open || less)
}

// above is below at the other end.
func (p Part) above(v float64, more bool) bool {
	return p.High.Is() && beyond(v-p.High.Value(), p.High.Open || more)
}

// beyond reports whether a distance past a limit is outside. Differences of
// float64 numbers are zero only where the two are equal.
func beyond(by float64, open bool) bool { return by > 0 || open && by == 0 }
