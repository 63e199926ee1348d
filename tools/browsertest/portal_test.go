package browsertest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	binary   string
	shotsDir = flag.String("screenshots", "", "folder for screenshots of each page at 320, 768 and 1440 px, light and dark")
)

const root = "../.."

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "portal-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	for _, need := range []string{"static/vendor/pdfjs", "static/node_modules/axe-core/axe.min.js"} {
		if _, err := os.Stat(filepath.Join(root, need)); err != nil {
			fmt.Fprintf(os.Stderr, "%s is missing: run `go tool task assets`\n", need)
			return 1
		}
	}
	binary = filepath.Join(dir, "portal")
	build := exec.Command("go", "build", "-o", binary, "./app") //nolint:noctx // bounded by go test's own timeout
	build.Dir, build.Stdout, build.Stderr = root, os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the portal:", err)
		return 1
	}
	return m.Run()
}

// clinic is one portal with a data folder of its own.
type clinic struct {
	t      *testing.T
	dir    string
	origin string
	env    []string
	// readyWithin is how long serve waits for the portal.
	readyWithin time.Duration
}

// newClinic prepares a portal that isn't running yet.
func newClinic(t *testing.T, manifest string) *clinic {
	t.Helper()
	// t.TempDir is closed to the user that the embedded PostgreSQL runs as.
	dir, err := os.MkdirTemp("", "portal-clinic-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // a temporary folder
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	c := &clinic{t: t, dir: dir, readyWithin: time.Minute, origin: fmt.Sprintf("http://localhost:%d", port)}
	file := c.write("manifest.yaml", strings.ReplaceAll(manifest, "DIR", dir))
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !strings.HasPrefix(name, "PORTAL_") && name != "DATABASE_URL" && name != "HP_DSN" && name != "REDIS_URL" {
			c.env = append(c.env, e)
		}
	}
	c.env = append(c.env, "PORTAL_DATA="+filepath.Join(dir, "data"), "PORTAL_KEYS="+filepath.Join(dir, "keys"), "GENOMICS_MANIFEST="+file,
		fmt.Sprintf("PORTAL_ADDR=127.0.0.1:%d", port), "PORTAL_ORIGIN="+c.origin)
	return c
}

// write puts a file below the clinic's folder and returns its path.
func (c *clinic) write(name, text string) string {
	c.t.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return file
}

// run runs a portal command and returns its standard output.
func (c *clinic) run(wantCode int, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), binary, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = c.env, &out, &errs, c.dir
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != wantCode {
		c.t.Fatalf("portal %s: %v, want exit code %d\n%s%s", strings.Join(args, " "), err, wantCode, out.String(), errs.String())
	}
	return out.String()
}

// enrolLink returns the URL of an "enrol <role> <url>" line.
func (c *clinic) enrolLink(role, out string) string {
	c.t.Helper()
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "enrol" && words[1] == role {
			return words[2]
		}
	}
	c.t.Fatalf("no line \"enrol %s <url>\" in %q", role, out)
	return ""
}

// serve starts `portal serve` (or another serving command) and waits until it
// is ready. The returned process is ended at the test's end.
func (c *clinic) serve(args ...string) *exec.Cmd {
	c.t.Helper()
	log, err := os.Create(filepath.Join(c.dir, "serve.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(binary, args...) //nolint:noctx // ended by stop below
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = c.env, log, log, c.dir
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	c.t.Cleanup(func() {
		stop(c.t, cmd, exited)
		log.Close() //nolint:errcheck // written by the child only
		if c.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			c.t.Logf("log of the portal:\n%s", text)
		}
	})
	for deadline := time.Now().Add(c.readyWithin); ; {
		select {
		case err := <-exited:
			exited <- err
			c.t.Fatalf("the portal ended: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		if c.ready() {
			return cmd
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the portal is not ready in time")
		}
	}
}

func stop(t *testing.T, cmd *exec.Cmd, exited chan error) {
	t.Helper()
	cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	select {
	case <-exited: //nolint:errcheck // ended by a signal on purpose
	case <-time.After(30 * time.Second):
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		t.Error("the portal did not stop within 30 seconds")
	}
}

func (c *clinic) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+"/readyz", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close() //nolint:errcheck // read below
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}
