package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"healthportal/app/demo"
	"healthportal/app/genomics"
	"healthportal/app/genomics/reportsync"
	"healthportal/app/portal"
)

// indexed is the database of a sync-reports run.
const indexed = "bench_indexed"

// reports measures sync-reports over a new folder tree, then over the same tree
// again, and the list that pages show.
func (b *bench) reports(ctx context.Context) error {
	b.say("writing %d reports", b.opt.files)
	if err := writeReports(b.place.share(), b.opt.files, records()); err != nil {
		return err
	}
	if err := demo.WriteManifest(b.place.manifest(), b.place.share(), demo.SiteName); err != nil {
		return err //nolint:wrapcheck // says what itself
	}
	first := Result{
		Name: "sync-reports, first run", Limit: "find -exec sha256sum of all files", Unit: "s",
		Note: fmt.Sprintf("%d HTML files in %d folders; beside hashing, the run reads and indexes them and fills the mirror",
			b.opt.files, folders(b.opt.files)),
	}
	again := Result{Name: "sync-reports, unchanged", Limit: "find -printf of all files", Unit: "s"}
	var lists []Result
	for i := range b.opt.runs {
		b.say("sync-reports, run %d of %d", i+1, b.opt.runs)
		err := b.withIndex(ctx, i, func(p *portal.Portal) error {
			a, c, err := b.syncTwice(ctx, p, i)
			if err != nil {
				return err
			}
			first.Pairs, again.Pairs = append(first.Pairs, a), append(again.Pairs, c)
			if i == b.opt.runs-1 {
				lists, err = b.lists(ctx, p)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	b.add(first)
	b.add(again)
	for _, r := range lists {
		b.add(r)
	}
	return nil
}

// withIndex opens a portal with an empty index and mirror.
func (b *bench) withIndex(ctx context.Context, run int, fn func(*portal.Portal) error) error {
	if err := errors.Join(b.place.drop(ctx, indexed), b.place.create(ctx, indexed, peopled)); err != nil {
		return err
	}
	dsn, err := b.place.dsn(indexed)
	if err != nil {
		return err
	}
	p, err := b.place.portal(ctx, dsn, fmt.Sprintf("sync-%d", run), b.place.manifest(), "127.0.0.1:8080")
	if err != nil {
		return err
	}
	return errors.Join(fn(p), p.Close())
}

// syncTwice times the first run and the next one, which finds nothing new.
func (b *bench) syncTwice(ctx context.Context, p *portal.Portal, run int) (first, again Pair, err error) {
	if err := b.place.checkpoint(ctx); err != nil {
		return first, again, err
	}
	sync := func(expect func(reportsync.RootSummary) int) side {
		return func(ctx context.Context) (float64, error) {
			return seconds(ctx, func(ctx context.Context) error {
				sum, err := p.SyncReports(ctx, reportsync.Options{})
				if err != nil {
					return err //nolint:wrapcheck // says what itself
				}
				if t := sum.Total; t.Seen != b.opt.files || expect(t) != b.opt.files || t.Problems > 0 || t.Unassigned > 0 {
					return fmt.Errorf("sync-reports found something else than was written: %s", t)
				}
				return nil
			})
		}
	}
	tool := func(args ...string) side {
		return func(ctx context.Context) (float64, error) {
			return seconds(ctx, func(ctx context.Context) error {
				_, err := execute(ctx, io.Discard, nil, b.place.programs.find, append([]string{b.place.share(), "-type", "f"}, args...)...)
				return err
			})
		}
	}
	first, err = both(ctx, run, sync(func(t reportsync.RootSummary) int { return t.New }),
		tool("-exec", b.place.programs.sha256sum, "{}", "+"))
	if err != nil {
		return first, again, err
	}
	again, err = both(ctx, run, sync(func(t reportsync.RootSummary) int { return t.Unchanged }), tool("-printf", `%s %T@ %p\n`))
	return first, again, err
}

// lists measures the report list, first page, as pages ask for it.
func (b *bench) lists(ctx context.Context, p *portal.Portal) ([]Result, error) {
	index, err := p.Mirror(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what and where itself
	}
	bare, err := openBare(p.Config.DataDir)
	if err != nil {
		return nil, err
	}
	var all []Result
	for _, filter := range []struct {
		name string
		of   genomics.ReportFilter
		want int
	}{
		{"report list, first page", genomics.ReportFilter{AllPersons: true}, genomics.DefaultReportPage},
		{"report list, search for one", genomics.ReportFilter{AllPersons: true, Text: fmt.Sprintf("score %d", b.opt.files-1)}, 1},
	} {
		list := func(ctx context.Context) error {
			page, err := index.Reports(ctx, filter.of)
			if err != nil {
				return err //nolint:wrapcheck // says what itself
			}
			if len(page.Reports) != filter.want {
				return fmt.Errorf("%s: found %d, not %d", filter.name, len(page.Reports), filter.want)
			}
			return nil
		}
		pairs, err := alternate(ctx, b.opt.runs, b.oneByOne(list), b.oneByOne(bare.page))
		if err != nil {
			return nil, errors.Join(err, bare.close())
		}
		all = append(all, Result{Name: filter.name, Limit: "the page's rows alone, same driver and file", Unit: "ms", Pairs: pairs})
	}
	return all, bare.close()
}
