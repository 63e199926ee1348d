package patients

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"healthportal/app/health"
	"healthportal/views/format"
)

// slot is one place on the time axis: a year, month, day or hour, with data or without.
type slot struct {
	day        health.Day
	start, end time.Time // of an hour
	// label and sub stand below the axis, short in the table, whose caption has
	// the window; name is for people who don't see where it stands.
	label, sub, short, name string
	// apart says that the slot before is not the time just before.
	apart bool
}

// mostYears is how many years are drawn with those that hold nothing. Dates far
// off come from mistakes in the sources; the years between them have no use.
const mostYears = 120

// slots are the time axis that all figures of the chart share.
func (p ChartProps) slots() []slot {
	if p.Window.Zoom == health.Hours {
		return p.hourSlots()
	}
	list := []slot{}
	steps := p.Window.Steps()
	held := p.held()
	for i, d := range steps {
		if len(steps) > mostYears && !held[d] {
			continue
		}
		s := slot{day: d, apart: len(list) > 0 && list[len(list)-1].day != steps[max(0, i-1)]}
		switch p.Window.Zoom {
		case health.Years:
			s.label, s.short, s.name = strconv.Itoa(d.Year), strconv.Itoa(d.Year), strconv.Itoa(d.Year)
		case health.Months:
			s.label, s.short, s.name = d.Month.String()[:3], format.Month(d), format.Month(d)
		default:
			s.label, s.short, s.name = strconv.Itoa(d.Dom), format.Date(d), format.LongDate(d)
		}
		list = append(list, s)
	}
	return list
}

// held are the days of all points.
func (p ChartProps) held() map[health.Day]bool {
	days := map[health.Day]bool{}
	for _, s := range slices.Concat(p.Series, p.Compared) {
		for _, point := range s.Points {
			days[point.Day] = true
		}
	}
	return days
}

// hourSlots are the hours of the day. Values without a time stand before them in
// a slot of their own, and so do hours of other dates that belong to the day:
// those of sleep that began the evening before.
func (p ChartProps) hourSlots() []slot {
	day, starts := p.Window.From, p.Window.HourStarts()
	wanted := map[time.Time]bool{}
	list := []slot{}
	for _, s := range slices.Concat(p.Series, p.Compared) {
		for _, point := range s.Points {
			wanted[point.Start.UTC()] = true
		}
	}
	if wanted[time.Time{}] {
		list = append(list, slot{day: day, label: "day", short: "no time of day", name: format.LongDate(day) + ", no time of day", apart: true})
	}
	for i, t := range starts[:len(starts)-1] {
		own := health.DayOf(t) == day
		if !own && !wanted[t.UTC()] {
			continue
		}
		s := slot{day: day, start: t, end: starts[i+1], label: t.Format("15"), short: t.Format("15:04 ") + format.Offset(t), name: hourName(t)}
		if t.Minute() != 0 {
			s.label = t.Format("15:04")
		}
		if !own {
			s.sub = fmt.Sprintf("%d %s", t.Day(), t.Month().String()[:3])
			s.short = s.sub + ", " + s.short
		}
		s.apart = len(list) > 0 && !list[len(list)-1].end.Equal(t)
		list = append(list, s)
	}
	markOffsets(list, day)
	return list
}

// markOffsets writes the distance from UTC below the hours where it changes, and below the day's first.
func markOffsets(list []slot, day health.Day) {
	offset, first := "", -1
	for i, s := range list {
		if s.start.IsZero() || health.DayOf(s.start) != day {
			continue
		}
		switch now := s.start.Format("-07:00"); {
		case first < 0:
			first, offset = i, now
		case now != offset:
			list[first].sub, list[i].sub, offset = list[first].start.Format("-07:00"), now, now
		}
	}
}

// hourName is an hour by its beginning, which no other hour shares.
func hourName(t time.Time) string {
	return fmt.Sprintf("%s, from %s %s", format.LongDate(health.DayOf(t)), t.Format("15:04"), format.Offset(t))
}

// pointsBySlot are the points of a series in the slots' order; nil where there is none.
func pointsBySlot(s health.Series, slots []slot) []*health.DayPoint {
	list := make([]*health.DayPoint, len(slots))
	for i := range slots {
		for j := range s.Points {
			if p := &s.Points[j]; p.Day == slots[i].day && p.Start.Equal(slots[i].start) {
				list[i] = p
			}
		}
	}
	return list
}
