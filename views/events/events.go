// Package events holds the table of a patient's health events with its filter.
package events

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// Path is the address of the event table.
const Path = "/dashboard/events"

// Props describe a page of the event table.
type Props struct {
	Person health.Person
	// Zone is the patient's zone, in which all times are shown.
	Zone *time.Location
	// Filter is what the reader asked for, with the size in force.
	Filter health.EventFilter
	// Day is set where the reader asked for one day rather than a range.
	Day health.Day
	// Unit is the one of the metric's that the reader chose to see its values in; empty: as stored.
	Unit string
	Page health.EventPage
	// Ranges are the general adult ranges, with what is signed off.
	Ranges adultrange.Sheet
	// Saved is the view that the reader keeps for the patient, empty where there is none;
	// SavedBroken says that it can't be read any more.
	Saved       string
	SavedBroken bool
	CSRF        string
}

// hx swaps the whole component, so that filter, table and pages stay one.
func hx() ui.HX { return ui.HX{Target: "#events", Swap: "outerHTML", PushURL: true} }

// query are the filter's values without the place in the list; without names one is left out.
func (p Props) query(without ...string) url.Values {
	q := url.Values{"person": {p.Person.PublicID}}
	set := func(name, value string) {
		if value != "" && !slices.Contains(without, name) {
			q.Set(name, value)
		}
	}
	set("metric", p.Filter.Metric)
	set("flag", p.Filter.Flag)
	if p.Filter.Source != 0 {
		set("source", strconv.Itoa(p.Filter.Source))
	}
	if q.Has("metric") {
		set("unit", p.Unit)
	}
	if !p.Day.IsZero() {
		set("day", p.Day.String())
		set("from", health.Instant(p.Filter.Since))
		set("to", health.Instant(p.Filter.Until))
	} else {
		set("from", p.Filter.Start())
		set("to", p.Filter.Stop())
	}
	if p.Filter.Size != health.DefaultPageSize {
		set("size", strconv.Itoa(p.Filter.Size))
	}
	return q
}

// href is the table's address. Where the reader has a saved view, an address of the
// patient alone would open it, so that all events are asked for by name.
func (p Props) href(without ...string) string {
	q := p.query(without...)
	if p.Saved == "" {
		return Path + "?" + q.Encode()
	}
	return explicit(q)
}

func (p Props) cursorHref(name string, c *health.Cursor) string {
	if c == nil {
		return ""
	}
	q := p.query()
	q.Set(name, c.String())
	return Path + "?" + q.Encode()
}

// title is the name of a metric, as far as it is known here.
func (p Props) title(code string) string {
	for _, m := range p.Page.Metrics {
		if m.Code == code {
			return m.Name
		}
	}
	return code
}

func (p Props) filterBar() ui.FilterBarProps {
	metric := ui.FieldProps{Name: "metric", Label: "Metric", Type: ui.FieldSelect, Value: p.Filter.Metric, Options: []ui.Option{{Label: "All metrics"}}}
	listed := p.Filter.Metric == ""
	for _, m := range p.Page.Metrics {
		listed = listed || m.Code == p.Filter.Metric
		metric.Options = append(metric.Options, ui.Option{Value: m.Code, Label: m.Name, Hint: format.Count(m.Count)})
	}
	if !listed {
		metric.Options = append(metric.Options, ui.Option{Value: p.Filter.Metric, Label: p.Filter.Metric, Hint: "0"})
	}
	bar := ui.FilterBarProps{
		ID: "event-filter", Label: "Filter events", Action: Path, HX: hx(), Chips: p.chips(),
		Fields: []ui.FieldProps{
			metric, p.sourceField(), p.flagField(),
		},
		Hidden: []ui.Hidden{{Name: "person", Value: p.Person.PublicID}},
	}
	bar.Fields = append(bar.Fields, p.whenFields()...)
	if !p.Day.IsZero() && p.Filter.Timed() {
		bar.Hidden = append(bar.Hidden, ui.Hidden{Name: "day", Value: p.Day.String()})
	}
	if p.Filter.Size != health.DefaultPageSize {
		bar.Hidden = append(bar.Hidden, ui.Hidden{Name: "size", Value: strconv.Itoa(p.Filter.Size)})
	}
	if field, of, ok := patients.UnitChoice("unit", p.Filter.Metric, p.Unit); ok {
		bar.Fields, bar.Hidden = append(bar.Fields, field), append(bar.Hidden, of)
	}
	if len(bar.Chips) > 0 {
		bar.ClearHref = p.href(filters()...)
	}
	return bar
}

func (p Props) chips() []ui.Chip {
	var chips []ui.Chip
	if p.Filter.Metric != "" {
		chips = append(chips, ui.Chip{Label: "Metric: " + p.title(p.Filter.Metric), RemoveHref: p.href("metric")})
	}
	if p.Filter.Source != 0 {
		chips = append(chips, ui.Chip{Label: "Source: " + p.sourceName(), RemoveHref: p.href("source")})
	}
	if p.Filter.Flag != "" {
		chips = append(chips, ui.Chip{Label: "Flag: " + flagName(p.Filter.Flag), RemoveHref: p.href("flag")})
	}
	return append(chips, p.whenChips()...)
}

func (p Props) pagination() ui.PaginationProps {
	b := ui.PaginationProps{
		ID: "event-pages", Label: "Pages of events", Count: p.count(), Sizes: patients.Sizes(), Size: p.Filter.Size, Action: Path, HX: hx(),
		Previous: p.cursorHref("before", p.Page.Newer), Next: p.cursorHref("after", p.Page.Older),
	}
	q := p.query("size")
	for _, name := range append([]string{"person", "unit"}, filters()...) {
		if v := q.Get(name); v != "" {
			b.Hidden = append(b.Hidden, ui.Hidden{Name: name, Value: v})
		}
	}
	return b
}

// count says how many of the filter's events the page shows.
func (p Props) count() string {
	n := len(p.Page.Events)
	total := total(p.Page)
	if n != p.Page.Total || p.Page.AtLeast {
		total = format.Count(n) + " of " + total
	}
	if lines := len(p.lines()); lines != n {
		total += ", in " + format.Things(lines, "line")
	}
	return total
}

func columns() []ui.Column {
	return []ui.Column{{Label: "Time"}, {Label: "Metric"}, {Label: "Value", Numeric: true}, {Label: "Unit"}, {Label: "Flag"}, {Label: "Status"}, {Label: "Source"}}
}

func (p Props) rows() []templ.Component {
	lines := p.lines()
	rows := make([]templ.Component, 0, len(lines))
	nights := p.nights()
	for i, line := range lines {
		e := line[0]
		cells := p.cells(e)
		var attrs templ.Attributes
		if n := nights[e.ID]; n != nil {
			cells = p.nightCells(n)
		} else if len(line) == 2 {
			cells = p.pairCells(e, line[1])
		}
		if len(line) > 1 {
			attrs = templ.Attributes{"data-events": strconv.Itoa(len(line))}
		}
		if i > 0 && e.Group != "" && groupOf(e) == groupOf(lines[i-1][0]) {
			cells[0].Sub += "; measured with the line above"
		}
		if e.Torn && nights[e.ID] == nil {
			cells[0].Sub += "; this measurement may go on beyond this page"
		}
		rows = append(rows, ui.Row(ui.RowProps{ID: "event-" + strconv.FormatInt(e.ID, 10), Columns: columns(), Cells: cells, Attrs: attrs}))
	}
	return rows
}

func (p Props) cells(e health.Event) []ui.Cell {
	return []ui.Cell{p.timeCell(e), metricCell(e), p.valueCell(e), p.unitCell(e), patients.FlagCell(e.Observation), p.statusCell(e), sourceCell(e)}
}

// timeCell shows the time in the patient's zone with its offset; a whole day has no time.
func (p Props) timeCell(e health.Event) ui.Cell {
	if !e.StartDay.IsZero() {
		cell := ui.Cell{Text: format.Date(e.Day), Sub: "whole day, no time given", Header: true}
		if last := health.DayOf(e.EffectiveEnd.In(p.Zone)).AddDays(-1); !e.EffectiveEnd.IsZero() && e.Day.Before(last) {
			cell.Sub = "whole days to " + format.Date(last)
		}
		return cell
	}
	at := e.EffectiveAt.In(p.Zone)
	cell := ui.Cell{Text: format.Date(health.DayOf(at)) + ", " + format.Clock(at), Sub: format.Offset(at), Header: true}
	if !e.EffectiveEnd.IsZero() {
		end := e.EffectiveEnd.In(p.Zone)
		cell.Sub += " to " + format.Clock(end)
		if health.DayOf(end) != health.DayOf(at) {
			cell.Sub = format.Offset(at) + " to " + format.Date(health.DayOf(end)) + ", " + format.Clock(end)
		}
		if format.Offset(end) != format.Offset(at) {
			cell.Sub += " " + format.Offset(end)
		}
	}
	if health.DayOf(at) != e.Day {
		cell.Sub += "; counts for " + format.Date(e.Day)
	}
	return cell
}

func metricCell(e health.Event) ui.Cell {
	cell := ui.Cell{Text: e.MetricTitle}
	switch {
	case e.CodeSystem == health.SystemLOINC:
		cell.Sub = "LOINC " + e.Code
	case e.Code != "":
		cell.Sub = e.Code
	}
	return cell
}

func (p Props) valueCell(e health.Event) ui.Cell {
	read := units.Read(&e.Observation, p.Unit)
	cell := ui.Cell{Text: e.ValueText, Mark: patients.Marked(p.Ranges, p.Person, e, read.Unit)}
	if e.HasValue {
		cell.Text = format.Reading(e.Observation, read)
	}
	if r := format.Range(read); r != "" {
		cell.Sub = "range " + r
	}
	return cell
}

// unitCell shows the unit, and what the source sent where that is not the same.
func (p Props) unitCell(e health.Event) ui.Cell {
	read := units.Read(&e.Observation, p.Unit)
	cell := ui.Cell{Text: format.Unit(read.Unit), Sub: format.Received(e.Observation, read)}
	if cell.Sub == "" && e.OrigUnit != "" && e.OrigUnit != read.Unit && e.OrigUnit != cell.Text {
		cell.Sub = "sent as " + e.OrigUnit
	}
	return cell
}

// statusCell badges what is not plainly final, and leads to the history of new versions.
func (p Props) statusCell(e health.Event) ui.Cell {
	cell := ui.Cell{Text: string(e.Status), Kind: statusKind(e.Status)}
	if e.Version > 1 {
		cell.Content = p.statuses(e)
	}
	return cell
}

func statusKind(s health.Status) ui.Kind {
	switch s {
	case health.Final:
		return ui.Neutral
	case health.Preliminary, "registered":
		return ui.Info
	default:
		return ui.Warn
	}
}

func sourceCell(e health.Event) ui.Cell { return ui.Cell{Text: e.Source, Sub: e.Device} }

// empty says why there are no rows.
func (p Props) empty() ui.EmptyStateProps {
	if p.Page.Total > 0 {
		return ui.EmptyStateProps{Title: "No events on this page", Text: "The list ends here. Previous or Next lead back to it.", Icon: ui.IconPulse}
	}
	if len(p.chips()) > 0 {
		var parts []string
		for _, c := range p.chips() {
			parts = append(parts, c.Label)
		}
		return ui.EmptyStateProps{Title: "No events match", Text: "Nothing was found for " + strings.Join(parts, ", ") + ".", Icon: ui.IconPulse,
			Action: ui.LinkButton(ui.LinkProps{Label: "Show all events", Href: p.href(filters()...)})}
	}
	return ui.EmptyStateProps{Title: "No health data yet", Text: "Nothing was imported for this patient so far.", Icon: ui.IconPulse}
}
