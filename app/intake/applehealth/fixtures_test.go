package applehealth

import (
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
)

const fixtures = "../../../../shared/fixtures/health"

// The figures come from libxml2, not from this reader: what xmllint --xpath
// prints for count(//Record), sum(//Record/@value), count(//Record/MetadataEntry),
// count(/HealthData/Workout), count(/HealthData/ActivitySummary) and the
// attributes of Me. They are the same for both files.
const (
	fixtureRecords = 2
	fixtureSum     = 94.5312
)

func fixtureLeftOut() map[string]int {
	return map[string]int{"ActivitySummary": 2, "MetadataEntry": 6, "Workout": 1}
}

func checkFixture(t *testing.T, r *Reader) {
	t.Helper()
	list, err := readAll(r)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	var owner *intake.Owner
	records, sum := 0, 0.0
	for _, rec := range list {
		if len(rec.Problems) != 0 {
			t.Errorf("line %d: %v", rec.Line, rec.Problems)
		}
		if rec.Owner != nil {
			owner = rec.Owner
		}
		for _, o := range rec.Observations {
			records++
			sum += o.Value
		}
	}
	if records != fixtureRecords || math.Abs(sum-fixtureSum) > 1e-9 {
		t.Errorf("%d Records, sum %v; want %d, %v", records, sum, fixtureRecords, fixtureSum)
	}
	if owner == nil || *owner != (intake.Owner{BirthDate: health.Day{Year: 1990, Month: 2, Dom: 2}, Sex: health.Male}) {
		t.Errorf("owner %+v", owner)
	}
	if got := r.LeftOutCounts(); !maps.Equal(got, fixtureLeftOut()) {
		t.Errorf("left out %v", got)
	}
}

func needFixtures(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("skipped: ../shared/fixtures/health is not there")
	}
}

func TestFixtures(t *testing.T) {
	needFixtures(t)
	for _, name := range []string{"apple.export.xml", "apple_health_export/export.xml"} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(fixtures, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close() //nolint:errcheck // read only
			checkFixture(t, New(f))
		})
	}
}

// The folder, zipped as the Health app does and without its prefix.
func TestZippedFixture(t *testing.T) {
	needFixtures(t)
	for _, prefix := range []string{"apple_health_export/", ""} {
		var entries []entry
		for _, name := range []string{"workout-routes/route_2019-06-11_3.00pm.gpx", "export.xml"} {
			b, err := os.ReadFile(filepath.Join(fixtures, "apple_health_export", name))
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, entry{name: prefix + name, content: string(b)})
		}
		r, err := openZip(zipped(t, append(entries, entry{name: prefix + "export_cda.xml", content: clinical})...))
		if err != nil {
			t.Fatal(err)
		}
		checkFixture(t, r)
	}
}

// Files of other formats are refused as a whole.
func TestOtherFixtures(t *testing.T) {
	needFixtures(t)
	names := []string{"Observation.xml", "Observation.ndjson", "DiagnosticReport-new.ndjson", "SOURCES.tsv",
		"apple_health_export/workout-routes/route_2019-06-11_3.00pm.gpx"}
	for _, name := range names {
		f, err := os.Open(filepath.Join(fixtures, name))
		if err != nil {
			t.Fatal(err)
		}
		list, err := readAll(New(f))
		if !errors.Is(err, ErrNotExport) || len(list) != 0 {
			t.Errorf("%s: %v, %+v", name, err, list)
		}
		f.Close() //nolint:errcheck // read only
	}
}
