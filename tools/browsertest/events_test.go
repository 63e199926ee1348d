package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// measured is a patient's file: blood pressures, laboratory values with flags, and a heart rate.
func measured() string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"MRN-1"}],` +
		`"name":[{"family":"Tablefamily","given":["Tablegiven"]}],"gender":"female","birthDate":"1950-03-11"}` + "\n")
	head := func(id, loinc, at string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"%s"`, id, loinc, at)
	}
	quantity := func(v float64, unit string) string {
		return fmt.Sprintf(`"valueQuantity":{"value":%g,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, v, unit, unit)
	}
	for i := range 30 {
		at := fmt.Sprintf("2021-03-%02dT08:30:00Z", i+1)
		part := func(loinc string, v float64) string {
			return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + loinc + `"}]},` + quantity(v, "mm[Hg]") + `,"interpretation":[{"coding":[{"code":"H"}]}],"referenceRange":[{"high":{"value":135}}]}`
		}
		b.WriteString(head(fmt.Sprint("bp", i), "85354-9", at) + `,"component":[` + part("8480-6", float64(110+i)) + "," + part("8462-4", float64(70+i%5)) + "]}\n")
		flag := []string{"H", "N", "LL", "N", "A"}[i%5]
		b.WriteString(head(fmt.Sprint("k", i), "2823-3", strings.Replace(at, "08:30", "09:15", 1)) + "," + quantity(3+float64(i)/10, "mmol/L") +
			`,"interpretation":[{"coding":[{"code":"` + flag + `"}]}],"referenceRange":[{"low":{"value":3.5},"high":{"value":5.1}}]}` + "\n")
	}
	return b.String()
}

// A clinician filters a patient's events by flag, opens a value's history and keeps the view.
func TestEventTable(t *testing.T) {
	c := newClinic(t, manifest)
	c.run(0, "import", "events", "--create-persons", "--team", "Ward", c.write("one.ndjson", measured()))
	again := strings.ReplaceAll(strings.Split(measured(), "\n")[60], `"value":5.9`, `"value":6.1`)
	c.run(0, "import", "events", c.write("two.ndjson", again+"\n"))
	link := c.enrolLink("clinician", c.run(0, "user", "add", "ada", "--role", "clinician", "--team", "Ward"))
	c.serve("serve")
	b := newTab(t, c.origin)
	b.enrol(link)
	b.waitPath("/dashboard")
	b.open("/dashboard/events?size=25&person=" + b.eval(`document.querySelector('main a[href^="/patients/"]').getAttribute("href").split("/")[2]`))
	b.waitText("Blood pressure")
	if n := b.total(); n != 90 {
		t.Errorf("%d events, want 90", n)
	}
	if n := b.pageThrough(90); n != 90 {
		t.Errorf("the pages hold %d events, want 90", n)
	}
	b.visit("events-all")
	b.do("choose a flag", chromedp.SetValue(`#event-filter select[name="flag"]`, "not-normal", chromedp.ByQuery))
	b.click("Apply")
	b.waitText("78 events") // 60 of blood pressure, 18 of potassium
	b.waitText("Flag: Any but N normal")
	b.do("open the history", chromedp.Click(`#events summary`, chromedp.ByQuery))
	b.waitText("received")
	b.waitText("Version 1")
	b.visit("events-history")
	b.open(b.eval(`document.querySelector('#events details').getAttribute("hx-get")`))
	b.waitText("History of a value")
	b.visit("events-history-page")
	b.do("go back", chromedp.NavigateBack())
	b.waitText("78 events")
	b.click("Save this view")
	b.waitText("Your saved view is on.")
	b.visit("events-saved")
	b.click("Show everything")
	b.waitText("Open your saved view")
	b.until("the focus is on the number of events", `document.activeElement.id === "event-pages-count"`)
	b.click("Forget saved view")
	b.until("forgotten", `document.readyState === "complete" && !document.body.innerText.includes("saved view")`)
	b.quiet()
}
