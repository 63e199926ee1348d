package units

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"

	"healthportal/app/health"
)

// FuzzNormalise: whatever comes, the number stays or is converted, its digits and
// unit are kept, and what is shown names what was received.
func FuzzNormalise(f *testing.F) {
	for _, unit := range []string{"mmol/L", "mg/dL", "[degF]", "lbs", "", "blorps", "mmol/mol", "kg"} {
		f.Add(uint8(21), 5.4, unit, "", 3.9)
		f.Add(uint8(3), 98.6, unit, "mg/dL", -1.0)
	}
	f.Add(uint8(1), math.MaxFloat64, "km", "", math.Inf(1))
	f.Add(uint8(1), math.SmallestNonzeroFloat64, "J", "kJ", math.NaN())
	codes := slices.Sorted(maps.Keys(entries()))
	f.Fuzz(func(t *testing.T, which uint8, value float64, unit, text string, low float64) {
		metric := codes[int(which)%len(codes)]
		o := health.Observation{Metric: metric, Value: value, HasValue: true, Unit: unit, OrigUnit: text, RefLow: &low}
		before := o
		Normalise(&o)
		if o.Unit == unit {
			if o != before && !math.IsNaN(value) {
				t.Fatalf("%+v became %+v in the same unit", before, o)
			}
			return
		}
		if o.Unit != entries()[metric].base() || math.IsNaN(o.Value) != math.IsNaN(value) || math.IsInf(o.Value, 0) != math.IsInf(value, 0) {
			t.Fatalf("%+v became %+v", before, o)
		}
		if o.OrigUnit != text && (text != "" || o.OrigUnit != unit) {
			t.Errorf("the unit %q with the text %q is kept as %q", unit, text, o.OrigUnit)
		}
		if digits := o.OrigValue; digits != "" {
			if was, err := strconv.ParseFloat(digits, 64); err != nil || was != value {
				t.Errorf("%v is kept as %q", value, digits)
			}
		} else if o.Value != value && !math.IsNaN(value) {
			t.Errorf("%v became %v and is not kept", value, o.Value)
		}
		if r := Read(&o, ""); o.Value != value && !math.IsNaN(value) && r.Received == "" {
			t.Errorf("%v %s shows as %+v", value, unit, r)
		}
		DoubtOf(&o)
	})
}
