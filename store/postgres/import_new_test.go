package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/postgres"
)

// mixed has panels, retractions, bounds, texts, repetitions and rows without an
// id, of several persons, months and days, some before 2015.
func mixed() string {
	var b strings.Builder
	for i := range 60 {
		at := time.Date(2014, 11, 1, 22, 0, 0, 0, time.UTC).Add(time.Duration(i) * 97 * time.Hour).Format(time.RFC3339)
		who := fmt.Sprintf("p%d", i%4)
		b.WriteString(obs(who, at, fmt.Sprint(50+i), fmt.Sprintf(`"id":"o%d"`, i), `"interpretation":[{"coding":[{"code":"H"}]}]`))
		b.WriteString(obs(who, at, fmt.Sprintf("%d.50", 60+i), `"device":{"display":"Wrist sensor"}`))
		b.WriteString(strings.ReplaceAll(panel(fmt.Sprintf("p%d", i), at, fmt.Sprint(110+i), "80"), "Patient/a", "Patient/"+who))
		switch i % 4 {
		case 0:
			b.WriteString(obs(who, at, "", fmt.Sprintf(`"id":"gone%d"`, i), `"status":"entered-in-error"`))
		case 1:
			b.WriteString(obs(who, at, fmt.Sprintf("%d.50", 60+i), `"device":{"display":"Another label"}`)) // the same content
		case 2:
			b.WriteString(strings.Replace(obs(who, at, "70", fmt.Sprintf(`"id":"b%d"`, i)), `"value":70`, `"comparator":"<","value":70`, 1))
		default:
			b.WriteString(obs(who, at, "", fmt.Sprintf(`"id":"t%d"`, i), `"valueString":"Negative"`))
		}
	}
	return b.String()
}

// The stored rows of the persons whose FHIR id begins with p, and what belongs
// to them, in a form that two databases can be compared by.
const storedRows = `
	WITH p AS (SELECT person_id, value FROM health.person_identifier WHERE value LIKE 'p%'),
	e AS (SELECT p.value AS who, e.* FROM health.event e JOIN p USING (person_id))
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	  SELECT 'event ' || (to_jsonb(e) - 'id' - 'person_id' - 'dedupe' - 'ingested_at')::text AS line FROM e
	  UNION ALL SELECT 'identity ' || (to_jsonb(i) - 'event_id' - 'person_id' - 'dedupe')::text || p.value || (e.id IS NOT NULL)
	  FROM health.event_identity i JOIN p USING (person_id)
	  LEFT JOIN health.event e ON (e.person_id, e.id, e.effective_at, e.dedupe) = (i.person_id, i.event_id, i.effective_at, i.dedupe)
	  UNION ALL SELECT 'day ' || (to_jsonb(d) - 'person_id')::text || p.value FROM health.event_day d JOIN p USING (person_id)) t`

// A batch of which nothing is known is stored as the comparison with what is
// known would store it.
func TestNewBatchIsStoredAsAComparedOne(t *testing.T) {
	straight, compared := newClinic(t), newClinic(t)
	a := straight.load(mixed())
	// Two versions of one external id are what only the comparison can store.
	b := compared.load(mixed() + obs("z", "2020-03-01T10:00:00Z", "60", `"id":"z"`) + obs("z", "2020-03-01T10:00:00Z", "61", `"id":"z"`))
	wantCounts(t, a, 285, 15, 0, 0)
	wantCounts(t, b, 286, 15, 1, 0)
	want := one[string](compared, storedRows)
	if got := one[string](straight, storedRows); got != want {
		t.Errorf("stored straight:\n%s\ncompared:\n%s", got, want)
	}
	if n := strings.Count(want, "event "); n != 285 {
		t.Errorf("%d rows compared", n)
	}
	straight.checkRollup()
	compared.checkRollup()
	wantCounts(t, straight.load(mixed()), 0, 300, 0, 0)
	straight.checkRollup()
}

func TestPartlyKnownBatch(t *testing.T) {
	const at, later = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"
	tests := []struct {
		name, known, file string
		want              [3]int // stored, repeated, corrected
		shown             string
	}{
		{"content without an id", obs("a", at, "60"), obs("a", later, "61") + obs("a", at, "60"), [3]int{1, 1, 0}, "61 v1, 60 v1"},
		{"an external id", obs("a", at, "60", `"id":"x"`), obs("a", later, "61") + obs("a", at, "62", `"id":"x"`), [3]int{1, 0, 1}, "61 v1, 62 v2"},
		{"another component", panel("p", at, "120", ""), obs("a", later, "61") + panel("p", at, "", "80"), [3]int{1, 0, 1}, "61 v1, 80 v1"},
		{"a day of the rollup", obs("a", at, "60"), obs("a", "2026-03-01T11:00:00Z", "64"), [3]int{1, 0, 0}, "64 v1, 60 v1"},
		{"nothing, after a known batch", obs("a", at, "60"), obs("a", at, "60") + obs("a", later, "61"), [3]int{1, 1, 0}, "61 v1, 60 v1"},
	}
	c := newClinic(t)
	for i, tt := range tests {
		for _, size := range []int{1, 100} {
			t.Run(fmt.Sprintf("%s, batches of %d", tt.name, size), func(t *testing.T) {
				who := fmt.Sprintf("a%d-%d", i, size)
				c.load(strings.ReplaceAll(tt.known, "Patient/a", "Patient/"+who))
				r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(strings.ReplaceAll(tt.file, "Patient/a", "Patient/"+who))), c.db,
					intake.Options{CreatePersons: true, Now: now, BatchSize: size})
				if err != nil {
					t.Fatal(err)
				}
				wantCounts(t, r, tt.want[0], tt.want[1], tt.want[2], 0)
				if got := c.shown(who); got != tt.shown {
					t.Errorf("the table shows %q, want %q", got, tt.shown)
				}
				c.checkRollup()
			})
		}
	}
}

// Ids that other programs took between are left out; each identity still names its own row.
func TestNewBatchWithScatteredIDs(t *testing.T) {
	c, plain := newClinic(t), newClinic(t)
	c.exec(`ALTER SEQUENCE health.event_id_seq INCREMENT BY 3`)
	wantCounts(t, c.load(mixed()), 285, 15, 0, 0)
	wantCounts(t, plain.load(mixed()), 285, 15, 0, 0)
	if got, want := one[string](c, storedRows), one[string](plain, storedRows); got != want {
		t.Errorf("stored with scattered ids:\n%s\nwith one after the other:\n%s", got, want)
	}
	const span = `SELECT max(id) - min(id) FROM health.event`
	if together, scattered := one[int](plain, span), one[int](c, span); together != 284 || scattered != 3*284 {
		t.Errorf("the ids span %d and %d", together, scattered)
	}
	const wrong = `SELECT count(*) FROM health.event_identity i LEFT JOIN health.event e ON e.person_id = i.person_id AND e.id = i.event_id
		WHERE e.dedupe IS DISTINCT FROM i.dedupe OR e.slot IS DISTINCT FROM i.slot OR substr(sha256(convert_to(e.external_id, 'UTF8')), 1, 16) <> uuid_send(i.ext)`
	for _, db := range []*clinic{c, plain} {
		if n := one[int](db, wrong); n != 0 {
			t.Errorf("%d identities name another row", n)
		}
	}
}

const foreignRow = `INSERT INTO health.event (person_id, metric_id, effective_at, value, unit_id, source_id, code_system, code, dedupe)
	SELECT person_id, metric_id, effective_at + interval '1 hour', 99, unit_id, source_id, code_system, code, sha256(dedupe) FROM health.event LIMIT 1`

// Another program's rows of the same day, committed or not, are counted once its
// note of the day is taken.
func TestNewRowsBesideAnotherProgram(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	c.exec(foreignRow)
	c.load(obs("a", "2026-03-01T12:00:00Z", "62"))
	c.checkRollup()
	c.exec(`DELETE FROM health.event_day`) // as if the other program had been the first on that day
	c.exec(`DELETE FROM health.event WHERE value <> 60`)
	c.exec(`DELETE FROM health.event_dirty`)
	tx, err := c.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), foreignRow); err != nil {
		t.Fatal(err)
	}
	done := make(chan intake.Report)
	go func() { done <- c.load(obs("a", "2026-03-01T13:00:00Z", "63")) }()
	// Both note what came for the person: the import waits for the other program.
	for waiting := 0; waiting == 0; time.Sleep(5 * time.Millisecond) {
		err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, <-done, 1, 0, 0, 0)
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.checkRollup()
}

// A month that somebody detached is not written to: its rows would be lost to
// every reader.
func TestNewRowsOfADetachedMonth(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	c.exec(`ALTER TABLE health.event DETACH PARTITION health.event_2026_03`)
	wantCounts(t, c.load(obs("a", "2026-03-02T10:00:00Z", "61")+obs("a", "2026-04-01T10:00:00Z", "62")), 2, 0, 0, 0)
	if got := c.shown("a"); got != "62 v1, 61 v1" {
		t.Errorf("the table shows %q", got)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event_2026_03`); n != 1 {
		t.Errorf("the detached month has %d rows", n)
	}
}

func TestSumTooLarge(t *testing.T) {
	c := newClinic(t)
	file := obs("a", "2026-03-01T10:00:00Z", "1.7e308") + obs("a", "2026-03-01T11:00:00Z", "1.7e308")
	_, err := intake.Import(context.Background(), fhir.NewReader(strings.NewReader(file)), c.db, intake.Options{CreatePersons: true, Now: now})
	if err == nil || !strings.Contains(err.Error(), "too large to add up") {
		t.Errorf("error %v", err)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event`); n != 0 {
		t.Errorf("%d rows are left of the refused batch", n)
	}
}

func TestEncodedPiecewise(t *testing.T) {
	for _, n := range []int{0, 1, 3, 40_000} {
		whole, err := io.ReadAll(postgres.CopyingNumbers(n))
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) != 19+n*14+2 || !bytes.HasSuffix(whole, []byte{0xff, 0xff}) {
			t.Errorf("%d rows are %d bytes", n, len(whole))
		}
		if err := iotest.TestReader(postgres.CopyingNumbers(n), whole); err != nil {
			t.Errorf("%d rows: %v", n, err)
		}
	}
}
