package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"healthportal/app/health"
)

// MaxProblems is how many problems a report keeps word for word. All are counted.
const MaxProblems = 100_000

// Problem is a line, or a part of it, that was not stored. Reason holds no
// names and no health values.
type Problem struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// String is "line 12: reason".
func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Reason) }

// Report says what became of every line of a file. Read is the sum of Stored,
// Repeated, Corrected, Outdated and Refused.
type Report struct {
	// Format is the reader's, and ImportID the store's number of the import; 0 where it gives none.
	Format   string `json:"format"`
	ImportID int64  `json:"import_id,omitempty"`
	// Lines counts the records: lines that are not blank, entries of a Bundle, elements of an export.
	Lines int `json:"lines"`
	// Persons counts the lines that describe a person, NewPersons those that were created.
	Persons    int `json:"persons"`
	NewPersons int `json:"new_persons"`
	// Read counts the values found; a line that could not be read counts as one.
	Read int `json:"read"`
	// Stored values are new, Repeated ones were known, Corrected ones are new versions of known ones.
	Stored    int `json:"stored"`
	Repeated  int `json:"repeated"`
	Corrected int `json:"corrected"`
	// Outdated values are versions older than those that were known: stored, and shown in their history alone.
	Outdated int `json:"outdated"`
	// Refused counts what was not stored; each has a problem.
	Refused int `json:"refused"`
	// Absent counts values that the source itself says it doesn't have; they are not Read.
	Absent int `json:"absent"`
	// LeftOut counts the records of kinds that are not imported, by kind; they are not Read.
	LeftOut map[string]int `json:"left_out,omitempty"`
	// Reasons counts what was refused by reason, with numbers within a reason made one.
	Reasons map[string]int `json:"reasons,omitempty"`
	// Notes are what is to know of the file as a whole.
	Notes []string `json:"notes,omitempty"`
	// Problems are the first MaxProblems of those counted by Refused, in line order.
	Problems []Problem `json:"problems"`
	// undated counts the records whose source's time of change was of no use.
	undated int
}

// Noted is a Source that has notes for the report, once it was read.
type Noted interface{ Notes() []string }

// Leaving is a Source that counts itself what it left out, by kind.
type Leaving interface{ LeftOutCounts() map[string]int }

// Numbered is an Ingest that knows the number of its import.
type Numbered interface{ ImportID() int64 }

// Omitted is the number of problems that are counted but not kept word for word.
func (r *Report) Omitted() int { return r.Refused - len(r.Problems) }

// Summary is the report in one line.
func (r *Report) Summary() string {
	var b strings.Builder
	if r.Lines == 0 && r.Format == "fhir-bundle" {
		return "the Bundle holds 0 entries, nothing to store"
	}
	if r.Lines == 0 {
		return "the file is empty: 0 " + r.Unit() + ", nothing to store"
	}
	fmt.Fprintf(&b, "%d %s, %d values read: %d stored, %d repeated, %d corrected, %d refused",
		r.Lines, r.Unit(), r.Read, r.Stored, r.Repeated, r.Corrected, r.Refused)
	if r.Outdated > 0 {
		fmt.Fprintf(&b, ", %d older than what was known", r.Outdated)
	}
	if r.Absent > 0 {
		fmt.Fprintf(&b, "; %d values absent in the source", r.Absent)
	}
	if r.Persons > 0 || r.NewPersons > 0 {
		fmt.Fprintf(&b, "; %d person %s, %d persons created", r.Persons, r.Unit(), r.NewPersons)
	}
	if n := r.LeftOutTotal(); n > 0 {
		fmt.Fprintf(&b, "; %d of other kinds left out", n)
	}
	return b.String()
}

// Unit is what Lines counts in this format.
func (r *Report) Unit() string {
	switch r.Format {
	case "fhir-bundle":
		return "entries"
	case "apple-health":
		return "elements"
	default:
		return "lines"
	}
}

// LeftOutTotal is the number of records of kinds that are not imported.
func (r *Report) LeftOutTotal() int {
	n := 0
	for _, count := range r.LeftOut {
		n += count
	}
	return n
}

func (r *Report) leaveOut(kind string) {
	if kind == "" {
		return
	}
	if r.LeftOut == nil {
		r.LeftOut = map[string]int{}
	}
	r.LeftOut[kind]++
}

// stoppedAt says what a stopped import leaves behind, and how to take it back.
func (r *Report) stoppedAt() string {
	n := r.Stored + r.Corrected + r.Outdated
	if n == 0 {
		return "nothing was stored"
	}
	return fmt.Sprintf("%d values were stored before: take them back with portal import undo %d", n, r.ImportID)
}

func (r *Report) begin(src Source, in health.Ingest) {
	r.Format = src.Format()
	if n, ok := in.(Numbered); ok {
		r.ImportID = n.ImportID()
	}
}

// end completes the report with what the source says of the whole file.
func (r *Report) end(src Source) {
	if n, ok := src.(Noted); ok {
		r.Notes = n.Notes()
	}
	if r.undated > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d records give a time of their last change that is unreadable, before 1900 or in the future: "+
			"of their versions the one that came last counts", r.undated))
	}
	if l, ok := src.(Leaving); ok {
		for kind, n := range l.LeftOutCounts() {
			if r.LeftOut == nil {
				r.LeftOut = map[string]int{}
			}
			r.LeftOut[kind] += n
		}
	}
	if r.Problems == nil {
		r.Problems = []Problem{} // in JSON an empty list, not null
	}
	// Readers that go over a file more than once don't meet its problems in line order.
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return a.Line - b.Line })
}

// maxReasons bounds the reasons that are counted on their own.
const (
	maxReasons   = 1000
	otherReasons = "other reasons"
)

// reason counts a reason, those that differ in a position only together.
func (r *Report) reason(s string) {
	if r.Reasons == nil {
		r.Reasons = map[string]int{}
	}
	words := strings.Fields(s)
	for i := 1; i < len(words); i++ {
		if prev := words[i-1]; prev == "byte" || prev == "component" {
			words[i] = strings.TrimLeft(words[i], "0123456789")
			words[i] = "…" + words[i]
		}
	}
	s = strings.Join(words, " ")
	if _, known := r.Reasons[s]; !known && len(r.Reasons) >= maxReasons {
		s = otherReasons
	}
	r.Reasons[s]++
}

func (r *Report) refuse(line int, reason string) {
	r.Read++
	r.Refused++
	r.reason(reason)
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, Problem{line, reason})
	}
}

func (r *Report) add(c health.ImportCounts) {
	r.Read += c.Stored + c.Repeated + c.Corrected + c.Outdated
	r.Stored += c.Stored
	r.Repeated += c.Repeated
	r.Corrected += c.Corrected
	r.Outdated += c.Outdated
}

// snapshot is the report so far, safe to keep while the import goes on.
func (r *Report) snapshot() Report {
	s := *r
	s.Problems = slices.Clip(s.Problems)
	s.LeftOut, s.Reasons = maps.Clone(r.LeftOut), maps.Clone(r.Reasons)
	return s
}

func (r *Report) result(sum []byte) health.ImportResult {
	return health.ImportResult{
		ImportCounts: health.ImportCounts{Stored: r.Stored, Repeated: r.Repeated, Corrected: r.Corrected, Outdated: r.Outdated},
		Read:         r.Read, Refused: r.Refused, FileSHA256: sum,
	}
}
