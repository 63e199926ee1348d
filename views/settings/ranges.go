package settings

import (
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// RangesPath is the address of the general adult ranges.
const RangesPath = "/settings/ranges"

// RangesProps are what the page of the general adult ranges shows.
type RangesProps struct {
	// Sheet are the ranges with the last act about each, dated in Zone, the site's.
	Sheet adultrange.Sheet
	Zone  *time.Location
	// Done is what was done a moment ago: signed-off, withdrawn or nothing.
	Done string
	// Problem is why something was refused; empty for nothing.
	Problem string
	CSRF    string
}

func (p RangesProps) done() string {
	switch p.Done {
	case "signed-off":
		return "Range signed off. Pages mark values outside it from now on."
	case "withdrawn":
		return "Sign-off withdrawn. Pages mark nothing by it any more."
	default:
		return ""
	}
}

// rangeGroup are the ranges of one card.
type rangeGroup struct {
	name, id string
	list     []adultrange.Standing
}

func (p RangesProps) groups() []rangeGroup {
	var groups []rangeGroup
	for _, s := range p.Sheet.Standings() {
		i := slices.IndexFunc(groups, func(g rangeGroup) bool { return g.name == s.Range.Group })
		if i < 0 {
			i = len(groups)
			groups = append(groups, rangeGroup{name: s.Range.Group, id: "ranges-" + strconv.Itoa(i+1)})
		}
		groups[i].list = append(groups[i].list, s)
	}
	return groups
}

func rangeColumns() []ui.Column {
	return []ui.Column{{Label: "Metric"}, {Label: "Range"}, {Label: "Source"}, {Label: "Signed off"}, {Label: "Act", Hidden: true}}
}

func (p RangesProps) rows(g rangeGroup) []templ.Component {
	rows := make([]templ.Component, len(g.list))
	for i, s := range g.list {
		m := s.Range.Metric
		cells := []ui.Cell{
			{Content: rangeName(s.Range), Header: true},
			{Content: rangeParts(s.Range)},
			{Text: s.Range.Source},
			{Content: rangeState(s)},
			{},
		}
		if s.Range.Marks() || s.Last.Kind == adultrange.SignOff {
			cells[4] = ui.Cell{Content: rangeActs(s, p.CSRF)}
		}
		rows[i] = ui.Row(ui.RowProps{ID: "range-" + m.Code, Columns: rangeColumns(), Cells: cells})
	}
	return rows
}

// partWords is a part of the range with whom it is for: "men: 13 g/dL or more".
func partWords(r adultrange.Range, part adultrange.Part) string {
	words := format.AdultRange(r, part, "")
	switch part.Sex {
	case health.Male:
		return "men: " + words
	case health.Female:
		return "women: " + words
	default:
		return words
	}
}

// ages says at which ages the ranges hold.
func ages() string { return strconv.Itoa(adultrange.AdultAge) + " years and older" }

// noMarks says why a range can't be signed off.
func noMarks(c adultrange.Context) string {
	switch c {
	case adultrange.AtRest, adultrange.Fasting:
		return "Marks nothing: no value says whether it was taken " + string(c) + "."
	default:
		return "Marks nothing: values are parts of " + string(c) + ", the range is of the whole."
	}
}

// lastAct is who did what and when: "by Dr Eve on 27 Nov 2026, 14:05".
func lastAct(a adultrange.Act) string {
	return "by " + a.By + " on " + format.Date(health.DayOf(a.At)) + ", " + a.At.Format("15:04")
}
