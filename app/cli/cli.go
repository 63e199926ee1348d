// Package cli is the portal command: one file per command. Each parses its own
// flags, does its work through app/portal, and answers with an exit code: 0
// done, 1 failed, 2 bad usage, 3 another run holds the lock.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"healthportal/app/config"
	"healthportal/app/jobs"
	"healthportal/app/portal"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitHeld   = 3
)

// Process is what a command gets from the operating system.
type Process struct {
	// Args are the arguments without the program's name.
	Args []string
	// Env is the environment as os.Environ gives it.
	Env            []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// grammar is the whole command line.
type grammar struct {
	Serve           serveCommand           `cmd:"" help:"Serve the portal until it is told to stop."`
	Demo            demoCommand            `cmd:"" help:"Serve a synthetic clinic and print one enrolment link per role."`
	Migrate         migrateCommand         `cmd:"" help:"Bring the database up to this program's schema."`
	SyncReports     syncReportsCommand     `cmd:"" name:"sync-reports" help:"Index the report roots of the manifest and update the local mirror."`
	Import          importCommands         `cmd:"" help:"Bring health data in."`
	Export          exportCommand          `cmd:"" help:"Write one patient's health events, or everybody's, to standard output or a file."`
	RefreshViews    refreshViewsCommand    `cmd:"" name:"refresh-views" help:"Catch up the daily rollup with rows that others wrote, make the next months' partitions, and bring the site's daily figures up to date."`
	CleanupSessions cleanupSessionsCommand `cmd:"" name:"cleanup-sessions" help:"Delete ended sessions, dead ceremonies, old enrolment links and old receipts of exports."`
	Verify          verifyCommand          `cmd:"" help:"Check every database object, every sample SELECT and every path of the manifest."`
	User            userCommands           `cmd:"" help:"People who may sign in."`
	Person          personCommands         `cmd:"" help:"Patients' records: two that are one human, and one that is two."`
	Source          sourceCommands         `cmd:"" help:"Which source counts where several measured the same time."`
	APIKey          apikeyCommands         `cmd:"" name:"apikey" help:"Keys with which programs read."`
	Audit           auditCommands          `cmd:"" help:"The audit log."`
	Keys            keysCommands           `cmd:"" help:"The portal's own secret keys."`
	Ranges          rangesCommands         `cmd:"" help:"General adult ranges, which clinicians sign off."`
	Version         versionCommand         `cmd:"" help:"Print the program's version."`
}

type importCommands struct {
	Events    importEventsCommand    `cmd:"" help:"Import health events from FHIR R4 (NDJSON or Bundle), Apple Health, CSV and the portal's own NDJSON."`
	CareTeams importCareTeamsCommand `cmd:"" name:"care-teams" help:"Import care teams from CSV or FHIR R4 (CareTeam)."`
	List      importListCommand      `cmd:"" help:"List the imports of health events."`
	Undo      importUndoCommand      `cmd:"" help:"Take back exactly what one import of health events did."`
}

// run is what commands work with.
type run struct {
	ctx context.Context
	Process
	cfg config.Config
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, p Process) int {
	parser, err := newParser(p.Stdout, p.Stderr)
	if err != nil {
		return fail(p.Stderr, err)
	}
	parsed, help, err := parse(parser, p.Args)
	if help {
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "portal: %v\nportal --help lists the commands.\n", err)
		return exitUsage
	}
	cfg, err := config.Load(p.Env)
	if err != nil {
		fmt.Fprintf(p.Stderr, "portal: %v\n", err)
		return exitUsage
	}
	return fail(p.Stderr, parsed.Run(&run{ctx: ctx, Process: p, cfg: cfg}))
}

// fail turns a command's error into a line and an exit code.
func fail(stderr io.Writer, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "portal: %v\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "portal: interrupted; what was finished is kept, run the command again for the rest")
		return exitFailed
	case errors.Is(err, jobs.ErrHeld):
		fmt.Fprintf(stderr, "portal: %v\n", err)
		return exitHeld
	default:
		fmt.Fprintf(stderr, "portal: %v\n", err)
		return exitFailed
	}
}

// errReported is returned by commands that have said what failed already.
var errReported = errors.New("failed")

// usageError is bad usage that only the command itself can see.
type usageError struct{ error }

// helpShown is how kong's exit after --help reaches us.
type helpShown struct{}

func newParser(stdout, stderr io.Writer) (*kong.Kong, error) {
	parser, err := kong.New(&grammar{}, kong.Name("portal"),
		kong.Description("A clinic's health time series and genomics reports. Settings come from the environment: docs/configuration.md."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { panic(helpShown{}) }), kong.UsageOnError())
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	return parser, nil
}

// parse parses args; help says that --help was answered already.
func parse(parser *kong.Kong, args []string) (parsed *kong.Context, help bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			if _, ok := cause.(helpShown); !ok {
				panic(cause)
			}
			help = true
		}
	}()
	parsed, err = parser.Parse(args)
	return parsed, false, err
}

// CommandDoc describes a command for the documentation and its test.
type CommandDoc struct {
	Name, Help string
	// Flags are the long flags, without the leading dashes.
	Flags []string
}

// Commands lists every command.
func Commands() ([]CommandDoc, error) {
	parser, err := newParser(io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	var docs []CommandDoc
	for _, leaf := range parser.Model.Leaves(true) {
		d := CommandDoc{Name: leaf.FullPath()[len("portal "):], Help: leaf.Help}
		for _, f := range leaf.Flags {
			d.Flags = append(d.Flags, f.Name)
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// open opens the portal's stores for a command that is not a server.
func (r *run) open() (*portal.Portal, error) {
	return portal.Open(r.ctx, r.cfg, portal.NewLogger(r.cfg, r.Stderr))
}

// closing closes p and keeps the first error.
func closing(p *portal.Portal, err *error) {
	if cerr := p.Close(); *err == nil {
		*err = cerr
	}
}

// printJSON prints v as one indented document.
func (r *run) printJSON(v any) error {
	enc := json.NewEncoder(r.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// openInput opens a file, or standard input for "-".
func (r *run) openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(r.Stdin), nil
	}
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("open the input: %w", err)
	}
	return f, nil
}
