package adultrange_test

import (
	"errors"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

// signed is an act on a range as it is now.
func signed(metric string, kind adultrange.ActKind) adultrange.Act {
	r, _ := adultrange.Of(metric)
	return adultrange.Act{Metric: metric, Kind: kind, Digest: r.Digest(), Said: r.Metric.Reference, UserID: 7, By: "Dr Ada", At: time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC)}
}

func TestStandings(t *testing.T) {
	changed := signed("sodium", adultrange.SignOff)
	changed.Digest = "0" + changed.Digest[1:]
	if changed.Digest == signed("sodium", adultrange.SignOff).Digest {
		changed.Digest = "1" + changed.Digest[1:]
	}
	sheet := adultrange.NewSheet([]adultrange.Act{signed("potassium", adultrange.SignOff), signed("egfr", adultrange.Withdraw), changed,
		signed("glucose", adultrange.SignOff), {Metric: "gone", Kind: adultrange.SignOff}})
	if n := len(sheet.Standings()); n != len(adultrange.All()) {
		t.Errorf("%d standings", n)
	}
	for metric, want := range map[string]struct{ signedOff, lapsed bool }{
		"potassium": {true, false}, "egfr": {false, false}, "sodium": {false, true}, "hdl": {false, false},
		"glucose": {false, true}, // its range held of every value once
	} {
		s, ok := sheet.Of(metric)
		if !ok || s.SignedOff() != want.signedOff || s.Lapsed() != want.lapsed {
			t.Errorf("%s: signed off %v, lapsed %v", metric, s.SignedOff(), s.Lapsed())
		}
	}
	if _, ok := sheet.Of("gone"); ok {
		t.Error("a metric without a range has a standing")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	here, _ := sheet.In(berlin).Of("potassium")
	if there, _ := sheet.Of("potassium"); health.DayOf(here.Last.At) != day("2026-03-29") || there.Last.At.Location() != time.UTC {
		t.Errorf("in Berlin %v, before %v", here.Last.At, there.Last.At)
	}
}

func TestPermits(t *testing.T) {
	sheet := adultrange.NewSheet([]adultrange.Act{signed("potassium", adultrange.SignOff), signed("egfr", adultrange.Withdraw), {Metric: "sodium", Kind: adultrange.SignOff, Digest: "another"}})
	for _, tt := range []struct {
		metric string
		kind   adultrange.ActKind
		digest string // empty: the right one
		want   error
	}{
		{"hdl", adultrange.SignOff, "", nil}, {"hdl", adultrange.SignOff, "x", adultrange.ErrChanged}, {"hdl", adultrange.Withdraw, "", adultrange.ErrNotSignedOff},
		{"potassium", adultrange.SignOff, "", adultrange.ErrSignedOff}, {"potassium", adultrange.Withdraw, "", nil}, {"potassium", adultrange.Withdraw, "x", adultrange.ErrChanged},
		{"egfr", adultrange.SignOff, "", nil}, {"egfr", adultrange.Withdraw, "", adultrange.ErrNotSignedOff},
		{"sodium", adultrange.SignOff, "", nil}, {"sodium", adultrange.Withdraw, "", nil}, {"sodium", adultrange.SignOff, "another", adultrange.ErrChanged},
		{"heart_rate", adultrange.SignOff, "", adultrange.ErrNoMarks}, {"glucose", adultrange.SignOff, "", adultrange.ErrNoMarks},
	} {
		s, _ := sheet.Of(tt.metric)
		digest := tt.digest
		if digest == "" {
			digest = s.Range.Digest()
		}
		if err := s.Permits(tt.kind, digest); !errors.Is(err, tt.want) {
			t.Errorf("%s of %s with %q: %v, want %v", tt.kind, tt.metric, tt.digest, err, tt.want)
		}
	}
}

func TestOnlySignedOffRangesMark(t *testing.T) {
	e, p := value("potassium", 6), person(health.Male)
	for name, tt := range map[string]struct {
		sheet adultrange.Sheet
		want  bool
	}{
		"no sheet":   {adultrange.Sheet{}, false},
		"no act":     {adultrange.NewSheet(nil), false},
		"signed off": {adultrange.NewSheet([]adultrange.Act{signed("potassium", adultrange.SignOff)}), true},
		"withdrawn":  {adultrange.NewSheet([]adultrange.Act{signed("potassium", adultrange.Withdraw)}), false},
		"another":    {adultrange.NewSheet([]adultrange.Act{signed("sodium", adultrange.SignOff)}), false},
	} {
		o, s, marked := tt.sheet.Judge(p, &e)
		if marked != tt.want || marked && (o != adultrange.Above || s.Last.By != "Dr Ada") {
			t.Errorf("%s: %s, %v", name, o, marked)
		}
	}
	within := value("potassium", 4)
	if o, _, marked := adultrange.NewSheet([]adultrange.Act{signed("potassium", adultrange.SignOff)}).Judge(p, &within); marked || o != adultrange.Within {
		t.Errorf("a value within: %s, %v", o, marked)
	}
}
