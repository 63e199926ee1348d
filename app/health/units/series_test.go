package units

import (
	"math"
	"testing"

	"healthportal/app/health"
)

func TestSeriesBoundsAndRange(t *testing.T) {
	low, high := 70.0, 99.0
	glucose := health.Series{Metric: health.Metric{Code: "glucose", Kind: health.Laboratory}, Unit: "mg/dL", Range: &health.Range{Low: &low, High: &high},
		Points: []health.DayPoint{{N: 3, Used: 1, Min: 90, Mean: 90, Max: 90, Sum: 90, Bounds: []health.Bound{{Comparator: "<", Value: 18.016, N: 1}}},
			{N: 1, Bounds: []health.Bound{{Comparator: ">=", Value: 180.16, N: 1}}}}}
	got, ok := Series(glucose, "mmol/L")
	if !ok || got.Points[0].Bounds[0] != (health.Bound{Comparator: "<", Value: 1, N: 1}) || got.Points[1].Bounds[0].Value != 10 {
		t.Errorf("bounds: %+v, %v", got.Points, ok)
	}
	if r := got.Range; r == nil || math.Abs(*r.Low-3.8854) > 1e-4 || math.Abs(*r.High-5.4951) > 1e-4 || r.Mixed {
		t.Errorf("range: %+v", r)
	}
	if glucose.Points[0].Bounds[0].Value != 18.016 || *glucose.Range.Low != 70 {
		t.Error("the series as it was has changed")
	}
	glucose.Range = &health.Range{High: &high}
	if got, ok = Series(glucose, "mmol/L"); !ok || got.Range.Low != nil || got.Range.High == nil {
		t.Errorf("open range: %+v", got.Range)
	}
	glucose.Range = &health.Range{Mixed: true}
	if got, ok = Series(glucose, "mmol/L"); !ok || !got.Range.Mixed || got.Range.Low != nil {
		t.Errorf("mixed ranges: %+v", got.Range)
	}
}

// What a unit can't hold leaves the series as it was, rather than half of it converted.
func TestSeriesThatCannotBeHeld(t *testing.T) {
	huge := math.MaxFloat64
	for name, s := range map[string]health.Series{
		"bound": {Points: []health.DayPoint{{N: 1, Bounds: []health.Bound{{Comparator: ">", Value: huge, N: 1}}}}},
		"range": {Range: &health.Range{High: &huge}},
	} {
		s.Metric, s.Unit = health.Metric{Code: "distance_walk_run", Kind: health.Total}, "km"
		if got, ok := Series(s, "m"); ok || got.Unit != "km" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What lies outside a range is converted with the numbers, also where a point has nothing but bounds.
func TestSeriesConvertsWhatLiesOutside(t *testing.T) {
	s := health.Series{Metric: health.Metric{Code: "hba1c", Kind: health.Laboratory}, Unit: "%", Points: []health.DayPoint{
		{N: 2, Used: 2, Min: 6.54304, Mean: 6.54304, Max: 6.54304, Above: health.Outside{N: 2, Furthest: 6.54304}},
		{N: 1, Bounds: []health.Bound{{Comparator: ">", Value: 6.54304, N: 1}}, Above: health.Outside{N: 1, Furthest: 6.54304}},
		{N: 1, Used: 1, Min: 5, Mean: 5, Max: 5},
	}}
	got, ok := Series(s, "mmol/mol")
	if !ok || got.Points[0].Above != (health.Outside{N: 2, Furthest: 48}) || got.Points[1].Above != (health.Outside{N: 1, Furthest: 48}) || got.Points[2].Above.N != 0 || got.Points[2].Above.Furthest != 0 {
		t.Errorf("%v %+v", ok, got.Points)
	}
	if s.Points[0].Above.Furthest != 6.54304 {
		t.Error("the series itself changed")
	}
	far := health.Series{Metric: health.Metric{Code: "distance_walk_run", Kind: health.Total}, Unit: "km", Points: []health.DayPoint{{Below: health.Outside{N: 1, Furthest: math.MaxFloat64}}}}
	if got, ok := Series(far, "m"); ok || got.Unit != "km" {
		t.Errorf("%v %+v", ok, got)
	}
}
