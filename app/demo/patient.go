package demo

import "strings"

// fhirID is the id under which Observations refer to the patient.
func (p *patient) fhirID() string { return strings.ToLower(p.record) }

type fhirCoding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

type fhirMeta struct {
	Tag []fhirCoding `json:"tag"`
}

type fhirConcept struct {
	Coding []fhirCoding `json:"coding"`
}

type fhirIdentifier struct {
	Use    string      `json:"use"`
	Type   fhirConcept `json:"type"`
	System string      `json:"system"`
	Value  string      `json:"value"`
}

type fhirName struct {
	Use    string   `json:"use"`
	Family string   `json:"family"`
	Given  []string `json:"given"`
}

type fhirExtension struct {
	URL       string `json:"url"`
	ValueCode string `json:"valueCode"`
}

type fhirPatient struct {
	ResourceType string           `json:"resourceType"`
	ID           string           `json:"id"`
	Meta         fhirMeta         `json:"meta"`
	Extension    []fhirExtension  `json:"extension"`
	Identifier   []fhirIdentifier `json:"identifier"`
	Active       bool             `json:"active"`
	Name         []fhirName       `json:"name"`
	Gender       string           `json:"gender"`
	BirthDate    string           `json:"birthDate"`
}

// resource is the patient as a FHIR R4 Patient.
func (p *patient) resource() fhirPatient {
	return fhirPatient{
		ResourceType: "Patient",
		ID:           p.fhirID(),
		Meta:         fhirMeta{[]fhirCoding{{"http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST"}}},
		Extension:    []fhirExtension{{"http://hl7.org/fhir/StructureDefinition/timezone", p.zone}},
		Identifier: []fhirIdentifier{{
			Use:    "usual",
			Type:   fhirConcept{[]fhirCoding{{"http://terminology.hl7.org/CodeSystem/v2-0203", "MR"}}},
			System: "urn:demo:record-number",
			Value:  p.record,
		}},
		Active:    true,
		Name:      []fhirName{{"official", p.family, strings.Fields(p.given)}},
		Gender:    string(p.sex),
		BirthDate: p.born.String(),
	}
}
