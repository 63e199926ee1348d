package patients

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"healthportal/app/health"
	"healthportal/views/format"
)

// The drawing's measures, in SVG units. A day is at least 24 CSS pixels wide
// where the drawing is at least as wide as charts.css makes it.
const (
	figureWidth  = 900.0
	figureHeight = 280.0
	plotLeft     = 52.0
	plotRight    = 896.0
	plotTop      = 12.0
	plotBottom   = 250.0
)

// figure is a month's drawing: text for SVG attributes, computed apart from the markup.
type figure struct {
	ticks  []tick
	days   []dayMark
	bands  []string // path data
	lines  []string // polyline points
	points []mark
	bars   []bar
}

type tick struct{ y, label string }

// dayMark is one day of the month; href is empty where there is no data.
type dayMark struct{ x, width, middle, label, href, name string }

type mark struct{ x, y string }

type bar struct{ x, y, width, height string }

// newFigure draws a series over the month that begins on first. href gives a day's address.
func newFigure(s health.Series, first health.Day, href func(health.Day) string) figure {
	n := first.DaysUntil(first.AddMonths(1))
	f := figure{days: make([]dayMark, n)}
	pitch := (plotRight - plotLeft) / float64(n)
	byDay := make([]*health.DayPoint, n)
	for i := range s.Points {
		if at := first.DaysUntil(s.Points[i].Day); at >= 0 && at < n {
			byDay[at] = &s.Points[i]
		}
	}
	for i := range f.days {
		day := first.AddDays(i)
		left := plotLeft + float64(i)*pitch
		f.days[i] = dayMark{x: px(left), width: px(pitch), middle: px(left + pitch/2), label: strconv.Itoa(day.Dom)}
		if p := byDay[i]; p != nil {
			f.days[i].href, f.days[i].name = href(day), format.Date(day)+": "+dayWords(s, *p)
		}
	}
	scale, ok := newScale(s)
	if !ok {
		return f
	}
	f.ticks = scale.ticks()
	switch s.Metric.Kind {
	case health.Total:
		f.drawBars(byDay, pitch, scale)
	case health.Laboratory:
		f.drawPoints(byDay, pitch, scale)
	default:
		f.drawBands(byDay, pitch, scale)
	}
	return f
}

func px(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func centre(i int, pitch float64) float64 { return plotLeft + (float64(i)+0.5)*pitch }

func drawn(p *health.DayPoint) bool { return p != nil && p.Used > 0 }

// drawBands draws each run of days with numbers; days without them leave a gap.
func (f *figure) drawBands(days []*health.DayPoint, pitch float64, s scale) {
	for i := 0; i < len(days); i++ {
		if !drawn(days[i]) {
			continue
		}
		end := i
		for end+1 < len(days) && drawn(days[end+1]) {
			end++
		}
		f.drawRun(days, i, end, pitch, s)
		i = end
	}
}

func (f *figure) drawRun(days []*health.DayPoint, from, to int, pitch float64, s scale) {
	var upper, line []string
	lower := make([]string, 0, to-from+1)
	for i := from; i <= to; i++ {
		x := px(centre(i, pitch))
		f.points = append(f.points, mark{x, px(s.y(days[i].Mean))})
		upper = append(upper, x+" "+px(s.y(days[i].Max)))
		line = append(line, x+","+px(s.y(days[i].Mean)))
	}
	for i := to; i >= from; i-- {
		lower = append(lower, px(centre(i, pitch))+" "+px(s.y(days[i].Min)))
	}
	if from == to {
		// One day alone has no width as a band: a bar of a third of the day.
		x, half := centre(from, pitch), pitch/6
		top, bottom := px(s.y(days[from].Max)), px(s.y(days[from].Min))
		f.bands = append(f.bands, fmt.Sprintf("M%s %sH%sV%sH%sZ", px(x-half), top, px(x+half), bottom, px(x-half)))
		return
	}
	f.bands = append(f.bands, "M"+strings.Join(upper, "L")+"L"+strings.Join(lower, "L")+"Z")
	f.lines = append(f.lines, strings.Join(line, " "))
}

func (f *figure) drawPoints(days []*health.DayPoint, pitch float64, s scale) {
	for i, p := range days {
		if !drawn(p) {
			continue
		}
		x := px(centre(i, pitch))
		f.points = append(f.points, mark{x, px(s.y(p.Max))})
		if p.Min != p.Max {
			f.points = append(f.points, mark{x, px(s.y(p.Min))})
		}
	}
}

func (f *figure) drawBars(days []*health.DayPoint, pitch float64, s scale) {
	for i, p := range days {
		if !drawn(p) {
			continue
		}
		zero, y := s.y(math.Max(s.low, math.Min(0, s.high))), s.y(p.Sum)
		f.bars = append(f.bars, bar{px(plotLeft + (float64(i)+0.2)*pitch), px(math.Min(y, zero)), px(pitch * 0.6), px(math.Abs(zero - y))})
	}
}

// scale maps values to the drawing.
type scale struct{ low, high, step float64 }

// newScale covers a series with round ticks; false where it has no numbers.
func newScale(s health.Series) (scale, bool) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range s.Points {
		if p.Used == 0 {
			continue
		}
		if s.Metric.Kind == health.Total {
			low, high = math.Min(low, math.Min(0, p.Sum)), math.Max(high, math.Max(0, p.Sum))
			continue
		}
		low, high = math.Min(low, p.Min), math.Max(high, p.Max)
	}
	if math.IsInf(low, 1) {
		return scale{}, false
	}
	if low == high {
		pad := math.Max(math.Abs(low)*0.1, 1e-6)
		low, high = low-pad, high+pad
	}
	if s.Metric.Kind != health.Total {
		// A little room, so that no point lies on the axis; but not below zero for its sake.
		if room := high/20 - low/20; low < 0 || low >= room {
			low -= room
		}
	}
	// Halves first, so that the span of two huge values of opposite sign stays finite.
	step := roundStep((high/2 - low/2) / 2)
	return scale{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step, step: step}, true
}

// roundStep is the nearest 1, 2 or 5 times a power of ten at or above v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) y(v float64) float64 {
	share := (v/2 - s.low/2) / (s.high/2 - s.low/2)
	return plotBottom - share*(plotBottom-plotTop)
}

func (s scale) ticks() []tick {
	decimals := max(0, -int(math.Floor(math.Log10(s.step)+1e-9)))
	var list []tick
	for i := range 20 {
		v := s.low + float64(i)*s.step
		if v > s.high+s.step/2 {
			break
		}
		list = append(list, tick{px(s.y(v)), strconv.FormatFloat(v, 'f', decimals, 64)})
	}
	return list
}
