// Package health is the domain of health data: persons, the metric catalogue,
// observations and their identity, civil days, cursors and series. Standard
// library only; it does no I/O.
package health

import (
	"errors"
	"strings"
	"time"
)

// PersonID is the internal key of a person. It never leaves the server: URLs
// carry Person.PublicID.
type PersonID int64

// Sex is the administrative sex, in FHIR's words.
type Sex string

// The administrative sexes of FHIR R4 (administrative-gender).
const (
	Male       Sex = "male"
	Female     Sex = "female"
	OtherSex   Sex = "other"
	UnknownSex Sex = "unknown"
)

// ParseSex maps a FHIR administrative-gender; anything else is UnknownSex.
func ParseSex(s string) Sex {
	switch Sex(s) {
	case Male, Female, OtherSex:
		return Sex(s)
	default:
		return UnknownSex
	}
}

// Identifier names a person in some system: a hospital's record numbers, or
// the ids of one FHIR server. System is a URI, Value is verbatim.
type Identifier struct{ System, Value string }

// SystemFHIR is the system of ids taken from "Patient/<id>" references of files
// that name no other identifier.
const SystemFHIR = "urn:healthportal:fhir-patient-id"

// SystemRecordNumber is the system under which a person's record number is kept.
const SystemRecordNumber = "urn:healthportal:record-number"

// Person is a patient of the clinic.
type Person struct {
	ID PersonID
	// PublicID is random and stands in URLs.
	PublicID string
	// RecordNumber is the clinic's own number; empty when no source gave one.
	RecordNumber string
	FamilyName   string
	GivenName    string
	// BirthDate is the zero Day when unknown.
	BirthDate Day
	Sex       Sex
	// TimeZone is an IANA name; empty means the site's.
	TimeZone string
	// Synthetic persons are made up, and every page about them says so.
	Synthetic bool
}

// Name is "Family, Given", or what there is of it, or "Unnamed patient".
func (p Person) Name() string {
	parts := make([]string, 0, 2)
	for _, s := range []string{p.FamilyName, p.GivenName} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return "Unnamed patient"
	}
	return strings.Join(parts, ", ")
}

// Age is the person's age in completed years on day, and false when the birth
// date is unknown or later than day.
func (p Person) Age(day Day) (int, bool) {
	if p.BirthDate.IsZero() || day.Before(p.BirthDate) {
		return 0, false
	}
	years := day.Year - p.BirthDate.Year
	if day.Month < p.BirthDate.Month || (day.Month == p.BirthDate.Month && day.Dom < p.BirthDate.Dom) {
		years--
	}
	return years, true
}

// Completed is p with what it lacks taken from o, and whether that changed
// anything. Nothing that p has is overwritten; a synthetic person stays one.
func (p Person) Completed(o Person) (Person, bool) {
	before := p
	fill := func(into *string, from string) {
		if *into == "" {
			*into = from
		}
	}
	if p.FamilyName == "" && p.GivenName == "" {
		p.FamilyName, p.GivenName = o.FamilyName, o.GivenName
	}
	fill(&p.RecordNumber, o.RecordNumber)
	fill(&p.TimeZone, o.TimeZone)
	if p.BirthDate.IsZero() {
		p.BirthDate = o.BirthDate
	}
	if (p.Sex == "" || p.Sex == UnknownSex) && o.Sex != "" {
		p.Sex = o.Sex
	}
	p.Synthetic = p.Synthetic || o.Synthetic
	return p, p != before
}

// ErrNotFound is returned by every store for a row that does not exist or that
// the caller's scope hides; the two are told apart nowhere.
var ErrNotFound = errors.New("not found")

// ErrTaken says that an identifier or a record number belongs to another person already.
var ErrTaken = errors.New("the identifier is another person's")

// Zone returns the person's time zone, else fallback.
func (p Person) Zone(fallback *time.Location) *time.Location {
	if p.TimeZone == "" {
		return fallback
	}
	loc, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return fallback
	}
	return loc
}
