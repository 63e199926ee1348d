package units

import (
	"math/big"
	"slices"
)

// scale is one unit of a quantity: value in the catalogue's unit = value * by + plus.
type scale struct {
	ucum     string
	by, plus *big.Rat
	// shown units may be chosen by readers; the others are only read.
	shown bool
}

// in is a unit to choose, worth num/den of the catalogue's.
func in(ucum string, num, den int64) scale {
	return scale{ucum, big.NewRat(num, den), new(big.Rat), true}
}

// only is a unit that imports read and nobody is offered.
func only(ucum string, num, den int64) scale {
	s := in(ucum, num, den)
	s.shown = false
	return s
}

// from is the same unit with another zero, at num/den of the catalogue's unit.
func (s scale) from(num, den int64) scale {
	s.plus = big.NewRat(num, den)
	return s
}

// quantity is what some metrics measure, with its units, the catalogue's first.
type quantity struct {
	metrics []string
	scales  []scale
}

func (q quantity) has(metric string) bool { return slices.Contains(q.metrics, metric) }

func quantities() []quantity { return slices.Concat(physical(), activity(), laboratory()) }

// physical quantities: the factors are UCUM's own (ucum-essence), the pound, inch
// and mile of 1959 being exact.
func physical() []quantity {
	return []quantity{
		{[]string{"heart_rate", "resting_heart_rate", "respiratory_rate"}, []scale{in("/min", 1, 1), only("/s", 60, 1)}},
		{[]string{"hrv_sdnn"}, []scale{in("ms", 1, 1), only("s", 1000, 1)}},
		{[]string{"body_temperature"}, []scale{in("Cel", 1, 1), in("[degF]", 5, 9).from(-160, 9), only("K", 1, 1).from(-27315, 100)}},
		{[]string{"spo2", "body_fat_pct"}, []scale{in("%", 1, 1)}},
		// UCUM: m[Hg] = 133.3220 kPa.
		{[]string{"bp_systolic", "bp_diastolic"}, []scale{in("mm[Hg]", 1, 1), in("kPa", 1_000_000, 133_322)}},
		{[]string{"body_weight"}, []scale{in("kg", 1, 1), in("[lb_av]", 45_359_237, 100_000_000), only("g", 1, 1000),
			only("[oz_av]", 45_359_237, 1_600_000_000), only("[stone_av]", 14*45_359_237, 100_000_000)}},
		// Decimal feet are read and not offered: 5.9 ft would be taken for 5 ft 9 in.
		{[]string{"body_height", "waist_circumference"}, []scale{in("cm", 1, 1), in("m", 100, 1), in("[in_i]", 254, 100),
			only("mm", 1, 10), only("[ft_i]", 3048, 100)}},
		{[]string{"bmi"}, []scale{in("kg/m2", 1, 1)}},
		{[]string{"vo2_max"}, []scale{in("mL/kg/min", 1, 1)}},
		{[]string{"peak_flow"}, []scale{in("L/min", 1, 1), in("L/s", 60, 1), only("mL/min", 1, 1000)}},
	}
}

func activity() []quantity {
	return []quantity{
		{[]string{"steps"}, []scale{in("{steps}", 1, 1)}},
		{[]string{"flights_climbed"}, []scale{in("{flights}", 1, 1)}},
		{[]string{"distance_walk_run"}, []scale{in("m", 1, 1), in("km", 1000, 1), in("[mi_i]", 1_609_344, 1000),
			only("cm", 1, 100), only("[yd_i]", 9144, 10_000), only("[ft_i]", 3048, 10_000)}},
		// UCUM: cal = 4.184 J, the thermochemical calorie. The small calorie is not
		// read at all: "cal" on a tracker may mean either.
		{[]string{"active_energy"}, []scale{in("kcal", 1, 1), in("kJ", 1000, 4184), only("J", 1, 4184)}},
		{[]string{"exercise_time", "sleep_duration"}, []scale{in("min", 1, 1), in("h", 60, 1), only("s", 1, 60), only("d", 1440, 1)}},
	}
}

// laboratory quantities. Molar factors are mg/dL (g/dL for haemoglobin) per
// mmol/L, a tenth of the molar mass in g/mol, as laboratories use them.
func laboratory() []quantity {
	return []quantity{
		// Glucose C6H12O6, 180.16 g/mol: the portal's fact sheet.
		{[]string{"glucose"}, []scale{in("mg/dL", 1, 1), in("mmol/L", 18_016, 1000), only("mg/L", 1, 10), only("g/L", 100, 1)}},
		// Cholesterol C27H46O, 386.65 g/mol, in use as 38.67 (NCEP ATP III). Fractions are weighed as cholesterol.
		{[]string{"chol_total", "ldl", "hdl"}, []scale{in("mg/dL", 1, 1), in("mmol/L", 3867, 100), only("mg/L", 1, 10), only("g/L", 100, 1)}},
		// Triglycerides as triolein C57H104O6, 885.4 g/mol, in use as 88.57 (NCEP ATP III).
		{[]string{"triglycerides"}, []scale{in("mg/dL", 1, 1), in("mmol/L", 8857, 100), only("mg/L", 1, 10), only("g/L", 100, 1)}},
		// Creatinine C4H7N3O, 113.1 g/mol: 1 mg/dL = 88.42 umol/L (KDIGO).
		{[]string{"creatinine"}, []scale{in("mg/dL", 1, 1), in("umol/L", 100, 8842), only("mmol/L", 100_000, 8842), only("mg/L", 1, 10), only("g/L", 100, 1)}},
		// mL/min without the body surface is another measurement, and no unit of this one.
		{[]string{"egfr"}, []scale{in("mL/min/{1.73_m2}", 1, 1), only("mL/s/{1.73_m2}", 60, 1)}},
		// Haemoglobin as the monomer, Hb(Fe), 16114 g/mol (ICSH): the mmol/L of laboratories.
		{[]string{"hemoglobin"}, []scale{in("g/dL", 1, 1), in("g/L", 1, 10), in("mmol/L", 16_114, 10_000), only("mg/dL", 1, 1000)}},
		// NGSP % = 0.09148 IFCC mmol/mol + 2.152: the IFCC-NGSP master equation (Hoelzel et al., Clin Chem 2004;50:166).
		// The way back is its exact inverse, not the rounded 10.93 NGSP - 23.50.
		{[]string{"hba1c"}, []scale{in("%", 1, 1), in("mmol/mol", 9148, 100_000).from(2152, 1000)}},
		// Both are monovalent: an equivalent is a mole.
		{[]string{"potassium", "sodium"}, []scale{in("mmol/L", 1, 1), in("meq/L", 1, 1)}},
	}
}
