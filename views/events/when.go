package events

import (
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// whenFields are the fields of the filter's range: days, or the times in force.
func (p Props) whenFields() []ui.FieldProps {
	from := ui.FieldProps{Name: "from", Label: "From day", Type: ui.FieldDate, Value: p.Filter.From.String()}
	to := ui.FieldProps{Name: "to", Label: "To day", Type: ui.FieldDate, Value: p.Filter.To.String()}
	if !p.Filter.Timed() {
		return []ui.FieldProps{from, to}
	}
	// A day beside times has a field of its own, and a date field takes no times.
	from.Label, from.Type, from.Value = "From day or time", ui.FieldText, health.Instant(p.Filter.Since)
	to.Label, to.Type, to.Value = "To day, or before time", ui.FieldText, health.Instant(p.Filter.Until)
	if p.Day.IsZero() {
		from.Value, to.Value = p.Filter.Start(), p.Filter.Stop()
	}
	return []ui.FieldProps{from, to}
}

// whenChips say which days and times are shown, and remove each.
func (p Props) whenChips() []ui.Chip {
	var chips []ui.Chip
	add := func(name, label string) {
		chips = append(chips, ui.Chip{Label: label, RemoveHref: p.href(name)})
	}
	if !p.Day.IsZero() {
		add("day", "Day: "+format.Date(p.Day))
	}
	switch from := p.Filter.From; {
	case !p.Filter.Since.IsZero():
		add("from", "From "+moment(p.Filter.Since, p.Zone))
	case !from.IsZero() && p.Day.IsZero():
		add("from", "From "+format.Date(from))
	}
	switch to := p.Filter.To; {
	case !p.Filter.Until.IsZero():
		add("to", "Before "+moment(p.Filter.Until, p.Zone))
	case !to.IsZero() && p.Day.IsZero():
		add("to", "To "+format.Date(to))
	}
	return chips
}

// moment is a time in a zone with its offset, which tells the two hours of a clock change apart.
func moment(t time.Time, zone *time.Location) string {
	at := t.In(zone)
	return format.Date(health.DayOf(at)) + ", " + format.Clock(at) + " " + format.Offset(at)
}

// days says which days a filter means, and which times, those in a zone.
func days(f health.EventFilter, zone *time.Location) string {
	var words []string
	switch {
	case f.From.IsZero() && f.To.IsZero():
	case f.From == f.To:
		words = append(words, format.Date(f.From))
	case f.To.IsZero():
		words = append(words, "from "+format.Date(f.From))
	case f.From.IsZero():
		words = append(words, "to "+format.Date(f.To))
	default:
		words = append(words, format.Date(f.From)+" to "+format.Date(f.To))
	}
	if !f.Since.IsZero() {
		words = append(words, "from "+moment(f.Since, zone))
	}
	if !f.Until.IsZero() {
		words = append(words, "before "+moment(f.Until, zone))
	}
	if len(words) == 0 {
		return "all days"
	}
	return strings.Join(words, ", ")
}
