package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	poll       = 15 * time.Millisecond
	startLimit = 10 * time.Minute // crash recovery of a large cluster takes its time
	deafLimit  = 5 * time.Second  // a live server whose socket folder was cleaned away
	damageWait = time.Second
	stopLimit  = 2 * time.Minute
	// orphanLimit is how long the children of a killed server may take to notice.
	orphanLimit = 10 * time.Second
)

// ensure returns the running server, starting one where none is. The caller
// holds the start lock.
func (c *cluster) ensure(ctx context.Context) (pm postmaster, started bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var deafSince time.Time
	for {
		pm, err := c.readPostmaster()
		var reach error
		if err == nil && pm.socketDir != "" {
			if reach = c.ping(ctx, pm.socketDir); reach == nil {
				c.log.DebugContext(ctx, "attached to the running embedded database", "pid", pm.pid)
				return pm, false, c.ensureDatabase(ctx, pm.socketDir)
			}
		}
		if !c.serverAlive(ctx, pm, err) {
			return c.startAfter(ctx, !errors.Is(err, fs.ErrNotExist))
		}
		if !deaf(reach) {
			deafSince = time.Time{}
		} else if deafSince.IsZero() {
			deafSince = time.Now()
		} else if time.Since(deafSince) > deafLimit {
			c.log.WarnContext(ctx, "the embedded database runs but its socket is gone; restarting it", "pid", pm.pid)
			if err := c.stop(ctx); err != nil {
				return postmaster{}, false, err
			}
			continue
		}
		if err := sleep(ctx, poll); err != nil {
			return postmaster{}, false, fmt.Errorf("%w: the server in %s (process %d) runs but does not answer; see %s: %w",
				ErrStart, c.dataDir(), pm.pid, c.logFile(), with(err, reach))
		}
	}
}

// startAfter starts the server. Where one was killed, its children hold its
// memory until they notice, and a new server refuses to start beside them.
func (c *cluster) startAfter(ctx context.Context, killed bool) (postmaster, bool, error) {
	for until := time.Now().Add(orphanLimit); ; {
		pm, err := c.start(ctx)
		if err == nil {
			return pm, true, nil
		}
		if !killed || !errors.Is(err, errEnded) || time.Now().After(until) || sleep(ctx, 10*poll) != nil {
			return postmaster{}, false, err
		}
	}
}

// deaf reports whether nobody listens at the socket, as opposed to a server that
// is still busy starting.
func deaf(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// serverAlive reports whether postmaster.pid names a living server of this
// cluster. It removes a file that is damaged or whose number has passed to
// another process: the server itself would refuse to start over it.
func (c *cluster) serverAlive(ctx context.Context, pm postmaster, readErr error) bool {
	if errors.Is(readErr, fs.ErrNotExist) {
		return false
	}
	state := processOther // a damaged file, as a loss of power leaves it
	if readErr == nil {
		state = lookAt(ctx, pm.pid, c.dataDir())
	} else if sleep(ctx, damageWait) != nil {
		return true // no time to judge: the caller's wait ends with ctx
	} else if _, err := c.readPostmaster(); err == nil {
		return true // it was being written
	}
	if state == processOther {
		c.log.InfoContext(ctx, "removing a stale postmaster.pid")
		if err := os.Remove(c.pidFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.log.WarnContext(ctx, "a stale postmaster.pid can't be removed", "error", err)
		}
	}
	return state == processServer
}

// start creates the cluster where needed, starts its server and waits until it answers.
func (c *cluster) start(ctx context.Context) (postmaster, error) {
	version, err := c.clusterVersion()
	if err != nil {
		return postmaster{}, err
	}
	inst, err := findInstallation(ctx, c.binDir, c.owner, version)
	if err != nil {
		return postmaster{}, err
	}
	if err := c.checkReach(ctx, inst); err != nil {
		return postmaster{}, err
	}
	if version == 0 {
		if err := c.create(ctx, inst); err != nil {
			return postmaster{}, err
		}
	}
	socketDir, err := c.makeSocketFolder()
	if err != nil {
		return postmaster{}, err
	}
	begun := time.Now()
	pm, err := c.launch(ctx, inst, socketDir)
	if err != nil {
		return postmaster{}, with(err, c.removeSocketFolder(socketDir))
	}
	c.log.InfoContext(ctx, "embedded database started", "pid", pm.pid, "postgresql", inst.major,
		"took", time.Since(begun).Round(time.Millisecond).String())
	return pm, nil
}

// checkReach tries whether the server's user can enter the data folder.
func (c *cluster) checkReach(ctx context.Context, inst installation) error {
	if !c.owner.switches() {
		return nil
	}
	if _, err := output(ctx, inst.program("postgres"), c.root, c.owner, "--version"); err != nil {
		obstacle := c.obstacle(c.root)
		if obstacle == "" {
			obstacle = c.root
		}
		return fmt.Errorf("%w: user %s, who runs the database for root, can't pass %s on the way to %s; run `chmod o+x %s` or set PORTAL_DATA to another folder: %w",
			ErrNotTraversable, c.owner.name, obstacle, c.root, obstacle, err)
	}
	return nil
}

// launch starts the server process and waits until its database can be used.
func (c *cluster) launch(ctx context.Context, inst installation, socketDir string) (postmaster, error) {
	logFile, from, err := c.openLog()
	if err != nil {
		return postmaster{}, err
	}
	defer logFile.Close() //nolint:errcheck // the server has its own handle, nothing of ours is written
	args := []string{"-D", c.dataDir()}
	for _, s := range settings(socketDir, c.durable) {
		args = append(args, "-c", s)
	}
	// Not CommandContext: the server outlives this call, and often this process.
	cmd := exec.Command(inst.program("postgres"), args...) //nolint:gosec,noctx // the program is the server that the operator installed
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", childEnv(), c.owner.attributes()
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return postmaster{}, fmt.Errorf("%w: %w", ErrStart, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()

	err = c.awaitReady(ctx, socketDir, exited)
	if err == nil {
		err = c.ensureDatabase(ctx, socketDir)
	}
	if err == nil {
		return postmaster{pid: cmd.Process.Pid, socketDir: socketDir}, nil
	}
	cause := c.causeInLog(from)
	abandon(cmd.Process, exited)
	return postmaster{}, fmt.Errorf("%w in %s: %s; see %s: %w", ErrStart, c.dataDir(), cause, c.logFile(), err)
}

func (c *cluster) awaitReady(ctx context.Context, socketDir string, exited chan error) error {
	for {
		pingErr := c.ping(ctx, socketDir)
		if pingErr == nil {
			return nil
		}
		select {
		case err := <-exited:
			exited <- err // for abandon
			return with(errEnded, err)
		case <-ctx.Done():
			return with(ctx.Err(), pingErr)
		case <-time.After(poll):
		}
	}
}

var errEnded = errors.New("the server ended before it answered")

// abandon stops a server that did not come up, at last by force.
func abandon(p *os.Process, exited <-chan error) {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := p.Signal(sig); err != nil {
			return // it has ended
		}
		select {
		case <-exited: //nolint:errcheck // how it ended does not matter
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// stop shuts the server down (PostgreSQL's fast mode) and waits until it has
// gone. The caller holds the start lock. Nothing running is no error.
func (c *cluster) stop(ctx context.Context) error {
	pm, err := c.readPostmaster()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStop, err)
	}
	if lookAt(ctx, pm.pid, c.dataDir()) != processServer {
		return c.removeSocketFolder(pm.socketDir)
	}
	begun := time.Now()
	if err := syscall.Kill(pm.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%w: process %d: %w", ErrStop, pm.pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	for lookAt(ctx, pm.pid, c.dataDir()) == processServer {
		if err := sleep(ctx, poll); err != nil {
			return fmt.Errorf("%w: process %d of %s is shutting down but still busy; the next start waits for it: %w", ErrStop, pm.pid, c.dataDir(), err)
		}
	}
	c.log.InfoContext(ctx, "embedded database stopped", "pid", pm.pid, "took", time.Since(begun).Round(time.Millisecond).String())
	return c.removeSocketFolder(pm.socketDir)
}

// removeSocketFolder removes the folder that a server used, if it is one of this
// package's making.
func (c *cluster) removeSocketFolder(dir string) error {
	if filepath.Base(dir) != filepath.Base(c.socketFolder(os.TempDir())) {
		return nil
	}
	err := os.Remove(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil // a socket file that a crash left is replaced at the next start
	}
	return fmt.Errorf("%w: %w", ErrSocketDir, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
