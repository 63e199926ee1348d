package applehealth

import "strings"

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
