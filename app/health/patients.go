package health

import "time"

// FlagDays is for how many days the patient list shows the laboratory's flags.
const FlagDays = 30

// FlagSummary is what the laboratory's newest flags say of a patient: of each
// series only its newest Observation counts, and only H, L, A, HH, LL and AA.
type FlagSummary struct {
	// Flag is the worst one, the newest of several; empty where there is none.
	Flag string
	// Metric is the name of its metric for people, Day the local day of its Observation.
	Metric string
	Day    Day
	// Count is how many series are flagged, this one included.
	Count int
}

// Critical reports whether a flag is one of the critical ones: HH, LL, AA.
func Critical(flag string) bool { return flag == "HH" || flag == "LL" || flag == "AA" }

// PatientRow is a line of the patient list.
type PatientRow struct {
	Person
	// LastDay is the last local day with data; zero when there is none.
	LastDay Day
	// Flags are the laboratory's of the last FlagDays days.
	Flags FlagSummary
	// New says that data or reports came which nobody of one of the user's care teams has opened.
	New bool
	// BreakGlassUntil is until when the user sees the person by emergency access;
	// zero where that is not so.
	BreakGlassUntil time.Time
}

// PatientSort is an order of the patient list.
type PatientSort string

// The orders. Within equal ones patients stand by name.
const (
	ByName  PatientSort = "name"
	ByData  PatientSort = "data"  // newest data first, those without data last
	ByFlags PatientSort = "flags" // critical flags first, then the others, each by day, newest first
)

// MaxSearch bounds what can be searched for, in bytes.
const MaxSearch = 200

// PatientFilter chooses a page of the patient list.
type PatientFilter struct {
	// Text narrows to patients of whose name each word begins some word, or whose record number it begins.
	// Case, accents and the spelling of umlauts don't matter. Empty narrows nothing.
	Text string
	// Team is the public id of a care team of the user's: only its patients with news that nobody of it has opened.
	Team string
	// Sort is the order; empty is ByName.
	Sort PatientSort
	// FlagsSince is the instant from which on flags count.
	FlagsSince time.Time
	// Size is the page size, clamped to 1..MaxPageSize; 0 means DefaultPageSize.
	Size int
	// After and Before are public ids of the patients that the page lies after or before. At most one is set.
	After, Before string
}

// Validate clamps the size and refuses contradictions.
func (f *PatientFilter) Validate() error {
	if f.Size <= 0 {
		f.Size = DefaultPageSize
	}
	f.Size = min(f.Size, MaxPageSize)
	if f.Sort == "" {
		f.Sort = ByName
	}
	switch {
	case f.After != "" && f.Before != "":
		return inputError("a page is either after or before a patient, not both")
	case f.Sort != ByName && f.Sort != ByData && f.Sort != ByFlags:
		return inputError("the order is name, data or flags")
	case len(f.Text) > MaxSearch:
		return inputError("the searched text is longer than %d letters: write the beginning only", MaxSearch)
	}
	return nil
}

// PatientPage is one page of the patient list.
type PatientPage struct {
	Patients []PatientRow
	// Next and Previous say whether there are patients after and before the page.
	Next, Previous bool
	// Total counts the patients that the filter matches, All those of the user's care teams.
	Total, All int
}

// Patient is a person with the warning that their banner carries.
type Patient struct {
	Person
	// Alike are the other patients in the user's care teams whose names are similar.
	Alike []Person
	// BreakGlassUntil is until when the user sees the patient by emergency access;
	// zero where that is not so. BreakGlassID names that access in addresses.
	BreakGlassUntil time.Time
	BreakGlassID    string
	// DataNo counts the times that data came to the person; what is read later holds at least these.
	DataNo int64
}

// TeamNews counts a care team's patients with news that nobody of the team has opened.
type TeamNews struct {
	// PublicID and Name are the team's.
	PublicID, Name string
	// Patients have new data, new reports, or both.
	Patients, Data, Reports int
}

// SourceFreshness says when a source last sent data about the patients of the user's care teams.
type SourceFreshness struct {
	// Name may name a person.
	Name string
	// LastDay is the day, in UTC, on which the newest data arrived.
	LastDay Day
	// Week is how many rows arrived in the last seven days, today included, corrections among them.
	Week int
}

// SiteSummary is what the start page says beside the list.
type SiteSummary struct {
	Teams []TeamNews
	// Sources are at most MaxSources, the latest first; SourceCount counts all.
	Sources     []SourceFreshness
	SourceCount int
}

// MaxSources is how many sources a SiteSummary lists.
const MaxSources = 25

// SparkPoints is how many days with numbers a sparkline has at most.
const SparkPoints = 30
