package patients

import (
	"math"
	"strconv"

	"healthportal/app/health"
)

func px(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// scale maps values to the drawing.
type scale struct{ low, high, step float64 }

// newScale covers a series, its bounds and its range with round ticks; false where it has no numbers.
func newScale(s health.Series) (scale, bool) {
	low, high := math.Inf(1), math.Inf(-1)
	cover := func(v float64) { low, high = math.Min(low, v), math.Max(high, v) }
	for _, p := range s.Points {
		for _, b := range p.Bounds {
			cover(b.Value)
		}
		switch {
		case p.Used == 0:
		case s.Metric.Kind == health.Total:
			cover(p.Sum)
		default:
			cover(p.Min)
			cover(p.Max)
		}
	}
	if math.IsInf(low, 1) {
		return scale{}, false
	}
	if s.Metric.Kind == health.Total {
		cover(0)
	}
	if r := s.Range; r != nil {
		for _, end := range []*float64{r.Low, r.High} {
			if end != nil {
				cover(*end)
			}
		}
	}
	return rounded(low, high, s.Metric.Kind == health.Total), true
}

// rounded widens low to high to round ticks, and totals not at all beyond them.
func rounded(low, high float64, total bool) scale {
	if low == high {
		pad := math.Max(math.Abs(low)*0.1, 1e-6)
		low, high = low-pad, high+pad
	}
	if !total {
		// A little room, so that no point lies on the axis; but not below zero for its sake.
		if room := high/20 - low/20; low < 0 || low >= room {
			low -= room
		}
	}
	// Halves first, so that the span of two huge values of opposite sign stays finite.
	step := roundStep((high/2 - low/2) / 2)
	return scale{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step, step: step}
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
