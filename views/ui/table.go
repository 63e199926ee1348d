package ui

import "github.com/a-h/templ"

// SortState is the order of one column.
type SortState string

// The sort states. The zero value says nothing about the order.
const (
	Unsorted   SortState = "none"
	Ascending  SortState = "ascending"
	Descending SortState = "descending"
)

// Column heads one column of a table.
type Column struct {
	Label    string
	Hidden   bool      // label for screen readers only, for instance above a column of buttons
	Numeric  bool      // right-aligned with tabular figures, here and in the column's cells
	Wide     bool      // free text: may wrap, takes the spare width
	Sort     SortState // set on sortable columns
	SortHref string    // link that sorts by this column
}

// TableProps describes a data table.
type TableProps struct {
	ID            string // needed: it ties the caption to the scrolling region
	Caption       string // needed: names the table for everybody
	CaptionHidden bool   // where a heading just above says the same
	Columns       []Column
	Rows          []templ.Component // Row components, or own <tr> elements
	Empty         templ.Component   // shown instead of the table when there are no rows
	Stacked       bool              // each row becomes a labelled block on narrow screens; else the table scrolls sideways
	HX            HX                // for sort links; address taken from the link
}

// Cell is one cell of a row.
type Cell struct {
	Text    string
	Href    string          // makes the text a link
	Header  bool            // names its row
	Muted   bool            // secondary information
	Kind    Kind            // a badge around the text
	Sub     string          // a second, quieter line
	Mark    Mark            // a warning below, in words
	Content templ.Component // replaces the text, for instance a badge or a button
	HX      HX              // for the link; address taken from Href
}

// Mark warns about what a cell says: a badge with a few words, and why. With an
// Arrow it is no warning but what a range says of a number, and looks unlike a flag.
type Mark struct {
	Label, Why string
	Arrow      Icon
}

// RowProps describes a row. Cells stand in the order of the columns, which lend their alignment and label.
type RowProps struct {
	ID       string
	Columns  []Column
	Cells    []Cell
	Selected bool
	Attrs    templ.Attributes // what scripts and tests read of the row
}

// column is the i-th column, or an empty one where a row is longer than the head.
func (p RowProps) column(i int) Column {
	if i < len(p.Columns) {
		return p.Columns[i]
	}
	return Column{}
}

func cellClass(c Column, cell Cell) string {
	class := ""
	if c.Numeric {
		class += " num"
	}
	if c.Wide {
		class += " wide"
	}
	if cell.Muted {
		class += " muted"
	}
	if cell.Text == "" && cell.Sub == "" && cell.Mark.Label == "" && cell.Content == nil {
		class += " empty" // left out where rows are stacked
	}
	if class == "" {
		return ""
	}
	return class[1:]
}

// classAttr is a class attribute, or nothing where there is no class.
func classAttr(class string) templ.Attributes {
	if class == "" {
		return nil
	}
	return templ.Attributes{"class": class}
}

func tableClass(stacked bool) string {
	if stacked {
		return "table table-stacked"
	}
	return "table"
}

// sortIcon is the arrow beside a sortable column's label.
func sortIcon(s SortState) Icon {
	switch s {
	case Ascending:
		return IconUp
	case Descending:
		return IconDown
	default:
		return IconSort
	}
}
