// Package intake turns foreign health formats into Observations and brings them
// into a store: batch by batch, idempotent, with a report of every line that
// could not be taken. Its subpackages read one format each.
package intake

import (
	"context"
	"time"

	"healthportal/app/health"
)

// Record is what one line, entry or element of a file holds.
type Record struct {
	// Line is the line of the file where the record begins, counted from 1.
	Line int
	// Blank lines hold nothing and count as nothing.
	Blank bool
	// Person is set where the line describes a person.
	Person *Person
	// Owner is set where the file says whose data it is without naming anybody.
	Owner *Owner
	// Subject is whose the Observations are.
	Subject      health.Identifier
	Observations []health.Observation
	// Absent counts the values that the source itself says it doesn't have.
	Absent int
	// Undated says that the record tells in a way that can't be read when its source last changed it.
	Undated bool
	// LeftOut names what the record holds instead that is not imported, such as a resource type;
	// it is counted by that name.
	LeftOut string
	// Problems are the parts of the line, or the whole, that were refused, without names or values.
	Problems []string
}

// Person is a person as a file describes them.
type Person struct {
	health.Person
	// Identifiers are all that the file gives, the one that Observations refer to first.
	Identifiers []health.Identifier
}

// Owner is what a file tells of the one person whose data it holds, without an
// identifier, as Apple Health's Me does. Zero fields are untold.
type Owner struct {
	BirthDate health.Day
	// Sex is empty where the file does not say.
	Sex health.Sex
}

// Source reads records from a file.
type Source interface {
	// Format names the reader: fhir-ndjson.
	Format() string
	// Next returns the next record, io.EOF after the last one, or the error that stopped the reading.
	Next() (Record, error)
	// SHA256 is the digest of the bytes read so far.
	SHA256() []byte
}

// Sink is the store that takes an import.
type Sink interface {
	// StartImport opens an import; the caller closes it.
	StartImport(ctx context.Context, s health.ImportSettings) (health.Ingest, error)
}

// DefaultBatch is the number of Observations stored in one transaction.
const DefaultBatch = 10_000

// Options choose how an import treats what it reads.
type Options struct {
	// Person is whose the Observations without a subject are; the zero Identifier refuses them.
	Person health.Identifier
	// CreatePersons makes a person of each one that is unknown, instead of refusing their lines.
	CreatePersons bool
	// Team is the care team that gets the import's persons; made when missing. Empty: none.
	Team string
	// Synthetic marks the persons that the import creates as made up.
	Synthetic bool
	// Site is the zone of persons without one of their own; nil means UTC.
	Site *time.Location
	// BatchSize is the number of Observations per transaction; 0 means DefaultBatch.
	BatchSize int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Progress is called after each batch with the report so far; nil means not at all.
	Progress func(Report)
}

func (o *Options) defaults() {
	if o.Site == nil {
		o.Site = time.UTC
	}
	if o.BatchSize <= 0 {
		o.BatchSize = DefaultBatch
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}
