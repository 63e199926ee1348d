package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// programs are the tools that stand for the limits.
type programs struct {
	psql, pgbench, find, sha256sum string
}

// findPrograms looks for psql and pgbench beside the server, because those in
// PATH may be wrappers or of another version, and for the rest in PATH.
func findPrograms(bin string) (programs, error) {
	var p programs
	for _, want := range []struct {
		name   string
		path   *string
		advice string
	}{
		{"psql", &p.psql, "install it with `apt-get install postgresql` or name its folder in PG_BINDIR"},
		{"pgbench", &p.pgbench, "install it with `apt-get install postgresql` or name its folder in PG_BINDIR"},
		{"find", &p.find, "install it with `apt-get install findutils`"},
		{"sha256sum", &p.sha256sum, "install it with `apt-get install coreutils`"},
	} {
		found, err := exec.LookPath(filepath.Join(bin, want.name))
		if err != nil {
			found, err = exec.LookPath(want.name)
		}
		if err != nil {
			return programs{}, fmt.Errorf("no program %s in %s or PATH: %s", want.name, bin, want.advice)
		}
		*want.path = found
	}
	return p, nil
}

// outputs runs a program of the limits with nothing of our environment but env,
// and returns what it prints on its two outputs.
func outputs(ctx context.Context, env []string, program string, args ...string) (out, errs string, err error) {
	var printed bytes.Buffer
	errs, err = execute(ctx, &printed, env, program, args...)
	return printed.String(), errs, err
}

// execute runs a program and returns what it prints on standard error.
func execute(ctx context.Context, out io.Writer, env []string, program string, args ...string) (string, error) {
	_, errs, err := executed(ctx, out, env, program, args...)
	return errs, err
}

// executed is execute, and what the system says of the ended process.
func executed(ctx context.Context, out io.Writer, env []string, program string, args ...string) (*os.ProcessState, string, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the tools found by findPrograms, or this program
	var errs bytes.Buffer
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}, env...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, &errs, 2*time.Second
	if err := cmd.Run(); err != nil {
		return cmd.ProcessState, errs.String(), fmt.Errorf("%s: %w: %s", filepath.Base(program), err, strings.TrimSpace(errs.String()))
	}
	return cmd.ProcessState, errs.String(), nil
}
