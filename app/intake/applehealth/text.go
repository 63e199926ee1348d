package applehealth

import (
	"strings"
	"time"
)

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

// oneLine turns line breaks and tabs into spaces, as XML does with those of an
// attribute (section 3.3.3), which the tokenizer leaves to its caller.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\t\r") {
		return s
	}
	return strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(s)
}

// device is the description without the address that the object had in memory
// when it was exported, so that one device stays one:
// "<<HKDevice: 0x282a45810>, name:Apple Watch, model:Watch>".
func device(s string) string {
	rest, ok := strings.CutPrefix(strings.TrimLeft(s, "<"), "HKDevice: 0x")
	if !ok || !strings.HasPrefix(s, "<") {
		return s
	}
	address, rest, ok := strings.Cut(rest, ">")
	if !ok || strings.Trim(address, "0123456789abcdefABCDEF") != "" {
		return s
	}
	if strings.HasPrefix(s, "<<") {
		rest = strings.TrimSuffix(rest, ">")
	}
	return strings.TrimPrefix(rest, ", ")
}
