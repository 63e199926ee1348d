package portal

import (
	"context"
	"fmt"
	"io"
	"time"

	"healthportal/app/genomics/reportsync"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/careteam"
	"healthportal/app/jobs"
)

// The names of the jobs, as ops.job_runs records them.
const (
	jobSyncReports     = "sync-reports"
	jobRefreshViews    = "refresh-views"
	jobCleanupSessions = "cleanup-sessions"
)

// partitionMonths is how far ahead partitions are made.
const partitionMonths = 3

// SyncReports indexes the manifest's report roots and lets the mirror follow.
// It returns jobs.ErrHeld where another run is under way.
func (p *Portal) SyncReports(ctx context.Context, opt reportsync.Options) (reportsync.Summary, error) {
	m, err := p.Manifest()
	if err != nil {
		return reportsync.Summary{}, err
	}
	index, err := p.Mirror(ctx)
	if err != nil {
		return reportsync.Summary{}, err
	}
	opt.Follow = func(ctx context.Context) error {
		return index.Follow(ctx, p.DB)
	}
	var sum reportsync.Summary
	err = jobs.Run(ctx, p.DB, jobSyncReports, func(ctx context.Context) (jobs.Counts, error) {
		var err error
		sum, err = reportsync.Run(ctx, m, p.DB, opt)
		return sum.Counts(), err
	})
	return sum, err
}

// ImportEvents brings a file of health events in. The site's zone comes from
// the configuration and, where that says nothing, from the manifest.
func (p *Portal) ImportEvents(ctx context.Context, src intake.Source, o intake.Options) (intake.Report, error) {
	m, err := p.Manifest()
	if err != nil {
		return intake.Report{}, err
	}
	if err := p.adoptZone(ctx, m); err != nil {
		return intake.Report{}, err
	}
	o.Site = p.zone(m)
	report, err := intake.Import(ctx, src, p.DB, o)
	if err != nil {
		return report, fmt.Errorf("import events: %w", err)
	}
	return report, nil
}

// ImportCareTeams brings a file of care team memberships in. Days without a time
// are those of the site's zone.
func (p *Portal) ImportCareTeams(ctx context.Context, in io.Reader, o careteam.Options) (careteam.Report, error) {
	m, err := p.Manifest()
	if err != nil {
		return careteam.Report{}, err
	}
	o.Site, o.Now = p.zone(m), time.Now()
	report, err := careteam.Import(ctx, in, p.DB, o)
	if err != nil {
		return report, fmt.Errorf("import care teams: %w", err)
	}
	return report, nil
}

// RefreshViews catches up the daily rollup with rows that others wrote, makes
// the partitions of the next months and of those whose rows came without one, and
// brings the materialized views up to date. Counts: days, partitions.
func (p *Portal) RefreshViews(ctx context.Context) (jobs.Counts, error) {
	counts := jobs.Counts{}
	err := jobs.Run(ctx, p.DB, jobRefreshViews, func(ctx context.Context) (jobs.Counts, error) {
		today := health.DayOf(time.Now().UTC())
		made, err := p.DB.EnsurePartitions(ctx, today, today.AddMonths(partitionMonths))
		if err != nil {
			return counts, err
		}
		moved, err := p.DB.EmptyDefaultPartition(ctx)
		if err != nil {
			return counts, err
		}
		days, err := p.DB.RebuildDirty(ctx)
		counts["partitions"], counts["days"] = int64(made+moved), int64(days)
		if err != nil {
			return counts, err
		}
		return counts, p.DB.RefreshViews(ctx)
	})
	return counts, err
}

// CleanupSessions deletes ended sessions, dead ceremonies, old enrolment links,
// old counts of attempts, and receipts of exports that are older than
// health.ReceiptDays. Counts: sessions, ceremonies, enrolments, attempts, receipts.
func (p *Portal) CleanupSessions(ctx context.Context) (jobs.Counts, error) {
	counts := jobs.Counts{}
	err := jobs.Run(ctx, p.DB, jobCleanupSessions, func(ctx context.Context) (jobs.Counts, error) {
		removed, err := p.Sessions().Cleanup(ctx)
		counts["sessions"], counts["ceremonies"], counts["enrolments"] = removed.Sessions, removed.Ceremonies, removed.Enrolments
		counts["attempts"] = removed.Attempts
		if err != nil {
			return counts, err
		}
		counts["receipts"], err = p.DB.RemoveReceipts(ctx, time.Now().AddDate(0, 0, -health.ReceiptDays))
		return counts, err
	})
	return counts, err
}
