package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"healthportal/app/health"
)

// subject is whom an identifier of the file stands for.
type subject struct {
	person health.Person
	zone   *time.Location
	// refused says why this person's lines are not taken; empty when they are.
	refused string
}

// The reasons for which whole persons are refused.
const (
	reasonUnknown = "the person is not known here: import the patients first, or let the import create persons"
	reasonNobody  = "it does not say whose it is: name the person with --person"
	reasonTwo     = "the identifiers name two different persons of this clinic: nothing of this person was taken"
	reasonTaken   = "one of the identifiers belongs to another person of this clinic: nothing of this person was taken"
	reasonNumber  = "the record number is known here, but the birth date does not confirm that it is the same person"
	reasonZone    = "the time zone differs from the one stored for this person, which was kept"
	reasonReal    = "the data is marked as made up, and the person stored here is a real one: nothing was taken"
	reasonName    = "the name differs from the one stored for this person, which was kept"
)

// lookUp asks the store once for all identifiers of a batch that are new to this import.
func (r *run) lookUp(ctx context.Context, records []Record) error {
	var ids []health.Identifier
	asked := map[health.Identifier]bool{}
	ask := func(id health.Identifier) {
		if r.subjects[id] == nil && !asked[id] && id != (health.Identifier{}) {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	for i := range records {
		ask(records[i].Subject)
		if p := records[i].Person; p != nil {
			for _, id := range p.Identifiers {
				ask(id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := r.settle(); err != nil {
		return err
	}
	known, err := r.ingest.Persons(ctx, ids)
	if err != nil {
		return fmt.Errorf("look up persons: %w", err)
	}
	for id, p := range known {
		r.know(p, id)
	}
	return nil
}

// know remembers a stored person under its identifiers. One person keeps one
// subject, so that a refusal holds under every identifier.
func (r *run) know(p health.Person, ids ...health.Identifier) {
	s := r.people[p.ID]
	if s == nil {
		s = &subject{}
		r.people[p.ID] = s
	}
	s.person, s.zone = p, p.Zone(r.o.Site)
	if r.o.Synthetic && !p.Synthetic {
		s.refused = reasonReal
	}
	for _, id := range ids {
		r.subjects[id] = s
	}
}

// refuse lets no further line of a person's identifiers in.
func (r *run) refuse(ids []health.Identifier, reason string) {
	for _, id := range ids {
		if s := r.subjects[id]; s != nil {
			s.refused = reason
			continue
		}
		r.subjects[id] = &subject{refused: reason}
	}
}

// subjectOf returns the person of an Observation, creating one where that is allowed.
func (r *run) subjectOf(ctx context.Context, id health.Identifier) (*subject, error) {
	switch {
	case id != (health.Identifier{}):
	case r.owner == nil:
		return &subject{refused: reasonNobody}, nil
	default:
		return r.owner, nil
	}
	if s := r.subjects[id]; s != nil {
		return s, nil
	}
	if !r.o.CreatePersons {
		return &subject{refused: reasonUnknown}, nil
	}
	if err := r.create(ctx, Person{Identifiers: []health.Identifier{id}}); err != nil {
		return nil, err
	}
	return r.subjects[id], nil
}

func (r *run) create(ctx context.Context, p Person) error {
	if err := r.settle(); err != nil {
		return err
	}
	p.Synthetic = p.Synthetic || r.o.Synthetic
	made, err := r.ingest.CreatePerson(ctx, p.Person, p.Identifiers)
	if errors.Is(err, health.ErrTaken) {
		r.refuse(p.Identifiers, reasonTaken)
		return nil
	}
	if err != nil {
		return fmt.Errorf("create a person: %w", err)
	}
	r.report.NewPersons++
	r.know(made, p.Identifiers...)
	return nil
}

// person takes a line that describes a person: a new one, or one to complete.
func (r *run) person(ctx context.Context, rec *Record) error {
	p := *rec.Person
	known, reason := r.match(p)
	switch {
	case reason != "":
		r.refuse(p.Identifiers, reason)
		r.report.refuse(rec.Line, reason)
		return nil
	case known == nil && !r.o.CreatePersons:
		r.report.refuse(rec.Line, reasonUnknown)
		return nil
	case known == nil:
		if err := r.create(ctx, p); err != nil {
			return err
		}
		if s := r.subjects[p.Identifiers[0]]; s.refused != "" {
			r.report.refuse(rec.Line, s.refused)
		}
		return nil
	}
	return r.complete(ctx, rec, *known, p)
}

// match finds the stored person that a file's person is, or says why that can't be told.
func (r *run) match(p Person) (*health.Person, string) {
	var found *subject
	byNumber := true
	for _, id := range p.Identifiers {
		s := r.subjects[id]
		if s == nil {
			continue
		}
		if s.refused != "" {
			return nil, s.refused
		}
		if found != nil && found.person.ID != s.person.ID {
			return nil, reasonTwo
		}
		found = s
		byNumber = byNumber && id.System == health.SystemRecordNumber
	}
	if found == nil {
		return nil, ""
	}
	k := found.person
	if byNumber && (k.BirthDate.IsZero() || k.BirthDate != p.BirthDate) {
		return nil, reasonNumber
	}
	file := p.Person
	if own := r.subjects[health.Identifier{System: health.SystemRecordNumber, Value: file.RecordNumber}]; own == found {
		// One of several numbers of the person, whose records were merged.
		file.RecordNumber = k.RecordNumber
	}
	if reason := contradiction(k, file); reason != "" {
		return nil, reason
	}
	return &k, ""
}

// contradiction says in which fixed property two persons differ that should be one.
func contradiction(known, file health.Person) string {
	const tail = " differs from the one stored for this person: nothing of this person was taken"
	switch {
	case file.Synthetic && !known.Synthetic && !bare(known):
		return reasonReal
	case !known.BirthDate.IsZero() && !file.BirthDate.IsZero() && known.BirthDate != file.BirthDate:
		return "the birth date" + tail
	case stated(known.Sex) && stated(file.Sex) && known.Sex != file.Sex:
		return "the sex" + tail
	case known.RecordNumber != "" && file.RecordNumber != "" && known.RecordNumber != file.RecordNumber:
		return "the record number" + tail
	default:
		return ""
	}
}

// bare persons were made from an Observation's reference alone.
func bare(p health.Person) bool {
	return p.FamilyName == "" && p.GivenName == "" && p.RecordNumber == "" && p.BirthDate.IsZero()
}

func stated(s health.Sex) bool { return s != "" && s != health.UnknownSex }

// complete fills what the store doesn't have of a person, and reports what it has otherwise.
func (r *run) complete(ctx context.Context, rec *Record, known health.Person, p Person) error {
	full, changed := known.Completed(p.Person)
	if changed || r.newIdentifier(p) {
		if err := r.settle(); err != nil {
			return err
		}
		err := r.ingest.CompletePerson(ctx, full, p.Identifiers)
		if errors.Is(err, health.ErrTaken) {
			r.refuse(p.Identifiers, reasonTaken)
			r.report.refuse(rec.Line, reasonTaken)
			return nil
		}
		if err != nil {
			return fmt.Errorf("complete a person: %w", err)
		}
		r.know(full, p.Identifiers...)
	}
	if p.TimeZone != "" && p.TimeZone != full.TimeZone {
		r.report.refuse(rec.Line, reasonZone)
	}
	if (p.FamilyName != "" && p.FamilyName != full.FamilyName) || (p.GivenName != "" && p.GivenName != full.GivenName) {
		r.report.refuse(rec.Line, reasonName)
	}
	return nil
}

func (r *run) newIdentifier(p Person) bool {
	for _, id := range p.Identifiers {
		if r.subjects[id] == nil {
			return true
		}
	}
	return false
}
