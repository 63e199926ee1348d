package fhir

import "github.com/go-json-experiment/json/jsontext"

// resource holds the elements of Observation and Patient that are read. No
// element is of one type in the one and of another in the other.
type resource struct {
	ResourceType string       `json:"resourceType"`
	ID           string       `json:"id"`
	Meta         meta         `json:"meta"`
	Extension    []extension  `json:"extension"`
	Identifier   []identifier `json:"identifier"`

	// Observation.
	Status            string           `json:"status"`
	Code              concept          `json:"code"`
	Subject           *reference       `json:"subject"`
	EffectiveDateTime string           `json:"effectiveDateTime"`
	EffectivePeriod   *period          `json:"effectivePeriod"`
	EffectiveInstant  string           `json:"effectiveInstant"`
	EffectiveTiming   jsontext.Value   `json:"effectiveTiming"`
	Device            reference        `json:"device"`
	Component         []*component     `json:"component"`
	HasMember         []jsontext.Value `json:"hasMember"`
	measured

	// Patient.
	Name      []name `json:"name"`
	Gender    string `json:"gender"`
	BirthDate string `json:"birthDate"`

	// group ties the components of an Observation without id together; a Bundle gives it.
	group string
}

// measured is what an Observation and its components have in common.
type measured struct {
	Quantity         *quantity      `json:"valueQuantity"`
	CodeableConcept  *concept       `json:"valueCodeableConcept"`
	String           *string        `json:"valueString"`
	Boolean          *bool          `json:"valueBoolean"`
	Integer          jsontext.Value `json:"valueInteger"`
	Time             *string        `json:"valueTime"`
	DateTime         *string        `json:"valueDateTime"`
	Range            jsontext.Value `json:"valueRange"`
	Ratio            jsontext.Value `json:"valueRatio"`
	SampledData      jsontext.Value `json:"valueSampledData"`
	Period           jsontext.Value `json:"valuePeriod"`
	DataAbsentReason *concept       `json:"dataAbsentReason"`
	Interpretation   []concept      `json:"interpretation"`
	ReferenceRange   []refRange     `json:"referenceRange"`
}

type component struct {
	Code concept `json:"code"`
	measured
}

type meta struct {
	Source      string   `json:"source"`
	LastUpdated string   `json:"lastUpdated"`
	Tag         []coding `json:"tag"`
	// Security labels carry HTEST too, in some systems.
	Security []coding `json:"security"`
}

type coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

type concept struct {
	Coding []coding `json:"coding"`
	Text   string   `json:"text"`
}

type reference struct {
	Reference  string      `json:"reference"`
	Type       string      `json:"type"`
	Identifier *identifier `json:"identifier"`
	Display    string      `json:"display"`
}

type identifier struct {
	Use    string  `json:"use"`
	Type   concept `json:"type"`
	System string  `json:"system"`
	Value  string  `json:"value"`
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type quantity struct {
	Value      jsontext.Value `json:"value"`
	Comparator string         `json:"comparator"`
	Unit       string         `json:"unit"`
	System     string         `json:"system"`
	Code       string         `json:"code"`
}

type refRange struct {
	Low  *quantity `json:"low"`
	High *quantity `json:"high"`
	Type concept   `json:"type"`
}

type name struct {
	Use    string   `json:"use"`
	Text   string   `json:"text"`
	Family string   `json:"family"`
	Given  []string `json:"given"`
}

type extension struct {
	URL       string `json:"url"`
	ValueCode string `json:"valueCode"`
}
