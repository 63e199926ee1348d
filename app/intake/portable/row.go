package portable

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"healthportal/app/health"
)

// Row is one Observation of a file and whose it is. Of whole days both StartDay
// and EndDay are set, not EffectiveEnd alone.
type Row struct {
	// Person is what Identity gives.
	Person health.Identifier
	*health.Observation
}

// Person is a line about a person.
type Person struct {
	// Identifier is what Identity gives, and Further are the identifiers beside it.
	Identifier health.Identifier
	Further    []health.Identifier
	health.Person
}

// Identity chooses the identifier that names a person in a file, and returns the
// others in their order. The rule: the record number, else the least identifier
// (system, then value, as bytes), else the public id.
func Identity(p health.Person, ids []health.Identifier) (id health.Identifier, further []health.Identifier) {
	further = slices.SortedFunc(slices.Values(ids), compareIdentifiers)
	further = slices.Compact(further)
	switch {
	case p.RecordNumber != "":
		id = health.Identifier{System: health.SystemRecordNumber, Value: p.RecordNumber}
	case len(further) > 0:
		id = further[0]
	default:
		id = health.Identifier{System: SystemPublicID, Value: p.PublicID}
	}
	return id, slices.DeleteFunc(further, func(other health.Identifier) bool { return other == id })
}

func compareIdentifiers(a, b health.Identifier) int {
	return cmp.Or(strings.Compare(a.System, b.System), strings.Compare(a.Value, b.Value))
}

// Compare orders rows as a file has them: by person, effective time (dates count
// as their midnight in UTC) and the bytes of the line. It returns an error for
// rows that a file can't hold.
func Compare(a, b Row) (int, error) {
	pa, pb := place{}, place{}
	if err := errors.Join(pa.set(a), pb.set(b)); err != nil {
		return 0, err
	}
	return pa.compare(&pb), nil
}

// place is where a row stands in the order.
type place struct {
	person health.Identifier
	at     int64 // microseconds since 1970
	line   []byte
}

func (p *place) set(r Row) error {
	p.person = r.Person
	at := r.EffectiveAt
	if !r.StartDay.IsZero() {
		at = r.StartDay.Start(time.UTC)
	}
	p.at = at.UnixMicro()
	var err error
	p.line, err = AppendRow(p.line[:0], r)
	return err
}

func (p *place) compare(o *place) int {
	return cmp.Or(compareIdentifiers(p.person, o.person), cmp.Compare(p.at, o.at), bytes.Compare(p.line, o.line))
}

// AppendRow appends the line of a row, with its newline, to b. It returns an
// error, and b as it was, for what a file can't hold: broken UTF-8, NUL, times
// finer than a microsecond or outside the years 1 to 9999.
func AppendRow(b []byte, r Row) ([]byte, error) {
	e := encoder{buf: b}
	if r.Observation == nil {
		return b, errors.New("write an observation line: there is no observation")
	}
	e.identifier("person", r.Person)
	e.times(r.Observation)
	for _, m := range []member{
		{"source", r.Source}, {"external_id", r.ExternalID}, {"slot", r.Slot}, {"group", r.Group},
		{"metric", r.Metric}, {"metric_name", r.MetricName}, {"code_system", r.CodeSystem}, {"code", r.Code},
	} {
		e.text(m.name, m.value)
	}
	if r.HasValue {
		e.number("value", &r.Value)
	}
	for _, m := range []member{
		{"comparator", r.Comparator}, {"text", r.ValueText}, {"unit", r.Unit}, {"orig_value", r.OrigValue}, {"orig_unit", r.OrigUnit},
	} {
		e.text(m.name, m.value)
	}
	e.number("ref_low", r.RefLow)
	e.number("ref_high", r.RefHigh)
	for _, m := range []member{{"flag", r.Flag}, {"status", string(r.Status)}, {"device", r.Device}} {
		e.text(m.name, m.value)
	}
	if r.ExternalID != "" && !r.Updated.IsZero() {
		e.instant("updated", r.Updated, &health.Observation{})
	}
	if e.err != nil {
		return b, fmt.Errorf("write an observation line: %w", e.err)
	}
	return append(e.buf, '}', '\n'), nil
}

// member is a text member of a line.
type member struct{ name, value string }

// AppendPerson appends the line about a person, with its newline, to b. It fails
// as AppendRow does.
func AppendPerson(b []byte, p Person) ([]byte, error) {
	e := encoder{buf: b}
	e.identifier("person", p.Identifier)
	e.identifiers("identifiers", p.Further)
	for _, m := range []member{
		{"record_number", p.RecordNumber}, {"family_name", p.FamilyName}, {"given_name", p.GivenName},
		{"birth_date", p.BirthDate.String()}, {"sex", string(p.Sex)}, {"time_zone", p.TimeZone},
	} {
		e.text(m.name, m.value)
	}
	e.name("synthetic")
	e.buf = fmt.Appendf(e.buf, "%t", p.Synthetic)
	if e.err != nil {
		return b, fmt.Errorf("write a person line: %w", e.err)
	}
	return append(e.buf, '}', '\n'), nil
}
