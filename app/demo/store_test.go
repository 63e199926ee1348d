package demo

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportsync"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// enter brings the clinic into a database as `portal demo` does: patients and
// Observations of each team, through the importer.
func enter(t *testing.T, c *Clinic, db *postgres.DB) intake.Report {
	t.Helper()
	loc, err := time.LoadLocation(SiteZone)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SetSiteTimezone(t.Context(), loc); err != nil {
		t.Fatal(err)
	}
	var sum intake.Report
	for _, team := range c.Teams() {
		r, w := io.Pipe()
		go func() {
			err := c.WritePatients(w, team.Name)
			if err == nil {
				err = c.WriteObservations(w, team.Name)
			}
			w.CloseWithError(err)
		}()
		report, err := intake.Import(t.Context(), fhir.NewReader(r), db, intake.Options{
			CreatePersons: true, Team: team.Name, Synthetic: true, Site: loc,
			Now: func() time.Time { return testDay().Start(loc) },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range report.Problems {
			t.Errorf("team %s: %s", team.Name, p)
		}
		sum.NewPersons += report.NewPersons
		sum.Read += report.Read
		sum.Stored += report.Stored
		sum.Repeated += report.Repeated
		sum.Corrected += report.Corrected
	}
	return sum
}

func TestTheClinicEntersThroughTheImporters(t *testing.T) {
	db, err := postgres.Open(t.Context(), storetest.Open(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := New(1, testDay())
	c.days = 21
	first := enter(t, c, db)
	if first.NewPersons != 16 || first.Stored == 0 || first.Stored != first.Read {
		t.Errorf("first import: %s", first.Summary())
	}
	again := enter(t, c, db)
	if again.NewPersons != 0 || again.Stored != 0 || again.Repeated != first.Stored {
		t.Errorf("the same again: %s", again.Summary())
	}
	syncReports(t, db)
}

func syncReports(t *testing.T, db *postgres.DB) {
	t.Helper()
	dir, names, _ := written(t, 1)
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := WriteManifest(file, dir, SiteName); err != nil {
		t.Fatal(err)
	}
	m, err := genomics.ReadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reportsync.Run(t.Context(), m, db, reportsync.Options{}); err != nil {
		t.Fatal(err)
	}
	index, err := db.ReportIndex(t.Context(), m.Reports[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(index) != len(names) {
		t.Errorf("%d reports are indexed, %d were written", len(index), len(names))
	}
	states, unassigned := map[genomics.State]int{}, 0
	for _, r := range index {
		states[r.State]++
		if r.PersonID == 0 {
			unassigned++
		}
		if !r.Synthetic {
			t.Errorf("%s is not marked synthetic", r.Path)
		}
		if r.State == genomics.Present && r.Problem != "" {
			t.Errorf("%s: %s", r.Path, r.Problem)
		}
	}
	if states[genomics.Empty] != 1 || states[genomics.Mismatch] != 1 || states[genomics.Present] != len(names)-2 {
		t.Errorf("states %v", states)
	}
	if unassigned != 2 {
		t.Errorf("%d reports are unassigned, want those of the two unknown people", unassigned)
	}
}

// A writer's error reaches the reader; it is never taken for the end of the file.
func TestABrokenWriterStopsTheReader(t *testing.T) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(New(1, testDay()).WriteObservations(w, "No such team")) }()
	if _, err := fhir.NewReader(r).Next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the reader saw %v, want the writer's error", err)
	}
}
