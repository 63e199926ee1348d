package postgres_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/health"
	"healthportal/store/postgres"
)

// rawReads are the parts of a plan that read rows of a partition of health.event.
func (c *clinic) rawReads(s postgres.Statement) []string {
	c.t.Helper()
	rows, err := c.conn.Query(c.t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+s.SQL, s.Args...)
	if err != nil {
		c.t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	partition := regexp.MustCompile(`(Scan|using \S+) on event_(\d{4}_\d\d|before_2015|default)`)
	var reads []string
	for _, line := range plan {
		if partition.MatchString(line) && !strings.Contains(line, "(never executed)") {
			reads = append(reads, strings.TrimSpace(line))
		}
	}
	return reads
}

// A chart of years, months or days of what devices send opens no partition of
// health.event while its rollup is up to date. The plan names them, for days that
// wait to be counted and for bounds, but nothing of that runs.
func TestChartsReadNoRawRows(t *testing.T) {
	c := newClinic(t)
	c.load(string(wearable(2, 2_000)))
	p := c.person("p0")
	long := health.Window{From: health.Day{Year: 2023, Month: 1, Dom: 1}, To: health.Day{Year: 2024, Month: 12, Dom: 31}}
	windows := map[health.Zoom]health.Window{}
	for _, zoom := range []health.Zoom{health.Years, health.Months, health.Days} {
		w := long
		w.Zoom = zoom
		windows[zoom] = w
	}
	for _, analyzed := range []bool{false, true} { // plans with and without statistics
		for zoom, w := range windows {
			t.Run(fmt.Sprintf("%s, statistics %t", zoom, analyzed), func(t *testing.T) {
				for _, s := range postgres.SeriesStatements(p, "heart_rate", w) {
					if reads := c.rawReads(s); len(reads) > 0 {
						t.Errorf("%s\nreads raw rows:\n%s", s.SQL, strings.Join(reads, "\n"))
					}
				}
				if list := c.series(p, "heart_rate", w); len(list) != 1 || len(list[0].Points) == 0 {
					t.Errorf("the chart holds %+v", list)
				}
			})
		}
		c.exec(`ANALYZE`)
	}
	// What makes it read them: a day that waits, and hours.
	points := func(w health.Window) []string { return c.rawReads(postgres.SeriesStatements(p, "heart_rate", w)[0]) }
	day := health.Day{Year: 2024, Month: 3, Dom: 5}
	if len(points(health.Window{Zoom: health.Hours, From: day, To: day, Zone: time.UTC})) == 0 {
		t.Error("a chart of hours reads no rows: this test would not notice any")
	}
	c.exec(strings.Replace(foreignRow, `FROM health.event LIMIT 1`, fmt.Sprintf(`FROM health.event WHERE person_id = %d LIMIT 1`, p), 1))
	if len(points(windows[health.Days])) == 0 {
		t.Error("a day that waits to be counted is not counted")
	}
}
