package postgres_test

import (
	"testing"

	"healthportal/app/access"
)

// The local day of a row lies between a day before and two days after the UTC
// date of its time (event_day_near): at both ends a metric shows its newest row.
func TestNewestOfAMetricAtTheBordersOfItsDay(t *testing.T) {
	const insert = `INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, unit_id, source_id, code_system, code, dedupe)
		SELECT person_id, metric_id, $1::text::timestamptz, $2::text::date, 61, unit_id, source_id, code_system, code, sha256(dedupe || convert_to($1::text, 'UTF8'))
		FROM health.event WHERE person_id = $3 LIMIT 1`
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	newest := func(name, day, at string) {
		t.Helper()
		list, err := c.db.PersonMetrics(t.Context(), access.One(a), a)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %+v, %v", name, list, err)
		}
		if got := list[0].Latest.EffectiveAt.UTC().Format("2006-01-02 15:04:05.999999+00"); got != at || list[0].Last.String() != day {
			t.Errorf("%s: the newest is of %s on %s, want %s on %s", name, got, list[0].Last, at, day)
		}
	}
	for _, tt := range []struct{ name, day, at string }{
		{"a day before", "2026-03-10", "2026-03-11 23:59:59.999999+00"},
		{"two days after", "2026-03-20", "2026-03-18 00:00:00+00"},
	} {
		c.exec(insert, tt.at, tt.day, int64(a))
		newest(tt.name+", counted live", tt.day, tt.at)
		if _, err := c.db.RebuildDirty(t.Context()); err != nil {
			t.Fatal(err)
		}
		newest(tt.name+", from the rollup", tt.day, tt.at)
	}
}
