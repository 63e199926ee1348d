package document

import (
	"encoding/json"
	"io"
	"strings"
	"time"
)

// PharmCATCompanion is the name of the JSON file that PharmCAT writes beside its
// HTML report, and false for other names.
func PharmCATCompanion(name string) (string, bool) {
	base, ok := strings.CutSuffix(name, ".report.html")
	return base + ".report.json", ok
}

// PharmCATTime takes the instant from the companion's first members. It is
// false unless the companion tells the same version and day as the report.
func PharmCATTime(r io.Reader, report Info) (time.Time, bool) {
	day, err := time.Parse("January 2, 2006", report.Day)
	if err != nil {
		return time.Time{}, false
	}
	stamp, version, ok := pharmCATHead(json.NewDecoder(io.LimitReader(r, headSize)))
	if !ok || "PharmCAT "+version != report.Tool {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, false
	}
	// The report tells the day in its machine's zone, which may be a day off UTC.
	if d := at.Sub(day); d < -14*time.Hour || d > 38*time.Hour {
		return time.Time{}, false
	}
	return at.UTC(), true
}

// pharmCATHead reads the scalar members that stand before the first object.
func pharmCATHead(dec *json.Decoder) (stamp, version string, ok bool) {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", "", false
	}
	for stamp == "" || version == "" {
		key, err := dec.Token()
		if err != nil {
			return "", "", false
		}
		value, err := dec.Token()
		if err != nil {
			return "", "", false
		}
		text, isText := value.(string)
		if !isText {
			return "", "", false
		}
		switch key {
		case "timestamp":
			stamp = text
		case "pharmcatVersion":
			version = text
		}
	}
	return stamp, version, true
}
