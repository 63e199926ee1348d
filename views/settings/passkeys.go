package settings

import (
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// PasskeysPath is the address of the page of one's own passkeys.
const PasskeysPath = "/settings/passkeys"

// Passkey is one of one's own passkeys.
type Passkey struct {
	// ID is the public id.
	ID, Name string
	// Maker names what keeps the passkey; empty where unknown.
	Maker string
	// MaySync says that it may be copied to other devices, Synced that it has been.
	MaySync, Synced bool
	// Transports are the ways to reach it, in WebAuthn's words.
	Transports []string
	// Created and LastUsed are instants; LastUsed is zero before the first use.
	Created, LastUsed time.Time
	// Current is the one that signed in the session that asks.
	Current bool
	// Draft and Problem are a name that was refused, and why.
	Draft, Problem string
}

// PasskeysProps are what the page of one's own passkeys shows.
type PasskeysProps struct {
	Passkeys []Passkey
	// Now and Zone are the site's clock and time zone.
	Now  time.Time
	Zone *time.Location
	// Done is what was done a moment ago: added, renamed, removed or nothing.
	Done string
	// Problem is why something was refused; empty for nothing.
	Problem string
	// Accepted is what browsers are told about the passkeys that the site takes, as JSON.
	Accepted string
	// NameLimit is the longest name, in characters.
	NameLimit int
	CSRF      string
}

func (p PasskeysProps) done() (title string) {
	switch p.Done {
	case "added":
		return "Passkey added."
	case "renamed":
		return "Passkey renamed."
	case "removed":
		return "Passkey removed."
	default:
		return ""
	}
}

func (p PasskeysProps) facts(k Passkey) []ui.Definition {
	return []ui.Definition{
		{Term: "Kept by", Text: or(k.Maker, "not told by the device")},
		{Term: "Copies", Text: k.copies()},
		{Term: "Reached by", Text: or(k.ways(), "not told by the device")},
		{Term: "Created", Text: stamp(k.Created, p.Now, p.Zone)},
		{Term: "Last used", Text: stamp(k.LastUsed, p.Now, p.Zone)},
	}
}

func (k Passkey) copies() string {
	switch {
	case k.Synced:
		return "Copied to your other devices by what keeps it"
	case k.MaySync:
		return "May be copied to your other devices; not copied yet"
	default:
		return "Stays on this one device"
	}
}

func (k Passkey) badge() ui.BadgeProps {
	switch {
	case k.Synced:
		return ui.BadgeProps{Label: "Synced", Kind: ui.Info}
	case k.MaySync:
		return ui.BadgeProps{Label: "Not synced yet", Kind: ui.Warn}
	default:
		return ui.BadgeProps{Label: "Device-bound", Kind: ui.Neutral}
	}
}

// ways words the transports; those that are not known are left out.
func (k Passkey) ways() string {
	var words []string
	for _, t := range k.Transports {
		switch t {
		case "internal":
			words = append(words, "the device itself")
		case "hybrid":
			words = append(words, "a phone nearby")
		case "usb":
			words = append(words, "USB")
		case "nfc":
			words = append(words, "NFC")
		case "ble":
			words = append(words, "Bluetooth")
		case "smart-card":
			words = append(words, "smart card")
		}
	}
	return strings.Join(words, ", ")
}

func (k Passkey) field(limit int) ui.FieldProps {
	name := k.Name
	if k.Problem != "" {
		name = k.Draft
	}
	return ui.FieldProps{ID: "name-" + k.ID, Name: "name", Label: "New name", Value: name, Error: k.Problem, Required: true, MaxLength: limit}
}

// stamp is an instant to the minute in the zone: "today, 14:05", "12 Oct 2026,
// 14:05"; "never" for the zero time.
func stamp(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(zone)
	day, clock := health.DayOf(t), t.Format("15:04")
	if day == health.DayOf(now.In(zone)) {
		return "today, " + clock
	}
	return format.Date(day) + ", " + clock
}
