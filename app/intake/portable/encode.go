package portable

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"healthportal/app/health"
)

// encoder builds a line. It keeps the first error.
type encoder struct {
	buf  []byte
	open bool // the object has begun
	err  error
}

var (
	errUTF8    = errors.New("a text is not UTF-8")
	errNUL     = errors.New("a text holds the character NUL")
	errPerson  = errors.New("the person has no identifier")
	errFine    = errors.New("a time is finer than a microsecond")
	errYear    = errors.New("a time lies outside the years 1 to 9999")
	errOffset  = errors.New("the offset of a time is more than 14 hours")
	errNoTime  = errors.New("the effective time is missing")
	errHalfDay = errors.New("one end of the effective time is a day and the other is not")
)

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// name begins a member.
func (e *encoder) name(name string) {
	sep := byte(',')
	if !e.open {
		e.open, sep = true, '{'
	}
	e.buf = append(e.buf, sep, '"')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '"', ':')
}

// text writes a text member; empty ones are left out.
func (e *encoder) text(name, s string) {
	if s != "" {
		e.name(name)
		e.quote(s)
	}
}

func (e *encoder) quote(s string) {
	b, err := jsontext.AppendQuote(e.buf, s)
	switch {
	case err != nil:
		e.fail(errUTF8) // not err, which quotes
	case strings.IndexByte(s, 0) >= 0:
		e.fail(errNUL)
	default:
		e.buf = b
	}
}

func (e *encoder) identifier(name string, id health.Identifier) {
	if id.System == "" || id.Value == "" {
		e.fail(errPerson)
	}
	e.name(name)
	e.pair(id)
}

func (e *encoder) pair(id health.Identifier) {
	e.buf = append(e.buf, `{"system":`...)
	e.quote(id.System)
	e.buf = append(e.buf, `,"value":`...)
	e.quote(id.Value)
	e.buf = append(e.buf, '}')
}

// identifiers writes a list, empty as it may be.
func (e *encoder) identifiers(name string, ids []health.Identifier) {
	e.name(name)
	e.buf = append(e.buf, '[')
	for i, id := range ids {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.pair(id)
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) number(name string, f *float64) {
	if f == nil {
		return
	}
	e.name(name)
	e.buf = appendNumber(e.buf, *f)
}

// times writes start and end.
func (e *encoder) times(o *health.Observation) {
	days := !o.StartDay.IsZero()
	switch {
	case !days && !o.EndDay.IsZero(), days && o.EndDay.IsZero() && !o.EffectiveEnd.IsZero():
		e.fail(errHalfDay)
	case days:
		e.text("effective", o.StartDay.String())
		e.text("effective_end", o.EndDay.String())
	case o.EffectiveAt.IsZero():
		e.fail(errNoTime)
	default:
		e.instant("effective", o.EffectiveAt, o)
		if !o.EffectiveEnd.IsZero() {
			e.instant("effective_end", o.EffectiveEnd, o)
		}
	}
}

func (e *encoder) instant(name string, t time.Time, o *health.Observation) {
	offset := 0
	if o.HasOffset {
		offset = o.OffsetMinutes
	}
	local := t.UTC().Add(time.Duration(offset) * time.Minute)
	switch {
	case offset < -maxOffset || offset > maxOffset:
		e.fail(errOffset)
	case local.Nanosecond()%1000 != 0:
		e.fail(errFine)
	case local.Year() < 1 || local.Year() > 9999:
		e.fail(errYear)
	}
	e.name(name)
	e.buf = append(e.buf, '"')
	e.buf = local.AppendFormat(e.buf, "2006-01-02T15:04:05.999999")
	e.buf = append(appendOffset(e.buf, o.HasOffset, offset), '"')
}

// maxOffset is the largest offset from UTC, in minutes.
const maxOffset = 14 * 60

// appendOffset writes Z where the source wrote no offset (RFC 9557, section 2.2).
func appendOffset(b []byte, written bool, minutes int) []byte {
	if !written {
		return append(b, 'Z')
	}
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Appendf(b, "%c%02d:%02d", sign, minutes/60, minutes%60)
}

// appendNumber writes a float64 as PostgreSQL's float8out does; what JSON has no
// number for as the text that to_json makes of it.
func appendNumber(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	return appendFloat(b, f)
}
