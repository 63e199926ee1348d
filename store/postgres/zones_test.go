package postgres_test

import (
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/intake"
	"healthportal/app/intake/fhir"
)

const berlin = `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Europe/Berlin"}]`

// day are a person's local days, newest event first.
func (c *clinic) days(person string) string {
	c.t.Helper()
	var list []string
	for _, e := range c.page(health.EventFilter{Person: c.person(person)}).Events {
		list = append(list, e.Day.String()[5:])
	}
	return strings.Join(list, " ")
}

// night holds events around a midnight, sleep over it, and a whole day.
func night() string {
	sleep := `"code":{"coding":[{"system":"http://loinc.org","code":"93832-4"}]}`
	return obs("a", "2026-03-28T22:30:00Z", "60", `"id":"1"`) + // 23:30 in Berlin
		obs("a", "2026-03-28T23:30:00Z", "61", `"id":"2"`) + // 00:30 of the day with 23 hours
		obs("a", "2026-03-29T21:30:00Z", "62", `"id":"3"`) + // 23:30, summer time
		obs("a", "2026-03-29T22:30:00Z", "63", `"id":"4"`) + // 00:30
		strings.Replace(obs("a", "X", "420", `"id":"5"`, sleep), `"effectiveDateTime":"X"`, `"effectivePeriod":{"start":"2026-03-27T21:00:00Z","end":"2026-03-28T06:00:00Z"}`, 1) +
		obs("a", "2026-03-26", "64", `"id":"6"`)
}

const (
	nightInBerlin = "03-30 03-29 03-29 03-28 03-28 03-26"
	nightInUTC    = "03-29 03-29 03-28 03-28 03-28 03-26"
)

func TestDaysFollowThePersonsZone(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "", "F", "G", "", berlin) + night())
	if got := c.days("a"); got != nightInBerlin {
		t.Errorf("days %s, want %s", got, nightInBerlin)
	}
	whole := c.page(health.EventFilter{Person: c.person("a"), To: health.Day{Year: 2026, Month: 3, Dom: 26}}).Events
	if len(whole) != 1 || whole[0].StartDay.String() != "2026-03-26" || whole[0].HasOffset ||
		whole[0].EffectiveAt.Format("15:04") != "23:00" || whole[0].EffectiveEnd.Sub(whole[0].EffectiveAt).Hours() != 24 {
		t.Errorf("whole day: %+v", whole)
	}
	for day, want := range map[int]int{26: 1, 28: 2, 29: 2, 30: 1, 27: 0} {
		d := health.Day{Year: 2026, Month: 3, Dom: day}
		if got := c.page(health.EventFilter{Person: c.person("a"), From: d, To: d}).Total; got != want {
			t.Errorf("%s: %d rows, want %d", d, got, want)
		}
	}
	c.checkRollup()
}

func TestZoneThatBecomesKnownLater(t *testing.T) {
	c := newClinic(t)
	c.load(night())
	if got := c.days("a"); got != nightInUTC {
		t.Errorf("days %s, want %s", got, nightInUTC)
	}
	c.load(patient("a", "", "F", "G", "", berlin))
	if got := c.days("a"); got != nightInBerlin {
		t.Errorf("days %s, want %s", got, nightInBerlin)
	}
	c.checkRollup()
	if r := c.load(night()); r.Repeated != 6 {
		t.Errorf("the same file again: %s", r.Summary())
	}
	r := c.load(patient("a", "", "F", "G", "", strings.Replace(berlin, "Berlin", "Paris", 1)))
	wantCounts(t, r, 0, 0, 0, 1)
}

func TestSiteZone(t *testing.T) {
	c := newClinic(t)
	c.load(night() + patient("b", "", "F", "G", "", `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"UTC"}]`) +
		strings.ReplaceAll(night(), "Patient/a", "Patient/b"))
	loc := mustZone(t, "Europe/Berlin")
	for range 2 { // the second time nothing changes
		if err := c.db.SetSiteTimezone(t.Context(), loc); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.days("a"); got != nightInBerlin {
		t.Errorf("person without a zone: %s, want %s", got, nightInBerlin)
	}
	if got := c.days("b"); got != nightInUTC {
		t.Errorf("person with a zone: %s, want %s", got, nightInUTC)
	}
	if got, err := c.db.SiteTimezone(t.Context()); err != nil || got.String() != "Europe/Berlin" {
		t.Errorf("site's zone %v, %v", got, err)
	}
	c.checkRollup()
	r, err := intake.Import(t.Context(), fhir.NewReader(strings.NewReader(night())), c.db, intake.Options{Site: loc, Now: now})
	if err != nil || r.Repeated != 6 {
		t.Errorf("the same file under the new zone: %s, %v", r.Summary(), err)
	}
	if err := c.db.SetSiteTimezone(t.Context(), mustZone(t, "Local")); err == nil {
		t.Error("the server's own zone was taken as the site's")
	}
}

func TestRowsOfAnExternalETL(t *testing.T) {
	c := newClinic(t)
	c.load(patient("a", "", "F", "G", "", berlin) + obs("a", "2026-03-01T10:00:00Z", "60"))
	a := c.person("a")
	c.exec(`SET ROLE hp_owner`)
	c.exec(`INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, value, source_id, dedupe)
		SELECT $1, m.id, v.at::timestamptz, v.till::timestamptz, 70, 1, decode(md5(v.at || v.code), 'hex')
		FROM (VALUES ('heart_rate', '2026-03-28T23:30:00Z', NULL), ('heart_rate', '2026-03-29T22:30:00Z', NULL),
		             ('sleep_duration', '2026-03-27T21:00:00Z', '2026-03-28T06:00:00Z')) v (code, at, till) JOIN health.metric m USING (code)`, int64(a))
	if got := c.days("a"); got != "03-30 03-29 03-28 03-01" {
		t.Errorf("days %s", got)
	}
	if n := one[int](c, `SELECT count(*) FROM health.event_dirty`); n != 3 {
		t.Errorf("%d dirty keys, want 3", n)
	}
	metrics, err := c.db.PersonMetrics(t.Context(), access.One(a), a)
	if err != nil || len(metrics) != 2 || metrics[0].Count != 3 || metrics[1].Metric.Code != "sleep_duration" || metrics[0].Last.String() != "2026-03-30" {
		t.Errorf("before the rebuild: %+v, %v", metrics, err)
	}
	if n, err := c.db.RebuildDirty(t.Context()); n != 3 || err != nil {
		t.Errorf("rebuilt %d, %v", n, err)
	}
	c.checkRollup()
	c.exec(`UPDATE health.event SET value = 80 WHERE effective_at = '2026-03-28T23:30:00Z'`)
	c.exec(`DELETE FROM health.event WHERE effective_at = '2026-03-29T22:30:00Z'`)
	if n, err := c.db.RebuildDirty(t.Context()); n != 2 || err != nil {
		t.Errorf("after an update and a delete: rebuilt %d, %v", n, err)
	}
	c.checkRollup()
	if n, err := c.db.RebuildDirty(t.Context()); n != 0 || err != nil {
		t.Errorf("nothing to do: rebuilt %d, %v", n, err)
	}
	if _, err := c.conn.Exec(t.Context(), `INSERT INTO health.event (person_id, metric_id, effective_at, local_day, value, source_id, dedupe)
		VALUES ($1, 1, '2026-03-28T12:00:00Z', '2026-02-01', 1, 1, '\x00')`, int64(a)); err == nil {
		t.Error("a local day far from its instant was stored")
	}
}
