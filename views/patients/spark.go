package patients

import (
	"strconv"
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

// drawnOf is what a day's point stands for: the mean, for totals such as steps the sum.
func drawnOf(s health.Series, p health.DayPoint) (value, least, most float64) {
	if s.Metric.Kind == health.Total {
		return p.Sum, p.Sum, p.Sum
	}
	return p.Mean, p.Min, p.Max
}

// newSpark draws a series' days, each at its distance in time, over their own
// range; the words give the least and greatest value.
func newSpark(s health.Series) spark {
	first, last := s.Points[0], s.Points[len(s.Points)-1]
	low, least, most := drawnOf(s, first)
	high := low
	for _, p := range s.Points {
		v, lo, hi := drawnOf(s, p)
		low, high, least, most = min(low, v), max(high, v), min(least, lo), max(most, hi)
	}
	days := float64(first.Day.DaysUntil(last.Day))
	line := make([]string, 0, len(s.Points))
	var x, y string
	for _, p := range s.Points {
		across, up := 1.0, 0.5
		if days > 0 {
			across = float64(first.Day.DaysUntil(p.Day)) / days
		}
		if v, _, _ := drawnOf(s, p); high > low {
			up = (v - low) / (high - low)
		}
		x, y = px(sparkInset+across*(sparkWidth-2*sparkInset)), px(sparkHeight-sparkInset-up*(sparkHeight-2*sparkInset))
		line = append(line, x+","+y)
	}
	drawn := spark{x: x, y: y, text: sparkWords(s, least, most)}
	if len(line) > 1 {
		drawn.line = strings.Join(line, " ")
	}
	return drawn
}

func sparkWords(s health.Series, least, most float64) string {
	values := sparkNumber(least)
	if most > least {
		values += " to " + sparkNumber(most)
	}
	if s.Metric.Kind == health.Total {
		values = "sums of " + values
	}
	words := strings.TrimSpace(values+" "+format.Unit(s.Unit)) + ", " + format.Things(len(s.Points), "day") + " since " + format.Date(s.Points[0].Day)
	if leavesOut(s) {
		words += "; where sources overlap, one counts"
	}
	return words
}

// sparkNumber prints all digits of a number. One of more than ten was computed,
// by a conversion or as a sum, and says that it is rounded.
func sparkNumber(v float64) string {
	text := format.Number(v)
	if short := strconv.FormatFloat(v, 'g', 10, 64); len(strings.Trim(text, "-0.")) > 11 && !strings.ContainsAny(short, "e") {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
		if err == nil {
			return "about " + format.Number(rounded)
		}
	}
	return text
}
