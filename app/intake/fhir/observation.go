package fhir

import (
	"errors"
	"fmt"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// defaultSource names the sender where meta.source doesn't.
const defaultSource = "fhir"

// observation fills rec from an Observation. A reason that concerns the whole
// resource refuses it as one; a component may be refused on its own.
func (r *mapper) observation(res *resource, rec *intake.Record) {
	base, err := r.base(res)
	if err == nil {
		rec.Subject, err = r.subject(res.Subject)
	}
	if err != nil {
		rec.Problems = []string{err.Error()}
		return
	}
	rec.Undated = res.Meta.LastUpdated != "" && base.Updated.IsZero()
	slots := map[string]int{}
	rec.Observations = r.space(1 + len(res.Component))
	r.add(rec, base, res.Code, &res.measured, "", len(res.Component) > 0)
	for i, c := range res.Component {
		if c == nil {
			rec.Problems = append(rec.Problems, fmt.Sprintf("component %d is null", i+1))
			continue
		}
		part := base
		part.Group = firstOf(res.ID, res.group)
		part.Slot = slotOf(c.Code, slots)
		r.add(rec, part, c.Code, &c.measured, fmt.Sprintf("component %d: ", i+1), false)
	}
	if len(rec.Observations)+len(rec.Problems) == 0 && base.Status == health.EnteredInError && base.ExternalID != "" {
		// A retraction need not repeat the values that it takes back.
		rec.Absent = 0
		err := r.setCode(&base, res.Code)
		if err == nil {
			err = intake.CheckObservation(&base)
		}
		if err != nil {
			rec.Problems = []string{err.Error()}
			return
		}
		rec.Observations = append(rec.Observations, base)
		return
	}
	if len(rec.Observations)+len(rec.Problems)+rec.Absent == 0 {
		rec.Problems = []string{noValue(res)}
	}
}

// space is an empty list with room for n Observations.
func (r *mapper) space(n int) []health.Observation {
	if len(r.room) < n {
		r.room = make([]health.Observation, max(n, 64))
	}
	list := r.room[:0:n]
	r.room = r.room[n:]
	return list
}

func noValue(res *resource) string {
	if len(res.HasMember) > 0 {
		return "the Observation carries no value of its own, only references to its members"
	}
	return "the Observation carries no value"
}

// base is what an Observation's rows share: status, time, source and id.
func (r *mapper) base(res *resource) (health.Observation, error) {
	var o health.Observation
	if res.Status == "" {
		return o, errors.New("the element status is missing")
	}
	var err error
	if o.Status, err = health.ParseStatus(res.Status); err != nil {
		return o, errors.New("the status is not one of FHIR R4's observation-status")
	}
	if err := effective(res, &o); err != nil {
		return o, err
	}
	o.Source = defaultSource
	// What follows the # is the request that changed the resource, not who sent it.
	if source, _, _ := strings.Cut(res.Meta.Source, "#"); source != "" {
		o.Source = source
	}
	o.Device = res.Device.Display
	o.ExternalID = res.ID
	if o.ExternalID == "" && len(res.Identifier) > 0 && res.Identifier[0].Value != "" {
		o.ExternalID = res.Identifier[0].System + "|" + res.Identifier[0].Value
	}
	o.Updated = lastUpdated(res.Meta.LastUpdated)
	return o, nil
}

// add appends the Observation of one value, or its problem. panel says that the
// values may stand in components instead.
func (r *mapper) add(rec *intake.Record, o health.Observation, code concept, m *measured, where string, panel bool) {
	state, err := m.value(&o)
	switch {
	case err != nil:
	case state == absent:
		rec.Absent++
		return
	case state == none && (panel || where == ""):
		return
	case state == none:
		err = errors.New("there is no value and no reason for its absence")
	default:
		err = r.setCode(&o, code)
	}
	if err == nil {
		err = intake.CheckObservation(&o)
	}
	if err != nil {
		rec.Problems = append(rec.Problems, where+err.Error())
		return
	}
	rec.Observations = append(rec.Observations, o)
}

// setCode chooses the coding: a LOINC code of the catalogue, else a LOINC code,
// else the first code, else the text.
func (r *mapper) setCode(o *health.Observation, c concept) error {
	best := -1
	for i, k := range c.Coding {
		_, listed := r.metrics[k.Code]
		switch {
		case k.Code == "":
			continue
		case k.System == health.SystemLOINC && listed:
			o.Metric, o.CodeSystem, o.Code = r.metrics[k.Code].Code, k.System, k.Code
			o.MetricName = firstOf(k.Display, c.Text)
			return nil
		case best < 0, k.System == health.SystemLOINC && c.Coding[best].System != health.SystemLOINC:
			best = i
		}
	}
	switch {
	case best >= 0:
		k := c.Coding[best]
		o.CodeSystem, o.Code = k.System, k.Code
		o.Metric = intake.ShortSystem(k.System) + ":" + k.Code
		o.MetricName = firstOf(k.Display, c.Text, k.Code)
	case c.Text != "":
		o.Metric, o.MetricName = "text:"+c.Text, c.Text
	default:
		return errors.New("the element code is missing or empty")
	}
	return nil
}

// slotOf tells components apart by their code, and repeated codes by their order.
func slotOf(c concept, seen map[string]int) string {
	slot := "text:" + c.Text
	if len(c.Coding) > 0 {
		slot = c.Coding[0].System + "|" + c.Coding[0].Code
	}
	seen[slot]++
	if n := seen[slot]; n > 1 {
		slot = fmt.Sprintf("%s#%d", slot, n)
	}
	return slot
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// subject reads whose Observation it is: the zero Identifier where it does not
// say, so that whoever imports the file has to.
func (r *mapper) subject(ref *reference) (health.Identifier, error) {
	var id health.Identifier
	var err error
	switch {
	case ref == nil || (ref.Reference == "" && ref.Identifier == nil):
		return id, nil
	case ref.Reference == "" && ref.Identifier.System != "" && ref.Identifier.Value != "":
		id = health.Identifier{System: ref.Identifier.System, Value: ref.Identifier.Value}
	case ref.Reference == "":
		return id, errors.New("the subject's identifier lacks its system or its value")
	case strings.HasPrefix(ref.Reference, "#"):
		return id, errors.New("the subject is a contained resource, which has no identity of its own")
	case r.resolve != nil:
		id, err = r.resolve(ref.Reference)
	default:
		id = PatientIdentifier(ref.Reference)
	}
	if err != nil {
		return health.Identifier{}, err
	}
	if id.Value == "" {
		return id, errors.New("the subject is not a reference to a Patient")
	}
	return id, intake.CheckIdentifier(id)
}

// PatientIdentifier is the identifier under which imports keep the patient of a
// literal reference ("Patient/x", an absolute one, or "urn:uuid:x"); the zero
// Identifier for what is no such reference.
func PatientIdentifier(ref string) health.Identifier {
	if id, ok := strings.CutPrefix(ref, "urn:uuid:"); ok {
		return health.Identifier{System: health.SystemFHIR, Value: id}
	}
	return patientReference(ref)
}

// patientReference reads "Patient/x" and "https://server/base/Patient/x", with or
// without "/_history/n". An absolute one names its server, so that equal ids of
// two servers never meet.
func patientReference(ref string) health.Identifier {
	ref, _, _ = strings.Cut(ref, "/_history/")
	base, value, ok := strings.Cut("/"+ref, "/Patient/")
	if !ok || strings.Contains(value, "/") {
		return health.Identifier{}
	}
	switch base = strings.TrimPrefix(base, "/"); {
	case base == "":
		return health.Identifier{System: health.SystemFHIR, Value: value}
	case strings.HasPrefix(base, "http://"), strings.HasPrefix(base, "https://"):
		return health.Identifier{System: base + "/Patient", Value: value}
	default:
		return health.Identifier{}
	}
}
