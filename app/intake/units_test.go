package intake

import (
	"testing"

	"healthportal/app/health"
)

// TestUnitsAreTheCatalogues follows values from the reader to the store: numbers
// and ranges in the catalogue's unit, the source's own beside, nothing dropped.
func TestUnitsAreTheCatalogues(t *testing.T) {
	low, high := 3.9, 5.8
	sent := func(metric string, value float64, unit string) func(*health.Observation) {
		return func(o *health.Observation) { o.Metric, o.Value, o.Unit = metric, value, unit }
	}
	ranged := func(o *health.Observation) { o.RefLow, o.RefHigh = &low, &high }
	src := &fakeSource{records: []Record{
		beats(1, "a", 0, sent("glucose", 5.4, "mmol/L"), ranged), beats(2, "a", 0, sent("heart_rate", 72, "beats/minute")),
		beats(3, "a", 0, sent("body_weight", 70, "mg/dL"), ranged), beats(4, "a", 0, sent("body_weight", 70, "blorps")),
		beats(5, "a", 0, sent("glucose", 97, "mg/dL")), beats(6, "a", 0, sent("loinc:1", 154, "lbs")),
	}}
	store := newStore()
	r, err := Import(t.Context(), src, store, Options{CreatePersons: true, Now: clock})
	if err != nil || r.Stored != 6 || r.Refused != 0 {
		t.Fatalf("%s, %v", r.Summary(), err)
	}
	for i, want := range []health.Observation{
		{Value: 97.2864, Unit: "mg/dL", OrigValue: "5.4", OrigUnit: "mmol/L"}, {Value: 72, Unit: "/min", OrigUnit: "beats/minute"},
		{Value: 70, Unit: "mg/dL"}, {Value: 70, Unit: "blorps"}, {Value: 97, Unit: "mg/dL"}, {Value: 154, Unit: "lbs"},
	} {
		row := store.batches[0][i]
		if row.Value != want.Value || row.Unit != want.Unit || row.OrigValue != want.OrigValue || row.OrigUnit != want.OrigUnit {
			t.Errorf("line %d: %+v", i+1, row.Observation)
		}
		if row.Content != row.Dedupe(row.Person) {
			t.Errorf("line %d: the identity is not that of the row", i+1)
		}
	}
	if row := store.batches[0][0]; *row.RefLow != 70.2624 || *row.RefHigh != 104.4928 {
		t.Errorf("range %v to %v", *row.RefLow, *row.RefHigh)
	}
	if row := store.batches[0][2]; *row.RefLow != 3.9 || *row.RefHigh != 5.8 {
		t.Errorf("the range of an own series: %v to %v", *row.RefLow, *row.RefHigh)
	}
}
