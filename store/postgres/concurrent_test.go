package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

// many are n heart rates of one person, one an hour.
func many(person, ids string, n int) string {
	var b strings.Builder
	for i := range n {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		b.WriteString(obs(person, at.Format(time.RFC3339), fmt.Sprint(50+i%50), fmt.Sprintf(`"id":"%s%d"`, ids, i)))
	}
	return b.String()
}

func TestImportsAtTheSameTime(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "F", "G", "1980-01-02"))
	files := []string{many("a", "x", 300), many("a", "x", 300), many("a", "y", 300)}
	reports, errs := make([]intake.Report, len(files)), make([]error, len(files)+1)
	var wg sync.WaitGroup
	for i, f := range files {
		wg.Go(func() {
			reports[i], errs[i] = intake.Import(t.Context(), fhir.NewReader(strings.NewReader(f)), c.db, intake.Options{Now: now, BatchSize: 40})
		})
	}
	wg.Go(func() {
		for range 20 {
			if _, err := c.db.RebuildDirty(t.Context()); err != nil {
				errs[len(files)] = err
			}
		}
	})
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if twice := reports[0].Stored + reports[1].Stored; twice != 300 || reports[2].Stored != 300 {
		t.Errorf("the same file stored %d rows, the other %d", twice, reports[2].Stored)
	}
	c.checkRollup()
}

func TestChartNeverDiffersFromTheTable(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "F", "G", "1980-01-02"))
	a := c.person("a")
	month := health.Day{Year: 2026, Month: 1, Dom: 1}
	done := make(chan error, 1)
	go func() {
		_, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(many("a", "x", 24*31))), c.db, intake.Options{Now: now, BatchSize: 31})
		done <- err
	}()
	for {
		// Two reads straddle a commit now and then; a chart between two equal totals must show that total.
		f := health.EventFilter{Person: a, Size: 1}
		before := c.page(f).Total
		list, err := c.db.Series(t.Context(), access.One(a), a, "heart_rate", days(month, month.AddDays(30)))
		if err != nil {
			t.Fatal(err)
		}
		after := c.page(f).Total
		chart := 0
		for _, s := range list {
			for _, p := range s.Points {
				chart += p.N
			}
		}
		if before == after && chart != before {
			t.Errorf("the chart counts %d, the table %d", chart, before)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			c.checkRollup()
			return
		default:
		}
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60", `"id":"first"`))
	c.exec(`ALTER TABLE health.event ADD CONSTRAINT test_limit CHECK (value < 1000)`)
	r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(obs("a", "2026-03-01T10:00:00Z", "61", `"id":"first"`)+
		obs("a", "2026-03-01T11:00:00Z", "62", `"id":"second"`)+obs("a", "2026-03-01T12:00:00Z", "5000", `"id":"third"`))), c.db, intake.Options{Now: now})
	if err == nil {
		t.Fatal("the database refused a row and the import did not say so")
	}
	if r.Stored+r.Corrected != 0 {
		t.Errorf("the report counts rows that were rolled back: %s", r.Summary())
	}
	if got := c.shown("a"); got != "60 v1" {
		t.Errorf("the table shows %q", got)
	}
	if n := one[int](c, `SELECT count(*) FROM health.import WHERE finished_at IS NULL`); n != 1 {
		t.Error("the failed import counts as finished")
	}
	c.checkRollup()
	c.exec(`ALTER TABLE health.event DROP CONSTRAINT test_limit`)
	again := c.load(obs("a", "2026-03-01T10:00:00Z", "61", `"id":"first"`))
	wantCounts(t, again, 0, 0, 1, 0)
}

func TestImportEndsWithItsContext(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "R1", "F", "G", "1980-01-02"))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := intake.Import(ctx, fhir.NewReader(strings.NewReader(many("a", "x", 500))), c.db, intake.Options{Now: now, BatchSize: 50,
		Progress: func(r intake.Report) {
			if r.Stored >= 100 {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c.checkRollup()
	if r := c.load(many("a", "x", 500)); r.Stored+r.Repeated != 500 || r.Repeated < 100 {
		t.Errorf("continued: %s", r.Summary())
	}
}
