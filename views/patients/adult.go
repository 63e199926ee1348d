package patients

import (
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// RangeHref is the place of a metric's general adult range on their page.
func RangeHref(metric string) string { return "/settings/ranges#range-" + metric }

// Marked is the mark of a value: a doubt about its number, else where it lies
// outside a general adult range that is signed off. unit is the one that it is shown in.
func Marked(ranges adultrange.Sheet, p health.Person, e health.Event, unit string) ui.Mark {
	if m := MarkOf(e.Observation, unit); m.Label != "" {
		return m
	}
	outcome, standing, outside := ranges.Judge(p, &e)
	if !outside {
		return ui.Mark{}
	}
	part, _ := standing.Range.Of(p.Sex)
	m := ui.Mark{Label: "above the general adult range", Arrow: ui.IconUp}
	if outcome == adultrange.Below {
		m = ui.Mark{Label: "below the general adult range", Arrow: ui.IconDown}
	}
	m.Why = format.AdultRange(standing.Range, part, unit) + ", " + format.SignedOff(standing.Last)
	return m
}

// adultWords say what the general adult range of a metric is in the chart's unit,
// whether it holds for the patient, and whether it marks anything; empty where there is none.
func (p ChartProps) adultWords(metric, unit string) string {
	standing, ok := p.Ranges.Of(metric)
	if !ok {
		return ""
	}
	r := standing.Range
	name := "General adult range of " + lowerFirst(r.Metric.Name)
	fits := r.Fits(p.Person, p.Window.To)
	switch fits {
	case adultrange.AgeUnknown:
		return name + ": none holds here, because the patient's age is not known."
	case adultrange.UnderAge:
		return name + ": none holds here, because the patient was under 18."
	case adultrange.SexUnknown:
		return name + ": none holds here, because it differs by sex and the patient's is recorded as " + format.Sex(p.Person.Sex) + "."
	}
	part, _ := r.Of(p.Person.Sex)
	words := format.AdultRange(r, part, unit)
	switch {
	case fits == adultrange.ContextUnknown:
		return name + ", for orientation only: " + words + ". Nothing is marked, because " + contextWords(r.Context) + "."
	case standing.Lapsed():
		return name + ", for orientation only: " + words + ". It was another one when it was signed off, so that nothing is marked."
	case !standing.SignedOff():
		return name + ", for orientation only: " + words + ". It is not signed off, so that nothing is marked."
	}
	said := name + ": " + words + ", " + format.SignedOff(standing.Last) + ". Dotted lines: its ends, where the laboratory gave no range."
	if r.Fits(p.Person, p.Window.From) != adultrange.Within {
		said += " It holds from the 18th birthday on."
	}
	if !adultrange.Looks(p.Window) {
		return said + " Charts of days and of hours ring the values outside."
	}
	return said + " Rings: values outside, to which the laboratory gave neither a range nor a flag."
}

// contextWords say why no value can be held against a range of a context.
func contextWords(c adultrange.Context) string {
	switch c {
	case adultrange.AtRest, adultrange.Fasting:
		return "no value says whether it was taken " + string(c)
	default:
		return "values are parts of " + string(c)
	}
}

// outsideWords say how many values of a point lie outside: ", 2 above the general adult range".
func outsideWords(d health.DayPoint) string {
	words := ""
	if n := d.Above.N; n > 0 {
		words += ", " + format.Count(n) + " above the general adult range"
	}
	if n := d.Below.N; n > 0 {
		words += ", " + format.Count(n) + " below the general adult range"
	}
	return words
}

// drawGeneral rings the values outside a signed-off general adult range, and draws
// its ends where they lie within the figure and the laboratory gave no range of its own.
func (f *figure) drawGeneral(p panel) {
	for i, v := range f.values {
		if v == nil {
			continue
		}
		for _, o := range []health.Outside{v.Above, v.Below} {
			if o.N > 0 {
				f.rings = append(f.rings, mark{px(f.centre(i)), px(f.scale.y(o.Furthest))})
			}
		}
	}
	standing, ok := p.props.Ranges.Of(p.metric.Code)
	person, w := p.props.Person, p.props.Window
	if !ok || !standing.SignedOff() || p.series.Range != nil ||
		standing.Range.Fits(person, w.From) != adultrange.Within || standing.Range.Fits(person, w.To) != adultrange.Within {
		return
	}
	part, _ := standing.Range.Of(person.Sex)
	for _, l := range []adultrange.Limit{part.Low, part.High} {
		if !l.Is() {
			continue
		}
		v, err := units.Convert(p.metric.Code, l.Value(), standing.Range.Metric.Unit, p.series.Unit)
		if err == nil && v >= f.scale.low && v <= f.scale.high {
			f.general = append(f.general, px(f.scale.y(v)))
		}
	}
}
