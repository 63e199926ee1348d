package adultrange

import (
	"errors"
	"time"

	"healthportal/app/health"
)

// ActKind says what a clinician did about a range. The values are stored.
type ActKind string

// The acts.
const (
	SignOff  ActKind = "sign-off"
	Withdraw ActKind = "withdraw"
)

// Act is what a clinician did about a range.
type Act struct {
	// Metric is the metric's code.
	Metric string
	Kind   ActKind
	// Digest is that of the range as it was shown then, Said its words.
	Digest, Said string
	// UserID and By are the clinician's number and name.
	UserID int64
	By     string
	At     time.Time
}

// The refusals of an act.
var (
	// ErrChanged says that the range is no longer the one that was shown.
	ErrChanged = errors.New("the range is another than the one shown")
	// ErrNoMarks says that no value can be held against the range.
	ErrNoMarks = errors.New("the range holds in a context that is not known of a value")
	// ErrSignedOff says that the range is signed off already, ErrNotSignedOff that it is not.
	ErrSignedOff    = errors.New("the range is signed off already")
	ErrNotSignedOff = errors.New("the range is not signed off")
)

// Standing is a range with the last act about it.
type Standing struct {
	Range Range
	// Last is the zero Act where nobody has done anything yet.
	Last Act
}

// SignedOff reports whether a sign-off of exactly this range counts.
func (s Standing) SignedOff() bool {
	return s.Range.Marks() && s.claims() && s.Last.Digest == s.Range.Digest()
}

// Lapsed reports whether the range was signed off when it was another one.
func (s Standing) Lapsed() bool { return s.claims() && !s.SignedOff() }

func (s Standing) claims() bool { return s.Last.Kind == SignOff }

// Permits returns nil where an act on the range that was shown with a digest may
// be done, else one of the refusals. Withdrawing takes a lapsed sign-off back too.
func (s Standing) Permits(kind ActKind, digest string) error {
	switch {
	case digest != s.Range.Digest():
		return ErrChanged
	case kind == Withdraw && !s.claims():
		return ErrNotSignedOff
	case kind == SignOff && !s.Range.Marks():
		return ErrNoMarks
	case kind == SignOff && s.SignedOff():
		return ErrSignedOff
	}
	return nil
}

// Sheet is every range with the last act about it. The zero Sheet marks nothing.
type Sheet struct{ list []Standing }

// NewSheet is the sheet of this program's ranges and the last act about each metric.
func NewSheet(last []Act) Sheet {
	acts := map[string]Act{}
	for _, a := range last {
		acts[a.Metric] = a
	}
	var s Sheet
	for _, r := range All() {
		s.list = append(s.list, Standing{r, acts[r.Metric.Code]})
	}
	return s
}

// In is the sheet with all times in a zone, by which pages date the acts.
func (s Sheet) In(zone *time.Location) Sheet {
	list := make([]Standing, len(s.list))
	for i, st := range s.list {
		st.Last.At = st.Last.At.In(zone)
		list[i] = st
	}
	return Sheet{list}
}

// Standings are those of all ranges, in the catalogue's order.
func (s Sheet) Standings() []Standing { return s.list }

// Of is the standing of a metric's range; false where there is none.
func (s Sheet) Of(metric string) (Standing, bool) {
	for _, st := range s.list {
		if st.Range.Metric.Code == metric {
			return st, true
		}
	}
	return Standing{}, false
}

// Judge holds a value against the signed-off range of its metric; false, with
// the standing, where it is not marked.
func (s Sheet) Judge(p health.Person, e *health.Event) (Outcome, Standing, bool) {
	st, ok := s.Of(e.Metric)
	if !ok || !st.SignedOff() {
		return "", st, false
	}
	o := st.Range.Judge(p, e)
	return o, st, o.Outside()
}
