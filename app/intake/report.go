package intake

import (
	"fmt"
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
// Repeated, Corrected and Refused.
type Report struct {
	// Lines counts the lines that are not blank.
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
	// Refused counts what was not stored; each has a problem.
	Refused int `json:"refused"`
	// Absent counts values that the source itself says it doesn't have; they are not Read.
	Absent int `json:"absent"`
	// Problems are the first MaxProblems of those counted by Refused, in line order.
	Problems []Problem `json:"problems"`
}

// Omitted is the number of problems that are counted but not kept word for word.
func (r *Report) Omitted() int { return r.Refused - len(r.Problems) }

// Summary is the report in one line.
func (r *Report) Summary() string {
	var b strings.Builder
	if r.Lines == 0 {
		return "the file is empty: 0 lines, nothing to store"
	}
	fmt.Fprintf(&b, "%d lines, %d values read: %d stored, %d repeated, %d corrected, %d refused",
		r.Lines, r.Read, r.Stored, r.Repeated, r.Corrected, r.Refused)
	if r.Absent > 0 {
		fmt.Fprintf(&b, "; %d values absent in the source", r.Absent)
	}
	if r.Persons > 0 || r.NewPersons > 0 {
		fmt.Fprintf(&b, "; %d person lines, %d persons created", r.Persons, r.NewPersons)
	}
	return b.String()
}

func (r *Report) refuse(line int, reason string) {
	r.Read++
	r.Refused++
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, Problem{line, reason})
	}
}

func (r *Report) add(c health.ImportCounts) {
	r.Read += c.Stored + c.Repeated + c.Corrected
	r.Stored += c.Stored
	r.Repeated += c.Repeated
	r.Corrected += c.Corrected
}

// snapshot is the report so far, safe to keep while the import goes on.
func (r *Report) snapshot() Report {
	s := *r
	s.Problems = slices.Clip(s.Problems)
	return s
}

func (r *Report) result(sum []byte) health.ImportResult {
	return health.ImportResult{
		ImportCounts: health.ImportCounts{Stored: r.Stored, Repeated: r.Repeated, Corrected: r.Corrected},
		Read:         r.Read, Refused: r.Refused, FileSHA256: sum,
	}
}
