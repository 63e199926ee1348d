package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthportal/app/jobs"
	"healthportal/store/storetest"
)

func TestFailTurnsErrorsIntoExitCodes(t *testing.T) {
	held := fmt.Errorf("job sync-reports: %w", jobs.ErrHeld)
	for name, c := range map[string]struct {
		err  error
		code int
		line string
	}{
		"done":                {nil, 0, ""},
		"failed":              {errors.New("the disk is full"), 1, "portal: the disk is full\n"},
		"told already":        {errReported, 1, ""},
		"told already, deep":  {fmt.Errorf("import: %w", errReported), 1, ""},
		"usage":               {usageError{errors.New("no role \"king\"")}, 2, "portal: no role \"king\"\n"},
		"usage, deep":         {fmt.Errorf("user add: %w", usageError{errors.New("x")}), 2, "portal: user add: x\n"},
		"held":                {held, 3, "portal: " + held.Error() + "\n"},
		"held, and a failure": {errors.Join(held, errors.New("release")), 3, "release"},
		"cancelled":           {context.Canceled, 1, "portal: interrupted; what was finished is kept, run the command again for the rest\n"},
	} {
		var out bytes.Buffer
		if code := fail(&out, c.err); code != c.code || !strings.Contains(out.String(), c.line) || (c.line == "") != (out.Len() == 0) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", name, code, out.String(), c.code, c.line)
		}
	}
}

// closed is an output whose reader went away.
type closed struct{}

// Write fails as a pipe without a reader does.
func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// What nobody could read is a failure: scripts would take an empty answer for the truth.
func TestPrintingToAClosedOutput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if err := os.Mkdir(filepath.Join(dir, "reports"), 0o750); err != nil {
		t.Fatal(err)
	}
	write("reports/one.html", "<!doctype html><title>One</title>")
	env := []string{"DATABASE_URL=" + storetest.Open(t).DSN(), "PORTAL_DATA=" + filepath.Join(dir, "data"), "PORTAL_KEYS=" + filepath.Join(dir, "keys"), "LOG_LEVEL=error",
		"GENOMICS_MANIFEST=" + write("manifest.yaml", "version: 1\nsite: {name: Test}\nreports: [{name: r, root: reports, include: [\"**/*.html\"], settle: 0s}]\n")}
	events := write("empty.ndjson", "")
	for _, command := range []string{"version", "migrate", "user add ada --role ops", "user list", "user list --json", "ranges list", "ranges list --json", "user enrol-link ada", "user roles ada --role analyst", "user disable ada", "user enable ada",
		"import events " + events, "import events --json " + events, "sync-reports", "sync-reports --json", "refresh-views", "cleanup-sessions",
		"verify", "verify --json"} {
		t.Run(command, func(t *testing.T) {
			var errs bytes.Buffer
			code := Run(t.Context(), Process{Args: strings.Fields(command), Env: env, Stdin: strings.NewReader(""), Stdout: closed{}, Stderr: &errs})
			if code != exitFailed || !strings.Contains(errs.String(), "broken pipe") {
				t.Errorf("exit code %d, %q; want 1 and why", code, errs.String())
			}
			if code := Run(t.Context(), Process{Args: strings.Fields(command), Env: env, Stdin: strings.NewReader(""), Stdout: closed{}, Stderr: closed{}}); code == exitDone {
				t.Error("with both outputs closed it says done")
			}
		})
	}
}

func TestProgressElsewhereThanOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.show("at once")
	if out.Len() != 0 {
		t.Errorf("short work printed %q", out.String())
	}
	p.last = time.Now().Add(-plainEvery)
	p.show("1 of 3")
	p.show("2 of 3")
	p.last = time.Now().Add(-plainEvery)
	p.show("3 of 3")
	p.done()
	if got := out.String(); got != "1 of 3\n3 of 3\n" {
		t.Errorf("printed %q", got)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // not written
	if newProgress(file).terminal {
		t.Error("a file is taken for a terminal")
	}
	p = newProgress(closed{})
	p.last = time.Time{}
	p.show("nobody reads this") // progress that can't be shown is no failure
	p.done()
}

func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := &progress{w: &out, terminal: true}
	p.done()
	if out.Len() != 0 {
		t.Errorf("nothing was shown, and yet %q is cleared", out.String())
	}
	p.show("a long line")
	p.show("left out: the last one was just now")
	p.last = time.Time{}
	p.show("short")
	p.done()
	if got, want := out.String(), "\ra long line\rshort      \r     \r"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestClosingKeepsTheFirstError(t *testing.T) {
	first := errors.New("first")
	r := &run{ctx: t.Context(), Process: Process{Stderr: &bytes.Buffer{}}}
	r.cfg.DatabaseURL, r.cfg.DataDir = storetest.Open(t).DSN(), filepath.Join(t.TempDir(), "data")
	p, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	err = first
	if closing(p, &err); !errors.Is(err, first) {
		t.Errorf("the error is now %v", err)
	}
}
