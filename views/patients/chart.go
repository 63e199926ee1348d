package patients

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// ChartProps describe one metric's month.
type ChartProps struct {
	// PublicID is the patient's.
	PublicID string
	// Metrics are those of which there is data, for the choice.
	Metrics []health.MetricSummary
	// Metric is the one that is drawn.
	Metric health.MetricSummary
	// Month is the first day of the month.
	Month health.Day
	// Series are drawn one below the other: one per code and unit, never joined.
	Series []health.Series
	// Unit is the one of the metric's that the reader chose; empty: as stored.
	Unit string
	// Zone is the patient's, by whose midnights days are counted.
	Zone string
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

func (p ChartProps) href(month health.Day) string {
	href := ChartHref(p.PublicID, p.Metric.Metric.Code, month)
	if p.Unit != "" {
		href += "&unit=" + url.QueryEscape(p.Unit)
	}
	return href
}

// earlier and later are the neighbouring months, while there is data that way.
func (p ChartProps) earlier() string {
	if !p.Metric.First.Before(p.Month) {
		return ""
	}
	return p.href(p.Month.AddMonths(-1))
}

func (p ChartProps) later() string {
	if next := p.Month.AddMonths(1); !p.Metric.Last.Before(next) {
		return p.href(next)
	}
	return ""
}

func (p ChartProps) newest() string {
	if p.Metric.Last.FirstOfMonth() == p.Month {
		return ""
	}
	return p.href(p.Metric.Last)
}

func (p ChartProps) oldest() string {
	if p.Metric.First.FirstOfMonth() == p.Month {
		return ""
	}
	return p.href(p.Metric.First)
}

func (p ChartProps) choice() ui.FieldProps {
	f := ui.FieldProps{ID: "chart-metric", Name: "metric", Label: "Metric", Type: ui.FieldSelect, Value: p.Metric.Metric.Code}
	for _, m := range p.Metrics {
		f.Options = append(f.Options, ui.Option{Value: m.Metric.Code, Label: m.Metric.Name, Hint: format.Count(m.Count)})
	}
	return f
}

// form is the choice of metric and unit.
func (p ChartProps) form() ui.FilterBarProps {
	bar := ui.FilterBarProps{ID: "chart-choice", Label: "Choose what to chart", Action: Href(p.PublicID), Fields: []ui.FieldProps{p.choice()},
		ApplyLabel: "Show", HX: chartHX()}
	if field, of, ok := UnitChoice("chart-unit", p.Metric.Metric.Code, p.Unit); ok {
		bar.Fields, bar.Hidden = append(bar.Fields, field), append(bar.Hidden, of)
	}
	return bar
}

func (p ChartProps) note() string {
	note := "Days in " + p.Zone + ". Every day with data is a link to its events."
	if p.rounded() {
		note += " Numbers after ≈ are rounded."
	}
	if p.Metric.Metric.Reference != "" {
		note += " General adult range, for orientation only: " + p.Metric.Metric.Reference + "."
	}
	return note
}

// rounded reports whether a number of the chart is.
func (p ChartProps) rounded() bool {
	for _, s := range p.Series {
		for _, d := range s.Points {
			if strings.Contains(dayWords(s, d), "≈") {
				return true
			}
		}
	}
	return false
}

// figureID is hrChart for the heart rate's first series; the id is part of what the portal promises.
func (p ChartProps) figureID(i int) string {
	id := "chart-figure"
	if p.Metric.Metric.Code == "heart_rate" {
		id = "hrChart"
	}
	if i > 0 {
		id += fmt.Sprintf("-%d", i+1)
	}
	return id
}

// seriesName tells several series of one metric apart.
func seriesName(s health.Series) string {
	parts := []string{s.Metric.Name}
	if s.Code != "" {
		code := s.Code
		if s.CodeSystem == health.SystemLOINC {
			code = "LOINC " + code
		}
		parts = append(parts, code)
	}
	if s.Unit != "" {
		parts = append(parts, format.Unit(s.Unit))
	} else {
		parts = append(parts, "no unit")
	}
	return strings.Join(parts, " · ")
}

func caption(s health.Series, month health.Day) string {
	how := "daily minimum to maximum as a band, mean as a line"
	switch s.Metric.Kind {
	case health.Total:
		how = "daily sum of all records of all sources"
	case health.Laboratory:
		how = "lowest and highest value of each day as points"
	}
	return fmt.Sprintf("%s, %s: %s", seriesName(s), format.Month(month), how)
}

func (p ChartProps) dayHref(day health.Day) string {
	return EventsHref(p.PublicID, "metric", p.Metric.Metric.Code, "unit", p.Unit, "day", day.String())
}

// dayWords says what a day holds: "48 to 131, mean 72.4 /min, 1,204 observations".
func dayWords(s health.Series, p health.DayPoint) string {
	unit := ""
	if s.Unit != "" {
		unit = " " + format.Unit(s.Unit)
	}
	count := format.Things(p.N, "observation")
	switch {
	case p.Used == 0:
		return "no plain numbers, " + count
	case s.Metric.Kind == health.Total:
		return "sum " + sum(p) + unit + ", " + count
	case p.Min == p.Max:
		return number(p.Min) + unit + ", " + count
	default:
		return fmt.Sprintf("%s to %s, mean %s%s, %s", number(p.Min), number(p.Max), mean(p), unit, count)
	}
}

// mostDigits is how many significant digits the chart shows in full. Longer
// numbers were computed, as converted values are; sixDigits is what is left of them.
const (
	mostDigits = 10
	sixDigits  = "100000"
)

// number prints all digits, or says that it is rounded.
func number(v float64) string {
	s := format.Number(v)
	short := units.Shown(v, sixDigits)
	if len(short) < len(s) && len(strings.Trim(strings.Replace(s, ".", "", 1), "-0")) > mostDigits {
		return "≈ " + short
	}
	return s
}

// mean prints the mean with one decimal more than the numbers that it stands for.
func mean(p health.DayPoint) string {
	if s := number(p.Min) + number(p.Max); strings.Contains(s, "≈") {
		return number(p.Mean)
	}
	return format.Mean(p.Mean, p.Min, p.Max)
}

// sum prints a day's sum with as many decimals as its smallest and largest part.
func sum(p health.DayPoint) string {
	s := number(p.Sum)
	if !strings.Contains(s, "≈") || strings.Contains(number(p.Min)+number(p.Max), "≈") {
		return s
	}
	return format.Mean(p.Sum, p.Min, p.Max)
}

func tableColumns(kind health.Kind) []ui.Column {
	if kind == health.Total {
		return []ui.Column{{Label: "Day"}, {Label: "Sum", Numeric: true}, {Label: "Observations", Numeric: true}, {Label: "Of them in the sum", Numeric: true}}
	}
	return []ui.Column{{Label: "Day"}, {Label: "Lowest", Numeric: true}, {Label: "Mean", Numeric: true}, {Label: "Highest", Numeric: true},
		{Label: "Observations", Numeric: true}, {Label: "Of them plain numbers", Numeric: true}}
}

func (p ChartProps) tableRows(s health.Series) []templ.Component {
	columns := tableColumns(s.Metric.Kind)
	rows := make([]templ.Component, 0, len(s.Points))
	for _, d := range s.Points {
		cells := []ui.Cell{{Text: format.Date(d.Day), Href: p.dayHref(d.Day), Header: true}}
		switch {
		case s.Metric.Kind == health.Total && d.Used > 0:
			cells = append(cells, ui.Cell{Text: sum(d)})
		case s.Metric.Kind == health.Total:
			cells = append(cells, none())
		case d.Used > 0:
			cells = append(cells, ui.Cell{Text: number(d.Min)}, ui.Cell{Text: mean(d)}, ui.Cell{Text: number(d.Max)})
		default:
			cells = append(cells, none(), none(), none())
		}
		cells = append(cells, ui.Cell{Text: format.Count(d.N)}, ui.Cell{Text: format.Count(d.Used)})
		rows = append(rows, ui.Row(ui.RowProps{Columns: columns, Cells: cells}))
	}
	return rows
}

func none() ui.Cell { return ui.Cell{Text: "none", Muted: true} }
