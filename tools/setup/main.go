// Command setup installs what the demo or the tests need and don't find. On
// Debian as root it installs by apt-get; elsewhere it ends with the commands
// to run. It never starts a service and never makes a database cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, os.Args[1:], os.Environ(), thisMachine{os.Stdout, os.Stderr}, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// start answers the exit code: 0 all there, 1 something is missing, 2 usage.
func start(ctx context.Context, args, environ []string, m machine, out, errs io.Writer) int {
	flags := flag.NewFlagSet("setup", flag.ContinueOnError)
	flags.SetOutput(errs)
	purpose := flags.String("for", "demo", "what to prepare: `demo` (PostgreSQL, Node) or test (everything)")
	check := flags.Bool("check", false, "only say what is missing; install nothing")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var needs []need
	if err == nil {
		needs, err = needsFor(*purpose, environment(environ))
	}
	if err != nil {
		fmt.Fprintln(errs, "setup:", err)
		return 2
	}
	s := setup{machine: m, out: out, check: *check}
	if err := s.run(ctx, needs); err != nil {
		fmt.Fprintln(errs, "setup:", err)
		return 1
	}
	return 0
}

func environment(environ []string) map[string]string {
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return values
}

type setup struct {
	machine machine
	out     io.Writer
	check   bool
}

// run finds the needs, installs those missing, and finds them again: only
// what is found in the end counts.
func (s setup) run(ctx context.Context, needs []need) error {
	missing, err := s.find(ctx, needs)
	if err != nil || len(missing) == 0 {
		return err
	}
	if s.check {
		return fmt.Errorf("missing: %s", names(missing))
	}
	packages := packagesOf(missing)
	if !s.debian() || !s.machine.root() {
		return fmt.Errorf("missing: %s; install with:\n  %s", names(missing), s.advice(missing, packages))
	}
	if err := s.install(ctx, packages); err != nil {
		return err
	}
	still, err := s.find(ctx, missing)
	if err != nil {
		return err
	}
	if len(still) > 0 {
		return fmt.Errorf("still missing after installing %s: %s; install it by hand and run the task again",
			strings.Join(packages, " "), names(still))
	}
	return nil
}

// find prints one line for each need and answers those that aren't there. A
// need that is there in a wrong version is an error: installing by the same
// package manager would not mend it.
func (s setup) find(ctx context.Context, needs []need) ([]need, error) {
	var missing []need
	var wrong []error
	for _, n := range needs {
		where, err := n.find(ctx, s.machine)
		switch {
		case errors.Is(err, errMissing):
			missing = append(missing, n)
			fmt.Fprintf(s.out, "setup: %s: missing (%s)\n", n.name, n.why)
		case err != nil:
			wrong = append(wrong, fmt.Errorf("%s: %w", n.name, err))
		default:
			fmt.Fprintf(s.out, "setup: %s: %s\n", n.name, where)
		}
	}
	return missing, errors.Join(wrong...)
}

func names(needs []need) string {
	var all []string
	for _, n := range needs {
		all = append(all, n.name)
	}
	return strings.Join(all, ", ")
}

func packagesOf(needs []need) []string {
	var all []string
	for _, n := range needs {
		all = append(all, n.packages...)
	}
	return all
}
