package patients

import (
	"fmt"
	"slices"
	"strings"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
)

// note says how the chart is to be read.
func (p ChartProps) note() string {
	zoom := p.Window.Zoom
	note := "Days in " + p.Window.Zone.String() + ". "
	switch zoom {
	case health.Years, health.Months:
		note += fmt.Sprintf("Every %s with data leads to its %ss.", stepName(zoom), stepName(nearer(zoom)))
	case health.Days:
		note += "Every day with data is a link to its events, its number below to its hours."
	default:
		note += "Every hour with data leads to its events. What lasts longer counts where it begins."
		if n := len(p.Window.DayHours()); n != 24 {
			note += fmt.Sprintf(" The clocks change: this day has %d hours.", n)
		}
	}
	if p.rounded() {
		note += " Numbers after ≈ are rounded."
	}
	return note
}

// lowerFirst begins a metric's name inside of a sentence; abbreviations stay.
func lowerFirst(s string) string {
	if len(s) > 1 && strings.ToLower(s[1:2]) == s[1:2] {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// rounded reports whether a number of the chart is.
func (p ChartProps) rounded() bool {
	for _, s := range slices.Concat(p.Series, p.Compared) {
		if strings.Contains(rangeWords(s), "≈") {
			return true
		}
		for _, d := range s.Points {
			if strings.Contains(pointWords(s, d), "≈") {
				return true
			}
		}
	}
	return false
}

// seriesName tells several series of one metric apart.
func seriesName(s health.Series) string {
	parts := []string{s.Metric.Name}
	if s.Code != "" {
		code := s.Code
		if s.CodeSystem == health.SystemLOINC {
			code = "LOINC " + code
		}
		if stage := stageWords(s); stage != "" {
			code = stage + ", " + code
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

// stageWords name the stage of sleep that a series is of. 93832-4 is none: some write a night's
// total under it, others sleep of no known stage.
func stageWords(s health.Series) string {
	stage, ok := health.SleepStage(&health.Observation{Metric: s.Metric.Code, CodeSystem: s.CodeSystem, Code: s.Code})
	switch {
	case !ok || !stage.Asleep() || stage == health.StageAsleep:
		return ""
	case stage == health.StageCore:
		return "light or core sleep"
	default:
		return string(stage) + " sleep"
	}
}

// caption names a figure and says how it is drawn.
func (p panel) caption() string { return seriesName(p.series) + ", " + p.how() }

// how says which time is drawn, and how.
func (p panel) how() string {
	each := stepName(p.props.Window.Zoom)
	how := "lowest to highest of each " + each + " as a band, mean as a line"
	switch p.series.Metric.Kind {
	case health.Total:
		how = "sum of each " + each + ", in which each moment counts once where sources overlap"
	case health.Laboratory:
		how = "lowest and highest value of each " + each + " as points"
	}
	return p.props.where() + ": " + how
}

// legend explains what else the figure shows, or why it doesn't.
func (p panel) legend() string {
	parts := make([]string, 0, 2)
	if words := rangeWords(p.series); words != "" {
		parts = append(parts, words)
	}
	bounds, wordless := false, false
	if leavesOut(p.series) {
		parts = append(parts, "Sources measured the same time: it counts from the one that comes first, and what the others say of it is left out of the sums. The table of events has every record.")
	}
	for _, d := range p.series.Points {
		bounds = bounds || len(d.Bounds) > 0
		wordless = wordless || d.Used == 0 && len(d.Bounds) == 0
	}
	if bounds {
		parts = append(parts, "Open triangles are bounds (▽ <, △ >): counted, but in no mean.")
	}
	if wordless {
		parts = append(parts, "◇ is data without a number.")
	}
	return strings.Join(parts, " ")
}

// rangeWords say which of the laboratory's ranges is drawn; empty for metrics that have none.
func rangeWords(s health.Series) string {
	switch r := s.Range; {
	case r == nil && s.Metric.Kind == health.Laboratory:
		return "The laboratory gave no range with these values."
	case r == nil:
		return ""
	case r.Mixed:
		return "Not all values shown carry the same range of the laboratory: none is drawn. The table of events has each value's own."
	case r.Low != nil && r.High != nil:
		return "Shaded: the laboratory's own range of all values shown, " + number(*r.Low) + "–" + withUnit(number(*r.High), s) + "."
	case r.Low != nil:
		return "Shaded: the laboratory's own range of all values shown, ≥ " + withUnit(number(*r.Low), s) + "."
	default:
		return "Shaded: the laboratory's own range of all values shown, ≤ " + withUnit(number(*r.High), s) + "."
	}
}

func withUnit(text string, s health.Series) string {
	return strings.TrimSpace(text + " " + format.Unit(s.Unit))
}

// pointWords say what a point holds: "48 to 131, mean 72.4 /min, 1,204 observations".
func pointWords(s health.Series, p health.DayPoint) string {
	count := format.Things(p.N, "observation")
	beside := besideWords(s, p)
	switch {
	case p.Used == 0 && len(p.Bounds) == 0:
		return "no plain numbers, " + count
	case p.Used == 0:
		return "no plain numbers but " + beside + ", " + count
	case beside != "":
		return numbersWords(s, p) + ", beside them " + beside + ", " + count
	default:
		return numbersWords(s, p) + ", " + count
	}
}

func numbersWords(s health.Series, p health.DayPoint) string {
	switch {
	case s.Metric.Kind == health.Total:
		return "sum " + withUnit(sum(p), s) + leftWords(s, p)
	case p.Min == p.Max:
		return withUnit(number(p.Min), s)
	default:
		return fmt.Sprintf("%s to %s, mean %s", number(p.Min), number(p.Max), withUnit(mean(p), s))
	}
}

// leftWords say what the sum leaves out: "; 3900 of Anna's iPhone left out, because another source measured the same time".
func leftWords(s health.Series, p health.DayPoint) string {
	if len(p.LeftSources) == 0 {
		return ""
	}
	return "; " + withUnit(number(p.LeftOut), s) + " of " + sourcesWords(p.LeftSources) + " left out, because another source measured the same time"
}

// mostSources is how many sources are named.
const mostSources = 3

// sourcesWords name sources: "a, b and 2 other sources".
func sourcesWords(names []string) string {
	if more := len(names) - mostSources; more > 0 {
		return strings.Join(names[:mostSources], ", ") + " and " + format.Things(more, "other source")
	}
	return strings.Join(names, ", ")
}

// leavesOut reports whether a sum of the series leaves something out.
func leavesOut(s health.Series) bool {
	return slices.ContainsFunc(s.Points, func(p health.DayPoint) bool { return len(p.LeftSources) > 0 })
}

// mostBounds is how many different bounds a name lists.
const mostBounds = 3

// besideWords say what did not enter a point's numbers: "< 0.1 mmol/L (2 times) and 1 without a number".
func besideWords(s health.Series, p health.DayPoint) string {
	var parts []string
	rest, more := p.N-p.Used, 0
	for i, b := range p.Bounds {
		rest -= b.N
		if i >= mostBounds {
			more += b.N
			continue
		}
		words := withUnit(format.Bound(b.Comparator, number(b.Value)), s)
		if b.N > 1 {
			words += fmt.Sprintf(" (%s times)", format.Count(b.N))
		}
		parts = append(parts, words)
	}
	if more > 0 {
		parts = append(parts, format.Things(more, "other bound"))
	}
	if rest > 0 {
		parts = append(parts, format.Count(rest)+" without a number")
	}
	return strings.Join(parts, " and ")
}

// boundCount is how many Observations of a point are bounds.
func boundCount(p health.DayPoint) int {
	n := 0
	for _, b := range p.Bounds {
		n += b.N
	}
	return n
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

// sum prints a sum with as many decimals as its smallest and largest part. Where
// something is left out it holds shares of its parts, and may have more.
func sum(p health.DayPoint) string {
	s := number(p.Sum)
	if len(p.LeftSources) > 0 || !strings.Contains(s, "≈") || strings.Contains(number(p.Min)+number(p.Max), "≈") {
		return s
	}
	return format.Mean(p.Sum, p.Min, p.Max)
}
