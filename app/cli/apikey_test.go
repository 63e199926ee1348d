package cli_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestAPIKeys(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "m.weber", "--role", "clinician").want(t, 0)
	r := o.run("apikey", "add", "--user", "m.weber", "--scope", "events.read", "--scope", "reports.read", "--expires", "90d", "--name", "nightly export").want(t, 0)
	if !regexp.MustCompile(`^hp_[a-z2-7]{16}_[0-9A-Za-z]{43}\n$`).MatchString(r.out) || r.errOut != "" {
		t.Fatalf("printed %q and %q", r.out, r.errOut)
	}
	key, id := strings.TrimSpace(r.out), r.out[3:19]
	list := o.run("apikey", "list").want(t, 0, id, "nightly export", "m.weber", "events.read,reports.read", "live", "never")
	if strings.Contains(list.out, key[20:]) {
		t.Error("the list holds the secret")
	}
	var keys []map[string]any
	asJSON := o.run("apikey", "list", "--json").want(t, 0)
	if err := json.Unmarshal([]byte(asJSON.out), &keys); err != nil || len(keys) != 1 || keys[0]["id"] != id || keys[0]["state"] != "live" || keys[0]["last_used"] != nil ||
		strings.Contains(asJSON.out, key[20:]) {
		t.Fatalf("%v: %s", err, asJSON.out)
	}
	expires, err := time.Parse(time.RFC3339Nano, keys[0]["expires"].(string))
	if left := time.Until(expires); err != nil || left < 89*24*time.Hour || left > 90*24*time.Hour {
		t.Errorf("expires %v, %v", expires, err)
	}
	o.run("apikey", "revoke", id).want(t, 0, "The API key "+id+" is revoked.")
	o.run("apikey", "revoke", id).want(t, 0, "is revoked")
	o.run("apikey", "list").want(t, 0, "revoked")
	o.logged("key.add", "done", id, `"scopes":["events.read","reports.read"]`)
	o.logged("key.revoke", "done", id, "os_user")
	// A whole key that leaked is taken, and not repeated.
	leaked := strings.TrimSpace(o.run("apikey", "add", "--user", "m.weber", "--scope", "events.read", "--expires", "1h").want(t, 0).out)
	if r := o.run("apikey", "revoke", leaked).want(t, 0, leaked[3:19]); strings.Contains(r.out+r.errOut, leaked[20:]) {
		t.Error("the secret is printed again")
	}
}

// logged fails the test unless the audit log has such an entry of a command.
func (o *office) logged(kind, outcome, subject, detail string) {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(o.t.Context()) //nolint:errcheck // the database is dropped next
	var n int
	err = conn.QueryRow(o.t.Context(), `SELECT count(*) FROM audit.entry WHERE kind = $1 AND outcome = $2 AND subject = $3 AND route LIKE 'command apikey %'
		AND strpos(detail, $4) > 0`, kind, outcome, subject, detail).Scan(&n)
	if err != nil || n == 0 {
		o.t.Errorf("the log has no %s %s of %s with %s (%v)", outcome, kind, subject, detail, err)
	}
}

// The last day ends at midnight of the site's zone, Europe/Berlin here.
func TestAPIKeyLastDay(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "m.weber", "--role", "analyst").want(t, 0)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	last := time.Now().In(berlin).AddDate(0, 1, 0)
	r := o.run("apikey", "add", "--user", "m.weber", "--scope", "events.read", "--scope", "reports.read", "--expires", last.Format(time.DateOnly)).want(t, 0)
	if !strings.Contains(r.errOut, "do not grant events.read now") || !strings.HasPrefix(r.out, "hp_") || strings.Count(r.out, "\n") != 1 {
		t.Errorf("printed %q and %q", r.out, r.errOut)
	}
	want := time.Date(last.Year(), last.Month(), last.Day()+1, 0, 0, 0, 0, berlin).UTC().Format(time.RFC3339)
	o.run("apikey", "list").want(t, 0, want)
	o.run("apikey", "list", "--json").want(t, 0, `"expires": "`+want+`"`)
}

func TestAPIKeyRefused(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "m.weber", "--role", "clinician").want(t, 0)
	o.run("user", "add", "g.gone", "--role", "clinician").want(t, 0)
	o.run("user", "disable", "g.gone").want(t, 0)
	add := func(user, scope, expires string, more ...string) []string {
		return append([]string{"apikey", "add", "--user", user, "--scope", scope, "--expires", expires}, more...)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"nothing", []string{"apikey", "add"}, 2, "--user"},
		{"no expiry", []string{"apikey", "add", "--user", "m.weber", "--scope", "events.read"}, 2, "--expires"},
		{"unknown scope", add("m.weber", "users.manage", "90d"), 2, "patients.read, events.read, reports.read"},
		{"odd expiry", add("m.weber", "events.read", "next year"), 2, "YYYY-MM-DD"},
		{"past", add("m.weber", "events.read", "2020-01-01"), 2, "dead already"},
		{"too long", add("m.weber", "events.read", "367d"), 2, "at most 366 days"},
		{"odd name", add("m.weber", "events.read", "90d", "--name", "a\nb"), 2, "--name"},
		{"nobody", add("nobody", "events.read", "90d"), 1, "there is nobody of that name"},
		{"disabled", add("g.gone", "events.read", "90d"), 1, "there is nobody of that name"},
		{"no id", []string{"apikey", "revoke"}, 2, "<id>"},
		{"odd id", []string{"apikey", "revoke", "' OR 1=1"}, 2, "no id of an API key"},
		{"unknown id", []string{"apikey", "revoke", strings.Repeat("a", 16)}, 1, "there is no API key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := o.run(c.args...).want(t, c.code, c.text); strings.Contains(r.out, "hp_") {
				t.Errorf("printed %q", r.out)
			}
		})
	}
	if r := o.run("apikey", "list", "--json").want(t, 0); strings.TrimSpace(r.out) != "[]" {
		t.Errorf("a refused key was stored: %s", r.out)
	}
	o.logged("key.add", "failed", "", "os_user")
	away := run(t.Context(), []string{"DATABASE_URL=postgres:///x?host=/nonexistent"}, "", "apikey", "list").want(t, 1, "portal: ")
	if away.out != "" {
		t.Errorf("printed %q", away.out)
	}
}
