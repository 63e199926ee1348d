package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"healthportal/app/intake"
)

// How many reasons and kinds a report lists; the rest is counted.
const (
	mostReasons = 8
	mostKinds   = 12
)

// writeReport prints what came of a file as a small table.
func writeReport(w io.Writer, name string, r *intake.Report) error {
	var b strings.Builder
	if name == "-" {
		name = "standard input"
	}
	fmt.Fprintf(&b, "%s: %s", name, r.Format)
	if r.ImportID != 0 {
		fmt.Fprintf(&b, ", import %d", r.ImportID)
	}
	b.WriteString("\n")
	if r.Lines == 0 {
		fmt.Fprintf(&b, "  %s\n", r.Summary())
	} else {
		reportRows(&b, r)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func reportRows(b *strings.Builder, r *intake.Report) {
	width := len(grouped(max(r.Lines, r.Read, r.Absent, r.LeftOutTotal())))
	row := func(what string, n int, more string) {
		if more != "" {
			more = "  " + more
		}
		fmt.Fprintf(b, "  %-12s  %*s%s\n", what, width, grouped(n), more)
	}
	row(r.Unit(), r.Lines, "")
	if r.Persons > 0 || r.NewPersons > 0 {
		row("persons", r.Persons, grouped(r.NewPersons)+" created")
	}
	row("values read", r.Read, "")
	row("  stored", r.Stored, "")
	there := ""
	if r.Repeated > 0 {
		there = "were there already"
	}
	row("  repeated", r.Repeated, there)
	row("  corrected", r.Corrected, "")
	if r.Outdated > 0 {
		row("  outdated", r.Outdated, "older than what was known: kept in the history of the value")
	}
	row("  refused", r.Refused, "")
	if r.Absent > 0 {
		row("absent", r.Absent, "without a value in the file itself")
	}
	if n := r.LeftOutTotal(); n > 0 {
		row("left out", n, kinds(r.LeftOut))
	}
	if r.Refused == 0 {
		return
	}
	b.WriteString("  refused because\n")
	reasons := byCount(r.Reasons)
	for i, reason := range reasons {
		if i == mostReasons {
			fmt.Fprintf(b, "  %8s  and %d further reasons\n", "", len(reasons)-i)
			break
		}
		fmt.Fprintf(b, "  %8s  %s\n", grouped(r.Reasons[reason]), reason)
	}
}

// kinds lists what was left out, the most frequent first.
func kinds(counts map[string]int) string {
	var parts []string
	all := byCount(counts)
	for i, kind := range all {
		if i == mostKinds {
			parts = append(parts, fmt.Sprintf("and %d further kinds", len(all)-i))
			break
		}
		parts = append(parts, kind+" "+grouped(counts[kind]))
	}
	return strings.Join(parts, ", ")
}

// byCount are the keys, those with the greatest count first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
}

// grouped writes a count with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
