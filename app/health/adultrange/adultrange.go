// Package adultrange has the catalogue's general adult ranges in numbers, what
// signing one off is bound to, and the rules by which a number outside a
// signed-off range is marked. It does no I/O.
package adultrange

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"healthportal/app/health"
)

// Limit is one end of a range; the zero Limit is none.
type Limit struct {
	// Digits are the limit as the catalogue writes it, in the range's unit: "38.0".
	Digits string
	// Open says that the limit itself lies outside: "below 120".
	Open bool
}

// Is reports whether there is a limit.
func (l Limit) Is() bool { return l.Digits != "" }

// Value is the limit's number; only for limits that are there.
func (l Limit) Value() float64 {
	v, err := strconv.ParseFloat(l.Digits, 64)
	if err != nil {
		panic("adultrange: a limit without a number") // the catalogue's own text, which a test reads
	}
	return v
}

// Part is the range of everybody, or of one sex.
type Part struct {
	// Sex is empty where the range does not differ by sex.
	Sex health.Sex
	// Low and High are the ends; one may be missing.
	Low, High Limit
}

// Context is a state in which alone a range holds, and which the portal doesn't know of a value.
type Context string

// The contexts. The zero value is none: the range holds of every value.
const (
	NoContext Context = ""
	AtRest    Context = "at rest"
	Fasting   Context = "fasting"
	PerWeek   Context = "a week"
	PerNight  Context = "a night"
)

// Range is the general adult range of a metric as the catalogue has it.
type Range struct {
	// Metric is the catalogue's entry, with the range in words in Reference.
	Metric health.Metric
	// Group heads the ranges of a kind on pages.
	Group string
	// Parts are one for everybody, or one for each sex that the range names; limits are in Metric.Unit.
	Parts   []Part
	Context Context
	// Source names where the numbers come from.
	Source string
}

// AdultAge is the age in completed years from which on the ranges hold.
const AdultAge = 18

// Marks reports whether a single value can be held against the range at all.
func (r Range) Marks() bool { return r.Context == NoContext }

// BySex reports whether the range differs by sex.
func (r Range) BySex() bool { return r.Parts[0].Sex != "" }

// Of is the part of the range for a sex; false where it has none.
func (r Range) Of(sex health.Sex) (Part, bool) {
	for _, p := range r.Parts {
		if p.Sex == "" || p.Sex == sex {
			return p, true
		}
	}
	return Part{}, false
}

// digestVersion begins what is hashed; another way of hashing takes another one.
const digestVersion = "general adult range 1"

// Digest is the SHA-256, in hexadecimal, of all that a sign-off is bound to: the
// metric with its codes and unit, the limits by sex, the age, the context, the
// catalogue's words, and the source.
func (r Range) Digest() string {
	var b strings.Builder
	line := func(name string, values ...string) { fmt.Fprintf(&b, "%s %q\n", name, values) }
	line("version", digestVersion)
	line("metric", r.Metric.Code)
	line("codes", r.Metric.LOINC...)
	line("unit", r.Metric.Unit)
	line("from age", strconv.Itoa(AdultAge))
	line("context", string(r.Context))
	for _, p := range r.Parts {
		line("part", string(p.Sex), p.Low.Digits, strconv.FormatBool(p.Low.Open), p.High.Digits, strconv.FormatBool(p.High.Open))
	}
	line("words", r.Metric.Reference)
	line("source", r.Source)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// Of returns the range of a metric; false where the catalogue has none.
func Of(metric string) (Range, bool) {
	for _, r := range All() {
		if r.Metric.Code == metric {
			return r, true
		}
	}
	return Range{}, false
}
