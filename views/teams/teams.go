// Package teams holds the pages on which administrators keep care teams. They
// show patients by record number alone.
package teams

import (
	"fmt"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// Path is the address of the list of care teams.
const Path = "/admin/teams"

// Href is the address of a care team's page.
func Href(publicID string) string { return Path + "/" + url.PathEscape(publicID) }

// ListProps describe the list of care teams.
type ListProps struct {
	Teams []access.Team
	CSRF  string
	// Name and NameError are what was asked for and refused, if anything.
	Name, NameError string
}

func listColumns() []ui.Column {
	return []ui.Column{{Label: "Care team", Wide: true}, {Label: "Users now", Numeric: true}, {Label: "Patients now", Numeric: true}}
}

func (p ListProps) rows() []templ.Component {
	rows := make([]templ.Component, len(p.Teams))
	for i, t := range p.Teams {
		rows[i] = ui.Row(ui.RowProps{Columns: listColumns(), Cells: []ui.Cell{
			{Text: t.Name, Href: Href(t.PublicID), Header: true},
			{Text: format.Count(t.Members)}, {Text: format.Count(t.Patients)},
		}})
	}
	return rows
}

// Choice is a user who can be added.
type Choice struct{ PublicID, Name, DisplayName string }

// Form is what a form of the page was sent with and why it was refused.
type Form struct {
	// Member is a user's public id, or a record number.
	Member, From, To string
	// MemberError, FromError and ToError are said at the fields.
	MemberError, FromError, ToError string
}

// ShowProps describe a care team's page.
type ShowProps struct {
	Team     access.Team
	Users    []access.Membership
	Patients []access.Membership
	// More is the address of the next patients; First that of the first ones. Both may be empty.
	More, First string
	Choices     []Choice
	CSRF        string
	Now         time.Time
	Zone        *time.Location
	// Name and NameError belong to the form that renames the team.
	Name, NameError       string
	UserForm, PatientForm Form
}

func (p ShowProps) when(t time.Time, open string) string {
	if t.IsZero() {
		return open
	}
	return t.In(p.Zone).Format("2 Jan 2006, 15:04 MST")
}

func state(s string) ui.Cell {
	switch s {
	case "now":
		return ui.Cell{Text: "Belongs now", Kind: ui.Good}
	case "later":
		return ui.Cell{Text: "Begins later", Kind: ui.Info}
	default:
		return ui.Cell{Text: "Ended", Muted: true}
	}
}

func memberColumns(who string) []ui.Column {
	return []ui.Column{{Label: who, Wide: true}, {Label: "State"}, {Label: "From"}, {Label: "Until"}, {Label: "Added by"}, {Label: "End the membership", Hidden: true}}
}

func (p ShowProps) row(who string, name ui.Cell, m access.Membership, kind string) templ.Component {
	added := ui.Cell{Text: m.AddedBy}
	if m.AddedBy == "" {
		added = ui.Cell{Text: "a command or import", Muted: true}
	}
	end := ui.Cell{}
	if m.State(p.Now) != "ended" {
		end.Content = endForm(Href(p.Team.PublicID)+"/"+kind+"/"+url.PathEscape(m.PublicID)+"/end", p.CSRF, fmt.Sprintf("End the membership of %s", name.Text))
	}
	return ui.Row(ui.RowProps{Columns: memberColumns(who), Cells: []ui.Cell{
		name, state(m.State(p.Now)), {Text: p.when(m.From, "")}, {Text: p.when(m.To, "without end")}, added, end,
	}})
}

func (p ShowProps) userRows() []templ.Component {
	rows := make([]templ.Component, len(p.Users))
	for i, m := range p.Users {
		rows[i] = p.row("User", ui.Cell{Text: m.DisplayName, Sub: m.User, Href: "/admin/users/" + url.PathEscape(m.UserID), Header: true}, m, "users")
	}
	return rows
}

func (p ShowProps) patientRows() []templ.Component {
	rows := make([]templ.Component, len(p.Patients))
	for i, m := range p.Patients {
		name := ui.Cell{Text: m.RecordNumber, Header: true}
		if m.RecordNumber == "" {
			name.Text = "no record number"
		}
		rows[i] = p.row("Record number", name, m, "patients")
	}
	return rows
}

func (p ShowProps) options() []ui.Option {
	options := []ui.Option{{Value: "", Label: "Choose a person"}}
	for _, c := range p.Choices {
		options = append(options, ui.Option{Value: c.PublicID, Label: c.DisplayName + " (" + c.Name + ")"})
	}
	return options
}

// dates are the two fields of a membership's time.
func dates(prefix string, f Form) []ui.FieldProps {
	return []ui.FieldProps{
		{ID: prefix + "-from", Name: "from", Label: "From", Type: ui.FieldDate, Value: f.From, Error: f.FromError, Hint: "Empty: from now on"},
		{ID: prefix + "-to", Name: "to", Label: "Last day", Type: ui.FieldDate, Value: f.To, Error: f.ToError, Hint: "Empty: without end"},
	}
}
