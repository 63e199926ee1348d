package format

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
)

func day(y int, m time.Month, d int) health.Day { return health.Day{Year: y, Month: m, Dom: d} }

func read(o health.Observation) units.Reading { return units.Read(&o, "") }

func TestConvertedWords(t *testing.T) {
	low, high := 3.9, 5.8
	o := health.Observation{Metric: "glucose", Value: 5.4, HasValue: true, Unit: "mmol/L", RefLow: &low, RefHigh: &high, Comparator: ">="}
	if got := Received(o, read(o)); got != "" {
		t.Errorf("not converted, and %q", got)
	}
	units.Normalise(&o)
	if got := Value(o) + " " + Unit(o.Unit) + ", " + Range(read(o)) + ", " + Received(o, read(o)); got != "≥ 97.3 mg/dL, 70.3–104, received as ≥ 5.4 mmol/L" {
		t.Error(got)
	}
	back := units.Read(&o, "mmol/L")
	if got := Reading(o, back) + ", " + Range(back) + Received(o, back); got != "≥ 5.4, 3.9–5.8" {
		t.Error(got)
	}
	odd := health.Observation{Value: 97.3, HasValue: true, OrigValue: "5.4"}
	if got := Value(odd) + " " + Received(odd, read(odd)); got != "97.3 received as 5.4" {
		t.Error(got)
	}
}

func TestWords(t *testing.T) {
	low, high := 0.74, 1.35
	at := time.Date(2026, 3, 29, 3, 5, 0, 120_000_000, time.FixedZone("", 2*3600))
	for _, tt := range []struct{ got, want string }{
		{Number(0), "0"}, {Number(139.9996742575894), "139.9996742575894"}, {Number(1e21), "1000000000000000000000"}, {Number(-0.5), "-0.5"},
		{Mean(72.3456, 48, 131), "72.3"}, {Mean(5.3333, 5.2, 5.45), "5.333"}, {Mean(60, 60), "60.0"},
		{Count(0), "0"}, {Count(999), "999"}, {Count(1204), "1,204"}, {Count(1234567), "1,234,567"}, {Count(-1204), "-1,204"},
		{Things(1, "event"), "1 event"}, {Things(0, "event"), "0 events"}, {Things(1204, "event"), "1,204 events"},
		{Date(day(2026, 10, 12)), "12 Oct 2026"}, {Date(health.Day{}), "unknown"}, {LongDate(day(1980, 3, 4)), "4 March 1980"}, {LongDate(health.Day{}), "unknown"},
		{Month(day(2026, 5, 1)), "May 2026"}, {Clock(at), "03:05:00.12"}, {Offset(at), "UTC+02:00"}, {Offset(at.UTC()), "UTC+00:00"},
		{Ago(day(2026, 1, 1), day(2026, 1, 1)), "today"}, {Ago(day(2026, 1, 1), day(2026, 1, 2)), "yesterday"},
		{Ago(day(2023, 1, 1), day(2026, 1, 1)), "1,096 days ago"}, {Ago(day(2026, 1, 2), day(2026, 1, 1)), "in the future"},
		{Sex(health.Female), "female"}, {Sex(""), "unknown"}, {Unit("mm[Hg]"), "mmHg"}, {Unit("10*9/L"), "10*9/L"}, {Unit(""), ""},
		{Value(health.Observation{HasValue: true, Value: 72.5, OrigValue: "72.50"}), "72.50"}, {Value(health.Observation{HasValue: true}), "0"},
		{Value(health.Observation{HasValue: true, Value: 0.1, Comparator: "<"}), "< 0.1"}, {Value(health.Observation{HasValue: true, Value: 2, Comparator: ">="}), "≥ 2"},
		{Value(health.Observation{ValueText: "Negative", OrigValue: "s|c"}), "Negative"},
		{Range(read(health.Observation{RefLow: &low, RefHigh: &high})), "0.74–1.35"}, {Range(read(health.Observation{RefHigh: &high})), "≤ 1.35"},
		{Range(read(health.Observation{RefLow: &low})), "≥ 0.74"}, {Range(read(health.Observation{})), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestAge(t *testing.T) {
	today := day(2026, 3, 29)
	for born, want := range map[health.Day]string{
		day(1980, 3, 29): "46 years", day(1980, 3, 30): "45 years", day(2024, 3, 29): "2 years", day(2024, 3, 30): "23 months",
		day(2026, 2, 28): "1 month", day(2026, 3, 1): "28 days", day(2026, 3, 28): "1 day", today: "0 days", {}: "age unknown", day(2026, 4, 1): "age unknown",
	} {
		if got := Age(health.Person{BirthDate: born}, today); got != want {
			t.Errorf("born %s: %q, want %q", born, got, want)
		}
	}
}

func TestEveryCatalogueUnitHasWords(t *testing.T) {
	for _, m := range health.Catalogue() {
		for _, ucum := range units.Choices(m.Code) {
			if u := Unit(ucum); u == "" || strings.ContainsAny(u, "{[") {
				t.Errorf("%s: unit %q", m.Code, u)
			}
		}
	}
}

// The catalogue's own words, metric by metric, and the limits in other units.
func TestAdultRanges(t *testing.T) {
	for _, r := range adultrange.All() {
		var parts []string
		for _, p := range r.Parts {
			words := AdultRange(r, p, "")
			switch p.Sex {
			case health.Male:
				words = "men " + words
			case health.Female:
				words = "women " + words
			}
			parts = append(parts, words)
		}
		want := r.Metric.Reference
		if rest, ok := strings.CutPrefix(want, "fasting "); ok {
			want = rest + " fasting"
		}
		want = strings.Replace(want, "150 min a week or more", "150 min or more a week", 1)
		if r.Context == adultrange.PerNight {
			want += " a night"
		}
		if got := strings.Join(parts, ", "); got != want {
			t.Errorf("%s: %q, the catalogue says %q", r.Metric.Code, got, want)
		}
	}
	for _, tt := range []struct{ metric, unit, want string }{
		{"hba1c", "mmol/mol", "below ≈ 38.78 mmol/mol"}, {"creatinine", "umol/L", "≈ 65.43–≈ 119.4 µmol/L"}, {"body_temperature", "[degF]", "96.98–100.4 °F"}, {"egfr", "", "90 mL/min/1.73 m² or more"},
		{"hemoglobin", "g/L", "130 g/L or more"}, {"chol_total", "mmol/L", "below ≈ 5.172 mmol/L"}, {"potassium", "mEq/L", "3.5–5.0 mEq/L"}, {"potassium", "kg", "3.5–5.0 mmol/L"},
	} {
		r, _ := adultrange.Of(tt.metric)
		if got := AdultRange(r, r.Parts[0], tt.unit); got != tt.want {
			t.Errorf("%s in %q: %q, want %q", tt.metric, tt.unit, got, tt.want)
		}
	}
	if got := SignedOff(adultrange.Act{By: "Dr Eve", At: time.Date(2026, 11, 27, 23, 0, 0, 0, time.UTC)}); got != "signed off by Dr Eve on 27 Nov 2026" {
		t.Error(got)
	}
}
