package applehealth

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

const watch = "name:Apple Watch, manufacturer:Apple, model:Watch, hardware:Watch2,4, software:4.3.1"

func TestGoodRecord(t *testing.T) {
	want := health.Observation{
		Metric: "heart_rate", MetricName: "Heart rate", CodeSystem: SystemHealthKit, Code: "HKQuantityTypeIdentifierHeartRate",
		EffectiveAt: time.Date(2018, 9, 10, 9, 28, 55, 0, time.UTC), OffsetMinutes: -420, HasOffset: true,
		Value: 72, HasValue: true, Unit: "/min", OrigUnit: "count/min", Status: health.Final, Source: "Watch", Device: watch,
	}
	if got := single(t, good); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPeriod(t *testing.T) {
	o := single(t, with(`endDate="2018-09-10 02:28:55 -0700"`, `endDate="2018-09-10 11:30:00 +0200"`))
	if want := time.Date(2018, 9, 10, 9, 30, 0, 0, time.UTC); !o.EffectiveEnd.Equal(want) || o.OffsetMinutes != -420 {
		t.Errorf("end %v, offset %d", o.EffectiveEnd, o.OffsetMinutes)
	}
	// The same instant in another offset is no period.
	o = single(t, with(`endDate="2018-09-10 02:28:55 -0700"`, `endDate="2018-09-10 09:28:55 +0000"`))
	if !o.EffectiveEnd.IsZero() {
		t.Errorf("end %v", o.EffectiveEnd)
	}
}

func TestParseTime(t *testing.T) {
	tests := []struct {
		text   string
		utc    string
		offset int
	}{
		{"2018-09-10 02:28:55 -0700", "2018-09-10T09:28:55Z", -420},
		{"2020-02-29 23:59:59 +0000", "2020-02-29T23:59:59Z", 0},
		{"2020-02-29 00:00:00 -0000", "2020-02-29T00:00:00Z", 0},
		{"2024-01-01 00:15:00 +0545", "2023-12-31T18:30:00Z", 345},
		{"2024-01-01 00:00:00 +1400", "2023-12-31T10:00:00Z", 840},
		{"2024-01-01 00:00:00 -0330", "2024-01-01T03:30:00Z", -210},
		// Both passes through the hour that a clock change repeats.
		{"2026-10-25 02:30:00 +0200", "2026-10-25T00:30:00Z", 120},
		{"2026-10-25 02:30:00 +0100", "2026-10-25T01:30:00Z", 60},
		{"9999-12-31 23:59:59 +0000", "9999-12-31T23:59:59Z", 0},
		{"0001-01-01 00:00:00 +0000", "0001-01-01T00:00:00Z", 0},
	}
	for _, tt := range tests {
		got, offset, ok := parseTime(tt.text)
		if !ok || got.Format(time.RFC3339) != tt.utc || offset != tt.offset || got.Location() != time.UTC {
			t.Errorf("%s: %v %d %v", tt.text, got, offset, ok)
		}
	}
	for _, bad := range []string{
		"", "2018-09-10", "2018-09-10 02:28:55", "2018-09-10T02:28:55-07:00", "2018-09-10 02:28:55 -07:00", "2018-09-10 2:28:55  -0700",
		"2018-09-10 2:28:55 PM -0700", "2018-09-10 02:28:5.5 -0700", "2018-13-10 02:28:55 -0700", "2018-00-10 02:28:55 -0700",
		"2018-02-29 02:28:55 -0700", "2018-09-31 02:28:55 -0700", "2018-09-00 02:28:55 -0700", "2018-09-10 24:00:00 -0700",
		"2018-09-10 02:60:00 -0700", "2018-09-10 02:28:60 -0700", "2018-09-10 02:28:55 -0760", "2018-09-10 02:28:55 +1401",
		"2018-09-10 02:28:55 +9900", "2018-09-10 02:28:55 *0700", "2018/09/10 02:28:55 -0700", "10.09.2018 02:28:55 -0700",
		" 2018-9-10 02:28:55 -0700", "٢018-9-10 02:28:55 -0700", "-018-09-10 02:28:55 -0700", "2018-09-10 02:28:55 -070x",
	} {
		if got, _, ok := parseTime(bad); ok {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestRefusedRecords(t *testing.T) {
	start, end := `startDate="2018-09-10 02:28:55 -0700"`, `endDate="2018-09-10 02:28:55 -0700"`
	tests := []struct{ name, element, reason string }{
		{"no attributes", `<Record/>`, reasonMissing},
		{"no type", with(`type="HKQuantityTypeIdentifierHeartRate"`, ""), reasonMissing},
		{"no sourceName", with(`sourceName="Watch"`, ""), reasonMissing},
		{"empty sourceName", with(`sourceName="Watch"`, `sourceName=""`), reasonMissing},
		{"no startDate", with(start, ""), reasonMissing},
		{"no endDate", with(end, ""), reasonMissing},
		{"no unit", with(`unit="count/min"`, ""), reasonUnit},
		{"no value", with(`value="72"`, ""), reasonValue},
		{"empty value", with(`value="72"`, `value=""`), reasonValue},
		{"a type with spaces", with("HeartRate", "Heart Rate"), reasonType},
		{"a type with a slash", with("HeartRate", "Heart/Rate"), reasonType},
		{"a type in other letters", with("HeartRate", "Hérzrate"), reasonType},
		{"a very long type", with("HeartRate", strings.Repeat("x", 200)), reasonType},
		{"start out of shape", with(start, `startDate="2018-09-10T02:28:55Z"`), reasonStart},
		{"end out of shape", with(end, `endDate="yesterday"`), reasonEnd},
		{"the year 1", with(start, `startDate="0001-01-01 00:00:00 +0000"`), reasonEarly},
		{"the year 1 at the end", with(end, `endDate="0001-01-01 00:00:00 +0000"`), reasonEarly},
		{"the year 1899", with(start, `startDate="1899-12-31 23:59:59 +0000"`), reasonEarly},
		{"end before start", with(end, `endDate="2018-09-10 02:28:54 -0700"`), reasonBackwards},
		{"end before start by the offset", with(end, `endDate="2018-09-10 02:28:55 -0600"`), reasonBackwards},
		{"an attribute twice", with(`unit="count/min"`, `unit="count/min" unit="count/s"`), reasonTwice},
		{"a passed attribute twice", with(`sourceVersion="4.3.1"`, `sourceVersion="1" sourceVersion="2"`), reasonTwice},
		{"NUL", with("Watch", "Wa\x00tch"), reasonCharacter},
		{"a vertical tab", with("Watch", "Wa\x0btch"), reasonCharacter},
		{"broken UTF-8", with("Watch", "Wa\xfftch"), reasonCharacter},
		{"half a surrogate pair", with("Watch", "Wa\xed\xa0\x80tch"), reasonCharacter},
		{"a noncharacter", with("Watch", "Wa\uffffch"), reasonCharacter},
		{"a noncharacter by reference", with("Watch", "&#x10FFFF;"), reasonCharacter},
		{"broken UTF-8 in the value", with("72", "7\xff"), reasonCharacter},
		{"broken UTF-8 in the creation date", with("2018-09-10 02:47:35", "\xff"), reasonCharacter},
		{"a long sourceName", with("Watch", strings.Repeat("é", 251)), reasonLong},
		{"a long device", with("Apple Watch", strings.Repeat("x", 500)), reasonLong},
		{"a long unit", with("count/min", strings.Repeat("x", 251)), reasonLong},
		{"a long value", with("72", strings.Repeat("1", maxText+1)), reasonLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reasonFor(t, tt.element); got != tt.reason {
				t.Errorf("%q, want %q", got, tt.reason)
			}
		})
	}
}

// What stands at the limits is taken.
func TestAcceptedRecords(t *testing.T) {
	for name, element := range map[string]string{
		"1900":                   strings.ReplaceAll(good, "2018-09-10 02:28:55 -0700", "1900-01-01 00:00:00 +0000"),
		"9999, for the importer": strings.ReplaceAll(good, "2018-09-10 02:28:55 -0700", "9999-12-31 23:59:59 +0000"),
		"no device":              with(`device="&lt;&lt;HKDevice: 0x282a45810&gt;, name:Apple Watch, manufacturer:Apple, model:Watch, hardware:Watch2,4, software:4.3.1&gt;"`, ""),
		"no creationDate":        with(`creationDate="2018-09-10 02:47:35 -0700"`, ""),
		"no sourceVersion":       with(`sourceVersion="4.3.1"`, ""),
		"another order":          with(`type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch"`, `sourceName="Watch" type="HKQuantityTypeIdentifierHeartRate"`),
		"a lost character":       with("Watch", "Wa\ufffdtch"),
		"zero":                   with(`"72"`, `"0"`),
	} {
		t.Run(name, func(t *testing.T) { single(t, element) })
	}
}

func TestSourceNames(t *testing.T) {
	for text, want := range map[string]string{
		"Simon’s iPhone":           "Simon’s iPhone",
		"a &amp; b &lt;c&gt;":      "a & b <c>",
		"&quot;x&quot; &apos;":     `"x" '`,
		"&#65;&#x42;&#x1F468;":     "AB👨",
		"two\nlines\tand\r\na tab": "two lines and a tab",
		"  kept  ":                 "  kept  ",
		"家 🩺 é":                    "家 🩺 é",
	} {
		if got := single(t, with("Watch", text)).Source; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestDevice(t *testing.T) {
	for text, want := range map[string]string{
		"<<HKDevice: 0x282a45810>, " + watch + ">":          watch,
		"<<HKDevice: 0x1>, " + watch + ">":                  watch,
		"<<HKDevice: 0xABCDEF>, name:a>b>":                  "name:a>b",
		"<<HKDevice: 0x282a45810>>":                         "",
		"<HKDevice: 0x282a45810>":                           "",
		"<HKDevice: 0x282a45810>, name:x":                   "name:x",
		"":                                                  "",
		"My scale":                                          "My scale",
		"HKDevice: 0x282a45810>, name:x":                    "HKDevice: 0x282a45810>, name:x",
		"<<HKDevice: 0x282a45810":                           "<<HKDevice: 0x282a45810",
		"<<HKDevice: 0xghij>, name:x>":                      "<<HKDevice: 0xghij>, name:x>",
		"<<HKSource: 0x282a45810>, name:x>":                 "<<HKSource: 0x282a45810>, name:x>",
		"<<HKDevice: 0x282a45810>, name:<<HKDevice: 0x1>>>": "name:<<HKDevice: 0x1>>",
	} {
		if got := device(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// One phone stays one device, and one Observation one Observation, whatever the
// addresses and the offset of the phone that exported them.
func TestSameAgain(t *testing.T) {
	first := single(t, good)
	again := single(t, strings.NewReplacer("0x282a45810", "0x28f00f00f", "02:28:55 -0700", "11:28:55 +0200", "02:47:35 -0700", "11:47:35 +0200").Replace(good))
	if first.Device != again.Device {
		t.Errorf("devices %q and %q", first.Device, again.Device)
	}
	if first.Dedupe(1) != again.Dedupe(1) {
		t.Error("the second export makes another Observation")
	}
	if other := single(t, with(`"72"`, `"73"`)); other.Dedupe(1) == first.Dedupe(1) {
		t.Error("another value is the same Observation")
	}
}
