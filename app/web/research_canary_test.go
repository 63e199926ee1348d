package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"healthportal/app/keyring"
	"healthportal/app/research"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
	"healthportal/views/format"
)

// plantCanaries makes ten consenting persons. Each text and date that must not get
// out is unmistakable. Person 11 is as marked, and does not consent.
const plantCanaries = `
	INSERT INTO health.person (public_id, record_number, family_name, given_name, birth_date, sex, timezone, research_consent)
	SELECT 'publicidcanary' || i, 'RECORDCANARY' || i, 'Familycanary' || i, 'Givencanary' || i, '1961-05-03', CASE WHEN i = 11 THEN 'other' ELSE 'female' END,
	  'Pacific/Marquesas', i <> 11 FROM generate_series(1, 11) i;
	INSERT INTO health.person_identifier (system, value, person_id) SELECT 'urn:systemcanary', 'identifiercanary' || id, id FROM health.person;
	INSERT INTO health.source (name) VALUES ('Sourcecanary phone');
	INSERT INTO health.device (name) VALUES ('Devicecanary iPhone');
	INSERT INTO health.unit (ucum) VALUES ('unitcanary'), ('/min') ON CONFLICT DO NOTHING;
	INSERT INTO health.metric (code, name, kind) VALUES ('http://codecanary:x', 'Metriccanary', 'other');
	INSERT INTO health.event (person_id, metric_id, effective_at, effective_end, tz_offset_min, value, value_text, unit_id, orig_value, orig_unit, ref_low, ref_high,
	  flag, status, source_id, device_id, external_id, group_id, code_system, code, dedupe)
	SELECT p.id, m.id, timestamptz '1987-05-04 09:00Z' + n * interval '7 hours', timestamptz '1987-05-04 09:05Z' + n * interval '7 hours', -570,
	  CASE WHEN n % 10 <> 3 THEN CASE WHEN p.id = 11 THEN 987654 ELSE 60 + n END END, CASE WHEN n % 10 = 3 THEN 'Textcanary' END,
	  CASE WHEN n % 10 <> 4 THEN (SELECT id FROM health.unit WHERE ucum = '/min') ELSE (SELECT id FROM health.unit WHERE ucum = 'unitcanary') END,
	  'origvaluecanary', 'origunitcanary', 424242, 434343, CASE n % 10 WHEN 5 THEN 'flagcanary' ELSE 'H' END, CASE n % 10 WHEN 6 THEN 'statuscanary' ELSE 'final' END,
	  (SELECT id FROM health.source WHERE name LIKE 'Sourcecanary%'), (SELECT id FROM health.device), 'externalcanary' || n, 'groupcanary' || n,
	  CASE WHEN n % 10 = 7 THEN 'http://systemcanary' ELSE 'http://loinc.org' END, CASE WHEN n % 10 = 7 THEN 'codecanary' ELSE '8867-4' END, decode(md5(p.id || ' ' || n), 'hex')
	FROM health.person p, generate_series(0, 99) n JOIN health.metric m ON m.code = CASE WHEN n % 10 = 8 THEN 'http://codecanary:x' ELSE 'heart_rate' END;
	UPDATE health.event SET status = 'entered-in-error', value = 717171 WHERE external_id = 'externalcanary91';
	UPDATE health.event SET superseded_at = now(), value = 727272 WHERE external_id = 'externalcanary92';`

// canaries are what was planted, in the spellings that could get out. The birthday
// is the one day of the year that no shift of 30 to 364 days leads to: local days
// go from 3 May to 1 June 1987, shifted ones from 4 May 1986 to 2 May 1987.
func canaries() []string {
	list := []string{"canary", "1961", " 3 May", ">3 May", "-05-03", "987654", "717171", "727272", "424242", "434343", "Marquesas", "-09:30", "09:30Z"}
	// Shifted days end a day before the first true one, because 30 days is the least shift.
	for d := day("1987-05-04"); d.Before(day("1987-06-04")); d = d.AddDays(1) {
		list = append(list, d.String(), format.Date(d), format.LongDate(d))
	}
	return list
}

// canarySite is a site on a real database, with everything that it ever answered.
type canarySite struct {
	*site
	seen strings.Builder
}

func newCanarySite(t *testing.T) (*canarySite, *pgx.Conn, *research.View) {
	t.Helper()
	test := storetest.Open(t)
	db, err := postgres.Open(t.Context(), test.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := pgx.Connect(t.Context(), test.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	if _, err := conn.Exec(t.Context(), plantCanaries); err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), filepath.Join(t.TempDir(), "keys"), db)
	if err != nil {
		t.Fatal(err)
	}
	view := research.NewView(db, ring)
	return &canarySite{site: newSite(t, func(d *Deps) { d.Research = view })}, conn, view
}

// ask sends a request as page and as fragment and keeps all that came back.
func (c *canarySite) ask(path string, want int) answer {
	c.t.Helper()
	part := c.get(path, as("researcher"), asFragment)
	whole := c.get(path, as("researcher")).wantStatus(c.t, want)
	for _, a := range []answer{part, whole} {
		fmt.Fprintln(&c.seen, path, a.status, a.header, a.body)
	}
	if want == http.StatusOK {
		part.wantStatus(c.t, want)
	}
	return whole
}

// Every page, fragment, error, header, log line and audit detail that researchers
// cause is searched for everything that must stay hidden.
func TestResearchCanaries(t *testing.T) {
	c, conn, view := newCanarySite(t)
	c.ask("/research", http.StatusOK).wantText(t, "10 participants", "Heart rate", "female", "60–69")
	c.ask("/research/participants", http.StatusOK).wantText(t, "10 participants on this page")
	list, err := view.Participants(t.Context(), research.ListFilter{})
	if err != nil || len(list.Pseudonyms) != 10 {
		t.Fatalf("%d participants, %v", len(list.Pseudonyms), err)
	}
	for _, name := range list.Pseudonyms {
		c.ask("/research/participants/"+name, http.StatusOK).wantText(t, "female", "Heart rate", "58")
	}
	path := "/research/events?size=25&participant=" + url.QueryEscape(list.Pseudonyms[0])
	rows := 0
	for next := path; ; {
		a := c.ask(next, http.StatusOK)
		rows += strings.Count(a.body, "LOINC 8867-4")
		if !strings.Contains(a.body, `id="research-pages-next" href`) {
			break
		}
		next = linkTo(t, a.body, "research-pages-next")
		c.ask(linkTo(t, a.body, "research-pages-next"), http.StatusOK)
	}
	// Of 100 values 10 are texts, 10 have a foreign unit, 20 a foreign code; one of the rest is retracted, one superseded.
	if rows != 58 {
		t.Errorf("%d rows are shown, want 58", rows)
	}
	for _, query := range []string{"&metric=heart_rate", "&metric=steps", "&from=1986-05-01&to=1986-08-01", "&after=garbage", "&before=x", "&from=x", "&size=0", "&after=a&before=b"} {
		a := c.get(path+query, as("researcher"))
		fmt.Fprintln(&c.seen, a.header, a.body)
	}
	var eleven, public string
	if err := conn.QueryRow(t.Context(), `SELECT id::text, public_id FROM health.person WHERE research_consent = false`).Scan(&eleven, &public); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{eleven, "1"} {
		c.ask("/research/participants/"+id, http.StatusNotFound)
		c.ask("/research/events?participant="+id, http.StatusNotFound)
	}
	// Whose consent ends is gone at once, also for those who know the pseudonym.
	if _, err := conn.Exec(t.Context(), `UPDATE health.person SET research_consent = false`); err != nil {
		t.Fatal(err)
	}
	c.ask("/research/participants/"+list.Pseudonyms[0], http.StatusNotFound)
	c.ask(path, http.StatusNotFound)
	c.ask("/research", http.StatusOK).wantText(t, "No participants yet")
	// A database that fails quotes what it failed at.
	if _, err := conn.Exec(t.Context(), `UPDATE health.person SET research_consent = true, timezone = 'Zonecanary/Nowhere'`); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&c.seen, c.get(path, as("researcher")).wantStatus(t, http.StatusServiceUnavailable).body)
	c.search()
}

func (c *canarySite) search() {
	c.t.Helper()
	audited, err := json.Marshal(c.book.entries)
	if err != nil {
		c.t.Fatal(err)
	}
	for where, text := range map[string]string{"answers": c.seen.String(), "log": c.log.String(), "audit log": string(audited)} {
		lower := strings.ToLower(text)
		for _, canary := range canaries() {
			if at := strings.Index(lower, strings.ToLower(canary)); at >= 0 {
				c.t.Errorf("the %s hold %q: ...%s...", where, canary, text[max(0, at-80):min(len(text), at+80)])
			}
		}
	}
	if c.seen.Len() < 100_000 {
		c.t.Errorf("only %d bytes were searched", c.seen.Len())
	}
}
