package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/migrations"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// walk is half an hour of steps from ten o'clock on a day of March 2026.
func walk(source string, day int, steps float64) lap {
	start := time.Date(2026, 3, day, 10, 0, 0, 0, time.UTC)
	return lap{source: source, start: start, end: start.Add(30 * time.Minute), value: steps}
}

// stepSums are the resolved daily sums of all persons, in order.
func (c *clinic) stepSums() string {
	c.t.Helper()
	return one[string](c, `SELECT coalesce(string_agg(extract(day FROM local_day) || ':' || coalesce(value_counted, value_sum) || '/' || value_sum, ' '
		ORDER BY person_id, local_day), '') FROM health.event_day`)
}

func TestSourcePriorities(t *testing.T) {
	c := newClinic(t)
	c.loadLaps("a", 10, walk("my watch", 1, 800), walk("my phone", 1, 900), walk("my phone", 2, 70), walk("lab", 3, 5))
	c.loadLaps("b", 10, walk("my phone", 1, 30))
	if got := c.stepSums(); got != "1:800/1700 2:70/70 3:5/5 1:30/30" {
		t.Fatalf("the days are %s", got)
	}
	list, err := c.db.Sources(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "my watch" || list[0].Kind != health.Watch || list[1].Kind != health.Phone || list[2].Kind != health.UnknownSource {
		t.Fatalf("%+v, %v", list, err)
	}
	phone := list[1].ID
	change, err := c.db.SetSourcePriority(t.Context(), phone, 150)
	if err != nil || change.Before != 0 || change.Source.Chosen != 150 || change.Source.Name != "my phone" || change.Days != 1 {
		t.Errorf("%+v, %v", change, err)
	}
	if got := c.stepSums(); got != "1:900/1700 2:70/70 3:5/5 1:30/30" {
		t.Errorf("with the phone first: %s", got)
	}
	c.checkRollup()
	if list, err = c.db.Sources(t.Context()); err != nil || list[0].ID != phone {
		t.Errorf("%+v, %v", list, err)
	}
	if change, err = c.db.SetSourcePriority(t.Context(), phone, 150); err != nil || change.Days != 0 || change.Before != 150 {
		t.Errorf("the same again: %+v, %v", change, err)
	}
	if change, err = c.db.SetSourcePriority(t.Context(), phone, 0); err != nil || change.Days != 1 || change.Source.Chosen != 0 {
		t.Errorf("taken back: %+v, %v", change, err)
	}
	if got := c.stepSums(); !strings.HasPrefix(got, "1:800/1700") {
		t.Errorf("by the names again: %s", got)
	}
	if _, err := c.db.SetSourcePriority(t.Context(), 99, 150); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("an unknown source: %v", err)
	}
	for _, n := range []int{-1, 1000} {
		if _, err := c.db.SetSourcePriority(t.Context(), phone, n); !errors.Is(err, health.ErrPriority) {
			t.Errorf("priority %d: %v", n, err)
		}
	}
	c.checkRollup()
}

// A source that another program made counts by what its name says, from the next rebuild on.
func TestSourcesOfAnotherProgram(t *testing.T) {
	c := newClinic(t)
	c.loadLaps("a", 10, walk("lab", 1, 5), walk("old lab", 1, 6))
	if got := c.stepSums(); got != "1:5/11" { // neither says what it is: by name
		t.Fatalf("the days are %s", got)
	}
	c.exec(`INSERT INTO health.source (name) VALUES ('the watch')`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, value, unit_id, source_id, code_system, code, dedupe)
		SELECT person_id, metric_id, effective_at, effective_end, 7, unit_id, (SELECT id FROM health.source WHERE name = 'the watch'), code_system, code, sha256(dedupe)
		FROM health.event LIMIT 1`)
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.stepSums(); got != "1:7/18" {
		t.Errorf("with the watch: %s", got)
	}
	// A program that saw a name otherwise left another default: the days follow.
	c.exec(`UPDATE health.source SET priority_default = 500 WHERE name = 'the watch'`)
	c.exec(`UPDATE health.event_day SET value_counted = 5`)
	if n, err := c.db.RebuildDirty(t.Context()); err != nil || n != 1 {
		t.Errorf("%d days, %v", n, err)
	}
	if got := c.stepSums(); got != "1:7/18" {
		t.Errorf("with the watch as a watch again: %s", got)
	}
	c.checkRollup()
	// An older program rolled the day up.
	c.exec(`UPDATE health.event_day SET source_id = NULL, device_id = NULL, several = false, value_counted = NULL, left_sources = NULL`)
	if n, err := c.db.RebuildDirty(t.Context()); err != nil || n != 1 {
		t.Errorf("after an older program: %d days, %v", n, err)
	}
	c.checkRollup()
	if n, err := c.db.RebuildDirty(t.Context()); err != nil || n != 0 {
		t.Errorf("with nothing to do: %d days, %v", n, err)
	}
}

// An undone import takes its source away again, on its own days and beside them;
// a merge brings two sources together, a split parts them.
func TestTakingBackKeepsSumsRight(t *testing.T) {
	c := newClinic(t)
	night := func(source string, from, to time.Time) lap {
		return lap{source: source, start: from, end: to, value: to.Sub(from).Minutes(), sleep: true}
	}
	evening := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	early := night("my watch", evening, evening.Add(time.Hour)) // of the first
	whole := night("my phone", evening, evening.Add(8*time.Hour))
	c.load(patient("a", "MRN-A", "F", "G", "") + patient("b", "MRN-B", "F", "G", ""))
	c.loadLaps("a", 10, walk("my phone", 1, 900), whole)
	c.loadLaps("a", 10, walk("my watch", 1, 800), early)
	c.checkRollup()
	c.checkOnce("both", c.person("a"), []lap{walk("my phone", 1, 900), whole, walk("my watch", 1, 800), early}, byKind, time.UTC)
	if got := c.stepSums(); got != "1:800/1700 1:60/60 2:420/480" && got != "1:60/60 1:800/1700 2:420/480" {
		t.Errorf("both: %s", got)
	}
	c.undo(one[int64](c, `SELECT max(id) FROM health.import`))
	c.checkRollup()
	c.checkOnce("undone", c.person("a"), []lap{walk("my phone", 1, 900), whole}, byKind, time.UTC)

	c.loadLaps("b", 10, walk("my watch", 1, 800), early)
	m := c.merge(false)
	c.checkRollup()
	all := []lap{walk("my phone", 1, 900), whole, walk("my watch", 1, 800), early}
	c.checkOnce("merged", m.Keep.ID, all, byKind, time.UTC)
	c.splitMerge(m.ID)
	c.checkRollup()
	c.checkOnce("split", m.Keep.ID, all[:2], byKind, time.UTC)
	c.checkOnce("split", m.Gone.ID, all[2:], byKind, time.UTC)
}

// Of persons out of scope the functions show nothing, and researchers don't reach them.
func TestCountedRowsAreUnderRowSecurity(t *testing.T) {
	c := newClinic(t)
	c.loadLaps("a", 10, walk("my watch", 1, 800), walk("my phone", 1, 900))
	app := connect(t, c.dsn)
	exec(t, app, `SET ROLE hp_app`)
	const call = `SELECT count(*) FROM health.counted_rows((SELECT array_agg(id) FROM (SELECT %s AS id) p), ARRAY[(SELECT id FROM health.metric WHERE code = 'steps')], ARRAY['2026-03-01'::date])`
	id := fmt.Sprint(int64(c.person("a")))
	if n := scan[int](t, app, fmt.Sprintf(call, id+"::bigint")); n != 0 {
		t.Errorf("without a scope %d rows", n)
	}
	exec(t, app, `SELECT set_config('hp.persons', '`+id+`', false)`)
	if n := scan[int](t, app, fmt.Sprintf(call, id+"::bigint")); n != 2 {
		t.Errorf("within the scope %d rows", n)
	}
	for role, sql := range map[string]string{"hp_research": fmt.Sprintf(call, "1::bigint"), "hp_app": `SELECT count(*) FROM analytics.mv_daily_metrics`} {
		exec(t, app, `SET ROLE `+role)
		if _, err := app.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s may: %v", role, err)
		}
		exec(t, app, `RESET ROLE`)
	}
}

func TestDailyMetricsOfTheSite(t *testing.T) {
	c := newClinic(t)
	c.loadLaps("a", 10, walk("my watch", 1, 800), walk("my phone", 1, 900))
	c.loadLaps("b", 10, walk("my phone", 1, 100))
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("a", "2026-03-01T11:00:00Z", "80") + obs("b", "2026-03-01T10:00:00Z", "100") +
		obs("b", "2026-03-01T12:00:00Z", "", `"valueQuantity":{"value":30,"comparator":"<","code":"/min"}`))
	read := func() string {
		return one[string](c, `SELECT coalesce(string_agg(concat_ws(' ', local_day, metric, kind, code, unit, persons, observations, numbers, mean), E'\n' ORDER BY metric), '')
			FROM analytics.mv_daily_metrics`)
	}
	if got := read(); got != "" {
		t.Fatalf("before a refresh: %s", got)
	}
	if err := c.db.RefreshViews(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := read(), "2026-03-01 heart_rate vital 8867-4 /min 2 4 3 80\n2026-03-01 steps total 55423-8 {steps} 2 3 3 450"; got != want {
		t.Errorf("the view has\n%s\nwant\n%s", got, want)
	}
	// Whoever reads meanwhile keeps the rows that were there.
	tx, err := c.conn.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // it reads
	const rows = `SELECT count(*) FROM analytics.mv_daily_metrics`
	var before, during int
	if err := tx.QueryRow(t.Context(), rows).Scan(&before); err != nil {
		t.Fatal(err)
	}
	c.loadLaps("b", 10, walk("my phone", 2, 100))
	if err := c.db.RefreshViews(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), rows).Scan(&during); err != nil || before != 2 || during != before {
		t.Errorf("%d rows, then %d, %v", before, during, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := one[int](c, rows); n != 3 {
		t.Errorf("%d rows after the second refresh", n)
	}
	if n := one[int](c, `SELECT count(*) FROM pg_attribute WHERE attrelid = 'analytics.mv_daily_metrics'::regclass AND attname LIKE '%person_id%'`); n != 0 {
		t.Error("the view says who")
	}
}

// before9 are the migrations up to the one that this file is about.
func before9(t *testing.T) fs.FS {
	t.Helper()
	fsys, err := migrations.Postgres()
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name >= "00009" {
			continue
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: data}
	}
	return all
}

// A database from before has plain sums: what overlaps waits for a rebuild, and is
// right on pages at once.
func TestUpgradeCountsOverlapsAnew(t *testing.T) {
	db := storetest.OpenEmpty(t)
	// What comes after the migrations needs this program's schema, so that it fails.
	_ = postgres.MigrateWith(t.Context(), db.DSN(), before9(t), migrations.Program)
	conn := connect(t, db.SuperuserDSN())
	if v := scan[int](t, conn, `SELECT max(version_id)::integer FROM goose_db_version`); v != 8 {
		t.Fatalf("the database is at %d", v)
	}
	exec(t, conn, `INSERT INTO health.person (public_id) VALUES ('p1'), ('p2')`)
	exec(t, conn, `INSERT INTO health.source (name) VALUES ('my phone'), ('my watch')`)
	exec(t, conn, `INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, value, source_id, dedupe)
		SELECT p.id, m.id, e.at, e.at + interval '30 minutes', e.value, s.id, decode(md5(p.id || e.at::text || s.id), 'hex')
		FROM (VALUES ('p1', '2026-03-01 10:00+00'::timestamptz, 900, 'my phone'), ('p1', '2026-03-01 10:00+00', 800, 'my watch'),
		  ('p1', '2026-03-02 10:00+00', 70, 'my phone'), ('p1', '2026-03-05 10:00+00', 60, 'my phone'), ('p2', '2026-03-01 10:00+00', 50, 'my phone')) e (who, at, value, source)
		JOIN health.person p ON p.public_id = e.who JOIN health.source s ON s.name = e.source JOIN health.metric m ON m.code = 'steps'`)
	exec(t, conn, `INSERT INTO health.event_day SELECT person_id, metric_id, local_day, code_system, code, 0, count(*), count(*), min(value), max(value), sum(value)
		FROM health.event GROUP BY 1, 2, 3, 4, 5`)
	exec(t, conn, `DELETE FROM health.event_dirty`)
	if err := postgres.Migrate(t.Context(), db.DSN()); err != nil {
		t.Fatal(err)
	}
	if got := scan[string](t, conn, `SELECT string_agg(p.public_id || ' ' || d.local_day, ', ' ORDER BY 1, d.local_day) FROM health.event_dirty d JOIN health.person p ON p.id = d.person_id`); got != "p1 2026-03-01, p1 2026-03-02" {
		t.Errorf("%s wait for a rebuild", got)
	}
	store, err := postgres.Open(t.Context(), db.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	check := func(stage string) {
		t.Helper()
		list, err := store.Series(t.Context(), access.One(1), 1, "steps", health.WindowAt(health.Days, health.Day{Year: 2026, Month: 3, Dom: 1}, time.UTC))
		if err != nil || len(list) != 1 || len(list[0].Points) != 3 || list[0].Points[0].Sum != 800 || list[0].Points[0].LeftOut != 900 || list[0].Points[1].Sum != 70 {
			t.Errorf("%s: %+v, %v", stage, list, err)
		}
	}
	check("waiting")
	if n, err := store.RebuildDirty(t.Context()); err != nil || n != 2 {
		t.Errorf("%d days, %v", n, err)
	}
	check("rebuilt")
	if n := scan[int](t, conn, `SELECT count(*) FROM health.event_day WHERE source_id IS NULL`); n != 0 {
		t.Errorf("%d days don't know their source", n)
	}
}
