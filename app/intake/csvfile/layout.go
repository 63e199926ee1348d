package csvfile

import (
	"fmt"
	"strings"
	"time"
)

type layoutKind int

const (
	isoTimes layoutKind = iota
	goLayout
	unixSeconds
	unixMillis
)

// layout is the form of the times of a file.
type layout struct {
	kind layoutKind
	text string
	// clock says that a goLayout has a time of day, zoned that it has an offset.
	clock, zoned bool
}

// parseLayout understands Mapping.EffectiveFormat. Layouts that would lose or
// guess a part of the time are refused: years of two digits, twelve hours without
// their half of the day, names of zones.
func parseLayout(s string) (layout, error) {
	switch s {
	case "":
		return layout{}, nil
	case "unix":
		return layout{kind: unixSeconds}, nil
	case "unix_ms":
		return layout{kind: unixMillis}, nil
	}
	l := layout{kind: goLayout, text: s}
	if why := l.examine(); why != "" {
		return layout{}, fmt.Errorf("the effective_format %q %s; write it as Go does, such as 02.01.2006 15:04, or unix or unix_ms", s, why)
	}
	return l, nil
}

// examine writes times and reads them again to find out what the layout gives,
// and says what is wrong with it.
func (l *layout) examine() string {
	const offset = 3*3600 + 30*60
	zone := time.FixedZone("QQQ", offset)
	if strings.Contains(time.Date(2001, 2, 3, 4, 5, 6, 0, zone).Format(l.text), "QQQ") {
		return "has the name of a zone, which is not unique"
	}
	for _, day := range []time.Time{time.Date(1951, 11, 28, 0, 0, 0, 0, zone), time.Date(2049, 3, 4, 23, 58, 0, 0, zone)} {
		got, err := time.Parse(l.text, day.Format(l.text))
		if err != nil || got.Year() != day.Year() || got.YearDay() != day.YearDay() {
			return "does not give year, month and day in full"
		}
	}
	afternoon := time.Date(2001, 2, 3, 13, 7, 0, 0, zone)
	got, err := time.Parse(l.text, afternoon.Format(l.text))
	if err != nil {
		return "can't be read again"
	}
	_, seconds := got.Zone()
	l.zoned, l.clock = seconds == offset, got.Hour() != 0 || got.Minute() != 0
	switch {
	case l.clock && (got.Hour() != 13 || got.Minute() != 7):
		return "does not give hour and minute in full"
	case l.zoned && !l.clock:
		return "has an offset without a time of day"
	default:
		return ""
	}
}
