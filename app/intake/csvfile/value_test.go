package csvfile

import (
	"strings"
	"testing"

	"healthportal/app/health"
)

func TestValues(t *testing.T) {
	type o = health.Observation
	tests := []struct {
		comma             bool
		value, comparator string
		text, orig        string
		want              o
		reason            string
	}{
		{value: "60", want: o{HasValue: true, Value: 60}},
		{value: "0", want: o{HasValue: true}},
		{value: " 7.25 ", want: o{HasValue: true, Value: 7.25}},
		{value: "7.0", want: o{HasValue: true, Value: 7, OrigValue: "7.0"}},
		{value: "-3", want: o{HasValue: true, Value: -3}},
		{value: "+3", want: o{HasValue: true, Value: 3, OrigValue: "+3"}},
		{value: ".5", want: o{HasValue: true, Value: 0.5, OrigValue: ".5"}},
		{value: "1.2E+3", want: o{HasValue: true, Value: 1200, OrigValue: "1.2E+3"}},
		{value: "7,5", comma: true, want: o{HasValue: true, Value: 7.5, OrigValue: "7,5"}},
		{value: "7", comma: true, want: o{HasValue: true, Value: 7}},
		{value: "<0.1", want: o{HasValue: true, Value: 0.1, Comparator: "<"}},
		{value: "< 0,1", comma: true, want: o{HasValue: true, Value: 0.1, Comparator: "<", OrigValue: "0,1"}},
		{value: ">=5", want: o{HasValue: true, Value: 5, Comparator: ">="}},
		{value: "≤5", want: o{HasValue: true, Value: 5, Comparator: "<="}},
		{value: "5", comparator: "≥", want: o{HasValue: true, Value: 5, Comparator: ">="}},
		{value: ">5", comparator: ">", want: o{HasValue: true, Value: 5, Comparator: ">"}},
		{text: "negative", want: o{ValueText: "negative"}},
		{text: "'quoted ", want: o{ValueText: "'quoted "}},
		{text: "negative", orig: "urn:s|NEG", want: o{ValueText: "negative", OrigValue: "urn:s|NEG"}},
		{value: "5", text: "a note", want: o{HasValue: true, Value: 5, ValueText: "a note"}},
		{value: "5.0", orig: "5.00", want: o{HasValue: true, Value: 5, OrigValue: "5.00"}},
		{value: "0.1000000000000000055", want: o{HasValue: true, Value: 0.1, OrigValue: "0.1000000000000000055"}},
		{reason: "neither a value nor a text"},
		{comparator: "<", reason: "no number"},
		{comparator: "<", text: "x", reason: "no number"},
		{value: "<", reason: "no number"},
		{value: "5", comparator: "~", reason: "comparator is none"},
		{value: "<5", comparator: ">", reason: "another one"},
		{value: "<<5", reason: "not a decimal number"},
		{value: "<<=5", reason: "not a decimal number"},
		{value: "7,5", reason: "second sign"},
		{value: "1,234.5", reason: "second sign"},
		{value: "1.234,5", reason: "second sign"},
		{value: "1.234,5", comma: true, reason: "second sign"},
		{value: "1.5", comma: true, reason: "second sign"},
		{value: "1,234,567", comma: true, reason: "second sign"},
		{value: "1.2.3", reason: "second sign"},
		{value: "1 234", reason: "not a decimal number"},
		{value: "1'234", reason: "not a decimal number"},
		{value: "1_234", reason: "not a decimal number"},
		{value: "NaN", reason: "not a decimal number"},
		{value: "Inf", reason: "not a decimal number"},
		{value: "-Infinity", reason: "not a decimal number"},
		{value: "0x1F", reason: "not a decimal number"},
		{value: "0x1p-2", reason: "not a decimal number"},
		{value: "5.", reason: "not a decimal number"},
		{value: ".", reason: "not a decimal number"},
		{value: "--5", reason: "not a decimal number"},
		{value: "5-", reason: "not a decimal number"},
		{value: "1e", reason: "not a decimal number"},
		{value: "1e+", reason: "not a decimal number"},
		{value: "60 bpm", reason: "not a decimal number"},
		{value: "60%", reason: "not a decimal number"},
		{value: "٦٠", reason: "not a decimal number"},
		{value: "\u221260", reason: "not a decimal number"},
		{value: "positive", reason: "not a decimal number"},
		{value: "1e999", reason: "too large"},
		{value: "1e-999", reason: "too small"},
		{value: strings.Repeat("1", 1001), reason: "1,000 digits"},
	}
	for _, tt := range tests {
		file := "effective\tmetric\tvalue\tcomparator\ttext\torig_value\n2026-03-01\theart_rate\t" + tt.value + "\t" + tt.comparator + "\t" + tt.text + "\t" + tt.orig + "\n"
		list, err := read(t, Mapping{DecimalComma: tt.comma}, file)
		if err != nil || len(list) != 1 {
			t.Fatal(tt.value, list, err)
		}
		if tt.reason != "" {
			if len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], tt.reason) || len(list[0].Observations) > 0 {
				t.Errorf("%q %q: %+v", tt.comparator, tt.value, list[0])
			}
			continue
		}
		if len(list[0].Observations) != 1 {
			t.Errorf("%q: %v", tt.value, list[0].Problems)
			continue
		}
		x := list[0].Observations[0]
		got := o{Value: x.Value, HasValue: x.HasValue, Comparator: x.Comparator, ValueText: x.ValueText, OrigValue: x.OrigValue}
		if got != tt.want {
			t.Errorf("%q:\n got %+v\nwant %+v", tt.value, got, tt.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for cell, reason := range map[string]string{"4.5": "", "": "", "<5": "reference range: the value is not", "x": "reference range", "1e999": "reference range"} {
		list, err := read(t, Mapping{}, "effective,metric,value,ref_low,ref_high\n2026-03-01,heart_rate,60,1,"+cell+"\n")
		if err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		if reason != "" {
			if len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], reason) {
				t.Errorf("%q: %+v", cell, list[0])
			}
			continue
		}
		if o := list[0].Observations[0]; *o.RefLow != 1 || (o.RefHigh == nil) != (cell == "") {
			t.Errorf("%q: %+v", cell, o)
		}
	}
}

func TestMetrics(t *testing.T) {
	tests := []struct {
		metric, system, code string
		want                 [4]string // metric, name, system, code
		reason               string
	}{
		{metric: "heart_rate", want: [4]string{"heart_rate"}},
		{metric: "csv:mood", want: [4]string{"csv:mood", "mood"}},
		{system: "http://loinc.org", code: "8867-4", want: [4]string{"heart_rate", "8867-4", health.SystemLOINC, "8867-4"}},
		{system: "LOINC", code: "2708-6", want: [4]string{"spo2", "2708-6", health.SystemLOINC, "2708-6"}},
		{metric: "glucose", system: "loinc", code: "2345-7", want: [4]string{"glucose", "", health.SystemLOINC, "2345-7"}},
		{system: "loinc", code: "72514-3", want: [4]string{"loinc:72514-3", "72514-3", health.SystemLOINC, "72514-3"}},
		{metric: "loinc:72514-3", system: "loinc", code: "72514-3", want: [4]string{"loinc:72514-3", "", health.SystemLOINC, "72514-3"}},
		{system: "snomed", code: "1", want: [4]string{"snomed:1", "1", "http://snomed.info/sct", "1"}},
		{system: "urn:lab", code: "K", want: [4]string{"urn:lab:K", "K", "urn:lab", "K"}},
		{metric: "csv:k", system: "urn:lab", code: "K", want: [4]string{"csv:k", "k", "urn:lab", "K"}},
		{metric: "heart_rate", system: "loinc", want: [4]string{"heart_rate"}},
		{reason: "metric and code are empty"},
		{system: "loinc", reason: "metric and code are empty"},
		{code: "8867-4", reason: "without its code_system"},
		{metric: "hart_rate", reason: "not in the catalogue"},
		{metric: "Heart_rate", reason: "not in the catalogue"},
		{metric: "csv:", reason: "not in the catalogue"},
		{metric: "loinc:72514-3", reason: "not in the catalogue"},
		{metric: "spo2", system: "loinc", code: "8867-4", reason: "different things"},
		{metric: "csv:x", system: "loinc", code: "8867-4", reason: "different things"},
		{metric: "csv:" + strings.Repeat("x", 300), reason: "the code is longer"},
		{metric: "csv:a\x00b", reason: "NUL"},
	}
	for _, tt := range tests {
		list, err := read(t, Mapping{}, "effective,metric,code_system,code,value\n2026-03-01,"+tt.metric+","+tt.system+","+tt.code+",60\n")
		if err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		if tt.reason != "" {
			if len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], tt.reason) {
				t.Errorf("%q %q %q: %+v", tt.metric, tt.system, tt.code, list[0])
			}
			continue
		}
		if len(list[0].Observations) != 1 {
			t.Errorf("%q: %v", tt.metric, list[0].Problems)
			continue
		}
		o := list[0].Observations[0]
		if got := [4]string{o.Metric, o.MetricName, o.CodeSystem, o.Code}; got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestRefusedCells(t *testing.T) {
	const head = "effective,metric,value,status,source,device,person_system,person\n"
	tests := []struct{ line, reason string }{
		{"2026-03-01,heart_rate,60,done,,,urn:s,p", "the status is not one"},
		{"2026-03-01,heart_rate,60,,,,,p", "names no person"},
		{"2026-03-01,heart_rate,60,,,,urn:s,", "names no person"},
		{"2026-03-01,heart_rate,60,,,,urn:s," + strings.Repeat("p", 501), "identifier is longer"},
		{"2026-03-01,heart_rate,60,,,a\x00b,urn:s,p", "NUL"},
		{"2026-03-01,heart_rate,60,," + strings.Repeat("s", 501) + ",,urn:s,p", "source or device is longer"},
	}
	for _, tt := range tests {
		list, err := read(t, Mapping{}, head+tt.line+"\n")
		if err != nil || len(list) != 1 || len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0], tt.reason) {
			t.Errorf("%.60q: %+v, %v", tt.line, list, err)
		}
	}
	// A retraction need not repeat the value.
	if o := one(t, Mapping{}, head+"2026-03-01,heart_rate,,entered-in-error,,,urn:s,p\n"); o.Status != health.EnteredInError || o.HasValue {
		t.Errorf("%+v", o)
	}
}
