// Package reportsync compares the report roots of the manifest with the index
// and writes what changed. It only ever reads the genomics stack's folders.
package reportsync

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"healthportal/app/genomics"
)

// Store keeps the index.
type Store interface {
	// ReportIndex returns all rows of a root, the gone ones too.
	ReportIndex(ctx context.Context, root string) ([]genomics.Report, error)
	// ReportRoots returns what is known of every root ever indexed.
	ReportRoots(ctx context.Context) ([]genomics.RootStatus, error)
	// ResolvePatients returns the persons of those references that name exactly one.
	ResolvePatients(ctx context.Context, refs []genomics.PatientRef) (map[genomics.PatientRef]int64, error)
	// WriteReports writes a run's changes in one transaction.
	WriteReports(ctx context.Context, u genomics.IndexUpdate) error
}

// Options steer a run. The zero value is the ordinary run.
type Options struct {
	// Follow brings the mirror up to date after the index was written; nil: no mirror.
	Follow func(context.Context) error
	// Progress is called now and then while files are read; may be nil.
	Progress func(Progress)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Full reads every file anew, even those whose size and time did not change.
	Full bool
	// AcceptRemovals lets a root lose most of its files, or leave the manifest.
	AcceptRemovals bool
}

// Progress tells how far the reading of one root is.
type Progress struct {
	Root        string
	Done, Total int
}

// ErrIncomplete says that at least one root could not be compared; what could
// be was written. The error's text names the roots and what to do.
var ErrIncomplete = errors.New("the report index is incomplete")

// Run compares every report root with the index, writes the changes in one
// transaction and lets the mirror follow. A root that is missing, or has lost
// most of its files, keeps its index; the others go on, and the error wraps
// ErrIncomplete. When ctx ends nothing is written.
func Run(ctx context.Context, m *genomics.Manifest, store Store, opt Options) (Summary, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	run := &run{store: store, opt: opt, now: opt.Now()}
	var sum Summary
	var update genomics.IndexUpdate
	var problems []string
	var all []*rootRun
	for i := range m.Reports {
		rr, err := run.root(ctx, &m.Reports[i])
		if err != nil {
			return Summary{}, err
		}
		all = append(all, rr)
	}
	forgotten, err := run.forgotten(ctx, m)
	if err != nil {
		return Summary{}, err
	}
	all = append(all, forgotten...)
	if err := run.assign(ctx, all); err != nil {
		return Summary{}, err
	}
	for _, rr := range all {
		rr.collect(&update)
		sum.add(rr.sum)
		if rr.failed {
			problems = append(problems, rr.status.Name+": "+rr.status.Problem)
		}
	}
	if err := store.WriteReports(ctx, update); err != nil {
		return Summary{}, fmt.Errorf("write the report index: %w", err)
	}
	if opt.Follow != nil {
		if err := opt.Follow(ctx); err != nil {
			return sum, fmt.Errorf("the index is written, but the mirror could not follow: %w", err)
		}
	}
	if len(problems) > 0 {
		return sum, fmt.Errorf("%w: %s", ErrIncomplete, strings.Join(problems, "; "))
	}
	return sum, nil
}

// run holds what all roots of a run share.
type run struct {
	store Store
	opt   Options
	now   time.Time
}

// rootRun is the work on one root: rows as they were, and as they are now.
type rootRun struct {
	status genomics.RootStatus
	drop   bool
	failed bool
	old    map[string]*genomics.Report
	// fresh are the rows as the run found them, changed or not.
	fresh []*genomics.Report
	sum   RootSummary
}

// assign gives each row its person: a patient may have become known, or be
// known no longer, since the file was read.
func (r *run) assign(ctx context.Context, all []*rootRun) error {
	set := map[genomics.PatientRef]bool{}
	for _, rr := range all {
		for _, rep := range rr.fresh {
			for _, c := range rep.Claims {
				set[c.PatientRef] = true
			}
		}
	}
	refs := make([]genomics.PatientRef, 0, len(set))
	for ref := range set {
		refs = append(refs, ref)
	}
	known, err := r.store.ResolvePatients(ctx, refs)
	if err != nil {
		return fmt.Errorf("look up the reports' patients: %w", err)
	}
	for _, rr := range all {
		for _, rep := range rr.fresh {
			rep.Assign(known)
		}
	}
	return nil
}

// collect adds the rows that differ to the update and counts them.
func (rr *rootRun) collect(u *genomics.IndexUpdate) {
	for _, rep := range rr.fresh {
		old := rr.old[rep.Path]
		rr.count(rep, old)
		if old != nil && same(old, rep) {
			continue
		}
		if old != nil {
			rep.ID = old.ID
		} else {
			rep.ID = newID()
		}
		u.Reports = append(u.Reports, *rep)
	}
	if rr.drop {
		u.DropRoots = append(u.DropRoots, rr.status.Name)
		return
	}
	u.Roots = append(u.Roots, rr.status)
}

// newID is 26 random letters and digits, 130 bits.
func newID() string { return strings.ToLower(rand.Text()) }

func same(a, b *genomics.Report) bool {
	x, y := *a, *b
	if !slices.Equal(x.Claims, y.Claims) || !x.ModTime.Equal(y.ModTime) || !x.GeneratedAt.Equal(y.GeneratedAt) {
		return false
	}
	return flat(x) == flat(y)
}

// flat is a report as a comparable value, without what is compared apart and
// what the store gives.
func flat(r genomics.Report) [18]any {
	return [18]any{
		r.Root, r.Path, r.PersonID, r.Unassigned, r.Kind, r.Title, r.Format, r.Status, r.State, r.Problem,
		r.Size, r.SHA256, r.Risk, r.Tool, r.Summary, r.Supersedes, r.Synthetic, r.Mark,
	}
}
