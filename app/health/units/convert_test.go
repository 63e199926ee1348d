package units

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"healthportal/app/health"
)

func TestEveryMetricOfTheCatalogueHasUnits(t *testing.T) {
	for _, m := range health.Catalogue() {
		choices := Choices(m.Code)
		if len(choices) == 0 || choices[0] != m.Unit {
			t.Errorf("%s: choices %v, the catalogue's unit is %s", m.Code, choices, m.Unit)
		}
		if entries()[m.Code].scales[0].by.RatString() != "1" {
			t.Errorf("%s: the catalogue's unit is not 1", m.Code)
		}
	}
	owner := map[string]bool{}
	for _, q := range quantities() {
		for _, m := range q.metrics {
			if owner[m] || entries()[m] == nil {
				t.Errorf("%s stands in two quantities, or not in the catalogue", m)
			}
			owner[m] = true
		}
	}
	if got := Choices("loinc:1"); got != nil {
		t.Errorf("choices outside the catalogue: %v", got)
	}
}

func TestKnownValues(t *testing.T) {
	for _, tt := range []struct {
		metric   string
		value    float64
		from, to string
		want     float64 // exactly: conversions of decimals are rounded once
	}{
		{"glucose", 5.5, "mmol/L", "mg/dL", 99.088}, {"glucose", 5.4, "mmol/L", "mg/dL", 97.2864}, {"glucose", 90.08, "mg/dL", "mmol/L", 5},
		{"glucose", 0.9, "g/L", "mg/dL", 90}, {"glucose", 0, "mmol/L", "mg/dL", 0},
		{"chol_total", 5, "mmol/L", "mg/dL", 193.35}, {"ldl", 2.6, "mmol/L", "mg/dL", 100.542}, {"hdl", 1, "mmol/L", "mg/dL", 38.67},
		{"triglycerides", 1.7, "mmol/L", "mg/dL", 150.569},
		{"creatinine", 1, "mg/dL", "umol/L", 88.42}, {"creatinine", 88.42, "umol/L", "mg/dL", 1}, {"creatinine", 44.21, "µmol/L", "mg/dL", 0.5},
		{"hba1c", 48, "mmol/mol", "%", 6.54304}, {"hba1c", 6.54304, "%", "mmol/mol", 48}, {"hba1c", 0, "mmol/mol", "%", 2.152},
		{"hemoglobin", 140, "g/L", "g/dL", 14}, {"hemoglobin", 10, "mmol/L", "g/dL", 16.114}, {"hemoglobin", 16.114, "g/dL", "mmol/L", 10},
		{"potassium", 4.1, "mEq/L", "mmol/L", 4.1}, {"sodium", 140, "meq/L", "mmol/L", 140},
		{"body_temperature", 98.6, "[degF]", "Cel", 37}, {"body_temperature", 37, "Cel", "[degF]", 98.6}, {"body_temperature", -40, "Cel", "°F", -40},
		{"body_temperature", 310.15, "K", "Cel", 37}, {"body_temperature", 0, "Cel", "K", 273.15},
		{"body_weight", 154, "lb", "kg", 69.85322498}, {"body_weight", 70, "kg", "g", 70_000}, {"body_weight", 11, "st", "[lb_av]", 154},
		{"body_height", 70, "[in_i]", "cm", 177.8}, {"body_height", 1.8, "m", "cm", 180}, {"body_height", 6, "[ft_i]", "cm", 182.88},
		{"distance_walk_run", 1, "[mi_i]", "m", 1609.344}, {"distance_walk_run", 5, "km", "m", 5000},
		{"active_energy", 4.184, "kJ", "kcal", 1}, {"active_energy", 500, "Cal", "kcal", 500},
		{"bp_systolic", 120, "mm[Hg]", "kPa", 15.99864}, {"hrv_sdnn", 0.045, "s", "ms", 45}, {"sleep_duration", 7.5, "h", "min", 450},
		{"heart_rate", 1.5, "Hz", "/min", 90}, {"peak_flow", 7, "L/s", "L/min", 420}, {"egfr", 1.5, "mL/s/1.73m2", "mL/min/{1.73_m2}", 90},
	} {
		got, err := Convert(tt.metric, tt.value, tt.from, tt.to)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v %s are %v %s, want %v (%v)", tt.metric, tt.value, tt.from, got, tt.to, tt.want, err)
		}
	}
}

// TestPublishedValues compares with tables that clinics print, to their own digits.
func TestPublishedValues(t *testing.T) {
	for _, tt := range []struct {
		metric             string
		value              float64
		from, to, printed  string
		digitsOfThePrinted string
	}{
		{"hba1c", 48, "mmol/mol", "%", "6.54", "6.5"}, {"hba1c", 42, "mmol/mol", "%", "5.99", "6.0"}, {"hba1c", 53, "mmol/mol", "%", "7.00", "7.0"},
		{"hba1c", 75, "mmol/mol", "%", "9.01", "9.0"}, {"hba1c", 6.5, "%", "mmol/mol", "47.5", "48"},
		{"glucose", 5.5, "mmol/L", "mg/dL", "99.1", "99"}, {"glucose", 7.0, "mmol/L", "mg/dL", "126", "126"}, {"glucose", 11.1, "mmol/L", "mg/dL", "200", "200"},
		{"chol_total", 200, "mg/dL", "mmol/L", "5.17", "5.2"}, {"triglycerides", 150, "mg/dL", "mmol/L", "1.69", "1.7"},
		{"creatinine", 1.35, "mg/dL", "umol/L", "119", "119"}, {"hemoglobin", 12, "g/dL", "mmol/L", "7.45", "7.4"},
	} {
		v, err := Convert(tt.metric, tt.value, tt.from, tt.to)
		if got := Shown(v, number(tt.value)); err != nil || got != tt.printed {
			t.Errorf("%s: %v %s show as %s %s, want %s; tables print %s (%v)", tt.metric, tt.value, tt.from, got, tt.to, tt.printed, tt.digitsOfThePrinted, err)
		}
	}
}

func TestNoConversion(t *testing.T) {
	for _, tt := range []struct{ metric, from, to string }{
		{"body_weight", "mg/dL", "kg"}, {"body_weight", "kg", "mg/dL"}, {"glucose", "mg/dL", "%"}, {"glucose", "", "mg/dL"}, {"glucose", "mg/dL", ""},
		{"glucose", "blorps", "mg/dL"}, {"egfr", "mL/min", "mL/min/{1.73_m2}"}, {"spo2", "1", "%"}, {"active_energy", "cal", "kcal"},
		{"loinc:15074-8", "mmol/L", "mg/dL"}, {"", "kg", "kg"}, {"hba1c", "mmol/L", "%"}, {"potassium", "mg/dL", "mmol/L"}, {"heart_rate", "F", "/min"},
	} {
		v, err := Convert(tt.metric, 5, tt.from, tt.to)
		var none *NoConversionError
		if !errors.As(err, &none) || v != 0 || none.From != tt.from || none.To != tt.to || none.Metric != tt.metric {
			t.Errorf("%+v: %v, %v", tt, v, err)
			continue
		}
		if tt.from != "" && strings.Contains(err.Error(), "blorps") {
			t.Error("the error repeats a source's text")
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		to := map[bool]string{true: "[stone_av]", false: "g"}[v == math.SmallestNonzeroFloat64]
		if _, err := Convert("body_weight", v, "kg", to); !errors.Is(err, ErrNotHeld) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// pairs calls f for each metric and pair of its units.
func pairs(f func(metric, from, to string, zero float64)) {
	for code, e := range entries() {
		for _, a := range e.scales {
			for _, b := range e.scales {
				plus, _ := a.plus.Float64()
				f(code, a.ucum, b.ucum, math.Abs(plus))
			}
		}
	}
}

func must(t *testing.T, metric string, v float64, from, to string) float64 {
	t.Helper()
	got, err := Convert(metric, v, from, to)
	if err != nil {
		t.Fatalf("%s: %s to %s: %v", metric, from, to, err)
	}
	return got
}

func TestThereAndBack(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers at each run
	n := 0
	pairs(func(metric, from, to string, _ float64) {
		for range 40 {
			v := math.Round(dice.Float64()*1e6) / math.Pow10(dice.IntN(6))
			there := must(t, metric, v, from, to)
			back := must(t, metric, there, to, from)
			// One rounding there and one back; near another zero point the error is of that size.
			if most := 4e-16 * (math.Abs(v) + 460); math.Abs(back-v) > most || (from == to && back != v) {
				t.Errorf("%s: %v %s became %v by way of %v %s", metric, v, from, back, there, to)
			}
			n++
		}
	})
	if n < 2000 {
		t.Errorf("%d cases only", n)
	}
}

func TestConversionsRise(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same numbers at each run
	pairs(func(metric, from, to string, _ float64) {
		for range 20 {
			a := (dice.Float64() - 0.1) * 1000
			b := a + 0.001 + dice.Float64()
			if x, y := must(t, metric, a, from, to), must(t, metric, b, from, to); x >= y {
				t.Errorf("%s: %v < %v %s, but %v >= %v %s", metric, a, b, from, x, y, to)
			}
		}
	})
}

func TestRanges(t *testing.T) {
	low, high := 3.9, 5.8
	gotLow, gotHigh, err := ConvertRange("glucose", &low, &high, "mmol/L", "mg/dL")
	if err != nil || *gotLow != 70.2624 || *gotHigh != 104.4928 || low != 3.9 {
		t.Errorf("%v %v %v", gotLow, gotHigh, err)
	}
	if gotLow, gotHigh, err = ConvertRange("glucose", nil, &high, "mmol/L", "mg/dL"); gotLow != nil || *gotHigh != 104.4928 || err != nil {
		t.Errorf("open below: %v %v %v", gotLow, gotHigh, err)
	}
	if gotLow, gotHigh, err = ConvertRange("glucose", nil, nil, "mmol/L", "nonsense"); gotLow != nil || gotHigh != nil || err != nil {
		t.Errorf("no range: %v %v %v", gotLow, gotHigh, err)
	}
	if gotLow, gotHigh, err = ConvertRange("glucose", &low, &high, "mmol/L", "kg"); gotLow != nil || gotHigh != nil || err == nil {
		t.Errorf("no conversion: %v %v %v", gotLow, gotHigh, err)
	}
}

func TestSeries(t *testing.T) {
	glucose, _ := health.ByLOINC("2339-0")
	s := health.Series{Metric: glucose, Unit: "mg/dL", Points: []health.DayPoint{{N: 3, Used: 2, Min: 90.08, Mean: 135.12, Max: 180.16, Sum: 270.24}, {N: 1}}}
	got, ok := Series(s, "mmol/L")
	if p := got.Points[0]; !ok || got.Unit != "mmol/L" || p.Min != 5 || p.Mean != 7.5 || p.Max != 10 || p.Sum != 15 || p.N != 3 || got.Points[1].N != 1 || got.Points[1].Used != 0 {
		t.Errorf("%v %+v", ok, got)
	}
	if s.Points[0].Min != 90.08 {
		t.Error("the series itself changed")
	}
	warm := health.Series{Metric: health.Metric{Code: "body_temperature", Kind: health.Vital}, Unit: "Cel", Points: []health.DayPoint{{Used: 2, Min: 36, Mean: 37, Max: 38, Sum: 74}}}
	if got, ok = Series(warm, "[degF]"); !ok || got.Points[0].Mean != 98.6 || got.Points[0].Sum != 197.2 {
		t.Errorf("%v %+v", ok, got)
	}
	far := health.Series{Metric: health.Metric{Code: "distance_walk_run", Kind: health.Total}, Unit: "m", Points: []health.DayPoint{{Used: 2, Min: 1000, Mean: 1500, Max: 2000, Sum: 2000, LeftOut: 1000, LeftSources: []string{"phone"}}}}
	if got, ok = Series(far, "km"); !ok || got.Points[0].Sum != 2 || got.Points[0].LeftOut != 1 || len(got.Points[0].LeftSources) != 1 {
		t.Errorf("%v %+v", ok, got)
	}
	for _, unit := range []string{"kg", "", "nonsense"} {
		if got, ok = Series(s, unit); ok || got.Unit != "mg/dL" || got.Points[0].Min != 90.08 {
			t.Errorf("%q: %v %+v", unit, ok, got)
		}
	}
	huge := health.Series{Metric: far.Metric, Unit: "km", Points: []health.DayPoint{{Used: 1, Max: math.MaxFloat64}}}
	if got, ok = Series(huge, "m"); ok || got.Unit != "km" {
		t.Errorf("%v %+v", ok, got)
	}
}
