package portable

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), storetest.Open(t).SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// oddFloats are numbers on which printers of floats differ.
func oddFloats() []float64 {
	list := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 60, 72.5, 1e-4, 9.9999e-5, 1e-5, 1e14, 999999999999999, 1e15, 1e16, 1e20, 1e21, 1e22, 1e23, 9e23,
		9007199254740991, 9007199254740992, 9007199254740994, 5e-324, 2.2250738585072014e-308, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64,
		1.0 / 3, 2.0 / 3, 4.35, 0.30000000000000004, 5.6843418860808015e-14, 4503599627370497.5, 2251799813685249.25,
		math.NaN(), math.Inf(1), math.Inf(-1)}
	for e := -330; e <= 308; e++ {
		list = append(list, math.Pow(10, float64(e)), 5*math.Pow(10, float64(e)))
	}
	for e := -1074; e <= 1023; e++ {
		f := math.Ldexp(1, e)
		list = append(list, f, math.Nextafter(f, 0), -math.Nextafter(f, math.Inf(1)))
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same rows each time
	for range 20_000 {
		list = append(list, math.Float64frombits(r.Uint64()), math.Round(r.Float64()*1e4)/10, float64(r.Int64()), float64(r.Uint64N(1<<54))*math.Pow(10, float64(r.IntN(24))),
			// Integers of few digits, far above 2^53, are where ties lie.
			float64(1+r.IntN(1000))*math.Pow(10, float64(15+r.IntN(25))))
	}
	return list
}

func TestNumbersAreThoseOfPostgreSQL(t *testing.T) {
	conn := connect(t)
	list := oddFloats()
	var got []string
	err := conn.QueryRow(t.Context(), `SELECT array_agg(to_json(f)::text ORDER BY n) FROM unnest($1::float8[]) WITH ORDINALITY AS x (f, n)`, list).Scan(&got)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, f := range list {
		if mine := string(appendNumber(nil, f)); mine != got[i] {
			if wrong++; wrong < 20 {
				t.Errorf("%b: %s, PostgreSQL prints %s", f, mine, got[i])
			}
		}
	}
	if wrong > 0 || len(got) != len(list) {
		t.Errorf("%d of %d differ", wrong, len(list))
	}
}

func TestTextsAreThoseOfPostgreSQL(t *testing.T) {
	conn := connect(t)
	var list []string
	// Every character of every plane, 200 to a text.
	var b strings.Builder
	for c := rune(1); c <= 0x10FFFF; c++ {
		if c >= 0xD800 && c <= 0xDFFF {
			continue // no characters
		}
		b.WriteRune(c)
		if c%200 == 0 || c == 0x10FFFF {
			list = append(list, b.String())
			b.Reset()
		}
	}
	list = append(list, `"\/`, "a\r\n\tb\b\f\v", "<>&'", "\u2028\u2029\x7f", "e\u0301", "\ufeff")
	rows, err := conn.Query(t.Context(), `SELECT to_json(s)::text FROM unnest($1::text[]) WITH ORDINALITY AS x (s, n) ORDER BY n`, list)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(got) != len(list) {
		t.Fatal(err)
	}
	for i, s := range list {
		var e encoder
		if e.quote(s); e.err != nil || string(e.buf) != got[i] {
			t.Errorf("%.40q: %.60s, PostgreSQL prints %.60s, %v", s, e.buf, got[i], e.err)
		}
	}
}

// generated makes rows that use every member, odd numbers and all planes.
func generated(n int) []Row {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same rows each time
	floats := oddFloats()
	text := func() string {
		if r.IntN(3) == 0 {
			return ""
		}
		var b strings.Builder
		for range 1 + r.IntN(12) {
			c := rune(1 + r.IntN(0x10FFFF))
			switch {
			case c >= 0xD800 && c <= 0xDFFF:
				c = '\\'
			case r.IntN(3) == 0:
				c = rune(1 + r.IntN(0x7f))
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	opt := func() *float64 {
		if r.IntN(2) == 0 {
			return nil
		}
		return &floats[r.IntN(len(floats))]
	}
	rows := make([]Row, n)
	for i := range rows {
		o := &health.Observation{Metric: "heart_rate", Status: health.Final, Source: "s" + text(), ExternalID: text(), Group: text(), Code: text(), CodeSystem: text(),
			Comparator: []string{"", "<", "<=", ">=", ">"}[r.IntN(5)], ValueText: text(), OrigValue: text(), OrigUnit: text(), Unit: text(), RefLow: opt(), RefHigh: opt(), Flag: text(), Device: text()}
		if r.IntN(2) == 0 {
			o.Metric = fmt.Sprintf("loinc:%d", i)
			o.MetricName = text()
		}
		if o.ExternalID != "" {
			o.Slot = text()
		}
		if o.HasValue = o.ValueText == "" || r.IntN(2) == 0; o.HasValue {
			o.Value = floats[r.IntN(len(floats))]
		}
		setTimes(r, o)
		rows[i] = Row{Person: health.Identifier{System: "urn:\u00e4", Value: fmt.Sprintf("P\"%d", r.IntN(3))}, Observation: o}
	}
	return rows
}

func setTimes(r *rand.Rand, o *health.Observation) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(5)) * 6 * time.Hour)
	if r.IntN(4) == 0 {
		at = at.Add(time.Duration(r.IntN(1_000_000)) * time.Microsecond)
	}
	if r.IntN(4) == 0 {
		o.StartDay = health.DayOf(at)
		o.EndDay = o.StartDay.AddDays(r.IntN(3))
		return
	}
	o.EffectiveAt = at
	if r.IntN(3) == 0 {
		o.EffectiveEnd = at.Add(time.Duration(r.IntN(1e9)) * time.Microsecond)
	}
	if o.HasOffset = r.IntN(4) > 0; o.HasOffset {
		o.OffsetMinutes = r.IntN(1681) - 840
	}
}

// store puts the rows into the tables as an import would, on their persons' zone.
func store(t *testing.T, conn *pgx.Conn, rows []Row, zone string) {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var b pgx.Batch
	for n := range rows {
		if rows[n].ExternalID != "" && n%3 == 0 {
			rows[n].Updated = time.Date(2026, 3, 1, 0, 0, n, n%7*1000, time.UTC)
		}
	}
	b.Queue(`INSERT INTO health.metric (code, name, kind, in_catalogue) VALUES ('heart_rate', 'Heart rate', 'vital', true)
		ON CONFLICT (code) DO UPDATE SET in_catalogue = true`)
	for n, row := range rows {
		o := *row.Observation
		o.InZone(loc)
		b.Queue(`INSERT INTO health.person (public_id, timezone) VALUES ($1, $2) ON CONFLICT (public_id) DO NOTHING`, row.Person.Value, zone)
		b.Queue(`INSERT INTO health.person_identifier SELECT $1, $2, id FROM health.person WHERE public_id = $2 ON CONFLICT DO NOTHING`, row.Person.System, row.Person.Value)
		b.Queue(`INSERT INTO health.person_identifier SELECT $1, $2, id FROM health.person WHERE public_id = $2 ON CONFLICT DO NOTHING`, row.Person.System+"z", row.Person.Value)
		b.Queue(`INSERT INTO health.metric (code, name, kind) VALUES ($1, $2, 'other') ON CONFLICT DO NOTHING`, o.Metric, o.MetricName)
		b.Queue(`INSERT INTO health.source (name) VALUES ($1) ON CONFLICT DO NOTHING`, o.Source)
		b.Queue(`INSERT INTO health.unit (ucum) SELECT $1 WHERE $1 <> '' ON CONFLICT DO NOTHING`, o.Unit)
		b.Queue(`INSERT INTO health.device (name) SELECT $1 WHERE $1 <> '' ON CONFLICT DO NOTHING`, o.Device)
		var end *time.Time
		if !o.EffectiveEnd.IsZero() {
			end = &o.EffectiveEnd
		}
		var minutes *int
		if o.HasOffset {
			minutes = &o.OffsetMinutes
		}
		var value *float64
		if o.HasValue {
			value = &o.Value
		}
		b.Queue(`INSERT INTO health.event (id, person_id, metric_id, effective_at, effective_end, tz_offset_min, local_day, whole_days, value, comparator, value_text,
			unit_id, orig_value, orig_unit, ref_low, ref_high, flag, status, source_id, device_id, external_id, group_id, code_system, code, dedupe)
			SELECT $1, p.id, m.id, $4, $5, $6, $7::date, $8, $9, nullif($10, ''), CASE WHEN $9::float8 IS NULL THEN $11 ELSE nullif($11, '') END,
			(SELECT id FROM health.unit WHERE ucum = $12), nullif($13, ''), nullif($14, ''), $15, $16, nullif($17, ''), $18, s.id,
			(SELECT id FROM health.device WHERE name = $20), nullif($21, ''), nullif($22, ''), $23, $24, int8send($1)
			FROM health.person p, health.metric m, health.source s WHERE p.public_id = $2 AND m.code = $3 AND s.name = $19`,
			n+1, row.Person.Value, o.Metric, o.EffectiveAt, end, minutes, o.LocalDay(loc).String(), !o.StartDay.IsZero(), value, o.Comparator, o.ValueText,
			o.Unit, o.OrigValue, o.OrigUnit, o.RefLow, o.RefHigh, o.Flag, string(o.Status), o.Source,
			o.Device, o.ExternalID, o.Group, o.CodeSystem, o.Code)
		if o.ExternalID != "" {
			b.Queue(`INSERT INTO health.event_identity SELECT person_id, source_id, encode($3::bytea, 'hex')::uuid, $2, 1, dedupe, effective_at, id, $4
				FROM health.event WHERE id = $1 ON CONFLICT DO NOTHING`, n+1, o.Slot, func() []byte { k := health.KeyOf(o.ExternalID); return k[:] }(), orNull(o.Updated))
		}
	}
	if err := conn.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func TestLinesAreThoseOfPostgreSQL(t *testing.T) {
	rows := generated(900)
	for _, zone := range []string{"Pacific/Auckland", "America/New_York"} {
		t.Run(zone, func(t *testing.T) {
			conn := connect(t)
			store(t, conn, rows, zone)
			sorted := slices.Clone(rows)
			slices.SortFunc(sorted, func(a, b Row) int {
				order, err := Compare(a, b)
				if err != nil {
					t.Fatal(err)
				}
				return order
			})
			var mine bytes.Buffer
			w := NewWriter(&mine)
			for _, r := range sorted {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			n, _, err := w.Close()
			if err != nil || n != int64(len(rows)) {
				t.Fatal(n, err)
			}
			for name, line := range map[string]string{"json_strip_nulls": copyOf(stripped()), "pieces": copyOf(pieced())} {
				var theirs bytes.Buffer
				_, err = conn.PgConn().CopyTo(t.Context(), &theirs, line)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, name, body(mine.String()), theirs.String())
			}
			compare(t, "the portal's export", body(mine.String()), withoutPersons(t, exported(t, conn.Config().ConnString())))
		})
	}
}

// body are the lines between header and trailer.
func body(file string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(file, "\n"), "\n")
	return strings.Join(lines[1:len(lines)-1], "")
}

func compare(t *testing.T, name, mine, theirs string) {
	t.Helper()
	if mine == theirs {
		return
	}
	a, b := strings.Split(mine, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("%s: line %d of %d and %d\n%s\n%s", name, i+1, len(a), len(b), a[i], b[i])
		}
	}
	t.Fatalf("%s: %d and %d lines", name, len(a), len(b))
}

// exported is what the portal exports of everybody.
func exported(t *testing.T, dsn string) string {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out bytes.Buffer
	if _, err := db.ExportEveryone(t.Context(), health.EventFilter{}, health.ExportNDJSON, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// withoutPersons is an export without its header and its lines about persons.
func withoutPersons(t *testing.T, export string) string {
	t.Helper()
	if !strings.HasPrefix(export, Header()) {
		t.Errorf("the export begins with %.200q", export)
	}
	var rows strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(export, Header())) {
		if !strings.Contains(line, `,"identifiers":`) {
			rows.WriteString(line)
		}
	}
	return rows.String()
}
