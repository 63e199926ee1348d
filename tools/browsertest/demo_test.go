package browsertest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var demoData = flag.String("demo-data", "", "folder of a demo that was filled before, to save its making while working on these tests")

// TestDemo is the README's first command and a clinician's first look: enrol,
// sign in, read a patient, page the events, open a day, read a PDF and an HTML
// report.
func TestDemo(t *testing.T) {
	c := newClinic(t, manifest)
	if *demoData != "" {
		c.env = append(c.env, "PORTAL_DATA="+*demoData)
	}
	// "signed out" asks thousands of times at once, and somebody signs in right after it.
	c.env = append(c.env, "PORTAL_RATE_LIMIT=1000")
	c.readyWithin = 5 * time.Minute
	c.serve("demo")
	out := c.servedOutput()
	links := regexp.MustCompile(`(?m)^enrol (\w+) (http://localhost:\d+/enrol#[\w-]+)$`).FindAllStringSubmatch(out, -1)
	roles := map[string]string{}
	for _, l := range links {
		roles[l[1]] = l[2]
	}
	for _, role := range []string{"clinician", "analyst", "researcher", "ops", "privacy", "admin"} {
		if roles[role] == "" {
			t.Errorf("no enrolment line for %s in:\n%s", role, out)
		}
	}
	b := newTab(t, c.origin)
	b.enrol(roles["clinician"])
	b.waitPath("/dashboard")
	t.Run("patients", func(t *testing.T) { b.with(t).patients() })
	t.Run("chart and events", func(t *testing.T) { b.with(t).chartAndEvents() })
	t.Run("reports", func(t *testing.T) { b.with(t).reports() })
	t.Run("signed out", func(t *testing.T) { b.with(t).signedOut() })
	b.with(t).signOut()
	b.signIn()
	b.waitPath("/dashboard")
	b.quiet()
}

// with makes a subtest's failures the subtest's own.
func (b *tab) with(t *testing.T) *tab {
	t.Helper()
	b.t = t
	return b
}

// patients looks at the list and opens a patient.
func (b *tab) patients() {
	b.waitText("Synthetic data")
	b.visit("dashboard")
	if n := b.eval(`document.querySelectorAll('a[href^="/patients/"]').length`); n != "16" {
		b.t.Errorf("%s patients are listed, want 16", n)
	}
	b.searchPatients()
	b.do("open a patient", chromedp.Click(`//a[starts-with(@href, "/patients/")][contains(., "Meier-Muster")]`, chromedp.BySearch))
	b.until("a patient page", `location.pathname.startsWith("/patients/") && document.readyState === "complete"`)
	for _, text := range []string{"Meier-Muster", "SYN-0001", "Heart rate"} {
		b.waitText(text)
	}
	if strings.Contains(b.eval("document.title"), "Muster") {
		b.t.Error("the title names the patient")
	}
	b.visit("patient")
}

// searchPatients types part of a name, goes on by GET, and comes back; the address never holds what was typed.
func (b *tab) searchPatients() {
	b.t.Helper()
	rows := `document.querySelectorAll('#patient-table tbody tr').length`
	b.do("type into the search", chromedp.SendKeys("#patient-q", "meier-m", chromedp.ByQuery))
	b.until("the list is narrowed", rows+` > 0 && `+rows+` < 16 && location.search.startsWith("?view=")`)
	if where := b.eval("location.href + document.title"); strings.Contains(strings.ToLower(where), "meier") {
		b.t.Errorf("the search stands in %q", where)
	}
	if id := b.eval("document.activeElement.id"); id != "patient-q" {
		b.t.Errorf("the focus went to %q while typing", id)
	}
	b.until("the count is announced", `document.getElementById("live").textContent.includes("found")`)
	narrowed := b.eval(rows)
	b.do("sort by flags", chromedp.Click("#patient-sort-flags", chromedp.ByQuery))
	b.until("the order is in the address", `location.search.includes("sort=flags") && location.search.includes("view=")`)
	b.do("reload", chromedp.Reload())
	b.until("the search is kept", `document.readyState === "complete" && document.querySelector("#patient-q").value === "meier-m" && `+rows+` === `+narrowed)
	b.visit("dashboard-search")
	b.do("search for nobody", chromedp.SendKeys("#patient-q", "xyz", chromedp.ByQuery))
	b.waitText("No patient found")
	b.visit("dashboard-nobody")
	b.do("show all again", chromedp.Click(`//a[contains(., "Show all patients")]`, chromedp.BySearch))
	b.until("all are listed", rows+` === 16`)
	b.do("sort by flags", chromedp.Click("#patient-sort-flags", chromedp.ByQuery))
	b.until("the order is in the address", `location.search.includes("sort=flags")`)
	b.visit("dashboard-flags")
}

var firstNumber = regexp.MustCompile(`([\d,]+) observations?`)

// chartAndEvents follows a day of the heart-rate chart to its events and pages them.
func (b *tab) chartAndEvents() {
	b.until("the chart has days", `document.querySelectorAll('#hrChart a[href*="day="]').length >= 10`)
	name := b.eval(`document.querySelectorAll('#hrChart a[href*="day="]')[5].querySelector("title").textContent`)
	m := firstNumber.FindStringSubmatch(name)
	if m == nil {
		b.t.Fatalf("the day's name %q holds no count", name)
	}
	want, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do("focus a day and press Enter", chromedp.Evaluate(`document.querySelectorAll('#hrChart a[href*="day="]')[5].focus()`, nil), chromedp.KeyEvent("\r"))
	b.waitPath("/dashboard/events")
	seen := b.pageThrough(want)
	if seen != want {
		b.t.Errorf("the chart's day says %d observations, the table's pages hold %d", want, seen)
	}
	b.visit("events")
}

// rowCount counts the events of the page: a line may stand for two.
const rowCount = `[...document.querySelectorAll("#events tbody tr")].reduce((n, row) => n + Number(row.dataset.events || 1), 0)`

// pageThrough follows Next to the end and Previous back to the start, and
// returns the number of rows seen.
func (b *tab) pageThrough(total int) int {
	b.t.Helper()
	seen, pages := 0, 0
	for {
		n, err := strconv.Atoi(b.eval(rowCount))
		if err != nil {
			b.t.Fatal(err)
		}
		seen += n
		pages++
		if b.eval(`!!document.querySelector('a[rel="next"]')`) != "true" || seen > total {
			break
		}
		b.turn("next")
	}
	for range pages - 1 {
		b.turn("prev")
	}
	if pages > 1 && b.eval(`!!document.querySelector('a[rel="prev"]')`) == "true" {
		b.t.Error("Previous leads beyond the first page")
	}
	return seen
}

// turn follows Next or Previous and waits for other rows.
func (b *tab) turn(rel string) {
	b.t.Helper()
	before := b.eval(`document.querySelector("#events tbody tr")?.innerText`)
	b.do("turn to "+rel, chromedp.Click(`a[rel="`+rel+`"]`, chromedp.ByQuery))
	b.until("other rows", `document.querySelector("#events tbody tr")?.innerText !== `+strconv.Quote(before)+` && !document.querySelector(".htmx-request")`)
}

// reports opens a PDF and an HTML report.
func (b *tab) reports() {
	b.open("/genomics/reports")
	b.waitText("Polygenic")
	b.visit("reports")
	b.openReport("PDF")
	b.until("the PDF is drawn", `document.querySelectorAll("canvas").length > 0 && document.querySelector(".textLayer")?.innerText.includes("SYNTHETIC")`)
	b.visit("report-pdf")
	b.open("/genomics/reports")
	b.openReport("HTML")
	b.frameShows()
	b.visit("report-html")
}

// openReport opens the first listed report of the format.
func (b *tab) openReport(format string) {
	b.t.Helper()
	b.do("open a report", chromedp.Click(`//tr[contains(., "`+format+`")]//a[starts-with(@href, "/genomics/reports/")]`, chromedp.BySearch))
	b.until("the viewer", `/^\/genomics\/reports\/[^/]+$/.test(location.pathname) && document.readyState === "complete"`)
}

// servedOutput is what the serving command printed so far.
func (c *clinic) servedOutput() string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "serve.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}
