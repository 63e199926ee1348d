package users

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/access"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// The cards of a person's page to which a refusal can belong.
const (
	CardRoles    = "roles"
	CardLink     = "link"
	CardPasskeys = "passkeys"
	CardSessions = "sessions"
	CardState    = "state"
)

// Passkey is a passkey of a person.
type Passkey struct {
	PublicID, Name string
	// Maker names what keeps it; empty where unknown.
	Maker string
	// Synced says that copies are kept on other devices, MaySync that they may be.
	Synced, MaySync bool
	// Created and LastUsed are instants; LastUsed is zero before the first use.
	Created, LastUsed time.Time
}

// Session is a live session of a person.
type Session struct {
	PublicID string
	// Browser and Address are of the sign-in; empty where unknown.
	Browser, Address string
	// Created and LastSeen are instants.
	Created, LastSeen time.Time
	Locked            bool
}

// ShowProps are what a person's page shows.
type ShowProps struct {
	Person
	Devices  []Passkey
	Sessions []Session
	// Wanted are the roles ticked in the form.
	Wanted []string
	// Problem was refused in the card ProblemAt.
	Problem, ProblemAt string
	CSRF               string
	Clock
}

// problemIn is what was refused in a card, or empty.
func (p ShowProps) problemIn(card string) string {
	if p.ProblemAt == card {
		return p.Problem
	}
	return ""
}

func (p ShowProps) facts() []ui.Definition {
	signIn := p.stamp(p.LastSignIn)
	return []ui.Definition{
		{Term: "Short name", Text: p.Name, Code: true},
		{Term: "State", Content: ui.Badge(p.badge())},
		{Term: "Roles", Text: access.Words(p.Roles, ", ")},
		{Term: "Added", Text: p.stamp(p.Created)},
		{Term: "Last sign-in", Text: signIn},
		{Term: "API keys", Text: format.Count(p.Keys)},
	}
}

func (p ShowProps) linkFacts() []ui.Definition {
	l := p.Link
	made := l.MadeBy
	if made == "" {
		made = "a command on the server"
	}
	facts := []ui.Definition{
		{Term: "State", Content: ui.Badge(l.badge())},
		{Term: "Made", Text: p.stamp(l.Created)},
		{Term: "Made by", Text: made},
	}
	switch l.State {
	case "unused":
		facts = append(facts, ui.Definition{Term: "Works until", Text: p.stamp(l.Expires)})
	case "used":
		facts = append(facts, ui.Definition{Term: "Used", Text: p.stamp(l.Used)})
	case "expired":
		facts = append(facts, ui.Definition{Term: "Expired", Text: p.stamp(l.Expires)})
	default:
		if !l.Revoked.IsZero() {
			facts = append(facts, ui.Definition{Term: "Revoked", Text: p.stamp(l.Revoked)})
		}
	}
	handed := "as a link"
	if l.QR {
		handed = "as a QR code"
	}
	if l.EndsOld {
		handed += "; ends older passkeys and sessions"
	}
	return append(facts, ui.Definition{Term: "Handed over", Text: handed})
}

func passkeyColumns() []ui.Column {
	return []ui.Column{{Label: "Passkey", Wide: true}, {Label: "Kept"}, {Label: "Created"}, {Label: "Last used"}, {Label: "Remove", Hidden: true}}
}

func (p ShowProps) passkeyRows() []templ.Component {
	rows := make([]templ.Component, len(p.Devices))
	for i, k := range p.Devices {
		cells := []ui.Cell{{Text: k.Name, Sub: k.Maker, Header: true}, {Text: k.kept()}, {Text: p.stamp(k.Created)}, {Text: p.stamp(k.LastUsed)}, {}}
		if !p.Own {
			cells[4].Content = smallForm(Href(p.PublicID, "passkeys", k.PublicID, "remove"), p.CSRF, "Remove", "Remove the passkey "+k.Name)
		}
		rows[i] = ui.Row(ui.RowProps{Columns: passkeyColumns(), Cells: cells})
	}
	return rows
}

func (k Passkey) kept() string {
	switch {
	case k.Synced:
		return "synced"
	case k.MaySync:
		return "not synced yet"
	default:
		return "device-bound"
	}
}

func sessionColumns() []ui.Column {
	return []ui.Column{{Label: "Browser", Wide: true}, {Label: "Signed in"}, {Label: "Last activity"}, {Label: "State"}, {Label: "End", Hidden: true}}
}

func (p ShowProps) sessionRows() []templ.Component {
	rows := make([]templ.Component, len(p.Sessions))
	for i, s := range p.Sessions {
		browser, address := s.Browser, s.Address
		if browser == "" {
			browser = "Unknown browser"
		}
		if address != "" {
			address = "from " + address
		}
		state := "active"
		if s.Locked {
			state = "locked"
		}
		cells := []ui.Cell{{Text: browser, Sub: address, Header: true}, {Text: p.stamp(s.Created)}, {Text: p.stamp(s.LastSeen)}, {Text: state}, {}}
		if !p.Own {
			cells[4].Content = smallForm(Href(p.PublicID, "sessions", s.PublicID, "end"), p.CSRF, "End",
				"End the session in "+browser+" since "+p.stamp(s.Created))
		}
		rows[i] = ui.Row(ui.RowProps{Columns: sessionColumns(), Cells: cells})
	}
	return rows
}

// endAll is the form that ends every session; nil where there is none to end.
func (p ShowProps) endAll() templ.Component {
	if len(p.Sessions) == 0 || p.Own {
		return nil
	}
	return smallForm(Href(p.PublicID, "sessions", "end"), p.CSRF, "End all sessions", "")
}

// LinkProps are what the page of a new enrolment link shows, once.
type LinkProps struct {
	Person
	URL     string
	Expires time.Time
	// Path and Size draw the QR code; an empty Path draws none.
	Path string
	Size int
	// EndsOld says that older passkeys and sessions end when the link is used.
	EndsOld bool
	Clock
}

// until is the clock time at which the link dies, with the day where that is another one.
func (p LinkProps) until() string { return p.stamp(p.Expires) }

func viewBox(size int) string { return fmt.Sprintf("0 0 %d %d", size, size) }

// named gives a button an accessible name; none where label is empty.
func named(label string) templ.Attributes {
	if label == "" {
		return nil
	}
	return templ.Attributes{"aria-label": label}
}
