package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/cli"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// office is an environment for commands: a database of its own, a data folder
// and a manifest with one report root.
type office struct {
	t   *testing.T
	dir string
	dsn string
	env []string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), dsn: storetest.Open(t).DSN()}
	o.write("manifest.yaml", `version: 1
site: {name: Test Office, timezone: Europe/Berlin}
database:
  dsn_env: DATABASE_URL
  tables:
    - {name: health.person, sample: "SELECT count(*) FROM health.person"}
reports:
  - {name: reports, root: `+filepath.Join(o.dir, "reports")+`, include: ["**/*.html"], settle: 0s}
`)
	o.write("reports/one.html", "<!doctype html><title>One report</title><p>Text.</p>")
	o.env = []string{"DATABASE_URL=" + o.dsn, "PORTAL_DATA=" + filepath.Join(o.dir, "data"), "PORTAL_KEYS=" + filepath.Join(o.dir, "keys"),
		"GENOMICS_MANIFEST=" + filepath.Join(o.dir, "manifest.yaml"), "LOG_LEVEL=error"}
	return o
}

func (o *office) write(name, text string) string {
	o.t.Helper()
	file := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return file
}

// outcome is what a command printed and its exit code.
type outcome struct {
	code        int
	out, errOut string
}

func (o *office) run(args ...string) outcome {
	o.t.Helper()
	return run(o.t.Context(), o.env, "", args...)
}

func run(ctx context.Context, env []string, stdin string, args ...string) outcome {
	var out, errs bytes.Buffer
	code := cli.Run(ctx, cli.Process{Args: args, Env: env, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs})
	return outcome{code, out.String(), errs.String()}
}

func (r outcome) want(t *testing.T, code int, texts ...string) outcome {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nout: %s\nerr: %s", r.code, code, r.out, r.errOut)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.errOut, text) {
			t.Errorf("the output lacks %q\nout: %s\nerr: %s", text, r.out, r.errOut)
		}
	}
	return r
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		env  []string
		args []string
		code int
		text string
	}{
		{nil, []string{"version"}, 0, "portal"},
		{nil, []string{"--help"}, 0, "sync-reports"},
		{nil, []string{"import", "events", "--help"}, 0, "--create-persons"},
		{nil, nil, 2, "expected"},
		{nil, []string{"fly"}, 2, "fly"},
		{nil, []string{"user", "add"}, 2, "--role"},
		{nil, []string{"sync-reports", "--nonsense"}, 2, "nonsense"},
		{nil, []string{"user", "add", "x", "--role", "king"}, 2, "clinician"},
		{nil, []string{"user", "roles", "x"}, 2, "--role"},
		{nil, []string{"user", "roles", "x", "--role", ""}, 2, "at least one role"},
		{nil, []string{"user", "enrol-link"}, 2, "name"},
		{nil, []string{"user", "add", "x", "--role", "ops", "--team", " "}, 2, "care team"},
		{[]string{"PORTAL_ADRR=x"}, []string{"version"}, 2, "PORTAL_ADDR"},
		{[]string{"HP_API_KEY=x"}, []string{"version"}, 2, "apikey"},
		{[]string{"PORTAL_ORIGIN=http://10.0.0.1"}, []string{"serve"}, 2, "PORTAL_ORIGIN"},
		{[]string{"DATABASE_URL=postgres:///x?host=/nonexistent"}, []string{"migrate"}, 1, "portal: "},
		{nil, []string{"import", "events", "/nonexistent.ndjson"}, 1, "/nonexistent.ndjson"},
	} {
		t.Run(strings.Join(append(c.env, c.args...), " "), func(t *testing.T) {
			run(t.Context(), append([]string{"PORTAL_DATA=" + t.TempDir()}, c.env...), "", c.args...).want(t, c.code, c.text)
		})
	}
}

// Every command's doc is taken from the grammar, so that documentation can be held to it.
func TestCommandsListsEveryCommand(t *testing.T) {
	docs, err := cli.Commands()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range docs {
		names[d.Name] = d.Help != ""
	}
	for _, want := range []string{"serve", "demo", "migrate", "sync-reports", "import events", "refresh-views", "cleanup-sessions", "verify",
		"user add", "user list", "user roles", "user disable", "user enable", "user enrol-link", "ranges list", "version"} {
		if !names[want] {
			t.Errorf("no command %q with a help text", want)
		}
	}
}

func TestUsers(t *testing.T) {
	o := newOffice(t)
	o.run("migrate").want(t, 0, "up to date")
	r := o.run("user", "add", "m.weber", "--role", "clinician", "--role", "analyst", "--team", "Cardiology", "--display-name", "Dr. Weber").want(t, 0)
	if !regexp.MustCompile(`^enrol clinician\+analyst http://localhost:8080/enrol#[\w-]{43}\n$`).MatchString(r.out) {
		t.Errorf("user add printed %q", r.out)
	}
	o.run("user", "add", "m.weber", "--role", "clinician").want(t, 1, "m.weber")
	o.run("user", "list").want(t, 0, "m.weber", "Dr. Weber", "clinician, analyst", "active")
	var list []struct {
		Name  string   `json:"name"`
		Teams []string `json:"teams"`
		Link  string   `json:"enrolment_link"`
	}
	r = o.run("user", "list", "--json").want(t, 0)
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 1 || list[0].Teams[0] != "Cardiology" || list[0].Link != "unused" {
		t.Errorf("list %+v, error %v", list, err)
	}
	if strings.Contains(r.out, "handle") || strings.Contains(r.out, "Hash") {
		t.Error("the list shows what authenticates")
	}
	o.run("user", "enrol-link", "m.weber").want(t, 0, "enrol clinician+analyst http")
	o.run("user", "enrol-link", "nobody").want(t, 1, "nobody")
	o.run("user", "disable", "m.weber").want(t, 0, "signed out everywhere")
	o.run("user", "list").want(t, 0, "disabled")
	o.run("user", "disable", "nobody").want(t, 1, "nobody")
}

func TestUsersBadInput(t *testing.T) {
	o := newOffice(t)
	for _, c := range []struct{ name, display, words string }{
		{"", "x", "user name \"\""}, {"Ada", "x", "lower-case letters"}, {"a b", "x", "lower-case letters"}, {"ada", " ", "display name"}, {"ada", "a\tb", "display name"},
	} {
		o.run("user", "add", c.name, "--display-name", c.display, "--role", "ops").want(t, 2, c.words)
	}
	o.run("user", "list", "--json").want(t, 0, "[]")
}

func TestUsersOverTime(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "root", "--role", "admin").want(t, 0, "enrol admin ")
	for _, args := range [][]string{{"disable", "root"}, {"roles", "root", "--role", "ops"}} {
		o.run(append([]string{"user"}, args...)...).want(t, 1, "the last administrator who can sign in")
	}
	o.run("user", "add", "zoe", "--role", "ops").want(t, 0)
	o.run("user", "roles", "zoe", "--role", "admin", "--role", "ops").want(t, 0, "zoe is ops, admin now, and signed out everywhere.")
	o.run("user", "disable", "root").want(t, 0, "root is disabled")
	o.run("user", "enrol-link", "root").want(t, 1, "enable the account first")
	o.run("user", "enable", "root").want(t, 0, "root may sign in again")
	o.run("user", "enrol-link", "root", "--end-old").want(t, 0, "enrol admin http")
	for _, args := range [][]string{{"enable", "nobody"}, {"roles", "nobody", "--role", "ops"}} {
		o.run(append([]string{"user"}, args...)...).want(t, 1, "portal user list")
	}
	// Every act is in the audit log, by public ids: no name and no link.
	log := o.run("audit", "export", "--format", "ndjson").want(t, 0, "user.add", "user.roles", "user.disable", "user.enable", "link.make", "command user add", "failed").out
	for _, secret := range []string{"zoe", "/enrol#"} {
		if strings.Contains(log, secret) {
			t.Errorf("the audit log holds %q", secret)
		}
	}
}

// line is a heart-rate Observation.
func line(id, value string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},`+
		`"subject":{"reference":"Patient/a"},"effectiveDateTime":"2026-03-29T10:00:00+02:00","valueQuantity":{"value":%s,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`, id, value)
}

func TestSyncReportsAndVerify(t *testing.T) {
	o := newOffice(t)
	o.run("sync-reports").want(t, 0, "reports: 1 seen: 1 new", "sync-reports: 1 seen")
	o.run("sync-reports", "--json").want(t, 0, `"unchanged": 1`)
	o.run("verify").want(t, 0, "0 problems", "ok       sample health.person: 0", "table health.event", "report root reports")
	o.run("verify", "--json").want(t, 0, `"kind": "policy"`)
	if err := os.Rename(filepath.Join(o.dir, "reports"), filepath.Join(o.dir, "away")); err != nil {
		t.Fatal(err)
	}
	o.run("sync-reports").want(t, 1, "reports")
	o.run("verify").want(t, 1, "PROBLEM  report root reports")
	o.write("manifest.yaml", "version: 1\nsitee: {}\n")
	o.run("sync-reports").want(t, 1, "manifest.yaml", "sitee")
	o.run("verify").want(t, 1, "PROBLEM  manifest")
	o.run("serve").want(t, 1, "manifest.yaml", "sitee")
}

func TestOneRunAtATime(t *testing.T) {
	o := newOffice(t)
	db, err := postgres.Open(t.Context(), o.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.LockJob(t.Context(), "sync-reports")
	if err != nil {
		t.Fatal(err)
	}
	o.run("sync-reports").want(t, 3, "sync-reports")
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.run("sync-reports").want(t, 0)
}

func TestServeAnswersAndStops(t *testing.T) {
	o := newOffice(t)
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	o.env = append(o.env, "PORTAL_ADDR="+addr, "PORTAL_ORIGIN=http://localhost:8080")
	o.run("serve").want(t, 1, addr, "PORTAL_ADDR")
	o.run("demo").want(t, 1, addr)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan outcome, 1)
	go func() { done <- run(ctx, o.env, "", "serve") }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + addr + "/readyz"); err == nil { //nolint:noctx // loopback, bounded by the deadline
			res.Body.Close() //nolint:errcheck // not read
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready")
		}
	}
	cancel()
	(<-done).want(t, 0)
}

func TestDemoKeepsAwayFromRealData(t *testing.T) {
	o := newOffice(t)
	o.env = append(o.env, "PORTAL_ADDR=127.0.0.1:0", "PORTAL_ORIGIN=http://localhost:8080")
	run(t.Context(), o.env, line("1", "60"), "import", "events", "--create-persons", "-").want(t, 0)
	o.run("demo").want(t, 1, "not the demo's")
}
