package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/store/postgres"
)

// flagged are rows of two sources; of every ten two are H, one HH, one N.
func (c *clinic) flagged(person health.PersonID, rows int) (phone, lab int) {
	c.t.Helper()
	c.exec(`SET ROLE hp_owner`)
	phone = one[int](c, `INSERT INTO health.source (name) VALUES ('Anna''s phone') RETURNING id`)
	lab = one[int](c, `INSERT INTO health.source (name) VALUES ('lab') RETURNING id`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, flag, dedupe)
		SELECT $1, 1, timestamptz '2026-01-25 00:00Z' + i * interval '1 minute', NULL, 60, CASE WHEN i % 5 = 0 THEN $2::int ELSE $3::int END,
		  CASE i % 10 WHEN 1 THEN 'H' WHEN 2 THEN 'H' WHEN 3 THEN 'HH' WHEN 4 THEN 'N' END, decode(md5('f' || i), 'hex') FROM generate_series(0, $4::int - 1) i`, int64(person), phone, lab, rows)
	return phone, lab
}

func TestSourceAndFlag(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "61"))
	a := c.person("a")
	phone, lab := c.flagged(a, 100)
	fhir := one[int](c, `SELECT id FROM health.source WHERE name = 'fhir'`)
	for _, tt := range []struct {
		f    health.EventFilter
		want int
	}{
		{health.EventFilter{Source: phone}, 20}, {health.EventFilter{Source: lab}, 80}, {health.EventFilter{Source: fhir}, 1}, {health.EventFilter{Source: 4711}, 0},
		{health.EventFilter{Flag: "H"}, 20}, {health.EventFilter{Flag: "HH"}, 10}, {health.EventFilter{Flag: health.FlagAny}, 40}, {health.EventFilter{Flag: health.FlagNotNormal}, 30},
		{health.EventFilter{Flag: "h"}, 0}, {health.EventFilter{Flag: "' OR 1=1"}, 0}, {health.EventFilter{Source: lab, Flag: "N"}, 10}, {health.EventFilter{Source: phone, Flag: "H"}, 0},
		{health.EventFilter{Source: lab, Metric: "heart_rate"}, 80}, {health.EventFilter{Source: lab, Metric: "glucose"}, 0},
		{health.EventFilter{Source: lab, From: health.Day{Year: 2026, Month: 1, Dom: 26}}, 0},
	} {
		f := tt.f
		f.Person, f.Choices = a, true
		for _, size := range []int{7, 200} {
			f.Size = size
			p := c.page(f)
			if p.Total != tt.want || p.AtLeast || len(c.walk(f)) != tt.want {
				t.Errorf("%+v: total %d, %d rows, want %d", tt.f, p.Total, len(c.walk(f)), tt.want)
			}
			if fmt.Sprint(p.Sources) != fmt.Sprintf("[{%d Anna's phone} {%d fhir} {%d lab}]", phone, fhir, lab) || !slices.Equal(p.Flags, []string{"H", "HH", "N"}) {
				t.Errorf("%+v: choices %v %v", tt.f, p.Sources, p.Flags)
			}
		}
		f.CountAll = true
		c.sameInExport(f, tt.want)
	}
	if p := c.page(health.EventFilter{Person: a}); p.Sources != nil || p.Flags != nil {
		t.Errorf("nobody asked for %v %v", p.Sources, p.Flags)
	}
	if p := c.page(health.EventFilter{Person: c.person("b"), Choices: true}); len(p.Sources) != 1 || len(p.Flags) != 0 {
		t.Errorf("another patient's choices are %v %v", p.Sources, p.Flags)
	}
}

// sameInExport holds the export of a filter to the table's total.
func (c *clinic) sameInExport(f health.EventFilter, want int) {
	c.t.Helper()
	var b bytes.Buffer
	rows, err := c.db.ExportEvents(c.t.Context(), access.One(f.Person), f, health.ExportCSV, &b, nil)
	lines := strings.Count(b.String(), "\r\n") - 1
	counted, countErr := c.db.CountExport(c.t.Context(), f)
	if err != nil || countErr != nil || int(rows) != want || lines != want || int(counted) != want {
		c.t.Errorf("%+v: an export of %d rows, %d lines, counted %d, want %d: %v", f, rows, lines, counted, want, errors.Join(err, countErr))
	}
}

// What no row has any more is no choice: a source's name may be another patient's.
func TestChoicesFollowTheRows(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	phone, _ := c.flagged(a, 20)
	for _, change := range []string{`UPDATE health.event SET superseded_at = now() WHERE source_id = $1`, `UPDATE health.event SET superseded_at = NULL, status = 'entered-in-error' WHERE source_id = $1`,
		`DELETE FROM health.event WHERE source_id = $1`} {
		c.exec(change, phone)
		if p := c.page(health.EventFilter{Person: a, Choices: true}); len(p.Sources) != 2 || p.Sources[0].ID == phone {
			t.Errorf("after %s: %v", change, p.Sources)
		}
	}
	c.exec(`UPDATE health.event SET flag = 'LL' WHERE flag = 'H'`)
	if p := c.page(health.EventFilter{Person: a, Choices: true}); !slices.Equal(p.Flags, []string{"HH", "LL", "N"}) {
		t.Errorf("flags %v", p.Flags)
	}
}

// A source or flag is counted to a limit, and said so; the pages beyond are all there.
func TestCountHasALimit(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	_, lab := c.flagged(a, 13_000) // 10,400 of the lab
	p := c.page(health.EventFilter{Person: a, Source: lab, Size: 200})
	if p.Total != health.CountLimit || !p.AtLeast || len(p.Events) != 200 || p.Older == nil {
		t.Errorf("total %d, at least %v, %d rows", p.Total, p.AtLeast, len(p.Events))
	}
	if p := c.page(health.EventFilter{Person: a, Source: lab, Size: 200, CountAll: true}); p.Total != 10_400 || p.AtLeast {
		t.Errorf("counted to the end: %d, at least %v", p.Total, p.AtLeast)
	}
	if n := len(c.walk(health.EventFilter{Person: a, Source: lab, Size: 1000, Large: true})); n != 10_400 {
		t.Errorf("the pages have %d rows", n)
	}
	if p := c.page(health.EventFilter{Person: a, Flag: health.FlagAny}); p.Total != 5200 || p.AtLeast {
		t.Errorf("flagged: %d, at least %v", p.Total, p.AtLeast)
	}
}

func TestFewRowsByIndex(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	phone, _ := c.flagged(a, 3000)
	c.exec(`ANALYZE health.event`)
	for index, f := range map[string]health.EventFilter{"source_id_idx": {Source: phone}, "flag_idx": {Flag: "HH"}} {
		f.Person = a
		if plan := c.db.ExplainPage(t, access.One(a), f); !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on event_") {
			t.Errorf("%+v does not use %s:\n%s", f, index, plan)
		}
	}
}

func TestGroupsAtAPagesBorder(t *testing.T) {
	c := newClinic(t)
	var b strings.Builder
	for i := range 6 {
		b.WriteString(fmt.Sprintf(`{"resourceType":"Observation","id":"bp%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/a"},`+
			`"effectiveDateTime":"2026-03-0%dT10:00:00Z","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}},`+
			`{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`+"\n", i, i+1, 110+i, 70+i))
	}
	c.load(b.String())
	a := c.person("a")
	torn := func(f health.EventFilter) (n int) {
		f.Person = a
		for _, e := range c.page(f).Events {
			if e.Torn {
				n++
			}
		}
		return n
	}
	first := c.page(health.EventFilter{Person: a, Size: 3})
	second := c.page(health.EventFilter{Person: a, Size: 3, After: first.Older})
	for name, tt := range map[string]struct {
		f    health.EventFilter
		want int
	}{
		"whole":              {health.EventFilter{Size: 200}, 0},
		"even":               {health.EventFilter{Size: 4}, 0},
		"odd":                {health.EventFilter{Size: 3}, 1},
		"second":             {health.EventFilter{Size: 3, After: first.Older}, 1},
		"second, longer":     {health.EventFilter{Size: 4, After: first.Older}, 2},
		"back":               {health.EventFilter{Size: 3, Before: second.Newer}, 1},
		"only the systolic":  {health.EventFilter{Size: 3, Metric: "bp_systolic"}, 0},
		"systolic, of fhir":  {health.EventFilter{Size: 3, Metric: "bp_systolic", Source: first.Events[0].SourceID}, 0},
		"odd, of one source": {health.EventFilter{Size: 3, Source: first.Events[0].SourceID}, 1},
	} {
		if got := torn(tt.f); got != tt.want {
			t.Errorf("%s: %d rows of torn groups, want %d", name, got, tt.want)
		}
	}
	if all := c.walk(health.EventFilter{Person: a, Size: 3}); len(all) != 12 {
		t.Errorf("the pages have %d rows, want 12", len(all))
	}
}

func TestTornWhereNobodyKnows(t *testing.T) {
	same := func(group string, n int) []health.Event {
		list := make([]health.Event, n)
		for i := range list {
			list[i] = health.Event{Observation: health.Observation{EffectiveAt: now(), Group: group}}
		}
		return list
	}
	for _, tt := range []struct {
		ahead []health.Event
		want  bool
	}{{nil, false}, {same("other", 5), false}, {same("other", postgres.LookBeyond), true}, {same("g", 1), true}} {
		page := same("g", 1)
		if postgres.MarkTorn(page, tt.ahead); page[0].Torn != tt.want {
			t.Errorf("%d rows ahead: torn %v", len(tt.ahead), page[0].Torn)
		}
	}
}

// Rows that come to another person bring their sources along; those that leave take them.
func TestChoicesOfMovedRows(t *testing.T) {
	c := newClinic(t)
	c.load(obs("a", "2026-03-01T10:00:00Z", "60") + obs("b", "2026-03-01T10:00:00Z", "61"))
	a, b := c.person("a"), c.person("b")
	phone, _ := c.flagged(a, 20)
	c.exec(`UPDATE health.event SET person_id = $1 WHERE source_id = $2`, int64(b), phone)
	for person, want := range map[health.PersonID]bool{a: false, b: true} {
		p := c.page(health.EventFilter{Person: person, Choices: true})
		if got := slices.ContainsFunc(p.Sources, func(s health.EventSource) bool { return s.ID == phone }); got != want {
			t.Errorf("person %d has the source: %v, want %v", person, got, want)
		}
	}
}
