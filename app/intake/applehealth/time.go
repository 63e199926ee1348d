package applehealth

import (
	"time"

	"healthportal/app/health"
)

// period reads start and end. Where both are the same, it is an instant.
func period(f *fields, o *health.Observation) string {
	start, offset, ok := parseTime(f.start)
	if !ok {
		return reasonStart
	}
	end, _, ok := parseTime(f.end)
	if !ok {
		return reasonEnd
	}
	switch {
	// The year 1 is no time at all in Go, and would turn into "no end".
	case start.Year() < 1900 || end.Year() < 1900:
		return reasonEarly
	case end.Before(start):
		return reasonBackwards
	case end.After(start):
		o.EffectiveEnd = end
	}
	o.EffectiveAt, o.OffsetMinutes, o.HasOffset = start, offset, true
	return ""
}

// parseTime reads "2018-09-10 02:28:55 -0700" into UTC and the minutes of the
// offset, which makes times within a daylight-saving change unambiguous. It is
// stricter than time.Parse, which lets spaces, fractions and short hours pass.
func parseTime(s string) (time.Time, int, bool) {
	if !shaped(s) {
		return time.Time{}, 0, false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, dom := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	offset := two(21)*60 + two(23)
	if month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 || two(23) > 59 || offset > 14*60 {
		return time.Time{}, 0, false
	}
	if s[20] == '-' {
		offset = -offset
	}
	t := time.Date(year, time.Month(month), dom, hour, minute, second, 0, time.UTC)
	if t.Day() != dom {
		return time.Time{}, 0, false
	}
	return t.Add(-time.Duration(offset) * time.Minute), offset, true
}

// shaped reports whether s has the digits and signs of a time where they belong.
func shaped(s string) bool {
	const shape = "0000-00-00 00:00:00 +0000"
	if len(s) != len(shape) {
		return false
	}
	for i := range len(shape) {
		ok := s[i] == shape[i]
		switch shape[i] {
		case '0':
			ok = s[i] >= '0' && s[i] <= '9'
		case '+':
			ok = s[i] == '+' || s[i] == '-'
		}
		if !ok {
			return false
		}
	}
	return true
}
