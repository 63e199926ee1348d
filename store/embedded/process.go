package embedded

import (
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

// postmaster is what postmaster.pid says about a server.
type postmaster struct {
	pid       int
	socketDir string // "" while the server is still writing the file
}

// readPostmaster reads the cluster's postmaster.pid. The error wraps
// fs.ErrNotExist where there is none.
func (c *cluster) readPostmaster() (postmaster, error) {
	raw, err := os.ReadFile(c.pidFile())
	if err != nil {
		return postmaster{}, err
	}
	return parsePostmaster(string(raw))
}

// parsePostmaster knows the lines: pid, data folder, start time, port, socket
// folder, listen address, shared memory key, status.
func parsePostmaster(s string) (postmaster, error) {
	lines := strings.Split(s, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return postmaster{}, fmt.Errorf("postmaster.pid does not begin with a process id")
	}
	pm := postmaster{pid: pid}
	if len(lines) > 5 { // the line is complete only when another follows
		pm.socketDir = lines[4]
	}
	return pm, nil
}

func (c *cluster) pidFile() string { return filepath.Join(c.dataDir(), "postmaster.pid") }

// processState tells whose process a number in postmaster.pid is.
type processState int

const (
	processGone   processState = iota // no process has the number
	processOther                      // another program, another cluster, or a zombie
	processServer                     // this cluster's server
)

// lookAt examines a process. The server's working folder is its data folder.
func lookAt(ctx context.Context, pid int, dataDir string) processState {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return processGone
	}
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		return lookAtProc(proc, dataDir)
	}
	return lookAtPs(ctx, pid, dataDir)
}

func lookAtProc(proc, dataDir string) processState {
	stat, err := os.ReadFile(filepath.Join(proc, "stat")) //nolint:gosec // a process of /proc, by its number
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return processGone
	}
	// The state letter follows the program's name, which may hold brackets itself.
	if i := strings.LastIndexByte(string(stat), ')'); i >= 0 && len(stat) > i+2 && strings.ContainsRune("ZX", rune(stat[i+2])) {
		return processOther
	}
	cwd, err := os.Stat(filepath.Join(proc, "cwd"))
	if err != nil {
		return processOther
	}
	want, err := os.Stat(dataDir)
	if err != nil || !os.SameFile(cwd, want) {
		return processOther
	}
	return processServer
}

// lookAtPs serves systems without /proc. The data folder stands on the server's command line.
func lookAtPs(ctx context.Context, pid int, dataDir string) processState {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "stat=,args=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	if err != nil {
		return processGone
	}
	line := strings.TrimSpace(string(out))
	if strings.HasPrefix(line, "Z") || !strings.Contains(line, "postgres") || !strings.Contains(line, dataDir) {
		return processOther
	}
	return processServer
}
