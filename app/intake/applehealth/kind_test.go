package applehealth

import (
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// facts is the table of HealthKit types and catalogue codes, written down once more.
const facts = `HeartRate heart_rate
RestingHeartRate resting_heart_rate
HeartRateVariabilitySDNN hrv_sdnn
RespiratoryRate respiratory_rate
BodyTemperature body_temperature
OxygenSaturation spo2
BloodPressureSystolic bp_systolic
BloodPressureDiastolic bp_diastolic
BodyMass body_weight
Height body_height
BodyMassIndex bmi
BodyFatPercentage body_fat_pct
WaistCircumference waist_circumference
StepCount steps
DistanceWalkingRunning distance_walk_run
ActiveEnergyBurned active_energy
AppleExerciseTime exercise_time
FlightsClimbed flights_climbed
VO2Max vo2_max
PeakExpiratoryFlowRate peak_flow
BloodGlucose glucose`

func TestCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, m := range health.Catalogue() {
		known[m.Code] = true
	}
	lines := strings.Split(facts, "\n")
	for _, line := range lines {
		name, code, _ := strings.Cut(line, " ")
		o := single(t, quantity(name, "x", "1"))
		if o.Metric != code || !known[o.Metric] || o.Code != quantityPrefix+name || o.CodeSystem != SystemHealthKit {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if len(lines) != len(quantities()) {
		t.Errorf("%d types, %d in the table", len(quantities()), len(lines))
	}
}

// Similar names are not the catalogue's metrics.
func TestOutsideCatalogue(t *testing.T) {
	for name, words := range map[string]string{
		"WalkingHeartRateAverage": "Walking heart rate average", "BasalBodyTemperature": "Basal body temperature",
		"AppleSleepingWristTemperature": "Apple sleeping wrist temperature", "BasalEnergyBurned": "Basal energy burned",
		"DistanceCycling": "Distance cycling", "heartrate": "heartrate", "HeartRateRecoveryOneMinute": "Heart rate recovery one minute",
		"DietaryVitaminB12": "Dietary vitamin B12", "UVExposure": "UV exposure",
	} {
		o := single(t, quantity(name, "count/min", "1"))
		if want := "apple:" + quantityPrefix + name; o.Metric != want || o.MetricName != words || o.Code != quantityPrefix+name {
			t.Errorf("%s: %q %q", name, o.Metric, o.MetricName)
		}
	}
}

func TestReadable(t *testing.T) {
	for name, want := range map[string]string{
		"HeartRateVariabilitySDNN": "Heart rate variability SDNN", "VO2Max": "VO2 max", "Height": "Height", "": "", "A": "A",
		"SixMinuteWalkTestDistance": "Six minute walk test distance", "InBed": "In bed", "ABC": "ABC", "abc": "abc",
	} {
		if got := readable(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func asleep(value, start, end string) string {
	return `<Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Watch" startDate="` + start + `" endDate="` + end + `" value="` + value + `"/>`
}

func TestSleep(t *testing.T) {
	tests := []struct {
		stage, metric, system, code, name string
	}{
		{"AsleepREM", "sleep_duration", health.SystemLOINC, "93829-0", "Sleep analysis"},
		{"AsleepCore", "sleep_duration", health.SystemLOINC, "93830-8", "Sleep analysis"},
		{"AsleepDeep", "sleep_duration", health.SystemLOINC, "93831-6", "Sleep analysis"},
		{"Asleep", "sleep_duration", health.SystemLOINC, "93832-4", "Sleep analysis"},
		{"AsleepUnspecified", "sleep_duration", health.SystemLOINC, "93832-4", "Sleep analysis"},
		{"InBed", "apple:HKCategoryValueSleepAnalysisInBed", SystemHealthKit, "HKCategoryValueSleepAnalysisInBed", "Sleep analysis: in bed"},
		{"Awake", "apple:HKCategoryValueSleepAnalysisAwake", SystemHealthKit, "HKCategoryValueSleepAnalysisAwake", "Sleep analysis: awake"},
	}
	for _, tt := range tests {
		o := single(t, asleep(sleepPrefix+tt.stage, "2024-03-30 23:10:30 +0100", "2024-03-31 06:10:00 +0200"))
		if o.Metric != tt.metric || o.CodeSystem != tt.system || o.Code != tt.code || o.MetricName != tt.name {
			t.Errorf("%s: %+v", tt.stage, o)
		}
		// Six hours less half a minute: the clocks went forward that night.
		if o.Value != 359.5 || !o.HasValue || o.Unit != "min" || o.OrigUnit != "" || o.OrigValue != "" || o.ValueText != "" {
			t.Errorf("%s: %v %q", tt.stage, o.Value, o.Unit)
		}
		if want := time.Date(2024, 3, 31, 4, 10, 0, 0, time.UTC); !o.EffectiveEnd.Equal(want) || o.OffsetMinutes != 60 {
			t.Errorf("%s: end %v, offset %d", tt.stage, o.EffectiveEnd, o.OffsetMinutes)
		}
	}
}

func TestSleepOddities(t *testing.T) {
	const at = "2024-03-30 23:10:30 +0100"
	if o := single(t, asleep(sleepPrefix+"AsleepREM", at, at)); o.Value != 0 || !o.HasValue || o.Metric != "sleep_duration" {
		t.Errorf("no length: %+v", o)
	}
	for _, value := range []string{"HKCategoryValueSleepAnalysisDreaming", "1", "HKCategoryValueSleepAnalysis", "asleep"} {
		o := single(t, asleep(value, at, "2024-03-31 06:10:00 +0200"))
		if o.HasValue || o.ValueText != value || o.Metric != "apple:"+typeSleep || o.CodeSystem != SystemHealthKit || o.Code != typeSleep {
			t.Errorf("%s is no stage: %+v", value, o)
		}
	}
	// Newer exports rename the stage of the same night.
	a := single(t, asleep(sleepPrefix+"Asleep", at, "2024-03-31 06:10:00 +0200"))
	b := single(t, asleep(sleepPrefix+"AsleepUnspecified", at, "2024-03-31 06:10:00 +0200"))
	if a.Dedupe(1) != b.Dedupe(1) {
		t.Error("one night is counted twice")
	}
	if day := a.LocalDay(time.FixedZone("", 7200)); day.String() != "2024-03-31" {
		t.Errorf("the night belongs to %s", day)
	}
}

func pressure(name, value, source, start string) string {
	return `<Record type="HKQuantityTypeIdentifierBloodPressure` + name + `" sourceName="` + source + `" unit="mmHg" startDate="` + start +
		`" endDate="` + start + `" value="` + value + `"/>`
}

func TestBloodPressure(t *testing.T) {
	const morning, later = "2024-01-05 07:00:00 +0100", "2024-01-05 07:01:00 +0100"
	top := pressure("Systolic", "120", "Cuff", morning) + pressure("Diastolic", "80", "Cuff", morning)
	list, _ := mustRead(t, export(top+
		`<Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="Cuff" startDate="`+morning+`" endDate="`+morning+`">
		 <MetadataEntry key="HKWasUserEntered" value="1"/>`+top+`</Correlation>`+
		pressure("Systolic", "121", "Cuff", later)+pressure("Systolic", "120", "Other cuff", morning)+
		pressure("Systolic", "120", "Cuff", "2024-01-05 06:00:00 +0000")))
	var all []health.Observation
	for _, rec := range list {
		all = append(all, rec.Observations...)
	}
	if len(all) != 7 {
		t.Fatalf("%d Observations", len(all))
	}
	if all[0].Metric != "bp_systolic" || all[1].Metric != "bp_diastolic" || all[0].Unit != "mm[Hg]" || all[1].Value != 80 {
		t.Errorf("%+v", all[:2])
	}
	for _, same := range []int{1, 2, 3, 6} {
		if all[same].Group != all[0].Group || all[0].Group == "" {
			t.Errorf("%d is of another group", same)
		}
	}
	if all[4].Group == all[0].Group || all[5].Group == all[0].Group {
		t.Error("another time or source is of the same group")
	}
	if strings.Contains(all[0].Group, "Cuff") || len(all[0].Group) > 100 {
		t.Errorf("group %q", all[0].Group)
	}
	// Within the Correlation stands the same once more, and is stored once.
	for i := range 2 {
		if all[i] != all[i+2] || all[i].Dedupe(1) != all[i+2].Dedupe(1) {
			t.Errorf("%+v\n%+v", all[i], all[i+2])
		}
	}
	if all[0].Dedupe(1) == all[1].Dedupe(1) {
		t.Error("systolic and diastolic are the same")
	}
}

// What stands in a Correlation alone is taken as well.
func TestFood(t *testing.T) {
	water := quantity("DietaryWater", "mL", "250")
	list, r := mustRead(t, export(`<Correlation type="HKCorrelationTypeIdentifierFood">`+water+with(`"72"`, `"x"`)+`</Correlation>`+water))
	var metrics []string
	for _, rec := range list {
		for _, o := range rec.Observations {
			metrics = append(metrics, o.Metric)
			if o.Group != "" {
				t.Errorf("group %q", o.Group)
			}
		}
	}
	if want := "apple:HKQuantityTypeIdentifierDietaryWater"; !slices.Equal(metrics, []string{want, want}) || len(list) != 3 || len(r.LeftOutCounts()) != 0 {
		t.Errorf("%v, %+v, %v", metrics, list, r.LeftOutCounts())
	}
}
