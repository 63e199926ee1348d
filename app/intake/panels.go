package intake

import "healthportal/app/health"

// MaxPanel is how many values one external id may hold.
const MaxPanel = 1000

// Panels joins neighbouring records that are values of one external id and
// differ in their slots into one record, because a store takes an external id's
// values as a whole: alone, the second would replace the first as its new version.
type Panels struct {
	next func() (Record, error)
	held *Record
	// full has MaxPanel values: no more of its id are taken.
	full *Record
	err  error
}

// NewPanels joins the records that next returns.
func NewPanels(next func() (Record, error)) *Panels { return &Panels{next: next} }

// Next returns the next record, and after the last one the error of the records' source.
func (p *Panels) Next() (Record, error) {
	rec, err := p.take()
	if err != nil || !joinable(&rec) {
		return rec, err
	}
	if p.full != nil && sameID(p.full, &rec) {
		rec.Observations = nil
		rec.Problems = []string{"the external id has more than 1,000 values: an id names one observation and its components"}
		return rec, nil
	}
	p.full = nil
	slots := map[string]bool{rec.Observations[0].Slot: true}
	for {
		more, err := p.take()
		if err != nil {
			p.err = err
			return rec, nil
		}
		if !joinable(&more) || !sameID(&rec, &more) || slots[more.Observations[0].Slot] {
			p.held = &more
			return rec, nil
		}
		if len(slots) == MaxPanel {
			p.held, p.full = &more, &rec
			return rec, nil
		}
		slots[more.Observations[0].Slot] = true
		rec.Observations = append(rec.Observations, more.Observations[0])
	}
}

func (p *Panels) take() (Record, error) {
	if p.held != nil {
		rec := *p.held
		p.held = nil
		return rec, nil
	}
	if p.err != nil {
		return Record{}, p.err
	}
	return p.next()
}

func joinable(r *Record) bool {
	return len(r.Observations) == 1 && len(r.Problems) == 0 && r.Person == nil && r.Observations[0].ExternalID != ""
}

func sameID(a, b *Record) bool {
	key := func(r *Record) (health.Identifier, string, string) {
		return r.Subject, r.Observations[0].Source, r.Observations[0].ExternalID
	}
	as, an, ai := key(a)
	bs, bn, bi := key(b)
	return as == bs && an == bn && ai == bi
}
