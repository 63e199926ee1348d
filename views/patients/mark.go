package patients

import (
	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// MarkOf warns of a number that is not plausible, or whose unit can't be right,
// in words. The number itself is shown as it came. unit is the one that it is shown in.
func MarkOf(o health.Observation, unit string) ui.Mark {
	switch units.DoubtOf(&o) {
	case units.OutOfBounds:
		why := "outside plausible bounds " + plausible(o.Metric, unit)
		if units.Read(&o, unit).Converted() {
			return ui.Mark{Label: "implausible", Why: why + "; the received value stands beside"}
		}
		return ui.Mark{Label: "implausible", Why: why + "; shown as received"}
	case units.ForeignUnit:
		return ui.Mark{Label: "implausible unit", Why: format.Unit(o.Unit) + " is no unit of this metric; shown as received"}
	case units.UnknownUnit:
		if o.Unit == "" {
			return ui.Mark{Label: "no unit", Why: "none was given, so that bounds can't be checked; shown as received"}
		}
		return ui.Mark{Label: "unknown unit", Why: "bounds can't be checked; shown as received"}
	case units.Contradiction:
		return ui.Mark{Label: "contradictory unit", Why: "the code says " + format.Unit(o.Unit) + ", the text " + o.OrigUnit + "; shown by the code"}
	default:
		return ui.Mark{}
	}
}

// plausible words the bounds of a metric in a unit: "20–300 /min".
func plausible(metric, unit string) string {
	low, high, ok := units.Bounds(metric, unit)
	if !ok {
		return "of this metric"
	}
	// Bounds that were converted have endless digits; the catalogue's are short.
	word := func(v float64) string {
		if s := format.Number(v); len(s) <= 6 {
			return s
		}
		return units.Shown(v, "")
	}
	return word(low) + "–" + word(high) + " " + format.Unit(unit)
}

// UnitChoice is the field that chooses a metric's unit, and the hidden field that
// says whose unit it is, so that it is not taken over to another metric; false
// where there is nothing to choose. chosen is empty for the stored unit.
func UnitChoice(id, metric, chosen string) (field ui.FieldProps, of ui.Hidden, ok bool) {
	choices := units.Choices(metric)
	if len(choices) < 2 {
		return field, of, false
	}
	field = ui.FieldProps{ID: id, Name: "unit", Label: "Unit", Type: ui.FieldSelect, Value: chosen, Options: []ui.Option{{Label: "As stored"}}}
	for _, u := range choices {
		field.Options = append(field.Options, ui.Option{Value: u, Label: format.Unit(u)})
	}
	return field, ui.Hidden{Name: "unit_of", Value: metric}, true
}
