package health

import (
	"errors"
	"fmt"
	"strings"
)

// LeastReason is how many letters the reason of an overridden difference has at least.
const LeastReason = 10

// MergeChoices are what an operator decides about two records that become one.
type MergeChoices struct {
	// Override says why records that differ in birth date or sex are one human; empty: they must not differ.
	Override string
	// LeaveClashing leaves observations of which the two records have different
	// content with the record that goes, where nobody sees them. Otherwise they refuse the merge.
	LeaveClashing bool
}

// MergeError says why two records can't become one. It quotes no value of theirs.
type MergeError struct{ Reasons []string }

// Error lists the reasons.
func (e *MergeError) Error() string { return strings.Join(e.Reasons, "; ") }

// CheckMerge says why gone can't become part of keep, or nil. Unknown birth dates
// and sexes contradict nothing.
func CheckMerge(keep, gone Person, c MergeChoices) error {
	var never, differ []string
	if keep.ID == gone.ID {
		never = append(never, "both arguments name the same record")
	}
	if keep.Synthetic != gone.Synthetic {
		never = append(never, "one of the two records is marked as made up and the other is not")
	}
	if !keep.BirthDate.IsZero() && !gone.BirthDate.IsZero() && keep.BirthDate != gone.BirthDate {
		differ = append(differ, "the birth dates differ")
	}
	if known(keep.Sex) && known(gone.Sex) && keep.Sex != gone.Sex {
		differ = append(differ, "the sexes differ")
	}
	reason := strings.TrimSpace(c.Override)
	switch {
	case len(never) > 0:
		return &MergeError{never}
	case len(differ) > 0 && reason == "":
		return &MergeError{append(differ, "where it is one human all the same, say why with --override-differences")}
	case reason != "" && len([]rune(reason)) < LeastReason:
		return &MergeError{[]string{fmt.Sprintf("the reason of --override-differences needs %d letters or more", LeastReason)}}
	}
	return nil
}

func known(s Sex) bool { return s != "" && s != UnknownSex }

// MoveCounts says what moving values from one record to another does.
type MoveCounts struct {
	// Values are rows that moved, older versions included.
	Values int64 `json:"values"`
	// Repeated rows stay where they were, because the other record has the same content.
	Repeated int64 `json:"repeated"`
	// Clashing counts observations (external ids) of which the other record has other content, and rows without
	// an id of which it has the same content in another state; ClashingRows are their rows, which stay.
	Clashing     int64 `json:"clashing"`
	ClashingRows int64 `json:"clashing_rows"`
	// Unkeyed rows were written by something else than an import: they moved with the key that they had.
	Unkeyed int64 `json:"unkeyed"`
	// Held are observations (external ids) that stay because rows outside the selection belong to them.
	Held int64 `json:"held"`
	// Days are the days of charts that were counted anew.
	Days int64 `json:"days"`
}

// PersonCounts says what became of everything else that refers to a record.
type PersonCounts struct {
	Identifiers int64 `json:"identifiers"`
	// Teams are memberships in care teams that moved, or that the other record's own took in.
	Teams       int64 `json:"care_teams"`
	Emergencies int64 `json:"emergency_accesses"`
	Reports     int64 `json:"reports"`
}

// MergeReport is the outcome of a merge.
type MergeReport struct {
	// ID names the merge, for a split; 0 in a dry run.
	ID         int64
	Keep, Gone Person
	MoveCounts
	PersonCounts
	// Consent is whether the one record is open to research now; KeepConsent and GoneConsent are what the two said.
	Consent, KeepConsent, GoneConsent bool
}

// SplitChoices say what leaves a record: exactly one of a merge, or imports, a source and identifiers.
type SplitChoices struct {
	// Merge is the merge to take back; 0: none.
	Merge int64
	// Imports, Source and Identifiers choose rows and identifiers that go to To, or to a new record.
	Imports     []int64
	Source      string
	Identifiers []Identifier
}

// SplitReport is the outcome of a split.
type SplitReport struct {
	// From is the record that lost something, To the one that has it now; New says that the split made it.
	From, To Person
	New      bool
	MoveCounts
	PersonCounts
	// Surfaced are values of merged records that show again, because their like went.
	Surfaced int64
	// Since counts rows that were imported for From after the merge: they stay.
	Since int64
}

// The reasons for which records can't be merged or split.
var (
	// ErrMerged says that the record became part of another.
	ErrMerged = errors.New("the record became part of another one")
	// ErrClash says that both records have observations of the same source and id with other content.
	ErrClash = errors.New("the two records have different content for the same observations")
)
