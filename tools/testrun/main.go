// Command testrun runs go test over the checkout, shows its ordinary output,
// and ends with how many tests ran. A skipped test fails the run unless its
// reason is one that the caller allows, so that "passed" means "ran".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long go test may clean up after an interrupt.
const stopGrace = 30 * time.Second

type options struct {
	race    []string // folders whose packages run with the race detector
	short   bool
	timeout time.Duration
	allow   skipRule
	skip    []string // folders left out, each said so in the closing lines
	args    []string // package patterns
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func start(ctx context.Context, args []string, out, errs io.Writer) int {
	opts, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "testrun:", err)
		return 2
	}
	ok, err := run(ctx, opts, goCommand{errs}, out)
	if err != nil {
		fmt.Fprintln(errs, "testrun:", err)
		return 1
	}
	if !ok {
		return 1
	}
	return 0
}

func parse(args []string, errs io.Writer) (options, error) {
	var opts options
	var race, skip, allowed, absent string
	flags := flag.NewFlagSet("testrun", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&race, "race", "", "comma-separated `folders` whose packages run with the race detector")
	flags.StringVar(&skip, "leave-out", "", "comma-separated `folders` whose packages are not run, and said so")
	flags.BoolVar(&opts.short, "short", false, "quick tests: passes -short on; a skip whose reason names -short is allowed")
	flags.DurationVar(&opts.timeout, "timeout", 20*time.Minute, "limit for each test binary")
	flags.StringVar(&allowed, "may-skip", "", "`regular expression` for reasons that may skip a test")
	flags.StringVar(&absent, "only-without", "", "`path`: -may-skip holds only while this path doesn't exist")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	opts.race, opts.skip = split(race), split(skip)
	opts.args = flags.Args()
	if len(opts.args) == 0 {
		opts.args = []string{"./..."}
	}
	opts.allow.short = opts.short
	if allowed != "" {
		pattern, err := regexp.Compile(allowed)
		if err != nil {
			return options{}, fmt.Errorf("-may-skip %q: %w", allowed, err)
		}
		if absent == "" || !exists(absent) {
			opts.allow.pattern = pattern
		}
	}
	return opts, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// runner starts go; tests put a recorded one in its place.
type runner interface {
	list(ctx context.Context, patterns []string) ([]string, error)
	test(ctx context.Context, args []string, out func(io.Reader) error) error
}

type goCommand struct{ errs io.Writer }

func (g goCommand) list(ctx context.Context, patterns []string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list"}, patterns...)...) //nolint:gosec // G204: the caller's package patterns
	cmd.Stderr = g.errs
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages %s: %w", strings.Join(patterns, " "), err)
	}
	return strings.Fields(string(text)), nil
}

// test answers errTests where tests failed, and another error where go test
// itself could not run.
func (g goCommand) test(ctx context.Context, args []string, read func(io.Reader) error) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // G204: our own arguments
	cmd.Stderr = g.errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopGrace
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	readErr := read(pipe)
	waitErr := cmd.Wait()
	if readErr != nil {
		return readErr
	}
	if exit := new(exec.ExitError); errors.As(waitErr, &exit) {
		return errTests
	}
	return waitErr
}

var errTests = errors.New("go test failed")

// run answers whether everything passed and nothing was skipped unallowed.
func run(ctx context.Context, opts options, goes runner, out io.Writer) (bool, error) {
	packages, err := goes.list(ctx, opts.args)
	if err != nil {
		return false, err
	}
	plain, race, left, err := divide(packages, opts)
	if err != nil {
		return false, err
	}
	sum := newSummary(out, opts.allow)
	passed := true
	for _, group := range []struct {
		flags, packages []string
	}{{nil, plain}, {[]string{"-race"}, race}} {
		if len(group.packages) == 0 {
			continue
		}
		args := slices.Concat(group.flags, []string{"-timeout", opts.timeout.String()}, shortFlag(opts), group.packages)
		err := goes.test(ctx, args, sum.read)
		if err != nil && !errors.Is(err, errTests) {
			return false, err
		}
		passed = passed && err == nil
		if ctx.Err() != nil {
			return false, fmt.Errorf("stopped before every test ran: %w", context.Cause(ctx))
		}
	}
	return sum.close(left) && passed, nil
}

func shortFlag(opts options) []string {
	if opts.short {
		return []string{"-short"}
	}
	return nil
}

// divide puts each package into one group. A folder that no package lies in
// is an error: a renamed package must not drop out of the race detector.
func divide(packages []string, opts options) (plain, race, left []string, err error) {
	used := map[string]bool{}
	inFolder := func(pkg string, folders []string) bool {
		for _, folder := range folders {
			if strings.HasSuffix(pkg, "/"+folder) || strings.Contains(pkg+"/", "/"+folder+"/") {
				used[folder] = true
				return true
			}
		}
		return false
	}
	for _, pkg := range packages {
		switch {
		case inFolder(pkg, opts.skip):
			left = append(left, pkg)
		case inFolder(pkg, opts.race):
			race = append(race, pkg)
		default:
			plain = append(plain, pkg)
		}
	}
	for _, folder := range slices.Concat(opts.race, opts.skip) {
		if !used[folder] && slices.Equal(opts.args, []string{"./..."}) {
			return nil, nil, nil, fmt.Errorf("no package lies in %s, which -race or -leave-out names; correct the name in Taskfile.yml", folder)
		}
	}
	if len(plain)+len(race) == 0 {
		return nil, nil, nil, errors.New("no package to test")
	}
	return plain, race, left, nil
}
