package fhir

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"healthportal/app/health/units"
)

// TestRealUnits: of a real file every number of the catalogue's metrics is in the
// catalogue's unit and within its bounds, but for the eGFR that old files give
// without the body surface.
func TestRealUnits(t *testing.T) {
	const path = "../../../../shared/fixtures/health/Observation.ndjson"
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the folder of real files is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	listed, foreign := 0, 0
	for _, rec := range readAll(t, string(text)) {
		for _, o := range rec.Observations {
			choices := units.Choices(o.Metric)
			if len(choices) == 0 || !o.HasValue {
				continue
			}
			listed++
			units.Normalise(&o)
			switch d := units.DoubtOf(&o); {
			case d == units.ForeignUnit && o.Metric == "egfr" && o.Unit == "mL/min":
				foreign++
			case d != units.NoDoubt || o.Unit != choices[0]:
				t.Errorf("line %d: %s in %s: %q", rec.Line, o.Metric, o.Unit, d)
			}
		}
	}
	if listed < 700 || foreign != 14 {
		t.Errorf("%d numbers of the catalogue's metrics, %d eGFR without body surface", listed, foreign)
	}
}
