package cli_test

import (
	"context"
	"flag"
	"hash/fnv"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/demo"
	"healthportal/app/health"
)

var everyDay = flag.Bool("every-day", false, "open the chart of every month of the demo, and the table of every day that it leads to, not a share of them")

// Without -every-day one month in shareOfMonths is opened of each metric, and of its days one in shareOfDays; each
// month and day on which the clocks change all the same.
const shareOfMonths, shareOfDays = 6, 6

// countedDay is the demo's day in the test of its counts: its two years hold four days on which Berlin changes
// its clocks, and as many in New York and in Santiago.
const countedDay = "2026-03-30"

// counts are numbers of observations by civil day, "2026-03-29".
type counts map[string]int

func (c counts) sum() int {
	n := 0
	for _, v := range c {
		n += v
	}
	return n
}

// tally is what the test has seen, of all patients.
type tally struct {
	mu sync.Mutex
	// days are days of a metric with data, charted those on a chart that was opened, tables those whose table was.
	metrics, days, charted, observations, tables, charts int
	// changes are days of 23 and 25 hours with data, by zone, metric and hours.
	changes map[string]int
}

// TestDemoCountsAgree is the demo as its first reader meets it: for every patient, metric and day the chart's
// count, that of the table which the chart leads to and those of both exported files are the same, also on the
// days on which the clocks change. Days are counted here anew, from times and zones. Each year's and month's chart
// and both files of each metric are read; of the charts of months and the tables of days a share, beside which the
// store's counts stand, from which both are made. With -every-day all are opened.
func TestDemoCountsAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("fills the demo and reads all of it: left out by -short")
	}
	o, db, addr := demoOffice(t)
	o.env = append(o.env, "PORTAL_RATE_LIMIT=1000000", "PORTAL_EXPORT_CHECK_ROWS=1000000000")
	mark(t, db, "filling "+countedDay) // as if it had been begun then
	began := time.Now()
	c := o.start("demo")
	defer c.end(0)
	c.untilWithin(5*time.Minute, "the last line", func() bool { return strings.Contains(c.err.String(), "Ctrl-C") })
	filled := time.Since(began)
	r := enrolledReader(t, addr, links(t, c.out.String())["clinician"])
	people, stored := r.people(t), o.storedDays()
	seen := &tally{changes: map[string]int{}}
	t.Run("patients", func(t *testing.T) {
		for href, p := range people {
			t.Run(p.RecordNumber, func(t *testing.T) {
				t.Parallel()
				(&chartReader{reader: r.with(t), person: p, stored: stored[p.RecordNumber], seen: seen}).read(href)
			})
		}
	})
	seen.wantChanges(t, people)
	t.Logf("%d patients, %d metrics, %d days of a metric with data, %d of them on charts that were opened, %d observations; %d charts and %d tables of days opened, %d requests; filled in %.0f s, all in %.0f s",
		len(people), seen.metrics, seen.days, seen.charted, seen.observations, seen.charts, seen.tables, r.asked.Load(), filled.Seconds(), time.Since(began).Seconds())
}

var recordNumber = regexp.MustCompile(`SYN-\d{6}`)

// people are all patients of the list, by the link to each.
func (r *reader) people(t *testing.T) map[string]health.Person {
	t.Helper()
	day, err := health.ParseDay(countedDay)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]health.Person{}
	for _, p := range demo.New(0, day).Patients() {
		known[p.RecordNumber] = p
	}
	found := map[string]health.Person{}
	for _, row := range all(r.document(r.get("/dashboard")), "tr") {
		for _, a := range all(row, "a") {
			if href := attr(a, "href"); strings.HasPrefix(href, "/patients/") {
				found[href] = known[recordNumber.FindString(words(row))]
			}
		}
	}
	if len(found) != len(known) {
		t.Fatalf("%d patients are listed, the demo has %d", len(found), len(known))
	}
	return found
}

// chartReader reads all charts of one patient.
type chartReader struct {
	*reader
	person health.Person
	// stored are the store's counts, by metric.
	stored map[string]counts
	zone   *time.Location
	// changes are the days on which the zone changes its clocks.
	changes counts
	seen    *tally
}

func (c *chartReader) read(href string) {
	var err error
	if c.zone, err = time.LoadLocation(c.person.TimeZone); err != nil {
		c.t.Fatal(err)
	}
	c.changes = changesOf(c.t, c.zone)
	choice := c.byID(c.document(c.get(href)), "chart-metric")
	metrics := all(choice, "option")
	if len(metrics) < 10 {
		c.t.Errorf("only %d metrics to choose from", len(metrics))
	}
	for _, option := range metrics {
		metric := attr(option, "value")
		c.metric(href+"?"+url.Values{"metric": {metric}, "zoom": {"years"}}.Encode(), metric)
	}
}

// metric compares charts, tables and files of one metric.
func (c *chartReader) metric(href, metric string) {
	c.t.Helper()
	years, whole := c.chart(href)
	charted, days := counts{}, map[string]point{}
	maps.Copy(charted, c.stored[metric])
	c.same(metric, point{name: "all years", n: charted.sum()}, years)
	for _, year := range years {
		months, _ := c.chart(year.href)
		c.same(metric, year, months)
		for _, month := range months {
			c.month(metric, month, charted, days)
		}
	}
	hours := c.exports(attr(c.byID(whole, "chart-events"), "href"), metric, charted)
	tables := 0
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if *everyDay || c.changes[day] != 0 || c.chosen(metric, day, shareOfDays) {
			tables++
			if n := c.total(c.get(days[day].href)); n != days[day].n {
				c.t.Errorf("%s on %s: the chart counts %d, the table that it leads to %d", metric, day, days[day].n, n)
			}
		}
		if c.changes[day] != 0 {
			c.hours(metric, day, days[day], hours[day])
		}
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	c.seen.metrics++
	c.seen.days += len(charted)
	c.seen.charted += len(days)
	c.seen.observations += charted.sum()
	c.seen.tables += tables
}

// month puts what the chart of a month counts in the place of the store's counts, and its points into days. A
// month that isn't opened must be as large as the store's days are.
func (c *chartReader) month(metric string, month point, charted counts, days map[string]point) {
	c.t.Helper()
	u, err := url.Parse(month.href)
	name := u.Query().Get("at")
	if err != nil || len(name) != len("2006-01") {
		c.t.Fatalf("%s leads to %s (%v)", month.name, month.href, err)
	}
	stored, change := counts{}, false
	for day := range c.stored[metric] {
		if strings.HasPrefix(day, name) {
			stored[day] = charted[day]
			change = change || c.changes[day] != 0
		}
	}
	if !*everyDay && !change && !c.chosen(metric, name, shareOfMonths) {
		if n := stored.sum(); n != month.n {
			c.t.Errorf("%s: %q, the store's days of it hold %d", metric, month.name, n)
		}
		return
	}
	maps.DeleteFunc(charted, func(day string, _ int) bool { return strings.HasPrefix(day, name) })
	points, _ := c.chart(month.href)
	c.same(metric, month, points)
	for _, p := range points {
		day := p.day(c.t)
		charted[day], days[day] = p.n, p
	}
}

// chosen draws a share of months or days, the same ones in each run.
func (c *chartReader) chosen(metric, what string, share uint32) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, c.person.RecordNumber+metric+what)
	return h.Sum32()%share == 0
}

// storedDays are the counts of the rollup, by record number and metric.
func (o *office) storedDays() map[string]map[string]counts {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is pending
	rows, err := conn.Query(o.t.Context(), `SELECT p.record_number, m.code, d.local_day::text, sum(d.n)::integer FROM health.event_day d
		JOIN health.person p ON p.id = d.person_id JOIN health.metric m ON m.id = d.metric_id GROUP BY 1, 2, 3`)
	if err != nil {
		o.t.Fatal(err)
	}
	found := map[string]map[string]counts{}
	var record, metric, day string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&record, &metric, &day, &n}, func() error {
		if found[record] == nil {
			found[record] = map[string]counts{}
		}
		if found[record][metric] == nil {
			found[record][metric] = counts{}
		}
		found[record][metric][day] = n
		return nil
	}); err != nil {
		o.t.Fatal(err)
	}
	return found
}

// changesOf are the days of three years on which a zone has other than 24 hours, and how many.
func changesOf(t *testing.T, zone *time.Location) counts {
	t.Helper()
	last, err := health.ParseDay(countedDay)
	if err != nil {
		t.Fatal(err)
	}
	found := counts{}
	for i := range 3 * 366 {
		d := last.AddDays(-i)
		if hours := d.AddDays(1).Start(zone).Sub(d.Start(zone)).Hours(); hours != 24 {
			found[d.String()] = int(hours)
		}
	}
	return found
}
