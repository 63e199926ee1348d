package web

import (
	"context"
	"strings"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
	"healthportal/views/patients"
)

// SeriesStore reads what charts and overviews show of one person.
type SeriesStore interface {
	PersonMetrics(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, error)
	Series(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, error)
}

// chartOf reads the chart that the query asks for: by default the newest month
// with data of the heart rate, else of the first metric.
func (h patientPages) chartOf(r *request, p health.Person, metrics []health.MetricSummary, ranges adultrange.Sheet) (patients.ChartProps, error) {
	props := patients.ChartProps{PublicID: p.PublicID, Person: p, Metrics: metrics, Ranges: ranges}
	var err error
	if props.Metric, err = chooseMetric(r.query("metric"), metrics); err != nil {
		return props, err
	}
	if props.Unit, err = readUnit(r, props.Metric.Metric.Code); err != nil {
		return props, err
	}
	if props.Compare, err = chooseSecond(r.query("compare"), props.Metric, metrics); err != nil {
		return props, err
	}
	if props.Window, err = chooseWindow(r, props.Metric, props.Compare); err != nil {
		return props, err
	}
	props.Window.Zone = p.Zone(r.zone())
	series, err := h.seriesOf(r, &props, props.Metric.Metric.Code)
	if err != nil {
		return props, err
	}
	props.Series = inUnit(series, props.Unit)
	if second := props.Compare.Metric.Code; second != "" {
		props.Compared, err = h.seriesOf(r, &props, second)
	}
	return props, err
}

// seriesOf reads the series of a metric, with the values outside its signed-off range.
func (h patientPages) seriesOf(r *request, props *patients.ChartProps, metric string) ([]health.Series, error) {
	p, scope := props.Person, access.One(props.Person.ID)
	series, err := h.series.Series(r.ctx, scope, p.ID, metric, props.Window)
	if err != nil {
		return nil, err
	}
	standing, _ := props.Ranges.Of(metric)
	if asked, ok := standing.Outlying(p, props.Window); ok {
		events, err := h.ranges.OutlyingEvents(r.ctx, scope, asked)
		if err != nil {
			return nil, err
		}
		standing.Attach(series, p, props.Window, events)
	}
	return series, nil
}

// inUnit shows the series in a unit; one that is in no unit of its metric stays as it is.
func inUnit(list []health.Series, unit string) []health.Series {
	if unit == "" {
		return list
	}
	shown := make([]health.Series, len(list))
	for i, s := range list {
		shown[i], _ = units.Series(s, unit)
	}
	return shown
}

func chooseMetric(code string, metrics []health.MetricSummary) (health.MetricSummary, error) {
	wanted := code
	if wanted == "" {
		wanted = "heart_rate"
	}
	for _, m := range metrics {
		if m.Metric.Code == wanted {
			return m, nil
		}
	}
	if code != "" {
		return health.MetricSummary{}, badInput("metric", errNoSuchMetric)
	}
	return metrics[0], nil
}

var errNoSuchMetric = wrongInput("this patient has no data of such a metric, choose one of the list")

// chooseSecond is the metric to compare with; none where the query names none, or the first one again.
func chooseSecond(code string, first health.MetricSummary, metrics []health.MetricSummary) (health.MetricSummary, error) {
	if code == "" || code == first.Metric.Code {
		return health.MetricSummary{}, nil
	}
	m, err := chooseMetric(code, metrics)
	if err != nil {
		return m, badInput("compare", errNoSuchMetric)
	}
	return m, nil
}

// chooseWindow reads zoom and at, or month, which stands for both. Without at it
// is the newest window with data.
func chooseWindow(r *request, m, second health.MetricSummary) (health.Window, error) {
	name, value, zoom := "at", r.query("at"), health.Zoom(r.query("zoom"))
	if month := r.query("month"); month != "" {
		if zoom != "" || value != "" {
			return health.Window{}, badInput("month", wrongInput("ask for a month, or for a zoom and where, not for both"))
		}
		name, value = "month", month
	}
	if zoom == "" {
		if value != "" && name == "at" {
			return health.Window{}, badInput("zoom", wrongInput("say whether at is of the zoom months, days or hours"))
		}
		zoom = health.Days
	}
	if zoom == health.Years {
		return allYears(value, m, second)
	}
	form, ok := map[health.Zoom]struct{ layout, words string }{
		health.Months: {"2006", "write YYYY, for instance 2026"},
		health.Days:   {"2006-01", "write YYYY-MM, for instance 2026-03"},
		health.Hours:  {time.DateOnly, "write YYYY-MM-DD, for instance 2026-03-29"},
	}[zoom]
	if !ok {
		return health.Window{}, badInput("zoom", wrongInput("choose years, months, days or hours"))
	}
	if value == "" {
		return health.WindowAt(zoom, m.Last, nil), nil
	}
	t, err := time.Parse(form.layout, value)
	if err != nil || t.Year() < 1800 {
		return health.Window{}, badInput(name, wrongInput(form.words))
	}
	return health.WindowAt(zoom, health.DayOf(t), nil), nil
}

// allYears are the years from the first to the last with data of either metric.
func allYears(at string, m, second health.MetricSummary) (health.Window, error) {
	if strings.TrimSpace(at) != "" {
		return health.Window{}, badInput("at", wrongInput("leave it out, or choose the zoom months, days or hours"))
	}
	from, to := m.First, m.Last
	if second.Metric.Code != "" {
		if second.First.Before(from) {
			from = second.First
		}
		if to.Before(second.Last) {
			to = second.Last
		}
	}
	return health.Window{Zoom: health.Years, From: health.WindowAt(health.Years, from, nil).From, To: health.WindowAt(health.Years, to, nil).To}, nil
}
