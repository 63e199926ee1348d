package portable

import (
	"math"
	"math/big"
	"strconv"
)

// appendFloat writes the digits of PostgreSQL's float8out: the shortest ones that
// lie within the interval of decimals that round to f, its ends left out, so that
// they lead back to f whatever a reader does with ties. strconv takes the ends in.
func appendFloat(b []byte, f float64) []byte {
	shortest := strconv.FormatFloat(f, 'e', -1, 64)
	for digits := countDigits(shortest); onEdge(f, shortest); digits++ {
		// One digit more, until the decimal is no tie.
		shortest = strconv.FormatFloat(f, 'e', digits, 64)
	}
	if exp := exponent(shortest); f != 0 && (exp < -4 || exp >= 15) {
		return append(b, shortest...)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// countDigits is the number of significant digits in a number such as -1.25e+07.
func countDigits(s string) int {
	n := 0
	for _, c := range s {
		if c == 'e' {
			break
		}
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

func exponent(s string) int {
	for i := range len(s) {
		if s[i] == 'e' {
			n, _ := strconv.Atoi(s[i+1:]) // strconv's own digits
			return n
		}
	}
	return 0
}

// edgesFrom is the least magnitude at which a decimal of up to 17 digits can lie
// half-way between two neighbouring float64: below, such ties have more digits.
const edgesFrom = 1 << 51

// onEdge reports whether the decimal lies half-way between f and a neighbour.
func onEdge(f float64, decimal string) bool {
	if math.Abs(f) < edgesFrom {
		return false
	}
	d, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return false
	}
	for _, side := range []float64{math.Inf(-1), math.Inf(1)} {
		neighbour := math.Nextafter(f, side)
		if math.IsInf(neighbour, 0) {
			continue
		}
		middle := new(big.Rat).SetFloat64(f)
		middle.Add(middle, new(big.Rat).SetFloat64(neighbour))
		if middle.Mul(middle, big.NewRat(1, 2)).Cmp(d) == 0 {
			return true
		}
	}
	return false
}
