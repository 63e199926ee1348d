package demo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

type quantity struct {
	Value      json.Number `json:"value"`
	Comparator string      `json:"comparator"`
	Unit       string      `json:"unit"`
	System     string      `json:"system"`
	Code       string      `json:"code"`
}

type concept struct {
	Coding []struct {
		System  string `json:"system"`
		Code    string `json:"code"`
		Display string `json:"display"`
	} `json:"coding"`
	Text string `json:"text"`
}

// observation is everything that the demo writes of one; the tests refuse anything else.
type observation struct {
	ResourceType         string                          `json:"resourceType"`
	ID                   string                          `json:"id"`
	Meta                 struct{ Source string }         `json:"meta"`
	Status               string                          `json:"status"`
	Code                 concept                         `json:"code"`
	Subject              struct{ Reference string }      `json:"subject"`
	EffectiveDateTime    string                          `json:"effectiveDateTime"`
	EffectivePeriod      struct{ Start, End string }     `json:"effectivePeriod"`
	ValueQuantity        *quantity                       `json:"valueQuantity"`
	ValueString          string                          `json:"valueString"`
	ValueCodeableConcept *concept                        `json:"valueCodeableConcept"`
	Interpretation       []concept                       `json:"interpretation"`
	ReferenceRange       []struct{ Low, High *quantity } `json:"referenceRange"`
	Component            []struct {
		Code          concept   `json:"code"`
		ValueQuantity *quantity `json:"valueQuantity"`
	} `json:"component"`
	Device struct{ Display string } `json:"device"`
}

func (o *observation) loinc() string { return o.Code.Coding[0].Code }

func (o *observation) number(t *testing.T) float64 {
	t.Helper()
	v, err := o.ValueQuantity.Value.Float64()
	if err != nil {
		t.Fatalf("%s: value %q", o.ID, o.ValueQuantity.Value)
	}
	return v
}

// at is the effective time, its start for a period, with the offset as written.
func (o *observation) at(t *testing.T) time.Time {
	t.Helper()
	text := o.EffectiveDateTime
	if text == "" {
		text = o.EffectivePeriod.Start
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatalf("%s: %v", o.ID, err)
	}
	return at
}

// only keeps the patients with these record numbers.
func (c *Clinic) only(records ...string) *Clinic {
	var kept []patient
	for _, p := range c.patients {
		for _, r := range records {
			if p.record == r {
				kept = append(kept, p)
			}
		}
	}
	c.patients = kept
	return c
}

func lines(t *testing.T, c *Clinic) []string {
	t.Helper()
	var b bytes.Buffer
	for _, team := range c.Teams() {
		if team.Patients == 0 {
			continue
		}
		if err := c.WriteObservations(&b, team.Name); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Collect(strings.Lines(b.String()))
}

func observations(t *testing.T, c *Clinic) []observation {
	t.Helper()
	all := lines(t, c)
	out := make([]observation, len(all))
	for i, line := range all {
		out[i] = parse(t, line)
	}
	return out
}

// parse reads one line and refuses what the demo does not write.
func parse(t *testing.T, line string) (o observation) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	return o
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	sum := func(seed uint64) [32]byte {
		h := sha256.New()
		c := New(seed, testDay())
		c.days = 150
		for _, team := range c.Teams() {
			if err := c.WriteObservations(h, team.Name); err != nil {
				t.Fatal(err)
			}
			if err := c.WritePatients(h, team.Name); err != nil {
				t.Fatal(err)
			}
		}
		return [32]byte(h.Sum(nil))
	}
	if first, again := sum(7), sum(7); first != again {
		t.Error("the same seed gave different bytes")
	}
	if sum(7) == sum(8) {
		t.Error("another seed gave the same bytes")
	}
}

func TestAboutAMillionEvents(t *testing.T) {
	for _, seed := range []uint64{1, 42} {
		c := New(seed, testDay())
		total := 0
		begin := time.Now()
		for _, team := range c.Teams() {
			r, w := io.Pipe()
			go func() { w.CloseWithError(c.WriteObservations(w, team.Name)) }()
			scanner := bufio.NewScanner(r)
			for scanner.Scan() {
				total++
				if n := bytes.Count(scanner.Bytes(), []byte(`"valueQuantity"`)); n > 1 {
					total += n - 1
				}
			}
			if err := scanner.Err(); err != nil {
				t.Fatal(err)
			}
		}
		if total < 950_000 || total > 1_100_000 {
			t.Errorf("seed %d: %d Observations, want about a million", seed, total)
		}
		t.Logf("seed %d: %d Observations in %v", seed, total, time.Since(begin).Round(time.Millisecond))
	}
}

func TestEveryLineIsAnObservation(t *testing.T) {
	c := New(3, testDay())
	c.days = 40
	end, err := c.end()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, o := range observations(t, c) {
		if ids[o.ID] {
			t.Errorf("the id %s stands twice", o.ID)
		}
		ids[o.ID] = true
		if o.ResourceType != "Observation" || len(o.ID) > 64 || o.Meta.Source == "" || o.Status == "" ||
			o.Code.Coding[0].System != "http://loinc.org" || o.loinc() == "" || o.Code.Coding[0].Display == "" ||
			!strings.HasPrefix(o.Subject.Reference, "Patient/syn-") {
			t.Fatalf("something is missing: %+v", o)
		}
		checkValue(t, &o)
		at := o.at(t)
		last := at
		if o.EffectivePeriod.End != "" {
			if last, err = time.Parse(time.RFC3339, o.EffectivePeriod.End); err != nil || !last.After(at) {
				t.Errorf("%s: period ends at %s (%v)", o.ID, o.EffectivePeriod.End, err)
			}
		}
		if !at.Before(end) || last.After(end) {
			t.Errorf("%s lies in the future: %s", o.ID, last)
		}
	}
}

// checkValue wants exactly one kind of value, with a UCUM unit where it is a number.
func checkValue(t *testing.T, o *observation) {
	t.Helper()
	kinds := 0
	quantities := []*quantity{}
	if o.ValueQuantity != nil {
		kinds++
		quantities = append(quantities, o.ValueQuantity)
	}
	if o.ValueString != "" {
		kinds++
	}
	if o.ValueCodeableConcept != nil {
		kinds++
	}
	if len(o.Component) > 0 {
		kinds++
		for _, c := range o.Component {
			quantities = append(quantities, c.ValueQuantity)
		}
	}
	if kinds != 1 {
		t.Errorf("%s has %d values, want 1", o.ID, kinds)
	}
	for _, q := range quantities {
		v, err := q.Value.Float64()
		if err != nil || v < 0 || q.Unit == "" || q.Code == "" || q.System != "http://unitsofmeasure.org" {
			t.Errorf("%s: value %+v (%v)", o.ID, q, err)
		}
	}
}

// What was written for a day stays as it was when the clinic is made for a later one.
func TestLaterDaysOnlyAdd(t *testing.T) {
	early := New(5, testDay()).only("SYN-000104", "SYN-000109", "SYN-000110")
	late := New(5, testDay().AddDays(20)).only("SYN-000104", "SYN-000109", "SYN-000110")
	early.days, late.days = 100, 120
	had, has := lines(t, early), map[string]bool{}
	for _, line := range lines(t, late) {
		has[line] = true
	}
	missing := 0
	for _, line := range had {
		if !has[line] {
			missing++
		}
	}
	if missing > 0 || len(has) <= len(had) {
		t.Errorf("%d of %d lines changed or vanished twenty days later (%d lines then)", missing, len(had), len(has))
	}
}
