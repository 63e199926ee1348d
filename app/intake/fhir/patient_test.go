package fhir

import (
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
)

func TestPatient(t *testing.T) {
	rec := readAll(t, strings.ReplaceAll(`{"resourceType":"Patient","id":"p1",
		"meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]},
		"identifier":[{"system":"urn:synthea","value":"x"},{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"SYN-1"}],
		"name":[{"use":"nickname","given":["Annie"]},{"use":"official","family":"Muster","given":["Anna","Maria"]}],
		"gender":"female","birthDate":"1980-01-02",
		"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Europe/Berlin"}]}`, "\n", " "))[0]
	if rec.Person == nil || len(rec.Problems) != 0 {
		t.Fatalf("got %+v", rec)
	}
	want := health.Person{RecordNumber: "SYN-1", FamilyName: "Muster", GivenName: "Anna Maria", Sex: health.Female,
		BirthDate: health.Day{Year: 1980, Month: 1, Dom: 2}, TimeZone: "Europe/Berlin", Synthetic: true}
	if rec.Person.Person != want {
		t.Errorf("got %+v", rec.Person.Person)
	}
	ids := []health.Identifier{{System: health.SystemFHIR, Value: "p1"}, {System: "urn:hospital", Value: "SYN-1"}, {System: health.SystemRecordNumber, Value: "SYN-1"}}
	if !slices.Equal(rec.Person.Identifiers, ids) {
		t.Errorf("identifiers %v", rec.Person.Identifiers)
	}
}

func TestPatientVariants(t *testing.T) {
	tests := []struct {
		name, line string
		want       health.Person
		problem    string // a part of it; the person is taken all the same
	}{
		{"id only", `{"resourceType":"Patient","id":"p"}`, health.Person{Sex: health.UnknownSex}, ""},
		{"first identifier", `{"resourceType":"Patient","id":"p","identifier":[{"value":"A1"},{"value":"B"}]}`, health.Person{RecordNumber: "A1", Sex: health.UnknownSex}, ""},
		{"old identifier", `{"resourceType":"Patient","id":"p","identifier":[{"use":"old","value":"A1"},{"value":"B"}]}`, health.Person{RecordNumber: "B", Sex: health.UnknownSex}, ""},
		{"name as text", `{"resourceType":"Patient","id":"p","name":[{"text":"Anna Muster"}]}`, health.Person{FamilyName: "Anna Muster", Sex: health.UnknownSex}, ""},
		{"unknown gender", `{"resourceType":"Patient","id":"p","gender":"x"}`, health.Person{Sex: health.UnknownSex}, ""},
		{"year of birth", `{"resourceType":"Patient","id":"p","birthDate":"1980"}`, health.Person{Sex: health.UnknownSex}, "birth date is not a full date"},
		{"server's zone", `{"resourceType":"Patient","id":"p","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Local"}]}`, health.Person{Sex: health.UnknownSex}, "not an IANA name"},
		{"no zone", `{"resourceType":"Patient","id":"p","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Mars/Olympus"}]}`, health.Person{Sex: health.UnknownSex}, "not an IANA name"},
		{"label instead of tag", `{"resourceType":"Patient","id":"p","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]}}`, health.Person{Sex: health.UnknownSex, Synthetic: true}, ""},
		{"HTEST of another system", `{"resourceType":"Patient","id":"p","meta":{"tag":[{"system":"urn:x","code":"HTEST"}]}}`, health.Person{Sex: health.UnknownSex}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := readAll(t, tt.line)[0]
			if rec.Person == nil || rec.Person.Person != tt.want {
				t.Fatalf("got %+v", rec.Person)
			}
			if (tt.problem == "") != (len(rec.Problems) == 0) || !strings.Contains(strings.Join(rec.Problems, ""), tt.problem) {
				t.Errorf("problems %v", rec.Problems)
			}
		})
	}
}

func TestRefusedPatients(t *testing.T) {
	for line, reason := range map[string]string{
		`{"resourceType":"Patient"}`:                                                                 "neither id nor identifier",
		`{"resourceType":"Patient","id":"a\u0000"}`:                                                  "NUL",
		`{"resourceType":"Patient","id":"` + strings.Repeat("x", 501) + `"}`:                         "longer",
		`{"resourceType":"Patient","id":"a","name":[{"family":"\u0000"}]}`:                           "NUL",
		`{"resourceType":"Patient","id":"a","name":{"family":"X"}}`:                                  "the element /name is of the wrong type",
		`{"resourceType":"Patient","id":"a","name":[{"family":"` + strings.Repeat("x", 501) + `"}]}`: "longer",
	} {
		rec := readAll(t, line)[0]
		if rec.Person != nil || len(rec.Problems) != 1 || !strings.Contains(rec.Problems[0], reason) {
			t.Errorf("%.60s: %+v", line, rec)
		}
	}
}
