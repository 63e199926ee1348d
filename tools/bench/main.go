// Command bench measures the portal's speed against what the machine's own
// tools do with the same data in the same run: psql's \copy, pgbench, find,
// sha256sum and plain SQL. It prints ratios; the times themselves mean nothing
// beyond the run. It starts a private PostgreSQL in a temporary folder, fills
// it through the real importers, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The parts of a run, in their order.
const (
	partImport  = "import"
	partPages   = "pages"
	partSeries  = "series"
	partReports = "reports"
	partExport  = "export"
	partCatchUp = "catchup"
	partMemory  = "memory"
)

func parts() []string {
	return []string{partImport, partMemory, partCatchUp, partPages, partSeries, partExport, partReports}
}

// The bounds of the flags; the synthetic clinic has about a million events, and
// more of them are copies.
const (
	clinicEvents = 1_000_000

	maxEvents = 10_000_000
	maxRows   = 20_000_000
	maxFiles  = 100_000
	minFiles  = 100
	maxRuns   = 100
	minSpan   = 100 * time.Millisecond
	maxSpan   = 10 * time.Minute
)

// options are the flags of a run.
type options struct {
	events, files  int
	runs           int
	clients, depth int
	// rows is how many events the patient of pages and export has at least.
	rows int
	// records is how many Records the export of Apple Health has.
	records int
	// table is how many events the smaller table has in which the rollup catches up.
	table int
	// span is how long each side of a run is under load.
	span          time.Duration
	only          []string
	json, explain bool
	// pgBin is PG_BINDIR: the folder of PostgreSQL's programs; empty: the usual places.
	pgBin string
}

// measures reports whether the part is asked for.
func (o options) measures(part string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, part)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// start answers the exit code: 0 done, 1 failed or interrupted, 2 usage.
func start(ctx context.Context, args, environ []string, out, errs io.Writer) int {
	if len(args) > 0 && args[0] == childWord {
		if err := child(ctx, args[1:], out); err != nil {
			fmt.Fprintln(errs, err)
			return 1
		}
		return 0
	}
	opt, err := parse(args, environ, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "bench:", err)
		return 2
	}
	if err := run(ctx, opt, out, errs); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted; the database is stopped and its folder removed")
		}
		fmt.Fprintln(errs, "bench:", err)
		return 1
	}
	return 0
}

func parse(args, environ []string, errs io.Writer) (options, error) {
	opt := options{clients: 16}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&opt.events, "events", 200_000, "lines of FHIR NDJSON to import; beyond the million that the synthetic clinic has they only raise -rows")
	flags.IntVar(&opt.files, "files", 5_000, "HTML reports to index")
	flags.IntVar(&opt.runs, "runs", 5, "runs of each measurement; the table shows their median")
	flags.DurationVar(&opt.span, "span", 3*time.Second, "how long each side of a run is under load (pgbench: whole seconds, and as long before, which doesn't count)")
	flags.IntVar(&opt.depth, "depth", 1_000_000, "row at which the deep page begins; fewer where the patient has fewer events")
	flags.IntVar(&opt.rows, "rows", 300_000, "events of the patient of pages, chart and export; copies are made where there are fewer")
	flags.IntVar(&opt.records, "records", 300_000, "Records of the export of Apple Health to import; ten million are 4 GB")
	flags.IntVar(&opt.table, "table", 50_000, "events of the smaller table in which the rollup catches up; the larger one has ten times as many")
	only := flags.String("only", "", "comma-separated `parts` to measure: "+strings.Join(parts(), ", ")+" (default all)")
	flags.BoolVar(&opt.json, "json", false, "print JSON instead of the table")
	flags.BoolVar(&opt.explain, "explain", false, "also print, to standard error, how PostgreSQL executes the measured statements")
	if err := flags.Parse(args); err != nil {
		return opt, err //nolint:wrapcheck // says what itself
	}
	if flags.NArg() > 0 {
		return opt, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if opt.events > clinicEvents {
		opt.rows = max(opt.rows, opt.events)
	}
	if *only != "" {
		opt.only = strings.Split(*only, ",")
	}
	for _, pair := range environ {
		if dir, ok := strings.CutPrefix(pair, "PG_BINDIR="); ok {
			opt.pgBin = dir
		}
	}
	return opt, opt.check()
}

func (o options) check() error {
	for _, part := range o.only {
		if !slices.Contains(parts(), part) {
			return fmt.Errorf("-only %q: choose among %s", part, strings.Join(parts(), ", "))
		}
	}
	for _, limit := range []struct {
		name            string
		value, min, max int
	}{
		{"events", o.events, 1, maxEvents},
		{"files", o.files, minFiles, maxFiles},
		{"runs", o.runs, 1, maxRuns},
		{"depth", o.depth, 1, maxEvents},
		{"rows", o.rows, 1, maxRows},
		{"records", o.records, 1, maxRows},
		{"table", o.table, 1, maxRows},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			return fmt.Errorf("-%s %d: choose %d to %d", limit.name, limit.value, limit.min, limit.max)
		}
	}
	if o.span < minSpan || o.span > maxSpan {
		return fmt.Errorf("-span %s: choose %s to %s", o.span, minSpan, maxSpan)
	}
	return nil
}

// bench is one run.
type bench struct {
	opt   options
	place *place
	errs  io.Writer
	// sheet collects the results.
	sheet Sheet
}

// say writes a line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.errs, "bench: "+format+"\n", args...)
}

// add adds a result to the table and tells it at once: a long run may be interrupted.
func (b *bench) add(r Result) {
	b.sheet.Results = append(b.sheet.Results, r)
	if r.NotMeasured == "" {
		_, _, quotient := r.spreads()
		b.say("%s: %s (%s to %s), goal %s", strings.TrimSpace(r.Name), figure(quotient.Median), figure(quotient.Min), figure(quotient.Max), r.verdict(quotient))
	}
}

func run(ctx context.Context, opt options, out, errs io.Writer) (err error) {
	b := &bench{opt: opt, errs: errs}
	b.say("starting a private PostgreSQL")
	b.place, err = openPlace(ctx, opt.pgBin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.place.close()) }()
	if b.sheet, err = b.place.describe(ctx); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if opt.json {
		return b.sheet.writeJSON(out)
	}
	return b.sheet.writeTable(out)
}

// reads reports whether a part is asked for that reads what was imported.
func (b *bench) reads() bool {
	return b.opt.measures(partPages) || b.opt.measures(partSeries) || b.opt.measures(partExport)
}

// measure runs the chosen parts. Pages and series need what the import stored.
func (b *bench) measure(ctx context.Context) error {
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if b.opt.measures(partImport) || b.reads() {
		if err := b.imports(ctx); err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	for _, part := range []struct {
		name, what string
		measure    func(context.Context) error
	}{
		{partMemory, "memory of an import", b.memory}, {partCatchUp, "catching up", b.catchUp}, {partPages, "pages", b.pages}, {partSeries, "daily series", b.series},
		{partExport, "export", b.exports}, {partReports, "reports", b.reports},
	} {
		if !b.opt.measures(part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.what, err)
		}
	}
	return nil
}
