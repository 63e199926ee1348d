package demo

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
)

// history is what one patient has in so many days, by LOINC code. Only lines
// that hold one of the marks are read, which is most of the time.
func history(t *testing.T, record string, days int, marks ...string) map[string][]observation {
	t.Helper()
	c := New(1, testDay()).only(record)
	c.days = days
	out := map[string][]observation{}
	for _, line := range lines(t, c) {
		if slices.ContainsFunc(marks, func(m string) bool { return strings.Contains(line, m) }) {
			o := parse(t, line)
			out[o.loinc()] = append(out[o.loinc()], o)
		}
	}
	return out
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func TestHeartRatesFollowTheDay(t *testing.T) {
	var night, noon []float64
	days := map[health.Day]bool{}
	for _, o := range history(t, "SYN-000101", 200, `"8867-4"`)["8867-4"] {
		at, v := o.at(t), o.number(t)
		if v < 30 || v > 220 || v != math.Trunc(v) {
			t.Fatalf("%s: heart rate %v", o.ID, v)
		}
		days[health.DayOf(at)] = true
		switch at.Hour() {
		case 3, 4:
			night = append(night, v)
		case 13, 14:
			noon = append(noon, v)
		}
	}
	if mean(night)+8 > mean(noon) {
		t.Errorf("mean at night %.1f, at noon %.1f: no rhythm of the day", mean(night), mean(noon))
	}
	if len(days) < 140 || len(days) > 196 {
		t.Errorf("%d days with heart rates, want most of 200 but not all", len(days))
	}
}

func TestFibrillationIsIrregular(t *testing.T) {
	// The mean difference between neighbouring values tells the patients apart.
	jumps := func(record string) float64 {
		var out []float64
		last := math.NaN()
		for _, o := range history(t, record, 120, `"8867-4"`)["8867-4"] {
			v := o.number(t)
			if !math.IsNaN(last) {
				out = append(out, math.Abs(v-last))
			}
			last = v
		}
		return mean(out)
	}
	if af, calm := jumps("SYN-000104"), jumps("SYN-000101"); af < calm*1.2 {
		t.Errorf("mean jump %.2f with fibrillation, %.2f without", af, calm)
	}
}

func TestAChildsHeartBeatsFaster(t *testing.T) {
	resting := func(record string) float64 {
		var out []float64
		for _, o := range history(t, record, 365, `"40443-4"`)["40443-4"] {
			out = append(out, o.number(t))
		}
		return mean(out)
	}
	if child, adult := resting("SYN-000111"), resting("SYN-000114"); child < adult+20 {
		t.Errorf("resting rate %.1f of the child, %.1f of the adult", child, adult)
	}
}

func TestSleepCrossesMidnight(t *testing.T) {
	nights := history(t, "SYN-000104", 365, `"93832-4"`)["93832-4"]
	if len(nights) < 200 {
		t.Fatalf("%d nights, want most of a year", len(nights))
	}
	crossing := 0
	for _, o := range nights {
		start := o.at(t)
		end, err := time.Parse(time.RFC3339, o.EffectivePeriod.End)
		if err != nil {
			t.Fatal(err)
		}
		if v := o.number(t); v <= 120 || v >= end.Sub(start).Minutes() {
			t.Errorf("%s: %v min asleep in a night of %v", o.ID, v, end.Sub(start))
		}
		if health.DayOf(start) != health.DayOf(end) {
			crossing++
		}
	}
	if crossing < len(nights)*8/10 {
		t.Errorf("%d of %d nights cross midnight", crossing, len(nights))
	}
}

func TestFeversRaiseTemperatureAndHeart(t *testing.T) {
	hot, measured := 0, 0
	for _, p := range people() {
		if p.watch.every > 0 && p.record != "SYN-000111" {
			continue
		}
		for _, o := range history(t, p.record, historyDays, `"8310-5"`)["8310-5"] {
			measured++
			v := o.number(t)
			if v < 35 || v > 41.5 {
				t.Errorf("%s: %v degrees", o.ID, v)
			}
			if v >= 38 {
				hot++
			}
		}
	}
	if hot == 0 || hot == measured {
		t.Errorf("%d of %d temperatures are fevers, want some", hot, measured)
	}
}

func TestBloodPressurePanels(t *testing.T) {
	for record, want := range map[string][2]int{"SYN-000105": {600, 730}, "SYN-000102": {85, 106}} {
		panels := history(t, record, historyDays, `"85354-9"`)["85354-9"]
		if len(panels) < want[0] || len(panels) > want[1] {
			t.Errorf("%s has %d panels, want %d to %d", record, len(panels), want[0], want[1])
		}
		for _, o := range panels {
			if len(o.Component) != 2 || o.Component[0].Code.Coding[0].Code != "8480-6" || o.Component[1].Code.Coding[0].Code != "8462-4" {
				t.Fatalf("%s: %+v", o.ID, o.Component)
			}
			sys, _ := o.Component[0].ValueQuantity.Value.Float64()
			dia, _ := o.Component[1].ValueQuantity.Value.Float64()
			if dia >= sys || o.Component[0].ValueQuantity.Code != "mm[Hg]" {
				t.Errorf("%s: %v over %v", o.ID, sys, dia)
			}
		}
	}
}

func TestOneWeightIsTakenBack(t *testing.T) {
	errors := 0
	for _, o := range history(t, "SYN-000102", historyDays, `"29463-7"`)["29463-7"] {
		v := o.number(t)
		if o.Status == string(health.EnteredInError) {
			errors++
			if v > 10 {
				t.Errorf("the slip is %v kg, want a tenth", v)
			}
			continue
		}
		if v < 55 || v > 75 {
			t.Errorf("%s: %v kg", o.ID, v)
		}
	}
	if errors != 1 {
		t.Errorf("%d weights entered in error, want 1", errors)
	}
}

func TestLaboratoryFlagsAreThoseOfItsRanges(t *testing.T) {
	flags := map[string]int{}
	for _, record := range []string{"SYN-000108", "SYN-000103", "SYN-000110", "SYN-000116"} {
		for _, list := range history(t, record, historyDays, "referenceRange") {
			for _, o := range list {
				low, _ := o.ReferenceRange[0].Low.Value.Float64()
				high, _ := o.ReferenceRange[0].High.Value.Float64()
				want, v := "N", o.number(t)
				if v < low {
					want = "L"
				} else if v > high {
					want = "H"
				}
				got := o.Interpretation[0].Coding[0].Code
				if got != want {
					t.Errorf("%s: %v in %v to %v is flagged %s, want %s", o.ID, v, low, high, got, want)
				}
				if o.ReferenceRange[0].Low.Code != o.ValueQuantity.Code {
					t.Errorf("%s: the range has another unit than the value", o.ID)
				}
				flags[got]++
			}
		}
	}
	for _, f := range []string{"H", "L", "N"} {
		if flags[f] == 0 {
			t.Errorf("no value is flagged %s", f)
		}
	}
}

func TestLipidsAddUp(t *testing.T) {
	h := history(t, "SYN-000101", historyDays, "referenceRange")
	if len(h["13457-7"]) < 7 {
		t.Fatalf("%d visits in two years, want one each quarter", len(h["13457-7"]))
	}
	for i, ldl := range h["13457-7"] {
		want := h["2093-3"][i].number(t) - h["2085-9"][i].number(t) - math.Round(h["2571-8"][i].number(t)/5)
		if ldl.number(t) != want {
			t.Errorf("LDL %v, want %v by Friedewald", ldl.number(t), want)
		}
	}
}

// Every odd case that the portal must show occurs somewhere.
func TestOddCasesOccur(t *testing.T) {
	seen := map[string]int{}
	for _, record := range []string{"SYN-000101", "SYN-000105", "SYN-000108", "SYN-000110", "SYN-000114", "SYN-000116"} {
		for code, list := range history(t, record, historyDays, `"valueS`, `"valueC`, `"comparator"`, `"preliminary"`, `"corrected"`, `"value":0,`, `"1988-5"`) {
			_, known := health.ByLOINC(code)
			for _, o := range list {
				switch {
				case o.ValueCodeableConcept != nil:
					seen["coded "+o.ValueCodeableConcept.Text]++
				case o.ValueString != "":
					seen["text "+o.ValueString]++
				case o.ValueQuantity != nil && o.ValueQuantity.Comparator != "":
					seen["bound "+o.ValueQuantity.Comparator]++
				case o.ValueQuantity != nil && o.number(t) == 0:
					seen["zero"]++
				}
				if !known && code != "85354-9" {
					seen["outside the catalogue"]++
				}
				seen[o.Status]++
			}
		}
	}
	for _, want := range []string{"coded Positive", "coded Negative", "text Negative", "bound <", "bound >", "zero",
		"outside the catalogue", "final", "preliminary", "corrected"} {
		if seen[want] == 0 {
			t.Errorf("%q never occurs: %v", want, seen)
		}
	}
	if seen["preliminary"] > 60 {
		t.Errorf("%d preliminary results: want a few", seen["preliminary"])
	}
}

func TestFiltrationFollowsCKDEPI(t *testing.T) {
	// CKD-EPI 2021, computed independently: creatinine, age, sex, rounded result.
	tests := []struct {
		creatinine float64
		born       health.Day
		sex        health.Sex
		want       float64
		bound      bool
	}{
		{1.0, day(1976, 1, 1), health.Male, 92, true},
		{1.4, day(1976, 1, 1), health.Male, 61, false},
		{0.7, day(1996, 1, 1), health.Female, 119, true},
		{1.1, day(1946, 1, 1), health.Female, 51, false},
	}
	for _, tt := range tests {
		s := &simulation{patient: &patient{sex: tt.sex, born: tt.born}, now: plan{day: day(2026, 6, 1)}}
		got := s.filtration(tt.creatinine)
		if (got.comparator == above) != tt.bound {
			t.Errorf("creatinine %v: comparator %q", tt.creatinine, got.comparator)
		}
		if !tt.bound && math.Round(got.value) != tt.want {
			t.Errorf("creatinine %v: eGFR %v, want %v", tt.creatinine, got.value, tt.want)
		}
	}
}
