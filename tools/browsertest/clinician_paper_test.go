package browsertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// mgPerMmol is how many mg/dL of glucose are one mmol/L.
const mgPerMmol = 18.016

// switchesUnits shows blood sugars, received in two units, in one and in the other.
func (c *clinician) switchesUnits() {
	c.events()
	c.choose("metric", "glucose")
	c.click("Apply")
	c.settled(glucoseDays)
	c.mark()
	for _, unit := range []string{"mmol/L", "mg/dL"} {
		c.choose("unit", unit)
		c.click("Apply")
		c.until("the unit is in the address", `location.search.includes("unit=`+strings.ReplaceAll(unit, "/", "%2F")+`") && !document.querySelector(".htmx-request")`)
		c.settled(glucoseDays)
		c.wantUnits(unit, glucoseDays)
		if unit == "mmol/L" {
			c.visit("journey-units")
		}
	}
	if c.eval("window.sameDocument") != "true" {
		c.t.Error("switching the unit loaded the page anew")
	}
	c.do("to the chart", chromedp.Navigate(c.origin+"/patients/"+c.person+"?metric=glucose&zoom=days&at=2021-03"))
	c.do("choose the unit", chromedp.SetValue(`#chart-unit`, "mmol/L", chromedp.ByQuery))
	c.click("Show")
	c.until("the chart's unit", `document.querySelector("#chart figure strong").textContent.includes("mmol/L") && location.search.includes("unit=mmol")`)
	c.follow("mouse", "1 March 2021: ")
	c.waitPath("/dashboard/events")
	c.settled(1)
	c.wantUnits("mmol/L", 1)
	c.quiet()
}

// wantUnits checks every line's number in the unit against the number and unit that it says were received.
func (c *clinician) wantUnits(unit string, lines int) {
	c.t.Helper()
	values, units := c.column(2), c.column(3)
	if len(values) != lines {
		c.t.Errorf("%d lines in %s, want %d", len(values), unit, lines)
	}
	converted := 0
	for i, cell := range values {
		shown, _, _ := strings.Cut(cell, " ")
		got, err := strconv.ParseFloat(shown, 64)
		if err != nil || !strings.HasPrefix(units[i], unit) {
			c.t.Errorf("line %d shows %q %q, want a number of %s (%v)", i+1, cell, units[i], unit, err)
			continue
		}
		_, received, ok := strings.Cut(units[i], "received as ")
		if !ok {
			continue
		}
		converted++
		digits, other, _ := strings.Cut(received, " ")
		want, err := strconv.ParseFloat(digits, 64)
		switch {
		case err != nil:
			c.t.Errorf("line %d was received as %q", i+1, received)
		case other == "mg/dL":
			want /= mgPerMmol
		case other == "mmol/L":
			want *= mgPerMmol
		}
		decimals := len(shown) - strings.Index(shown+".", ".") - 1
		if half := 0.5 * math.Pow10(-max(decimals, 0)); math.Abs(got-want) > half*1.000001 || other == unit {
			c.t.Errorf("%s %s is shown as %s %s", digits, other, shown, unit)
		}
	}
	if want := lines / 2; converted != want && converted != lines-want {
		c.t.Errorf("%d of %d lines say what was received, half of them were in another unit than %s", converted, lines, unit)
	}
}

// exports takes a filter out in both forms.
func (c *clinician) exports() {
	for _, format := range []string{"csv", "ndjson"} {
		c.open("/dashboard/events?metric=heart_rate&from=2021-03-27&to=2021-03-29&person=" + c.person)
		c.settled(48 + 46 + 48)
		c.download(format, 48+46+48)
	}
	c.looks("journey-receipt")
	c.open("/dashboard/events/export?metric=heart_rate&from=2021-03-27&to=2021-03-29&person=" + c.person)
	c.looks("journey-export")
	c.quiet()
}

// download exports what the open table shows, and holds the file against its receipt.
func (c *clinician) download(format string, rows int) {
	c.t.Helper()
	folder := c.t.TempDir()
	c.do("let the browser store downloads", browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))
	c.click("Export")
	c.waitPath("/dashboard/events/export")
	c.waitText(fmt.Sprintf("%d events", rows))
	receipt := c.eval(`document.querySelector('#export-receipt a').href`)
	c.do("download", chromedp.Click("#export-"+format, chromedp.ByQuery))
	name := (&account{tab: c.tab}).downloaded(folder)
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		c.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		c.open(receipt)
		if strings.Contains(c.eval("document.body.innerText"), fmt.Sprintf("Complete: %d rows.", rows)) {
			break
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the receipt says %s", c.eval(`document.querySelector("main").innerText`))
		}
	}
	sum := sha256.Sum256(content)
	said := c.eval(`document.getElementById("export-receipt").innerText`)
	if !strings.Contains(said, hex.EncodeToString(sum[:])) || !strings.Contains(said, name) || !strings.HasSuffix(name, "."+format) {
		c.t.Errorf("the receipt of %s (%d bytes, %x) says %s", name, len(content), sum, said)
	}
	lines := map[string]int{"csv": 1, "ndjson": 2}[format] // head; head and proof
	if n := strings.Count(string(content), "\n"); n != rows+lines {
		c.t.Errorf("%s has %d lines, want %d", name, n, rows+lines)
	}
}

// paper is one page of a printed PDF, with the words on it and where they stand, in points.
type paper struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Words  []struct {
		XMin float64 `xml:"xMin,attr"`
		XMax float64 `xml:"xMax,attr"`
		YMin float64 `xml:"yMin,attr"`
		YMax float64 `xml:"yMax,attr"`
		Text string  `xml:",chardata"`
	} `xml:"word"`
}

// text is the words of a page with single spaces between them.
func (p paper) text() string {
	words := make([]string, len(p.Words))
	for i, w := range p.Words {
		words[i] = w.Text
	}
	return strings.Join(words, " ")
}

// printed prints the page on A4 and reads it back.
func (c *clinician) printed(name string) []paper {
	c.t.Helper()
	var pdf []byte
	c.do("print", chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPaperWidth(8.27).WithPaperHeight(11.69).WithPreferCSSPageSize(true).Do(ctx)
		return err
	}))
	folder := c.t.TempDir()
	if *shotsDir != "" {
		folder = *shotsDir
	}
	file := filepath.Join(folder, name+".pdf")
	if err := os.WriteFile(file, pdf, 0o644); err != nil {
		c.t.Fatal(err)
	}
	out, err := exec.CommandContext(c.t.Context(), "pdftotext", "-bbox", file, "-").Output()
	if err != nil {
		c.t.Fatalf("read %s: %v", name, err)
	}
	var doc struct {
		Pages []paper `xml:"body>doc>page"`
	}
	if err := xml.Unmarshal(out, &doc); err != nil {
		c.t.Fatalf("read the words of %s: %v", name, err)
	}
	if len(doc.Pages) == 0 {
		c.t.Fatalf("%s has no pages", name)
	}
	return doc.Pages
}

// lineOnPaper is the time with which a line of the table begins.
var lineOnPaper = regexp.MustCompile(`\d+ Mar 2021, \d\d:\d\d:\d\d`)

// prints puts table, chart and patient on paper.
func (c *clinician) prints() {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		c.t.Skip("pdftotext is not installed (package poppler-utils): paper is not read")
	}
	for _, sheet := range []struct {
		name, path string
		// pages is the least number, holds is what is printed.
		pages int
		holds []string
	}{
		{"journey-print-table", "/dashboard/events?size=200&to=2021-03-21&person=" + c.person, 3, []string{"To 21 Mar 2021", "Blood pressure", "Potassium"}},
		{"journey-print-filter", "/dashboard/events?metric=glucose&unit=mmol%2FL&to=2021-03-10&person=" + c.person, 1,
			[]string{"10", "events", "Metric: Glucose", "To 10 Mar 2021", "mmol/L", "received", "mg/dL"}},
		{"journey-print-chart", "/patients/" + c.person + "?metric=heart_rate&zoom=days&at=2021-03&compare=glucose", 1, []string{"Heart rate and Glucose, March 2021", "31"}},
		{"journey-print-hours", "/patients/" + c.person + "?metric=heart_rate&zoom=hours&at=2021-03-28", 1, []string{"this day has 23 hours", "Latest values"}},
	} {
		c.open(sheet.path)
		c.until("the page", `document.readyState === "complete" && !!document.querySelector(".patient")`)
		pages := c.printed(sheet.name)
		if len(pages) < sheet.pages {
			c.t.Errorf("%s has %d pages, want at least %d", sheet.name, len(pages), sheet.pages)
		}
		whole := ""
		for i, p := range pages {
			c.wantPaper(fmt.Sprintf("%s, page %d of %d", sheet.name, i+1, len(pages)), p)
			whole += p.text() + " "
		}
		for _, text := range sheet.holds {
			if !strings.Contains(whole, text) {
				c.t.Errorf("%s lacks %q: %.1500s", sheet.name, text, whole)
			}
		}
		if lines := c.eval(`document.querySelectorAll("#event-table tbody tr").length`); lines != fmt.Sprint(len(lineOnPaper.FindAllString(whole, -1))) {
			c.t.Errorf("%s has %d lines of the table, the page %s", sheet.name, len(lineOnPaper.FindAllString(whole, -1)), lines)
		}
	}
	c.size(1440, 900, "light")
	c.quiet()
}

// wantPaper wants the patient named on a page, everything within the margins, and nothing that is for the screen.
func (c *clinician) wantPaper(name string, p paper) {
	c.t.Helper()
	text := p.text()
	for _, want := range []string{"Journeyfamily", "Johanna", "11 March 1950", "years)", "female", "JRN-4711"} {
		if !strings.Contains(text, want) {
			c.t.Errorf("%s lacks %q: %.300s", name, want, text)
		}
	}
	const margin = 30 // a little less than the 12 mm of the style sheet
	for _, w := range p.Words {
		if w.XMin < margin || w.XMax > p.Width-margin || w.YMin < margin || w.YMax > p.Height-margin {
			c.t.Errorf("%s: %q stands at %.0f to %.0f of %.0f points, beyond the margin", name, w.Text, w.XMin, w.XMax, p.Width)
			break
		}
	}
	for _, screen := range []string{"Apply", "Next", "Previous", "Export", "Sign", "Skip", "Set", "Show", "Clear", "Menu"} {
		if slices.Contains(strings.Fields(text), screen) {
			c.t.Errorf("%s has %q, which is for the screen: %.600s", name, screen, text)
		}
	}
}
