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
)

// machine is what setup sees and changes of the computer it runs on.
type machine interface {
	lookPath(name string) (string, error)
	glob(pattern string) []string
	output(ctx context.Context, name string, args ...string) (string, error)
	run(ctx context.Context, env []string, name string, args ...string) error
	readFile(path string) ([]byte, error)
	writeFile(path string, content []byte) error
	root() bool
}

type thisMachine struct{ out, errs io.Writer }

func (thisMachine) lookPath(name string) (string, error) { return exec.LookPath(name) }

func (thisMachine) glob(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil // only a malformed pattern fails, and ours are constants
	}
	return found
}

func (thisMachine) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: programs that setup itself names
	var errs bytes.Buffer
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w %s", err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(string(text)), nil
}

func (m thisMachine) run(ctx context.Context, env []string, name string, args ...string) error {
	fmt.Fprintf(m.out, "setup: %s %s\n", name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: programs that setup itself names
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Stdout, cmd.Stderr = m.out, m.errs
	return cmd.Run()
}

func (thisMachine) readFile(path string) ([]byte, error) { return os.ReadFile(path) } //nolint:gosec // G304: constant paths

func (thisMachine) writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // G301: a folder of /etc is readable for all
		return err
	}
	return os.WriteFile(path, content, 0o644) //nolint:gosec // G306: a file of /etc is readable for all
}

func (thisMachine) root() bool { return os.Geteuid() == 0 }
