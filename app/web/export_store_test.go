package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/audit"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// exportClinic is a site on a real database: a clinician with one patient who
// has rows of heart rates, and another patient.
type exportClinic struct {
	*site
	conn       *pgx.Conn
	addr       string
	one, other string
	rows       int
}

func newExportClinic(t *testing.T, rows int) *exportClinic {
	t.Helper()
	test := storetest.Open(t)
	db, err := postgres.Open(t.Context(), test.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := &exportClinic{rows: rows}
	if c.conn, err = pgx.Connect(t.Context(), test.SuperuserDSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.conn.Close(context.Background()) })
	user := c.number(t, `INSERT INTO auth.user_account (name, display_name, handle) VALUES ('ada', 'Ada', decode(repeat(md5('ada'), 4), 'hex')) RETURNING id`)
	for number, into := range map[string]*string{"MRN-1": &c.one, "MRN-2": &c.other} {
		if err := c.conn.QueryRow(t.Context(), `INSERT INTO health.person (public_id, record_number, timezone) VALUES (md5($1), $1, 'Europe/Berlin') RETURNING public_id`, number).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`SET ROLE hp_owner`,
		`INSERT INTO auth.care_team (name) VALUES ('Team')`,
		`INSERT INTO auth.care_team_user (team_id, user_id) SELECT t.id, u.id FROM auth.care_team t, auth.user_account u`,
		`INSERT INTO auth.care_team_person (team_id, person_id) SELECT t.id, p.id FROM auth.care_team t, health.person p WHERE p.record_number = 'MRN-1'`,
		`INSERT INTO health.source (name) VALUES ('lab "A", "B"')`,
		`SELECT health.ensure_partitions('2025-01-01', '2026-03-31')`,
		`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe, value_text)
			SELECT p.id, 1, timestamptz '2025-01-01Z' + i * interval '1 minute', '2025-01-01'::date + ((i + 60) / 1440)::int, 60 + i % 7, s.id, decode(md5(p.id || ' ' || i), 'hex'), CASE WHEN i % 5 = 0 THEN E'=two\nlines' END
			FROM health.person p, health.source s, generate_series(0, ` + strconv.Itoa(rows-1) + `) i WHERE s.name = 'lab "A", "B"'`,
		`INSERT INTO health.event_day (person_id, metric_id, local_day, code_system, code, unit_id, n, n_used)
			SELECT person_id, metric_id, local_day, '', '', 0, count(*), count(*) FROM health.event GROUP BY 1, 2, 3`,
		`TRUNCATE health.event_dirty`,
		`RESET ROLE`, // who else runs what is hidden from hp_owner
	} {
		if _, err := c.conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	c.site = newSite(t, func(d *Deps) {
		d.Patients, d.Series, d.Events, d.Ranges, d.Exports, d.Receipts, d.Emergencies = db, db, db, db, db, db, db
		d.Sessions = namedSessions{map[string]int64{"clinician": user}}
	})
	c.server.cfg.ExportCheckRows = 10_000
	c.addr = c.listening()
	return c
}

func (c *exportClinic) number(t *testing.T, sql string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := c.conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// fetch asks for the file over a real connection.
func (c *exportClinic) fetch(ctx context.Context, format, person, query string) *http.Response {
	c.t.Helper()
	return fetchPath(ctx, c.t, c.addr, "/dashboard/events/export."+format+"?person="+person+query, as("clinician"))
}

const copying = `FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %' AND state <> 'idle' AND pid <> pg_backend_pid()`

// waitForNone waits until no connection of the database copies any more.
func (c *exportClinic) waitForNone() {
	c.t.Helper()
	for range 500 {
		if c.number(c.t, `SELECT count(*) `+copying) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Error("a connection of the database still copies")
}

// waitForReceipt waits for the newest receipt's end and compares it.
func (c *exportClinic) waitForReceipt(outcome string, rows int64, sum string) {
	c.t.Helper()
	var got, hash string
	var n int64
	for range 500 {
		err := c.conn.QueryRow(c.t.Context(), `SELECT outcome, rows, coalesce(encode(sha256, 'hex'), '') FROM ops.export ORDER BY id DESC LIMIT 1`).Scan(&got, &n, &hash)
		if err != nil {
			c.t.Fatal(err)
		}
		if got != "running" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got != outcome || hash != sum || rows >= 0 && n != rows {
		c.t.Errorf("the receipt says %s, %d rows, %q; want %s, %d, %q", got, n, hash, outcome, rows, sum)
	}
}

func TestExportFromTheDatabase(t *testing.T) {
	c := newExportClinic(t, 3000)
	for _, format := range []string{"csv", "ndjson"} {
		for query, want := range map[string]int{"": 3000, "&day=2025-01-02": 1440, "&metric=heart_rate&from=2025-01-03": 3000 - 1380 - 1440, "&metric=glucose": 0} {
			res := c.fetch(t.Context(), format, c.one, query)
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s%s: %d, %v", format, query, res.StatusCode, err)
			}
			sum := sha256.Sum256(body)
			if res.Trailer.Get("X-Row-Count") != strconv.Itoa(want) || res.Trailer.Get("X-Content-SHA256") != hex.EncodeToString(sum[:]) {
				t.Errorf("%s%s: trailers %v, want %d rows", format, query, res.Trailer, want)
			}
			lines := bytes.Count(body, []byte("\r\n"))
			if format == "ndjson" {
				lines = bytes.Count(body, []byte("\n")) - 1 // the last line
				checkLastLine(t, body, want)
			} else if want > 0 && !bytes.Contains(body, []byte("\"'=two\nlines\"")) {
				t.Errorf("a formula in two lines became %.600s", body)
			}
			if lines != want+1 {
				t.Errorf("%s%s: %d lines", format, query, lines)
			}
			c.waitForReceipt("done", int64(want), hex.EncodeToString(sum[:]))
			c.get("/dashboard/events/export?person="+c.one+query, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, things(want))
		}
		if res := c.fetch(t.Context(), format, c.other, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("another's patient: %d", res.StatusCode)
		}
	}
	c.waitForNone()
}

func things(n int) string {
	if n >= 1000 {
		return strconv.Itoa(n/1000) + "," + strconv.Itoa(n)[1:] + " events"
	}
	return strconv.Itoa(n) + " events"
}

// Attack 48: PostgreSQL's process dies on the way. The file is never a short one that looks whole.
func TestExportWhilePostgreSQLDies(t *testing.T) {
	c := newExportClinic(t, 100_000)
	for _, format := range []string{"csv", "ndjson"} {
		res := c.fetch(t.Context(), format, c.one, "")
		if _, err := io.CopyN(io.Discard, res.Body, 100<<10); err != nil {
			t.Fatal(err)
		}
		if n := c.number(t, `SELECT count(pg_terminate_backend(pid)) `+copying); n != 1 {
			t.Fatalf("%d connections copied", n)
		}
		rest, err := io.ReadAll(res.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || res.Trailer.Get("X-Content-SHA256") != "" || bytes.Contains(rest, []byte(`"sha256"`)) {
			t.Errorf("%s: %v, trailers %v", format, err, res.Trailer)
		}
		c.waitForReceipt("failed", -1, "")
		if end := c.ended(); end.Outcome != audit.Failed || !strings.Contains(end.Detail, "cut off") {
			t.Errorf("the end's entry %+v", end)
		}
		c.book.mu.Lock()
		c.book.entries = nil
		c.book.mu.Unlock()
	}
	if res := c.fetch(t.Context(), "csv", c.one, "&day=2025-01-02"); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
}

// Attack 48: a reader who leaves frees the connection of the database.
func TestExportReaderLeaves(t *testing.T) {
	c := newExportClinic(t, 100_000)
	for _, query := range []string{"", "&gzip=1"} {
		ctx, leave := context.WithCancel(t.Context())
		res := c.fetch(ctx, "csv", c.one, query)
		if _, err := io.CopyN(io.Discard, res.Body, 4<<10); err != nil {
			t.Fatal(err)
		}
		if query == "" && c.number(t, `SELECT count(*) `+copying) != 1 {
			t.Error("the export is over before its reader left: more rows are needed")
		}
		leave()
		c.waitForNone()
		c.waitForReceipt("failed", -1, "")
	}
	if end := c.ended(); end.Outcome != audit.Failed {
		t.Errorf("the end's entry %+v", end)
	}
}

// A large export is held nowhere: memory does not grow with it.
func TestExportMemory(t *testing.T) {
	c := newExportClinic(t, 100_000)
	read := func(query string) int64 {
		res := c.fetch(t.Context(), "csv", c.one, query)
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	read("&day=2025-01-02") // what is made once
	var before, at runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := read("")
	runtime.ReadMemStats(&at)
	if n < 10<<20 {
		t.Fatalf("the file has only %d bytes", n)
	}
	// All that was allocated on the way, collected since or not.
	if grown := at.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were allocated for a file of %d", grown, n)
	}
}
