package patients

import (
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/views/ui"
)

// sheetOf has sign-offs of ranges as they are now.
func sheetOf(metrics ...string) adultrange.Sheet {
	var acts []adultrange.Act
	for _, m := range metrics {
		r, _ := adultrange.Of(m)
		acts = append(acts, adultrange.Act{Metric: m, Kind: adultrange.SignOff, Digest: r.Digest(), Said: r.Metric.Reference, By: "Dr Eve", At: time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)})
	}
	return adultrange.NewSheet(acts)
}

func adult(sex health.Sex) health.Person {
	return health.Person{ID: 1, PublicID: "abc", BirthDate: day("1980-03-04"), Sex: sex}
}

func valueOf(metric string, v float64, unit string) health.Event {
	return health.Event{Day: day("2026-03-29"), Observation: health.Observation{Metric: metric, Value: v, HasValue: true, Unit: unit, Status: health.Final,
		CodeSystem: health.SystemLOINC, Code: "1"}}
}

func TestMarked(t *testing.T) {
	const signed = ", signed off by Dr Eve on 28 Mar 2026"
	above, below := "above the general adult range", "below the general adult range"
	for _, tt := range []struct {
		name, unit string
		e          health.Event
		sex        health.Sex
		want       ui.Mark
	}{
		{"above", "mmol/L", valueOf("potassium", 5.6, "mmol/L"), health.Female, ui.Mark{Label: above, Why: "3.5–5.0 mmol/L" + signed, Arrow: ui.IconUp}},
		{"below", "mmol/L", valueOf("potassium", 3.1, "mmol/L"), "", ui.Mark{Label: below, Why: "3.5–5.0 mmol/L" + signed, Arrow: ui.IconDown}},
		{"within", "mmol/L", valueOf("potassium", 4, "mmol/L"), health.Female, ui.Mark{}},
		{"a woman's", "mg/dL", valueOf("hdl", 45, "mg/dL"), health.Female, ui.Mark{Label: below, Why: "50 mg/dL or more" + signed, Arrow: ui.IconDown}},
		{"a man's", "mg/dL", valueOf("hdl", 45, "mg/dL"), health.Male, ui.Mark{}},
		{"in the reader's unit", "mmol/mol", valueOf("hba1c", 6.54304, "%"), health.Male, ui.Mark{Label: above, Why: "below ≈ 38.78 mmol/mol" + signed, Arrow: ui.IconUp}},
		{"in a unit that is none", "blorps", valueOf("hba1c", 6.54304, "%"), health.Male, ui.Mark{Label: above, Why: "below 5.7 %" + signed, Arrow: ui.IconUp}},
		{"not signed off", "mmol/L", valueOf("sodium", 150, "mmol/L"), health.Male, ui.Mark{}},
		{"at rest or not", "/min", valueOf("heart_rate", 150, "/min"), health.Male, ui.Mark{}},
		{"implausible", "mmol/L", valueOf("potassium", 60, "mmol/L"), health.Male, ui.Mark{Label: "implausible", Why: "outside plausible bounds 1–12 mmol/L; shown as received"}},
	} {
		if got := Marked(sheetOf("potassium", "hdl", "hba1c", "heart_rate"), adult(tt.sex), tt.e, tt.unit); got != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	flagged := valueOf("potassium", 5.6, "mmol/L")
	flagged.Flag = "N"
	if got := Marked(sheetOf("potassium"), adult(health.Male), flagged, "mmol/L"); got != (ui.Mark{}) {
		t.Errorf("the laboratory's own: %+v", got)
	}
}

// potassiumChart is a chart of one point with values outside.
func potassiumChart(zoom health.Zoom, person health.Person, ranges adultrange.Sheet) ChartProps {
	metric, _ := health.ByLOINC("2823-3")
	p := of(zoom, "2026-03-01", health.Series{Metric: metric, CodeSystem: health.SystemLOINC, Code: "2823-3", Unit: "mmol/L", Points: []health.DayPoint{
		{Day: day("2026-03-01"), N: 4, Used: 4, Min: 3, Mean: 4.5, Max: 6, Above: health.Outside{N: 2, Furthest: 6}, Below: health.Outside{N: 1, Furthest: 3}},
	}})
	p.Person, p.Ranges = person, ranges
	return p
}

func TestAdultWords(t *testing.T) {
	child, later, nobody := adult(health.Male), adult(health.Male), adult(health.Male)
	child.BirthDate, later.BirthDate, nobody.BirthDate = day("2015-01-01"), day("2008-03-15"), health.Day{}
	changed := adultrange.NewSheet([]adultrange.Act{{Metric: "potassium", Kind: adultrange.SignOff, Digest: "another"}})
	const signed = "General adult range of potassium: 3.5–5.0 mmol/L, signed off by Dr Eve on 28 Mar 2026. Dotted lines: its ends, where the laboratory gave no range."
	for _, tt := range []struct {
		name, metric, unit string
		zoom               health.Zoom
		person             health.Person
		ranges             adultrange.Sheet
		want               string
	}{
		{"signed off", "potassium", "", health.Days, adult(""), sheetOf("potassium"), signed + " Rings: values outside, to which the laboratory gave neither a range nor a flag."},
		{"of a year", "potassium", "", health.Months, adult(""), sheetOf("potassium"), signed + " Charts of days and of hours ring the values outside."},
		{"came of age", "potassium", "", health.Days, later, sheetOf("potassium"), signed + " It holds from the 18th birthday on. Rings: values outside, to which the laboratory gave neither a range nor a flag."},
		{"not signed off", "potassium", "", health.Days, adult(""), sheetOf(), "General adult range of potassium, for orientation only: 3.5–5.0 mmol/L. It is not signed off, so that nothing is marked."},
		{"changed", "potassium", "", health.Days, adult(""), changed, "General adult range of potassium, for orientation only: 3.5–5.0 mmol/L. It was another one when it was signed off, so that nothing is marked."},
		{"at rest", "heart_rate", "", health.Days, adult(""), sheetOf(), "General adult range of heart rate, for orientation only: 60–100 /min at rest. Nothing is marked, because no value says whether it was taken at rest."},
		{"in another unit", "glucose", "mmol/L", health.Days, adult(""), sheetOf(), "General adult range of glucose, for orientation only: ≈ 3.885–≈ 5.495 mmol/L fasting. Nothing is marked, because no value says whether it was taken fasting."},
		{"a night", "sleep_duration", "", health.Days, adult(""), sheetOf(), "General adult range of sleep duration, for orientation only: 420–540 min a night. Nothing is marked, because values are parts of a night."},
		{"by sex", "hdl", "", health.Days, adult(health.Female), sheetOf(), "General adult range of HDL cholesterol, for orientation only: 50 mg/dL or more. It is not signed off, so that nothing is marked."},
		{"no sex", "hdl", "", health.Days, adult(health.OtherSex), sheetOf("hdl"), "General adult range of HDL cholesterol: none holds here, because it differs by sex and the patient's is recorded as other."},
		{"a child", "heart_rate", "", health.Days, child, sheetOf("potassium"), "General adult range of heart rate: none holds here, because the patient was under 18."},
		{"no birth date", "potassium", "", health.Days, nobody, sheetOf("potassium"), "General adult range of potassium: none holds here, because the patient's age is not known."},
		{"no range", "body_weight", "", health.Days, adult(""), sheetOf(), ""},
	} {
		if got := potassiumChart(tt.zoom, tt.person, tt.ranges).adultWords(tt.metric, tt.unit); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestRingsAndEnds(t *testing.T) {
	p := potassiumChart(health.Days, adult(health.Male), sheetOf("potassium"))
	f := drawnFigure(p)
	if len(f.rings) != 2 || f.rings[0].y != px(f.scale.y(6)) || f.rings[1].y != px(f.scale.y(3)) || f.rings[0].x != px(f.centre(0)) {
		t.Errorf("rings %v", f.rings)
	}
	if want := []string{px(f.scale.y(3.5)), px(f.scale.y(5))}; !slices.Equal(f.general, want) {
		t.Errorf("ends %v, want %v", f.general, want)
	}
	if name := f.places[0].name; !strings.HasSuffix(name, "4 observations, 2 above the general adult range, 1 below the general adult range") {
		t.Errorf("the point is named %q", name)
	}
	_, text := render(t, p)
	for _, want := range []string{`class="chart-outside"`, `href="/settings/ranges#range-potassium"`, `<span class="sub">2 above the general adult range, 1 below`} {
		if !strings.Contains(text, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
	none := potassiumChart(health.Days, adult(health.Male), sheetOf())
	if f := drawnFigure(none); len(f.general) != 0 {
		t.Errorf("not signed off, but drawn: %v", f.general)
	}
	lab := potassiumChart(health.Days, adult(health.Male), sheetOf("potassium"))
	low := 3.0
	lab.Series[0].Range = &health.Range{Low: &low}
	if f := drawnFigure(lab); len(f.general) != 0 {
		t.Errorf("beside the laboratory's range: %v", f.general)
	}
	child := adult(health.Male)
	child.BirthDate = day("2008-03-15")
	if f := drawnFigure(potassiumChart(health.Days, child, sheetOf("potassium"))); len(f.general) != 0 {
		t.Errorf("before the 18th birthday: %v", f.general)
	}
	far := potassiumChart(health.Days, adult(health.Male), sheetOf("potassium"))
	far.Series[0].Points[0].Min, far.Series[0].Points[0].Mean = 5.5, 5.75
	far.Series[0].Points[0].Below = health.Outside{}
	if f := drawnFigure(far); len(f.general) != 0 || len(f.rings) != 1 {
		t.Errorf("ends beyond the figure: %v", f.general)
	}
}

// The range of a metric in a unit that has no conversion is drawn nowhere.
func TestNoEndsInAForeignUnit(t *testing.T) {
	p := potassiumChart(health.Days, adult(health.Male), sheetOf("potassium"))
	p.Series[0].Unit = "mg/dL"
	if f := drawnFigure(p); len(f.general) != 0 {
		t.Errorf("drawn %v", f.general)
	}
}
