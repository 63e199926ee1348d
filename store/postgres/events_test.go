package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// ids are the ids of a page's rows.
func ids(p health.EventPage) []int64 {
	list := make([]int64, len(p.Events))
	for i, e := range p.Events {
		list[i] = e.ID
	}
	return list
}

// walk follows a filter's pages to the end and back, checking each step, and returns all ids.
func (c *clinic) walk(f health.EventFilter) []int64 {
	c.t.Helper()
	var all []int64
	var pages []health.EventPage
	f.After, f.Before = nil, nil
	for {
		p := c.page(f)
		pages = append(pages, p)
		all = append(all, ids(p)...)
		if (p.Newer == nil) != (len(pages) == 1) {
			c.t.Fatalf("page %d: newer is %v", len(pages), p.Newer)
		}
		if p.Older == nil {
			break
		}
		f.After = p.Older
	}
	f.After = nil
	for i := len(pages) - 2; i >= 0; i-- {
		f.Before = pages[i+1].Newer
		p := c.page(f)
		if !slices.Equal(ids(p), ids(pages[i])) {
			c.t.Fatalf("back to page %d: %v, want %v", i+1, ids(p), ids(pages[i]))
		}
		if p.Older == nil || (p.Newer == nil) != (i == 0) {
			c.t.Fatalf("back to page %d: older %v, newer %v", i+1, p.Older, p.Newer)
		}
	}
	return all
}

// scattered are events over two months, many of them at the same instant.
func scattered() string {
	var b strings.Builder
	for i := range 60 {
		at := time.Date(2026, 1, 28+i/10, 12, 0, 0, 0, time.UTC) // ten of each instant, across the border of a month
		b.WriteString(obs("a", at.Format(time.RFC3339), fmt.Sprint(50+i), fmt.Sprintf(`"id":"s%d"`, i)))
	}
	b.WriteString(obs("a", "2026-02-02T12:00:00Z", "36.6", `"id":"other"`, `"code":{"coding":[{"system":"http://loinc.org","code":"8310-5"}]}`))
	return b.String()
}

func TestEventPages(t *testing.T) {
	c := newClinic(t)
	c.load(scattered())
	a := c.person("a")
	want := c.page(health.EventFilter{Person: a, Size: 200})
	if len(want.Events) != 61 || want.Total != 61 || want.Older != nil || want.Newer != nil {
		t.Fatalf("all on one page: %d rows, total %d", len(want.Events), want.Total)
	}
	if !slices.IsSortedFunc(want.Events, func(x, y health.Event) int {
		if d := y.EffectiveAt.Compare(x.EffectiveAt); d != 0 {
			return d
		}
		return int(y.ID - x.ID)
	}) {
		t.Error("the rows are not newest first")
	}
	for _, size := range []int{1, 3, 10, 30, 60, 61, 200} {
		if got := c.walk(health.EventFilter{Person: a, Size: size}); !slices.Equal(got, ids(want)) {
			t.Errorf("pages of %d: %v, want %v", size, got, ids(want))
		}
	}
	hr := c.walk(health.EventFilter{Person: a, Size: 7, Metric: "heart_rate", From: health.Day{Year: 2026, Month: 1, Dom: 30}, To: health.Day{Year: 2026, Month: 2, Dom: 1}})
	if len(hr) != 30 {
		t.Errorf("three days of one metric: %d rows, want 30", len(hr))
	}
}

func TestEventPagesAtTheEnds(t *testing.T) {
	c := newClinic(t)
	c.load(scattered())
	a := c.person("a")
	all := c.page(health.EventFilter{Person: a, Size: 200}).Events
	first, last := all[0], all[len(all)-1]
	past := c.page(health.EventFilter{Person: a, Size: 5, After: &health.Cursor{At: last.EffectiveAt, ID: last.ID}})
	if len(past.Events) != 0 || past.Older != nil || past.Newer == nil || past.Total != 61 {
		t.Fatalf("past the end: %+v", past)
	}
	if back := c.page(health.EventFilter{Person: a, Size: 5, Before: past.Newer}); len(back.Events) != 5 || back.Events[4].ID != last.ID {
		t.Errorf("back from past the end: %v, want to end with %d", ids(back), last.ID)
	}
	before := c.page(health.EventFilter{Person: a, Size: 5, Before: &health.Cursor{At: first.EffectiveAt, ID: first.ID}})
	if len(before.Events) != 0 || before.Newer != nil || before.Older == nil {
		t.Fatalf("before the beginning: %+v", before)
	}
	if on := c.page(health.EventFilter{Person: a, Size: 5, After: before.Older}); len(on.Events) != 5 || on.Events[0].ID != first.ID {
		t.Errorf("on from before the beginning: %v, want to begin with %d", ids(on), first.ID)
	}
	none := c.page(health.EventFilter{Person: a, Metric: "glucose"})
	if len(none.Events)+none.Total != 0 || none.Older != nil || none.Newer != nil {
		t.Errorf("no match: %+v", none)
	}
}

func TestInsertsBetweenPages(t *testing.T) {
	c := newClinic(t)
	c.load(scattered())
	a := c.person("a")
	f := health.EventFilter{Person: a, Size: 20}
	one := c.page(f)
	c.load(obs("a", "2026-03-30T12:00:00Z", "99", `"id":"new"`) + obs("a", "2025-12-30T12:00:00Z", "98", `"id":"old"`))
	f.After = one.Older
	two := c.page(f)
	if two.Events[0].ID >= one.Events[19].ID && two.Events[0].EffectiveAt.Equal(one.Events[19].EffectiveAt) {
		t.Error("the second page repeats the first")
	}
	if two.Total != 63 {
		t.Errorf("total %d, want 63", two.Total)
	}
	f.After, f.Before = nil, one.Newer
	if f.Before != nil {
		t.Error("the first page had a newer one")
	}
	f.Before = two.Newer
	if again := c.page(f); !slices.Equal(ids(again), ids(one)) || again.Newer == nil {
		t.Errorf("back to the first page: %v, want %v with a newer page before it", ids(again), ids(one))
	}
}

func TestEventScope(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "70"))
	a, b := c.person("a"), c.person("b")
	for name, scope := range map[string]access.Scope{"nobody": {}, "another": access.One(b), "reports only": {AllReports: true}} {
		p, err := c.db.EventPage(t.Context(), scope, health.EventFilter{Person: a})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Events)+p.Total != 0 {
			t.Errorf("scope of %s shows %d rows", name, len(p.Events))
		}
		s, err := c.db.Series(t.Context(), scope, a, "heart_rate", days(health.Day{Year: 2026, Month: 3, Dom: 1}, health.Day{Year: 2026, Month: 3, Dom: 31}))
		if err != nil || len(s) != 0 {
			t.Errorf("scope of %s shows a series: %v, %v", name, s, err)
		}
		m, err := c.db.PersonMetrics(t.Context(), scope, a)
		if err != nil || len(m) != 0 {
			t.Errorf("scope of %s shows metrics: %v, %v", name, m, err)
		}
	}
}

func TestEventFilterRefused(t *testing.T) {
	c := newClinic(t)
	cur := &health.Cursor{At: now(), ID: 1}
	for name, f := range map[string]health.EventFilter{
		"both cursors":   {Person: 1, After: cur, Before: cur},
		"backward range": {Person: 1, From: health.Day{Year: 2026, Month: 2, Dom: 2}, To: health.Day{Year: 2026, Month: 2, Dom: 1}},
	} {
		if _, err := c.db.EventPage(t.Context(), access.One(1), f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := c.db.Series(t.Context(), access.One(1), 1, "nonsense'; --", days(health.Day{Year: 2026, Month: 2, Dom: 1}, health.Day{Year: 2026, Month: 2, Dom: 1})); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown metric: %v", err)
	}
}

func TestManyRowsAwaitTheRollup(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	c.exec(`SET ROLE hp_owner`)
	const many = 12_345
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe)
		SELECT $1, 1, timestamptz '2026-03-01 00:00Z' + i * interval '1 second', NULL, 60, 1, decode(md5(i::text), 'hex') FROM generate_series(2, $2::int) i`, int64(a), many)
	if p := c.page(health.EventFilter{Person: a}); p.Total != many {
		t.Errorf("total %d, want %d", p.Total, many)
	}
	// Nobody has rebuilt the rollup of these rows yet; what pages show is right all the same.
	s, err := c.db.Series(t.Context(), access.One(a), a, "heart_rate", days(health.Day{Year: 2026, Month: 3, Dom: 1}, health.Day{Year: 2026, Month: 3, Dom: 1}))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, x := range s {
		total += x.Points[0].N
	}
	if total != many {
		t.Errorf("the chart counts %d of rows that await the rollup, want %d", total, many)
	}
	if days, err := c.db.RebuildDirty(t.Context()); err != nil || days != 1 {
		t.Errorf("rebuilt %d days: %v", days, err)
	}
	c.checkRollup()
}

func TestCursorPrunes(t *testing.T) {
	c := newClinic(t)
	c.load(scattered() + obs("a", "2026-03-20T12:00:00Z", "70", `"id":"late"`))
	a := c.person("a")
	plan := c.db.ExplainPage(t, access.One(a), health.EventFilter{Person: a, Size: 5, After: &health.Cursor{At: time.Date(2026, 1, 29, 0, 0, 0, 0, time.UTC), ID: 5}})
	for _, newer := range []string{"event_2026_02", "event_2026_03"} {
		if strings.Contains(plan, newer) {
			t.Errorf("a page of January reads %s:\n%s", newer, plan)
		}
	}
	if strings.Contains(plan, "Seq Scan on event_2026_01") || strings.Contains(plan, "Seq Scan on event_default") {
		t.Errorf("the page does not use an index:\n%s", plan)
	}
}
