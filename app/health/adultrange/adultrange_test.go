package adultrange_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
	"healthportal/app/health/units"
)

var numbers = regexp.MustCompile(`\d+(\.\d+)?`)

// The numbers stand twice: in the catalogue's words, and here. They must be the same, in the same order.
func TestRangesAreTheCataloguesWords(t *testing.T) {
	var found []string
	for _, m := range health.Catalogue() {
		r, ok := adultrange.Of(m.Code)
		if ok != (m.Reference != "") {
			t.Errorf("%s: the catalogue says %q, there is a range: %v", m.Code, m.Reference, ok)
		}
		if !ok {
			continue
		}
		found = append(found, m.Code)
		var want []string
		for _, p := range r.Parts {
			for _, l := range []adultrange.Limit{p.Low, p.High} {
				if l.Is() {
					want = append(want, l.Digits)
				}
			}
			if p.Low.Is() && p.High.Is() && p.Low.Value() >= p.High.Value() || !p.Low.Is() && !p.High.Is() {
				t.Errorf("%s: %+v is no range", m.Code, p)
			}
		}
		if got := numbers.FindAllString(strings.ReplaceAll(m.Reference, "1.73", ""), -1); !slices.Equal(got, want) {
			t.Errorf("%s: the catalogue says %v, the range has %v", m.Code, got, want)
		}
		for word, wanted := range map[string]bool{"below": r.Parts[0].High.Open, "or more": !r.Parts[0].High.Is(), "men": r.BySex(),
			string(r.Context): true, "–": r.Parts[0].Low.Is() && r.Parts[0].High.Is(), "fasting": r.Context == adultrange.Fasting, "at rest": r.Context == adultrange.AtRest} {
			if got := strings.Contains(m.Reference, word); got != wanted && r.Context != adultrange.PerNight {
				t.Errorf("%s: %q says %q: %v, want %v", m.Code, m.Reference, word, got, wanted)
			}
		}
		if r.Source == "" || r.Group == "" || m.Unit == "" {
			t.Errorf("%s: %+v", m.Code, r)
		}
		low, high, ok := units.Bounds(m.Code, m.Unit)
		for _, p := range r.Parts {
			if p.Low.Is() && (!ok || p.Low.Value() <= low) || p.High.Is() && p.High.Value() >= high {
				t.Errorf("%s: the range is not within the plausible bounds %v to %v", m.Code, low, high)
			}
		}
	}
	if len(found) != 22 || len(adultrange.All()) != 22 {
		t.Errorf("%d ranges: %v", len(found), found)
	}
}

func TestContextsThatMarkNothing(t *testing.T) {
	var silent []string
	for _, r := range adultrange.All() {
		if !r.Marks() {
			silent = append(silent, r.Metric.Code)
		}
	}
	if want := []string{"heart_rate", "exercise_time", "sleep_duration", "glucose"}; !slices.Equal(silent, want) {
		t.Errorf("%v mark nothing, want %v", silent, want)
	}
}

func TestPartOfASex(t *testing.T) {
	hdl, _ := adultrange.Of("hdl")
	potassium, _ := adultrange.Of("potassium")
	for sex, want := range map[health.Sex]string{health.Male: "40", health.Female: "50", health.OtherSex: "", health.UnknownSex: "", "": ""} {
		p, ok := hdl.Of(sex)
		if ok != (want != "") || p.Low.Digits != want {
			t.Errorf("HDL, %q: %+v, %v", sex, p, ok)
		}
		if p, ok := potassium.Of(sex); !ok || p.Low.Digits != "3.5" || p.High.Digits != "5.0" {
			t.Errorf("potassium, %q: %+v, %v", sex, p, ok)
		}
	}
	if _, ok := adultrange.Of("body_weight"); ok {
		t.Error("a range of the body weight")
	}
}

// Whatever a clinician read is in the digest.
func TestDigest(t *testing.T) {
	r, _ := adultrange.Of("hdl")
	base := r.Digest()
	if len(base) != 64 || base != r.Digest() {
		t.Fatalf("%q", base)
	}
	seen := map[string]string{base: "the range itself"}
	for name, change := range map[string]func(*adultrange.Range){
		"unit":     func(r *adultrange.Range) { r.Metric.Unit = "mmol/L" },
		"metric":   func(r *adultrange.Range) { r.Metric.Code = "ldl" },
		"codes":    func(r *adultrange.Range) { r.Metric.LOINC = []string{"2085-9", "1-1"} },
		"code":     func(r *adultrange.Range) { r.Metric.LOINC = []string{"2085-9 1-1"} },
		"words":    func(r *adultrange.Range) { r.Metric.Reference += "." },
		"source":   func(r *adultrange.Range) { r.Source = "hearsay" },
		"context":  func(r *adultrange.Range) { r.Context = adultrange.Fasting },
		"low":      func(r *adultrange.Range) { r.Parts[0].Low.Digits = "40.0" },
		"open":     func(r *adultrange.Range) { r.Parts[0].Low.Open = true },
		"high":     func(r *adultrange.Range) { r.Parts[0].High.Digits = "40" },
		"openHigh": func(r *adultrange.Range) { r.Parts[0].High.Open = true },
		"sex":      func(r *adultrange.Range) { r.Parts[0].Sex = "" },
		"one part": func(r *adultrange.Range) { r.Parts = r.Parts[:1] },
		"swapped":  func(r *adultrange.Range) { slices.Reverse(r.Parts) },
	} {
		other, _ := adultrange.Of("hdl")
		change(&other)
		d := other.Digest()
		if before, known := seen[d]; known {
			t.Errorf("another %s has the digest of %s", name, before)
		}
		seen[d] = name
	}
	other, _ := adultrange.Of("hdl")
	if other.Metric.Name = "HDL"; other.Digest() != base {
		t.Error("the metric's name is in the digest")
	}
}

// Digests stand in the database for good: a change here takes every sign-off back.
func TestDigestsDoNotChangeByAccident(t *testing.T) {
	for code, want := range map[string]string{
		"potassium":   "18275590fe97cf7977f398c738686e0f6669b9ba48b4754ec6a03e25953668fc",
		"hdl":         "644110ab92bc4c17d15cf5d432435911a81c4166f401c9a371f5ed1a222c01e7",
		"bp_systolic": "42d53c13fb338e4658692acf101a4263cbe04b78717915f5b2adeda965eb9a5a",
	} {
		r, _ := adultrange.Of(code)
		if got := r.Digest(); got != want {
			t.Errorf("%s: %s, was %s: is the range meant to be signed off anew?", code, got, want)
		}
	}
}
