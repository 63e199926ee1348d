package intake

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"healthportal/app/health"
)

// maxDigits bounds what is kept of a number's digits.
const maxDigits = 1000

// ParseNumber reads decimal digits with a point, whose form the caller has
// checked. Numbers that a float64 can't hold are refused, not rounded to
// infinity or zero.
func ParseNumber(digits string) (float64, error) {
	if len(digits) > maxDigits {
		return 0, errors.New("the value has more than 1,000 digits")
	}
	f, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil || math.IsInf(f, 0):
		return 0, errors.New("the value is too large to be held as a number")
	case f == 0 && strings.ContainsAny(mantissa(digits), "123456789"):
		return 0, errors.New("the value is too small to be held as a number")
	}
	return f, nil
}

// SetNumber sets the value of o to a number. written are the source's own
// digits; they are kept where the shortest form of the float64 is another one.
func SetNumber(o *health.Observation, f float64, written string) {
	o.Value, o.HasValue = f, true
	if strconv.FormatFloat(f, 'f', -1, 64) != written {
		o.OrigValue = written
	}
}

func mantissa(digits string) string {
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		return digits[:i]
	}
	return digits
}
