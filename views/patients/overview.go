package patients

import (
	"strings"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// ShowProps describe a patient's overview.
type ShowProps struct {
	Person  health.Person
	Today   health.Day
	Metrics []health.MetricSummary
	// Ranges are the general adult ranges, with what is signed off.
	Ranges adultrange.Sheet
	Chart  ChartProps
	// Sparks are the latest days of each series, oldest first.
	Sparks []health.Series
	// Reports are nil where the reader may see none.
	Reports *ReportsProps
}

func (p ShowProps) columns() []ui.Column {
	return []ui.Column{{Label: "Metric"}, {Label: "Latest value", Numeric: true}, {Label: "Flag"}, {Label: "Trend"}, {Label: "Day"}, {Label: "Events", Numeric: true}, {Label: "Chart"}}
}

func (p ShowProps) rows() []templ.Component {
	rows := make([]templ.Component, 0, len(p.Metrics))
	for _, m := range p.Metrics {
		e := m.Latest
		read := units.Read(&e.Observation, "")
		value := strings.TrimSpace(format.Value(e.Observation) + " " + format.Unit(e.Unit))
		cells := []ui.Cell{
			{Text: m.Metric.Name, Header: true},
			{Text: value},
			FlagCell(e.Observation),
			p.trend(e),
			{Text: format.Date(e.Day), Sub: format.Ago(e.Day, p.Today)},
			{Text: format.Count(m.Count), Href: EventsHref(p.Person.PublicID, "metric", m.Metric.Code)},
			{Text: "Chart", Href: ChartHref(p.Person.PublicID, m.Metric.Code, m.Last) + "#chart"},
		}
		if !e.HasValue {
			cells[1] = ui.Cell{Text: value, Sub: "text"}
		}
		if r := format.Range(read); r != "" {
			cells[1].Sub = "range " + r
		}
		if received := format.Received(e.Observation, read); received != "" {
			cells[1].Sub = strings.TrimPrefix(cells[1].Sub+"; "+received, "; ")
		}
		cells[1].Mark = Marked(p.Ranges, p.Person, e, e.Unit)
		if e.Status != health.Final {
			cells[4].Sub += ", " + string(e.Status)
		}
		rows = append(rows, ui.Row(ui.RowProps{Columns: p.columns(), Cells: cells}))
	}
	return rows
}

// FlagCell is the laboratory's own interpretation as a badge: the portal flags nothing itself.
func FlagCell(o health.Observation) ui.Cell {
	switch o.Flag {
	case "":
		return ui.Cell{}
	case "N":
		return ui.Cell{Text: "N normal", Kind: ui.Good}
	case "H":
		return ui.Cell{Text: "H high", Kind: ui.Warn}
	case "L":
		return ui.Cell{Text: "L low", Kind: ui.Warn}
	case "A":
		return ui.Cell{Text: "A abnormal", Kind: ui.Warn}
	case "HH":
		return ui.Cell{Text: "HH critically high", Kind: ui.Bad}
	case "LL":
		return ui.Cell{Text: "LL critically low", Kind: ui.Bad}
	case "AA":
		return ui.Cell{Text: "AA critically abnormal", Kind: ui.Bad}
	default:
		return ui.Cell{Text: o.Flag, Kind: ui.Info}
	}
}
