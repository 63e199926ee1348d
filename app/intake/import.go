package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"healthportal/app/health"
	"healthportal/app/health/units"
)

// Import reads src to its end and stores what it holds. Damaged lines and
// unknown persons are refused and reported; the rest is stored. The error is
// for what stops an import: reading or storing failed. Batches that were stored
// before stay, and the same file can be imported again. A person of Options.Person
// who is unknown, and a file whose owner contradicts them, stop it as well.
func Import(ctx context.Context, src Source, sink Sink, o Options) (report Report, err error) {
	o.defaults()
	ingest, err := sink.StartImport(ctx, health.ImportSettings{Format: src.Format(), Team: o.Team, Site: o.Site})
	if err != nil {
		return Report{}, fmt.Errorf("start the import: %w", err)
	}
	defer func() {
		if cerr := ingest.Close(context.WithoutCancel(ctx)); err == nil && cerr != nil {
			err = fmt.Errorf("end the import: %w", cerr)
		}
	}()
	r := &run{ingest: ingest, o: o, subjects: map[health.Identifier]*subject{},
		people: map[health.PersonID]*subject{}, resources: map[resource]version{}}
	r.report.begin(src, ingest)
	if err := r.findOwner(ctx); err != nil {
		return r.report, err
	}
	g, gctx := errgroup.WithContext(ctx)
	batches := make(chan []Record, 1)
	g.Go(func() error {
		defer close(batches)
		return collect(gctx, src, o.BatchSize, batches)
	})
	g.Go(func() error {
		for records := range batches {
			if err := r.batch(gctx, records); err != nil {
				if stored := r.settle(); stored != nil {
					return stored // it came first
				}
				return err
			}
		}
		return r.settle()
	})
	err = g.Wait()
	r.report.end(src)
	if err != nil {
		return r.report, err
	}
	if err := ingest.Finish(ctx, r.report.result(src.SHA256())); err != nil {
		return r.report, fmt.Errorf("record the import: %w", err)
	}
	return r.report, nil
}

// collect reads records into batches, ahead of the storing.
func collect(ctx context.Context, src Source, size int, out chan<- []Record) error {
	for {
		var (
			records = make([]Record, 0, min(size, DefaultBatch))
			weight  int
			done    bool
		)
		for weight < size {
			rec, err := src.Next()
			if errors.Is(err, io.EOF) {
				done = true
				break
			}
			if err != nil {
				return fmt.Errorf("read the file: %w", err)
			}
			if !rec.Blank {
				records = append(records, rec)
				weight += max(1, len(rec.Observations))
			}
		}
		if len(records) > 0 {
			select {
			case out <- records:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if done {
			return nil
		}
	}
}

// resource is one external id of one person and source.
type resource struct {
	person   health.PersonID
	source   string
	external string
}

// version is what the current batch holds of a resource.
type version struct {
	round int
	// from and to are its rows of the batch.
	from, to int
}

// equal reports whether the rows are those of the version, changed by the source at the same time.
func (r *run) equal(v version, rows []health.ImportRow) bool {
	return slices.EqualFunc(r.rows[v.from:v.to], rows, func(a, b health.ImportRow) bool {
		return a.Content == b.Content && a.Updated.Equal(b.Updated)
	})
}

// updated is when the source last changed one of the rows of a resource.
func updated(rows []health.ImportRow) time.Time {
	var t time.Time
	for i := range rows {
		if rows[i].Updated.After(t) {
			t = rows[i].Updated
		}
	}
	return t
}

// run is the state of one import.
type run struct {
	ingest   health.Ingest
	o        Options
	report   Report
	subjects map[health.Identifier]*subject
	people   map[health.PersonID]*subject
	// owner is the person of Options.Person; nil where none was named.
	owner *subject
	// rows and resources are the batch that is being put together.
	rows      []health.ImportRow
	resources map[resource]version
	// storing is the batch before, while it is being stored; nil when none is.
	storing *storing
}

// storing is a batch that is being stored while the next one is put together.
type storing struct {
	rows []health.ImportRow
	// report is the run's, as it was when the batch was complete.
	report Report
	counts health.ImportCounts
	err    error
	done   chan struct{}
}

func (r *run) batch(ctx context.Context, records []Record) error {
	if err := r.checkOwners(records); err != nil {
		return err
	}
	if err := r.lookUp(ctx, records); err != nil {
		return err
	}
	for i := range records {
		rec := &records[i]
		r.report.Lines++
		r.report.Absent += rec.Absent
		r.report.leaveOut(rec.LeftOut)
		for _, reason := range rec.Problems {
			r.report.refuse(rec.Line, reason)
		}
		if rec.Person != nil {
			r.report.Persons++
			if err := r.person(ctx, rec); err != nil {
				return err
			}
		}
		if len(rec.Observations) > 0 {
			if err := r.observations(ctx, rec); err != nil {
				return err
			}
		}
	}
	return r.flush(ctx)
}

// flush lets the batch be stored, after the one before. Whoever asks the store
// for anything else settles that first.
func (r *run) flush(ctx context.Context) error {
	before := r.storing
	if err := r.settle(); err != nil {
		return err
	}
	b := &storing{rows: r.rows, report: r.report.snapshot(), done: make(chan struct{})}
	r.storing, r.rows = b, nil
	if before != nil {
		r.rows = before.rows[:0]
	}
	clear(r.resources)
	go func() {
		defer close(b.done)
		b.counts, b.err = r.ingest.Store(ctx, b.rows)
	}()
	return nil
}

// settle waits for the batch that is being stored. Where that fails the report
// says what it said when the batch was complete: nothing that came later counts.
func (r *run) settle() error {
	b := r.storing
	if b == nil {
		return nil
	}
	<-b.done
	r.storing = nil
	if b.err != nil {
		r.report = b.report
		return fmt.Errorf("store a batch: %w", b.err)
	}
	r.report.add(b.counts)
	if r.o.Progress != nil {
		b.report.add(b.counts)
		r.o.Progress(b.report)
	}
	return nil
}

// observations queues a line's Observations, or refuses them.
func (r *run) observations(ctx context.Context, rec *Record) error {
	s, err := r.subjectOf(ctx, rec.Subject)
	if err != nil {
		return err
	}
	if s.refused != "" {
		for range rec.Observations {
			r.report.refuse(rec.Line, s.refused)
		}
		return nil
	}
	rows := make([]health.ImportRow, 0, len(rec.Observations))
	undated := rec.Undated
	for i := range rec.Observations {
		o := &rec.Observations[i]
		o.InZone(s.zone)
		if reason := r.checkTimes(o); reason != "" {
			r.report.refuse(rec.Line, reason)
			continue
		}
		if o.Updated.After(r.o.Now().Add(clockError)) {
			o.Updated, undated = time.Time{}, true
		}
		units.Normalise(o)
		rows = append(rows, health.ImportRow{Person: s.person.ID, Day: o.LocalDay(s.zone), Content: o.Dedupe(s.person.ID), Observation: o})
	}
	if undated {
		r.report.undated++
	}
	return r.queue(ctx, rows)
}

// clockError is how far ahead of ours the clock of a source may be. A time further
// ahead would hold back all later versions.
const clockError = 24 * time.Hour

func (r *run) checkTimes(o *health.Observation) string {
	if err := health.CheckTime(o.EffectiveAt, r.o.Now()); err != nil {
		return err.Error()
	}
	if !o.EffectiveEnd.IsZero() && o.EffectiveEnd.Before(o.EffectiveAt) {
		return "the period ends before it begins"
	}
	return ""
}

// queue adds the rows of one resource to the batch. A second version of a
// resource within a batch goes into the next round.
func (r *run) queue(ctx context.Context, rows []health.ImportRow) error {
	if len(rows) == 0 {
		return nil
	}
	first := rows[0]
	if first.ExternalID != "" {
		key := resource{first.Person, first.Source, first.ExternalID}
		at := updated(rows)
		for i := range rows {
			rows[i].Updated = at
		}
		var v version
		if known, ok := r.resources[key]; ok {
			if r.equal(known, rows) {
				r.report.add(health.ImportCounts{Repeated: len(rows)})
				return nil
			}
			v.round = known.round + 1
		}
		if v.round == health.MaxRounds {
			if err := r.flush(ctx); err != nil {
				return err
			}
			v.round = 0
		}
		v.from, v.to = len(r.rows), len(r.rows)+len(rows)
		r.resources[key] = v
		for i := range rows {
			rows[i].Round = v.round
		}
	}
	r.rows = append(r.rows, rows...)
	return nil
}
