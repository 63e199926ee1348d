package settings

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/ui"
)

// NoticesPath is the address of the page of what others did to one's account.
const NoticesPath = "/notices"

// NoticesProps are what the page of notices shows.
type NoticesProps struct {
	// Notices are what the user has not seen yet, oldest first.
	Notices []access.Notice
	// Next is the local path to go to afterwards.
	Next string
	// Now and Zone are the site's clock and time zone.
	Now  time.Time
	Zone *time.Location
	CSRF string
}

// last is the id of the newest notice shown: what comes later was not seen.
func (p NoticesProps) last() string {
	if len(p.Notices) == 0 {
		return "0"
	}
	return strconv.FormatInt(p.Notices[len(p.Notices)-1].ID, 10)
}

func (p NoticesProps) columns() []ui.Column {
	return []ui.Column{{Label: "What was done", Wide: true}, {Label: "By"}, {Label: "When"}}
}

func (p NoticesProps) rows() []templ.Component {
	rows := make([]templ.Component, len(p.Notices))
	for i, n := range p.Notices {
		rows[i] = ui.Row(ui.RowProps{Columns: p.columns(), Cells: []ui.Cell{
			{Text: n.What, Header: true}, {Text: or(n.By, "a command on the server")}, {Text: stamp(n.At, p.Now, p.Zone)},
		}})
	}
	return rows
}
