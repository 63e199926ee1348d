package intake

import (
	"context"
	"errors"
	"fmt"

	"healthportal/app/health"
)

// ErrNoPerson says that nobody has the identifier of Options.Person.
var ErrNoPerson = errors.New("the person is not known here, nothing was stored: " +
	"give the record number, or \"system|value\" of an identifier, of a person whom an import with Patients has made")

// ErrOtherOwner says that a file's owner is not the person whom it is imported for.
var ErrOtherOwner = errors.New("the file belongs to somebody else than the person named")

// findOwner looks up the person of Options.Person. Nobody is created for them.
func (r *run) findOwner(ctx context.Context) error {
	id := r.o.Person
	if id == (health.Identifier{}) {
		return nil
	}
	known, err := r.ingest.Persons(ctx, []health.Identifier{id})
	if err != nil {
		return fmt.Errorf("look up the person: %w", err)
	}
	p, ok := known[id]
	if !ok {
		return ErrNoPerson
	}
	r.know(p, id)
	r.owner = r.subjects[id]
	return nil
}

// checkOwners holds what a batch says of the file's owner against the person
// named, before anything of the batch is taken.
func (r *run) checkOwners(records []Record) error {
	for i := range records {
		o := records[i].Owner
		if o == nil || r.owner == nil {
			continue
		}
		what := ""
		p := r.owner.person
		switch {
		case !o.BirthDate.IsZero() && !p.BirthDate.IsZero() && o.BirthDate != p.BirthDate:
			what = "birth date"
		case stated(o.Sex) && stated(p.Sex) && o.Sex != p.Sex:
			what = "sex"
		default:
			continue
		}
		if err := r.settle(); err != nil {
			return err
		}
		return fmt.Errorf("line %d: %w: its %s differs from the one stored for them; %s", records[i].Line, ErrOtherOwner, what, r.report.stoppedAt())
	}
	return nil
}
