package reportsync

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportfile"
)

// readers is how many files of a root are read at once.
const readers = 4

// root compares one root. Its error ends the whole run; what is wrong with the
// root alone stands in the result.
func (r *run) root(ctx context.Context, root *genomics.ReportRoot) (*rootRun, error) {
	rr := &rootRun{status: genomics.RootStatus{Name: root.Name}, sum: RootSummary{Root: root.Name}}
	if err := rr.load(ctx, r.store); err != nil {
		return nil, err
	}
	open, err := reportfile.OpenRoot(*root)
	if err != nil {
		rr.fail("the folder can't be opened (%v); its index stays as it is; check that the share is mounted", err)
		return rr, nil
	}
	defer open.Close() //nolint:errcheck // nothing was written
	found, err := walk(ctx, open, root)
	switch {
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		rr.fail("the folder can't be listed; its index stays as it is; check that the share is mounted and readable")
		return rr, nil
	}
	rd := &reader{open: open, root: root, now: r.now, full: r.opt.Full, limit: MaxFile}
	if err := r.read(ctx, rd, rr, found); err != nil {
		return nil, err
	}
	rr.settle(r, root, found)
	return rr, nil
}

func (rr *rootRun) load(ctx context.Context, store Store) error {
	rows, err := store.ReportIndex(ctx, rr.status.Name)
	if err != nil {
		return fmt.Errorf("read the report index: %w", err)
	}
	rr.old = make(map[string]*genomics.Report, len(rows))
	for i := range rows {
		rr.old[rows[i].Path] = &rows[i]
	}
	return nil
}

// fail gives the root up for this run: its rows stay as they are.
func (rr *rootRun) fail(format string, args ...any) {
	rr.failed = true
	rr.status.Problem = fmt.Sprintf(format, args...)
	rr.fresh = nil
	rr.sum = RootSummary{Root: rr.sum.Root, Failed: true, Kept: len(rr.old)}
}

// read reads the candidates, several at once, and keeps their order.
func (r *run) read(ctx context.Context, rd *reader, rr *rootRun, found *finding) error {
	results := make([]*genomics.Report, len(found.candidates))
	var done, waiting atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, c := range found.candidates {
		g.Go(func() error {
			rep, err := rd.read(ctx, c, rr.old[c.path])
			switch {
			case errors.Is(err, errMoving):
				waiting.Add(1)
			case err != nil:
				return err
			default:
				results[i] = rep
			}
			r.progress(rd.root.Name, int(done.Add(1)), len(found.candidates))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("read the reports: %w", err)
	}
	rr.sum.Waiting = int(waiting.Load())
	for i, rep := range results {
		if rep == nil {
			// Being written: what is known of it stays as it is until it has settled.
			if rep = rr.old[found.candidates[i].path]; rep == nil {
				continue
			}
		}
		fresh := *rep
		rr.fresh = append(rr.fresh, &fresh)
	}
	return nil
}

// progress reports every hundredth file and the last; the callback must be safe
// for concurrent use.
func (r *run) progress(root string, done, total int) {
	if r.opt.Progress != nil && (done%100 == 0 || done == total) {
		r.opt.Progress(Progress{Root: root, Done: done, Total: total})
	}
}

// settle decides about the rows whose files were not found.
func (rr *rootRun) settle(r *run, root *genomics.ReportRoot, found *finding) {
	seen := make(map[string]bool, len(found.candidates))
	for _, c := range found.candidates {
		seen[c.path] = true
	}
	live, lost := 0, []*genomics.Report{}
	for path, old := range rr.old {
		if old.State == genomics.Gone {
			if !seen[path] {
				kept := *old
				rr.fresh = append(rr.fresh, &kept)
			}
			continue
		}
		live++
		switch {
		case seen[path]:
		case !found.covers(path):
			kept := *old
			rr.fresh = append(rr.fresh, &kept)
		default:
			lost = append(lost, old)
		}
	}
	if !r.opt.AcceptRemovals && suspicious(live, len(lost), len(found.candidates)) {
		rr.fail("%d of %d reports are gone at once; the index stays as it is; check that the share is mounted, or run again with --accept-removals", len(lost), live)
		return
	}
	for _, old := range lost {
		rr.fresh = append(rr.fresh, gone(old, root))
	}
	rr.sum.Other, rr.sum.BadNames = found.other, found.badName
	rr.status.IndexedAt = r.now
	if found.badName > 0 {
		rr.status.Problem = fmt.Sprintf("%d files have names that are not UTF-8 and can't be indexed; rename them", found.badName)
	}
	if n := len(found.blocked); n > 0 {
		rr.status.IndexedAt = time.Time{}
		rr.status.Problem = fmt.Sprintf("%d folders can't be listed; their reports stay as they are; give the portal's user read access", n)
		rr.failed = true
	}
}

// suspicious tells a share that is not there from files that were removed.
func suspicious(live, lost, found int) bool {
	return (live >= 10 && 2*lost > live) || (live > 0 && lost > 0 && found == 0)
}

func gone(old *genomics.Report, root *genomics.ReportRoot) *genomics.Report {
	r := *old
	r.State, r.Problem, r.Mark = genomics.Gone, "", ""
	if !root.Includes(old.Path) {
		r.Problem = "the manifest's patterns no longer choose this file"
	}
	return &r
}

// forgotten handles roots that the manifest no longer names.
func (r *run) forgotten(ctx context.Context, m *genomics.Manifest) ([]*rootRun, error) {
	roots, err := r.store.ReportRoots(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the report roots: %w", err)
	}
	var list []*rootRun
	for _, st := range roots {
		if _, ok := m.Root(st.Name); ok {
			continue
		}
		rr := &rootRun{status: genomics.RootStatus{Name: st.Name}, sum: RootSummary{Root: st.Name}}
		if err := rr.load(ctx, r.store); err != nil {
			return nil, err
		}
		rr.forget(r.opt.AcceptRemovals)
		list = append(list, rr)
	}
	return list, nil
}

func (rr *rootRun) forget(accepted bool) {
	live := 0
	for _, old := range rr.old {
		row := *old
		if row.State != genomics.Gone {
			live++
			row.State, row.Mark, row.Problem = genomics.Gone, "", "its root is no longer in the manifest"
		}
		rr.fresh = append(rr.fresh, &row)
	}
	if live > 0 && !accepted {
		rr.fail("the manifest no longer names this root of %d reports; its index stays as it is; name it again, or run again with --accept-removals", live)
		return
	}
	rr.drop = true
}
