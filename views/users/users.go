// Package users draws the pages on which administrators keep the people who may
// sign in: their roles, enrolment links, passkeys and sessions.
package users

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// The addresses of the list, of its search, and of the form for somebody new.
const (
	Path       = "/admin/users"
	SearchPath = Path + "/search"
	NewPath    = Path + "/new"
)

// Href is the address of a person's page; act, if any, is a step below it.
func Href(publicID string, act ...string) string {
	to := Path + "/" + url.PathEscape(publicID)
	for _, a := range act {
		to += "/" + url.PathEscape(a)
	}
	return to
}

// Person is a user as the pages show one.
type Person struct {
	PublicID, Name, DisplayName string
	Roles                       []access.Role
	Teams                       []Team
	// Passkeys and Keys count the live passkeys and API keys.
	Passkeys, Keys int
	// Created and LastSignIn are instants; LastSignIn is zero before the first one.
	Created, LastSignIn time.Time
	Disabled            bool
	Link                Link
	// Own says that it is the reader's own account.
	Own bool
}

// Team is a care team of a person.
type Team struct{ Name, Href string }

// Link is the newest enrolment link of a person.
type Link struct {
	// State is unused, used, expired, revoked, or empty where there never was one.
	State string
	// MadeBy is empty for a command on the server.
	MadeBy string
	// QR says that it was shown as a QR code, EndsOld that older passkeys and sessions end when it is used.
	QR, EndsOld bool
	// Instants; zero ones have not happened.
	Created, Expires, Used, Revoked time.Time
}

// Clock is the site's time and time zone.
type Clock struct {
	Now  time.Time
	Zone *time.Location
}

// stamp words an instant: the clock time today, else with the date.
func (c Clock) stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(c.Zone)
	if now := c.Now.In(c.Zone); t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return "today, " + t.Format("15:04 MST")
	}
	return t.Format("2 Jan 2006, 15:04 MST")
}

// The states that the list can be narrowed to.
const (
	StateActive   = "active"
	StateWaiting  = "waiting"
	StateDisabled = "disabled"
)

// State is active, waiting (no passkey yet, or no longer) or disabled.
func (p Person) State() string {
	switch {
	case p.Disabled:
		return StateDisabled
	case p.Passkeys == 0:
		return StateWaiting
	default:
		return StateActive
	}
}

func (p Person) badge() ui.BadgeProps {
	switch p.State() {
	case StateDisabled:
		return ui.BadgeProps{Label: "disabled", Kind: ui.Bad, Title: "can't sign in, and API keys don't work"}
	case StateWaiting:
		return ui.BadgeProps{Label: "no passkey", Kind: ui.Warn, Title: "can't sign in before enrolling with a link"}
	default:
		return ui.BadgeProps{Label: "active", Kind: ui.Good}
	}
}

func (l Link) badge() ui.BadgeProps {
	switch l.State {
	case "":
		return ui.BadgeProps{Label: "none", Title: "no enrolment link has been made"}
	case "unused":
		return ui.BadgeProps{Label: "unused", Kind: ui.Info, Title: "waits for its holder"}
	case "used":
		return ui.BadgeProps{Label: "used", Kind: ui.Good, Title: "has created its passkey"}
	case "expired":
		return ui.BadgeProps{Label: "expired", Kind: ui.Warn, Title: "was not used in time"}
	default:
		return ui.BadgeProps{Label: "revoked", Kind: ui.Warn, Title: "was withdrawn or replaced"}
	}
}

// ListProps are what the list shows.
type ListProps struct {
	// People are those whom the filter lets through, Total how many there are.
	People []Person
	Total  int
	// Search, Role and State are the filter in force; empty ones let everybody through.
	Search, Role, State string
	CSRF                string
	Clock
}

func (p ListProps) filter() ui.FilterBarProps {
	bar := ui.FilterBarProps{ID: "filter", Label: "Filter people", Action: SearchPath, Post: true, CSRF: p.CSRF, Fields: []ui.FieldProps{
		{Name: "search", Label: "Name", Type: ui.FieldSearch, Value: p.Search, MaxLength: 100},
		{Name: "role", Label: "Role", Type: ui.FieldSelect, Value: p.Role, Options: append([]ui.Option{{Label: "any"}}, roleOptions(false)...)},
		{Name: "state", Label: "State", Type: ui.FieldSelect, Value: p.State, Options: []ui.Option{{Label: "any"},
			{Value: StateActive, Label: "active"}, {Value: StateWaiting, Label: "no passkey"}, {Value: StateDisabled, Label: "disabled"}}},
	}}
	if p.Search+p.Role+p.State != "" {
		bar.ClearHref = Path
	}
	return bar
}

func (p ListProps) count() string {
	if len(p.People) == p.Total {
		return format.Things(p.Total, "account")
	}
	return format.Count(len(p.People)) + " of " + format.Things(p.Total, "account")
}

func listColumns() []ui.Column {
	return []ui.Column{{Label: "Person", Wide: true}, {Label: "Roles"}, {Label: "Care teams"}, {Label: "Passkeys", Numeric: true},
		{Label: "Enrolment link"}, {Label: "Last sign-in"}, {Label: "State"}}
}

func (p ListProps) rows() []templ.Component {
	rows := make([]templ.Component, len(p.People))
	for i, u := range p.People {
		rows[i] = ui.Row(ui.RowProps{Columns: listColumns(), Cells: []ui.Cell{
			{Text: u.DisplayName, Sub: u.Name, Href: Href(u.PublicID), Header: true},
			{Text: access.Words(u.Roles, ", ")},
			{Text: u.teamNames()},
			{Text: format.Count(u.Passkeys)},
			{Content: ui.Badge(u.Link.badge())},
			{Text: p.stamp(u.LastSignIn)},
			{Content: ui.Badge(u.badge())},
		}})
	}
	return rows
}

func (p Person) teamNames() string {
	names := "none"
	for i, t := range p.Teams {
		if i == 0 {
			names = t.Name
			continue
		}
		names += ", " + t.Name
	}
	return names
}

// roleOptions are the roles with, where asked for, what each of them opens.
func roleOptions(explained bool) []ui.Option {
	options := make([]ui.Option, 0, len(access.Roles()))
	for _, r := range access.Roles() {
		o := ui.Option{Value: string(r), Label: string(r)}
		if explained {
			o.Hint = explain(r)
		}
		options = append(options, o)
	}
	return options
}

func explain(r access.Role) string {
	switch r {
	case access.Clinician:
		return "health data and reports of the patients of the care teams"
	case access.Analyst:
		return "all genomics reports; no health data"
	case access.Researcher:
		return "de-identified data of patients who consented"
	case access.Ops:
		return "the running of the portal; no health data"
	case access.Privacy:
		return "the audit log and break-glass reviews; no health data"
	case access.Admin:
		return "people, care teams and API keys; no health data"
	default:
		return ""
	}
}

// NewProps are what the form for somebody new shows.
type NewProps struct {
	Name, DisplayName string
	Roles             []string
	// Errors says what is wrong at the field: name, display_name, roles.
	Errors map[string]string
	CSRF   string
}
