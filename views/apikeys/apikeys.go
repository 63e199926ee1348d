// Package apikeys holds the pages about the keys of programs: the
// administrators' list with the form for a new key, and one's own keys.
package apikeys

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/ui"
)

// Path is the administrators' page, OwnPath the page of one's own keys.
const (
	Path    = "/admin/api-keys"
	OwnPath = "/settings/keys"
)

// Row is a key as the tables show it.
type Row struct {
	ID, Name string
	// Owner is the display name of the user whose rights the key uses, OwnerName the short name.
	Owner, OwnerName string
	Scopes           []access.Permission
	// Effective are the scopes that the owner's present roles grant.
	Effective []access.Permission
	// CreatedBy is empty for a command on the server.
	CreatedBy string
	// Created, LastUsed and Expires are instants; LastUsed is zero for a key that was never used.
	Created, LastUsed, Expires time.Time
	// State is "live", "expired", "revoked" or "owner disabled".
	State string
}

// Live reports whether the key still opens anything.
func (r Row) Live() bool { return r.State == "live" }

// Form is what a new key was asked for with, and why it was refused.
type Form struct {
	Owner, Name, Expires string
	Scopes               []string
	// OwnerError and the others are said at the fields.
	OwnerError, NameError, ScopeError, ExpiresError string
}

// Choice is a user who may have a key.
type Choice struct{ Name, DisplayName, Roles string }

// Made is a key that was made a moment ago: the only time that it is shown.
type Made struct {
	Text string
	Row  Row
}

// Props describe a list of keys.
type Props struct {
	Rows []Row
	CSRF string
	Now  time.Time
	Zone *time.Location
	// Choices and Form are for the form of a new key; Made is the key that it made, or nil.
	Choices []Choice
	Form    Form
	Made    *Made
}

func (p Props) when(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.In(p.Zone).Format("2 Jan 2006, 15:04 MST")
}

func columns(own bool) []ui.Column {
	list := []ui.Column{{Label: "Key"}, {Label: "Owner"}, {Label: "Opens"}, {Label: "State"}, {Label: "Expires"}, {Label: "Last used"}, {Label: "Made"}, {Label: "Revoke the key", Hidden: true}}
	if own {
		list = append(list[:1], list[2:]...)
	}
	return list
}

func (p Props) rows(own bool) []templ.Component {
	rows := make([]templ.Component, len(p.Rows))
	for i, r := range p.Rows {
		cells := []ui.Cell{{Text: label(r), Sub: sub(r), Header: true}, {Text: r.Owner, Sub: r.OwnerName}, opens(r), state(r.State),
			{Text: p.when(r.Expires, "")}, {Text: p.when(r.LastUsed, "never"), Muted: r.LastUsed.IsZero()}, {Text: p.when(r.Created, ""), Sub: by(r)}, {}}
		if r.Live() {
			cells[7].Content = revokeForm(p.revokeHref(r, own), p.CSRF, "Revoke the key "+label(r), !own)
		}
		if own {
			cells = append(cells[:1], cells[2:]...)
		}
		rows[i] = ui.Row(ui.RowProps{Columns: columns(own), Cells: cells})
	}
	return rows
}

func (p Props) revokeHref(r Row, own bool) string {
	base := Path
	if own {
		base = OwnPath
	}
	return base + "/" + url.PathEscape(r.ID) + "/revoke"
}

// label is the key's name, or its id where it has none.
func label(r Row) string {
	if r.Name == "" {
		return r.ID
	}
	return r.Name
}

func sub(r Row) string {
	if r.Name == "" {
		return ""
	}
	return r.ID
}

func by(r Row) string {
	if r.CreatedBy == "" {
		return "by a command"
	}
	return "by " + r.CreatedBy
}

// opens are the scopes in force; those that the owner's roles don't grant are said apart.
func opens(r Row) ui.Cell {
	var idle []string
	for _, s := range r.Scopes {
		if !slices.Contains(r.Effective, s) {
			idle = append(idle, string(s))
		}
	}
	c := ui.Cell{Text: words(r.Effective)}
	if c.Text == "" {
		c = ui.Cell{Text: "nothing", Muted: true}
	}
	if len(idle) > 0 {
		c.Sub = "not granted by the owner's roles: " + strings.Join(idle, ", ")
	}
	return c
}

func words(list []access.Permission) string {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = string(p)
	}
	return strings.Join(parts, ", ")
}

func state(s string) ui.Cell {
	switch s {
	case "live":
		return ui.Cell{Text: "Live", Kind: ui.Good}
	case "expired":
		return ui.Cell{Text: "Expired", Muted: true}
	case "revoked":
		return ui.Cell{Text: "Revoked", Muted: true}
	default:
		return ui.Cell{Text: "Owner disabled", Kind: ui.Warn}
	}
}

func (p Props) owners() []ui.Option {
	options := []ui.Option{{Value: "", Label: "Choose a person"}}
	for _, c := range p.Choices {
		text := c.DisplayName + " (" + c.Name + ")"
		if c.Roles != "" {
			text += ": " + c.Roles
		}
		options = append(options, ui.Option{Value: c.Name, Label: text})
	}
	return options
}

func scopes() []ui.Option {
	hints := map[access.Permission]string{
		access.PatientsRead: "the patients of the owner's care teams",
		access.EventsRead:   "their health events",
		access.ReportsRead:  "genomics reports that the owner may see, and their files",
	}
	var options []ui.Option
	for _, s := range access.Scopes() {
		options = append(options, ui.Option{Value: string(s), Label: string(s), Hint: hints[s]})
	}
	return options
}

func (p Props) firstDay() string { return p.Now.In(p.Zone).Format(time.DateOnly) }

func (p Props) lastDay() string { return p.Now.In(p.Zone).AddDate(0, 0, 365).Format(time.DateOnly) }
