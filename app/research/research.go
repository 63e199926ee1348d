// Package research turns the health data of consenting persons into what
// researchers see: keyed pseudonyms, dates shifted by a constant of the person, an
// allow-list of columns, and counts too small to show withheld.
package research

import (
	"context"
	"fmt"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// Store reads persons with recorded consent. Dates are true ones: nothing that it
// returns may leave this package unshifted.
type Store interface {
	// ResearchPersons returns all consenting persons.
	ResearchPersons(ctx context.Context) ([]Person, error)
	// ResearchPerson returns a consenting person, or health.ErrNotFound.
	ResearchPerson(ctx context.Context, id health.PersonID) (Person, error)
	// ResearchMetrics counts by metric: of one person, or of all for the id 0.
	ResearchMetrics(ctx context.Context, id health.PersonID) ([]MetricCount, error)
	// ResearchWithheld counts what is left out: of one person, or of all for the id 0.
	ResearchWithheld(ctx context.Context, id health.PersonID) (Withheld, error)
	// ResearchRows returns one page of one person's rows, newest first.
	ResearchRows(ctx context.Context, q RowQuery) (Rows, error)
}

// Keys are the secrets of de-identification; *keyring.Ring has them.
type Keys interface {
	Current(p keyring.Purpose) keyring.Key
	Seal(p keyring.Purpose, context string, plain []byte) string
	Unseal(p keyring.Purpose, context, token string) ([]byte, error)
}

// Person is what the store knows of a consenting person.
type Person struct {
	ID  health.PersonID
	Sex health.Sex
	// Age is the age in whole years reached this calendar year, OldestAge for
	// everybody of that age or older. It means nothing without HasAge.
	Age    int
	HasAge bool
}

// OldestAge pools the ages from here on, because few people have them.
const OldestAge = 90

// MetricCount is what there is of one metric.
type MetricCount struct {
	// Code and Name are of the catalogue.
	Code, Name string
	// Persons and Values count exactly.
	Persons, Values int
}

// Withheld counts values that researchers don't see, by the reason.
type Withheld struct {
	// Codes are values under a code outside the catalogue; its name may be free text.
	Codes Left
	// Texts are coded or written values without a number.
	Texts Left
	// Units are numbers in a unit that is not known, and so may be free text.
	Units Left
	// Devices are values that are shown without the name of their device.
	Devices Left
}

// Left counts what one reason leaves out.
type Left struct{ Values, Persons int }

// Row is one value with its true dates.
type Row struct {
	// ID and At, in UTC, are the row's place in the order.
	ID int64
	At time.Time
	Event
}

// Event is one value as researchers see it.
type Event struct {
	// Day is the shifted local day that the value counts for.
	Day health.Day
	// Start and End are shifted times on the person's clock, held in UTC because
	// they have no zone of their own; End is the zero time for an instant.
	Start, End time.Time
	// WholeDays says that Start and End are borders of days: no time was given.
	WholeDays bool
	// Metric and MetricName are of the catalogue.
	Metric, MetricName string
	Value              float64
	// Comparator is "", "<", "<=", ">=" or ">": the value is a bound.
	Comparator string
	// Unit is UCUM, LOINC a code of the catalogue; both may be empty.
	Unit, LOINC string
	// Flag is the laboratory's own code, empty where it gave none that is known.
	Flag   string
	Status health.Status
}

// RowQuery chooses rows of one person by true dates.
type RowQuery struct {
	Person health.PersonID
	Metric string
	// From and To are true local days, both inclusive; the zero Day is open.
	From, To health.Day
	Size     int
	// After asks for rows older than the cursor, Before for newer ones; at most one is set.
	After, Before *health.Cursor
}

// Rows is one page of rows, newest first.
type Rows struct {
	Rows []Row
	// Older and Newer say whether there are rows on the page's two sides.
	Older, Newer bool
	// Total counts exactly what the query matches.
	Total int
}

// View is the researchers' view of a store. It is safe for concurrent use.
type View struct {
	store Store
	keys  Keys
}

// NewView returns the view of a store under the current keys.
func NewView(store Store, keys Keys) *View { return &View{store, keys} }

// Person returns whom a pseudonym stands for, or health.ErrNotFound for one that
// was not made with the current key. Whether the person consents it does not say.
func (v *View) Person(pseudonym string) (health.PersonID, error) {
	id, ok := readPseudonym(v.keys.Current(keyring.Pseudonyms), pseudonym)
	if !ok {
		return 0, fmt.Errorf("participant: %w", health.ErrNotFound)
	}
	return id, nil
}

// Participant is a consenting person as researchers see them.
type Participant struct {
	Pseudonym string
	Sex       health.Sex
	// Age is as in Person.
	Age    int
	HasAge bool
	// Metrics count the participant's own values; Withheld those left out.
	Metrics  []MetricCount
	Withheld Withheld
}

// Participant returns a consenting person, or health.ErrNotFound.
func (v *View) Participant(ctx context.Context, id health.PersonID) (Participant, error) {
	p, err := v.store.ResearchPerson(ctx, id)
	if err != nil {
		return Participant{}, err
	}
	out := Participant{Pseudonym: v.pseudonym(id), Sex: p.Sex, Age: p.Age, HasAge: p.HasAge}
	if out.Metrics, err = v.store.ResearchMetrics(ctx, id); err != nil {
		return Participant{}, err
	}
	sortMetrics(out.Metrics)
	out.Withheld, err = v.store.ResearchWithheld(ctx, id)
	return out, err
}
