package events

import (
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/patients"
	"healthportal/views/ui"
)

// The two metrics that read as one: 118/76.
const (
	systolic  = "bp_systolic"
	diastolic = "bp_diastolic"
)

// grouping is what the values of one measurement share.
type grouping struct {
	at, end time.Time
	source  int
	group   string
}

func groupOf(e health.Event) grouping {
	return grouping{e.EffectiveAt.UTC(), e.EffectiveEnd.UTC(), e.SourceID, e.Group}
}

// lines are the table's lines: one event, the systolic and the diastolic value of one
// measurement, or what the page has of a night. Such a pair is one line only where the page has both, so that a
// page counts and shows the same events however they read.
func (p Props) lines() [][]health.Event {
	groups := map[grouping][]health.Event{}
	for _, e := range p.Page.Events {
		if e.Group != "" && (e.Metric == systolic || e.Metric == diastolic) {
			groups[groupOf(e)] = append(groups[groupOf(e)], e)
		}
	}
	var lines [][]health.Event
	done := map[grouping]bool{}
	nights, told := p.nights(), map[*night]bool{}
	for _, e := range p.Page.Events {
		g := groupOf(e)
		pair := groups[g]
		switch n := nights[e.ID]; {
		case n != nil && told[n]:
		case n != nil:
			told[n] = true
			lines = append(lines, n.events)
		case e.Group == "" || e.Metric != systolic && e.Metric != diastolic || !p.pairs(pair):
			lines = append(lines, []health.Event{e})
		case !done[g]:
			done[g] = true
			if pair[0].Metric == diastolic {
				pair[0], pair[1] = pair[1], pair[0]
			}
			lines = append(lines, pair)
		}
	}
	return lines
}

// pairs reports whether the values of a group read as one.
func (p Props) pairs(g []health.Event) bool {
	if len(g) != 2 || g[0].Metric == g[1].Metric || g[0].Torn || g[1].Torn {
		return false
	}
	a, b := units.Read(&g[0].Observation, p.Unit), units.Read(&g[1].Observation, p.Unit)
	return g[0].HasValue && g[1].HasValue && a.Unit == b.Unit && g[0].StartDay == g[1].StartDay && g[0].Day == g[1].Day
}

// both joins what is said of the two values; where it is the same, it is said once.
func both(a, b string) string {
	switch {
	case a == b:
		return a
	case a == "":
		return "diastolic " + b
	case b == "":
		return "systolic " + a
	default:
		return "systolic " + a + "; diastolic " + b
	}
}

// pairCells are the cells of a systolic and a diastolic value.
func (p Props) pairCells(s, d health.Event) []ui.Cell {
	a, b := p.cells(s), p.cells(d)
	value := ui.Cell{Text: a[2].Text + "/" + b[2].Text, Sub: apart(a[2].Sub, b[2].Sub), Mark: bothMarks(a[2].Mark, b[2].Mark)}
	unit := ui.Cell{Text: a[3].Text, Sub: apart(a[3].Sub, b[3].Sub)}
	cells := []ui.Cell{a[0], {Text: "Blood pressure", Sub: "systolic/diastolic"}, value, unit, pairFlag(s, d), p.pairStatus(s, d), sourceCell(s)}
	cells[6].Sub = both(s.Device, d.Device)
	return cells
}

// apart joins what is said of the two values, each by its name, since numbers of the
// one must never be taken for the other's.
func apart(a, b string) string {
	if a == b && a != "" {
		return "systolic " + a + "; diastolic " + b
	}
	return both(a, b)
}

func bothMarks(a, b ui.Mark) ui.Mark {
	if a.Label == "" && b.Label == "" {
		return ui.Mark{}
	}
	m := ui.Mark{Label: a.Label, Why: apart(a.Why, b.Why), Arrow: bothArrows(a, b)}
	if a.Label != b.Label {
		m.Label = strings.Trim(a.Label+", "+b.Label, ", ")
	}
	return m
}

// bothArrows is the arrow of two marks; none where one of them is a warning.
func bothArrows(a, b ui.Mark) ui.Icon {
	switch {
	case a.Label == "":
		return b.Arrow
	case b.Label == "" || a.Arrow == b.Arrow:
		return a.Arrow
	case a.Arrow == "" || b.Arrow == "":
		return ""
	default:
		return ui.IconSort // one above, one below
	}
}

// pairFlag shows the laboratory's flag of each value.
func pairFlag(s, d health.Event) ui.Cell {
	if s.Flag == "" && d.Flag == "" {
		return ui.Cell{}
	}
	return ui.Cell{Content: pairFlags(patients.FlagCell(s.Observation), patients.FlagCell(d.Observation))}
}

func (p Props) pairStatus(s, d health.Event) ui.Cell {
	if s.Status == d.Status && s.Version <= 1 && d.Version <= 1 {
		return p.statusCell(s)
	}
	return ui.Cell{Content: p.statuses(s, d)}
}

// part names a value of a pair; alone it needs no name.
func part(e health.Event, of int) string {
	switch {
	case of < 2:
		return ""
	case e.Metric == systolic:
		return "systolic "
	default:
		return "diastolic "
	}
}

// readingOf is a value with its unit.
func readingOf(p Props, e health.Event) string {
	if !e.HasValue {
		return e.ValueText
	}
	read := units.Read(&e.Observation, p.Unit)
	return strings.TrimSpace(format.Reading(e.Observation, read) + " " + format.Unit(read.Unit))
}
