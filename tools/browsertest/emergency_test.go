package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"healthportal/store/storetest"
)

// ward is the file of a care team's patients, each with a name, a record number,
// a birth date and observations that nobody could mistake for others'.
func ward(from, n int) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, `{"resourceType":"Patient","id":"p%d","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"CANARY-MRN-%d"}],`+
			`"name":[{"family":"Canaryfamily%d","given":["Canarygiven%d"]}],"gender":%q,"birthDate":"19%d-03-1%d"}`+"\n", i, i, i, i, []string{"female", "male"}[i%2], 40+i, i%10)
		for day := 10; day < 20; day++ {
			fmt.Fprintf(&b, `{"resourceType":"Observation","id":"o%d-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},`+
				`"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2031-0%d-%dT08:30:00Z","device":{"display":"Canarygiven%d's watch"},`+
				`"valueQuantity":{"value":%d,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`+"\n", i, day, i, 1+i%6, day, i, 60+i)
		}
	}
	return b.String()
}

// emergencyRoom is a portal with two care teams and a database that tests see into.
func emergencyRoom(t *testing.T) (*clinic, *pgx.Conn) {
	t.Helper()
	db := storetest.Open(t)
	c := newClinic(t, manifest)
	c.env = append(c.env, "DATABASE_URL="+db.DSN())
	conn, err := pgx.Connect(t.Context(), db.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) }) //nolint:errcheck // the database is dropped next
	past := strings.NewReplacer("2031-", "2021-")
	c.run(0, "import", "events", "--create-persons", "--team", "Ward 1", c.write("one.ndjson", past.Replace(ward(1, 1))))
	c.run(0, "import", "events", "--create-persons", "--team", "Ward 2", c.write("two.ndjson", past.Replace(ward(2, 12))))
	return c, conn
}

// A clinician opens a patient of another ward in an emergency, the page says so
// throughout, and a privacy officer reviews it.
func TestBreakGlassAndReview(t *testing.T) {
	c, conn := emergencyRoom(t)
	ada := c.enrolLink("clinician", c.run(0, "user", "add", "ada", "--role", "clinician", "--team", "Ward 1"))
	eve := c.enrolLink("privacy", c.run(0, "user", "add", "eve", "--role", "privacy"))
	c.serve("serve")
	a := &account{newTab(t, c.origin), c, conn}
	a.enrol(ada)
	a.waitPath("/dashboard")
	a.waitText("Canaryfamily1")
	if strings.Contains(a.eval("document.body.innerText"), "Canaryfamily2") {
		t.Fatal("a patient of another ward is listed")
	}

	a.click("Break the glass")
	a.waitText("Find the patient")
	a.visit("break-glass")
	find := func(record, born string) {
		a.open("/break-glass")
		a.fill("#record", record)
		a.do("birth date", chromedp.SetValue("#born", born, chromedp.ByQuery))
		a.do("find", submitForm("/break-glass/find"))
	}
	find("CANARY-MRN-2", "1942-03-13")
	a.waitText("No patient matches")
	find("CANARY-MRN-2", "1942-03-12")
	a.waitText("Exactly one patient matches")
	if strings.Contains(a.eval("document.body.innerText"), "Canaryfamily2") {
		t.Error("the name is shown before a reason was given")
	}
	a.visit("break-glass-reason")
	a.do("open without a reason", chromedp.Evaluate(`document.querySelector('form[action="/break-glass/open"]').noValidate = true`, nil), submitForm("/break-glass/open"))
	a.waitText("Error:")
	a.fill("#reason", "Unconscious in the emergency room")
	a.do("confirm", chromedp.Click("input[name=confirm]", chromedp.ByQuery))
	a.do("open", submitForm("/break-glass/open"))
	a.until("the patient's page", `location.pathname.startsWith("/patients/") && document.readyState === "complete"`)
	a.waitText("Canaryfamily2")
	a.waitText("Break-glass access until")
	patient := a.eval("location.pathname")
	a.visit("break-glass-patient")
	for _, path := range []string{"/dashboard/events?person=", "/genomics/reports?person="} {
		a.open(path + strings.TrimPrefix(patient, "/patients/"))
		a.waitText("Break-glass access until")
	}

	e := &account{newTab(t, c.origin), c, conn}
	e.enrol(eve)
	e.open("/admin/break-glass")
	e.waitText("Unconscious in the emergency room")
	e.waitText("CANARY-MRN-2")
	if strings.Contains(e.eval("document.body.innerText"), "Canaryfamily2") {
		t.Error("the reviewer sees the patient's name")
	}
	a.do("end it", chromedp.Evaluate(`document.querySelector('#break-glass form').requestSubmit()`, nil))
	a.until("the access has ended", `!document.getElementById("break-glass")`)
	a.open(patient)
	a.waitText("There is no such page")
	a.complaints = nil // the browser itself notes the 404
	e.open("/admin/break-glass")
	e.visit("break-glass-queue")
	e.do("choose", chromedp.Click(`input[name=outcome][value=justified]`, chromedp.ByQuery))
	e.fill(`textarea[name=note]`, "Confirmed with the ward")
	e.do("decide", chromedp.Submit(`textarea[name=note]`, chromedp.ByQuery))
	e.waitText("Nothing waits for a review")
	e.waitText("Confirmed with the ward")
	e.open("/admin/audit")
	e.waitText("Break-glass: opened a patient")
	e.visit("audit")
	e.quiet()
	a.quiet()
}

// What a researcher's browser gets holds no name, no record number, no true date.
func TestResearcherSeesPseudonymsOnly(t *testing.T) {
	c, conn := emergencyRoom(t)
	link := c.enrolLink("researcher", c.run(0, "user", "add", "rosa", "--role", "researcher"))
	c.serve("serve")
	b := &account{newTab(t, c.origin), c, conn}
	b.sql(`UPDATE health.person SET research_consent = true WHERE record_number <> 'CANARY-MRN-3'`)
	b.enrol(link)
	b.waitPath("/research")
	seen := 0
	check := func(where string) {
		t.Helper()
		page := b.eval("document.documentElement.outerHTML")
		// A shifted day may be another person's true one; trueDays looks at them all together.
		for _, canary := range []string{"Canary", "CANARY", "watch", "-03-1", " March 19"} {
			if strings.Contains(page, canary) {
				t.Errorf("%s holds %q", where, canary)
			}
		}
		seen++
	}
	check("summary")
	b.visit("research")
	b.open("/research/participants")
	b.visit("research-participants")
	check("participants")
	for i := range 3 {
		b.open("/research/participants")
		b.do("open a participant", chromedp.Click(fmt.Sprintf(`(//a[starts-with(@href, "/research/participants/")])[%d]`, i+1), chromedp.BySearch))
		b.until("a participant's page", `location.pathname.startsWith("/research/participants/p") && document.readyState === "complete"`)
		check("participant")
		pseudonym := b.eval(`location.pathname.split("/").pop()`)
		b.open("/research/events?participant=" + pseudonym)
		b.waitText("Shifted time")
		check("events")
		b.trueDays(conn)
	}
	b.visit("research-events")
	for _, path := range []string{"/dashboard", "/dashboard/events", "/genomics/reports", "/break-glass", "/admin/users"} {
		b.open(path)
		b.waitText("Your roles do not open this page")
		check(path)
	}
	if seen < 12 {
		t.Errorf("%d pages were looked at", seen)
	}
}

// trueDays fails where the days that a page shows are all days on which some
// person's values were really taken.
func (a *account) trueDays(conn *pgx.Conn) {
	a.t.Helper()
	days := strings.Fields(a.eval(`[...new Set([...document.querySelectorAll("tbody tr td:first-child, tbody tr th:first-child")].map(e => (e.innerText.match(/\d+ [A-Z][a-z]{2} \d{4}/) || [""])[0].replaceAll(" ", "-")))].join(" ")`))
	if len(days) == 0 {
		a.t.Fatalf("no day is shown on %s: %s", a.eval("location.href"), a.eval("document.querySelector('tbody').innerText.slice(0, 300)"))
	}
	var persons int
	err := conn.QueryRow(a.t.Context(), `SELECT count(*) FROM (SELECT person_id FROM health.event WHERE local_day = ANY ($1::date[])
		GROUP BY person_id HAVING count(DISTINCT local_day) = $2) p`, days, len(days)).Scan(&persons)
	if err != nil {
		a.t.Fatal(err)
	}
	if persons != 0 {
		a.t.Errorf("the days %v are true ones of %d persons", days, persons)
	}
}
