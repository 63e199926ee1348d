package applehealth

import (
	"strings"

	"healthportal/app/health"
)

// sleep reads the stages of SleepAnalysis; it reports false for values that are
// none. A stage's value is its length in minutes. Older exports write Asleep for
// what newer ones call AsleepUnspecified, and both have to be the same
// Observation, so the word itself is not kept.
func sleep(value string, o *health.Observation) bool {
	stage, ok := strings.CutPrefix(value, sleepPrefix)
	if !ok {
		return false
	}
	code := ""
	switch stage {
	case "AsleepREM":
		code = "93829-0"
	case "AsleepCore":
		code = "93830-8"
	case "AsleepDeep":
		code = "93831-6"
	case "Asleep", "AsleepUnspecified":
		code = "93832-4"
	case "InBed", "Awake":
		// Neither is sleep, and neither may be added to it.
		o.Code, o.Metric = value, "apple:"+value
		o.MetricName += ": " + strings.ToLower(readable(stage))
	default:
		return false
	}
	if code != "" {
		o.CodeSystem, o.Code, o.Metric = health.SystemLOINC, code, "sleep_duration"
	}
	o.HasValue, o.Unit = true, "min"
	if !o.EffectiveEnd.IsZero() {
		o.Value = o.EffectiveEnd.Sub(o.EffectiveAt).Minutes()
	}
	return true
}
