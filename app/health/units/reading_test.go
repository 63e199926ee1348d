package units

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"healthportal/app/health"
)

func ptr(v float64) *float64 { return &v }

func obs(metric, digits, unit string) health.Observation {
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		panic(err)
	}
	o := health.Observation{Metric: metric, Value: v, HasValue: true, Unit: unit}
	if number(v) != digits {
		o.OrigValue = digits
	}
	return o
}

func TestNormalise(t *testing.T) {
	o := obs("glucose", "5.40", "mmol/L")
	o.RefLow, o.RefHigh, o.Comparator, o.Flag = ptr(3.9), ptr(5.8), "<", "H"
	Normalise(&o)
	if o.Value != 97.2864 || o.Unit != "mg/dL" || o.OrigValue != "5.40" || o.OrigUnit != "mmol/L" || *o.RefLow != 70.2624 || *o.RefHigh != 104.4928 || o.Comparator != "<" || o.Flag != "H" {
		t.Errorf("%+v, range %v to %v", o, *o.RefLow, *o.RefHigh)
	}
	again := o
	if Normalise(&again); again != o {
		t.Errorf("a second time: %+v", again)
	}
	for _, tt := range []struct {
		name, metric, digits, unit, text      string
		value                                 float64
		wantUnit, wantOrigValue, wantOrigUnit string
	}{
		{"another number", "body_temperature", "98.6", "[degF]", "", 37, "Cel", "98.6", "[degF]"},
		{"the text is kept", "body_temperature", "98.6", "[degF]", "Grad F", 37, "Cel", "98.6", "Grad F"},
		{"another spelling", "heart_rate", "72", "beats/minute", "", 72, "/min", "", "beats/minute"},
		{"another spelling, digits kept", "heart_rate", "72.0", "{beats}/min", "bpm", 72, "/min", "72.0", "bpm"},
		{"equal numbers", "potassium", "4.1", "mEq/L", "", 4.1, "mmol/L", "", "mEq/L"},
		{"equal units, two spellings of two", "potassium", "4.1", "meq/L", "mmol/L", 4.1, "mmol/L", "", "mmol/L"},
		{"a zero", "glucose", "0", "mmol/L", "", 0, "mg/dL", "", "mmol/L"},
		{"minus forty", "body_temperature", "-40", "[degF]", "", -40, "Cel", "", "[degF]"},
		{"the catalogue's", "glucose", "99", "mg/dL", "", 99, "mg/dL", "", ""},
		{"the catalogue's, a text beside", "glucose", "99", "mg/dL", "mg per dL", 99, "mg/dL", "", "mg per dL"},
		{"a contradicting text", "glucose", "5.4", "mmol/L", "mg/dL", 5.4, "mmol/L", "", "mg/dL"},
		{"a text of another kind", "glucose", "5.4", "mmol/L", "kg", 5.4, "mmol/L", "", "kg"},
		{"unknown", "glucose", "5.4", "blorps", "", 5.4, "blorps", "", ""},
		{"none", "glucose", "5.4", "", "", 5.4, "", "", ""},
		{"something else", "body_weight", "99", "mg/dl", "", 99, "mg/dl", "", ""},
		{"outside the catalogue", "loinc:1", "99", "lbs", "", 99, "lbs", "", ""},
		{"not to be held", "distance_walk_run", "1.7e308", "km", "", 1.7e308, "km", "1.7e308", ""},
	} {
		o := obs(tt.metric, tt.digits, tt.unit)
		o.OrigUnit = tt.text
		Normalise(&o)
		if o.Value != tt.value || o.Unit != tt.wantUnit || o.OrigValue != tt.wantOrigValue || o.OrigUnit != tt.wantOrigUnit {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
	text := health.Observation{Metric: "glucose", ValueText: "high", Unit: "mmol/L", OrigValue: "s|c"}
	before := text
	if Normalise(&text); text != before {
		t.Errorf("a text: %+v", text)
	}
	odd := obs("distance_walk_run", "1", "km")
	odd.RefHigh = ptr(math.MaxFloat64)
	if Normalise(&odd); odd.Unit != "km" || odd.Value != 1 || *odd.RefHigh != math.MaxFloat64 {
		t.Errorf("a range that can't be held: %+v", odd)
	}
}

// TestNothingDrifts: what the source wrote comes back digit by digit, whatever the
// unit, and so does what a reader sees in the source's unit.
func TestNothingDrifts(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same numbers at each run
	pairs(func(metric, from, to string, _ float64) {
		for range 10 {
			decimals := dice.IntN(4)
			digits := strconv.FormatFloat(dice.Float64()*500, 'f', decimals, 64)
			low := math.Round(dice.Float64()*1000) / 10
			o := obs(metric, digits, from)
			o.RefLow = ptr(low)
			Normalise(&o)
			if o.Unit != entries()[metric].base() {
				t.Fatalf("%s in %s is stored in %s", metric, from, o.Unit)
			}
			if r := Read(&o, from); r.Value != digits || r.Unit != from || r.Converted() || r.Low != number(low) {
				t.Errorf("%s: %s %s with range from %v shows as %+v", metric, digits, from, low, r)
			}
			r := Read(&o, to)
			if r.Unit != to || (r.Converted() && (r.Received != digits || r.ReceivedUnit != from)) || (!r.Converted() && from != to) {
				t.Errorf("%s: %s %s in %s: %+v", metric, digits, from, to, r)
			}
		}
	})
}

func TestRead(t *testing.T) {
	stored := obs("glucose", "5.4", "mmol/L")
	stored.RefLow, stored.RefHigh = ptr(3.9), ptr(5.8)
	Normalise(&stored)
	direct := obs("glucose", "5.40", "mmol/L")
	direct.RefHigh = ptr(5.8)
	unread := obs("body_temperature", "98.6", "[degF]")
	unread.OrigUnit = "Grad F"
	Normalise(&unread)
	etl := health.Observation{Metric: "glucose", HasValue: true, Value: 97.3, Unit: "", OrigValue: "5.4", OrigUnit: "?"}
	spelt := obs("heart_rate", "72", "bpm")
	Normalise(&spelt)
	contradicting := obs("glucose", "5.4", "mg/dL")
	contradicting.OrigUnit = "mmol/L"
	for _, tt := range []struct {
		name string
		o    health.Observation
		unit string
		want Reading
	}{
		{"stored converted", stored, "", Reading{"97.3", "70.3", "104", "mg/dL", "5.4", "mmol/L"}},
		{"asked for", stored, "mg/dL", Reading{"97.3", "70.3", "104", "mg/dL", "5.4", "mmol/L"}},
		{"back in the source's unit", stored, "mmol/L", Reading{"5.4", "3.9", "5.8", "mmol/L", "", ""}},
		{"not converted", direct, "", Reading{"5.40", "", "5.8", "mmol/L", "", ""}},
		{"switched", direct, "mg/dL", Reading{"97.3", "", "104", "mg/dL", "5.40", "mmol/L"}},
		{"no such conversion", direct, "kg", Reading{"5.40", "", "5.8", "mmol/L", "", ""}},
		{"from a unit in words", unread, "", Reading{"37.0", "", "", "Cel", "98.6", "Grad F"}},
		{"and on", unread, "[degF]", Reading{"98.6", "", "", "[degF]", "98.6", "Grad F"}},
		{"an odd row", etl, "", Reading{"97.3", "", "", "", "5.4", "?"}},
		{"another spelling", spelt, "", Reading{"72", "", "", "/min", "", ""}},
		{"a contradiction", contradicting, "", Reading{"5.4", "", "", "mg/dL", "", ""}},
		{"text", health.Observation{ValueText: "high", Unit: "x", RefLow: ptr(3.9)}, "mg/dL", Reading{Unit: "x", Low: "3.9"}},
		{"outside the catalogue", obs("loinc:1", "7.0", "U/L"), "mg/dL", Reading{"7.0", "", "", "U/L", "", ""}},
	} {
		if got := Read(&tt.o, tt.unit); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestShown(t *testing.T) {
	for _, tt := range []struct {
		v            float64
		source, want string
	}{
		{97.2864, "5.4", "97.3"}, {97.2864, "5.4000", "97.286"}, {37, "98.6", "37.0"}, {16093.44, "10", "16093"}, {0.1, "8.842", "0.1000"},
		{99.96, "5.5", "100"}, {0.0565, "1", "0.0565"}, {0, "0", "0"}, {0, "32", "0"}, {4.1, "4.1", "4.1"}, {4.1, "4.10", "4.10"}, {-12.3456, "9.8", "-12.3"},
		{2.0 / 3, "0.33333333333333333333", "0.666666666666667"}, {154.324, "70", "154"}, {6.54304, "48", "6.54"}, {6.54304, "1.2E+2", "6.54"},
		{9.995, "1.00", "9.99"}, {123456.789, "7", "123457"}, {math.Inf(1), "1", "+Inf"}, {1e-9, "1", "0.00000000100"}, {5, "no number", "5.00"},
	} {
		if got := Shown(tt.v, tt.source); got != tt.want {
			t.Errorf("%v from %s shows as %s, want %s", tt.v, tt.source, got, tt.want)
		}
	}
	if got := Shown(math.NaN(), "1"); got != "NaN" {
		t.Error(got)
	}
}

func TestDoubts(t *testing.T) {
	with := func(o health.Observation, change func(*health.Observation)) health.Observation {
		change(&o)
		return o
	}
	bound := func(metric, comparator, digits, unit string) health.Observation {
		return with(obs(metric, digits, unit), func(o *health.Observation) { o.Comparator = comparator })
	}
	fever := obs("body_temperature", "98.6", "[degF]")
	Normalise(&fever)
	for _, tt := range []struct {
		name string
		o    health.Observation
		want Doubt
	}{
		{"plain", obs("heart_rate", "72", "/min"), NoDoubt}, {"lower bound", obs("heart_rate", "20", "/min"), NoDoubt}, {"upper bound", obs("heart_rate", "300", "/min"), NoDoubt},
		{"below", obs("heart_rate", "19.9", "/min"), OutOfBounds}, {"above", obs("heart_rate", "301", "bpm"), OutOfBounds}, {"zero", obs("body_weight", "0", "kg"), OutOfBounds},
		{"zero steps", obs("steps", "0", "{steps}"), NoDoubt}, {"negative steps", obs("steps", "-1", "{steps}"), OutOfBounds},
		{"mmol/L that is mg/dL", obs("glucose", "99", "mmol/L"), OutOfBounds}, {"in another unit", obs("glucose", "5.4", "mmol/L"), NoDoubt},
		{"Fahrenheit as Celsius", obs("body_temperature", "98.6", "Cel"), OutOfBounds}, {"converted", fever, NoDoubt},
		{"not a number", health.Observation{Metric: "heart_rate", Value: math.NaN(), HasValue: true, Unit: "/min"}, OutOfBounds},
		{"weight in mg/dL", obs("body_weight", "70", "mg/dL"), ForeignUnit}, {"eGFR without surface", obs("egfr", "70", "mL/min"), ForeignUnit},
		{"no unit", obs("glucose", "5.4", ""), UnknownUnit}, {"unknown unit", obs("glucose", "5.4", "blorps"), UnknownUnit},
		{"a text that says otherwise", with(obs("glucose", "95", "mg/dL"), func(o *health.Observation) { o.OrigUnit = "mmol/L" }), Contradiction},
		{"a text that says the same", with(obs("glucose", "95", "mg/dL"), func(o *health.Observation) { o.OrigUnit = "MG/DL" }), NoDoubt},
		{"below the detection limit", bound("creatinine", "<", "0.2", "mg/dL"), NoDoubt}, {"below the bounds", bound("potassium", "<", "0.1", "mmol/L"), OutOfBounds},
		{"above the meter", bound("glucose", ">", "600", "mg/dL"), NoDoubt}, {"above the bounds", bound("glucose", ">=", "1501", "mg/dL"), OutOfBounds},
		{"below far above", bound("sodium", "<=", "500", "mmol/L"), NoDoubt},
		{"outside the catalogue", obs("loinc:1", "-5", "kg"), NoDoubt}, {"text", health.Observation{Metric: "heart_rate", ValueText: "fast"}, NoDoubt},
	} {
		if got := DoubtOf(&tt.o); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPlausible(t *testing.T) {
	for _, tt := range []struct {
		metric string
		value  float64
		unit   string
		want   bool
	}{
		{"heart_rate", 72, "/min", true}, {"heart_rate", 0, "/min", false}, {"body_weight", 154, "lb", true}, {"body_weight", 1500, "lb", false},
		{"body_weight", 70, "mg/dL", false}, {"glucose", 5.4, "", true}, {"loinc:1", -1, "kg", true}, {"hba1c", 48, "mmol/mol", true}, {"hba1c", 48, "%", false},
	} {
		if got := Plausible(tt.metric, tt.value, tt.unit); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	if low, high, ok := Bounds("glucose", "mmol/L"); !ok || Shown(low, "10") != "0.555" || Shown(high, "1500") != "83.26" {
		t.Errorf("%v %v %v", low, high, ok)
	}
	for _, tt := range [][2]string{{"glucose", "kg"}, {"loinc:1", "kg"}} {
		if _, _, ok := Bounds(tt[0], tt[1]); ok {
			t.Errorf("%v has bounds", tt)
		}
	}
}
