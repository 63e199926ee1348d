package browsertest

import (
	"fmt"
	"strings"
	"testing"
)

// unjudged is a patient's file without a laboratory's ranges and flags, but for one value.
func unjudged() string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"urn:hospital","value":"MRN-1"}],` +
		`"name":[{"family":"Rangefamily","given":["Rangegiven"]}],"gender":"female","birthDate":"1950-03-11"}` + "\n")
	quantity := func(v float64, unit string) string {
		return fmt.Sprintf(`"valueQuantity":{"value":%g,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, v, unit, unit)
	}
	add := func(loinc, at, rest string) {
		fmt.Fprintf(&b, `{"resourceType":"Observation","id":"%s-%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"%s",%s}`+"\n", loinc, at, loinc, at, rest)
	}
	part := func(loinc string, v float64) string {
		return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + loinc + `"}]},` + quantity(v, "mm[Hg]") + "}"
	}
	for i := range 28 {
		at := fmt.Sprintf("2021-03-%02dT08:30:00Z", i+1)
		flag := ""
		if i == 27 {
			flag = `,"interpretation":[{"coding":[{"code":"H"}]}]`
		}
		add("2823-3", at, quantity(float64(32+i*7%25)/10, "mmol/L")+flag)
		add("85354-9", at, `"component":[`+part("8480-6", float64(112+i%14))+","+part("8462-4", float64(70+i%12))+"]")
		add("8867-4", at, quantity(float64(58+i*2), "/min"))
	}
	return b.String()
}

// A clinician signs ranges off, sees what they mark, and takes one back.
func TestGeneralAdultRanges(t *testing.T) {
	a := newAccount(t)
	a.c.run(0, "import", "events", "--create-persons", "--team", "Ward 1", a.c.write("one.ndjson", unjudged()))
	a.open("/dashboard")
	person := a.eval(`document.querySelector('main a[href^="/patients/"]').getAttribute("href").split("/")[2]`)
	a.open("/patients/" + person + "?metric=potassium&month=2021-03")
	a.waitText("It is not signed off, so that nothing is marked.")
	a.none(".mark-range, .chart-outside")
	a.press(".chart-adult a")
	a.waitPath("/settings/ranges")
	a.visit("ranges")

	for _, metric := range []string{"potassium", "bp_systolic", "bp_diastolic"} {
		a.press("#range-" + metric + " summary")
		a.press("#range-" + metric + " .button-primary")
		a.until("signed off", `document.readyState === "complete" && location.hash === "#range-`+metric+`" && document.querySelector("#range-`+metric+` .kind-good") !== null`)
	}
	a.waitText("Range signed off.")
	a.press("#range-hdl summary")
	a.visit("ranges-signed")

	a.open("/patients/" + person + "?metric=potassium&month=2021-03&compare=bp_systolic")
	a.waitText("signed off by ada on")
	a.until("rings", `document.querySelectorAll("#chart-figure .chart-outside").length > 3 && document.querySelectorAll("#compare-figure .chart-outside").length > 3`)
	a.visit("ranges-patient")
	a.open("/dashboard/events?size=25&person=" + person)
	a.waitText("above the general adult range")
	if flags := a.eval(`String(document.querySelectorAll('#event-table td[data-label="Flag"] .badge').length)`); flags != "1" {
		t.Errorf("%s flags on the page, want the laboratory's one", flags)
	}
	a.none(`tr:has(td[data-label="Flag"] .badge) .mark-range`)
	a.visit("ranges-events")

	a.stale("/settings/ranges")
	a.press("#range-potassium .cluster > form button")
	a.until("withdrawn after a check", `document.readyState === "complete" && document.body.innerText.includes("Sign-off withdrawn.")`)
	a.open("/patients/" + person + "?metric=potassium&month=2021-03")
	a.waitText("It is not signed off, so that nothing is marked.")
	a.none(".chart-outside")
	a.quiet()
}

// none fails the test where the page has what the selector finds.
func (b *tab) none(selector string) {
	b.t.Helper()
	if n := b.eval(fmt.Sprintf(`String(document.querySelectorAll(%q).length)`, selector)); n != "0" {
		b.t.Errorf("%s of %s", n, selector)
	}
}
