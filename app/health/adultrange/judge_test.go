package adultrange_test

import (
	"math"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

func day(s string) health.Day {
	d, err := health.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func person(sex health.Sex) health.Person {
	return health.Person{ID: 1, BirthDate: day("1980-03-04"), Sex: sex}
}

// value is a final value of a metric in the catalogue's unit, on 29 March 2026.
func value(metric string, v float64) health.Event {
	e := health.Event{Day: day("2026-03-29"), Observation: health.Observation{Metric: metric, Value: v, HasValue: true, Status: health.Final,
		CodeSystem: health.SystemLOINC, Code: "1", EffectiveAt: time.Date(2026, 3, 29, 8, 30, 0, 0, time.UTC)}}
	for _, m := range health.Catalogue() {
		if m.Code == metric {
			e.Unit = m.Unit
		}
	}
	return e
}

func judge(t *testing.T, metric string, p health.Person, e health.Event) adultrange.Outcome {
	t.Helper()
	r, ok := adultrange.Of(metric)
	if !ok {
		t.Fatalf("no range of %s", metric)
	}
	return r.Judge(p, &e)
}

// Every metric with a range, at its limits, for each sex.
func TestJudgeLimits(t *testing.T) {
	const ( // what each row expects of the two sexes that ranges name, and of all others
		in, below, above = adultrange.Within, adultrange.Below, adultrange.Above
		open, unknown    = adultrange.ContextUnknown, adultrange.SexUnknown
	)
	for _, tt := range []struct {
		metric             string
		value              float64
		men, women, others adultrange.Outcome
	}{
		{"heart_rate", 150, open, open, open}, {"heart_rate", 40, open, open, open},
		{"resting_heart_rate", 59.9, below, below, below}, {"resting_heart_rate", 60, in, in, in}, {"resting_heart_rate", 100, in, in, in}, {"resting_heart_rate", 100.1, above, above, above},
		{"respiratory_rate", 11, below, below, below}, {"respiratory_rate", 12, in, in, in}, {"respiratory_rate", 20, in, in, in}, {"respiratory_rate", 21, above, above, above},
		{"body_temperature", 36, below, below, below}, {"body_temperature", 36.1, in, in, in}, {"body_temperature", 38, in, in, in}, {"body_temperature", 38.1, above, above, above},
		{"spo2", 95.9, below, below, below}, {"spo2", 96, in, in, in}, {"spo2", 100, in, in, in},
		{"bp_systolic", 119.9, in, in, in}, {"bp_systolic", 120, above, above, above}, {"bp_systolic", 50, in, in, in},
		{"bp_diastolic", 79, in, in, in}, {"bp_diastolic", 80, above, above, above},
		{"bmi", 18.4, below, below, below}, {"bmi", 18.5, in, in, in}, {"bmi", 24.9, in, in, in}, {"bmi", 24.91, above, above, above},
		{"waist_circumference", 88, in, in, unknown}, {"waist_circumference", 88.1, in, above, unknown}, {"waist_circumference", 102, in, above, unknown}, {"waist_circumference", 102.5, above, above, unknown},
		{"exercise_time", 1, open, open, open}, {"sleep_duration", 30, open, open, open}, {"sleep_duration", 700, open, open, open},
		{"glucose", 40, open, open, open}, {"glucose", 300, open, open, open},
		{"hba1c", 5.69, in, in, in}, {"hba1c", 5.7, above, above, above},
		{"chol_total", 199, in, in, in}, {"chol_total", 200, above, above, above},
		{"ldl", 99, in, in, in}, {"ldl", 100, above, above, above},
		{"hdl", 39, below, below, unknown}, {"hdl", 40, in, below, unknown}, {"hdl", 50, in, in, unknown},
		{"triglycerides", 149, in, in, in}, {"triglycerides", 150, above, above, above},
		{"creatinine", 0.58, below, below, unknown}, {"creatinine", 0.6, below, in, unknown}, {"creatinine", 1.04, in, in, unknown}, {"creatinine", 1.05, in, above, unknown}, {"creatinine", 1.36, above, above, unknown},
		{"egfr", 89, below, below, below}, {"egfr", 90, in, in, in},
		{"hemoglobin", 11.9, below, below, unknown}, {"hemoglobin", 12, below, in, unknown}, {"hemoglobin", 13, in, in, unknown},
		{"potassium", 3.4, below, below, below}, {"potassium", 3.5, in, in, in}, {"potassium", 5, in, in, in}, {"potassium", 5.1, above, above, above},
		{"sodium", 134, below, below, below}, {"sodium", 135, in, in, in}, {"sodium", 145, in, in, in}, {"sodium", 146, above, above, above},
	} {
		for sex, want := range map[health.Sex]adultrange.Outcome{health.Male: tt.men, health.Female: tt.women, health.OtherSex: tt.others, health.UnknownSex: tt.others, "": tt.others} {
			got := judge(t, tt.metric, person(sex), value(tt.metric, tt.value))
			if got != want || got.Outside() != (want == below || want == above) {
				t.Errorf("%s %v, sex %q: %s, want %s", tt.metric, tt.value, sex, got, want)
			}
		}
	}
}

func TestJudgeAge(t *testing.T) {
	for _, tt := range []struct {
		born string
		want adultrange.Outcome
	}{
		{"2008-03-29", adultrange.Above}, // the 18th birthday
		{"2008-03-30", adultrange.UnderAge}, {"2016-01-01", adultrange.UnderAge}, {"2026-03-29", adultrange.UnderAge},
		{"2026-03-30", adultrange.AgeUnknown}, // a value before the birth
		{"1901-01-01", adultrange.Above}, {"", adultrange.AgeUnknown},
	} {
		p := person(health.Female)
		if p.BirthDate = (health.Day{}); tt.born != "" {
			p.BirthDate = day(tt.born)
		}
		if got := judge(t, "potassium", p, value("potassium", 6)); got != tt.want {
			t.Errorf("born %q: %s, want %s", tt.born, got, tt.want)
		}
	}
	// It is the age on the value's day that counts, not today's.
	young := person(health.Male)
	young.BirthDate = day("2008-03-29")
	e := value("potassium", 6)
	e.Day = day("2026-03-28")
	if got := judge(t, "potassium", young, e); got != adultrange.UnderAge {
		t.Errorf("the day before the 18th birthday: %s", got)
	}
}

func TestJudgeBounds(t *testing.T) {
	const open = adultrange.LeftOpen
	for _, tt := range []struct {
		metric, comparator string
		value              float64
		want               adultrange.Outcome
	}{
		{"potassium", "<", 5, open}, {"potassium", "<", 3.6, open}, {"potassium", "<", 3.5, adultrange.Below}, {"potassium", "<", 3, adultrange.Below},
		{"potassium", "<=", 3.5, open}, {"potassium", "<=", 3.4, adultrange.Below}, {"potassium", "<=", 6, open},
		{"potassium", ">", 4.9, open}, {"potassium", ">", 5, adultrange.Above}, {"potassium", ">", 7, adultrange.Above}, {"potassium", ">", 3, open},
		{"potassium", ">=", 5, open}, {"potassium", ">=", 5.1, adultrange.Above},
		{"bp_systolic", ">=", 120, adultrange.Above}, {"bp_systolic", ">", 119, open}, {"bp_systolic", ">", 120, adultrange.Above}, {"bp_systolic", "<", 300, open},
		{"egfr", ">", 90, open}, {"egfr", ">=", 60, open}, {"egfr", "<", 15, adultrange.Below}, {"egfr", "<=", 90, open},
		{"potassium", "~", 7, open},
	} {
		e := value(tt.metric, tt.value)
		e.Comparator = tt.comparator
		if got := judge(t, tt.metric, person(health.Male), e); got != tt.want {
			t.Errorf("%s %s %v: %s, want %s", tt.metric, tt.comparator, tt.value, got, tt.want)
		}
	}
}

// Whatever is in doubt, or the laboratory's business, is not marked.
func TestJudgeLeavesAlone(t *testing.T) {
	low, high := 1.0, 9.0
	for name, tt := range map[string]struct {
		change func(*health.Event)
		want   adultrange.Outcome
	}{
		"nothing":               {func(*health.Event) {}, adultrange.Above},
		"a flag H":              {func(e *health.Event) { e.Flag = "H" }, adultrange.LaboratorysOwn},
		"a flag N":              {func(e *health.Event) { e.Flag = "N" }, adultrange.LaboratorysOwn},
		"a range":               {func(e *health.Event) { e.RefLow, e.RefHigh = &low, &high }, adultrange.LaboratorysOwn},
		"a low end":             {func(e *health.Event) { e.RefLow = &low }, adultrange.LaboratorysOwn},
		"a high end":            {func(e *health.Event) { e.RefHigh = &high }, adultrange.LaboratorysOwn},
		"amended":               {func(e *health.Event) { e.Status = "amended" }, adultrange.Above},
		"corrected":             {func(e *health.Event) { e.Status = "corrected" }, adultrange.Above},
		"preliminary":           {func(e *health.Event) { e.Status = health.Preliminary }, adultrange.Above},
		"entered in error":      {func(e *health.Event) { e.Status = health.EnteredInError }, adultrange.NotReported},
		"cancelled":             {func(e *health.Event) { e.Status = "cancelled" }, adultrange.NotReported},
		"registered":            {func(e *health.Event) { e.Status = "registered" }, adultrange.NotReported},
		"unknown":               {func(e *health.Event) { e.Status = "unknown" }, adultrange.NotReported},
		"no status":             {func(e *health.Event) { e.Status = "" }, adultrange.NotReported},
		"a text":                {func(e *health.Event) { e.HasValue, e.ValueText = false, "high" }, adultrange.NoNumber},
		"implausible":           {func(e *health.Event) { e.Value = 60 }, adultrange.Doubtful},
		"implausibly low":       {func(e *health.Event) { e.Value = 0 }, adultrange.Doubtful},
		"an implausible bound":  {func(e *health.Event) { e.Value, e.Comparator = 60, ">" }, adultrange.Doubtful},
		"not a number":          {func(e *health.Event) { e.Value = math.NaN() }, adultrange.Doubtful},
		"no unit":               {func(e *health.Event) { e.Unit = "" }, adultrange.Doubtful},
		"an unknown unit":       {func(e *health.Event) { e.Unit = "blorps" }, adultrange.Doubtful},
		"a foreign unit":        {func(e *health.Event) { e.Unit = "mg/dL" }, adultrange.Doubtful},
		"a contradictory unit":  {func(e *health.Event) { e.OrigUnit = "mg/dL" }, adultrange.Doubtful},
		"another spelling":      {func(e *health.Event) { e.Unit = "mEq/L" }, adultrange.Above},
		"another metric":        {func(e *health.Event) { e.Metric = "sodium" }, adultrange.OtherMetric},
		"a code of no standing": {func(e *health.Event) { e.Metric = "loinc:2823-3" }, adultrange.OtherMetric},
	} {
		e := value("potassium", 6)
		tt.change(&e)
		if got := judge(t, "potassium", person(health.Female), e); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// Numbers are compared in the catalogue's unit, whatever they came in.
func TestJudgeConverts(t *testing.T) {
	for _, tt := range []struct {
		metric string
		value  float64
		unit   string
		want   adultrange.Outcome
	}{
		{"hba1c", 38, "mmol/mol", adultrange.Within}, {"hba1c", 39, "mmol/mol", adultrange.Above}, // 5.63 % and 5.72 %
		{"chol_total", 5.17, "mmol/L", adultrange.Within}, {"chol_total", 5.18, "mmol/L", adultrange.Above},
		{"creatinine", 119, "umol/L", adultrange.Within}, {"creatinine", 120, "umol/L", adultrange.Above}, {"creatinine", 119.367, "umol/L", adultrange.Within},
		{"body_temperature", 100.4, "[degF]", adultrange.Within}, {"body_temperature", 100.5, "[degF]", adultrange.Above},
		{"hemoglobin", 129, "g/L", adultrange.Below}, {"hemoglobin", 130, "g/L", adultrange.Within},
	} {
		e := value(tt.metric, tt.value)
		e.Unit = tt.unit
		if got := judge(t, tt.metric, person(health.Male), e); got != tt.want {
			t.Errorf("%s %v %s: %s, want %s", tt.metric, tt.value, tt.unit, got, tt.want)
		}
	}
}

func TestFits(t *testing.T) {
	at := day("2026-03-29")
	child := person(health.Male)
	child.BirthDate = day("2015-01-01")
	for _, tt := range []struct {
		metric string
		p      health.Person
		want   adultrange.Outcome
	}{
		{"potassium", person(health.UnknownSex), adultrange.Within}, {"hdl", person(health.UnknownSex), adultrange.SexUnknown}, {"hdl", person(health.Male), adultrange.Within},
		{"glucose", person(health.Male), adultrange.ContextUnknown}, {"glucose", child, adultrange.UnderAge}, {"hdl", health.Person{Sex: health.Male}, adultrange.AgeUnknown},
	} {
		r, _ := adultrange.Of(tt.metric)
		if got := r.Fits(tt.p, at); got != tt.want {
			t.Errorf("%s, %+v: %s, want %s", tt.metric, tt.p, got, tt.want)
		}
	}
}
