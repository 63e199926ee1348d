package applehealth

import (
	"strconv"

	"healthportal/app/health"
)

// notApplicable is how HealthKit writes the value of categories that have none;
// older exports leave it out, and both are the same Observation.
const notApplicable = "HKCategoryValueNotApplicable"

// category keeps the value's text.
func category(f *fields, k kind, o *health.Observation) string {
	switch {
	case f.value != "":
		o.ValueText = oneLine(f.value)
	case k.category:
		o.ValueText = notApplicable
	default:
		return reasonValue
	}
	o.Unit = f.unit
	return ""
}

// quantity reads number and unit. No value is converted; percentages, which
// HealthKit writes as fractions of 1, are written as percent.
func (r *Reader) quantity(f *fields, k kind, o *health.Observation) string {
	switch {
	case f.unit == "":
		return reasonUnit
	case f.value == "":
		return reasonValue
	case f.unit == "%":
		return percent(f.value, k, o)
	}
	o.Unit = r.ucum(f.unit)
	if f.unit == "count" && k.count != "" {
		o.Unit = k.count
	}
	// The two spellings of the kilocalorie change between versions of iOS, and must not make two of one.
	if o.Unit != f.unit && f.unit != "Cal" {
		o.OrigUnit = f.unit
	}
	v, reason := number(f.value)
	if reason != "" {
		return reason
	}
	o.Value, o.HasValue = v, true
	if strconv.FormatFloat(v, 'f', -1, 64) != f.value {
		o.OrigValue = f.value
	}
	return ""
}

// percent moves the decimal point of the digits, so that nothing is rounded.
func percent(digits string, k kind, o *health.Observation) string {
	fraction, reason := number(digits)
	if reason != "" {
		return reason
	}
	if k.part && fraction > 1 {
		return reasonPart
	}
	v, reason := number(timesHundred(digits))
	if reason != "" {
		return reason
	}
	o.Value, o.HasValue, o.Unit = v, true, "%"
	o.OrigValue, o.OrigUnit = digits, "%"
	return ""
}
