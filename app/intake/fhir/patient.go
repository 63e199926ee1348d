package fhir

import (
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
func (r *mapper) patient(res *resource, rec *intake.Record) {
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
		if err := intake.CheckIdentifier(id); err != nil {
			rec.Problems = []string{err.Error()}
			return
		}
	}
	p.FamilyName, p.GivenName = personName(res.Name)
	if err := intake.CheckText(intake.MaxName, p.FamilyName, p.GivenName); err != nil {
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
