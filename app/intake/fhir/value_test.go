package fhir

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

func TestValues(t *testing.T) {
	const old = `"valueQuantity":{"value":60,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}`
	tests := []struct {
		name, value string
		want        health.Observation // Value, HasValue, Comparator, ValueText, Unit, OrigValue, OrigUnit, Flag
	}{
		{"zero", `"valueQuantity":{"value":0,"code":"/min"}`, health.Observation{HasValue: true, Unit: "/min"}},
		{"negative zero", `"valueQuantity":{"value":-0}`, health.Observation{HasValue: true, OrigValue: ""}},
		{"negative", `"valueQuantity":{"value":-2.5,"code":"Cel"}`, health.Observation{HasValue: true, Value: -2.5, Unit: "Cel"}},
		{"trailing zero", `"valueQuantity":{"value":72.0}`, health.Observation{HasValue: true, Value: 72, OrigValue: "72.0"}},
		{"exponent", `"valueQuantity":{"value":1.2E+2}`, health.Observation{HasValue: true, Value: 120, OrigValue: "1.2E+2"}},
		{"more digits than a float", `"valueQuantity":{"value":0.1000000000000000055}`, health.Observation{HasValue: true, Value: 0.1, OrigValue: "0.1000000000000000055"}},
		{"sixteen digits", `"valueQuantity":{"value":139.9996742575894}`, health.Observation{HasValue: true, Value: 139.9996742575894}},
		{"large integer", `"valueQuantity":{"value":9007199254740993}`, health.Observation{HasValue: true, Value: 9007199254740992, OrigValue: "9007199254740993"}},
		{"no unit", `"valueQuantity":{"value":7}`, health.Observation{HasValue: true, Value: 7}},
		{"unit without code", `"valueQuantity":{"value":7,"unit":"steps"}`, health.Observation{HasValue: true, Value: 7, Unit: "steps"}},
		{"same unit and code", `"valueQuantity":{"value":7,"unit":"kg","code":"kg"}`, health.Observation{HasValue: true, Value: 7, Unit: "kg"}},
		{"bound", `"valueQuantity":{"value":0.1,"comparator":"<","code":"mg/dL"}`, health.Observation{HasValue: true, Value: 0.1, Comparator: "<", Unit: "mg/dL"}},
		{"integer", `"valueInteger":3`, health.Observation{HasValue: true, Value: 3}},
		{"boolean", `"valueBoolean":false`, health.Observation{ValueText: "false"}},
		{"string", `"valueString":"positive ++"`, health.Observation{ValueText: "positive ++"}},
		{"time", `"valueTime":"10:15:00"`, health.Observation{ValueText: "10:15:00"}},
		{"dateTime", `"valueDateTime":"2026-03"`, health.Observation{ValueText: "2026-03"}},
		{"coded", `"valueCodeableConcept":{"coding":[{"system":"urn:s","code":"NEG","display":"Negative"}]}`, health.Observation{ValueText: "Negative", OrigValue: "urn:s|NEG"}},
		{"coded with text", `"valueCodeableConcept":{"coding":[{"code":"NEG"}],"text":"not found"}`, health.Observation{ValueText: "not found", OrigValue: "|NEG"}},
		{"code only", `"valueCodeableConcept":{"coding":[{"system":"urn:s","code":"NEG"}]}`, health.Observation{ValueText: "NEG", OrigValue: "urn:s|NEG"}},
		{"flags", `"valueInteger":3,"interpretation":[{"coding":[{"code":"H"}]},{"text":"unusual"}]`, health.Observation{HasValue: true, Value: 3, Flag: "H unusual"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := single(t, line(old, tt.value))
			if tt.name == "negative zero" {
				tt.want.OrigValue = o.OrigValue // strconv prints -0 as the source does
			}
			got := health.Observation{Value: o.Value, HasValue: o.HasValue, Comparator: o.Comparator, ValueText: o.ValueText,
				Unit: o.Unit, OrigValue: o.OrigValue, OrigUnit: o.OrigUnit, Flag: o.Flag}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestReferenceRanges(t *testing.T) {
	const old = `"valueQuantity"`
	tests := []struct {
		name, ranges string
		low, high    float64 // 0: none
	}{
		{"both bounds", `[{"low":{"value":50,"code":"/min"},"high":{"value":90,"code":"/min"}}]`, 50, 90},
		{"unit instead of code", `[{"low":{"value":50,"unit":"/min"}}]`, 50, 0},
		{"another unit", `[{"low":{"value":50,"code":"/h"},"high":{"value":90,"code":"/min"}}]`, 0, 90},
		{"text only", `[{"text":"normal: 50-90"}]`, 0, 0},
		{"normal beside critical", `[{"low":{"value":50,"code":"/min"},"type":{"coding":[{"code":"normal"}]}},{"low":{"value":20,"code":"/min"},"type":{"coding":[{"code":"critical"}]}}]`, 50, 0},
		{"two candidates", `[{"low":{"value":50,"code":"/min"}},{"low":{"value":60,"code":"/min"}}]`, 0, 0},
		{"no number", `[{"low":{"value":"50","code":"/min"}}]`, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := single(t, line(old, `"referenceRange":`+tt.ranges+`,"valueQuantity"`))
			if at(o.RefLow) != tt.low || at(o.RefHigh) != tt.high {
				t.Errorf("range %v to %v", at(o.RefLow), at(o.RefHigh))
			}
		})
	}
}

func at(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func TestPanels(t *testing.T) {
	const old = `"valueQuantity":{"value":60,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}`
	systolic := `{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"code":"mm[Hg]"}}`
	diastolic := strings.NewReplacer("8480-6", "8462-4", "120", "80").Replace(systolic)
	absentPart := `{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"dataAbsentReason":{"text":"not measured"}}`
	tests := []struct {
		name, parts              string
		values, absent, problems int
		slots                    string
	}{
		{"both", `"component":[` + systolic + `,` + diastolic + `]`, 2, 0, 0, "http://loinc.org|8480-6 http://loinc.org|8462-4"},
		{"the same code twice", `"component":[` + systolic + `,` + systolic + `]`, 2, 0, 0, "http://loinc.org|8480-6 http://loinc.org|8480-6#2"},
		{"one absent", `"component":[` + systolic + `,` + absentPart + `]`, 1, 1, 0, "http://loinc.org|8480-6"},
		{"all absent", `"component":[` + absentPart + `]`, 0, 1, 0, ""},
		{"one null", `"component":[null,` + diastolic + `]`, 1, 0, 1, "http://loinc.org|8462-4"},
		{"one without value", `"component":[{"code":{"text":"x"}},` + diastolic + `]`, 1, 0, 1, "http://loinc.org|8462-4"},
		{"one without code", `"component":[{"valueInteger":1},` + diastolic + `]`, 1, 0, 1, "http://loinc.org|8462-4"},
		{"with a value of its own", old + `,"component":[` + systolic + `]`, 2, 0, 0, " http://loinc.org|8480-6"},
		{"absent as a whole", `"dataAbsentReason":{"text":"refused"}`, 0, 1, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := readAll(t, line(old, tt.parts))[0]
			var slots []string
			for _, o := range rec.Observations {
				slots = append(slots, o.Slot)
				if o.ExternalID != "o1" || (o.Group == "o1") != (o.Slot != "") {
					t.Errorf("id %q, group %q, slot %q", o.ExternalID, o.Group, o.Slot)
				}
			}
			if len(rec.Observations) != tt.values || rec.Absent != tt.absent || len(rec.Problems) != tt.problems || strings.Join(slots, " ") != tt.slots {
				t.Errorf("%d values, %d absent, problems %v, slots %q", len(rec.Observations), rec.Absent, rec.Problems, slots)
			}
		})
	}
}

func TestRetractionWithoutValue(t *testing.T) {
	const old = `"valueQuantity":{"value":60,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}`
	retract := func(s string) string { return strings.Replace(s, `"final"`, `"entered-in-error"`, 1) }
	for name, s := range map[string]string{
		"nothing":   retract(line(","+old, "")),
		"absent":    retract(line(old, `"dataAbsentReason":{"text":"error"}`)),
		"no values": retract(line(old, `"component":[{"code":{"text":"x"},"dataAbsentReason":{"text":"error"}}]`)),
	} {
		rec := readAll(t, s)[0]
		if len(rec.Observations) != 1 || rec.Absent != 0 || len(rec.Problems) != 0 || rec.Observations[0].HasValue || rec.Observations[0].Status != health.EnteredInError {
			t.Errorf("%s: %+v", name, rec)
		}
	}
	noID := readAll(t, retract(strings.Replace(line(","+old, ""), `"id":"o1",`, "", 1)))[0]
	if len(noID.Observations) != 0 || len(noID.Problems) != 1 {
		t.Errorf("a retraction of nothing in particular: %+v", noID)
	}
}

func TestTimes(t *testing.T) {
	const old = `"effectiveDateTime":"2026-03-01T10:00:00+01:00"`
	utc := func(h, m, s, us int) time.Time { return time.Date(2026, 3, 1, h, m, s, us*1000, time.UTC) }
	day := health.Day{Year: 2026, Month: 3, Dom: 1}
	tests := []struct {
		name, effective string
		want            health.Observation
	}{
		{"UTC", `"effectiveDateTime":"2026-03-01T10:00:00Z"`, health.Observation{EffectiveAt: utc(10, 0, 0, 0), HasOffset: true}},
		{"instant with microseconds", `"effectiveInstant":"2026-03-01T10:00:00.123456-05:30"`, health.Observation{EffectiveAt: utc(15, 30, 0, 123456), HasOffset: true, OffsetMinutes: -330}},
		{"trailing zeros beyond", `"effectiveDateTime":"2026-03-01T10:00:00.120000000Z"`, health.Observation{EffectiveAt: utc(10, 0, 0, 120000), HasOffset: true}},
		{"a day", `"effectiveDateTime":"2026-03-01"`, health.Observation{StartDay: day, EndDay: day}},
		{"a period", `"effectivePeriod":{"start":"2026-03-01T10:00:00Z","end":"2026-03-01T11:00:00Z"}`, health.Observation{EffectiveAt: utc(10, 0, 0, 0), EffectiveEnd: utc(11, 0, 0, 0), HasOffset: true}},
		{"a period without end", `"effectivePeriod":{"start":"2026-03-01T10:00:00Z"}`, health.Observation{EffectiveAt: utc(10, 0, 0, 0), HasOffset: true}},
		{"a period of days", `"effectivePeriod":{"start":"2026-03-01","end":"2026-03-02"}`, health.Observation{StartDay: day, EndDay: day.AddDays(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := single(t, line(old, tt.effective))
			got := health.Observation{EffectiveAt: o.EffectiveAt, EffectiveEnd: o.EffectiveEnd, StartDay: o.StartDay, EndDay: o.EndDay, HasOffset: o.HasOffset, OffsetMinutes: o.OffsetMinutes}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestLastUpdated(t *testing.T) {
	tests := []struct{ written, want string }{
		{"2026-03-02T06:00:00+01:00", "2026-03-02T05:00:00Z"},
		{"2026-03-02T06:00:00.123Z", "2026-03-02T06:00:00.123Z"},
		{"2026-03-02T06:00:00.9999999Z", "2026-03-02T06:00:00.999999Z"},
		{"2026-03-02T06:00:00.999999999999Z", "2026-03-02T06:00:00.999999Z"},
		{"0001-01-01T00:00:00+00:00", ""},
		{"1899-12-31T23:59:59Z", ""},
		{"2026-03-02T06:00:00", ""},
		{"2026-03-02", ""},
		{"soon", ""},
	}
	for _, tt := range tests {
		rec := readAll(t, line(`"id":"o1"`, `"id":"o1","meta":{"versionId":"7","lastUpdated":"`+tt.written+`"},"issued":"2026-03-05T00:00:00Z"`))[0]
		got := ""
		if len(rec.Observations) != 1 {
			t.Fatalf("%s: %+v", tt.written, rec)
		}
		if u := rec.Observations[0].Updated; !u.IsZero() {
			got = u.Format(time.RFC3339Nano)
		}
		if got != tt.want || rec.Undated != (tt.want == "") {
			t.Errorf("%s: %s, undated %t; want %s", tt.written, got, rec.Undated, tt.want)
		}
	}
	// issued and versionId alone order nothing, and say nothing that is unreadable.
	rec := readAll(t, line(`"id":"o1"`, `"id":"o1","meta":{"versionId":"7"},"issued":"2026-03-05T00:00:00Z"`))[0]
	if rec.Undated || !rec.Observations[0].Updated.IsZero() {
		t.Errorf("%+v", rec)
	}
	panel := readAll(t, line(`"valueQuantity"`, `"meta":{"lastUpdated":"2026-03-02T06:00:00Z"},"component":[{"code":{"text":"c"},"valueInteger":1}],"valueQuantity"`))[0]
	if len(panel.Observations) != 2 || panel.Observations[0].Updated != panel.Observations[1].Updated || panel.Observations[0].Updated.IsZero() {
		t.Errorf("a panel: %+v", panel)
	}
}

func TestSourceDeviceAndID(t *testing.T) {
	o := single(t, line(`"id":"o1"`, `"meta":{"source":"urn:lab#req-17"},"identifier":[{"system":"urn:i","value":"77"}],"device":{"display":"Wrist sensor"}`))
	if o.Source != "urn:lab" || o.ExternalID != "urn:i|77" || o.Device != "Wrist sensor" {
		t.Errorf("source %q, id %q, device %q", o.Source, o.ExternalID, o.Device)
	}
}
