package cli_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"healthportal/app/health"
)

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

// instants reports whether a link narrows the table to an hour.
func (c *chartReader) instants(href string) bool {
	u, err := url.Parse(href)
	if err != nil {
		c.t.Fatal(err)
	}
	return u.Query().Has("from")
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
		if i%6 != 0 && !*everyDay {
			continue // one way leads through all hours
		}
		want := p.n
		if !c.instants(p.href) { // what has no hour of the day leads to the day
			want = whole.n
		}
		if n := c.total(c.get(p.href)); n != want {
			c.t.Errorf("%s: %q leads to a table of %d events, want %d", metric, p.name, n, want)
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
