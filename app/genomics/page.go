package genomics

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrBadCursor says that a page's cursor is not one of ours.
var ErrBadCursor = errors.New("the page address is damaged: open the list again")

// ReportCursor is a place in the list: the report it stands at.
type ReportCursor struct {
	At time.Time
	ID string
}

// String encodes the cursor for a URL. It holds no patient data.
func (c ReportCursor) String() string {
	return strconv.FormatInt(c.At.UnixMicro(), 36) + "." + c.ID
}

// ParseReportCursor decodes what String made, or returns ErrBadCursor.
func ParseReportCursor(s string) (ReportCursor, error) {
	at, id, ok := strings.Cut(s, ".")
	us, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || !ValidReportID(id) {
		return ReportCursor{}, inputError("%w", ErrBadCursor)
	}
	return ReportCursor{At: time.UnixMicro(us).UTC(), ID: id}, nil
}

// ValidReportID reports whether id has the shape of a report id: 1 to 64 of
// a-z, 0-9 and the hyphen.
func ValidReportID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Page sizes of report lists.
const (
	DefaultReportPage = 50
	MaxReportPage     = 200
	// ReportCountLimit is as far as a list is counted; beyond it says "10,000+".
	ReportCountLimit = 10000
	maxSearchText    = 200
)

// ReportFilter chooses reports of the index. The zero filter allows nobody's.
type ReportFilter struct {
	// AllPersons allows every report, the unassigned ones included.
	AllPersons bool
	// Persons are the only persons allowed, unless AllPersons.
	Persons []int64
	// Person narrows to one person; 0 means any that is allowed.
	Person int64
	// Unassigned narrows to reports without a person.
	Unassigned bool
	Kind       string
	// Text must occur in title, kind, summary or patient reference, in any case.
	Text string
	// Size is the number of rows of a page.
	Size int
	// After and Before are exclusive; at most one is set.
	After, Before *ReportCursor
}

// Validate fills in the default page size and refuses what can't be asked.
func (f *ReportFilter) Validate() error {
	if f.Size == 0 {
		f.Size = DefaultReportPage
	}
	switch {
	case f.Size < 1 || f.Size > MaxReportPage:
		return inputError("page size %d: choose 1 to %d", f.Size, MaxReportPage)
	case f.After != nil && f.Before != nil:
		return inputError("a page can't be both after and before a report: give one of them")
	case len(f.Text) > maxSearchText:
		return inputError("search text of %d bytes: at most %d", len(f.Text), maxSearchText)
	case f.Unassigned && f.Person != 0:
		return inputError("unassigned reports have no patient: choose one of the two filters")
	}
	return nil
}

// ReportPage is one page of the list, newest first.
type ReportPage struct {
	Reports []Report
	// Prev and Next are nil at the list's ends.
	Prev, Next *ReportCursor
	// Count is the number of reports that the filter finds, counted up to
	// ReportCountLimit+1.
	Count int
	// Kinds are the kinds found among all allowed reports, in order.
	Kinds []string
}
