package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
	"healthportal/store/cache"
)

func (c *clinic) version(person health.PersonID) health.DataVersion {
	c.t.Helper()
	at, err := c.db.DataVersion(c.t.Context(), access.One(person), person)
	if err != nil {
		c.t.Fatal(err)
	}
	return at
}

const labValue = `"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},"valueQuantity":{"value":%d,"unit":"mg/dL","code":"mg/dL"},"referenceRange":[{"low":{"value":%d},"high":{"value":99}}]`

// etl writes a row as an external program does.
const etl = `INSERT INTO health.event (person_id, metric_id, effective_at, value, unit_id, source_id, device_id, dedupe)
	SELECT $1, m.id, $2::timestamptz, $3, (SELECT id FROM health.unit WHERE ucum = '/min'), (SELECT min(id) FROM health.source),
	  (SELECT min(id) FROM health.device), sha256(random()::text::bytea) FROM health.metric m WHERE m.code = 'heart_rate'`

// bring imports in whatever zone the site has now.
func (c *clinic) bring(ndjson string) {
	c.t.Helper()
	zone, err := c.db.SiteTimezone(c.t.Context())
	if err == nil {
		_, err = intake.Import(c.t.Context(), fhir.NewReader(strings.NewReader(ndjson)), c.db, intake.Options{Now: now, Site: zone})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// way is a way in which what pages show of a person changes.
type way struct {
	name string
	// both says that it changes what is shown of everybody.
	both bool
	do   func(c *clinic, rnd *rand.Rand)
}

func someTime(rnd *rand.Rand) string {
	return time.Date(2026, time.Month(1+rnd.IntN(3)), 1+rnd.IntN(4), rnd.IntN(24), rnd.IntN(60), 0, 0, time.UTC).Format(time.RFC3339)
}

// ways are all of them but merges, which need two persons. Each changes something of a.
func ways() []way {
	update := func(sql string) func(*clinic, *rand.Rand) {
		return func(c *clinic, rnd *rand.Rand) {
			c.exec(etl, int64(c.person("a")), someTime(rnd), rnd.IntN(90)+1)
			if tag, err := c.conn.Exec(c.t.Context(), sql, int64(c.person("a"))); err != nil || tag.RowsAffected() == 0 {
				c.t.Fatalf("%s: %v, %v", sql, tag, err)
			}
		}
	}
	names := func(table, column string) func(*clinic, *rand.Rand) {
		return func(c *clinic, rnd *rand.Rand) {
			c.exec(`UPDATE health.`+table+` SET `+column+` = $1 WHERE id = (SELECT min(id) FROM health.`+table+`)`, fmt.Sprintf("%s %d", table, rnd.Int64()))
		}
	}
	return []way{
		{"import", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", someTime(rnd), fmt.Sprint(rnd.IntN(90)+1), fmt.Sprintf(`"id":"n%d"`, rnd.Int64())))
		}},
		{"import without external ids", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", someTime(rnd), fmt.Sprintf("%d.%d", rnd.IntN(90)+1, rnd.Int32())))
		}},
		{"import of laboratory values", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", someTime(rnd), "", fmt.Sprintf(labValue, rnd.IntN(300), 50+rnd.IntN(30)), fmt.Sprintf(`"id":"g%d"`, rnd.Int64())))
		}},
		{"import of a bound", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", someTime(rnd), "", fmt.Sprintf(`"valueQuantity":{"value":%d,"comparator":"<","unit":"/min","code":"/min"}`, 1+rnd.Int32N(1e6))))
		}},
		{"correction", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", "2026-02-02T10:00:00Z", fmt.Sprintf("%d.%d", rnd.IntN(90), rnd.Int32()), `"id":"same"`))
		}},
		{"entered in error", false, func(c *clinic, rnd *rand.Rand) {
			id := fmt.Sprintf(`"id":"e%d"`, rnd.Int64())
			c.bring(obs("a", "2026-02-03T10:00:00Z", "77", id))
			c.bring(obs("a", "2026-02-03T10:00:00Z", "77", id, `"status":"entered-in-error"`))
		}},
		{"undo", false, func(c *clinic, rnd *rand.Rand) {
			c.bring(obs("a", someTime(rnd), fmt.Sprintf("%d.%d", rnd.IntN(90), rnd.Int32())))
			last := one[int64](c, `SELECT max(id) FROM health.import`)
			if _, err := c.db.UndoImport(c.t.Context(), last, "tester", false); err != nil {
				c.t.Fatal(err)
			}
		}},
		{"ETL insert", false, func(c *clinic, rnd *rand.Rand) {
			c.exec(etl, int64(c.person("a")), someTime(rnd), rnd.IntN(90)+1)
		}},
		{"ETL update", false, update(`UPDATE health.event SET value = value + 1 WHERE person_id = $1`)},
		{"ETL update of a device", false, update(`UPDATE health.event SET device_id = NULL WHERE person_id = $1 AND value < 95`)},
		{"ETL delete", false, update(`DELETE FROM health.event WHERE id = (SELECT max(id) FROM health.event WHERE person_id = $1)`)},
		{"refresh", false, func(c *clinic, rnd *rand.Rand) {
			c.exec(etl, int64(c.person("a")), someTime(rnd), rnd.IntN(90)+1)
			if n, err := c.db.RebuildDirty(c.t.Context()); err != nil || n == 0 {
				c.t.Fatalf("%d keys, %v", n, err)
			}
		}},
		{"rollup rebuilt by other rules", false, update(`UPDATE health.event_day SET value_sum = value_sum + 1 WHERE person_id = $1`)},
		{"zone of the site", true, func(c *clinic, _ *rand.Rand) {
			zone := "America/New_York"
			if at, err := c.db.SiteTimezone(c.t.Context()); err != nil || at.String() == zone {
				zone = "Asia/Tokyo"
			}
			loc, err := time.LoadLocation(zone)
			if err == nil {
				err = c.db.SetSiteTimezone(c.t.Context(), loc)
			}
			if err != nil {
				c.t.Fatal(err)
			}
		}},
		{"name of a metric", true, names("metric", "name")},
		{"name of a source", true, names("source", "name")},
		{"name of a device", true, names("device", "name")},
		{"bounds of the catalogue", true, func(c *clinic, rnd *rand.Rand) {
			c.exec(`UPDATE health.metric SET high = $1 WHERE code = 'heart_rate'`, rnd.Float64())
		}},
	}
}

// newRounds is a ward whose persons have heart rates, glucose and a device.
func newRounds(t *testing.T) *clinic {
	t.Helper()
	c := newWard(t)
	for _, p := range []string{"a", "b"} {
		c.load(obs(p, "2026-02-02T10:00:00Z", "60", `"id":"same"`, `"device":{"display":"Watch"}`) +
			obs(p, "2026-02-02T23:30:00Z", "70") + obs(p, "2026-02-03T10:00:00Z", "", fmt.Sprintf(labValue, 90, 60)))
	}
	return c
}

// Whoever writes what, in whatever way: the version changes with it, and another
// person's does not, except where what everybody's pages show has changed.
func TestVersionChangesWithTheData(t *testing.T) {
	c := newRounds(t)
	a, b := c.person("a"), c.person("b")
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that repeats
	seen := map[health.DataVersion]string{c.version(a): "the start"}
	for _, w := range ways() {
		other := c.version(b)
		w.do(c, rnd)
		now := c.version(a)
		if now == "" || seen[now] != "" {
			t.Errorf("%s: version %q, that of %s", w.name, now, seen[now])
		}
		seen[now] = w.name
		if changed := c.version(b) != other; changed != w.both {
			t.Errorf("%s: another person's version changed: %v", w.name, changed)
		}
	}
	a0, b0 := c.version(a), c.version(b)
	m := c.merge(true)
	a1 := c.version(a)
	c.splitMerge(m.ID)
	if a2, b2 := c.version(a), c.version(b); a1 == a0 || a2 == a1 || a2 == a0 || b2 == b0 {
		t.Errorf("versions around a merge: %q, %q, %q; of the other %q, %q", a0, a1, a2, b0, b2)
	}
	for _, table := range []string{"event_dirty", "event_day", "event"} {
		before := c.version(a)
		c.exec(`TRUNCATE health.` + table)
		if c.version(a) == before {
			t.Errorf("%s was emptied under the same version", table)
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.data_stamp WHERE person_id = $1`, int64(a)); n != 1 {
		t.Errorf("%d stamps of a person are left, want one", n)
	}
}

// What doesn't change what is shown leaves the version alone.
func TestVersionStays(t *testing.T) {
	c := newRounds(t)
	a := c.person("a")
	at := c.version(a)
	c.load(obs("b", "2026-02-05T10:00:00Z", "61"))
	c.exec(`UPDATE health.person SET family_name = 'Other'`)
	c.user("u", "Team")
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.version(a) != at {
		t.Error("the version changed with nothing of the person")
	}
	c.exec(`BEGIN`)
	c.exec(etl, int64(a), "2026-02-05T10:00:00Z", 70)
	if c.version(a) != at {
		t.Error("a change shows before it is committed")
	}
	c.exec(`ROLLBACK`)
	if c.version(a) != at {
		t.Error("a change that was rolled back changed the version")
	}
}

// Row security decides: nobody learns the version of a person whom the scope doesn't hold.
func TestVersionUnderRowSecurity(t *testing.T) {
	c := newRounds(t)
	a, b := c.person("a"), c.person("b")
	for name, scope := range map[string]access.Scope{"another person": access.One(b), "nobody": {}, "all reports": {AllReports: true}} {
		if at, err := c.db.DataVersion(t.Context(), scope, a); err != nil || at != "" {
			t.Errorf("%s: version %q, %v", name, at, err)
		}
	}
	c.exec(`DELETE FROM health.data_stamp WHERE person_id = $1`, int64(a))
	if at := c.version(a); at != "" {
		t.Errorf("a person whom nobody stamped has the version %q", at)
	}
	c.exec(`DELETE FROM health.data_stamp WHERE person_id = 0`)
	if at := c.version(b); at != "" {
		t.Errorf("without the stamp of the names the version is %q", at)
	}
}

// Transactions that change one person at the same time neither wait for one
// another's stamps nor hide one another's change.
func TestStampsDontWait(t *testing.T) {
	c := newRounds(t)
	a := int64(c.person("a"))
	var open []pgx.Tx
	for i := range 3 {
		conn, err := pgx.Connect(t.Context(), c.dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const add = `INSERT INTO health.event_day SELECT person_id, metric_id, local_day, code_system, $2, unit_id, 1, 0 FROM health.event_day WHERE person_id = $1 LIMIT 1`
		if _, err := tx.Exec(t.Context(), `SET LOCAL lock_timeout = '20s'`); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second change of a transaction needs no stamp more
			if _, err := tx.Exec(t.Context(), add, a, fmt.Sprintf("code %d %d", i, time.Now().UnixNano())); err != nil {
				t.Fatalf("transaction %d: %v", i, err)
			}
		}
		open = append(open, tx)
	}
	seen := map[health.DataVersion]bool{c.version(health.PersonID(a)): true}
	for i, end := range []func(pgx.Tx) error{
		func(tx pgx.Tx) error { return tx.Commit(t.Context()) },
		func(tx pgx.Tx) error { return tx.Rollback(t.Context()) },
		func(tx pgx.Tx) error { return tx.Commit(t.Context()) },
	} {
		if err := end(open[2-i]); err != nil {
			t.Fatal(err)
		}
		if at := c.version(health.PersonID(a)); seen[at] != (i == 1) {
			t.Errorf("after end %d the version is known: %v", i, seen[at])
		} else {
			seen[at] = true
		}
	}
	if n := one[int](c, `SELECT count(*) FROM health.data_stamp WHERE person_id = $1`, a); n > 3 {
		t.Errorf("%d stamps", n)
	}
}

// Stamps of a database from which this one was copied are no stamps of ours, even
// where a transaction has the same number.
func TestStampsOfACopy(t *testing.T) {
	c := newRounds(t)
	a := c.person("a")
	c.exec(`INSERT INTO health.data_stamp (person_id, xid) SELECT $1, i FROM generate_series(pg_current_xact_id()::text::bigint + 1, pg_current_xact_id()::text::bigint + 5000) i`, int64(a))
	old := one[[]string](c, `SELECT array_agg(stamp::text) FROM health.data_stamp WHERE person_id = $1`, int64(a))
	c.exec(etl, int64(a), "2026-02-05T10:00:00Z", 70)
	at := string(c.version(a))
	for _, stamp := range old {
		if strings.Contains(at, stamp) {
			t.Fatal("an old stamp stands for new data")
		}
	}
}

// reader is the database, or the cache in front of it.
type reader interface {
	PersonMetrics(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.MetricSummary, error)
	Series(ctx context.Context, scope access.Scope, person health.PersonID, metric string, w health.Window) ([]health.Series, error)
	Sparks(ctx context.Context, scope access.Scope, person health.PersonID) ([]health.Series, error)
}

// answers are what pages show of a person, from the cache or from the database.
func answers(t *testing.T, from reader, p health.PersonID) []any {
	t.Helper()
	var all []any
	keep := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	scope, day := access.One(p), health.Day{Year: 2026, Month: time.February, Dom: 2}
	metrics, err := from.PersonMetrics(t.Context(), scope, p)
	keep(metrics, err)
	sparks, err := from.Sparks(t.Context(), scope, p)
	keep(sparks, err)
	for _, zoom := range []health.Zoom{health.Years, health.Months, health.Days, health.Hours} {
		for _, metric := range []string{"heart_rate", "glucose"} {
			series, err := from.Series(t.Context(), scope, p, metric, health.WindowAt(zoom, day, time.UTC))
			keep(series, err)
		}
	}
	return all
}

// Random changes in all ways, interleaved with reads: what the cache answers is
// what the database answers, at once, and what did not change is not asked again.
func TestCacheEqualsDatabase(t *testing.T) {
	c := newRounds(t)
	u := c.user("u", "Team")
	kept := cache.NewAggregates(c.db, nil)
	rnd := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test that repeats
	list := append(ways(), way{"merge and split", false, func(c *clinic, _ *rand.Rand) {
		m := c.merge(true)
		c.sameAnswers(kept, u)
		c.splitMerge(m.ID)
	}}, way{"another day's page", false, func(*clinic, *rand.Rand) {}})
	for i := range 3 * len(list) {
		w := list[rnd.IntN(len(list))]
		if i < len(list) {
			w = list[i]
		}
		w.do(c, rnd)
		if !c.sameAnswers(kept, u) {
			t.Fatalf("after %q", w.name)
		}
		before := kept.Counts()
		c.sameAnswers(kept, u)
		if after := kept.Counts(); after.Misses != before.Misses || after.Passed != before.Passed || after.Hits == before.Hits {
			t.Errorf("after %q nothing changed and the database was asked: %+v, %+v", w.name, before, after)
		}
	}
}

// sameAnswers compares what the cache and the database answer about a, b and the user's sources.
func (c *clinic) sameAnswers(kept *cache.Aggregates, user int64) bool {
	c.t.Helper()
	for _, name := range []string{"a", "b"} {
		p := c.person(name)
		got, want := answers(c.t, kept, p), answers(c.t, c.db, p)
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				c.t.Errorf("answer %d about %s: the cache has %+v, the database %+v", i, name, got[i], want[i])
				return false
			}
		}
	}
	got, err := kept.Summary(c.t.Context(), user, now())
	want, err2 := c.db.Summary(c.t.Context(), user, now())
	if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
		c.t.Errorf("summary: the cache has %+v (%v), the database %+v (%v)", got, err, want, err2)
		return false
	}
	return true
}

// Readers while others write: where the version was the same before and after,
// the cache's answer between is the database's.
func TestCacheWhileOthersWrite(t *testing.T) {
	c := newRounds(t)
	a := c.person("a")
	kept := cache.NewAggregates(c.db, nil)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for compared := false; ; {
				select {
				case <-done:
					if compared {
						return
					}
				default:
				}
				before, err := c.db.DataVersion(t.Context(), access.One(a), a)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := kept.PersonMetrics(t.Context(), access.One(a), a)
				want, err2 := c.db.PersonMetrics(t.Context(), access.One(a), a)
				after, err3 := c.db.DataVersion(t.Context(), access.One(a), a)
				if err != nil || err2 != nil || err3 != nil {
					t.Error(err, err2, err3)
					return
				}
				if before == after {
					compared = true
					if !reflect.DeepEqual(got, want) {
						t.Errorf("the cache has %+v, the database %+v", got, want)
						return
					}
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test that repeats
	list := ways()
	for range 40 {
		list[rnd.IntN(len(list))].do(c, rnd)
	}
	close(done)
	wg.Wait()
	if n := kept.Counts(); n.Misses == 0 || n.Failures != 0 {
		t.Errorf("%+v", n)
	}
}

// The freshness of sources follows the patients that are the user's now.
func TestSourcesOfTheUsersPatients(t *testing.T) {
	c := newRounds(t)
	u, other := c.user("u", "Team"), c.user("v", "Other")
	kept := cache.NewAggregates(c.db, nil)
	ask := func(user int64) int {
		t.Helper()
		s, err := kept.Summary(t.Context(), user, now())
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Sources)
	}
	if ask(u) == 0 || ask(other) != 0 {
		t.Fatalf("sources %d, of a user without patients %d", ask(u), ask(other))
	}
	c.exec(`UPDATE auth.care_team_person SET valid_to = now()`)
	if n := ask(u); n != 0 {
		t.Errorf("%d sources after the patients left the team", n)
	}
	c.exec(`UPDATE auth.care_team_person SET valid_to = NULL`)
	c.exec(`DELETE FROM health.person_source`)
	if n := ask(u); n != 0 {
		t.Errorf("%d sources of which nothing is there", n)
	}
}
