package postgres_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

func (c *clinic) series(person health.PersonID, metric string, w health.Window) []health.Series {
	c.t.Helper()
	list, err := c.db.Series(c.t.Context(), access.One(person), person, metric, w)
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// tallyOf adds up what the points of a series count and hold.
type tallyOf struct {
	n, used, bounds int
	low, high, sum  float64
}

func tallies(list []health.Series, within health.Window) map[string]tallyOf {
	all := map[string]tallyOf{}
	for _, s := range list {
		t := tallyOf{low: math.Inf(1), high: math.Inf(-1)}
		for _, p := range s.Points {
			if !within.Holds(p.Day) {
				continue
			}
			t.n, t.used, t.sum = t.n+p.N, t.used+p.Used, t.sum+p.Sum
			if p.Used > 0 {
				t.low, t.high = min(t.low, p.Min), max(t.high, p.Max)
			}
			for _, b := range p.Bounds {
				t.bounds += b.N
			}
		}
		if t.n > 0 {
			all[s.Code+" "+s.Unit] = t
		}
	}
	return all
}

// checkLadder compares each point of a metric with the sum of the points one
// step nearer, down to the hours, and each day with the table of events.
func (c *clinic) checkLadder(stage string, person health.PersonID, metric string, first, last health.Day, zone *time.Location) {
	c.t.Helper()
	all := health.Window{Zoom: health.Years, From: health.Day{Year: first.Year, Month: 1, Dom: 1}, To: health.Day{Year: last.Year, Month: 12, Dom: 31}, Zone: zone}
	above, total := c.series(person, metric, all), 0
	for _, t := range tallies(above, all) {
		total += t.n
	}
	if want := c.page(health.EventFilter{Person: person, Metric: metric}).Total; total != want || want == 0 {
		c.t.Errorf("%s: the years count %d, the table %d", stage, total, want)
	}
	c.descend(stage, person, metric, all, above)
}

// descend checks the steps of w, whose series are given, against the windows below.
func (c *clinic) descend(stage string, person health.PersonID, metric string, w health.Window, list []health.Series) {
	c.t.Helper()
	below := map[health.Zoom]health.Zoom{health.Years: health.Months, health.Months: health.Days, health.Days: health.Hours}[w.Zoom]
	seen := map[health.Day]bool{}
	for _, s := range list {
		for _, p := range s.Points {
			if !w.Holds(p.Day) {
				c.t.Errorf("%s: a point at %s lies outside of %s to %s", stage, p.Day, w.From, w.To)
			}
			if seen[p.Day] {
				continue
			}
			seen[p.Day] = true
			next := health.WindowAt(below, p.Day, w.Zone)
			nearer := c.series(person, metric, next)
			if got, want := tallies(nearer, next), tallies(list, next); fmt.Sprint(got) != fmt.Sprint(want) {
				c.t.Errorf("%s: %s of %s add up to %v, above stands %v", stage, below, p.Day, got, want)
			}
			if below != health.Hours {
				c.descend(stage, person, metric, next, nearer)
				continue
			}
			n := 0
			for _, t := range tallies(nearer, next) {
				n += t.n
			}
			if want := c.page(health.EventFilter{Person: person, Metric: metric, From: p.Day, To: p.Day}).Total; n != want {
				c.t.Errorf("%s: the hours of %s count %d, the table %d", stage, p.Day, n, want)
			}
		}
	}
}

// year holds heart rates of the two days with 23 and 25 hours in Berlin, one for
// each twenty minutes, and some of the years and months around.
func year() string {
	var b strings.Builder
	for _, start := range []time.Time{time.Date(2025, 3, 29, 23, 0, 0, 0, time.UTC), time.Date(2025, 10, 25, 22, 0, 0, 0, time.UTC)} {
		for i := range 3 * 26 {
			b.WriteString(obs("a", start.Add(time.Duration(i)*20*time.Minute).Format(time.RFC3339), fmt.Sprint(50+i), fmt.Sprintf(`"id":"%d-%d"`, start.Month(), i)))
		}
	}
	for i, at := range []string{"2023-06-15T10:00:00Z", "2024-12-31T22:59:59Z", "2024-12-31T23:00:00Z", "2025-01-31T23:30:00Z", "2026-01-01T00:00:00Z"} {
		b.WriteString(obs("a", at, fmt.Sprint(60+i), fmt.Sprintf(`"id":"y%d"`, i)))
	}
	bound := `"valueQuantity":{"value":30,"comparator":"<","unit":"/min","code":"/min"}`
	b.WriteString(obs("a", "2025-10-26T00:10:00Z", "", `"id":"b1"`, bound)) // the first 02:10
	b.WriteString(obs("a", "2025-10-26T01:10:00Z", "", `"id":"b2"`, bound)) // the second 02:10
	b.WriteString(obs("a", "2025-10-26T01:20:00Z", "", `"id":"b3"`, strings.Replace(bound, "<", ">=", 1)))
	b.WriteString(obs("a", "2025-10-26", "64", `"id":"whole"`))
	b.WriteString(obs("a", "2025-10-26T12:00:00Z", "", `"id":"t1"`, `"valueString":"irregular"`))
	return b.String()
}

func TestZoomLadderCounts(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "", "F", "G", "", berlin) + year())
	a, zone := c.person("a"), mustZone(t, "Europe/Berlin")
	check := func(stage string) {
		t.Helper()
		c.checkLadder(stage, a, "heart_rate", health.Day{Year: 2023}, health.Day{Year: 2026}, zone)
	}
	check("imported")
	c.exec(`SET ROLE hp_owner`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, value, comparator, code_system, code, unit_id, source_id, dedupe)
		SELECT person_id, metric_id, effective_at + interval '1 second', 77, v.comparator, code_system, code, unit_id, source_id, decode(md5(e.id || v.name), 'hex')
		FROM health.event e CROSS JOIN (VALUES ('a', NULL), ('b', '>')) v (name, comparator)
		WHERE person_id = $1 AND local_day IN ('2025-10-26', '2025-03-30') AND value IS NOT NULL`, int64(a))
	c.exec(`UPDATE health.event SET status = 'entered-in-error' WHERE person_id = $1 AND external_id IN ('10-3', 'b1')`, int64(a))
	check("waiting for the rollup")
	if _, err := c.db.RebuildDirty(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("rebuilt")
}

func TestYearsAndMonthsOfTheRollup(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "", "F", "G", "", berlin) + obs("a", "2024-12-31T23:30:00Z", "100", `"id":"1"`) + // 2025 in Berlin
		obs("a", "2025-06-30T21:30:00Z", "40", `"id":"2"`) + obs("a", "2025-06-01T10:00:00Z", "50", `"id":"3"`) + obs("a", "2025-06-01T11:00:00Z", "51", `"id":"4"`) +
		obs("a", "2025-06-02T11:00:00Z", "", `"id":"5"`, `"valueQuantity":{"value":1,"comparator":"<","code":"/min"}`))
	a := c.person("a")
	for zoom, want := range map[health.Zoom]string{
		health.Years:  "2025-01-01 5/4 40 60.25 100 241 [{< 1 1}]",
		health.Months: "2025-01-01 1/1 100 100 100 100 []; 2025-06-01 4/3 40 47 51 141 [{< 1 1}]",
		health.Days:   "2025-06-01 2/2 50 50.5 51 101 []; 2025-06-02 1/0 0 0 0 0 [{< 1 1}]; 2025-06-30 1/1 40 40 40 40 []",
	} {
		list := c.series(a, "heart_rate", health.WindowAt(zoom, health.Day{Year: 2025, Month: 6, Dom: 30}, nil))
		var got []string
		for _, p := range list[0].Points {
			got = append(got, fmt.Sprintf("%s %d/%d %v %v %v %v %v", p.Day, p.N, p.Used, p.Min, p.Mean, p.Max, p.Sum, p.Bounds))
		}
		if text := strings.Join(got, "; "); len(list) != 1 || text != want {
			t.Errorf("%s: %s\nwant %s", zoom, text, want)
		}
	}
}

// The hours of a day with 25 of them, with sleep that began the evening before and a value without a time.
func TestHoursOfADay(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "", "F", "G", "", berlin) + obs("a", "2025-10-26T00:10:00Z", "60", `"id":"1"`) + obs("a", "2025-10-26T01:10:00Z", "61", `"id":"2"`) +
		obs("a", "2025-10-26T01:59:59Z", "63", `"id":"3"`) + obs("a", "2025-10-26", "64", `"id":"4"`) +
		strings.Replace(obs("a", "X", "420", `"id":"5"`, `"code":{"coding":[{"system":"http://loinc.org","code":"93832-4"}]}`),
			`"effectiveDateTime":"X"`, `"effectivePeriod":{"start":"2025-10-25T19:45:00Z","end":"2025-10-26T06:00:00Z"}`, 1))
	a := c.person("a")
	w := health.WindowAt(health.Hours, health.Day{Year: 2025, Month: 10, Dom: 26}, mustZone(t, "Europe/Berlin"))
	for metric, want := range map[string]string{
		"heart_rate":     "no time 1 64; 02:00 +0200 1 60; 02:00 +0100 2 62",
		"sleep_duration": "21:00 +0200 1 420",
	} {
		list := c.series(a, metric, w)
		var got []string
		for _, p := range list[0].Points {
			at := "no time"
			if !p.Start.IsZero() {
				at = p.Start.Format("15:04 -0700")
			}
			if p.Day != w.From {
				t.Errorf("a point of %s", p.Day)
			}
			got = append(got, fmt.Sprintf("%s %d %v", at, p.N, p.Mean))
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%s: %s, want %s", metric, text, want)
		}
	}
}

func TestReferenceRanges(t *testing.T) {
	within := func(low, high string) string {
		return `"referenceRange":[{"low":{"value":` + low + `,"code":"mg/dL"},"high":{"value":` + high + `,"code":"mg/dL"}}]`
	}
	c := newClinic(t)
	c.load(glucose("2026-01-01T08:00:00Z", "90", "mg/dL", `"id":"1"`, within("70", "99")) + glucose("2026-01-02T08:00:00Z", "95", "mg/dL", `"id":"2"`, within("70", "99")) +
		glucose("2026-02-01T08:00:00Z", "90", "mg/dL", `"id":"3"`, within("70", "99")) + glucose("2026-02-02T08:00:00Z", "90", "mg/dL", `"id":"4"`, within("65", "99")) +
		glucose("2026-03-01T08:00:00Z", "90", "mg/dL", `"id":"5"`, within("70", "99")) + glucose("2026-03-02T08:00:00Z", "90", "mg/dL", `"id":"6"`) +
		glucose("2026-04-01T08:00:00Z", "90", "mg/dL", `"id":"7"`) +
		obs("a", "2026-01-01T08:00:00Z", "60", `"id":"8"`, strings.ReplaceAll(within("60", "100"), "mg/dL", "/min")))
	a := c.person("a")
	for month, want := range map[time.Month]string{1: "70 to 99", 2: "mixed", 3: "mixed", 4: "none"} {
		s := c.series(a, "glucose", health.WindowAt(health.Days, health.Day{Year: 2026, Month: month, Dom: 1}, nil))
		got := "none"
		if r := s[0].Range; r != nil && r.Mixed && r.Low == nil && r.High == nil {
			got = "mixed"
		} else if r != nil {
			got = fmt.Sprintf("%v to %v", *r.Low, *r.High)
		}
		if len(s) != 1 || got != want {
			t.Errorf("%s: %s, want %s", month, got, want)
		}
	}
	if r := c.series(a, "glucose", health.WindowAt(health.Months, health.Day{Year: 2026}, nil))[0].Range; r == nil || !r.Mixed {
		t.Errorf("the year's ranges: %+v", r)
	}
	if r := c.series(a, "heart_rate", health.WindowAt(health.Months, health.Day{Year: 2026}, nil))[0].Range; r != nil {
		t.Errorf("a range of a vital sign: %+v", r)
	}
}

func TestSeriesScope(t *testing.T) {
	c := newClinic(t)
	c.load(year() + obs("b", "2025-03-30T10:00:00Z", "70"))
	a, day := c.person("a"), health.Day{Year: 2025, Month: 3, Dom: 30}
	for _, zoom := range []health.Zoom{health.Years, health.Months, health.Days, health.Hours} {
		w := health.WindowAt(zoom, day, time.UTC)
		for name, scope := range map[string]access.Scope{"nobody": {}, "another": access.One(c.person("b"))} {
			if list, err := c.db.Series(t.Context(), scope, a, "heart_rate", w); err != nil || len(list) != 0 {
				t.Errorf("%s: the scope of %s shows %v, %v", zoom, name, list, err)
			}
		}
	}
}
