package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The observations of the patient of the clinician's journeys. Heart rates are half-hourly over the change of
// Berlin's clocks on 28 March 2021, which has 23 hours.
const (
	glucoseDays = 30
	heartRates  = 17*48 - 2
)

// journeyPatient is a patient of Berlin with blood pressures, blood sugars in two units, potassium and heart rates.
func journeyPatient() string {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","id":"p","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"JRN-4711"}],` +
		`"name":[{"family":"Journeyfamily","given":["Johanna"]}],"gender":"female","birthDate":"1950-03-11",` +
		`"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Europe/Berlin"}]}` + "\n")
	add := func(loinc string, at time.Time, rest string) {
		fmt.Fprintf(&b, `{"resourceType":"Observation","id":"%[1]s-%[2]s","status":"final","meta":{"source":"Laboratory"},"subject":{"reference":"Patient/p"},`+
			`"code":{"coding":[{"system":"http://loinc.org","code":"%[1]s"}]},"effectiveDateTime":"%[3]s",%[4]s}`+"\n", loinc, at.Format("0102T1504"), at.Format(time.RFC3339), rest)
	}
	number := func(digits, unit string) string {
		return fmt.Sprintf(`{"value":%s,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, digits, unit, unit)
	}
	flag := func(code string) string { return `"interpretation":[{"coding":[{"code":"` + code + `"}]}]` }
	for i := range glucoseDays {
		at := time.Date(2021, 3, 1+i, 8, 0, 0, 0, berlin)
		digits, unit, low, high := fmt.Sprint(80+i), "mg/dL", "70", "99"
		if i%2 == 1 {
			digits, unit, low, high = fmt.Sprintf("%d.%d", 4+i/10, i%10), "mmol/L", "3.9", "5.5"
		}
		add("2339-0", at, `"valueQuantity":`+number(digits, unit)+`,`+flag([]string{"N", "N", "H"}[i%3])+
			`,"referenceRange":[{"low":`+number(low, unit)+`,"high":`+number(high, unit)+`}]`)
		add("2823-3", at.Add(time.Hour), `"valueQuantity":`+number(fmt.Sprintf("%.1f", 3+float64(i)/10), "mmol/L")+`,`+flag([]string{"H", "N", "LL", "N", "A"}[i%5]))
		part := func(loinc string, v int) string {
			return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + loinc + `"}]},"valueQuantity":` + number(fmt.Sprint(v), "mm[Hg]") + `}`
		}
		add("85354-9", at.Add(2*time.Hour), `"component":[`+part("8480-6", 110+i)+`,`+part("8462-4", 70+i%5)+`]`)
	}
	first := time.Date(2021, 3, 20, 0, 15, 0, 0, berlin)
	for i := range heartRates {
		add("8867-4", first.Add(time.Duration(i)*30*time.Minute), `"valueQuantity":`+number(fmt.Sprint(55+i*7%48), "/min"))
	}
	return b.String()
}

// journeyEvents is how many events the patient has: each blood pressure is two.
const journeyEvents = 4*glucoseDays + heartRates

// clinician is somebody at a browser who reads the patient of the journeys.
type clinician struct {
	*tab
	// person is the patient's public id.
	person string
}

func (c *clinician) with(t *testing.T) *clinician {
	t.Helper()
	c.tab.with(t)
	return c
}

// TestClinicianReads are the journeys of a clinician through one patient's data, on one portal.
func TestClinicianReads(t *testing.T) {
	c := newClinic(t, manifest)
	c.env = append(c.env, "PORTAL_EXPORT_CHECK_ROWS=1000000")
	c.run(0, "import", "events", "--create-persons", "--team", "Ward", c.write("journey.ndjson", journeyPatient()))
	link := c.enrolLink("clinician", c.run(0, "user", "add", "ada", "--role", "clinician", "--team", "Ward"))
	c.serve("serve")
	b := &clinician{tab: newTab(t, c.origin)}
	b.enrol(link)
	b.waitPath("/dashboard")
	b.looks("journey-list")
	b.person = b.eval(`document.querySelector('main a[href^="/patients/"]').getAttribute("href").split("/")[2]`)
	for _, journey := range []struct {
		name string
		walk func(*clinician)
	}{
		{"filter", (*clinician).filters}, {"page", (*clinician).pages}, {"unit switch", (*clinician).switchesUnits}, {"saved view", (*clinician).savesView},
		{"drilldown by mouse", func(c *clinician) { c.drillsDown("mouse") }}, {"drilldown by keyboard", func(c *clinician) { c.drillsDown("keyboard") }},
		{"export", (*clinician).exports}, {"print", (*clinician).prints}, {"without script", (*clinician).worksWithoutScript},
	} {
		t.Run(journey.name, func(t *testing.T) { journey.walk(b.with(t)) })
	}
	b.with(t).quiet()
}

// events opens the patient's events by way of the patient's page.
func (c *clinician) events() {
	c.t.Helper()
	c.open("/patients/" + c.person)
	c.click("All events")
	c.waitPath("/dashboard/events")
}

// looks takes the pictures that were asked for, where another test runs axe on the page.
func (c *clinician) looks(name string) {
	c.t.Helper()
	if *shotsDir != "" {
		c.visit(name)
	}
}

// mark lets window.sameDocument tell later whether the page was loaded anew.
func (c *clinician) mark() {
	c.t.Helper()
	c.do("mark the page", chromedp.Evaluate(`window.sameDocument = true; 0`, nil))
}

// settled waits until the table counts n events and nothing is under way.
func (c *clinician) settled(n int) {
	c.t.Helper()
	c.until(fmt.Sprintf("the table counts %d events", n), fmt.Sprintf(
		`document.readyState === "complete" && !document.querySelector(".htmx-request") && /(^|of )%s events?\b/.test(document.querySelector("#events [role=status]")?.innerText ?? "")`, grouped(n)))
}

// grouped writes a number below a million as the pages do.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// choose fills a field of the filter.
func (c *clinician) choose(name, value string) {
	c.t.Helper()
	c.do("set "+name, chromedp.SetValue(fmt.Sprintf(`#event-filter [name=%q]`, name), value, chromedp.ByQuery))
}

// column is the text of each line's cell, without what stands below it.
func (c *clinician) column(n int) []string {
	c.t.Helper()
	var list []string
	decode(c.t, c.eval(fmt.Sprintf(`JSON.stringify([...document.querySelectorAll("#event-table tbody tr")].map(r => r.children[%d].innerText.trim().replace(/\s+/g, " ")))`, n)), &list)
	return list
}

// filters narrows by metric, flag and days without leaving the page, takes a filter back by its chip, goes back, and clears.
func (c *clinician) filters() {
	c.events()
	c.settled(journeyEvents)
	c.mark()
	c.choose("metric", "glucose")
	c.click("Apply")
	c.settled(glucoseDays)
	for _, cell := range c.column(1) {
		if !strings.Contains(cell, "2339-0") {
			c.t.Errorf("a line of %q under the filter by glucose", cell)
		}
	}
	c.choose("flag", "H")
	c.choose("from", "2021-03-10")
	c.choose("to", "2021-03-20")
	c.click("Apply")
	c.settled(3) // of the 12th, 15th and 18th
	c.until("the filter is the address", `["metric=glucose", "flag=H", "from=2021-03-10", "to=2021-03-20"].every(s => location.search.includes(s))`)
	for _, text := range []string{"Metric: Glucose", "Flag: H", "From 10 Mar 2021", "To 20 Mar 2021"} {
		c.waitText(text)
	}
	c.visit("journey-filter")
	if c.eval("window.sameDocument") != "true" {
		c.t.Error("filtering loaded the page anew")
	}
	c.do("take the flag back", chromedp.Click(`//a[contains(@class, "chip")][contains(., "Flag: H")]`, chromedp.BySearch))
	c.settled(11)
	c.do("go back", chromedp.NavigateBack())
	c.settled(3)
	c.do("reload", chromedp.Reload())
	c.settled(3)
	if got := c.eval(`document.querySelector('#event-filter [name="flag"]').value + document.querySelector('#event-filter [name="from"]').value`); got != "H2021-03-10" {
		c.t.Errorf("after a reload the form says %q", got)
	}
	c.click("Clear")
	c.settled(journeyEvents)
	c.quiet()
}

// pages chooses a page size, follows Next to the end and Previous back; no event is missing or shown twice.
func (c *clinician) pages() {
	c.events()
	c.settled(journeyEvents)
	c.do("choose a size", chromedp.SetValue(`.page-size select`, "200", chromedp.ByQuery))
	c.click("Set")
	c.until("200 events a page", rowCount+` === 200 && location.search.includes("size=200")`)
	c.mark()
	seen := map[string]int{}
	events, pages := 0, 0
	for {
		var ids []string
		decode(c.t, c.eval(`JSON.stringify([...document.querySelectorAll("#event-table tbody tr")].map(r => r.id))`), &ids)
		for _, id := range ids {
			seen[id]++
		}
		var n int
		decode(c.t, c.eval(rowCount), &n)
		events, pages = events+n, pages+1
		if c.eval(`!!document.querySelector('a[rel="next"]')`) != "true" || pages > 9 {
			break
		}
		c.turn("next")
	}
	if events != journeyEvents || pages != (journeyEvents+199)/200 {
		c.t.Errorf("%d pages hold %d events, want %d", pages, events, journeyEvents)
	}
	for id, n := range seen {
		if n > 1 {
			c.t.Errorf("%s stands on %d pages", id, n)
		}
	}
	last := c.column(0)
	c.do("reload the last page", chromedp.Reload())
	c.settled(journeyEvents)
	if again := c.column(0); len(again) != len(last) || again[0] != last[0] {
		c.t.Errorf("the address of the last page opens %d lines, it had %d", len(again), len(last))
	}
	for range pages - 1 {
		c.turn("prev")
	}
	if c.eval(`!!document.querySelector('a[rel="prev"]')`) == "true" {
		c.t.Error("Previous leads beyond the first page")
	}
	c.quiet()
}

// savesView keeps a filter, leaves, comes back to it, and deletes it.
func (c *clinician) savesView() {
	c.events()
	c.settled(journeyEvents)
	c.choose("metric", "potassium")
	c.choose("flag", "not-normal")
	c.click("Apply")
	const kept = glucoseDays / 5 * 3
	c.settled(kept)
	c.click("Save this view")
	c.waitText("Your saved view is on.")
	c.looks("journey-saved")
	c.open("/dashboard")
	c.waitPath("/dashboard")
	c.events()
	c.waitText("Your saved view is on.")
	c.settled(kept)
	c.click("Show everything")
	c.settled(journeyEvents)
	c.click("Open your saved view")
	c.settled(kept)
	c.click("Forget saved view")
	c.until("forgotten", `document.readyState === "complete" && !document.body.innerText.includes("saved view")`)
	c.events()
	c.settled(journeyEvents)
	c.quiet()
}

// drillsDown follows the shortest day of the chart to its events, and comes back.
func (c *clinician) drillsDown(by string) {
	c.open("/patients/" + c.person + "?metric=heart_rate&zoom=days&at=2021-03")
	const name = "28 March 2021: "
	c.until("a point of the day", "!!"+pointAt(name))
	if said := c.eval(pointAt(name) + `.querySelector("title").textContent`); !strings.HasSuffix(said, ", 46 observations") {
		c.t.Errorf("the day of 23 hours is named %q", said)
	}
	if by == "mouse" {
		c.follow(by, name)
	} else {
		c.tabTo(name)
	}
	c.waitPath("/dashboard/events")
	c.settled(46)
	if seen := c.pageThrough(46); seen != 46 {
		c.t.Errorf("the table's pages hold %d events, the chart's day 46", seen)
	}
	for _, at := range c.column(0) {
		if !strings.HasPrefix(at, "28 Mar 2021, ") || strings.Contains(at, ", 02:") {
			c.t.Errorf("an event at %q on a day whose hour from 2 to 3 was left out", at)
		}
	}
	c.do("go back", chromedp.NavigateBack())
	c.until("the chart again", `location.pathname.startsWith("/patients/") && !!`+pointAt(name))
	c.quiet()
}

// tabTo presses Tab until a point has the focus, which must be seen, and then Enter.
func (c *clinician) tabTo(name string) {
	c.t.Helper()
	c.do("begin at the top", chromedp.Evaluate(`document.getElementById("chart-card-title").scrollIntoView(); document.activeElement.blur(); 0`, nil))
	for range 200 {
		c.do("press Tab", chromedp.KeyEvent("\t"))
		if c.eval("document.activeElement === "+pointAt(name)) == "true" {
			if c.eval(`document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement.querySelector("rect")).outlineStyle + getComputedStyle(document.activeElement.querySelector("rect")).stroke`) == "nonenone" {
				c.t.Errorf("%s has the focus, but nothing shows it", name)
			}
			c.shot("journey-focus")
			c.do("press Enter", chromedp.KeyEvent("\r"))
			return
		}
	}
	c.t.Fatalf("Tab never came to %s", name)
}

// worksWithoutScript reads a day, pages, filters, switches units, saves a view and exports with scripts off.
func (c *clinician) worksWithoutScript() {
	c.do("turn scripts off", emulation.SetScriptExecutionDisabled(true))
	defer c.do("turn scripts on", emulation.SetScriptExecutionDisabled(false))
	c.open("/patients/" + c.person + "?metric=heart_rate&zoom=months&at=2021")
	if c.eval(`typeof htmx`) != "undefined" {
		c.t.Fatal("scripts run")
	}
	c.follow("mouse", "March 2021: ")
	c.until("the month", `document.readyState === "complete" && location.search.includes("at=2021-03")`)
	c.follow("mouse", "28 March 2021: ")
	c.waitPath("/dashboard/events")
	c.settled(46)
	c.do("choose a size", chromedp.SetValue(`.page-size select`, "25", chromedp.ByQuery))
	c.click("Set")
	c.until("25 events a page", `document.readyState === "complete" && `+rowCount+` === 25`)
	if seen := c.pageThrough(46); seen != 46 {
		c.t.Errorf("without script the pages hold %d events, want 46", seen)
	}
	c.click("Clear")
	c.settled(journeyEvents)
	c.choose("metric", "glucose")
	c.choose("to", "2021-03-10")
	c.click("Apply")
	c.settled(10)
	c.choose("unit", "mmol/L")
	c.click("Apply")
	c.until("the unit is in the address", `document.readyState === "complete" && location.search.includes("unit=mmol")`)
	c.wantUnits("mmol/L", 10)
	c.click("Save this view")
	c.waitText("Your saved view is on.")
	c.click("Forget saved view")
	c.until("forgotten", `document.readyState === "complete" && !document.body.innerText.includes("saved view")`)
	c.open("/dashboard/events?metric=glucose&to=2021-03-10&person=" + c.person)
	c.download("csv", 10)
}
