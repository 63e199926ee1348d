package cli

import (
	"context"
	"fmt"

	"healthportal/app/genomics/reportsync"
	"healthportal/app/portal"
)

type syncReportsCommand struct {
	Full           bool `help:"Read every file anew, even those whose size and time did not change."`
	AcceptRemovals bool `name:"accept-removals" help:"Let a root lose most of its reports, or leave the manifest."`
	JSON           bool `name:"json" help:"Print the summary as JSON."`
}

// Run indexes the report roots and updates the mirror.
func (c syncReportsCommand) Run(r *run) (err error) {
	p, err := r.open()
	if err != nil {
		return err
	}
	defer closing(p, &err)
	bar := newProgress(r.Stderr)
	sum, err := p.SyncReports(r.ctx, reportsync.Options{Full: c.Full, AcceptRemovals: c.AcceptRemovals, Progress: func(at reportsync.Progress) {
		bar.show(fmt.Sprintf("%s: %d of %d files", at.Root, at.Done, at.Total))
	}})
	bar.done()
	if sum.Roots == nil && err != nil {
		return err
	}
	if perr := r.printSync(c.JSON, sum); err == nil {
		err = perr
	}
	return err
}

func (r *run) printSync(asJSON bool, sum reportsync.Summary) error {
	if asJSON {
		return r.printJSON(sum)
	}
	for _, root := range sum.Roots {
		fmt.Fprintf(r.Stdout, "%s: %s\n", root.Root, root) //nolint:errcheck // the next line reports it
	}
	_, err := fmt.Fprintf(r.Stdout, "sync-reports: %s\n", sum.Total)
	return err
}

// syncQuietly is sync-reports without output, for the demo.
func syncQuietly(ctx context.Context, p *portal.Portal) (reportsync.Summary, error) {
	return p.SyncReports(ctx, reportsync.Options{})
}
