package fhir

import (
	"errors"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

const (
	systemActReason  = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	codeTestData     = "HTEST"
	codeRecordNumber = "MR"
	urlTimeZone      = "http://hl7.org/fhir/StructureDefinition/timezone"
)

// patient fills rec from a Patient. What can't be kept of one is left out with
// a problem; the person is taken without it.
func (r *Reader) patient(res *resource, rec *intake.Record) {
	p := &intake.Person{}
	if res.ID != "" {
		p.Identifiers = append(p.Identifiers, health.Identifier{System: health.SystemFHIR, Value: res.ID})
	}
	if id, ok := recordNumber(res.Identifier); ok {
		p.RecordNumber = id.Value
		if id.System != "" {
			p.Identifiers = append(p.Identifiers, health.Identifier{System: id.System, Value: id.Value})
		}
		p.Identifiers = append(p.Identifiers, health.Identifier{System: health.SystemRecordNumber, Value: id.Value})
	}
	if len(p.Identifiers) == 0 {
		rec.Problems = []string{"the Patient has neither id nor identifier"}
		return
	}
	for _, id := range p.Identifiers {
		if err := checkIdentifier(id); err != nil {
			rec.Problems = []string{err.Error()}
			return
		}
	}
	p.FamilyName, p.GivenName = personName(res.Name)
	if err := checkText(maxName, p.FamilyName, p.GivenName); err != nil {
		rec.Problems = []string{"the name " + err.Error()}
		return
	}
	p.Sex = health.ParseSex(res.Gender)
	p.Synthetic = testData(res.Meta)
	rec.Problems = append(birthDate(res.BirthDate, p), timeZone(res.Extension, p)...)
	rec.Person = p
}

func birthDate(s string, p *intake.Person) []string {
	if s == "" {
		return nil
	}
	day, err := health.ParseDay(s)
	if err != nil {
		return []string{"the birth date is not a full date and was left out"}
	}
	p.BirthDate = day
	return nil
}

func timeZone(list []extension, p *intake.Person) []string {
	for _, e := range list {
		if e.URL != urlTimeZone {
			continue
		}
		// "Local" would be the server's own zone.
		if _, err := time.LoadLocation(e.ValueCode); err != nil || e.ValueCode == "" || e.ValueCode == "Local" {
			return []string{"the time zone is not an IANA name and was left out"}
		}
		p.TimeZone = e.ValueCode
	}
	return nil
}

// recordNumber is the identifier of type MR, else the first one that has a value.
func recordNumber(list []identifier) (identifier, bool) {
	var first *identifier
	for i, id := range list {
		if id.Value == "" || id.Use == "old" {
			continue
		}
		for _, c := range id.Type.Coding {
			if c.Code == codeRecordNumber {
				return id, true
			}
		}
		if first == nil {
			first = &list[i]
		}
	}
	if first == nil {
		return identifier{}, false
	}
	return *first, true
}

// personName prefers the official name. A name that comes only as text counts as family name.
func personName(list []name) (family, given string) {
	if len(list) == 0 {
		return "", ""
	}
	n := list[0]
	for _, other := range list {
		if other.Use == "official" {
			n = other
			break
		}
	}
	family, given = n.Family, strings.Join(n.Given, " ")
	if family == "" && given == "" {
		family = n.Text
	}
	return family, given
}

// testData reports whether the resource is marked as made up (HTEST).
func testData(m meta) bool {
	for _, list := range [][]coding{m.Tag, m.Security} {
		for _, c := range list {
			if c.System == systemActReason && c.Code == codeTestData {
				return true
			}
		}
	}
	return false
}

// The lengths, in bytes, that the store can hold and index.
const (
	maxIdentifier = 500
	maxName       = 500
	maxCode       = 300
	maxText       = 64 << 10
)

var (
	errNUL  = errors.New("holds the character NUL, which can't be stored")
	errLong = errors.New("is longer than can be stored")
)

func checkText(limit int, texts ...string) error {
	for _, t := range texts {
		if strings.IndexByte(t, 0) >= 0 {
			return errNUL
		}
		if len(t) > limit {
			return errLong
		}
	}
	return nil
}

func checkIdentifier(id health.Identifier) error {
	if err := checkText(maxIdentifier, id.System, id.Value); err != nil {
		return errors.New("the person's identifier " + err.Error())
	}
	return nil
}

// check refuses what could not be stored as it is.
func check(o *health.Observation) error {
	for _, c := range []struct {
		what  string
		limit int
		texts []string
	}{
		{"the code", maxCode, []string{o.Metric, o.CodeSystem, o.Code}},
		{"the unit", maxCode, []string{o.Unit, o.OrigUnit}},
		{"the name of the code", maxText, []string{o.MetricName}},
		{"the value", maxText, []string{o.ValueText, o.OrigValue}},
		{"the id", maxIdentifier, []string{o.ExternalID, o.Group}},
		{"the component's code", maxCode * 3, []string{o.Slot}},
		{"the source or device", maxIdentifier, []string{o.Source, o.Device}},
		{"the interpretation", maxCode, []string{o.Flag}},
	} {
		if err := checkText(c.limit, c.texts...); err != nil {
			return errors.New(c.what + " " + err.Error())
		}
	}
	return nil
}
