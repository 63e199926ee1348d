package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestMain lets the test binary also play another portal process.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "hold-lease" {
		os.Exit(holdLease(os.Args[2]))
	}
	code := m.Run()
	_ = os.RemoveAll(warmParent())
	os.Exit(code)
}

func warmParent() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("embedded-warm-%d", os.Getpid()))
}

// warmCluster makes one cluster per run, for the tests that don't look at its making.
var warmCluster = sync.OnceValues(func() (string, error) {
	if err := errors.Join(os.Mkdir(warmParent(), 0o711), os.Chmod(warmParent(), 0o711)); err != nil {
		return "", err
	}
	dir := filepath.Join(warmParent(), "data")
	lease, err := Open(context.Background(), Options{DataDir: dir})
	if err != nil {
		return "", err
	}
	return dir, lease.Close(context.Background())
})

// warmDir is dataDir with a cluster in it that has run and was stopped.
func warmDir(t *testing.T) string {
	t.Helper()
	warm, err := warmCluster()
	if err != nil {
		t.Fatal(err)
	}
	dir := dataDir(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", warm, dir).CombinedOutput(); err != nil {
		t.Fatalf("copy a cluster: %v: %s", err, out)
	}
	return dir
}

// holdLease opens a lease, says so, and gives it back when its input ends.
func holdLease(dir string) int {
	lease, err := Open(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("ready", lease.Started())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return 1
	}
	if err := lease.Close(context.Background()); err != nil {
		return 1
	}
	return 0
}

type holder struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  string
}

// otherProcess starts a second process and waits until it holds its lease.
func otherProcess(t *testing.T, dir string) *holder {
	t.Helper()
	h := &holder{t: t, cmd: exec.Command(os.Args[0], "hold-lease", dir)} //nolint:noctx // it must outlive the test's context to be killed on purpose
	var err error
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kill() })
	h.said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(h.said, "ready") {
		t.Fatalf("the other process said %q: %v", h.said, err)
	}
	return h
}

func (h *holder) leave() {
	h.t.Helper()
	if err := h.stdin.Close(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.cmd.Wait(); err != nil {
		h.t.Fatalf("the other process: %v", err)
	}
}

// kill is kill -9 and harmless after leave.
func (h *holder) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

// dataDir makes a data folder that the server's user can reach also for root,
// and checks at the end that no server of it is left.
func dataDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "data")
	t.Cleanup(func() {
		if c, err := newCluster(Options{DataDir: dir}); err == nil {
			if pm, err := c.readPostmaster(); err == nil && lookAt(context.Background(), pm.pid, c.dataDir()) == processServer {
				t.Errorf("server %d is left running", pm.pid)
				_ = c.stop(context.Background())
			}
			if _, err := os.Stat(c.socketFolder(os.TempDir())); err == nil {
				if !t.Failed() {
					t.Errorf("socket folder is left behind")
				}
				_ = os.RemoveAll(c.socketFolder(os.TempDir()))
			}
		}
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func open(t *testing.T, opts Options) *Lease {
	t.Helper()
	opts.Logger = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	lease, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLease(t, lease) })
	return lease
}

func closeLease(t *testing.T, lease *Lease) {
	t.Helper()
	if err := lease.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func pidOf(t *testing.T, dir string) int {
	t.Helper()
	c, err := newCluster(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	pm, err := c.readPostmaster()
	if err != nil {
		t.Fatal(err)
	}
	return pm.pid
}

func running(pid int, dir string) bool {
	return lookAt(context.Background(), pid, filepath.Join(dir, "postgres")) == processServer
}

func TestFirstLeaseStartsAndLastStops(t *testing.T) {
	dir := dataDir(t)
	first := open(t, Options{DataDir: dir, Durable: true})
	if !first.Started() {
		t.Error("the first lease did not start the server")
	}
	if got := query(t, first.DSN(), "SELECT current_user || ' ' || current_database()"); got != "portal portal" {
		t.Errorf("user and database = %q", got)
	}
	pid := pidOf(t, dir)
	begun := time.Now()
	second := otherProcess(t, dir)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("attaching took %v", took)
	}
	if second.said != "ready false\n" {
		t.Errorf("the second process said %q", second.said)
	}
	closeLease(t, first)
	if !running(pid, dir) {
		t.Fatal("the server stopped while another process held a lease")
	}
	second.leave()
	if running(pid, dir) {
		t.Fatal("the server outlived its last lease")
	}
	begun = time.Now()
	again := open(t, Options{DataDir: dir, Durable: true})
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("the second start took %v", took)
	}
	if !again.Started() {
		t.Error("the next lease did not start the server again")
	}
}

func TestLeasesOfOneProcess(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	a := open(t, Options{DataDir: dir})
	b := open(t, Options{DataDir: dir})
	if b.Started() || a.DSN() != b.DSN() {
		t.Errorf("the second lease did not attach: %q, %q", a.DSN(), b.DSN())
	}
	pid := pidOf(t, dir)
	closeLease(t, a)
	closeLease(t, a) // a second Close does nothing
	if !running(pid, dir) {
		t.Fatal("one lease closed twice stopped the server of the other")
	}
	closeLease(t, b)
	if running(pid, dir) {
		t.Error("the server outlived its last lease")
	}
}

func TestManyProcessesAtOnce(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	const n = 6
	type result struct {
		lease *Lease
		err   error
	}
	results := make(chan result, n)
	for range n {
		go func() {
			lease, err := Open(context.Background(), Options{DataDir: dir})
			results <- result{lease, err}
		}()
	}
	started := 0
	done := make(chan error, n)
	for range n {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		if r.lease.Started() {
			started++
		}
		go func() { done <- r.lease.Close(context.Background()) }()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if started < 1 {
		t.Errorf("%d leases started the server", started)
	}
}

func TestOrphanIsAdopted(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	other := otherProcess(t, dir)
	pid := pidOf(t, dir)
	other.kill()
	if !running(pid, dir) {
		t.Fatal("the server died with its portal")
	}
	lease := open(t, Options{DataDir: dir})
	if lease.Started() || pidOf(t, dir) != pid {
		t.Error("the orphan was not adopted")
	}
	if got := query(t, lease.DSN(), "SELECT 'answers'"); got != "answers" {
		t.Error(got)
	}
	closeLease(t, lease)
	if running(pid, dir) {
		t.Error("the adopted server was not stopped by the last lease")
	}
}

func TestServerIgnoresCtrlC(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	open(t, Options{DataDir: dir})
	pid := pidOf(t, dir)
	group, err := syscall.Getpgid(pid)
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the server shares the process group that a terminal's Ctrl-C reaches")
	}
}

// The children of a killed server may outlive it for a moment: the next start waits for them.
func TestStartWaitsForAKilledServersChildren(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	open(t, Options{DataDir: dir})
	pid := pidOf(t, dir)
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil || len(strings.Fields(string(list))) == 0 {
		t.Fatal("no children", err)
	}
	child, err := strconv.Atoi(strings.Fields(string(list))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Kill(child, syscall.SIGSTOP), syscall.Kill(pid, syscall.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	for i := 0; running(pid, dir) && i < 200; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	time.AfterFunc(time.Second, func() { _ = syscall.Kill(child, syscall.SIGCONT) })
	next := open(t, Options{DataDir: dir})
	if !next.Started() || query(t, next.DSN(), "SELECT 'back'") != "back" {
		t.Error("the server does not work again")
	}
}

func TestKilledServerRecovers(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	lease := open(t, Options{DataDir: dir, Durable: true})
	query(t, lease.DSN(), "WITH x AS (SELECT 1) SELECT count(*)::text FROM x")
	pid := pidOf(t, dir)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for i := 0; running(pid, dir) && i < 200; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	next := open(t, Options{DataDir: dir, Durable: true})
	if !next.Started() {
		t.Error("the crashed server was not started again")
	}
	if got := query(t, next.DSN(), "SELECT 'back'"); got != "back" {
		t.Error(got)
	}
}

func TestLostSocketIsRepaired(t *testing.T) {
	t.Parallel()
	dir := warmDir(t)
	other := otherProcess(t, dir)
	pid := pidOf(t, dir)
	other.kill()
	c, err := newCluster(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.socketFolder(os.TempDir())); err != nil { // as a cleaner of temporary files does
		t.Fatal(err)
	}
	lease := open(t, Options{DataDir: dir})
	if !lease.Started() || running(pid, dir) {
		t.Error("the unreachable server was not replaced")
	}
}

func TestStalePidFile(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"another program's number": fmt.Sprintf("%d\n/nowhere\n1\n5432\n/nowhere\n\n  1 2\nready   \n", os.Getpid()),
		"a number nobody has":      "999999999\n/nowhere\n1\n5432\n/nowhere\n\n  1 2\nready   \n",
		"empty":                    "",
		"damaged":                  "\x00\x00\x00",
	}
	dir := warmDir(t)
	closeLease(t, open(t, Options{DataDir: dir}))
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := newCluster(Options{DataDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.pidFile(), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := c.owner.own(c.pidFile()); err != nil {
				t.Fatal(err)
			}
			lease := open(t, Options{DataDir: dir})
			if !lease.Started() {
				t.Error("not started")
			}
			closeLease(t, lease)
		})
	}
}

func TestCopiedFolderDoesNotReachTheOriginal(t *testing.T) {
	t.Parallel()
	dir, copied := warmDir(t), warmDir(t)
	original := open(t, Options{DataDir: dir})
	query(t, original.DSN(), "SELECT 'x'")
	closeLease(t, open(t, Options{DataDir: copied}))
	c, err := newCluster(Options{DataDir: copied})
	if err != nil {
		t.Fatal(err)
	}
	pidFile, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(c.pidFile(), pidFile, 0o600), c.owner.own(c.pidFile())); err != nil {
		t.Fatal(err)
	}
	second := open(t, Options{DataDir: copied})
	if second.DSN() == original.DSN() || !second.Started() {
		t.Errorf("the copy attached to the original's server")
	}
}

func TestInterruptedInit(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres.init-123", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres.init-123", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	lease := open(t, Options{DataDir: dir})
	query(t, lease.DSN(), "SELECT 'works'")
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres.init-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A portal killed with kill -9 anywhere in its first start leaves a folder that
// the next start brings up.
func TestKilledDuringFirstStart(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{30, 200, 600, 1000} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			dir := dataDir(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "hold-lease", dir)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = in.Close() }()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after * time.Millisecond)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			lease := open(t, Options{DataDir: dir})
			if got := query(t, lease.DSN(), "SELECT 'works'"); got != "works" {
				t.Error(got)
			}
		})
	}
}

func TestCancelledOpenLeavesNothing(t *testing.T) {
	t.Parallel()
	for after := time.Duration(0); after < 2400; after += 150 { // through every step of a start, on quick and slow machines
		dir := dataDir(t)
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		lease, err := Open(ctx, Options{DataDir: dir})
		cancel()
		if err == nil {
			closeLease(t, lease)
			continue
		}
		if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "killed") {
			t.Errorf("after %d ms: %v", after, err)
		}
	}
}
