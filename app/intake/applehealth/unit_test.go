package applehealth

import (
	"fmt"
	"strings"
	"testing"
)

func TestUnits(t *testing.T) {
	tests := []struct{ name, unit, ucum, orig string }{
		{"HeartRate", "count/min", "/min", "count/min"},
		{"RespiratoryRate", "count/min", "/min", "count/min"},
		{"HeartRate", "count/s", "/s", "count/s"},
		{"HeartRateVariabilitySDNN", "ms", "ms", ""},
		{"BloodGlucose", "mg/dL", "mg/dL", ""},
		{"BloodGlucose", "mmol<180.1558800000541>/L", "mmol/L", "mmol<180.1558800000541>/L"},
		{"BodyTemperature", "degF", "[degF]", "degF"},
		{"BodyTemperature", "degC", "Cel", "degC"},
		{"BodyMass", "lb", "[lb_av]", "lb"},
		{"BodyMass", "kg", "kg", ""},
		{"BodyMass", "st", "[stone_av]", "st"},
		{"Height", "ft", "[ft_i]", "ft"},
		{"Height", "in", "[in_i]", "in"},
		{"Height", "cm", "cm", ""},
		{"DistanceWalkingRunning", "mi", "[mi_i]", "mi"},
		{"DistanceWalkingRunning", "km", "km", ""},
		{"ActiveEnergyBurned", "kJ", "kJ", ""},
		{"ActiveEnergyBurned", "kcal", "kcal", ""},
		{"ActiveEnergyBurned", "Cal", "kcal", ""},
		{"ActiveEnergyBurned", "cal", "cal", ""},
		{"PeakExpiratoryFlowRate", "L/min", "L/min", ""},
		{"VO2Max", "mL/min·kg", "mL/kg/min", "mL/min·kg"},
		{"VO2Max", "mL/kg·min", "mL/kg/min", "mL/kg·min"},
		{"VO2Max", "ml/(kg*min)", "mL/kg/min", "ml/(kg*min)"},
		{"BloodPressureSystolic", "mmHg", "mm[Hg]", "mmHg"},
		{"BodyMassIndex", "count", "kg/m2", "count"},
		{"BodyMassIndex", "kg/m^2", "kg/m2", "kg/m^2"},
		{"StepCount", "count", "{steps}", "count"},
		{"FlightsClimbed", "count", "{flights}", "count"},
		{"NumberOfTimesFallen", "count", "{count}", "count"},
		{"AppleExerciseTime", "min", "min", ""},
		{"AppleStandTime", "hr", "h", "hr"},
		{"WalkingSpeed", "km/hr", "km/h", "km/hr"},
		{"WalkingSpeed", "mi/hr", "[mi_i]/h", "mi/hr"},
		{"PhysicalEffort", "kcal/hr·kg", "kcal/h/kg", "kcal/hr·kg"},
		{"DietaryVitaminA", "mcg", "ug", "mcg"},
		{"DietaryWater", "fl_oz_us", "[foz_us]", "fl_oz_us"},
		{"InsulinDelivery", "IU", "[iU]", "IU"},
		{"ElectrodermalActivity", "mcS", "uS", "mcS"},
		// What UCUM does not have, or is not known, stays.
		{"EnvironmentalAudioExposure", "dBASPL", "dBASPL", ""},
		{"DietaryWater", "cup_imp", "cup_imp", ""},
		{"WorkoutEffortScore", "appleEffortScore", "appleEffortScore", ""},
		{"SomethingNew", "furlong/fortnight", "furlong/fortnight", ""},
		{"SomethingNew", "km/furlong", "km/furlong", ""},
		{"SomethingNew", "count/count", "count/count", ""},
		{"SomethingNew", "1", "1", ""},
		{"SomethingNew", "/min", "/min", ""},
		{"SomethingNew", "km/", "km/", ""},
		{"SomethingNew", "m^x", "m^x", ""},
		{"SomethingNew", "mmol<>/L", "mmol<>/L", ""},
		{"SomethingNew", "xmol<18.0>/L", "xmol<18.0>/L", ""},
		{"SomethingNew", "mcmol<18.0>/L", "umol/L", "mcmol<18.0>/L"},
		{"SomethingNew", "nmol<18.0>", "nmol", "nmol<18.0>"},
	}
	for _, tt := range tests {
		o := single(t, quantity(tt.name, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(tt.unit), "5.5"))
		if o.Unit != tt.ucum || o.OrigUnit != tt.orig || o.Value != 5.5 || o.OrigValue != "" {
			t.Errorf("%s in %s: %v %q, kept %q %q", tt.name, tt.unit, o.Value, o.Unit, o.OrigValue, o.OrigUnit)
		}
	}
}

// The spelling of the kilocalorie changes with the version of iOS.
func TestKilocalorieStaysOne(t *testing.T) {
	a, b := single(t, quantity("ActiveEnergyBurned", "kcal", "1.5")), single(t, quantity("ActiveEnergyBurned", "Cal", "1.5"))
	if a.Dedupe(1) != b.Dedupe(1) {
		t.Error("Cal and kcal make two Observations of one")
	}
}

// A file can't fill the memory with names of types and units.
func TestManyNames(t *testing.T) {
	r := New(strings.NewReader(""))
	for i := range 3 * maxKinds {
		r.kind(fmt.Sprintf("HKType%d", i))
		r.ucum(fmt.Sprintf("unit%d", i))
	}
	if len(r.kinds) > maxKinds || len(r.units) > maxKinds {
		t.Errorf("%d types and %d units are remembered", len(r.kinds), len(r.units))
	}
	if k := r.kind(quantityPrefix + "HeartRate"); k.metric != "heart_rate" {
		t.Errorf("%+v", k)
	}
}
