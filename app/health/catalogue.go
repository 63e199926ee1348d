package health

import "slices"

// Kind says how a metric is summarised and drawn.
type Kind string

// The kinds of metrics.
const (
	// Vital signs are drawn as daily min-mean-max bands.
	Vital Kind = "vital"
	// Laboratory values are points, never bands.
	Laboratory Kind = "laboratory"
	// Total metrics are summed over a day (steps, energy).
	Total Kind = "total"
	// OutsideCatalogue metrics came with a code that the catalogue does not list.
	OutsideCatalogue Kind = "other"
)

// Metric is an entry of the metric catalogue.
type Metric struct {
	// Code is stable and stands in URLs: heart_rate.
	Code string
	// Name is for people.
	Name string
	// LOINC are the codes that map here; each stays a series of its own.
	LOINC []string
	// Unit is the canonical UCUM unit; empty outside the catalogue.
	Unit string
	Kind Kind
	// Low and High bound plausible values. They mark a value, they never drop it. Both zero: none.
	Low, High float64
	// Reference is the common adult range in words; context only, it flags nothing.
	Reference string
}

// SystemLOINC is the code system of LOINC codes in FHIR.
const SystemLOINC = "http://loinc.org"

// Catalogue returns the metric catalogue in display order. Codes, units and
// ranges: LOINC 2.77, UCUM, and common adult guideline values.
func Catalogue() []Metric {
	return slices.Concat(vitals(), activity(), laboratory())
}

func vitals() []Metric {
	return []Metric{
		{"heart_rate", "Heart rate", []string{"8867-4"}, "/min", Vital, 20, 300, "60–100 /min at rest"},
		{"resting_heart_rate", "Resting heart rate", []string{"40443-4"}, "/min", Vital, 25, 200, "60–100 /min"},
		{"hrv_sdnn", "Heart rate variability (SDNN)", []string{"80404-7"}, "ms", Vital, 0, 500, ""},
		{"respiratory_rate", "Respiratory rate", []string{"9279-1"}, "/min", Vital, 3, 80, "12–20 /min"},
		{"body_temperature", "Body temperature", []string{"8310-5", "8331-1"}, "Cel", Vital, 25, 45, "36.1–38.0 °C"},
		{"spo2", "Oxygen saturation", []string{"59408-5", "2708-6"}, "%", Vital, 40, 100, "96 % or more"},
		{"bp_systolic", "Systolic blood pressure", []string{"8480-6"}, "mm[Hg]", Vital, 40, 300, "below 120 mmHg"},
		{"bp_diastolic", "Diastolic blood pressure", []string{"8462-4"}, "mm[Hg]", Vital, 20, 200, "below 80 mmHg"},
		{"body_weight", "Body weight", []string{"29463-7"}, "kg", Vital, 1, 650, ""},
		{"body_height", "Body height", []string{"8302-2"}, "cm", Vital, 30, 275, ""},
		{"bmi", "Body mass index", []string{"39156-5"}, "kg/m2", Vital, 7, 200, "18.5–24.9 kg/m²"},
		{"body_fat_pct", "Body fat", []string{"41982-0"}, "%", Vital, 1, 75, ""},
		{"waist_circumference", "Waist circumference", []string{"8280-0"}, "cm", Vital, 30, 250, "men up to 102 cm, women up to 88 cm"},
		{"vo2_max", "VO₂ max", []string{"94122-9"}, "mL/kg/min", Vital, 5, 100, ""},
		{"peak_flow", "Peak expiratory flow", []string{"19935-6"}, "L/min", Vital, 30, 900, ""},
	}
}

func activity() []Metric {
	return []Metric{
		{"steps", "Steps", []string{"55423-8", "41950-7"}, "{steps}", Total, 0, 100_000, ""},
		{"distance_walk_run", "Walking and running distance", []string{"55430-3"}, "m", Total, 0, 200_000, ""},
		{"active_energy", "Active energy", []string{"41981-2"}, "kcal", Total, 0, 15_000, ""},
		{"exercise_time", "Exercise time", []string{"55411-3"}, "min", Total, 0, 1440, "150 min a week or more"},
		{"flights_climbed", "Flights climbed", []string{"100304-5"}, "{flights}", Total, 0, 1000, ""},
		{"sleep_duration", "Sleep duration", []string{"93832-4", "93829-0", "93830-8", "93831-6"}, "min", Total, 0, 1440, "420–540 min"},
	}
}

func laboratory() []Metric {
	return []Metric{
		{"glucose", "Glucose", []string{"2339-0", "41653-7", "2345-7", "99504-3"}, "mg/dL", Laboratory, 10, 1500, "fasting 70–99 mg/dL"},
		{"hba1c", "Haemoglobin A1c", []string{"4548-4"}, "%", Laboratory, 2, 25, "below 5.7 %"},
		{"chol_total", "Total cholesterol", []string{"2093-3"}, "mg/dL", Laboratory, 30, 1500, "below 200 mg/dL"},
		{"ldl", "LDL cholesterol", []string{"13457-7", "18262-6"}, "mg/dL", Laboratory, 5, 1000, "below 100 mg/dL"},
		{"hdl", "HDL cholesterol", []string{"2085-9"}, "mg/dL", Laboratory, 5, 200, "men 40 mg/dL or more, women 50 mg/dL or more"},
		{"triglycerides", "Triglycerides", []string{"2571-8"}, "mg/dL", Laboratory, 10, 10_000, "below 150 mg/dL"},
		{"creatinine", "Creatinine", []string{"2160-0", "38483-4"}, "mg/dL", Laboratory, 0.1, 30, "men 0.74–1.35 mg/dL, women 0.59–1.04 mg/dL"},
		{"egfr", "eGFR", []string{"98979-8", "33914-3", "62238-1"}, "mL/min/{1.73_m2}", Laboratory, 1, 200, "90 mL/min/1.73 m² or more"},
		{"hemoglobin", "Haemoglobin", []string{"718-7"}, "g/dL", Laboratory, 2, 25, "men 13 g/dL or more, women 12 g/dL or more"},
		{"potassium", "Potassium", []string{"2823-3", "6298-4"}, "mmol/L", Laboratory, 1, 12, "3.5–5.0 mmol/L"},
		{"sodium", "Sodium", []string{"2951-2", "2947-0"}, "mmol/L", Laboratory, 90, 200, "135–145 mmol/L"},
	}
}

// ByLOINC returns the catalogue entry for a LOINC code.
func ByLOINC(code string) (Metric, bool) {
	for _, m := range Catalogue() {
		if slices.Contains(m.LOINC, code) {
			return m, true
		}
	}
	return Metric{}, false
}
