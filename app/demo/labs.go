package demo

import (
	"math"
	"math/rand/v2"
	"time"

	"healthportal/app/health"
)

// test is one result of a visit to the laboratory.
type test struct {
	code  coding
	value float64
	// low and high are the laboratory's reference range.
	low, high float64
	// comparator makes the value a bound of what can be measured.
	comparator string
}

// visit writes the panel of a visit to the laboratory, on the days it falls due.
func (s *simulation) visit() {
	if s.now.n%s.blood.everyDays != s.visitDay() {
		return
	}
	r := s.dice.on(s.record, "laboratory", s.now.n)
	at := s.clock(s.now.day, 500+float64(r.IntN(90)))
	for _, t := range s.panel(r) {
		s.result(t, at, r.Float64())
	}
	if s.isChild(s.now.day) {
		c := height()
		s.w.observe(&reading{code: c, at: at, value: round(s.tall(), c), source: ward})
	}
	s.swabs(r, at)
}

// visitDay is the day in the period between visits, spread over the patients.
func (s *simulation) visitDay() int {
	last := int(s.record[len(s.record)-1]-'0') + 10*int(s.record[len(s.record)-2]-'0')
	return last * 11 % s.blood.everyDays
}

// result writes one value with the laboratory's own range and interpretation.
func (s *simulation) result(t test, at time.Time, luck float64) {
	read := reading{
		code: t.code, at: at, value: round(t.value, t.code), comparator: t.comparator,
		low: t.low, high: t.high, ranged: true, flag: "N", source: laboratory,
	}
	switch {
	case read.value < t.low:
		read.flag = "L"
	case read.value > t.high:
		read.flag = "H"
	}
	switch {
	case luck < 0.03:
		read.status = string(health.Preliminary)
	case luck < 0.04:
		read.status = "corrected"
	}
	s.w.observe(&read)
}

// panel draws the values of a visit.
func (s *simulation) panel(r *rand.Rand) []test {
	b := s.blood
	out := []test{
		{code: coding{"gluc", "2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0},
			value: about(r, b.glucose, 6), low: 70, high: 99},
		{code: coding{"a1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", 1},
			value: about(r, b.hba1c, 0.12), low: 4.0, high: 5.6},
		s.hemoglobin(about(r, b.hemoglobin, 0.35)),
		{code: coding{"k", "2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 1},
			value: about(r, 4.2, 0.3), low: 3.5, high: 5.0},
		{code: coding{"na", "2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 0},
			value: about(r, 140, 2), low: 135, high: 145},
		protein(0.25 * r.ExpFloat64() * (1 + 20*s.now.fever)),
	}
	creatinine := round(about(r, b.creatinine, 0.05), coding{decimals: 2})
	out = append(out, s.creatinine(creatinine))
	if s.isChild(s.now.day) {
		return out
	}
	return append(append(out, s.filtration(creatinine)), s.lipids(r)...)
}

func (s *simulation) hemoglobin(v float64) test {
	t := test{code: coding{"hb", "718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dL", 1}, value: v, low: 12, high: 16}
	switch {
	case s.age(s.now.day) < 6:
		t.low, t.high = 11, 14
	case s.sex == health.Male && !s.isChild(s.now.day):
		t.low, t.high = 13, 17.5
	}
	return t
}

// protein is the C-reactive protein, whose small values are bounds. It is not in the metric catalogue.
func protein(v float64) test {
	t := test{code: coding{"crp", "1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 1},
		value: v, low: 0, high: 0.5}
	if v < 0.1 {
		t.value, t.comparator = 0.1, below
	}
	return t
}

// The comparators of FHIR that the laboratory uses.
const (
	below = "<"
	above = ">"
)

func (s *simulation) creatinine(v float64) test {
	t := test{code: coding{"crea", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 2},
		value: v, low: 0.59, high: 1.04}
	switch {
	case s.isChild(s.now.day):
		t.low, t.high = 0.25, 0.70
	case s.sex == health.Male:
		t.low, t.high = 0.74, 1.35
	}
	return t
}

// filtration is the eGFR by CKD-EPI 2021 from the creatinine of the same blood;
// the laboratory reports all above 90 as a bound.
func (s *simulation) filtration(creatinine float64) test {
	kappa, alpha, factor := 0.9, -0.302, 1.0
	if s.sex == health.Female {
		kappa, alpha, factor = 0.7, -0.241, 1.012
	}
	ratio := creatinine / kappa
	v := 142 * math.Pow(min(ratio, 1), alpha) * math.Pow(max(ratio, 1), -1.200) *
		math.Pow(0.9938, float64(s.age(s.now.day))) * factor
	t := test{code: coding{"egfr", "98979-8",
		"Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)",
		"mL/min/1.73m2", "mL/min/{1.73_m2}", 0}, value: v, low: 60, high: 140}
	if v > 90 {
		t.value, t.comparator = 90, above
	}
	return t
}

// lipids hang together: LDL by Friedewald's formula.
func (s *simulation) lipids(r *rand.Rand) []test {
	b := s.blood
	total, hdl := math.Round(about(r, b.cholesterol, 9)), math.Round(about(r, b.hdl, 3))
	tri := math.Round(max(40, about(r, b.triglycerides, 18)))
	lowHDL := 50.0
	if s.sex == health.Male {
		lowHDL = 40
	}
	return []test{
		{code: coding{"chol", "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0}, value: total, low: 100, high: 200},
		{code: coding{"hdl", "2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0}, value: hdl, low: lowHDL, high: 100},
		{code: coding{"trig", "2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 0}, value: tri, low: 0, high: 150},
		{code: coding{"ldl", "13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", "mg/dL", 0},
			value: total - hdl - math.Round(tri/5), low: 0, high: 130},
	}
}

// swabs are the tests whose results are words. Neither is in the metric catalogue.
func (s *simulation) swabs(r *rand.Rand, at time.Time) {
	positive := s.now.fever > 0 || r.Float64() < 0.12
	text, snomed := "Negative", "260385009"
	if positive {
		text, snomed = "Positive", "10828004"
	}
	s.w.observe(&reading{
		code: coding{slug: "nitr", loinc: "5802-4", display: "Nitrite [Presence] in Urine by Test strip"},
		at:   at, text: text, snomed: snomed, source: laboratory,
	})
	s.w.observe(&reading{
		code: coding{slug: "prot", loinc: "20454-5", display: "Protein [Presence] in Urine by Test strip"},
		at:   at, text: "Negative", source: laboratory,
	})
	s.w.observe(&reading{
		code: coding{"pain", "72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported", "score", "{score}", 0},
		at:   at, value: float64(max(0, r.IntN(8)-4)), source: ward,
	})
}

// tall is a child's height in cm, from a growth of six cm a year.
func (s *simulation) tall() float64 {
	days := s.born.DaysUntil(s.now.day)
	return 76 + 6.2*(float64(days)/365.25-1)
}
