package browsertest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chartFile is a patient of Berlin with heart rates, steps and laboratory values
// over three years, among them the days on which the clocks change.
func chartFile() string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","id":"p","name":[{"family":"Chart","given":["Cora"]}],"birthDate":"1980-03-04","gender":"female",` +
		`"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/timezone","valueCode":"Europe/Berlin"}]}` + "\n")
	add := func(code, unit, more string, at time.Time, value float64) {
		fmt.Fprintf(&b, `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},`+
			`"effectiveDateTime":"%s","valueQuantity":{"value":%g,%s"unit":"%s","code":"%s"}%s}`+"\n", code, at.Format(time.RFC3339), value, "", unit, unit, more)
	}
	for day := time.Date(2023, 11, 20, 0, 0, 0, 0, time.UTC); day.Year() < 2026; day = day.AddDate(0, 0, 1) {
		if day.Day() > 10 && day.Day() < 14 {
			continue // days without data
		}
		for h := 6; h < 22; h += 4 {
			add("8867-4", "/min", "", day.Add(time.Duration(h)*time.Hour), float64(58+day.YearDay()%17+h))
		}
		add("55423-8", "{steps}", "", day.Add(18*time.Hour), float64(3000+day.YearDay()*17%5000))
		if day.Day()%9 == 0 {
			add("2823-3", "mmol/L", `,"referenceRange":[{"low":{"value":3.5,"code":"mmol/L"},"high":{"value":5.1,"code":"mmol/L"}}]`, day.Add(8*time.Hour), 3+float64(day.YearDay()%27)/10)
		}
	}
	for i := range 150 { // the 25 hours of 26 October 2025, each ten minutes
		add("8867-4", "/min", "", time.Date(2025, 10, 25, 22, 0, 0, 0, time.UTC).Add(time.Duration(i)*10*time.Minute), float64(60+i%40))
	}
	b.WriteString(`{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},` +
		`"effectiveDateTime":"2025-10-14T08:00:00Z","valueQuantity":{"value":3,"comparator":"<","unit":"mmol/L","code":"mmol/L"},` +
		`"referenceRange":[{"low":{"value":3.5,"code":"mmol/L"},"high":{"value":5.1,"code":"mmol/L"}}]}` + "\n")
	return b.String()
}

// TestChart goes down the ladder from all years to the events, by mouse and by keyboard.
func TestChart(t *testing.T) {
	c := newClinic(t, manifest)
	link := c.enrolLink("clinician", c.run(0, "user", "add", "c.clinician", "--role", "clinician", "--team", "T"))
	c.run(0, "import", "events", "--create-persons", "--team", "T", c.write("chart.ndjson", chartFile()))
	c.serve("serve")
	b := newTab(t, c.origin)
	b.enrol(link)
	b.waitPath("/dashboard")
	path := b.eval(`document.querySelector('main a[href^="/patients/"]').getAttribute("href")`)
	for _, by := range []string{"mouse", "keyboard"} {
		t.Run(by, func(t *testing.T) { b.with(t).ladder(path, by) })
	}
	t.Run("looks", func(t *testing.T) { b.with(t).chartLooks(path) })
	b.with(t).quiet()
}

// pointAt is the drawing's link whose name begins with text.
func pointAt(text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#chart svg a")].find(a => a.querySelector("title").textContent.startsWith(%q))`, text)
}

// follow goes to a point of the drawing by mouse or keyboard.
func (b *tab) follow(by, name string) {
	b.t.Helper()
	b.until("a point named "+name, "!!"+pointAt(name))
	if by == "keyboard" {
		b.do("press Enter on "+name, chromedp.Evaluate(pointAt(name)+".focus()", nil), chromedp.KeyEvent(kb.Enter))
		return
	}
	b.do("scroll to "+name, chromedp.Evaluate(pointAt(name)+`.scrollIntoView({block: "center", inline: "center"})`, nil))
	place := strings.Split(b.eval(`(() => { const r = `+pointAt(name)+`.querySelector("rect").getBoundingClientRect(); return (r.left + r.width / 2) + " " + (r.top + r.height / 2); })()`), " ")
	x, errX := strconv.ParseFloat(place[0], 64)
	y, errY := strconv.ParseFloat(place[len(place)-1], 64)
	if errX != nil || errY != nil {
		b.t.Fatalf("%s lies at %v", name, place)
	}
	b.do("click "+name, chromedp.MouseClickXY(x, y))
}

// ladder follows points from all years to an hour's events; the page is never loaded anew on the way.
func (b *tab) ladder(path, by string) {
	b.open(path + "?metric=heart_rate&zoom=years")
	b.do("mark the page", chromedp.Evaluate(`window.sameDocument = true`, nil))
	for _, step := range []struct{ name, at, title string }{
		{"2025: ", "at=2025&", "Heart rate, 2025"}, {"October 2025: ", "at=2025-10&", "Heart rate, October 2025"}, {"Hours of 26 October 2025", "at=2025-10-26&", "Heart rate, 26 October 2025"},
	} {
		b.follow(by, step.name)
		b.until("the address is that of "+step.title, fmt.Sprintf(`location.search.includes(%q) && document.querySelector("#chart-card-title").textContent === %q`, step.at, step.title))
		if b.eval("window.sameDocument") != "true" {
			b.t.Errorf("%s loaded the page anew", step.title)
		}
		b.until("the focus is where the reader went", `document.activeElement.id === "chart-place" || `+strconv.FormatBool(by == "mouse"))
	}
	if n := b.eval(`document.querySelectorAll("#hrChart svg a").length`); n != "25" {
		b.t.Errorf("the day has %s hours", n)
	}
	counts := b.eval(`[...document.querySelectorAll("#hrChart svg a title")].map(t => Number(t.textContent.match(/([\d,]+) observations?$/)[1])).reduce((a, b) => a + b)`)
	hour := b.eval(`Number([...document.querySelectorAll("#hrChart svg a title")].find(t => t.textContent.includes("from 02:00 UTC+01:00")).textContent.match(/([\d,]+) observations?$/)[1])`)
	b.follow(by, "26 October 2025, from 02:00 UTC+01:00")
	b.waitPath("/dashboard/events")
	if n := strconv.Itoa(b.total()); n != hour {
		b.t.Errorf("the hour counts %s, its table %s", hour, n)
	}
	if first := b.eval(`document.querySelector("#events tbody tr").innerText`); !strings.Contains(first, "02:50") {
		b.t.Errorf("the hour's events begin with %q", first)
	}
	b.do("go back", chromedp.NavigateBack())
	b.until("the hours again", `location.search.includes("zoom=hours") && !!document.querySelector("#hrChart")`)
	b.do("widen", chromedp.Click("#chart-days", chromedp.ByQuery))
	b.until("the month", `document.querySelector("#chart-card-title").textContent === "Heart rate, October 2025"`)
	b.follow(by, "26 October 2025: ")
	b.waitPath("/dashboard/events")
	if n := strconv.Itoa(b.total()); n != counts {
		b.t.Errorf("the day opens %s events, its hours count %s", n, counts)
	}
}

// chartLooks checks each zoom as the eye and axe see it, and the size of all targets.
func (b *tab) chartLooks(path string) {
	for name, query := range map[string]string{
		"years": "?zoom=years", "months": "?zoom=months&at=2025", "days": "?zoom=days&at=2025-10&compare=steps", "hours": "?zoom=hours&at=2025-10-26", "laboratory": "?metric=potassium&zoom=days&at=2025-10",
		"laboratory-year": "?metric=potassium&compare=heart_rate&zoom=months&at=2025",
	} {
		b.open(path + query)
		b.size(320, 900, "light")
		if small := b.eval(`[...document.querySelectorAll("#chart svg a rect")].filter(r => { const b = r.getBoundingClientRect(); return b.width < 24 || b.height < 24; }).length`); small != "0" {
			b.t.Errorf("%s: %s targets are smaller than 24 px", name, small)
		}
		b.do("open the tables", chromedp.Evaluate(`document.querySelectorAll("#chart details").forEach(d => { d.open = true; })`, nil))
		b.visit("chart-" + name)
		b.onPaper("chart-" + name)
	}
}

// onPaper fails where a drawing is cut off in print.
func (b *tab) onPaper(name string) {
	b.t.Helper()
	b.do("print "+name, emulation.SetDeviceMetricsOverride(720, 900, 1, false), emulation.SetEmulatedMedia().WithMedia("print"))
	if cut := b.eval(`[...document.querySelectorAll("#chart svg[role]")].filter(s => s.getBoundingClientRect().right > innerWidth + 1).length`); cut != "0" {
		b.t.Errorf("%s: paper cuts off %s drawings", name, cut)
	}
	b.noSidewaysScroll(name + " on paper")
	b.shot(name + "-paper")
	b.size(1440, 900, "light")
}
