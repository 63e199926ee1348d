package applehealth

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode"

	"healthportal/app/health"
)

// SystemHealthKit is the code system of HealthKit's identifiers, as FHIR
// profiles for HealthKit write it.
const SystemHealthKit = "http://developer.apple.com/documentation/healthkit"

const (
	quantityPrefix = "HKQuantityTypeIdentifier"
	categoryPrefix = "HKCategoryTypeIdentifier"
	typeSleep      = categoryPrefix + "SleepAnalysis"
	sleepPrefix    = "HKCategoryValueSleepAnalysis"
)

// kind is what is known of a HealthKit type.
type kind struct {
	// metric is the catalogue's code, or "apple:" with the type.
	metric, name string
	// quantity types have a number and a unit, category types neither.
	quantity, category bool
	// count is the UCUM unit where the file says "count".
	count string
	// part marks fractions that can't be more than 1, the whole.
	part bool
	// paired types belong together where source and times are the same.
	paired bool
}

// quantities are the HealthKit quantity types of the metric catalogue.
func quantities() map[string]kind {
	return map[string]kind{
		"HeartRate":                {metric: "heart_rate"},
		"RestingHeartRate":         {metric: "resting_heart_rate"},
		"HeartRateVariabilitySDNN": {metric: "hrv_sdnn"},
		"RespiratoryRate":          {metric: "respiratory_rate"},
		"BodyTemperature":          {metric: "body_temperature"},
		"OxygenSaturation":         {metric: "spo2", part: true},
		"BloodPressureSystolic":    {metric: "bp_systolic", paired: true},
		"BloodPressureDiastolic":   {metric: "bp_diastolic", paired: true},
		"BodyMass":                 {metric: "body_weight"},
		"Height":                   {metric: "body_height"},
		"BodyMassIndex":            {metric: "bmi", count: "kg/m2"},
		"BodyFatPercentage":        {metric: "body_fat_pct", part: true},
		"WaistCircumference":       {metric: "waist_circumference"},
		"StepCount":                {metric: "steps", count: "{steps}"},
		"DistanceWalkingRunning":   {metric: "distance_walk_run"},
		"ActiveEnergyBurned":       {metric: "active_energy"},
		"AppleExerciseTime":        {metric: "exercise_time"},
		"FlightsClimbed":           {metric: "flights_climbed", count: "{flights}"},
		"VO2Max":                   {metric: "vo2_max"},
		"PeakExpiratoryFlowRate":   {metric: "peak_flow"},
		"BloodGlucose":             {metric: "glucose"},
	}
}

func kinds() map[string]kind {
	known := map[string]kind{}
	for name, k := range quantities() {
		k.quantity, k.name = true, readable(name)
		known[quantityPrefix+name] = k
	}
	return known
}

// maxKinds bounds what is remembered of types and units; exports have about a hundred.
const maxKinds = 1000

// kind returns what is known of a type; types outside the catalogue keep their own code.
func (r *Reader) kind(typ string) kind {
	if k, ok := r.kinds[typ]; ok {
		return k
	}
	k := kind{metric: "apple:" + typ, quantity: strings.HasPrefix(typ, quantityPrefix), category: strings.HasPrefix(typ, categoryPrefix)}
	name := strings.TrimPrefix(strings.TrimPrefix(typ, quantityPrefix), categoryPrefix)
	k.name = readable(strings.TrimPrefix(strings.TrimPrefix(name, "HKDataType"), "HK"))
	if len(r.kinds) < maxKinds {
		r.kinds[typ] = k
	}
	return k
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

// group ties the two values of a blood pressure together. It depends on source
// and instants alone, so that it is the same at top level, within a Correlation,
// and in an export that was made in another time zone.
func group(o *health.Observation) string {
	h := sha256.New()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(o.EffectiveAt.Unix()))  //nolint:gosec // bits in, the same bits out
	binary.BigEndian.PutUint64(b[8:], uint64(o.EffectiveEnd.Unix())) //nolint:gosec // as above
	h.Write(b[:])
	h.Write([]byte(o.Source))
	return "apple-bp-" + hex.EncodeToString(h.Sum(nil)[:12])
}
