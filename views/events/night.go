package events

import (
	"slices"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/format"
	"healthportal/views/ui"
)

// night is what the page has of one night of one source: its stages, or the total
// and the stages of one Observation with components.
type night struct {
	// events are in the table's order.
	events []health.Event
	// total is the source's own total, nil where the stages are intervals.
	total *health.Event
	// part says that the table has more of the night than the page, or may have.
	part bool
}

// nights are the nights of the page, by the ids of their events.
func (p Props) nights() map[int64]*night {
	of := map[int64]*night{}
	p.panels(of)
	p.intervals(of)
	return of
}

// intervals are nights of stages, as watches and phones write them.
func (p Props) intervals(of map[int64]*night) {
	all := make([]health.Event, 0, len(p.Page.Events)+len(p.Page.SleepNear))
	here := map[int64]bool{}
	for _, e := range p.Page.Events {
		here[e.ID] = true
		if of[e.ID] == nil {
			all = append(all, e)
		}
	}
	for _, e := range p.Page.SleepNear {
		if !here[e.ID] {
			all = append(all, e)
		}
	}
	for _, places := range health.Nights(all) {
		n := &night{part: p.Page.SleepCut}
		for _, i := range slices.Backward(places) {
			if here[all[i].ID] {
				n.events = append(n.events, all[i])
			} else {
				n.part = true
			}
		}
		if (len(n.events) > 1 || n.part) && n.readsAsOne() {
			n.put(of)
		}
	}
}

func (n *night) put(of map[int64]*night) {
	for _, e := range n.events {
		of[e.ID] = n
	}
}

// readsAsOne reports whether one line can say all that the stages say, and their sum
// counts no minute twice.
func (n *night) readsAsOne() bool {
	for i := range n.events {
		e := &n.events[i]
		if e.Version > 1 || e.Status != n.events[0].Status || e.Flag != "" || e.RefLow != nil || e.RefHigh != nil ||
			e.OrigValue != "" || e.OrigUnit != "" || units.DoubtOf(&e.Observation) != units.NoDoubt {
			return false
		}
	}
	start, end := n.span()
	return len(n.events) > 0 && end.Sub(start) <= health.LongestNight && !n.overlaps()
}

// overlaps reports whether two stages of the night share time. Time in bed is told of the
// same hours as the stages, and overlaps nothing but time in bed.
func (n *night) overlaps() bool {
	list := slices.Clone(n.events)
	slices.SortStableFunc(list, func(a, b health.Event) int { return a.EffectiveAt.Compare(b.EffectiveAt) })
	var stages, bed time.Time
	for i := range list {
		s, _ := health.StageOf(&list[i].Observation)
		last := &stages
		if s == health.StageInBed {
			last = &bed
		}
		if list[i].EffectiveAt.Before(*last) {
			return true
		}
		*last = list[i].End()
	}
	return false
}

// span is when the first stage begins and the last one ends.
func (n *night) span() (start, end time.Time) {
	for i := range n.events {
		e := &n.events[i]
		if start.IsZero() || e.EffectiveAt.Before(start) {
			start = e.EffectiveAt
		}
		if e.End().After(end) {
			end = e.End()
		}
	}
	return start, end
}

// panels are nights of which one Observation of FHIR gives the total as its value and the
// stages as its components. All have its id, but only the components have its group.
func (p Props) panels(of map[int64]*night) {
	groups := map[grouping][]health.Event{}
	var order []grouping
	for _, e := range p.Page.Events {
		g := groupOf(e)
		if e.ExternalID != "" {
			g.group = e.ExternalID
		}
		if _, ok := health.SleepStage(&e.Observation); ok && g.group != "" {
			if groups[g] == nil {
				order = append(order, g)
			}
			groups[g] = append(groups[g], e)
		}
	}
	for _, g := range order {
		n := &night{events: groups[g]}
		if n.isPanel() {
			n.put(of)
		}
	}
}

// isPanel reports whether the events, which are of one group and time, are one total and
// numbers of different stages. Intervals of one length are none.
func (n *night) isPanel() bool {
	stages := map[health.Stage]bool{}
	intervals := 0
	for i := range n.events {
		e := &n.events[i]
		s, _ := health.SleepStage(&e.Observation)
		if stages[s] || !partOfPanel(e, &n.events[0]) {
			return false
		}
		stages[s] = true
		if _, ok := health.StageOf(&e.Observation); ok {
			intervals++
		}
		if s == health.StageAsleep {
			n.total = e
		}
	}
	return n.total != nil && len(n.events) > 1 && intervals < len(n.events)
}

// partOfPanel reports whether all that is said of e, but for its number, is said of first too.
func partOfPanel(e, first *health.Event) bool {
	return !e.Torn && e.HasValue && e.Version <= 1 && e.Flag == "" && e.RefLow == nil && e.RefHigh == nil &&
		e.Status == first.Status && e.Day == first.Day && e.StartDay == first.StartDay && e.Device == first.Device &&
		units.DoubtOf(&e.Observation) == units.NoDoubt
}

// nightCells are the cells of a night.
func (p Props) nightCells(n *night) []ui.Cell {
	first := n.events[0]
	cells := p.cells(first)
	cells[1] = ui.Cell{Content: p.nightName(n)}
	if n.total != nil {
		cells[2], cells[3] = p.valueCell(*n.total), p.unitCell(*n.total)
		cells[2].Sub = strings.Join(p.panelStages(n), ", ")
		return cells
	}
	cells[0] = p.nightTime(n)
	cells[2], cells[3] = p.nightSums(n), ui.Cell{}
	return cells
}

// panelStages are the numbers of a total's stages.
func (p Props) panelStages(n *night) []string {
	var words []string
	for _, s := range health.Stages() {
		for i := range n.events {
			e := n.events[i]
			if of, _ := health.SleepStage(&e.Observation); of != s || e.ID == n.total.ID {
				continue
			}
			text := panelStage(s) + " " + readingOf(p, e)
			if sub := p.unitCell(e).Sub; sub != "" {
				text += " (" + sub + ")"
			}
			words = append(words, text)
		}
	}
	return words
}

// panelStage is a stage in LOINC's words: what Apple calls core is light sleep there.
func panelStage(s health.Stage) string {
	if s == health.StageCore {
		return "light"
	}
	return string(s)
}

// nightSums are the time asleep and the stages that it consists of.
func (p Props) nightSums(n *night) ui.Cell {
	sums := map[health.Stage]time.Duration{}
	has := map[health.Stage]bool{}
	var asleep time.Duration
	slept := false
	for i := range n.events {
		e := &n.events[i]
		s, _ := health.StageOf(&e.Observation)
		length := e.End().Sub(e.EffectiveAt)
		sums[s], has[s] = sums[s]+length, true
		if s.Asleep() {
			asleep, slept = asleep+length, true
		}
	}
	var words []string
	for _, s := range health.Stages() {
		if has[s] {
			words = append(words, string(s)+" "+p.length(sums[s]))
		}
	}
	cell := ui.Cell{Text: "no sleep recorded", Sub: strings.Join(words, ", ")}
	if slept {
		cell.Text = p.length(asleep) + " asleep"
	}
	if n.part {
		cell.Mark = ui.Mark{Label: "part of a night", Why: "goes on beyond this page, or the filter leaves some of it out; the minutes are those of the Observations here"}
	}
	return cell
}

// length words a time without rounding it, in the unit that the reader chose.
func (p Props) length(d time.Duration) string {
	if p.Unit == "h" {
		return format.Hours(d)
	}
	return format.Minutes(d)
}

// nightTime is the span of a night in the patient's zone, and the days for which it counts.
func (p Props) nightTime(n *night) ui.Cell {
	start, end := n.span()
	start, end = start.In(p.Zone), end.In(p.Zone)
	cell := ui.Cell{Text: format.Date(health.DayOf(start)) + ", " + format.Clock(start), Header: true}
	cell.Sub = format.Offset(start) + " to "
	if health.DayOf(end) != health.DayOf(start) {
		cell.Sub += format.Date(health.DayOf(end)) + ", "
	}
	cell.Sub += format.Clock(end)
	if format.Offset(end) != format.Offset(start) {
		cell.Sub += " " + format.Offset(end)
	}
	var days []string
	for _, e := range slices.Backward(n.events) {
		if d := format.Date(e.Day); !slices.Contains(days, d) {
			days = append(days, d)
		}
	}
	if len(days) > 1 || days[0] != format.Date(health.DayOf(start)) {
		cell.Sub += "; counts for " + strings.Join(days, " and ")
	}
	return cell
}

// stageLine words one stage of a night.
func (p Props) stageLine(n *night, e health.Event) string {
	s, _ := health.SleepStage(&e.Observation)
	name := string(s)
	if n.total != nil {
		if name = panelStage(s); e.ID == n.total.ID {
			name = "total"
		}
		return name + ": " + readingOf(p, e) + ", " + e.Code
	}
	return format.Clock(e.EffectiveAt.In(p.Zone)) + "–" + format.Clock(e.End().In(p.Zone)) + " " + name + ", " + p.length(e.End().Sub(e.EffectiveAt))
}
