package patients

import (
	"strings"

	"healthportal/app/health"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// The drawing's measures, in SVG units; the line keeps clear of the border.
const (
	sparkWidth  = 120.0
	sparkHeight = 28.0
	sparkInset  = 3.0
)

// spark is one sparkline: text for SVG attributes, and the words beside it.
type spark struct{ line, x, y, text string }

// trend is the sparkline of the series that the value belongs to. A value that is
// no number, or of a series without numbers, has none.
func (p ShowProps) trend(e health.Event) ui.Cell {
	for _, s := range p.Sparks {
		if s.Metric.Code == e.Metric && s.CodeSystem == e.CodeSystem && s.Code == e.Code && s.Unit == e.Unit && len(s.Points) > 0 {
			return ui.Cell{Content: sparkline(newSpark(s))}
		}
	}
	return ui.Cell{}
}

// newSpark draws the means of a series' days, each at its distance in time, over
// their own range; the words give the least and greatest value, unrounded.
func newSpark(s health.Series) spark {
	first, last := s.Points[0], s.Points[len(s.Points)-1]
	low, high, least, most := first.Mean, first.Mean, first.Min, first.Max
	for _, p := range s.Points {
		low, high, least, most = min(low, p.Mean), max(high, p.Mean), min(least, p.Min), max(most, p.Max)
	}
	days := float64(first.Day.DaysUntil(last.Day))
	var line []string
	var x, y string
	for _, p := range s.Points {
		across, up := 1.0, 0.5
		if days > 0 {
			across = float64(first.Day.DaysUntil(p.Day)) / days
		}
		if high > low {
			up = (p.Mean - low) / (high - low)
		}
		x, y = px(sparkInset+across*(sparkWidth-2*sparkInset)), px(sparkHeight-sparkInset-up*(sparkHeight-2*sparkInset))
		line = append(line, x+","+y)
	}
	drawn := spark{x: x, y: y}
	if len(line) > 1 {
		drawn.line = strings.Join(line, " ")
	}
	values := format.Number(least)
	if most > least {
		values += " to " + format.Number(most)
	}
	drawn.text = strings.TrimSpace(values+" "+format.Unit(s.Unit)) + ", " + format.Things(len(s.Points), "day") + " since " + format.Date(first.Day)
	return drawn
}
