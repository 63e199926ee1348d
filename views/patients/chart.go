package patients

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// ChartProps describe the chart of a metric, and of a second one below it.
type ChartProps struct {
	// PublicID is the patient's.
	PublicID string
	// Person is the patient, whose age and sex choose the general adult ranges.
	Person health.Person
	// Ranges are these ranges, with what is signed off.
	Ranges adultrange.Sheet
	// Metrics are those of which there is data, for the choice.
	Metrics []health.MetricSummary
	// Metric is the one that is drawn.
	Metric health.MetricSummary
	// Window is what is shown, in the patient's zone, by whose midnights days are counted.
	Window health.Window
	// Series are drawn one below the other: one per code and unit, never joined.
	Series []health.Series
	// Unit is the one of the metric's that the reader chose; empty: as stored.
	Unit string
	// Compare is the second metric; the zero value is none. Compared are its series.
	Compare  health.MetricSummary
	Compared []health.Series
}

// ChartHref is the address of the overview with a metric's month.
func ChartHref(publicID, metric string, day health.Day) string {
	q := url.Values{"metric": {metric}}
	if !day.IsZero() {
		q.Set("month", day.String()[:len("2006-01")])
	}
	return Href(publicID) + "?" + q.Encode()
}

func chartHX() ui.HX { return ui.HX{Target: "#chart", Swap: "outerHTML", PushURL: true} }

// intoHX are the attributes of a link of the drawing that swaps the chart.
func intoHX(href string) templ.Attributes {
	hx := chartHX()
	hx.Get = href
	attrs := hx.Attrs()
	attrs["data-focus-fallback"] = placeID
	return attrs
}

// placeHX are the attributes of a point's link where it leads to another window
// of the chart; those to the table of events are plain links.
func placeHX(href string) templ.Attributes {
	if !strings.HasPrefix(href, "/patients/") {
		return nil
	}
	return intoHX(href)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// placeID is the step of the path where the reader is: the focus goes there
// where the link that was followed is gone.
const placeID = "chart-place"

// at is how a day names its window in addresses: the year, the month or the day.
func at(zoom health.Zoom, day health.Day) string {
	switch zoom {
	case health.Years:
		return ""
	case health.Months:
		return day.String()[:len("2006")]
	case health.Days:
		return day.String()[:len("2006-01")]
	default:
		return day.String()
	}
}

// href is the address of the same chart with the window of a zoom that holds day.
func (p ChartProps) href(zoom health.Zoom, day health.Day) string {
	q := url.Values{"metric": {p.Metric.Metric.Code}, "zoom": {string(zoom)}}
	for name, value := range map[string]string{"at": at(zoom, day), "unit": p.Unit, "compare": p.Compare.Metric.Code} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return Href(p.PublicID) + "?" + q.Encode()
}

// nearer is the zoom below one; empty below hours.
func nearer(zoom health.Zoom) health.Zoom {
	switch zoom {
	case health.Years:
		return health.Months
	case health.Months:
		return health.Days
	case health.Days:
		return health.Hours
	default:
		return ""
	}
}

// stepName is what one point of a zoom stands for.
func stepName(zoom health.Zoom) string {
	return map[health.Zoom]string{health.Years: "year", health.Months: "month", health.Days: "day", health.Hours: "hour"}[zoom]
}

// windowName is the window of a zoom that holds day, in words.
func windowName(zoom health.Zoom, day health.Day) string {
	switch zoom {
	case health.Years:
		return "all years"
	case health.Months:
		return fmt.Sprint(day.Year)
	case health.Days:
		return format.Month(day)
	default:
		return format.LongDate(day)
	}
}

func (p ChartProps) where() string { return windowName(p.Window.Zoom, p.Window.From) }

// span are the first and the last day with data of what is shown.
func (p ChartProps) span() (first, last health.Day) {
	first, last = p.Metric.First, p.Metric.Last
	if c := p.Compare; c.Metric.Code != "" {
		if c.First.Before(first) {
			first = c.First
		}
		if last.Before(c.Last) {
			last = c.Last
		}
	}
	return first, last
}

// step is a link to another window.
type step struct {
	id, label, href string
	icon            ui.Icon
}

// steps are the links to the neighbouring windows of the same zoom, while there
// is data that way, and to the windows where the data begins and ends.
func (p ChartProps) steps() []step {
	zoom := p.Window.Zoom
	if zoom == health.Years {
		return nil
	}
	noun := stepName(map[health.Zoom]health.Zoom{health.Months: health.Years, health.Days: health.Months, health.Hours: health.Days}[zoom])
	first, last := p.span()
	var list []step
	add := func(id, label string, to health.Day, icon ui.Icon) {
		list = append(list, step{id, label, p.href(zoom, to), icon})
	}
	if !p.Window.Holds(first) {
		add("chart-oldest", "Oldest data", first, "")
	}
	if first.Before(p.Window.From) {
		add("chart-earlier", "Earlier "+noun, p.Window.From.AddDays(-1), ui.IconPrevious)
	}
	if p.Window.To.Before(last) {
		add("chart-later", "Later "+noun, p.Window.To.AddDays(1), ui.IconNext)
	}
	if !p.Window.Holds(last) {
		add("chart-newest", "Newest data", last, "")
	}
	return list
}

// path are the wider windows around the one that is shown, the widest first.
func (p ChartProps) path() []step {
	var list []step
	for _, zoom := range []health.Zoom{health.Years, health.Months, health.Days} {
		if zoom == p.Window.Zoom {
			break
		}
		list = append(list, step{id: "chart-" + string(zoom), label: windowName(zoom, p.Window.From), href: p.href(zoom, p.Window.From)})
	}
	return list
}

// title names the metrics and the window.
func (p ChartProps) title() string {
	name := p.Metric.Metric.Name
	if p.Compare.Metric.Code != "" {
		name += " and " + p.Compare.Metric.Name
	}
	return name + ", " + p.where()
}

// form is the choice of metric, unit and second metric.
func (p ChartProps) form() ui.FilterBarProps {
	choice := ui.FieldProps{ID: "chart-metric", Name: "metric", Label: "Metric", Type: ui.FieldSelect, Value: p.Metric.Metric.Code}
	second := ui.FieldProps{ID: "chart-compare", Name: "compare", Label: "Compare with", Type: ui.FieldSelect, Value: p.Compare.Metric.Code,
		Options: []ui.Option{{Label: "Nothing"}}}
	for _, m := range p.Metrics {
		choice.Options = append(choice.Options, ui.Option{Value: m.Metric.Code, Label: m.Metric.Name, Hint: format.Count(m.Count)})
		if m.Metric.Code != p.Metric.Metric.Code {
			second.Options = append(second.Options, ui.Option{Value: m.Metric.Code, Label: m.Metric.Name, Hint: format.Count(m.Count)})
		}
	}
	bar := ui.FilterBarProps{ID: "chart-choice", Label: "Choose what to chart", Action: Href(p.PublicID), Fields: []ui.FieldProps{choice},
		Hidden: []ui.Hidden{{Name: "zoom", Value: string(p.Window.Zoom)}}, ApplyLabel: "Show", HX: chartHX()}
	if here := at(p.Window.Zoom, p.Window.From); here != "" {
		bar.Hidden = append(bar.Hidden, ui.Hidden{Name: "at", Value: here})
	}
	if field, of, ok := UnitChoice("chart-unit", p.Metric.Metric.Code, p.Unit); ok {
		bar.Fields, bar.Hidden = append(bar.Fields, field), append(bar.Hidden, of)
	}
	if len(second.Options) > 1 {
		bar.Fields = append(bar.Fields, second)
	}
	return bar
}

// panel is one figure of the chart: a series of a metric, with its id.
type panel struct {
	props  ChartProps
	metric health.Metric
	series health.Series
	id     string
	second bool
}

// panels are the figures of a metric's series. hrChart is the heart rate's first; the id is part of what the portal promises.
func (p ChartProps) panels(list []health.Series, second bool) []panel {
	metric, id := p.Metric.Metric, "chart-figure"
	if second {
		metric, id = p.Compare.Metric, "compare-figure"
	}
	if metric.Code == "heart_rate" {
		id = "hrChart"
	}
	all := make([]panel, len(list))
	for i, s := range list {
		all[i] = panel{p, metric, s, id, second}
		if i > 0 {
			all[i].id = fmt.Sprintf("%s-%d", id, i+1)
		}
	}
	return all
}

// eventsHref is the address of the table with the events of days, of this panel's metric.
func (p panel) eventsHref(query ...string) string {
	unit := p.props.Unit
	if p.second {
		unit = ""
	}
	return EventsHref(p.props.PublicID, append([]string{"metric", p.metric.Code, "unit", unit}, query...)...)
}

// windowEvents is the address of the table with the events of the whole window.
func (p ChartProps) windowEvents() string {
	days := []string{"metric", p.Metric.Metric.Code, "unit", p.Unit}
	switch p.Window.Zoom {
	case health.Years:
	case health.Hours:
		days = append(days, "day", p.Window.From.String())
	default:
		days = append(days, "from", p.Window.From.String(), "to", p.Window.To.String())
	}
	return EventsHref(p.PublicID, days...)
}

// links are where a point leads: a year and a month to the chart that is nearer,
// a day and an hour to their events. below is the nearer chart of a day.
func (p panel) links(s slot) (main, below string) {
	switch p.props.Window.Zoom {
	case health.Years, health.Months:
		return p.props.href(nearer(p.props.Window.Zoom), s.day), ""
	case health.Days:
		return p.eventsHref("day", s.day.String()), p.props.href(health.Hours, s.day)
	default:
		return p.slotEvents(s), ""
	}
}

// slotEvents is the address of the table with a slot's events, as many as the slot
// counts. An hour is of the chart's day too: sleep that began in it may belong to another.
func (p panel) slotEvents(s slot) string {
	switch p.props.Window.Zoom {
	case health.Years, health.Months:
		w := health.WindowAt(nearer(p.props.Window.Zoom), s.day, nil)
		return p.eventsHref("from", w.From.String(), "to", w.To.String())
	case health.Days:
		return p.eventsHref("day", s.day.String())
	}
	if s.start.IsZero() {
		return p.eventsHref("day", s.day.String())
	}
	return p.eventsHref("day", s.day.String(), "from", health.Instant(s.start), "to", health.Instant(s.end))
}
