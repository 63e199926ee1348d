package patients

import (
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/health/units"
	"healthportal/views/ui"
)

func TestMarks(t *testing.T) {
	number := func(metric string, v float64, unit, text string) health.Observation {
		return health.Observation{Metric: metric, Value: v, HasValue: true, Unit: unit, OrigUnit: text}
	}
	hot := number("body_temperature", 200, "[degF]", "")
	units.Normalise(&hot)
	for _, tt := range []struct {
		name, unit string
		o          health.Observation
		want       ui.Mark
	}{
		{"fine", "/min", number("heart_rate", 72, "/min", ""), ui.Mark{}},
		{"too fast", "/min", number("heart_rate", 400, "/min", ""), ui.Mark{Label: "implausible", Why: "outside plausible bounds 20–300 /min; shown as received"}},
		{"converted at import", "Cel", hot, ui.Mark{Label: "implausible", Why: "outside plausible bounds 25–45 °C; the received value stands beside"}},
		{"shown as the source wrote it", "[degF]", hot, ui.Mark{Label: "implausible", Why: "outside plausible bounds 77–113 °F; shown as received"}},
		{"switched", "mmol/L", number("glucose", 2000, "mg/dL", ""), ui.Mark{Label: "implausible", Why: "outside plausible bounds 0.555–83.3 mmol/L; the received value stands beside"}},
		{"another kind of unit", "mg/dL", number("body_weight", 70, "mg/dL", ""), ui.Mark{Label: "implausible unit", Why: "mg/dL is no unit of this metric; shown as received"}},
		{"no unit", "", number("glucose", 5.4, "", ""), ui.Mark{Label: "no unit", Why: "none was given, so that bounds can't be checked; shown as received"}},
		{"unknown unit", "blorps", number("glucose", 5.4, "blorps", ""), ui.Mark{Label: "unknown unit", Why: "bounds can't be checked; shown as received"}},
		{"contradiction", "mg/dL", number("glucose", 95, "mg/dL", "mmol/L"), ui.Mark{Label: "contradictory unit", Why: "the code says mg/dL, the text mmol/L; shown by the code"}},
		{"text", "", health.Observation{Metric: "glucose", ValueText: "high"}, ui.Mark{}},
		{"outside the catalogue", "x", number("loinc:1", -1, "x", ""), ui.Mark{}},
	} {
		if got := MarkOf(tt.o, tt.unit); got != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestUnitChoice(t *testing.T) {
	field, of, ok := UnitChoice("u", "glucose", "mmol/L")
	if !ok || of != (ui.Hidden{Name: "unit_of", Value: "glucose"}) || field.Value != "mmol/L" || field.ID != "u" || field.Name != "unit" {
		t.Errorf("%+v %+v %v", field, of, ok)
	}
	var labels []string
	for _, o := range field.Options {
		labels = append(labels, o.Value+"="+o.Label)
	}
	if got := strings.Join(labels, " "); got != "=As stored mg/dL=mg/dL mmol/L=mmol/L" {
		t.Error(got)
	}
	for _, metric := range []string{"", "heart_rate", "loinc:1"} {
		if _, _, ok := UnitChoice("u", metric, ""); ok {
			t.Errorf("%q has a choice of units", metric)
		}
	}
}

func TestChartInAnotherUnit(t *testing.T) {
	glucose, _ := health.ByLOINC("2339-0")
	s := health.Series{Metric: glucose, CodeSystem: health.SystemLOINC, Code: "2339-0", Unit: "mg/dL", Points: []health.DayPoint{
		{Day: day("2026-03-01"), N: 2, Used: 2, Min: 90, Mean: 95, Max: 100, Sum: 190}, {Day: day("2026-03-02"), N: 1, Used: 1, Min: 90.08, Mean: 90.08, Max: 90.08, Sum: 90.08}}}
	s, ok := units.Series(s, "mmol/L")
	p := of(health.Days, "2026-03-01", s)
	p.Unit = "mmol/L"
	_, text := render(t, p)
	for _, want := range []string{"≈ 4.99556 to ≈ 5.55062, mean ≈ 5.27309 mmol/L, 2 observations", "5 mmol/L, 1 observation", "Numbers after ≈ are rounded", `name="unit_of" value="glucose"`,
		`<option value="mmol/L" selected`, "day=2026-03-01&amp;metric=glucose&amp;person=abc&amp;unit=mmol%2FL", "at=2026-02&amp;metric=glucose&amp;unit=mmol%2FL&amp;zoom=days"} {
		if !ok || !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	p.Unit, p.Series[0].Points = "", p.Series[0].Points[1:]
	if _, text = render(t, p); strings.Contains(text, "unit=") || strings.Contains(text, "after ≈") {
		t.Error("a unit that nobody chose")
	}
}

func TestChartNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 72.5: "72.5", 97.2864: "97.2864", 37.77777777777778: "≈ 37.7778", -37.77777777777778: "≈ -37.7778", 100000: "100000", 123456789012: "123456789012",
		0.0000001234: "0.0000001234", 1.0 / 3: "≈ 0.333333", 1e21: "1000000000000000000000", 16093.44: "16093.44",
	} {
		if got := number(v); got != want {
			t.Errorf("%v shows as %q, want %q", v, got, want)
		}
	}
	for _, tt := range []struct {
		p         health.DayPoint
		mean, sum string
	}{
		{health.DayPoint{Min: 1, Max: 2, Mean: 1.5, Sum: 3}, "1.5", "3"}, {health.DayPoint{Min: 0.1, Max: 0.2, Mean: 0.15, Sum: 0.30000000000000004}, "0.15", "0.30"},
		{health.DayPoint{Min: 1.0 / 3, Max: 2.0 / 3, Mean: 0.5, Sum: 4.0 / 3}, "0.5", "≈ 1.33333"},
	} {
		if mean(tt.p) != tt.mean || sum(tt.p) != tt.sum {
			t.Errorf("%+v: mean %s, sum %s", tt.p, mean(tt.p), sum(tt.p))
		}
	}
}
