package portal

import (
	"context"
	"errors"
	"fmt"
	"io"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/exportfile"
)

// ExportRequest is what a command exports: one patient, or everybody.
type ExportRequest struct {
	// Record is the patient's record number; empty means everybody.
	Record string
	// Person is filled in by ExportPrepare: 0 means everybody.
	Person health.PersonID
	// Expected is how many rows there are, filled in by ExportPrepare.
	Expected int64
	Format   health.ExportFormat
	Metric   string
	// Source is a source's name, and SourceID its number, filled in by ExportPrepare.
	Source   string
	SourceID int
	// Flag is as in health.EventFilter.
	Flag string
	// From and To are local days, both inclusive; the zero Day is open.
	From, To health.Day
}

func (q ExportRequest) filter() health.EventFilter {
	return health.EventFilter{Person: q.Person, Metric: q.Metric, Source: q.SourceID, Flag: q.Flag, From: q.From, To: q.To}
}

// Validate refuses contradictions.
func (q ExportRequest) Validate() error {
	f := q.filter()
	return f.Validate()
}

// ErrNoSuchSource says that no source has the name that a command gave.
var ErrNoSuchSource = errors.New("no source has this name; it stands in the table's column Source, letter by letter")

// ExportPrepare finds the patient and the source, and counts the rows. A record number
// that nobody has is health.ErrNotFound, a source that is unknown ErrNoSuchSource.
func (p *Portal) ExportPrepare(ctx context.Context, q *ExportRequest) error {
	var err error
	if q.Record != "" {
		if q.Person, err = p.DB.PersonByRecordNumber(ctx, q.Record); err != nil {
			return err
		}
	}
	if q.Source != "" {
		q.SourceID, err = p.DB.SourceByName(ctx, q.Source)
		if errors.Is(err, health.ErrNotFound) {
			return ErrNoSuchSource
		}
		if err != nil {
			return err
		}
	}
	q.Expected, err = p.DB.CountExport(ctx, q.filter())
	return err
}

// Export writes the rows and, for NDJSON, the line that proves them complete.
// progress learns now and then how many there are so far.
func (p *Portal) Export(ctx context.Context, q ExportRequest, w io.Writer, progress func(rows int64)) (exportfile.Proof, error) {
	out := exportfile.NewWriter(w)
	var rows int64
	var err error
	if q.Record == "" {
		rows, err = p.DB.ExportEveryone(ctx, q.filter(), q.Format, out, progress)
	} else {
		rows, err = p.DB.ExportEvents(ctx, access.One(q.Person), q.filter(), q.Format, out, progress)
	}
	if err == nil && q.Format == health.ExportNDJSON {
		err = out.Trailer(rows)
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return out.Proof(rows), fmt.Errorf("export: %w", err)
	}
	return out.Proof(rows), nil
}
