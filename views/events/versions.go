package events

import (
	"net/url"
	"strconv"
	"time"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// VersionsProps describe the history of one value.
type VersionsProps struct {
	Props
	// Versions are all there are, the one in force first.
	Versions []health.EventVersion
}

// versionsHref is the address of an event's history.
func (p Props) versionsHref(e health.Event) string {
	return Path + "/" + health.Cursor{At: e.EffectiveAt, ID: e.ID}.String() + "/versions?" + url.Values{"person": {p.Person.PublicID}}.Encode()
}

// versionsID is the place of an event's history within the table.
func versionsID(e health.Event) string { return "versions-" + strconv.FormatInt(e.ID, 10) }

// versionsHX loads the history where its details are opened.
func (p Props) versionsHX(e health.Event) ui.HX {
	return ui.HX{Get: p.versionsHref(e), Trigger: "toggle once", Target: "#" + versionsID(e)}
}

// state says what of a version counts.
func (v VersionsProps) state(e health.EventVersion) ui.BadgeProps {
	switch {
	case e.Outdated():
		return ui.BadgeProps{Label: "never in force"}
	case !e.InForce():
		return ui.BadgeProps{Label: "replaced"}
	case e.Status == health.EnteredInError:
		return ui.BadgeProps{Label: "retracted: entered in error", Kind: ui.Warn}
	default:
		return ui.BadgeProps{Label: "in force", Kind: ui.Good}
	}
}

// retracted reports whether the version in force takes the value back.
func (v VersionsProps) retracted() bool {
	return len(v.Versions) > 0 && v.Versions[0].InForce() && v.Versions[0].Status == health.EnteredInError
}

// said is the value as that version had it.
func (v VersionsProps) said(e health.EventVersion) string {
	text := readingOf(v.Props, e.Event)
	if flag := patients.FlagCell(e.Observation).Text; flag != "" {
		text += ", flag " + flag
	}
	return text + ", " + string(e.Status)
}

// at is when the version says that the value was true.
func (v VersionsProps) at(e health.EventVersion) string {
	cell := v.timeCell(e.Event)
	return cell.Text + " (" + cell.Sub + ")"
}

// came says when and by which import the version arrived.
func (v VersionsProps) came(e health.EventVersion) string {
	text := v.moment(e.Received)
	if e.Import == 0 {
		return text + ", not by an import"
	}
	text += ", by import " + strconv.FormatInt(e.Import, 10)
	if e.Format != "" {
		text += " (" + e.Format + ")"
	}
	if e.Undone {
		text += ", which was taken back"
	}
	return text
}

// again says since when a version counts again that another one had replaced; empty
// where none had. That is when the last one after it was replaced in turn.
func (v VersionsProps) again(e health.EventVersion) string {
	var since time.Time
	for _, o := range v.Versions {
		if e.InForce() && !o.InForce() && !o.Outdated() && o.Received.After(e.Received) && o.Superseded.After(since) {
			since = o.Superseded
		}
	}
	if since.IsZero() {
		return ""
	}
	return v.moment(since)
}

func (v VersionsProps) moment(t time.Time) string {
	at := t.In(v.Zone)
	return format.Date(health.DayOf(at)) + ", " + at.Format("15:04:05") + " " + format.Offset(at)
}
