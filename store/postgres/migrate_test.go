package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/migrations"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func scan[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestMigrateFreshAndAgain(t *testing.T) {
	db := storetest.OpenEmpty(t)
	for range 2 {
		if err := postgres.Migrate(t.Context(), db.DSN()); err != nil {
			t.Fatal(err)
		}
	}
	conn := connect(t, db.DSN())
	if got, want := scan[int](t, conn, `SELECT count(*) FROM health.metric WHERE in_catalogue`), len(health.Catalogue()); got != want {
		t.Errorf("%d metrics in the database, %d in the catalogue", got, want)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); got != countMigrations(t) {
		t.Errorf("%d migrations recorded, want %d", got, countMigrations(t))
	}
}

func countMigrations(t *testing.T) int {
	t.Helper()
	fsys, err := migrations.Postgres()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestMigrateByManyAtOnce(t *testing.T) {
	db := storetest.OpenEmpty(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = postgres.Migrate(t.Context(), db.DSN()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// later is our migrations with a further one that old programs can't live with.
func later(t *testing.T) fs.FS {
	t.Helper()
	fsys, err := migrations.Postgres()
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{"90000_later.sql": {Data: []byte("-- +goose Up\nCREATE TABLE ops.later (id integer);\nUPDATE ops.schema_state SET min_program = 99;\n")}}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: data}
	}
	return all
}

func TestUpgradeKeepsDataAndRefusesOldPrograms(t *testing.T) {
	db := storetest.Open(t)
	conn := connect(t, db.DSN())
	exec(t, conn, `INSERT INTO health.person (public_id) VALUES ('kept')`)
	if err := postgres.MigrateWith(t.Context(), db.DSN(), later(t), 99); err != nil {
		t.Fatal(err)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM health.person, ops.later RIGHT JOIN (VALUES (1)) v ON true WHERE public_id = 'kept'`); got != 1 {
		t.Errorf("%d persons after the upgrade, want 1", got)
	}
	err := postgres.Migrate(t.Context(), db.DSN())
	if !errors.Is(err, postgres.ErrDatabaseNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("an older program got %v, want ErrDatabaseNewer with the generation", err)
	}
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	db := storetest.Open(t)
	broken := later(t).(fstest.MapFS)
	broken["90000_later.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE ops.later (id integer);\nSELECT 1/0;\n")}
	if err := postgres.MigrateWith(t.Context(), db.DSN(), broken, 99); err == nil {
		t.Fatal("a broken migration was accepted")
	}
	if scan[bool](t, connect(t, db.DSN()), `SELECT to_regclass('ops.later') IS NOT NULL`) {
		t.Error("half of a migration stayed")
	}
	if err := postgres.Migrate(t.Context(), db.DSN()); err != nil {
		t.Errorf("the database can't be used after a failed migration: %v", err)
	}
}

func TestMigrateWithoutADatabase(t *testing.T) {
	for _, dsn := range []string{"postgres:///portal?host=/nonexistent", "::not a dsn::"} {
		if err := postgres.Migrate(t.Context(), dsn); err == nil {
			t.Errorf("%s: no error", dsn)
		}
		if _, err := postgres.Open(t.Context(), dsn); err == nil {
			t.Errorf("%s: opened", dsn)
		}
	}
}

// twoPersons fills a database with one event, day and report each for two persons.
func twoPersons(t *testing.T) (*storetest.DB, *pgx.Conn) {
	t.Helper()
	db := storetest.Open(t)
	conn := connect(t, db.SuperuserDSN())
	exec(t, conn, `INSERT INTO health.person (public_id) VALUES ('one'), ('two')`)
	exec(t, conn, `INSERT INTO health.person_identifier SELECT 'test', public_id, id FROM health.person`)
	exec(t, conn, `INSERT INTO health.source (name) VALUES ('test')`)
	exec(t, conn, `INSERT INTO health.event (person_id, metric_id, effective_at, value, source_id, dedupe)
		SELECT p.id, m.id, '2026-03-29T00:30:00Z', 0, s.id, '\x00' FROM health.person p, health.metric m, health.source s WHERE m.code = 'heart_rate'`)
	exec(t, conn, `INSERT INTO health.event_day SELECT person_id, metric_id, local_day, '', '', 0, 1, 1, 0, 0, 0 FROM health.event`)
	exec(t, conn, `INSERT INTO analytics.genomics_reports (report_id, root, report_path, person_id, kind, title, format, state, size_bytes, modified_at)
		SELECT public_id, 'r', public_id, id, 'k', 't', 'pdf', 'present', 1, now() FROM health.person`)
	return db, conn
}

func TestRowSecurityShowsNothingByDefault(t *testing.T) {
	_, conn := twoPersons(t)
	one := scan[int64](t, conn, `SELECT id FROM health.person WHERE public_id = 'one'`)
	exec(t, conn, `SET ROLE hp_app`)
	for _, table := range []string{"health.person", "health.person_identifier", "health.event", "health.event_day", "health.event_dirty", "analytics.genomics_reports"} {
		count := `SELECT count(*) FROM ` + pgx.Identifier(strings.Split(table, ".")).Sanitize()
		exec(t, conn, `SELECT set_config('hp.persons', '', false)`)
		if got := scan[int](t, conn, count); got != 0 {
			t.Errorf("%s: %d rows without a scope", table, got)
		}
		exec(t, conn, `SELECT set_config('hp.persons', $1::text, false)`, fmt.Sprint(one))
		if got := scan[int](t, conn, count); got != 1 {
			t.Errorf("%s: %d rows in the scope of one person, want 1", table, got)
		}
	}
	exec(t, conn, `SELECT set_config('hp.reports', 'all', false), set_config('hp.persons', '', false)`)
	if got := scan[int](t, conn, `SELECT count(*) FROM analytics.genomics_reports`); got != 2 {
		t.Errorf("%d reports in the analysts' scope, want 2", got)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM health.event`); got != 0 {
		t.Errorf("%d events in the analysts' scope", got)
	}
}

func TestTheAppRoleWritesNoHealthData(t *testing.T) {
	_, conn := twoPersons(t)
	exec(t, conn, `SET ROLE hp_app`)
	exec(t, conn, `SELECT set_config('hp.persons', '1,2', false)`)
	for _, sql := range []string{
		`DELETE FROM health.event`, `UPDATE health.person SET family_name = 'x'`, `INSERT INTO health.metric (code, name, kind) VALUES ('a', 'a', 'vital')`,
		`SELECT * FROM health.event_before_2015`, `SELECT health.ensure_partitions('2020-01-01', '2020-02-01')`,
		`DELETE FROM auth.session`, `UPDATE auth.user_role SET role = 'admin'`, `CREATE TABLE public.x (a int)`, `CREATE TEMPORARY TABLE x (a int)`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("hp_app may %s", sql)
		}
	}
}

func TestDayBordersFollowThePersonsZone(t *testing.T) {
	_, conn := twoPersons(t)
	if got := scan[string](t, conn, `SELECT min(local_day)::text FROM health.event`); got != "2026-03-29" {
		t.Errorf("local day %s in UTC, want 2026-03-29", got)
	}
	exec(t, conn, `UPDATE health.person SET timezone = 'America/New_York' WHERE public_id = 'one'`)
	exec(t, conn, `INSERT INTO health.event (person_id, metric_id, effective_at, value, source_id, dedupe)
		SELECT id, 1, '2026-03-29T00:30:00Z', 1, 1, '\x01' FROM health.person WHERE public_id = 'one'`)
	if got := scan[string](t, conn, `SELECT local_day::text FROM health.event WHERE dedupe = '\x01'`); got != "2026-03-28" {
		t.Errorf("local day %s in New York, want 2026-03-28", got)
	}
}

func TestDirtyKeysAreNotedForEveryKindOfWrite(t *testing.T) {
	_, conn := twoPersons(t)
	for _, sql := range []string{
		`UPDATE health.event SET value = 2`, `DELETE FROM health.event`,
	} {
		exec(t, conn, `DELETE FROM health.event_dirty`)
		exec(t, conn, sql)
		if got := scan[int](t, conn, `SELECT count(*) FROM health.event_dirty`); got != 2 {
			t.Errorf("%s noted %d keys, want 2", sql, got)
		}
	}
}

func TestPartitionsTakeOverWhatWaitedInTheDefault(t *testing.T) {
	_, conn := twoPersons(t)
	for _, day := range []string{"2019-05-31", "2019-06-01", "2019-06-30", "1957-01-01"} {
		exec(t, conn, `INSERT INTO health.event (person_id, metric_id, effective_at, value, source_id, dedupe)
			SELECT id, 1, $1::date + interval '12 hours', 1, 1, $2 FROM health.person WHERE public_id = 'one'`, day, []byte(day))
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM health.event_default`); got != 5 {
		t.Fatalf("%d rows in the default partition, want 5", got)
	}
	if got := scan[int](t, conn, `SELECT health.ensure_partitions('2019-05-15', '2019-06-01')`); got != 2 {
		t.Errorf("%d partitions made, want 2", got)
	}
	if got := scan[int](t, conn, `SELECT health.ensure_partitions('2019-05-15', '2019-06-01')`); got != 0 {
		t.Errorf("%d partitions made the second time", got)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM health.event_2019_06`); got != 2 {
		t.Errorf("%d rows in June 2019, want 2", got)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM health.event`); got != 6 {
		t.Errorf("%d rows in all, want 6", got)
	}
	if got := scan[int](t, conn, `SELECT count(*) FROM pg_indexes WHERE tablename = 'event_2019_06'`); got != scan[int](t, conn, `SELECT count(*) FROM pg_indexes WHERE tablename = 'event'`) {
		t.Errorf("the new partition has %d indexes", got)
	}
}

func TestEmptyDefaultPartition(t *testing.T) {
	store, conn := twoPersons(t)
	db, err := postgres.Open(t.Context(), store.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if made, err := db.EmptyDefaultPartition(t.Context()); err != nil || made != 1 {
		t.Fatalf("%d partitions made, %v; want March 2026", made, err)
	}
	if left, moved := scan[int](t, conn, `SELECT count(*) FROM health.event_default`), scan[int](t, conn, `SELECT count(*) FROM health.event_2026_03`); left != 0 || moved != 2 {
		t.Errorf("%d rows left, %d moved, want 0 and 2", left, moved)
	}
	if made, err := db.EmptyDefaultPartition(t.Context()); err != nil || made != 0 {
		t.Errorf("%d partitions made the second time, %v", made, err)
	}
}

func TestCareTeamsDecideByDate(t *testing.T) {
	_, conn := twoPersons(t)
	exec(t, conn, `INSERT INTO auth.user_account (name, display_name, handle) VALUES ('u', 'U', decode(repeat('00', 64), 'hex'))`)
	exec(t, conn, `INSERT INTO auth.care_team (name) VALUES ('t')`)
	exec(t, conn, `INSERT INTO auth.care_team_user (team_id, user_id, valid_from) VALUES (1, 1, now() - interval '1 day')`)
	exec(t, conn, `INSERT INTO auth.care_team_person (team_id, person_id, valid_from, valid_to)
		SELECT 1, id, now() - interval '2 days', CASE public_id WHEN 'two' THEN now() - interval '1 hour' END FROM health.person`)
	if got := scan[string](t, conn, `SELECT string_agg(public_id, ',') FROM health.person WHERE id IN (SELECT auth.persons_of(1))`); got != "one" {
		t.Errorf("persons %q, want only the present one", got)
	}
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	store := storetest.Open(t)
	db, err := postgres.Open(t.Context(), store.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	checks, err := db.VerifyObjects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(checks) < 50 {
		t.Errorf("only %d objects checked", len(checks))
	}
	for _, c := range checks {
		if c.Problem != "" {
			t.Errorf("%s %s: %s", c.Kind, c.Name, c.Problem)
		}
	}
	conn := connect(t, store.SuperuserDSN())
	for _, sql := range []string{`DROP INDEX health.event_day_person`, `DROP POLICY scope ON health.event`, `DROP TRIGGER event_local_day ON health.event`,
		`DROP FUNCTION health.ensure_partitions`, `DROP TABLE ops.job_runs`, `ALTER TABLE health.person DISABLE ROW LEVEL SECURITY`} {
		exec(t, conn, sql)
	}
	checks, err = db.VerifyObjects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, c := range checks {
		if c.Problem != "" {
			missing[c.Kind+" "+c.Name] = true
		}
	}
	for _, want := range []string{"index health.event_day_person", "policy scope on health.event", "trigger event_local_day on health.event",
		"function health.ensure_partitions", "table ops.job_runs", "policy scope on health.person"} {
		if !missing[want] {
			t.Errorf("verify did not miss %s", want)
		}
	}
}

func TestSamplesReadOnly(t *testing.T) {
	store := storetest.Open(t)
	db, err := postgres.Open(t.Context(), store.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, err := db.Sample(t.Context(), `SELECT count(*) FROM analytics.genomics_reports`); err != nil || got != "0" {
		t.Errorf("sample answered %q, %v", got, err)
	}
	if got, err := db.Sample(t.Context(), `SELECT 1 WHERE false`); err != nil || got != "no rows" {
		t.Errorf("an empty sample answered %q, %v", got, err)
	}
	for _, sql := range []string{`DELETE FROM ops.setting`, `SELECT FROM ops.setting`, `SELECT nothing FROM nowhere`} {
		if _, err := db.Sample(t.Context(), sql); err == nil {
			t.Errorf("%s was accepted as a sample", sql)
		}
	}
}

func TestSettings(t *testing.T) {
	store := storetest.Open(t)
	db, err := postgres.Open(t.Context(), store.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Setting(t.Context(), "none"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a missing setting gave %v", err)
	}
	for _, v := range []string{"a", "b"} {
		if err := db.SetSetting(t.Context(), "test", v); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Setting(t.Context(), "test"); err != nil || got != v {
			t.Errorf("setting is %q, %v", got, err)
		}
	}
	if has, err := db.HasPersons(t.Context()); err != nil || has {
		t.Errorf("persons in a fresh database: %v, %v", has, err)
	}
}
