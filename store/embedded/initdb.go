package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clusterVersion returns the major version that made the cluster, 0 where there is none yet.
func (c *cluster) clusterVersion() (int, error) {
	raw, err := os.ReadFile(filepath.Join(c.dataDir(), "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		if err != nil {
			return 0, fmt.Errorf("%w: %s/PG_VERSION is damaged; restore the folder from a backup", ErrDataDir, c.dataDir())
		}
		return major, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	entries, err := os.ReadDir(c.dataDir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	case len(entries) > 0:
		return 0, fmt.Errorf("%w: %s is not empty and not a PostgreSQL cluster; move it away or set PORTAL_DATA to another folder", ErrDataDir, c.dataDir())
	}
	return 0, nil
}

// create makes the cluster in a folder of its own and renames it when complete,
// so that an interrupted run leaves nothing that looks like a cluster.
func (c *cluster) create(ctx context.Context, inst installation) error {
	if err := c.removeUnfinished(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(c.root, "postgres.init-")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if err := c.owner.own(tmp); err != nil {
		return fmt.Errorf("%w: %w", ErrInit, err)
	}
	begun := time.Now()
	said, err := c.initdb(ctx, inst, tmp, "C.UTF-8")
	if err != nil && ctx.Err() == nil && strings.Contains(said, "locale") {
		// Systems without C.UTF-8 get the C locale: the same order, but only ASCII letters change case.
		c.log.WarnContext(ctx, "this system has no locale C.UTF-8; searches will not fold the case of letters beyond ASCII")
		said, err = c.initdb(ctx, inst, tmp, "C")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w in %s: initdb: %s: %w", ErrInit, c.dataDir(), lastLine(said), with(err, ctx.Err())), os.RemoveAll(tmp))
	}
	if err := c.moveIn(tmp); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	c.log.InfoContext(ctx, "embedded database created", "postgresql", inst.major, "took", time.Since(begun).Round(time.Millisecond).String())
	return nil
}

func (c *cluster) moveIn(tmp string) error {
	if err := os.Remove(c.dataDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // an empty folder of that name would be in the way
	}
	if err := os.Rename(tmp, c.dataDir()); err != nil {
		return err
	}
	dir, err := os.Open(c.root)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// removeUnfinished clears what an interrupted initdb left.
func (c *cluster) removeUnfinished() error {
	left, err := filepath.Glob(filepath.Join(globEscape(c.root), "postgres.init-*"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			// An initdb that outlived its killed portal may still be writing: the next start clears it.
			c.log.Warn("an unfinished database folder can't be removed yet", "error", err)
		}
	}
	return nil
}

// globEscape keeps the user's folder name from being read as a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (c *cluster) initdb(ctx context.Context, inst installation, dir, locale string) (said string, err error) {
	args := []string{"-D", dir, "-U", userName, "--encoding=UTF8", "--locale=" + locale,
		"--auth-local=trust", "--auth-host=reject", "--data-checksums", "--no-instructions"}
	if !c.durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, inst.program("initdb"), args...) //nolint:gosec // the program is the server that the operator installed
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", childEnv(), c.owner.attributes()
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	return out.String(), err
}

// lastLine picks the line that names the cause.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.Contains(lines[i], "error:") || strings.Contains(lines[i], "FATAL:") {
			return strings.TrimSpace(lines[i])
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
