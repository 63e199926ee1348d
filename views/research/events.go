package research

import (
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// EventsProps describe a page of a participant's values.
type EventsProps struct {
	Pseudonym string
	// Metric, From and To are the filter; the days are shifted ones.
	Metric   string
	From, To health.Day
	Size     int
	Events   []Event
	// Older and Newer are the cursors of the neighbouring pages; empty where there is none.
	Older, Newer string
	Total        int
	Metrics      []MetricCount
	Withheld     WithheldProps
}

func eventsHX() ui.HX { return ui.HX{Target: "#research-events", Swap: "outerHTML", PushURL: true} }

// href is the page with the filter, without the named parts, and with one more value.
func (p EventsProps) href(without []string, name, value string) string {
	q := url.Values{"participant": {p.Pseudonym}}
	for part, v := range map[string]string{"metric": p.Metric, "from": p.From.String(), "to": p.To.String()} {
		if v != "" {
			q.Set(part, v)
		}
	}
	if p.Size != health.DefaultPageSize {
		q.Set("size", strconv.Itoa(p.Size))
	}
	for _, part := range without {
		q.Del(part)
	}
	if value != "" {
		q.Set(name, value)
	}
	return EventsPath + "?" + q.Encode()
}

func (p EventsProps) filterBar() ui.FilterBarProps {
	metric := ui.FieldProps{Name: "metric", Label: "Metric", Type: ui.FieldSelect, Value: p.Metric, Options: []ui.Option{{Label: "All metrics"}}}
	listed := p.Metric == ""
	for _, m := range p.Metrics {
		listed = listed || m.Code == p.Metric
		metric.Options = append(metric.Options, ui.Option{Value: m.Code, Label: m.Name, Hint: format.Count(m.Values)})
	}
	if !listed {
		metric.Options = append(metric.Options, ui.Option{Value: p.Metric, Label: p.Metric, Hint: "0"})
	}
	bar := ui.FilterBarProps{ID: "research-filter", Label: "Filter values", Action: EventsPath, HX: eventsHX(), Chips: p.chips(),
		Fields: []ui.FieldProps{metric,
			{Name: "from", Label: "From shifted day", Type: ui.FieldDate, Value: p.From.String()},
			{Name: "to", Label: "To shifted day", Type: ui.FieldDate, Value: p.To.String()}},
		Hidden: []ui.Hidden{{Name: "participant", Value: p.Pseudonym}},
	}
	if p.Size != health.DefaultPageSize {
		bar.Hidden = append(bar.Hidden, ui.Hidden{Name: "size", Value: strconv.Itoa(p.Size)})
	}
	if len(bar.Chips) > 0 {
		bar.ClearHref = p.href([]string{"metric", "from", "to"}, "", "")
	}
	return bar
}

func (p EventsProps) chips() []ui.Chip {
	var chips []ui.Chip
	if p.Metric != "" {
		name := p.Metric
		for _, m := range p.Metrics {
			if m.Code == p.Metric {
				name = m.Name
			}
		}
		chips = append(chips, ui.Chip{Label: "Metric: " + name, RemoveHref: p.href([]string{"metric"}, "", "")})
	}
	if !p.From.IsZero() {
		chips = append(chips, ui.Chip{Label: "From " + format.Date(p.From), RemoveHref: p.href([]string{"from"}, "", "")})
	}
	if !p.To.IsZero() {
		chips = append(chips, ui.Chip{Label: "To " + format.Date(p.To), RemoveHref: p.href([]string{"to"}, "", "")})
	}
	return chips
}

func (p EventsProps) pagination() ui.PaginationProps {
	b := ui.PaginationProps{ID: "research-pages", Label: "Pages of values", Sizes: patients.Sizes(), Size: p.Size, Action: EventsPath, HX: eventsHX(),
		Count: format.Things(p.Total, "value")}
	if n := len(p.Events); n != p.Total {
		b.Count = format.Count(n) + " of " + b.Count
	}
	if p.Newer != "" {
		b.Previous = p.href(nil, "before", p.Newer)
	}
	if p.Older != "" {
		b.Next = p.href(nil, "after", p.Older)
	}
	for _, h := range []ui.Hidden{{Name: "participant", Value: p.Pseudonym}, {Name: "metric", Value: p.Metric},
		{Name: "from", Value: p.From.String()}, {Name: "to", Value: p.To.String()}} {
		if h.Value != "" {
			b.Hidden = append(b.Hidden, h)
		}
	}
	return b
}

func eventColumns() []ui.Column {
	return []ui.Column{{Label: "Shifted time"}, {Label: "Metric"}, {Label: "Value", Numeric: true}, {Label: "Unit"}, {Label: "Flag"}, {Label: "Status"}}
}

func (p EventsProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Events))
	for _, e := range p.Events {
		o := health.Observation{Value: e.Value, HasValue: true, Comparator: e.Comparator, Flag: e.Flag}
		metric := ui.Cell{Text: e.MetricName}
		if e.LOINC != "" {
			metric.Sub = "LOINC " + e.LOINC
		}
		status := ui.Cell{Text: string(e.Status)}
		if e.Status != health.Final {
			status.Kind = ui.Info
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: eventColumns(), Cells: []ui.Cell{
			timeCell(e), metric, {Text: format.Value(o)}, {Text: format.Unit(e.Unit)}, patients.FlagCell(o), status}}))
	}
	return rows
}

// timeCell shows the shifted day and the time on the person's clock, without a
// zone, which would tell where the person lives and when summer time begins.
func timeCell(e Event) ui.Cell {
	start := health.DayOf(e.Start)
	cell := ui.Cell{Text: format.Date(start) + ", " + format.Clock(e.Start), Header: true}
	if e.WholeDays {
		cell.Text, cell.Sub = format.Date(e.Day), "whole day, no time given"
		if last := health.DayOf(e.End).AddDays(-1); !e.End.IsZero() && e.Day.Before(last) {
			cell.Sub = "whole days to " + format.Date(last)
		}
		return cell
	}
	if !e.End.IsZero() {
		cell.Sub = "to " + format.Clock(e.End)
		if end := health.DayOf(e.End); end != start {
			cell.Sub = "to " + format.Date(end) + ", " + format.Clock(e.End)
		}
	}
	if e.Day != start {
		if cell.Sub != "" {
			cell.Sub += "; "
		}
		cell.Sub += "counts for " + format.Date(e.Day)
	}
	return cell
}

func (p EventsProps) empty() ui.EmptyStateProps {
	switch {
	case p.Total > 0:
		return ui.EmptyStateProps{Title: "No values on this page", Text: "The list ends here. Previous or Next lead back to it.", Icon: ui.IconPulse}
	case len(p.chips()) > 0:
		return ui.EmptyStateProps{Title: "No values match", Text: "Days in the filter are shifted days, as in the table.", Icon: ui.IconPulse,
			Action: ui.LinkButton(ui.LinkProps{Label: "Show all values", Href: p.href([]string{"metric", "from", "to"}, "", "")})}
	default:
		return ui.EmptyStateProps{Title: "No values to show", Text: "This participant has none that may be shown. What is left out is counted below.", Icon: ui.IconPulse}
	}
}
