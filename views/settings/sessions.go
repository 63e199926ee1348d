package settings

import (
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// SessionsPath is the address of the page of one's own sessions.
const SessionsPath = "/settings/sessions"

// Session is one live session in the list.
type Session struct {
	// ID is the public id.
	ID string
	// Created, LastSeen and Ends are instants.
	Created, LastSeen, Ends time.Time
	// Browser and Address are of the sign-in; empty where unknown.
	Browser, Address string
	// Passkey is the name of the passkey that signed in.
	Passkey string
	// Locked sessions wait for a passkey check; Current is the one that asks.
	Locked, Current bool
}

// SessionsProps are what the page of one's own sessions shows.
type SessionsProps struct {
	Sessions []Session
	// Now and Zone are the site's clock and time zone.
	Now  time.Time
	Zone *time.Location
	// Ended is how many sessions were ended a moment ago.
	Ended int
	CSRF  string
}

func (p SessionsProps) others() int {
	n := 0
	for _, s := range p.Sessions {
		if !s.Current {
			n++
		}
	}
	return n
}

func (p SessionsProps) columns() []ui.Column {
	return []ui.Column{{Label: "Browser", Wide: true}, {Label: "Signed in"}, {Label: "Last activity"}, {Label: "State"}, {Label: "End", Hidden: true}}
}

func (p SessionsProps) rows() []templ.Component {
	rows := make([]templ.Component, len(p.Sessions))
	for i, s := range p.Sessions {
		cells := []ui.Cell{
			{Text: or(s.Browser, "Unknown browser"), Sub: "from " + or(s.Address, "an unknown address"), Header: true},
			{Text: p.when(s.Created), Sub: "with " + or(s.Passkey, "a passkey")},
			{Text: p.when(s.LastSeen), Sub: "ends " + p.when(s.Ends)},
			state(s), {},
		}
		if !s.Current {
			cells[4] = ui.Cell{Content: endForm(s, p.CSRF)}
		}
		rows[i] = ui.Row(ui.RowProps{ID: "session-" + s.ID, Columns: p.columns(), Cells: cells, Selected: s.Current})
	}
	return rows
}

func state(s Session) ui.Cell {
	switch {
	case s.Current:
		return ui.Cell{Text: "This session", Kind: ui.Good}
	case s.Locked:
		return ui.Cell{Text: "Locked", Kind: ui.Neutral, Muted: true}
	default:
		return ui.Cell{Text: "Active", Kind: ui.Info}
	}
}

// when is an instant to the minute in the site's zone: "today, 14:05", "12 Oct 2026, 14:05".
func (p SessionsProps) when(t time.Time) string {
	t = t.In(p.Zone)
	day, clock := health.DayOf(t), t.Format("15:04")
	if day == health.DayOf(p.Now.In(p.Zone)) {
		return "today, " + clock
	}
	return format.Date(day) + ", " + clock
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
