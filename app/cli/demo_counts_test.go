package cli_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"healthportal/app/demo"
	"healthportal/app/health"
)

var everyDay = flag.Bool("every-day", false, "open the table of every day that a chart of the demo leads to, not of a share")

// shareOfDays is how many days of a metric go to one whose table is opened without -every-day.
const shareOfDays = 24

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
	// days are days of a metric with data, tables those whose table was opened, charts the charts.
	metrics, days, observations, tables, charts int
	// changes are days of 23 and 25 hours with data, by zone, metric and hours.
	changes map[string]int
}

// TestDemoCountsAgree is the demo as its first reader meets it: for every patient, metric and day the chart's
// count, that of the table which the chart leads to and those of both exported files are the same, also on the
// days on which the clocks change. Days are counted here anew, from times and zones.
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
	people := r.people(t)
	seen := &tally{changes: map[string]int{}}
	t.Run("patients", func(t *testing.T) {
		for href, p := range people {
			t.Run(p.RecordNumber, func(t *testing.T) {
				t.Parallel()
				(&chartReader{reader: r.with(t), person: p, seen: seen}).read(href)
			})
		}
	})
	seen.wantChanges(t, people)
	t.Logf("%d patients, %d metrics, %d days of a metric with data, %d observations; %d charts and %d tables opened, %d requests; filled in %.0f s, all in %.0f s",
		len(people), seen.metrics, seen.days, seen.observations, seen.charts, seen.tables, r.asked.Load(), filled.Seconds(), time.Since(began).Seconds())
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

// metric compares chart, tables and files of one metric.
func (c *chartReader) metric(href, metric string) {
	c.t.Helper()
	years, whole := c.chart(href)
	days := map[string]point{} // by civil day
	for _, year := range years {
		months, _ := c.chart(year.href)
		c.same(metric, year, months)
		for _, month := range months {
			list, _ := c.chart(month.href)
			c.same(metric, month, list)
			for _, p := range list {
				days[p.day(c.t)] = p
			}
		}
	}
	charted := counts{}
	for day, p := range days {
		charted[day] = p.n
	}
	hours := c.exports(attr(c.byID(whole, "chart-events"), "href"), metric, charted)
	tables := 0
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if *everyDay || c.changes[day] != 0 || c.chosen(metric, day) {
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
	c.seen.days += len(days)
	c.seen.observations += charted.sum()
	c.seen.tables += tables
}

// chosen draws the share of days, the same ones in each run.
func (c *chartReader) chosen(metric, day string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, c.person.RecordNumber+metric+day)
	return h.Sum32()%shareOfDays == 0
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

// point is a link of a chart.
type point struct {
	name, href string
	n          int
	// nearer leads to the hours of a day; hour is the name that the table of the chart has for it.
	nearer string
}

// day is the civil day of a point, which its name and its link must agree on.
func (p point) day(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(p.href)
	if err != nil || u.Path != "/dashboard/events" {
		t.Fatalf("%s leads to %q (%v)", p.name, p.href, err)
	}
	day := u.Query().Get("day")
	name, _, _ := strings.Cut(p.name, ":")
	if at, err := time.Parse("2 January 2006", name); err != nil || at.Format(time.DateOnly) != day {
		t.Fatalf("the point %q leads to %q (%v)", p.name, p.href, err)
	}
	return day
}

var countInName = regexp.MustCompile(`([\d,]+) observations?$`)

// chart opens a chart and lists its points. The table beside it must hold the same counts in the same order.
func (c *chartReader) chart(href string) ([]point, *html.Node) {
	c.t.Helper()
	doc := c.document(c.part(href))
	c.seen.mu.Lock()
	c.seen.charts++
	c.seen.mu.Unlock()
	var points []point
	for _, figure := range all(doc, "figure") {
		own := c.pointsOf(figure)
		rows := c.rowsOf(figure)
		for i, p := range own {
			if len(rows) != len(own) || rows[i].n != p.n || rows[i].href != p.href {
				c.t.Errorf("%s: point %d of %d is %+v, the table has %+v", href, i+1, len(own), p, rows)
				break
			}
		}
		points = append(points, own...)
	}
	// Several series of a metric lead to the same table.
	var joined []point
	at := map[string]int{}
	for _, p := range points {
		if i, ok := at[p.href]; ok {
			joined[i].n += p.n
			continue
		}
		at[p.href] = len(joined)
		joined = append(joined, p)
	}
	return joined, doc
}

func (c *chartReader) pointsOf(figure *html.Node) []point {
	c.t.Helper()
	var list []point
	for _, svg := range all(figure, "svg") {
		for _, a := range all(svg, "a") {
			name := words(all(a, "title")[0])
			if m := countInName.FindStringSubmatch(name); m != nil {
				list = append(list, point{name: name, href: attr(a, "href"), n: number(c.t, m[1])})
			} else {
				list[len(list)-1].nearer = attr(a, "href")
			}
		}
	}
	return list
}

// rowsOf reads the table beside a drawing.
func (c *chartReader) rowsOf(figure *html.Node) []point {
	c.t.Helper()
	table := all(figure, "table")[0]
	column := slices.IndexFunc(all(table, "th"), func(n *html.Node) bool { return words(n) == "Observations" })
	var list []point
	for _, row := range all(all(table, "tbody")[0], "tr") {
		cells := slices.Collect(row.ChildNodes())
		cells = slices.DeleteFunc(cells, func(n *html.Node) bool { return n.Type != html.ElementNode })
		list = append(list, point{href: attr(all(cells[0], "a")[0], "href"), n: number(c.t, words(cells[column]))})
	}
	return list
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// same compares a point with what it leads to.
func (c *chartReader) same(metric string, whole point, parts []point) {
	c.t.Helper()
	n := 0
	for _, p := range parts {
		n += p.n
	}
	if n != whole.n {
		c.t.Errorf("%s: %q leads to a chart of %d observations", metric, whole.name, n)
	}
}

var totalOnPage = regexp.MustCompile(`role="status"[^>]*>(?:[\d,]+ of )?([\d,]+) events?\b`)

// total is how many events a table says that there are.
func (c *chartReader) total(page []byte) int {
	c.t.Helper()
	m := totalOnPage.FindSubmatch(page)
	if m == nil {
		c.t.Fatalf("no total on the page %.3000s", page)
	}
	return number(c.t, string(m[1]))
}

var hourLabel = regexp.MustCompile(`^\d\d$`)

// hours opens the hours of a day on which the clocks change: as many as it has, and in each what the file has.
func (c *chartReader) hours(metric, day string, whole point, exported counts) {
	c.t.Helper()
	points, doc := c.chart(whole.nearer)
	charted := counts{}
	for i, p := range points {
		name, _, _ := strings.Cut(p.name, ": ")
		charted[name] += p.n
		if i > 0 && i < len(points)-1 && !*everyDay {
			continue // they differ in their place among the day's events only
		}
		if n := c.total(c.get(p.href)); n != whole.n {
			c.t.Errorf("%s: %q leads to a table of %d events, the day has %d", metric, p.name, n, whole.n)
		}
	}
	if !maps.Equal(charted, exported) {
		c.t.Errorf("%s: the hours of %s count %v, the file's times %v", metric, day, charted, exported)
	}
	drawn := slices.DeleteFunc(all(doc, "text"), func(n *html.Node) bool {
		return attr(n, "text-anchor") != "middle" || !hourLabel.MatchString(words(n))
	})
	want := c.changes[day]
	if n := len(drawn); n < want || n > want && metric != "sleep_duration" { // sleep begins on the evening before
		c.t.Errorf("%s, %s: %d hours are drawn, want %d", metric, day, n, want)
	}
	if says := fmt.Sprintf("The clocks change: this day has %d hours.", want); !strings.Contains(words(doc), says) {
		c.t.Errorf("%s, %s: the chart does not say %q", metric, day, says)
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	c.seen.changes[fmt.Sprint(c.person.TimeZone, " ", metric, " ", want)]++
}

// wantChanges fails where no hourly metric was seen on a day of 23 and one of 25 hours in each zone that has such.
func (s *tally) wantChanges(t *testing.T, people map[string]health.Person) {
	t.Helper()
	zones := map[string]bool{}
	for _, p := range people {
		if p.TimeZone != "Asia/Kolkata" {
			zones[p.TimeZone] = true
		}
	}
	for zone := range zones {
		for _, metric := range []string{"heart_rate", "steps"} {
			for _, hours := range []int{23, 25} {
				if key := fmt.Sprint(zone, " ", metric, " ", hours); s.changes[key] == 0 {
					t.Errorf("no data on a day like this: %s hours", key)
				}
			}
		}
	}
	if len(zones) != 3 {
		t.Errorf("the demo has zones %v that change their clocks", zones)
	}
	t.Logf("days on which the clocks change: %v", s.changes)
}

var rowsOffered = regexp.MustCompile(`Rows ([\d,]+) events?\b`)

// exports takes a metric out in both forms, by the page that offers it, counts the rows of each day, and returns
// those of each hour of the days on which the clocks change.
func (c *chartReader) exports(events, metric string, charted counts) (hours map[string]counts) {
	c.t.Helper()
	table := c.get(events)
	if n := c.total(table); n != charted.sum() {
		c.t.Errorf("%s: the chart counts %d, the table of all years %d", metric, charted.sum(), n)
	}
	offer := c.document(c.get(attr(c.byID(c.document(table), "event-export"), "href")))
	said := words(c.byID(offer, "export-what"))
	if m := rowsOffered.FindStringSubmatch(said); m == nil || number(c.t, m[1]) != charted.sum() {
		c.t.Errorf("%s: the export offers %q, the chart counts %d", metric, said, charted.sum())
	}
	form := c.byID(offer, "export-form")
	query := url.Values{}
	for _, field := range all(form, "input") {
		if attr(field, "type") == "hidden" {
			query.Set(attr(field, "name"), attr(field, "value"))
		}
	}
	text, rows := c.file(attr(form, "action") + "?" + query.Encode())
	column, own, hours := c.csvDays(text, metric)
	c.compare(metric, "the CSV file's local_day", charted, column, rows)
	c.compare(metric, "the CSV file's times", charted, own, rows)
	query.Del("receipt") // one for each download
	text, rows = c.file(attr(c.byID(form, "export-ndjson"), "formaction") + "?" + query.Encode())
	c.compare(metric, "the NDJSON file's times", charted, c.ndjsonDays(text), rows)
	return hours
}

func (c *chartReader) compare(metric, what string, charted, exported counts, promised int) {
	c.t.Helper()
	if n := exported.sum(); n != promised {
		c.t.Errorf("%s: %s make %d rows, the trailer says %d", metric, what, n, promised)
	}
	if maps.Equal(charted, exported) {
		return
	}
	days := maps.Clone(charted)
	maps.Copy(days, exported)
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if charted[day] != exported[day] {
			c.t.Errorf("%s on %s: the chart counts %d, %s %d", metric, day, charted[day], what, exported[day])
		}
	}
}

// dayOf is the civil day to which an observation counts: that of its start, and for sleep that of waking.
func (c *chartReader) dayOf(metric, start, end string) string {
	c.t.Helper()
	if metric == "sleep_duration" && end != "" {
		return c.instant(end).Format(time.DateOnly)
	}
	return c.instant(start).Format(time.DateOnly)
}

func (c *chartReader) instant(text string) time.Time {
	c.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.t.Fatal(err)
	}
	return at.In(c.zone)
}

// hourOf names the hour in which an observation begins as the chart does.
func (c *chartReader) hourOf(start string) string {
	c.t.Helper()
	return c.instant(start).Format("2 January 2006, from 15:00 UTC-07:00")
}

// csvDays counts a CSV file's rows by its own column of days and by their times, and those of days on which the
// clocks change by hours too.
func (c *chartReader) csvDays(text []byte, metric string) (column, own counts, hours map[string]counts) {
	c.t.Helper()
	in := csv.NewReader(bytes.NewReader(text))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		c.t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	column, own, hours = counts{}, counts{}, map[string]counts{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return column, own, hours
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if row[at["metric"]] != metric || row[at["record_number"]] != c.person.RecordNumber {
			c.t.Fatalf("a row of %s, %s in the file of %s, %s", row[at["metric"]], row[at["record_number"]], metric, c.person.RecordNumber)
		}
		column[row[at["local_day"]]]++
		start := row[at["effective"]]
		day := c.dayOf(metric, start, row[at["effective_end"]])
		own[day]++
		if c.changes[day] != 0 {
			if hours[day] == nil {
				hours[day] = counts{}
			}
			hours[day][c.hourOf(start)]++
		}
	}
}

// ndjsonDays counts the lines of an NDJSON file between its first and its last.
func (c *chartReader) ndjsonDays(text []byte) counts {
	c.t.Helper()
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	own := counts{}
	for _, line := range lines[1 : len(lines)-1] {
		var o struct {
			Metric    string `json:"metric"`
			Effective string `json:"effective"`
			End       string `json:"effective_end"`
		}
		if err := json.Unmarshal(line, &o); err != nil || o.Effective == "" {
			c.t.Fatalf("line %s: %v", line, err)
		}
		own[c.dayOf(o.Metric, o.Effective, o.End)]++
	}
	return own
}
