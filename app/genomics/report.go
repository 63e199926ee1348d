// Package genomics is the domain of genomics data: the manifest that names what
// the genomics stack writes and where, and the reports found there. It imports
// nothing of ours; reading foreign documents is the work of its subpackages.
package genomics

import (
	"path"
	"strings"
	"time"
)

// Format is what a report is served as.
type Format string

// The formats that the portal shows.
const (
	PDF  Format = "pdf"
	HTML Format = "html"
)

// FormatOf tells the format that a file's name promises, and false for names
// that promise neither PDF nor HTML.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return PDF, true
	case ".html", ".htm":
		return HTML, true
	default:
		return "", false
	}
}

// MediaType is the Content-Type that the format is served with.
func (f Format) MediaType() string {
	if f == PDF {
		return "application/pdf"
	}
	return "text/html"
}

// ReportStatus is how far a report is from final, in its author's word.
type ReportStatus string

// The statuses. UnknownStatus means that nobody stated one; it is not "final".
const (
	Preliminary   ReportStatus = "preliminary"
	Final         ReportStatus = "final"
	Amended       ReportStatus = "amended"
	Withdrawn     ReportStatus = "withdrawn"
	UnknownStatus ReportStatus = "unknown"
)

// ParseReportStatus returns the status named s, and false for any other word.
func ParseReportStatus(s string) (ReportStatus, bool) {
	switch st := ReportStatus(s); st {
	case Preliminary, Final, Amended, Withdrawn, UnknownStatus:
		return st, true
	default:
		return UnknownStatus, false
	}
}

// State is what became of a report's file. Only a Present one is ever served.
type State string

// The states.
const (
	// Present files are what their names say.
	Present State = "present"
	// Gone files were there once.
	Gone State = "gone"
	// Empty files hold no bytes.
	Empty State = "empty"
	// Mismatch files are not what their names say, or are cut off.
	Mismatch State = "mismatch"
	// Outside files are symbolic links that leave the root and its link targets.
	Outside State = "outside"
	// Unreadable files can't be opened, are no regular files, or are too large.
	Unreadable State = "unreadable"
)

// PatientRef names a patient in the words of a file. System is a URI; empty
// means the clinic's own record numbers.
type PatientRef struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

// Claim is one place's word on whose report it is.
type Claim struct {
	PatientRef
	// From is "sidecar", "document", "path", or "link" for the path that a symbolic link leads to.
	From string `json:"from"`
}

// Risk is the document's own word; nothing is computed or ranked across kinds.
// An empty Level means that none was stated, which is not "low".
type Risk struct {
	Level string
	Scale string
	// Tool made the assessment.
	Tool string
	// Score is kept as written, with the source's digits.
	Score string
}

// Report is one indexed report file and what is known about it.
type Report struct {
	// ID is random and stands in URLs.
	ID string
	// Root is the name of the manifest's root, Path the slash-separated path
	// below it. The path is patient data.
	Root, Path string
	// PersonID is 0 while the report waits in the unassigned queue.
	PersonID int64
	// Unassigned says why no person could be told; empty when one could.
	Unassigned string
	// Claims are all patients that sidecar, document and path name.
	Claims []Claim
	Kind   string
	Title  string
	Format Format
	Status ReportStatus
	State  State
	// Problem says in plain words what is wrong; empty when nothing is.
	Problem string
	// Size is in bytes.
	Size int64
	// ModTime is the file's, in UTC, in whole microseconds.
	ModTime time.Time
	// SHA256 is of the whole file, in hex; empty when it could not be read.
	SHA256 string
	// GeneratedAt is when the report was made, by its own word; zero: not stated.
	GeneratedAt time.Time
	Risk        Risk
	// Tool is what wrote the document, with its version.
	Tool    string
	Summary string
	// Supersedes is the path, in the same root, of the report that this one replaces.
	Supersedes string
	Synthetic  bool
	// Mark changes when anything beside the file that metadata came from does.
	Mark string
	// ChangeNo orders changes to the index; set by the store.
	ChangeNo int64
}

// PatientRef is what the report calls its patient, for people to read: the
// claimed value, or all of them where they differ.
func (r *Report) PatientRef() string {
	var values []string
	seen := map[string]bool{}
	for _, c := range r.Claims {
		if !seen[c.Value] {
			seen[c.Value] = true
			values = append(values, c.Value)
		}
	}
	return strings.Join(values, " / ")
}

// SortTime is what lists order by: when the report was made, or the file's own
// date where that is not stated.
func (r *Report) SortTime() time.Time {
	if r.GeneratedAt.IsZero() {
		return r.ModTime
	}
	return r.GeneratedAt
}

// RootStatus is how fresh the index of one root is.
type RootStatus struct {
	Name string
	// IndexedAt is when the root was last compared with the index completely.
	IndexedAt time.Time
	// Problem says why the last run did not, or is empty.
	Problem string
}

// IndexState describes the whole index at one moment.
type IndexState struct {
	// Epoch names the database, so that a mirror notices another one.
	Epoch string
	// LastChange is the highest change number given out.
	LastChange int64
	Rows       int
	Roots      []RootStatus
}

// Oldest is when the least fresh root was indexed; zero when none ever was.
func (s IndexState) Oldest() time.Time {
	var oldest time.Time
	for i, r := range s.Roots {
		if r.IndexedAt.IsZero() {
			return time.Time{}
		}
		if i == 0 || r.IndexedAt.Before(oldest) {
			oldest = r.IndexedAt
		}
	}
	return oldest
}

// IndexUpdate is what one run writes, all of it or nothing.
type IndexUpdate struct {
	// Reports are new or changed; each takes a new change number.
	Reports []Report
	// Roots are written over what is known of them; a zero IndexedAt keeps the old time.
	Roots []RootStatus
	// DropRoots are forgotten: they are no longer in the manifest.
	DropRoots []string
}
