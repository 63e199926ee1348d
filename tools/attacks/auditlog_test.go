package attacks

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Defence: an export runs in a context that ends with its reader, and any error
// on the way cuts the connection instead of ending the file.
func TestAttack48_ExportCutOff(t *testing.T) {
	w := newClinic(t)
	privacy := w.as("privacy")
	const rows = 200_000
	w.exec("INSERT INTO audit.entry (chain, seq, at, kind, outcome, detail, mac_key, hash) SELECT 'bulk', n, now() - interval '1 hour', 'sign-in', 'done', repeat('x', 200), 'k', "+
		"decode(repeat('00', 32), 'hex') FROM generate_series(1, $1::bigint) n", rows)
	path := "/admin/audit/export.csv"
	busy := func() int {
		return one[int](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND (state LIKE 'idle in transaction%' OR state = 'active' AND query NOT LIKE '%LISTEN%') AND application_name LIKE 'portal%'")
	}
	w.eventually("a quiet database", func() bool { return busy() == 0 })
	// begin starts an export that its reader takes slowly.
	begin := func() *line {
		t.Helper()
		l := w.dial()
		if tcp, ok := l.conn.(*net.TCPConn); ok {
			if err := tcp.SetReadBuffer(4096); err != nil {
				t.Fatal(err)
			}
		}
		l.send(w.ask("GET "+path+" HTTP/1.1", "Cookie: "+cookieName+"="+privacy.cookie))
		if _, err := io.ReadFull(l.in, make([]byte, 4000)); err != nil {
			t.Fatal(err)
		}
		w.eventually("the export's query", func() bool { return busy() > 0 })
		return l
	}
	for range 5 { // more than may run at once: each frees what it held
		l := begin()
		if err := l.conn.Close(); err != nil {
			t.Fatal(err)
		}
		w.eventually("the end of the export's query after its reader has left", func() bool { return busy() == 0 })
	}
	// The database dies in the middle: the reader sees a broken transfer, not a short file.
	l := w.dial()
	if tcp, ok := l.conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	l.send(w.ask("GET "+path+" HTTP/1.1", "Cookie: "+cookieName+"="+privacy.cookie))
	res, err := http.ReadResponse(l.in, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the export began with %v, %v", res, err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	w.eventually("the export's query", func() bool { return busy() > 0 })
	w.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND application_name LIKE 'portal%'")
	text, err := io.ReadAll(res.Body)
	if err == nil {
		t.Errorf("after the database's end the file of %d bytes looks complete, trailers %v", len(text), res.Trailer)
	}
	for _, sum := range res.Trailer {
		if len(sum) > 0 {
			t.Errorf("a broken export proves itself: %v", res.Trailer)
		}
	}
	// A whole one proves itself.
	w.eventually("a whole export", func() bool {
		whole, err := privacy.send(http.MethodGet, path, nil)
		return err == nil && whole.status == http.StatusOK && strings.Count(whole.body, "\r\n") > rows
	})
	w.eventually("both ends on record", func() bool {
		return w.entries("audit.export", "failed") > 0 && one[int](w, "SELECT count(*) FROM audit.entry WHERE kind = 'audit.export' AND outcome = 'done' AND detail LIKE '%sha256%'") > 0
	})
}

// finding is one of `audit verify --json`.
type finding struct {
	Kind    string `json:"kind"`
	Chain   string `json:"chain"`
	Seq     int64  `json:"seq"`
	Through int64  `json:"through"`
	Text    string `json:"text"`
}

// verifyAudit runs the verifier.
func (w *clinic) verifyAudit() (code int, found []finding) {
	w.t.Helper()
	code, out, errs := w.try("audit", "verify", "--json")
	var rep struct {
		Rows     int       `json:"rows"`
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		w.t.Fatalf("audit verify printed %q %q: %v", out, errs, err)
	}
	if rep.Rows == 0 {
		w.t.Fatal("nothing was verified")
	}
	return code, rep.Findings
}

// Defence: the chain of keyed hashes, and signed heads outside the database.
func TestAttack53_TamperedAuditLog(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	for range 12 {
		ada.get("/patients/" + a.public).want(http.StatusOK)
	}
	w.stop()
	chain := one[string](w, "SELECT chain FROM audit.entry WHERE kind = 'patient.view' LIMIT 1")
	n := one[int64](w, "SELECT max(seq) FROM audit.entry WHERE chain = $1", chain)
	row := one[int64](w, "SELECT min(seq) + 3 FROM audit.entry WHERE chain = $1 AND kind = 'patient.view'", chain)
	if code, found := w.verifyAudit(); code != 0 || len(found) > 0 {
		t.Fatalf("untouched: exit code %d, %v", code, found)
	}
	w.headsTampered(chain)
	w.exec("CREATE TABLE audit.kept AS TABLE audit.entry")
	where := fmt.Sprintf(" WHERE chain = '%s' AND seq = ", chain)
	at := where + strconv.FormatInt(row, 10)
	for _, c := range []struct {
		name, sql, kind string
		seq             int64
	}{
		{"who", "UPDATE audit.entry SET user_id = user_id + 1" + at, "edited", row},
		{"whom", "UPDATE audit.entry SET person_id = 0" + at, "edited", row},
		{"when", "UPDATE audit.entry SET at = at - interval '1 microsecond'" + at, "edited", row},
		{"outcome", "UPDATE audit.entry SET outcome = 'denied'" + at, "edited", row},
		{"detail", "UPDATE audit.entry SET detail = detail || ' '" + at, "edited", row},
		{"a border between fields", "UPDATE audit.entry SET route = substr(route, 2), subject = subject || substr(route, 1, 1)" + at, "edited", row},
		{"the hash", "UPDATE audit.entry SET hash = decode(repeat('ab', 32), 'hex')" + at, "edited", row},
		{"the key's name", "UPDATE audit.entry SET mac_key = 'other'" + at, "", row},
		{"a row deleted", "DELETE FROM audit.entry" + at, "deleted", row},
		{"the first row deleted", "DELETE FROM audit.entry" + where + "1", "deleted", 1},
		{"two rows swapped", fmt.Sprintf("UPDATE audit.entry SET seq = CASE seq WHEN %d THEN -%d ELSE -%d END + 100000 WHERE chain = '%s' AND seq IN (%d, %d)", row, row+1, row, chain, row, row+1), "moved", row},
		{"the last row cut off", "DELETE FROM audit.entry" + where + strconv.FormatInt(n, 10), "cut off", n},
		{"five rows cut off", fmt.Sprintf("DELETE FROM audit.entry WHERE chain = '%s' AND seq > %d", chain, n-5), "cut off", n - 4},
		{"the whole chain", fmt.Sprintf("DELETE FROM audit.entry WHERE chain = '%s'", chain), "chain missing", 0},
		// Last: the verifier's own record takes the log's ends as it finds them, this one too.
		{"a row inserted at the end", fmt.Sprintf("INSERT INTO audit.entry SELECT chain, %d, at, kind, outcome, user_id, roles, session_id, key_id, person_id, subject, route, request_id, address, detail, mac_key, hash FROM audit.kept%s", n+1, at), "inserted", n + 1},
	} {
		w.exec(c.sql)
		if strings.HasPrefix(c.name, "two rows") {
			w.exec("UPDATE audit.entry SET seq = 100000 - seq WHERE seq > 90000")
		}
		code, found := w.verifyAudit()
		if code != 1 || !names(found, c.kind, chain, c.seq) {
			t.Errorf("%s: exit code %d, %+v; want row %d of %s %s", c.name, code, found, c.seq, chain, c.kind)
		}
		w.exec("DELETE FROM audit.entry WHERE chain = $1", chain)
		w.exec("INSERT INTO audit.entry SELECT * FROM audit.kept WHERE chain = $1", chain)
		if code, found := w.verifyAudit(); code != 0 && c.kind != "inserted" {
			t.Fatalf("%s, undone: exit code %d, %v", c.name, code, found)
		}
	}
	// Nobody but the owner can do any of it.
	for _, role := range []string{"hp_app", "hp_audit", "hp_research"} {
		for _, sql := range []string{"UPDATE audit.entry SET detail = ''", "DELETE FROM audit.entry", "TRUNCATE audit.entry"} {
			w.exec("SET ROLE " + role)
			_, err := w.db.Exec(t.Context(), sql)
			w.exec("RESET ROLE")
			if err == nil {
				t.Errorf("%s may %s", role, sql)
			}
		}
	}
}

// names reports whether one finding is about that row; an empty kind stands for any.
func names(found []finding, kind, chain string, seq int64) bool {
	for _, f := range found {
		if (kind == "" || f.Kind == kind) && f.Chain == chain && (f.Seq == seq || seq == 0 || f.Seq <= seq && seq <= f.Through) {
			return true
		}
	}
	return false
}

// headsTampered damages the signed head of a chain.
func (w *clinic) headsTampered(chain string) {
	w.t.Helper()
	var file string
	err := filepath.WalkDir(filepath.Join(w.dir, "data"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(filepath.Base(path), chain) {
			file = path
		}
		return err
	})
	if err != nil || file == "" {
		w.t.Fatalf("the head of %s is not found: %v", chain, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		w.t.Errorf("the head's file is %v, %v", info.Mode(), err)
	}
	changed := []byte(strings.Map(func(r rune) rune {
		if r >= '1' && r <= '8' {
			return r + 1
		}
		return r
	}, string(text)))
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if code, found := w.verifyAudit(); code != 1 {
		w.t.Errorf("a forged head: exit code %d, %v", code, found)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}
