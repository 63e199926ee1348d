package applehealth

import (
	"math"
	"strconv"
	"strings"
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
