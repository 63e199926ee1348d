package reports

import (
	"github.com/a-h/templ"

	"healthportal/app/genomics"
)

// RiskWords is a report's risk in the document's own word, and what scale, score
// and tool it belongs to. A report without one says "not stated".
func RiskWords(r *genomics.Report) (level, sub string) { return risk(r) }

// Title is a report's title as a link, with all that lists say beside it: status,
// problems, and whether its file is there.
func Title(r *genomics.Report) templ.Component { return titleCell(r) }
