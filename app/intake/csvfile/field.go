package csvfile

import "slices"

// field is what a column can mean.
type field int

// The fields. Their names are the columns of a file that needs no mapping.
const (
	personSystem field = iota
	person
	metric
	metricName
	codeSystem
	code
	effective
	effectiveEnd
	value
	unit
	comparator
	text
	origValue
	origUnit
	refLow
	refHigh
	flag
	status
	source
	device
	externalID
	slot
	group
	updated
	exportMark
	fieldCount
)

// Fields returns the names of all fields, which are the column names that a file
// may have without a mapping.
func Fields() []string {
	return []string{"person_system", "person", "metric", "metric_name", "code_system", "code", "effective", "effective_end", "value", "unit",
		"comparator", "text", "orig_value", "orig_unit", "ref_low", "ref_high", "flag", "status", "source", "device", "external_id", "slot", "group",
		"updated", "portal_export"}
}

func (f field) String() string { return Fields()[f] }

// fieldOf finds a field by its name.
func fieldOf(name string) (field, bool) {
	i := slices.Index(Fields(), name)
	return field(i), i >= 0
}

// guarded reports whether the portal's own export protects the field's cells from spreadsheets.
func (f field) guarded() bool {
	switch f {
	case effective, effectiveEnd, value, refLow, refHigh, updated, exportMark:
		return false
	default:
		return true
	}
}

// varies reports whether the field differs from line to line by its nature, so
// that a constant can only be a mistake.
func (f field) varies() bool {
	switch f {
	case effective, effectiveEnd, value, text, origValue, externalID, slot, group, updated, exportMark:
		return true
	default:
		return false
	}
}
