package patients

import (
	"strings"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// tableColumns head the data table of a figure.
func (p panel) tableColumns() []ui.Column {
	zoom := p.props.Window.Zoom
	noun := stepName(zoom)
	columns := []ui.Column{{Label: strings.ToUpper(noun[:1]) + noun[1:]}}
	inNumbers := "Of them plain numbers"
	if p.series.Metric.Kind == health.Total {
		columns, inNumbers = append(columns, ui.Column{Label: "Sum", Numeric: true}), "Of them in the sum"
		if leavesOut(p.series) {
			columns, inNumbers = append(columns, ui.Column{Label: "Left out", Numeric: true}, ui.Column{Label: "Of"}), "Of them plain numbers"
		}
	} else {
		columns = append(columns, ui.Column{Label: "Lowest", Numeric: true}, ui.Column{Label: "Mean", Numeric: true}, ui.Column{Label: "Highest", Numeric: true})
	}
	columns = append(columns, ui.Column{Label: "Observations", Numeric: true}, ui.Column{Label: inNumbers, Numeric: true}, ui.Column{Label: "Bounds", Numeric: true})
	if zoom == health.Days {
		columns = append(columns, ui.Column{Label: "Closer"})
	}
	return columns
}

// tableRows are the points that hold data, as rows.
func (p panel) tableRows(slots []slot) []templ.Component {
	columns := p.tableColumns()
	rows := []templ.Component{}
	for i, d := range pointsBySlot(p.series, slots) {
		if d != nil {
			rows = append(rows, ui.Row(ui.RowProps{Columns: columns, Cells: p.tableCells(slots[i], *d)}))
		}
	}
	return rows
}

func (p panel) tableCells(s slot, d health.DayPoint) []ui.Cell {
	main, below := p.links(s)
	head := ui.Cell{Text: s.short, Href: main, Header: true}
	if p.intoChart() {
		head.HX = chartHX()
	}
	cells := []ui.Cell{head}
	left := leavesOut(p.series)
	switch {
	case p.series.Metric.Kind == health.Total && d.Used > 0:
		cells = append(cells, ui.Cell{Text: sum(d)})
	case p.series.Metric.Kind == health.Total:
		cells = append(cells, none())
	case d.Used > 0:
		cells = append(cells, ui.Cell{Text: number(d.Min)}, ui.Cell{Text: mean(d)}, ui.Cell{Text: number(d.Max)})
	default:
		cells = append(cells, none(), none(), none())
	}
	switch {
	case left && len(d.LeftSources) > 0:
		cells = append(cells, ui.Cell{Text: number(d.LeftOut)}, ui.Cell{Text: sourcesWords(d.LeftSources)})
	case left:
		cells = append(cells, none(), none())
	}
	count := ui.Cell{Text: format.Count(d.N), Sub: strings.TrimPrefix(outsideWords(d), ", ")}
	if p.intoChart() {
		count.Href = p.slotEvents(s)
	}
	cells = append(cells, count, ui.Cell{Text: format.Count(d.Used)}, ui.Cell{Text: format.Count(boundCount(d))})
	if below != "" {
		cells = append(cells, ui.Cell{Text: "Hours of " + format.Date(s.day), Href: below, HX: chartHX()})
	}
	return cells
}

// intoChart reports whether the points lead to a nearer chart rather than to events.
func (p panel) intoChart() bool {
	return p.props.Window.Zoom == health.Years || p.props.Window.Zoom == health.Months
}

func none() ui.Cell { return ui.Cell{Text: "none", Muted: true} }
