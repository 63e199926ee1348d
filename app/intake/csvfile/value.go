package csvfile

import (
	"errors"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// setValue reads the number, the text, and what belongs to them.
func (r *Reader) setValue(o *health.Observation, get func(field) string) error {
	written := strings.TrimSpace(get(value))
	var err error
	if o.Comparator, written, err = compares(strings.TrimSpace(get(comparator)), written); err != nil {
		return err
	}
	if written != "" {
		if err := r.setNumber(o, written); err != nil {
			return err
		}
	}
	if orig := get(origValue); orig != "" {
		o.OrigValue = orig
	}
	switch {
	case !o.HasValue && o.Comparator != "":
		return errors.New("there is a comparator, and no number that it compares with")
	case !o.HasValue && o.ValueText == "" && o.Status != health.EnteredInError:
		return errors.New("the line has neither a value nor a text")
	}
	for _, b := range []struct {
		f    field
		into **float64
	}{{refLow, &o.RefLow}, {refHigh, &o.RefHigh}} {
		if err = r.setBound(b.into, strings.TrimSpace(get(b.f))); err != nil {
			return errors.New("the reference range: " + err.Error())
		}
	}
	return nil
}

func (r *Reader) setNumber(o *health.Observation, written string) error {
	digits, err := plainDigits(written, r.mapping.DecimalComma)
	if err != nil {
		return err
	}
	f, err := intake.ParseNumber(digits)
	if err != nil {
		return err
	}
	intake.SetNumber(o, f, written)
	return nil
}

// setBound reads a bound of the reference range; an empty cell leaves it unset.
func (r *Reader) setBound(bound **float64, written string) error {
	if written == "" {
		return nil
	}
	var o health.Observation
	if err := r.setNumber(&o, written); err != nil {
		return err
	}
	*bound = &o.Value
	return nil
}

// compares takes the comparator from its own cell or from before the number.
func compares(cell, written string) (found, rest string, err error) {
	rest = written
	for _, c := range []struct{ sign, means string }{{"<=", "<="}, {">=", ">="}, {"≤", "<="}, {"≥", ">="}, {"<", "<"}, {">", ">"}} {
		if cell == c.sign {
			cell = c.means
		}
		if after, ok := strings.CutPrefix(written, c.sign); ok && found == "" {
			found, rest = c.means, strings.TrimLeft(after, " ")
		}
	}
	switch cell {
	case "", "<", "<=", ">=", ">":
	default:
		return "", "", errors.New("the comparator is none of < <= >= >")
	}
	if cell != "" && found != "" && cell != found {
		return "", "", errors.New("the comparator before the value is another one than the column's")
	}
	if found == "" {
		found = cell
	}
	return found, rest, nil
}

// plainDigits checks the form of a number and returns it with a decimal point.
// Thousands separators are refused, since 1.234 is two numbers in two countries.
func plainDigits(s string, decimalComma bool) (string, error) {
	point, other := byte('.'), ","
	if decimalComma {
		point, other = ',', "."
	}
	rest := strings.TrimLeft(s, "+-")
	if len(s)-len(rest) > 1 {
		return "", errNumber
	}
	whole, rest := leadingDigits(rest)
	fraction := 0
	if rest != "" && rest[0] == point {
		if fraction, rest = leadingDigits(rest[1:]); fraction == 0 {
			return "", errNumber
		}
	}
	if whole+fraction == 0 {
		return "", errNumber
	}
	rest, ok := withoutExponent(rest)
	switch {
	case !ok:
		return "", errNumber
	case rest == "":
		return strings.Replace(s, ",", ".", 1), nil
	case strings.HasPrefix(rest, other), rest[0] == point:
		return "", errSeparator
	default:
		return "", errNumber
	}
}

// withoutExponent takes an exponent from the beginning of s; false for half of one.
func withoutExponent(s string) (rest string, ok bool) {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return s, true
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	n, rest := leadingDigits(s)
	return rest, n > 0
}

var (
	errNumber    = errors.New("the value is not a decimal number: texts belong into the column text, and signs of thousands are not read")
	errSeparator = errors.New("the value has a second sign among its digits: signs of thousands are not read, and a decimal comma only where the mapping says decimal_comma")
)

// leadingDigits counts the digits that s begins with and returns what follows.
func leadingDigits(s string) (n int, rest string) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n, s[n:]
}
