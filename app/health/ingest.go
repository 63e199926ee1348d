package health

import (
	"context"
	"time"
)

// ImportSettings say how an import treats what it reads.
type ImportSettings struct {
	// Format names the reader: fhir-ndjson.
	Format string
	// Team is the care team that gets the import's persons; made when missing. Empty: none.
	Team string
	// Site is the zone of persons without one of their own.
	Site *time.Location
}

// ImportRow is one Observation that is ready to be stored.
type ImportRow struct {
	Person PersonID
	// Day is the local day, computed once from the person's zone.
	Day Day
	// Content is Observation.Dedupe of Person, in the unit that is stored.
	Content ContentID
	// Round orders versions of the same external id within one batch: 0, then 1, and so on.
	Round int
	*Observation
}

// MaxRounds is how many versions of one external id a batch may hold.
const MaxRounds = 8

// ImportCounts says what became of the rows of a batch or an import.
// Stored, Repeated, Corrected and Outdated together are the rows handed over.
type ImportCounts struct {
	// Stored rows are new.
	Stored int
	// Repeated rows were known already, as the current or as an older version.
	Repeated int
	// Corrected rows are new versions of observations that were known with other content, or
	// older ones to which the source went back.
	Corrected int
	// Outdated rows are versions that were not known and that the source changed before
	// the one that is: stored, and superseded from the start.
	Outdated int
}

// Add sums two counts.
func (c ImportCounts) Add(o ImportCounts) ImportCounts {
	return ImportCounts{c.Stored + o.Stored, c.Repeated + o.Repeated, c.Corrected + o.Corrected, c.Outdated + o.Outdated}
}

// ImportResult closes an import's record.
type ImportResult struct {
	ImportCounts
	// Read counts the values found, Refused those that were not stored.
	Read, Refused int
	// FileSHA256 is the digest of the file's bytes; nil when it was not read to its end.
	FileSHA256 []byte
}

// Ingest is one running import in a store. Its methods are called one after the other.
type Ingest interface {
	// Persons returns those of the identifiers that are known.
	Persons(ctx context.Context, ids []Identifier) (map[Identifier]Person, error)
	// CreatePerson stores a new person under the identifiers and returns it with its ids.
	// It returns ErrTaken when one of them or the record number is another person's.
	CreatePerson(ctx context.Context, p Person, ids []Identifier) (Person, error)
	// CompletePerson fills what is empty of the known person with what p has, and adds the identifiers.
	// It returns ErrTaken when one of them is another person's.
	CompletePerson(ctx context.Context, p Person, ids []Identifier) error
	// Store writes a batch in one transaction, charts included.
	Store(ctx context.Context, rows []ImportRow) (ImportCounts, error)
	// Finish records the outcome of the whole import.
	Finish(ctx context.Context, r ImportResult) error
	// Close gives the store's resources back; it is called once, after Finish or instead of it.
	Close(ctx context.Context) error
}
