package audit

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// LookersHref is the address of who looked at a patient.
func LookersHref(publicID string) string { return patients.Href(publicID) + "/access" }

// Look is one time that somebody asked about the patient.
type Look struct {
	At          time.Time
	User, Roles string
	// Key says that a program asked with the user's key.
	Key        bool
	Kind       access.Kind
	Outcome    string
	BreakGlass bool
}

// LookersProps describe the page of who looked at a patient.
type LookersProps struct {
	PublicID string
	Looks    []Look
	Zone     *time.Location
	// Older is a cursor; empty on the last page. First says that this is not the first page.
	Older string
	First bool
}

func lookColumns() []ui.Column {
	return []ui.Column{{Label: "Time"}, {Label: "Who"}, {Label: "What"}, {Label: "Access by"}}
}

func (p LookersProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Looks))
	for _, l := range p.Looks {
		at := l.At.In(p.Zone)
		who := ui.Cell{Text: l.User, Sub: strings.ReplaceAll(l.Roles, "+", ", ")}
		if l.User == "" {
			who.Text = "unknown user"
		}
		if l.Key {
			who.Sub = strings.TrimPrefix(who.Sub+", by a program with an API key", ", ")
		}
		what := ui.Cell{Text: words(l.Kind)}
		switch l.Outcome {
		case "denied":
			what.Sub = "denied: nothing was shown"
		case "failed":
			what.Sub = "failed: nothing was shown"
		}
		by := ui.Cell{Text: "role"}
		if l.BreakGlass {
			by = ui.Cell{Text: "Break-glass", Kind: ui.Warn}
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: lookColumns(), Cells: []ui.Cell{
			{Text: moment(at), Sub: format.Offset(at), Header: true}, who, what, by,
		}}))
	}
	return rows
}

func (p LookersProps) pagination() ui.PaginationProps {
	b := ui.PaginationProps{ID: "looker-pages", Label: "Pages of who looked", Count: format.Things(len(p.Looks), "time") + " on this page",
		HX: ui.HX{Target: "#lookers", Swap: "outerHTML", PushURL: true}}
	if p.Older != "" {
		b.Next = LookersHref(p.PublicID) + "?after=" + p.Older
	}
	return b
}
