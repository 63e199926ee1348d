package cli_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"time"
)

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
