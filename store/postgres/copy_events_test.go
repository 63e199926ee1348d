package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/health/csvguard"
	"healthportal/store/postgres"
)

// exported is a CSV export by column name, held to RFC 4180.
func (c *clinic) exported(f health.EventFilter) (rows []map[string]string, raw string) {
	c.t.Helper()
	var b bytes.Buffer
	n, err := c.db.ExportEvents(c.t.Context(), access.One(f.Person), f, health.ExportCSV, &b, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	rows = readCSV(c.t, b.Bytes())
	if n != int64(len(rows)) {
		c.t.Errorf("%d rows are said, %d are there", n, len(rows))
	}
	return rows, b.String()
}

// readCSV reads a file with a header. encoding/csv turns CRLF inside cells into LF, so that
// this looks at line ends itself.
func readCSV(t *testing.T, b []byte) []map[string]string {
	t.Helper()
	cells, quoted := [][]string{{}}, false
	var cell strings.Builder
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; {
		case quoted && ch == '"' && i+1 < len(b) && b[i+1] == '"':
			cell.WriteByte('"')
			i++
		case ch == '"':
			quoted = !quoted
		case !quoted && (ch == ',' || ch == '\r'):
			last := &cells[len(cells)-1]
			*last = append(*last, cell.String())
			cell.Reset()
			if ch == ',' {
				continue
			}
			if i++; i >= len(b) || b[i] != '\n' {
				t.Fatal("a CR without LF")
			}
			cells = append(cells, nil)
		case !quoted && ch == '\n':
			t.Fatal("a line ends without CR")
		default:
			cell.WriteByte(ch)
		}
	}
	if len(cells[len(cells)-1]) != 0 || quoted {
		t.Fatal("the last line has no end")
	}
	var rows []map[string]string
	for _, line := range cells[1 : len(cells)-1] {
		if len(line) != len(cells[0]) {
			t.Fatalf("%d cells, the header has %d: %q", len(line), len(cells[0]), line)
		}
		row := map[string]string{}
		for i, name := range cells[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// odd are texts that break careless writers.
func odd() []string {
	return []string{"plain", "=1+1", "-1+1", "+49", "@SUM(A1)", "'quoted", "''", `say "x"`, "a,b;c", "one\r\ntwo", "\n", "\r", "\t=1", "  =1", "\u00a0@x", "\u200b=1", "\ufeff-2",
		"\uff1d1", "\u2212x", `\.`, `\`, `a\nb`, "µg", "(x)", "%", "\u0001=1", "\x02", "ä\u0301", "😀", "\ufffd=1", "NULL", "\"", "", " x ", "\U000e0001=1", strings.Repeat("x", 5000)}
}

func TestExportIsTheTable(t *testing.T) {
	c := newClinic(t)
	c.load(scattered() + obs("b", "2026-01-30T12:00:00Z", "77"))
	c.load(obs("a", "2026-01-30T12:00:00Z", "99", `"id":"s25"`) + obs("a", "2026-01-28T12:00:00Z", "", `"id":"s26"`, `"status":"entered-in-error"`))
	a := c.person("a")
	day := func(month time.Month, dom int) health.Day { return health.Day{Year: 2026, Month: month, Dom: dom} }
	var zero health.Day
	for _, metric := range []string{"", "heart_rate", "body_temperature", "nonsense'; --", `\'`} {
		for _, days := range [][2]health.Day{{zero, zero}, {day(1, 30), zero}, {zero, day(1, 30)}, {day(1, 30), day(1, 30)}, {day(5, 1), day(6, 1)}} {
			f := health.EventFilter{Person: a, Metric: metric, From: days[0], To: days[1], Size: 200}
			p := c.page(f)
			rows, _ := c.exported(f)
			if len(rows) != p.Total || len(rows) != len(p.Events) {
				t.Fatalf("metric %q, days %v: %d rows, the table says %d", metric, days, len(rows), p.Total)
			}
			for i, e := range p.Events {
				if v, err := strconv.ParseFloat(rows[i]["value"], 64); err != nil || v != e.Value || rows[i]["metric"] != e.Metric || rows[i]["local_day"] != e.Day.String() {
					t.Errorf("row %d is %v, the table has %+v", i, rows[i], e)
				}
			}
			var lines bytes.Buffer
			n, err := c.db.ExportEvents(t.Context(), access.One(a), f, health.ExportNDJSON, &lines, nil)
			if err != nil || n != int64(p.Total) || strings.Count(lines.String(), "\n") != p.Total+1 {
				t.Errorf("NDJSON has %d rows, %v", n, err)
			}
		}
	}
	// Size and cursors are a page's, not a file's.
	p := c.page(health.EventFilter{Person: a, Size: 5})
	if rows, _ := c.exported(health.EventFilter{Person: a, Size: 5, After: p.Older}); len(rows) != p.Total {
		t.Errorf("%d rows of %d", len(rows), p.Total)
	}
}

// Every text comes back from its cell, none is a formula, and numbers stay numbers.
func TestExportOfOddTexts(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	c.exec(`SET ROLE hp_owner`)
	for i, text := range odd() {
		c.exec(`INSERT INTO health.source (name) VALUES ('s-' || $1)`, text)
		c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value_text, orig_value, orig_unit, flag, external_id, group_id, code_system, code, source_id, dedupe, value)
			SELECT $1, 1, timestamptz '2026-03-02 10:00Z' + $2 * interval '1 second', NULL, $3, $3, $3, $3, $3, $3, $3, $3, s.id, decode(md5($2::text), 'hex'), -$2::float8 / 3 FROM health.source s WHERE name = 's-' || $3`,
			int64(a), i, text)
	}
	rows, raw := c.exported(health.EventFilter{Person: a, From: health.Day{Year: 2026, Month: 3, Dom: 2}})
	if len(rows) != len(odd()) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, text := range odd() {
		row := rows[len(rows)-1-i]
		for _, name := range []string{"text", "orig_unit", "flag", "external_id", "group", "code_system", "code", "orig_value"} {
			if row[name] != csvguard.Cell(text) {
				t.Errorf("%s: %q became %q, want %q", name, text, row[name], csvguard.Cell(text))
			}
		}
		if row["source"] != "s-"+text {
			t.Errorf("source %q", row["source"])
		}
		if v, err := strconv.ParseFloat(row["value"], 64); err != nil || v != -float64(i)/3 {
			t.Errorf("value %q, want %v", row["value"], -float64(i)/3)
		}
	}
	if !strings.Contains(raw, "\"one\r\ntwo\"") || !strings.Contains(raw, "\"'\n\"") || !strings.Contains(raw, "\"'\r\"") {
		t.Error("line ends inside cells were changed")
	}
	if !strings.Contains(raw, ",-0.3333333333333333,") {
		t.Error("a negative number is not plain")
	}
	var lines bytes.Buffer
	if _, err := c.db.ExportEvents(t.Context(), access.One(a), health.EventFilter{Person: a, From: health.Day{Year: 2026, Month: 3, Dom: 2}}, health.ExportNDJSON, &lines, nil); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("row %d is no JSON: %.200q", i, line)
		}
	}
}

// PostgreSQL guards exactly what csvguard guards, for every character there is.
func TestGuardIsCSVGuard(t *testing.T) {
	c := newClinic(t)
	for _, around := range [][2]string{{"", "x"}, {"", "=1"}, {" \u200b", "-1"}} {
		rows, err := c.conn.Query(t.Context(), postgres.GuardCTE()+`, texts AS (
			SELECT n, $1 || chr(n) || $2 AS x FROM generate_series(1, 1114111) n WHERE n NOT BETWEEN 55296 AND 57343)
			SELECT n FROM texts WHERE `+postgres.Guarded("x")+` <> x`, around[0], around[1])
		if err != nil {
			t.Fatal(err)
		}
		guarded := map[rune]bool{}
		for rows.Next() {
			var n int32
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			guarded[n] = true
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
		wrong := 0
		for n := rune(1); n <= 1114111; n++ {
			text := around[0] + string(n) + around[1]
			if n >= 0xD800 && n <= 0xDFFF || guarded[n] == (csvguard.Cell(text) != text) {
				continue
			}
			if wrong++; wrong < 10 {
				t.Errorf("%q (%x) is guarded: %v", text, n, guarded[n])
			}
		}
	}
}

// Times carry the patient's offset of that time, whatever the database's settings are.
func TestExportOfTimesAndNumbers(t *testing.T) {
	c := newClinic(t)
	name := one[string](c, `SELECT current_database()`)
	for _, setting := range []string{"timezone = 'Asia/Tokyo'", "datestyle = 'German'", "extra_float_digits = -10", "bytea_output = 'escape'", "standard_conforming_strings = off", "backslash_quote = off"} {
		c.exec(`ALTER DATABASE "` + name + `" SET ` + setting)
	}
	db, err := postgres.Open(t.Context(), c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c.db = db
	c.load(obs("a", "2026-03-28T23:30:00.123456Z", "0.1", `"id":"w"`) + obs("a", "2026-03-29T01:30:00Z", "1e-7", `"id":"s"`) + obs("a", "2025-10-26T01:30:00Z", "12345678.9", `"id":"o"`))
	a := c.person("a")
	c.exec(`UPDATE health.person SET timezone = 'Europe/Berlin' WHERE id = $1`, int64(a))
	c.exec(`SET ROLE hp_owner`)
	tenth := 0.1
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), tenth + 2*tenth, math.MaxFloat64, 5e-324} {
		c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, local_day, value, source_id, dedupe, tz_offset_min, whole_days)
			VALUES ($1, 1, timestamptz '1890-01-01 10:00Z' + $2 * interval '1 second', '1890-01-02 10:00Z', NULL, $3, 1, decode(md5($2::text), 'hex'), 60, true)`, int64(a), i, v)
	}
	rows, _ := c.exported(health.EventFilter{Person: a})
	want := [][2]string{{"2026-03-29T03:30:00+02:00", "1e-07"}, {"2026-03-29T00:30:00.123456+01:00", "0.1"}, {"2025-10-26T02:30:00+01:00", "12345678.9"},
		{"1890-01-01T10:53:33+00:53:28", "5e-324"}, {"1890-01-01T10:53:32+00:53:28", "1.7976931348623157e+308"}, {"1890-01-01T10:53:31+00:53:28", "0.30000000000000004"},
		{"1890-01-01T10:53:30+00:53:28", "-0"}, {"1890-01-01T10:53:29+00:53:28", "Infinity"}, {"1890-01-01T10:53:28+00:53:28", "NaN"}}
	for i, w := range want {
		if rows[i]["effective"] != w[0] || rows[i]["value"] != w[1] {
			t.Errorf("row %d: %q %q, want %q", i, rows[i]["effective"], rows[i]["value"], w)
		}
	}
	if last := rows[8]; last["effective_end"] != "1890-01-02T10:53:28+00:53:28" || last["source_offset_minutes"] != "60" || last["whole_days"] != "true" ||
		last["local_day"] != "1890-01-01" || rows[0]["whole_days"] != "false" || rows[0]["effective_end"] != "" || rows[0]["version"] != "1" {
		t.Errorf("%v", last)
	}
	if p := rows[0]["person"]; p != one[string](c, `SELECT public_id FROM health.person WHERE id = $1`, int64(a)) {
		t.Errorf("person %q", p)
	}
}

// Defence: row security holds for COPY as for pages.
func TestExportKeepsToItsScope(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "61"))
	a, b := c.person("a"), c.person("b")
	for _, scope := range []access.Scope{{}, access.One(b)} {
		var out bytes.Buffer
		n, err := c.db.ExportEvents(t.Context(), scope, health.EventFilter{Person: a}, health.ExportCSV, &out, nil)
		if err != nil || n != 0 || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Errorf("scope %v: %d rows, %v", scope, n, err)
		}
	}
	var out bytes.Buffer
	c.exec(`UPDATE health.person SET record_number = '-7' WHERE id = $1`, int64(b))
	n, err := c.db.ExportEveryone(t.Context(), health.EventFilter{}, health.ExportCSV, &out, nil)
	rows := readCSV(t, out.Bytes())
	if err != nil || n != 2 || rows[1]["record_number"] != "'-7" || rows[1]["value"] != "61" || rows[0]["value"] != "60" {
		t.Errorf("everybody: %d, %v, %v", n, rows, err)
	}
}

// fewBytes takes some rows and then fails.
type fewBytes struct{ left int }

var errLeft = errors.New("the reader left")

// Write fails once nothing is left.
func (f *fewBytes) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errLeft
	}
	return len(p), nil
}

// many inserts n rows of a person.
func (c *clinic) many(person health.PersonID, n int) {
	c.t.Helper()
	c.exec(`SET ROLE hp_owner`)
	c.exec(`SELECT health.ensure_partitions('2020-01-01', '2026-12-31')`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, unit_id, orig_value, source_id, dedupe, external_id, code_system, code)
		SELECT $1, 1, at, (at AT TIME ZONE 'UTC')::date, 60 + i % 50 / 7.0, 1, '-1.50', 1, decode(md5(i::text), 'hex'), 'id-' || i, 'http://loinc.org', '8867-4'
		FROM (SELECT i, timestamptz '2020-01-01Z' + i * interval '1 minute' AS at FROM generate_series(1, $2::int) i) t`, int64(person), n)
	c.exec(`INSERT INTO health.event_identity (person_id, source_id, ext, slot, version, dedupe, effective_at, event_id)
		SELECT person_id, source_id, encode(substring(sha256(convert_to(external_id, 'UTF8')) FOR 16), 'hex')::uuid, '', 1, dedupe, effective_at, id FROM health.event WHERE external_id LIKE 'id-%'`)
	c.exec(`RESET ROLE`) // who else runs what is hidden from hp_owner
}

// backends counts the portal's connections that copy.
func (c *clinic) backends() int {
	c.t.Helper()
	return one[int](c, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %' AND state <> 'idle' AND pid <> pg_backend_pid()`)
}

// waitForNone waits until no backend copies any more.
func (c *clinic) waitForNone() {
	c.t.Helper()
	for range 300 {
		if c.backends() == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Error("a backend still copies")
}

func TestExportEndsWithItsReader(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	c.many(a, 50_000)
	f := health.EventFilter{Person: a}
	if _, err := c.db.ExportEvents(t.Context(), access.One(a), f, health.ExportCSV, &fewBytes{100_000}, nil); !errors.Is(err, errLeft) {
		t.Errorf("a reader who leaves: %v", err)
	}
	c.waitForNone()
	ctx, cancel := context.WithCancel(t.Context())
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := c.db.ExportEvents(ctx, access.One(a), f, health.ExportNDJSON, pw, func(int64) { cancel() })
		done <- err
	}()
	go io.Copy(io.Discard, pr) //nolint:errcheck // whatever comes
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ends: %v", err)
	}
	c.waitForNone()
	// The backend dies: what was written is no whole file, and says so.
	var rows int64
	n, err := c.db.ExportEvents(t.Context(), access.One(a), f, health.ExportCSV, io.Discard, func(n int64) {
		if rows = n; n == 1000 {
			one[bool](c, `SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND datname = current_database() AND pid <> pg_backend_pid()`)
		}
	})
	if err == nil || n >= 50_001 || rows == 0 {
		t.Errorf("a dead backend: %d rows, %v", n, err)
	}
	// The pool lives on.
	if n, err := c.db.ExportEvents(t.Context(), access.One(a), f, health.ExportCSV, io.Discard, nil); err != nil || n != 50_001 {
		t.Errorf("afterwards: %d rows, %v", n, err)
	}
}

// Rows come in the order of the index: nothing is sorted, so that the first ones leave at once.
func TestExportIsNotSorted(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	c.many(a, 50_000)
	c.exec(`ANALYZE health.event, health.event_identity`)
	for _, f := range []health.EventFilter{{Person: a}, {Person: a, Metric: "heart_rate"}, {Person: a, From: health.Day{Year: 2020, Month: 1, Dom: 5}}} {
		plan := c.db.ExplainExport(t, access.One(a), f, health.ExportCSV)
		if strings.Contains(plan, "Sort Method") || strings.Contains(plan, "Hash Join") {
			t.Errorf("%+v:\n%s", f, plan)
		}
		// NDJSON sorts what has the same time, and rows of whole days, of which there are none.
		plan = c.db.ExplainExport(t, access.One(a), f, health.ExportNDJSON)
		for _, line := range strings.Split(plan, "\n") {
			if strings.Contains(line, "->  Sort (") && !strings.Contains(line, "(actual rows=0 ") && !strings.Contains(line, "(actual rows=1 ") || strings.Contains(line, "Disk:") {
				t.Errorf("%+v: %s", f, line)
			}
		}
		if !strings.Contains(plan, "Presorted Key: e.effective_at") || !strings.Contains(plan, "AND (ext = ") {
			t.Errorf("%+v:\n%s", f, plan)
		}
	}
}
