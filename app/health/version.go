package health

import "time"

// DataVersion says which state of the database an answer shows: where two of the
// same question have equal versions, they are equal. It tells nothing else, not
// even which is newer. Empty means that nothing is known; such an answer is not kept.
type DataVersion string

// EventVersion is one version of an Observation with how it came.
type EventVersion struct {
	Event
	// Received is when the portal stored it.
	Received time.Time
	// Superseded is since when another version shows instead; zero for the one in force.
	Superseded time.Time
	// Import is the number of the import that brought it, 0 where none did; Format is
	// that import's, ImportedAt its start, and Undone says that it was taken back.
	Import     int64
	Format     string
	ImportedAt time.Time
	Undone     bool
}

// Outdated reports whether it never counted: when it came, a version was known, or
// came with it, that its source had changed later.
func (v EventVersion) Outdated() bool { return !v.InForce() && !v.Superseded.After(v.Received) }

// InForce reports whether it is the version that counts. One that the source says
// was entered in error counts too: it is why tables show nothing.
func (v EventVersion) InForce() bool { return v.Superseded.IsZero() }
