package patients

import (
	"testing"

	"healthportal/app/health"
)

// The series of sleep are told apart by their stage, which their codes alone don't say.
func TestSeriesOfSleepHaveNames(t *testing.T) {
	sleep := health.Metric{Code: "sleep_duration", Name: "Sleep duration"}
	for _, tt := range []struct {
		s    health.Series
		want string
	}{
		{health.Series{Metric: sleep, CodeSystem: health.SystemLOINC, Code: "93829-0", Unit: "min"}, "Sleep duration · REM sleep, LOINC 93829-0 · min"},
		{health.Series{Metric: sleep, CodeSystem: health.SystemLOINC, Code: "93830-8", Unit: "min"}, "Sleep duration · light or core sleep, LOINC 93830-8 · min"},
		{health.Series{Metric: sleep, CodeSystem: health.SystemLOINC, Code: "93831-6", Unit: "h"}, "Sleep duration · deep sleep, LOINC 93831-6 · h"},
		{health.Series{Metric: sleep, CodeSystem: health.SystemLOINC, Code: "93832-4", Unit: "min"}, "Sleep duration · LOINC 93832-4 · min"},
		{health.Series{Metric: sleep, CodeSystem: "x", Code: "93829-0"}, "Sleep duration · 93829-0 · no unit"},
		{health.Series{Metric: health.Metric{Code: "steps", Name: "Steps"}, CodeSystem: health.SystemLOINC, Code: "93829-0"}, "Steps · LOINC 93829-0 · no unit"},
		{health.Series{Metric: health.Metric{Code: "apple:HKCategoryValueSleepAnalysisAwake", Name: "Sleep analysis: awake"}, Code: "HKCategoryValueSleepAnalysisAwake", Unit: "min"},
			"Sleep analysis: awake · HKCategoryValueSleepAnalysisAwake · min"},
	} {
		if got := seriesName(tt.s); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
