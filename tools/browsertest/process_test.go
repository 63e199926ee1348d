package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKilledPortalRecovers(t *testing.T) {
	c := newClinic(t, manifest)
	c.run(0, "user", "add", "kept", "--role", "admin")
	first := c.serve("serve")
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The orphaned server is adopted, by a command and by the next portal.
	if out := c.run(0, "user", "list"); !strings.Contains(out, "kept") {
		t.Errorf("after kill -9 the list is %q", out)
	}
	c.serve("serve")
}

func TestWithoutPostgresTheErrorNamesTheCommand(t *testing.T) {
	c := newClinic(t, manifest)
	c.env = append(c.env, "PG_BINDIR="+t.TempDir())
	cmd := exec.CommandContext(t.Context(), binary, "serve")
	cmd.Env, cmd.Dir = c.env, c.dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "apt-get install") {
		t.Errorf("want one line with the command that installs PostgreSQL, got:\n%s", out)
	}
}

func TestDeadDatabaseIsStartedAgain(t *testing.T) {
	c := newClinic(t, manifest)
	c.serve("serve")
	text, err := os.ReadFile(filepath.Join(c.dir, "data", "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !strings.Contains(c.servedOutput(), "the embedded database is back"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the database was not started again within a minute")
		}
	}
	for deadline := time.Now().Add(20 * time.Second); !c.ready(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not ready although the database is back")
		}
	}
}
