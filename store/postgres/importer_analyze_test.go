package postgres_test

import (
	"strings"
	"testing"
)

// hasStatistics reports whether the planner knows anything of a table of health.
func (c *clinic) hasStatistics(table string) bool {
	c.t.Helper()
	return one[bool](c, `SELECT EXISTS (SELECT 1 FROM pg_stats WHERE schemaname = 'health' AND tablename = $1)`, table)
}

func TestLargeImportGathersStatistics(t *testing.T) {
	c := newClinic(t)
	if r := c.load(string(wearable(1, 9_990)) + obs("p0", "2014-02-03T10:00:00Z", "60")); r.Stored != 9_991 {
		t.Fatal(r.Summary())
	}
	if one[string](c, `SHOW autovacuum`) == "off" && c.hasStatistics("event_day") {
		t.Error("a smaller import gathered statistics")
	}
	late := strings.ReplaceAll(string(wearable(1, 10_000)), `"hr-`, `"again-`)
	late = strings.ReplaceAll(late, `"2024-`, `"2025-`) + obs("p0", "2013-02-03T10:00:00Z", "60")
	if r := c.load(late); r.Stored != 10_001 {
		t.Fatal(r.Summary())
	}
	for _, table := range []string{"event_day", "event_identity", "event_2025_03", "event_2025_05", "event_before_2015"} {
		if !c.hasStatistics(table) {
			t.Errorf("no statistics of %s", table)
		}
	}
}

// Statistics are a convenience: what was stored stays imported without them.
func TestImportWithoutStatistics(t *testing.T) {
	c := newClinic(t)
	c.exec(`CREATE FUNCTION public.breaks(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
		BEGIN IF current_query() ILIKE 'analyze%' THEN RAISE 'broken'; END IF; RETURN n; END $$`)
	c.exec(`CREATE INDEX ON health.event_day (public.breaks(n))`)
	if r := c.load(string(wearable(1, 10_000))); r.Stored != 10_000 {
		t.Error(r.Summary())
	}
	if c.hasStatistics("event_day") {
		t.Error("the statistics were not refused")
	}
	if n := one[int](c, `SELECT count(*) FROM health.import WHERE finished_at IS NOT NULL AND stored = 10000`); n != 1 {
		t.Errorf("%d finished imports, want 1", n)
	}
}
