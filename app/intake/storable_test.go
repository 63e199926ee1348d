package intake

import (
	"math"
	"strings"
	"testing"

	"healthportal/app/health"
)

func TestCheckObservation(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	tests := []struct {
		name   string
		change func(*health.Observation)
		want   string // the beginning of the reason; empty: accepted
	}{
		{"as it is", func(*health.Observation) {}, ""},
		{"the longest text", func(o *health.Observation) { o.ValueText = long[1:] }, ""},
		{"metric", func(o *health.Observation) { o.Metric = long }, "the code is longer"},
		{"code", func(o *health.Observation) { o.Code = "a\x00" }, "the code holds the character NUL"},
		{"unit", func(o *health.Observation) { o.Unit = long }, "the unit is longer"},
		{"name", func(o *health.Observation) { o.MetricName = long }, "the name of the code is longer"},
		{"text", func(o *health.Observation) { o.ValueText = long }, "the value is longer"},
		{"digits", func(o *health.Observation) { o.OrigValue = "\x00" }, "the value holds"},
		{"external id", func(o *health.Observation) { o.ExternalID = long[:501] }, "the id is longer"},
		{"slot", func(o *health.Observation) { o.Slot = long[:901] }, "the component's code is longer"},
		{"device", func(o *health.Observation) { o.Device = long[:501] }, "the source or device is longer"},
		{"flag", func(o *health.Observation) { o.Flag = long[:301] }, "the interpretation is longer"},
	}
	for _, tt := range tests {
		o := beats(1, "a", 60).Observations[0]
		tt.change(&o)
		err := CheckObservation(&o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestCheckIdentifier(t *testing.T) {
	for value, want := range map[string]bool{"MRN-1": true, strings.Repeat("x", 500): true, strings.Repeat("x", 501): false, "a\x00b": false} {
		if err := CheckIdentifier(fhirID(value)); (err == nil) != want {
			t.Errorf("%d bytes: %v", len(value), err)
		}
	}
}

func TestShortSystem(t *testing.T) {
	for system, want := range map[string]string{health.SystemLOINC: "loinc", SystemSNOMED: "snomed", "": "code", "urn:own": "urn:own"} {
		if got := ShortSystem(system); got != want {
			t.Errorf("%q became %q", system, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct {
		digits string
		value  float64
		kept   string // OrigValue
		reason string
	}{
		{"60", 60, "", ""},
		{"0", 0, "", ""},
		{"-0", math.Copysign(0, -1), "", ""},
		{"7.0", 7, "7.0", ""},
		{"1e2", 100, "1e2", ""},
		{"0.1000000000000000055", 0.1, "0.1000000000000000055", ""},
		{"1e-400", 0, "", "too small"},
		{"0e-400", 0, "0e-400", ""},
		{"1e400", 0, "", "too large"},
		{"1e9999999999", 0, "", "too large"},
		{strings.Repeat("1", 1001), 0, "", "more than 1,000 digits"},
	}
	for _, tt := range tests {
		var o health.Observation
		f, err := ParseNumber(tt.digits)
		if tt.reason != "" {
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%.20q: %v", tt.digits, err)
			}
			continue
		}
		SetNumber(&o, f, tt.digits)
		if err != nil || math.Float64bits(o.Value) != math.Float64bits(tt.value) || !o.HasValue || o.OrigValue != tt.kept {
			t.Errorf("%q: %v, %q, %v", tt.digits, o.Value, o.OrigValue, err)
		}
	}
}
