package postgres_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// dayOfTheFold is a day of 25 hours in Berlin: heart rates around each border, one without
// a time, and sleep that began the evening before, some of which belongs to that evening.
func dayOfTheFold(c *clinic) health.PersonID {
	var b strings.Builder
	b.WriteString(patient("a", "R-1", "F", "G", "", berlin))
	for i, at := range []string{"2025-10-25T21:59:59.999999Z", "2025-10-25T22:00:00Z", "2025-10-25T23:59:59Z", "2025-10-26T00:00:00Z", "2025-10-26T00:59:59.999999Z",
		"2025-10-26T01:00:00Z", "2025-10-26T01:10:00Z", "2025-10-26T01:59:59.5Z", "2025-10-26T02:00:00Z", "2025-10-26T22:59:59Z", "2025-10-26T23:00:00Z", "2025-10-26"} {
		b.WriteString(obs("a", at, fmt.Sprint(60+i), fmt.Sprintf(`"id":"h%d"`, i)))
	}
	for i, period := range [][2]string{{"2025-10-25T19:45:00Z", "2025-10-26T06:00:00Z"}, {"2025-10-25T19:50:00Z", "2025-10-25T20:30:00Z"}, {"2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"}} {
		b.WriteString(strings.Replace(obs("a", "X", "30", fmt.Sprintf(`"id":"s%d"`, i), `"code":{"coding":[{"system":"http://loinc.org","code":"93832-4"}]}`),
			`"effectiveDateTime":"X"`, fmt.Sprintf(`"effectivePeriod":{"start":"%s","end":"%s"}`, period[0], period[1]), 1))
	}
	if r := c.load(b.String()); r.Refused != 0 {
		c.t.Fatal(r.Problems)
	}
	return c.person("a")
}

// Each hour of the chart counts as many as the table that it leads to, also in the two hours
// that begin at 02:00, and all of them together are the day.
func TestHoursCountWhatTheirTablesShow(t *testing.T) {
	c := newClinic(t)
	a := dayOfTheFold(c)
	day := health.Day{Year: 2025, Month: 10, Dom: 26}
	w := health.WindowAt(health.Hours, day, mustZone(t, "Europe/Berlin"))
	starts := w.HourStarts()
	hours := map[string]int{}
	for _, metric := range []string{"heart_rate", "sleep_duration"} {
		of := map[time.Time]int{}
		sum := 0
		for _, s := range c.series(a, metric, w) {
			for _, p := range s.Points {
				of[p.Start.UTC()] += p.N
				sum += p.N
			}
		}
		whole := c.page(health.EventFilter{Person: a, Metric: metric, From: day, To: day})
		if whole.Total != sum {
			t.Errorf("%s: the hours have %d, the day %d", metric, sum, whole.Total)
		}
		for i := range len(starts) - 1 {
			f := health.EventFilter{Person: a, Metric: metric, From: day, To: day, Since: starts[i].UTC(), Until: starts[i+1].UTC()}
			p := c.page(f)
			if n := of[starts[i].UTC()]; p.Total != n || len(p.Events) != n || p.AtLeast {
				t.Errorf("%s from %s: the chart has %d, the table %d with %d rows", metric, starts[i], n, p.Total, len(p.Events))
			}
			hours[metric+starts[i].Format(" 02 15:04 -0700")] = p.Total
			var file bytes.Buffer
			rows, err := c.db.ExportEvents(t.Context(), access.One(a), f, health.ExportCSV, &file, func(int64) {})
			if err != nil || int(rows) != p.Total {
				t.Errorf("%s from %s: the export has %d, %v", metric, starts[i], rows, err)
			}
		}
	}
	for hour, want := range map[string]int{"heart_rate 26 02:00 +0200": 2, "heart_rate 26 02:00 +0100": 3, "heart_rate 26 00:00 +0200": 1, "heart_rate 26 23:00 +0100": 1,
		"heart_rate 25 23:00 +0200": 0, "sleep_duration 25 21:00 +0200": 1, "sleep_duration 26 02:00 +0200": 1} {
		if hours[hour] != want {
			t.Errorf("%s: %d, want %d", hour, hours[hour], want)
		}
	}
}

// Times narrow whatever else the filter says, and pages of them lead to one another.
func TestFiltersByTime(t *testing.T) {
	c := newClinic(t)
	a := dayOfTheFold(c)
	at := func(s string) time.Time {
		v, err := health.ParseInstant(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	source := c.page(health.EventFilter{Person: a}).Events[0].SourceID
	c.exec(`UPDATE health.event SET flag = 'H' WHERE value IN (62, 63)`)
	for name, tt := range map[string]struct {
		f    health.EventFilter
		want int
	}{
		"since":            {health.EventFilter{Since: at("2025-10-26T01:59:59.5Z")}, 4},
		"a moment later":   {health.EventFilter{Since: at("2025-10-26T01:59:59.500001Z")}, 3},
		"until":            {health.EventFilter{Until: at("2025-10-25T22:00:00Z")}, 3},
		"both":             {health.EventFilter{Since: at("2025-10-26T00:00:00Z"), Until: at("2025-10-26T01:00:00Z")}, 3},
		"one microsecond":  {health.EventFilter{Since: at("2025-10-26T00:59:59.999999Z"), Until: at("2025-10-26T01:00:00Z")}, 1},
		"with a metric":    {health.EventFilter{Since: at("2025-10-26T00:00:00Z"), Until: at("2025-10-26T01:00:00Z"), Metric: "sleep_duration"}, 1},
		"with a source":    {health.EventFilter{Since: at("2025-10-26T00:00:00Z"), Until: at("2025-10-26T01:00:00Z"), Source: source}, 3},
		"with a flag":      {health.EventFilter{Since: at("2025-10-26T00:00:00Z"), Flag: "H"}, 1},
		"with a day":       {health.EventFilter{Until: at("2025-10-25T20:00:00Z"), From: health.Day{Year: 2025, Month: 10, Dom: 26}}, 1},
		"nothing":          {health.EventFilter{Since: at("2025-10-27T00:00:00Z"), Until: at("2025-10-28T00:00:00Z")}, 0},
		"all with a time":  {health.EventFilter{Since: at("1900-01-01T00:00:00Z")}, 14},
		"all, days too":    {health.EventFilter{}, 15},
		"all, counted all": {health.EventFilter{Since: at("1900-01-01T00:00:00Z"), CountAll: true}, 14},
	} {
		tt.f.Person, tt.f.Size = a, 200
		p := c.page(tt.f)
		if p.Total != tt.want || len(p.Events) != tt.want {
			t.Errorf("%s: total %d, %d rows, want %d", name, p.Total, len(p.Events), tt.want)
		}
		if n, err := c.db.CountExport(t.Context(), tt.f); err != nil || int(n) != tt.want {
			t.Errorf("%s: the export counts %d, %v", name, n, err)
		}
		if tt.want > 0 {
			tt.f.Size = 2
			if all := c.walk(tt.f); len(all) != tt.want {
				t.Errorf("%s: pages of two have %d rows", name, len(all))
			}
		}
	}
}

// Within a day all is counted, beyond it as far as the limit.
func TestTimesAreCounted(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	const many = health.CountLimit + 345
	c.exec(`SET ROLE hp_owner`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe)
		SELECT $1, 1, timestamptz '2026-03-02 10:00Z' + i * interval '1 millisecond', NULL, 60, 1, decode(md5(i::text), 'hex') FROM generate_series(1, $2::int) i`, int64(a), many)
	since := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if p := c.page(health.EventFilter{Person: a, Since: since, Until: since.Add(time.Hour)}); p.Total != many || p.AtLeast {
		t.Errorf("an hour: %d, at least %v", p.Total, p.AtLeast)
	}
	if p := c.page(health.EventFilter{Person: a, Since: since}); p.Total != health.CountLimit || !p.AtLeast {
		t.Errorf("open: %d, at least %v", p.Total, p.AtLeast)
	}
}
