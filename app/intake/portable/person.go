package portable

import (
	"errors"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// person reads the line of a person. It is taken as a whole or not at all.
func (l *line) person() (*intake.Person, error) {
	if l.Person == nil {
		return nil, errors.New("the member person is missing from the line of a person")
	}
	if l.hasObservation() {
		return nil, errors.New("members of an observation stand in the line of a person")
	}
	p := &intake.Person{Person: health.Person{RecordNumber: l.RecordNumber, FamilyName: l.FamilyName, GivenName: l.GivenName, Synthetic: l.Synthetic}}
	for _, id := range append([]identifier{*l.Person}, *l.Identifiers...) {
		known, err := id.read()
		if err != nil {
			return nil, err
		}
		p.Identifiers = append(p.Identifiers, known)
	}
	first := p.Identifiers[0]
	if p.RecordNumber != "" && first != (health.Identifier{System: health.SystemRecordNumber, Value: p.RecordNumber}) {
		return nil, errors.New("the member person of somebody with a record number is another identifier than that number")
	}
	if err := intake.CheckText(intake.MaxName, p.FamilyName, p.GivenName); err != nil {
		return nil, errors.New("the name " + err.Error())
	}
	if l.BirthDate != "" {
		day, err := health.ParseDay(l.BirthDate)
		if err != nil {
			return nil, errors.New("the birth date is not a valid date")
		}
		p.BirthDate = day
	}
	if p.Sex = health.ParseSex(l.Sex); l.Sex != "" && string(p.Sex) != l.Sex {
		return nil, errors.New("the sex is none of FHIR R4's administrative-gender")
	}
	if l.TimeZone != "" {
		// "Local" would be the server's own zone.
		if _, err := time.LoadLocation(l.TimeZone); err != nil || l.TimeZone == "Local" {
			return nil, errors.New("the time zone is not an IANA name")
		}
		p.TimeZone = l.TimeZone
	}
	return p, nil
}

func (l *line) hasObservation() bool {
	for _, s := range []string{l.Effective, l.EffectiveEnd, l.Source, l.ExternalID, l.Slot, l.Group, l.Metric, l.MetricName, l.CodeSystem, l.Code,
		l.Comparator, l.Text, l.Unit, l.OrigValue, l.OrigUnit, l.Flag, l.Status, l.Device} {
		if s != "" {
			return true
		}
	}
	return given(l.Value) || given(l.RefLow) || given(l.RefHigh)
}
