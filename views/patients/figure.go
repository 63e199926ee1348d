package patients

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"healthportal/app/health"
)

// The drawing's measures, in SVG units. charts.css draws the narrowest figure on
// at least 52 rem, so that a slot is never less than 24 CSS pixels wide.
const (
	narrowest  = 900.0
	leastPitch = 27.0
	plotLeft   = 56.0
	rightEdge  = 4.0
	plotTop    = 12.0
	plotBottom = 250.0
	// Below the axis stand the labels, and where it takes one a second line.
	labelHeight = 28.0
	subHeight   = 15.0
)

// figure is a series' drawing: text for SVG attributes, computed apart from the markup.
type figure struct {
	width   float64
	ticks   []tick
	places  []place
	ranges  []string // path data of the laboratory's range
	edges   []string // its ends, as heights
	general []string // ends of a signed-off general adult range, as heights
	rings   []mark   // values outside it
	bands   []string // path data
	lines   []string // polyline points
	points  []mark
	bars    []bar
	bounds  []string // path data of open triangles and diamonds
	pitch   float64
	slots   []slot
	values  []*health.DayPoint
	scale   scale
	numbers bool // there is something to scale
}

type tick struct{ y, label string }

// place is a slot as it is drawn; href is empty where there is no data, and
// below where nothing but href leads nearer.
type place struct{ x, width, middle, label, sub, href, name, below, belowName string }

type mark struct{ x, y string }

type bar struct{ x, y, width, height string }

// newFigure draws a panel on the slots of the chart.
func newFigure(p panel, slots []slot) figure {
	f := figure{slots: slots, values: pointsBySlot(p.series, slots), width: narrowest}
	if n := float64(len(slots)); n*leastPitch > narrowest-plotLeft-rightEdge {
		f.width = plotLeft + rightEdge + n*leastPitch
	}
	f.pitch = (f.width - plotLeft - rightEdge) / max(1, float64(len(slots)))
	for i, s := range slots {
		at := place{x: px(f.left(i)), width: px(f.pitch), middle: px(f.centre(i)), label: s.label, sub: s.sub}
		if v := f.values[i]; v != nil {
			at.href, at.below = p.links(s)
			at.name, at.belowName = s.name+": "+pointWords(p.series, *v)+outsideWords(*v), "Hours of "+s.name
		}
		f.places = append(f.places, at)
	}
	if f.scale, f.numbers = newScale(p.series); !f.numbers {
		f.drawWordless()
		return f
	}
	f.ticks = f.scale.ticks()
	f.drawRange(p.series.Range)
	switch p.series.Metric.Kind {
	case health.Total:
		f.drawBars()
	case health.Laboratory:
		f.drawPoints()
	default:
		f.drawBands()
	}
	f.drawBounds()
	f.drawGeneral(p)
	f.drawWordless()
	return f
}

// wide reports whether the figure needs more room than most.
func (f figure) wide() bool { return f.width > narrowest }

// viewBox leaves room for the second line where a slot has one.
func (f figure) viewBox() string {
	height := plotBottom + labelHeight + 2
	if slices.ContainsFunc(f.slots, func(s slot) bool { return s.sub != "" }) {
		height += subHeight
	}
	return fmt.Sprintf("0 0 %s %s", px(f.width), px(height))
}

func (f figure) right() string { return px(f.width - rightEdge) }

func (f figure) left(i int) float64 { return plotLeft + float64(i)*f.pitch }

func (f figure) centre(i int) float64 { return f.left(i) + f.pitch/2 }

func drawn(p *health.DayPoint) bool { return p != nil && p.Used > 0 }

// drawBands draws each run of slots with numbers; those without leave a gap.
func (f *figure) drawBands() {
	for i := 0; i < len(f.values); i++ {
		if !drawn(f.values[i]) {
			continue
		}
		end := i
		for end+1 < len(f.values) && drawn(f.values[end+1]) && !f.slots[end+1].apart {
			end++
		}
		f.drawRun(i, end)
		i = end
	}
}

func (f *figure) drawRun(from, to int) {
	var upper, line []string
	lower := make([]string, 0, to-from+1)
	for i := from; i <= to; i++ {
		x, v := px(f.centre(i)), f.values[i]
		f.points = append(f.points, mark{x, px(f.scale.y(v.Mean))})
		upper = append(upper, x+" "+px(f.scale.y(v.Max)))
		line = append(line, x+","+px(f.scale.y(v.Mean)))
	}
	for i := to; i >= from; i-- {
		lower = append(lower, px(f.centre(i))+" "+px(f.scale.y(f.values[i].Min)))
	}
	if from == to {
		// One point alone has no width as a band: a bar as wide as a third of it, but no wider than a day's.
		x, half := f.centre(from), min(f.pitch/6, 6)
		top, bottom := px(f.scale.y(f.values[from].Max)), px(f.scale.y(f.values[from].Min))
		f.bands = append(f.bands, fmt.Sprintf("M%s %sH%sV%sH%sZ", px(x-half), top, px(x+half), bottom, px(x-half)))
		return
	}
	f.bands = append(f.bands, "M"+strings.Join(upper, "L")+"L"+strings.Join(lower, "L")+"Z")
	f.lines = append(f.lines, strings.Join(line, " "))
}

func (f *figure) drawPoints() {
	for i, p := range f.values {
		if !drawn(p) {
			continue
		}
		x := px(f.centre(i))
		f.points = append(f.points, mark{x, px(f.scale.y(p.Max))})
		if p.Min != p.Max {
			f.points = append(f.points, mark{x, px(f.scale.y(p.Min))})
		}
	}
}

// widestBar keeps the bars of a few years from becoming walls.
const widestBar = 60.0

func (f *figure) drawBars() {
	width := min(f.pitch*0.6, widestBar)
	for i, p := range f.values {
		if !drawn(p) {
			continue
		}
		zero, y := f.scale.y(math.Max(f.scale.low, math.Min(0, f.scale.high))), f.scale.y(p.Sum)
		f.bars = append(f.bars, bar{px(f.centre(i) - width/2), px(math.Min(y, zero)), px(width), px(math.Abs(zero - y))})
	}
}

// drawRange shades the range up to the figure's ends where it is open.
func (f *figure) drawRange(r *health.Range) {
	if r == nil || r.Mixed || r.Low == nil && r.High == nil {
		return
	}
	top, bottom := plotTop, plotBottom
	if r.High != nil {
		top = f.scale.y(*r.High)
		f.edges = append(f.edges, px(top))
	}
	if r.Low != nil {
		bottom = f.scale.y(*r.Low)
		f.edges = append(f.edges, px(bottom))
	}
	f.ranges = append(f.ranges, fmt.Sprintf("M%s %sH%sV%sH%sZ", px(plotLeft), px(top), f.right(), px(bottom), px(plotLeft)))
}

// drawBounds draws an open triangle for each bound, its tip at the number and
// pointing to where the value lies.
func (f *figure) drawBounds() {
	const half, tall = 4.5, 8.0
	seen := map[string]bool{}
	for i, p := range f.values {
		if p == nil {
			continue
		}
		for _, b := range p.Bounds {
			x, y, up := f.centre(i), f.scale.y(b.Value), tall
			if strings.HasPrefix(b.Comparator, ">") {
				up = -tall
			}
			d := fmt.Sprintf("M%s %sL%s %sH%sZ", px(x), px(y), px(x-half), px(y-up), px(x+half))
			if !seen[d] {
				seen[d] = true
				f.bounds = append(f.bounds, d)
			}
		}
	}
}

// drawWordless marks the slots that have data but no number, so that nobody takes them for gaps.
func (f *figure) drawWordless() {
	for i, p := range f.values {
		if p == nil || p.Used > 0 || len(p.Bounds) > 0 {
			continue
		}
		const half = 4.5
		x, y := f.centre(i), plotBottom-9
		f.bounds = append(f.bounds, fmt.Sprintf("M%s %sL%s %sL%s %sL%s %sZ", px(x), px(y-half), px(x+half), px(y), px(x), px(y+half), px(x-half), px(y)))
	}
}
