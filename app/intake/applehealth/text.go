package applehealth

import (
	"strings"
	"unicode"
)

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

// readable is an identifier in words: "HeartRateVariabilitySDNN" is "Heart rate
// variability SDNN".
func readable(s string) string {
	var words []string
	letters := []rune(s)
	start := 0
	for i := 1; i < len(letters); i++ {
		before, here := letters[i-1], letters[i]
		next := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if unicode.IsUpper(here) && (unicode.IsLower(before) || next || unicode.IsDigit(before)) {
			words = append(words, string(letters[start:i]))
			start = i
		}
	}
	words = append(words, string(letters[start:]))
	for i, w := range words {
		// Abbreviations stay as they are.
		if i > 0 && len(w) > 1 && strings.ToUpper(w) != w {
			words[i] = strings.ToLower(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// identifier reports whether s can be the name of a HealthKit type, which
// becomes part of a metric's code and of URLs.
func identifier(s string) bool {
	if len(s) > 200 {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
