package csvfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"healthportal/app/health/csvguard"
)

// plan is where the fields of a line stand.
type plan struct {
	at        [fieldCount]int // the column's index, -1 without one
	constants [fieldCount]string
	width     int
	guarded   bool
}

// ErrHeader says that the first line doesn't name the columns that are needed,
// or names others.
var ErrHeader = errors.New("the header of the file")

func headerError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHeader, fmt.Sprintf(format, args...))
}

// newPlan reads the header. No column is left out that the mapping doesn't ignore by name.
func newPlan(header []string, m Mapping) (*plan, error) {
	p := &plan{width: len(header), guarded: m.Guarded}
	for f := range p.at {
		p.at[f] = -1
	}
	for name, v := range m.Constants {
		if f, ok := fieldOf(name); ok {
			p.constants[f] = v
		}
	}
	if !knowsAny(header, m) {
		// Not quoted: what stands there may be a patient's name.
		return nil, headerError("its first line names no known column: is it a line of values already? The fields are %s", strings.Join(Fields(), ", "))
	}
	seen := map[string]bool{}
	for i, column := range header {
		column = strings.TrimSpace(column)
		if seen[column] {
			return nil, headerError("the column %q stands twice", column)
		}
		seen[column] = true
		if err := p.place(i, column, m); err != nil {
			return nil, err
		}
	}
	for column := range m.Columns {
		if !seen[column] {
			return nil, headerError("the mapping names the column %q, and the file has none of that name", column)
		}
	}
	p.guarded = p.guarded || p.at[exportMark] >= 0
	return p, p.complete()
}

// knowsAny reports whether the line looks like a header at all.
func knowsAny(header []string, m Mapping) bool {
	return slices.ContainsFunc(header, func(column string) bool {
		column = strings.TrimSpace(column)
		_, mapped := m.Columns[column]
		_, known := fieldOf(strings.ToLower(column))
		return mapped || known || slices.Contains(m.Ignore, column)
	})
}

func (p *plan) place(i int, column string, m Mapping) error {
	if slices.Contains(m.Ignore, column) {
		return nil
	}
	name, mapped := m.Columns[column]
	if !mapped {
		name = strings.ToLower(column)
	}
	f, ok := fieldOf(name)
	switch {
	case column == "":
		return headerError("column %d has no name", i+1)
	case !ok:
		return headerError("the column %q is unknown: map it to a field, or ignore it by name; the fields are %s", column, strings.Join(Fields(), ", "))
	case p.at[f] >= 0:
		return headerError("two columns stand for the field %s, the second is %q", f, column)
	case p.constants[f] != "":
		return headerError("the column %q stands for the field %s, which has a constant already", column, f)
	}
	p.at[f] = i
	return nil
}

// has reports whether the field has a column or a constant.
func (p *plan) has(f field) bool { return p.at[f] >= 0 || p.constants[f] != "" }

// complete refuses files in which every line would lack something.
func (p *plan) complete() error {
	switch {
	case !p.has(effective):
		return headerError("no column stands for the field effective, the time of the value")
	case !p.has(value) && !p.has(text):
		return headerError("no column stands for the field value or text")
	case !p.has(metric) && !p.has(code):
		return headerError("nothing says what was measured: it needs a column or a constant for the field metric, or for code and code_system")
	case p.has(code) && !p.has(codeSystem):
		return headerError("the field code needs code_system, a column or a constant such as http://loinc.org")
	case p.has(person) && !p.has(personSystem):
		return headerError("the field person needs person_system, a column or a constant such as urn:healthportal:record-number")
	case p.has(personSystem) && !p.has(person):
		return headerError("the field person_system needs person beside it, a column or a constant")
	default:
		return nil
	}
}

// get is a line's cell of a field, or the constant.
func (p *plan) get(f field, cells []string) string {
	i := p.at[f]
	if i < 0 {
		return p.constants[f]
	}
	if p.guarded && f.guarded() {
		return csvguard.Original(cells[i])
	}
	return cells[i]
}
