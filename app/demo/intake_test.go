package demo

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// records reads text with the portal's own reader, which may refuse nothing.
func records(t *testing.T, text []byte) []intake.Record {
	t.Helper()
	r := fhir.NewReader(bytes.NewReader(text))
	var out []intake.Record
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Problems) > 0 || rec.Absent > 0 {
			t.Fatalf("line %d: %v, %d absent", rec.Line, rec.Problems, rec.Absent)
		}
		out = append(out, rec)
	}
}

func TestTheReaderTakesThePatients(t *testing.T) {
	c := New(1, testDay())
	var got []health.Person
	for _, team := range c.Teams() {
		var b bytes.Buffer
		if err := c.WritePatients(&b, team.Name); err != nil {
			t.Fatal(err)
		}
		for _, rec := range records(t, b.Bytes()) {
			if rec.Person.Identifiers[0].System != health.SystemFHIR {
				t.Errorf("the first identifier is of %s", rec.Person.Identifiers[0].System)
			}
			got = append(got, rec.Person.Person)
		}
	}
	for i, want := range c.Patients() {
		if got[i] != want {
			t.Errorf("read %+v, want %+v", got[i], want)
		}
	}
}

func TestTheReaderTakesTheObservations(t *testing.T) {
	c := New(1, testDay()).only("SYN-000102", "SYN-000108", "SYN-000110")
	ids := map[string]bool{}
	for _, p := range c.patients {
		ids[p.fhirID()] = true
	}
	catalogue, outside := 0, 0
	for _, team := range c.Teams() {
		if team.Patients == 0 {
			continue
		}
		var b bytes.Buffer
		if err := c.WriteObservations(&b, team.Name); err != nil {
			t.Fatal(err)
		}
		for _, rec := range records(t, b.Bytes()) {
			if !ids[rec.Subject.Value] {
				t.Fatalf("line %d is about %v, who is no patient", rec.Line, rec.Subject)
			}
			for _, o := range rec.Observations {
				if o.Source == "" || o.ExternalID == "" || !o.HasOffset || (!o.HasValue && o.ValueText == "") {
					t.Fatalf("line %d: %+v", rec.Line, o)
				}
				m, known := health.ByLOINC(o.Code)
				if !known {
					outside++
					continue
				}
				catalogue++
				if m.Code != o.Metric || m.Unit != o.Unit {
					t.Errorf("line %d: metric %s in %s, want %s in %s", rec.Line, o.Metric, o.Unit, m.Code, m.Unit)
				}
				if o.HasValue && m.High > 0 && o.Status != health.EnteredInError && (o.Value < m.Low || o.Value > m.High) {
					t.Errorf("line %d: %s %v is implausible", rec.Line, o.Metric, o.Value)
				}
			}
		}
	}
	if catalogue < 10_000 || outside == 0 {
		t.Errorf("%d values of the catalogue, %d outside", catalogue, outside)
	}
}
