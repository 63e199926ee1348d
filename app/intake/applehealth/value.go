package applehealth

import (
	"math"
	"strconv"
	"strings"

	"healthportal/app/health"
)

// maxDigits bounds what is kept of a number's digits.
const maxDigits = 1000

// The reasons for which a value is refused.
const (
	reasonNumber = "the value is not a decimal number"
	reasonDigits = "the value has more than 1,000 digits"
	reasonLarge  = "the value is too large to be held as a number"
	reasonSmall  = "the value is too small to be held as a number"
	reasonPart   = "the value is a fraction above 1 of a whole: whether it is percent already can't be told"
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

// timesHundred writes a hundred times a decimal number, exactly.
func timesHundred(digits string) string {
	exponent := ""
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		digits, exponent = digits[:i], digits[i:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	fraction += "00"
	return whole + fraction[:2] + "." + fraction[2:] + "0" + exponent
}

// number reads a decimal number; NaN, infinities and hexadecimal digits are none.
func number(digits string) (float64, string) {
	switch {
	case len(digits) > maxDigits:
		return 0, reasonDigits
	case !decimal(digits):
		return 0, reasonNumber
	}
	v, err := strconv.ParseFloat(digits, 64)
	switch {
	case math.IsInf(v, 0):
		return 0, reasonLarge
	case err != nil:
		return 0, reasonNumber
	case v == 0 && strings.ContainsAny(mantissa(digits), "123456789"):
		return 0, reasonSmall
	}
	return v, ""
}

func mantissa(digits string) string {
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		return digits[:i]
	}
	return digits
}

// decimal reports whether s is a decimal number, with or without an exponent.
func decimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		power := strings.TrimLeft(s[i+1:], "+-")
		if len(s)-i-1-len(power) > 1 || !allDigits(power) {
			return false
		}
		s = s[:i]
	}
	whole, fraction, point := strings.Cut(s, ".")
	return allDigits(whole) && (!point || allDigits(fraction))
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
