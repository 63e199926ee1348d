package fhir

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// state says whether an Observation or component carries a value.
type state int

const (
	none state = iota
	absent
	present
)

// value reads the one value[x] into o, with the range and interpretation that
// belong to it.
func (m *measured) value(o *health.Observation) (state, error) {
	n := 0
	for _, there := range []bool{m.Quantity != nil, m.CodeableConcept != nil, m.String != nil, m.Boolean != nil, given(m.Integer),
		m.Time != nil, m.DateTime != nil, given(m.Range), given(m.Ratio), given(m.SampledData), given(m.Period)} {
		if there {
			n++
		}
	}
	if n > 1 {
		return none, errors.New("there are several values where FHIR allows one")
	}
	if n == 0 {
		return m.missing(), nil
	}
	if given(m.Range) || given(m.Ratio) || given(m.SampledData) || given(m.Period) {
		return none, errors.New("values that are a Range, Ratio, SampledData or Period are not supported")
	}
	o.Flag = flag(m.Interpretation)
	switch {
	case m.Quantity != nil && !given(m.Quantity.Value):
		// A unit without a number is how some systems write "no value".
		return m.missing(), nil
	case m.Quantity != nil:
		if err := m.Quantity.read(o); err != nil {
			return none, err
		}
		o.RefLow, o.RefHigh = bounds(m.ReferenceRange, m.Quantity)
	case given(m.Integer):
		return present, number(m.Integer, o)
	default:
		return m.text(o)
	}
	return present, nil
}

func (m *measured) missing() state {
	if m.DataAbsentReason != nil {
		return absent
	}
	return none
}

func (m *measured) text(o *health.Observation) (state, error) {
	switch {
	case m.CodeableConcept != nil:
		o.ValueText = m.CodeableConcept.Text
		for _, c := range m.CodeableConcept.Coding {
			if o.ValueText == "" {
				o.ValueText = firstOf(c.Display, c.Code)
			}
			if o.OrigValue == "" && c.Code != "" {
				o.OrigValue = c.System + "|" + c.Code
			}
		}
	case m.Boolean != nil:
		o.ValueText = strconv.FormatBool(*m.Boolean)
	case m.String != nil:
		o.ValueText = *m.String
	case m.Time != nil:
		o.ValueText = *m.Time
	default:
		o.ValueText = *m.DateTime
	}
	if o.ValueText == "" {
		return m.missing(), nil
	}
	return present, nil
}

func given(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

func (q *quantity) read(o *health.Observation) error {
	switch q.Comparator {
	case "", "<", "<=", ">=", ">":
		o.Comparator = q.Comparator
	default:
		return errors.New("the comparator of the value is not one of FHIR R4's")
	}
	o.Unit = firstOf(q.Code, q.Unit)
	if q.Unit != o.Unit {
		o.OrigUnit = q.Unit
	}
	return number(q.Value, o)
}

// number reads a JSON number.
func number(v jsontext.Value, o *health.Observation) error {
	if v.Kind() != '0' {
		return errors.New("the value is not a number")
	}
	digits := string(v)
	f, err := intake.ParseNumber(digits)
	if err != nil {
		return err
	}
	intake.SetNumber(o, f, digits)
	return nil
}

// flag is the laboratory's interpretation, its codes joined by spaces.
func flag(list []concept) string {
	codes := make([]string, 0, len(list))
	for _, c := range list {
		code := c.Text
		if len(c.Coding) > 0 && c.Coding[0].Code != "" {
			code = c.Coding[0].Code
		}
		if code != "" {
			codes = append(codes, code)
		}
	}
	return strings.Join(codes, " ")
}

// bounds is the reference range where there is exactly one, normal one, whose
// bounds are numbers in the value's own unit.
func bounds(list []refRange, value *quantity) (low, high *float64) {
	var normal []refRange
	for _, r := range list {
		if len(r.Type.Coding) == 0 || r.Type.Coding[0].Code == "normal" {
			normal = append(normal, r)
		}
	}
	if len(normal) != 1 {
		return nil, nil
	}
	return bound(normal[0].Low, value), bound(normal[0].High, value)
}

func bound(b, value *quantity) *float64 {
	if b == nil || b.Value.Kind() != '0' || firstOf(b.Code, b.Unit) != firstOf(value.Code, value.Unit) {
		return nil
	}
	f, err := strconv.ParseFloat(string(b.Value), 64)
	if err != nil {
		return nil
	}
	return &f
}
