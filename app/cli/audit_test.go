package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/cli"
)

// sql runs a statement as somebody who may do everything.
func (o *office) sql(sql string, args ...any) {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(o.t.Context()) //nolint:errcheck // the database is dropped next
	if _, err := conn.Exec(o.t.Context(), sql, args...); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
}

func TestAuditVerify(t *testing.T) {
	o := newOffice(t)
	o.run("audit", "verify").want(t, 0, "0 rows in 0 chains, 0 signed heads, 0 chains without one; 0 findings", "rows/s")
	o.run("user", "add", "ada", "--role", "ops").want(t, 0)
	o.run("audit", "verify").want(t, 0, "2 chains", "0 findings")
	var said struct {
		Rows, Chains, Heads int
		Total               int     `json:"findings_total"`
		Seconds             float64 `json:"seconds"`
		Findings            []struct {
			Kind, Chain, Text string
			Seq, Through      int64
		}
	}
	verify := func(code int, args ...string) {
		t.Helper()
		r := o.run(append([]string{"audit", "verify", "--json"}, args...)...).want(t, code)
		said.Findings = nil
		if err := json.Unmarshal([]byte(r.out), &said); err != nil {
			t.Fatalf("%v: %s", err, r.out)
		}
	}
	verify(0)
	if said.Total != 0 || said.Chains != 3 || said.Heads != 3 || said.Rows < 8 {
		t.Errorf("%+v", said)
	}
	o.sql(`UPDATE audit.entry SET subject = 'x' WHERE kind = 'user.add'`)
	verify(1)
	if len(said.Findings) != 1 || said.Findings[0].Kind != "edited" || said.Findings[0].Seq != 2 {
		t.Errorf("%+v", said)
	}
	o.run("audit", "verify").want(t, 1, "FINDING  edited: chain "+said.Findings[0].Chain+" row 2: ", "1 findings")
	o.sql(`DELETE FROM audit.entry WHERE chain = $1 AND seq > 1`, said.Findings[0].Chain)
	o.run("audit", "verify").want(t, 1, "FINDING  cut off: chain "+said.Findings[0].Chain+" rows 2-4: ", "3 rows are missing at the end")
	// Heads of another place, and a place where there are none.
	verify(1, "--heads", filepath.Join(o.dir, "data", "audit"))
	if said.Total != 1 {
		t.Errorf("%+v", said)
	}
	o.run("audit", "verify", "--heads", filepath.Join(o.dir, "none")).want(t, 1, "none", "no such file")
	// That it was verified is on record, with what was found.
	o.sql(`DO $$ BEGIN ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'audit.verify' AND detail::jsonb ->> 'findings' = '1') >= 3; END $$`)
}

func TestAuditFindingsOnHeads(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "ada", "--role", "ops").want(t, 0)
	o.write("data/audit/00ff.head", "rubbish")
	o.run("audit", "verify").want(t, 1, "FINDING  head unreadable: the head file 00ff.head was changed or damaged")
}

func TestAuditExport(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "ada", "--role", "ops", "--display-name", "=Ada").want(t, 0)
	o.sql(`INSERT INTO audit.entry (chain, seq, at, kind, outcome, user_id, detail, mac_key, hash)
		SELECT 'old', 1, '2024-12-31 23:30+00', 'user.roles', 'done', id, '=1+1', 'k', decode(repeat('00', 32), 'hex') FROM auth.user_account`)
	r := o.run("audit", "export").want(t, 0, "audit export: ")
	rows, err := csv.NewReader(strings.NewReader(r.out)).ReadAll()
	if err != nil || !strings.HasSuffix(r.out, "\r\n") {
		t.Fatal(err)
	}
	first, last := rows[1], rows[len(rows)-1]
	if rows[0][0] != "at" || first[3] != "audit.export" || !strings.Contains(first[15], `"step":"begin"`) || last[15] != "'=1+1" || last[6] != "'=Ada" {
		t.Errorf("%q ... %q", first, last)
	}
	sum := sha256.Sum256([]byte(r.out))
	if !strings.Contains(r.errOut, hex.EncodeToString(sum[:])) {
		t.Errorf("%q is not the hash of the output", r.errOut)
	}
	// The day is the site's: 23:30 UTC is the new year in Berlin.
	for _, c := range []struct {
		from, to string
		want     int
	}{{"2025-01-01", "2025-01-01", 1}, {"2024-12-31", "2024-12-31", 0}, {"", "2025-01-01", 1}, {"", "2024-12-31", 0}} {
		args := []string{"audit", "export", "--format", "ndjson", "--to", c.to}
		if c.from != "" {
			args = append(args, "--from", c.from)
		}
		out := o.run(args...).want(t, 0).out
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		var receipt struct {
			Rows   int
			SHA256 string
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &receipt); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(strings.TrimSuffix(out, lines[len(lines)-1]+"\n")))
		if receipt.Rows != c.want || len(lines) != c.want+1 || receipt.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%+v: %+v in %q", c, receipt, lines)
		}
	}
	// Begin and end are on record, the end with count and hash.
	out := o.run("audit", "export", "--format", "ndjson").want(t, 0, `\"step\":\"end\"`, hex.EncodeToString(sum[:]), `\"rows\":`, `"route":"command audit export"`).out
	if strings.Contains(out, `"step":"end","`) {
		t.Error("a detail is not a text")
	}
	for _, args := range [][]string{{"--from", "yesterday"}, {"--to", "2026-02-30"}, {"--from", "2026-03-02", "--to", "2026-03-01"}, {"--format", "xlsx"}} {
		o.run(append([]string{"audit", "export"}, args...)...).want(t, 2, args[0])
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space left on device")

// Write fails.
func (full) Write([]byte) (int, error) { return 0, errFull }

// An export that breaks off says so, and is recorded as failed.
func TestAuditExportBreaksOff(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "ada", "--role", "ops").want(t, 0)
	var errs bytes.Buffer
	code := cli.Run(t.Context(), cli.Process{Args: []string{"audit", "export"}, Env: o.env, Stdin: strings.NewReader(""), Stdout: full{}, Stderr: &errs})
	if code != 1 || !strings.Contains(errs.String(), "the export is not complete") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	o.sql(`DO $$ BEGIN ASSERT (SELECT count(*) FROM audit.entry WHERE kind = 'audit.export' AND outcome = 'failed') = 1; END $$`)
}

// What can't be recorded is not done or not shown.
func TestCommandsFailWithTheLog(t *testing.T) {
	o := newOffice(t)
	o.run("user", "add", "ada", "--role", "ops").want(t, 0)
	o.sql(`REVOKE INSERT ON audit.entry FROM hp_audit`)
	for _, args := range [][]string{{"audit", "export"}, {"user", "enrol-link", "ada"}, {"user", "disable", "ada"}} {
		if r := o.run(args...).want(t, 1, "could not be recorded"); r.out != "" {
			t.Errorf("%v printed %q", args, r.out)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r := run(ctx, o.env, "", "audit", "verify").want(t, 1, "could not be recorded"); !strings.Contains(r.out, "0 findings") {
		t.Errorf("verify printed %q", r.out)
	}
}
