package applehealth

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func record(typ, unit, value string) string {
	return strings.NewReplacer("HKQuantityTypeIdentifierHeartRate", typ, "count/min", unit, `"72"`, strconv.Quote(value)).Replace(good)
}

func quantity(name, unit, value string) string { return record(quantityPrefix+name, unit, value) }

func TestNumbers(t *testing.T) {
	tests := []struct {
		digits string
		value  float64
		orig   string
	}{
		{"72", 72, ""},
		{"0", 0, ""},
		{"-0.5", -0.5, ""},
		{"22.5312", 22.5312, ""},
		{"48.74499999999999", 48.74499999999999, ""},
		{"0.4971749504535062", 0.4971749504535062, ""},
		{"22.50", 22.5, "22.50"},
		{"007", 7, "007"},
		{"1e-05", 0.00001, "1e-05"},
		{"1.5E+3", 1500, "1.5E+3"},
		{"0.1000000000000000055511151231257827", 0.1, "0.1000000000000000055511151231257827"},
		{"0.00", 0, "0.00"},
		{"0e5", 0, "0e5"},
		{"9007199254740993", 9007199254740992, "9007199254740993"},
	}
	for _, tt := range tests {
		o := single(t, with(`"72"`, strconv.Quote(tt.digits)))
		if o.Value != tt.value || !o.HasValue || o.OrigValue != tt.orig {
			t.Errorf("%s: %v, kept %q", tt.digits, o.Value, o.OrigValue)
		}
	}
}

func TestRefusedNumbers(t *testing.T) {
	for digits, reason := range map[string]string{
		"NaN": reasonNumber, "nan": reasonNumber, "Inf": reasonNumber, "-inf": reasonNumber, "Infinity": reasonNumber, "∞": reasonNumber,
		"0x1F": reasonNumber, "0x1p4": reasonNumber, "1_000": reasonNumber, "1,5": reasonNumber, "1.000,5": reasonNumber, "72 ": reasonNumber,
		" 72": reasonNumber, "--1": reasonNumber, "+1": reasonNumber, "1e": reasonNumber, "1e+": reasonNumber, "1e+-5": reasonNumber, "e5": reasonNumber,
		"1.": reasonNumber, ".5": reasonNumber, ".": reasonNumber, "-": reasonNumber, "1.2.3": reasonNumber, "1e5e5": reasonNumber, "٧٢": reasonNumber,
		"seventy": reasonNumber, "72/min": reasonNumber, "1e2.5": reasonNumber,
		"1e999": reasonLarge, "-1e999": reasonLarge, strings.Repeat("9", 400): reasonLarge,
		"1e-999": reasonSmall, "0." + strings.Repeat("0", 400) + "1": reasonSmall,
		strings.Repeat("1", maxDigits+1): reasonDigits,
	} {
		if got := reasonFor(t, with(`"72"`, strconv.Quote(digits))); got != reason {
			t.Errorf("%.20s: %q, want %q", digits, got, reason)
		}
	}
}

// A percentage is a fraction in the file; its decimal point moves and its digits stay.
func TestPercent(t *testing.T) {
	tests := []struct {
		digits string
		want   float64
	}{
		{"0.97", 97}, {"1", 100}, {"0", 0}, {"1.0", 100}, {"0.5", 50}, {"0.07", 7}, {"0.29", 29}, {"0.57", 57}, {"0.58", 58}, {"0.145", 14.5},
		{"0.9799999999999999", 97.99999999999999}, {"0.001", 0.1}, {"1e-3", 0.1}, {"9.7e-1", 97}, {"97E-2", 97}, {"-0.01", -1}, {"0.2850000000000000", 28.5},
	}
	for _, tt := range tests {
		o := single(t, quantity("OxygenSaturation", "%", tt.digits))
		if o.Value != tt.want || o.Unit != "%" || o.OrigValue != tt.digits || o.OrigUnit != "%" || o.Metric != "spo2" {
			t.Errorf("%s: %v %s, kept %q %q", tt.digits, o.Value, o.Unit, o.OrigValue, o.OrigUnit)
		}
	}
	if o := single(t, quantity("BodyFatPercentage", "%", "0.213")); o.Value != 21.3 || o.Metric != "body_fat_pct" {
		t.Errorf("%+v", o)
	}
	if o := single(t, quantity("WalkingAsymmetryPercentage", "%", "0.02")); o.Value != 2 || o.Unit != "%" || o.OrigValue != "0.02" {
		t.Errorf("%+v", o)
	}
	// Outside the catalogue a percentage may exceed the whole.
	if o := single(t, quantity("SomethingNew", "%", "1.5")); o.Value != 150 {
		t.Errorf("%+v", o)
	}
	for digits, reason := range map[string]string{"97": reasonPart, "1.01": reasonPart, "x": reasonNumber, "NaN": reasonNumber, "": reasonValue,
		strings.Repeat("0", maxDigits): reasonDigits, "1e-400": reasonSmall} {
		if got := reasonFor(t, quantity("OxygenSaturation", "%", digits)); got != reason {
			t.Errorf("%.20s: %q, want %q", digits, got, reason)
		}
	}
	if got := reasonFor(t, quantity("SomethingNew", "%", "1e307")); got != reasonLarge {
		t.Error(got)
	}
}

// timesHundred is compared with exact rational arithmetic.
func TestTimesHundred(t *testing.T) {
	digits := []string{"0", "1", "0.1", "0.12", "0.123", "12.345", "-0.007", "1e-3", "1.25E+2", "00.50", "0.30000000000000004"}
	for i := range 2000 {
		digits = append(digits, fmt.Sprintf("0.%03d", i%1000), fmt.Sprintf("%d.%d", i%7, i*i))
	}
	for _, d := range digits {
		want, _ := new(big.Rat).SetString(d)
		want.Mul(want, big.NewRat(100, 1))
		got, ok := new(big.Rat).SetString(timesHundred(d))
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("100 times %s is %s", d, timesHundred(d))
		}
	}
}

func TestCategories(t *testing.T) {
	stand := record("HKCategoryTypeIdentifierAppleStandHour", "count/min", "HKCategoryValueAppleStandHourStood")
	tests := []struct{ name, element, text string }{
		{"text", strings.Replace(stand, `unit="count/min"`, "", 1), "HKCategoryValueAppleStandHourStood"},
		{"a number is text", strings.NewReplacer(`unit="count/min"`, "", "HKCategoryValueAppleStandHourStood", "0").Replace(stand), "0"},
		{"no value", strings.NewReplacer(`unit="count/min"`, "", `value="HKCategoryValueAppleStandHourStood"`, "").Replace(stand), notApplicable},
		{"empty value", strings.NewReplacer(`unit="count/min"`, "", "HKCategoryValueAppleStandHourStood", "").Replace(stand), notApplicable},
		{"two lines", strings.NewReplacer(`unit="count/min"`, "", "HKCategoryValueAppleStandHourStood", "a\nb").Replace(stand), "a b"},
	}
	for _, tt := range tests {
		o := single(t, tt.element)
		if o.HasValue || o.Value != 0 || o.ValueText != tt.text || o.Unit != "" || o.OrigUnit != "" || o.OrigValue != "" {
			t.Errorf("%s: %+v", tt.name, o)
		}
		if o.Metric != "apple:HKCategoryTypeIdentifierAppleStandHour" || o.Code != "HKCategoryTypeIdentifierAppleStandHour" ||
			o.CodeSystem != SystemHealthKit || o.MetricName != "Apple stand hour" {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
	if o := single(t, stand); o.Unit != "count/min" {
		t.Errorf("the unit of a category is lost: %+v", o)
	}
}

// Types that are neither quantity nor category are told apart by their unit.
func TestOtherTypes(t *testing.T) {
	goal := record("HKDataTypeSleepDurationGoal", "hr", "8")
	o := single(t, goal)
	if o.Value != 8 || o.Unit != "h" || o.OrigUnit != "hr" || o.Metric != "apple:HKDataTypeSleepDurationGoal" || o.MetricName != "Sleep duration goal" {
		t.Errorf("%+v", o)
	}
	plain := strings.Replace(record("HKSomethingElse", "hr", "yes"), `unit="hr"`, "", 1)
	if o := single(t, plain); o.HasValue || o.ValueText != "yes" || o.MetricName != "Something else" {
		t.Errorf("%+v", o)
	}
	if got := reasonFor(t, strings.Replace(plain, `value="yes"`, "", 1)); got != reasonValue {
		t.Error(got)
	}
	if got := reasonFor(t, record("HKDataTypeSleepDurationGoal", "hr", "eight")); got != reasonNumber {
		t.Error(got)
	}
}
