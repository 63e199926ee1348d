package browsertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const fixtures = root + "/../shared/fixtures"

// fixtureManifest has the real reports as its root. Nothing names their
// patients, so that they wait in the analysts' queue.
const fixtureManifest = `version: 1
site: {name: Real Files, timezone: UTC}
database: {dsn_env: DATABASE_URL, tables: [{name: health.event, sample: "SELECT count(*) FROM health.event"}]}
reports: [{name: real, root: ROOT, include: ["**/*.pdf", "**/*.html"], settle: 0s}]
`

// TestRealFiles reads Synthea's Observations and the reports of real tools, and
// compares what the pages count with an independent count of the files.
func TestRealFiles(t *testing.T) {
	if _, err := os.Stat(fixtures); err != nil {
		t.Skipf("../shared/fixtures is not here: %v", err)
	}
	reports, err := filepath.Abs(filepath.Join(fixtures, "reports"))
	if err != nil {
		t.Fatal(err)
	}
	observations, err := filepath.Abs(filepath.Join(fixtures, "health/Observation.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	c := newClinic(t, strings.ReplaceAll(fixtureManifest, "ROOT", reports))
	link := c.enrolLink("clinician+analyst", c.run(0, "user", "add", "reader", "--role", "clinician", "--role", "analyst", "--team", "T"))
	var report struct{ Lines, Read, Stored, Refused, Absent int }
	decode(t, c.run(0, "import", "events", "--create-persons", "--team", "T", "--json", observations), &report)
	lines, values, perPerson := countValues(t, observations)
	if report.Lines != lines || report.Read != values || report.Stored != values || report.Refused != 0 {
		t.Errorf("import says %+v; the file has %d lines with %d values", report, lines, values)
	}
	decode(t, c.run(0, "import", "events", "--json", observations), &report)
	if report.Stored != 0 {
		t.Errorf("the second import stored %d values", report.Stored)
	}
	c.run(0, "sync-reports")
	c.serve("serve")

	b := newTab(t, c.origin)
	b.enrol(link)
	b.waitPath("/dashboard")
	t.Run("events", func(t *testing.T) { b.with(t).countEvents(perPerson) })
	t.Run("reports", func(t *testing.T) { b.with(t).openRealReports(reports) })
	b.with(t).quiet()
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// countValues counts lines and values of an Observation file by its own, naive
// means: every key "value..." of a line or of its components.
func countValues(t *testing.T, file string) (lines, values int, perPerson map[string]int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	perPerson = map[string]int{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var o map[string]any
		decode(t, in.Text(), &o)
		lines++
		n := valueKeys(o)
		if parts, ok := o["component"].([]any); ok {
			for _, part := range parts {
				n += valueKeys(part.(map[string]any))
			}
		}
		values += n
		perPerson[o["subject"].(map[string]any)["reference"].(string)] += n
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines, values, perPerson
}

func valueKeys(o map[string]any) int {
	n := 0
	for key := range o {
		if strings.HasPrefix(key, "value") {
			n++
		}
	}
	return n
}

// countEvents compares each patient's total, and pages through the smallest.
func (b *tab) countEvents(perPerson map[string]int) {
	b.t.Helper()
	var hrefs []string
	decode(b.t, b.eval(`JSON.stringify([...document.querySelectorAll('main a[href^="/patients/"]')].map(a => a.getAttribute("href")))`), &hrefs)
	var want, got []int
	for _, n := range perPerson {
		want = append(want, n)
	}
	smallest := ""
	for _, href := range hrefs {
		b.open("/dashboard/events?person=" + strings.TrimPrefix(href, "/patients/"))
		n := b.total()
		got = append(got, n)
		if smallest == "" || n < slices.Min(got[:len(got)-1]) {
			smallest = b.eval("location.href")
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		b.t.Errorf("the pages count %v values per patient, the file holds %v", got, want)
	}
	b.open(smallest)
	if n := b.pageThrough(slices.Min(want)); n != slices.Min(want) {
		b.t.Errorf("paging shows %d of %d events", n, slices.Min(want))
	}
	b.visit("real-events")
}

// total reads "50 of 1,502 events".
func (b *tab) total() int {
	b.t.Helper()
	words := strings.Fields(b.eval(`document.querySelector("#events [role=status]").innerText`))
	for i, w := range words {
		if strings.HasPrefix(w, "event") && i > 0 {
			n, err := strconv.Atoi(strings.ReplaceAll(words[i-1], ",", ""))
			if err != nil {
				b.t.Fatal(err)
			}
			return n
		}
	}
	b.t.Fatalf("no total in %q", words)
	return 0
}

// openRealReports opens every report of the folder in the viewer.
func (b *tab) openRealReports(folder string) {
	b.t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		b.t.Fatal(err)
	}
	pdf, html := 0, 0
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".pdf":
			pdf++
		case ".html":
			html++
		}
	}
	b.open("/genomics/reports")
	b.waitText(fmt.Sprintf("%d of %d reports", pdf+html, pdf+html))
	b.visit("real-reports")
	var hrefs []string
	decode(b.t, b.eval(`JSON.stringify([...document.querySelectorAll('#reports a[href^="/genomics/reports/"]')].map(a => a.getAttribute("href")))`), &hrefs)
	seenPDF, seenHTML := 0, 0
	for _, href := range hrefs {
		b.open(href)
		if b.eval(`!!document.querySelector("iframe")`) == "true" {
			seenHTML++
			b.frameShows()
			continue
		}
		seenPDF++
		b.until("the PDF is drawn", `document.querySelectorAll("canvas").length > 0 && [...document.querySelectorAll("canvas")].some(c => c.width > 300) && !!document.querySelector(".textLayer span")`)
		b.shot(fmt.Sprintf("real-pdf-%d", seenPDF))
	}
	if seenPDF != pdf || seenHTML != html {
		b.t.Errorf("%d PDF and %d HTML reports opened, the folder has %d and %d", seenPDF, seenHTML, pdf, html)
	}
	b.open("/genomics/reports")
	b.do("open PharmCAT's report", chromedp.Click(`//a[contains(., "PharmCAT Report [pharmcat.example]")]`, chromedp.BySearch))
	b.until("the viewer", `!!document.querySelector("iframe")`)
	b.frameShows()
	b.visit("real-pharmcat")
}

// frameShows waits until the sandboxed frame got its whole document and has
// painted it. Nothing but the eye can look into it: its origin is its own.
func (b *tab) frameShows() {
	b.t.Helper()
	b.until("the frame has its document", `(() => {
		const e = performance.getEntriesByName(document.querySelector("iframe").src)[0];
		return !!e && e.responseStatus === 200 && e.decodedBodySize > 1000;
	})()`)
	for deadline := time.Now().Add(10 * time.Second); b.colours("iframe") < 8; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Errorf("the frame of %s stays blank", b.eval("location.pathname"))
			return
		}
	}
}

// colours counts the colours of an element's picture.
func (b *tab) colours(selector string) int {
	b.t.Helper()
	var shot []byte
	b.do("picture of "+selector, chromedp.Screenshot(selector, &shot, chromedp.ByQuery))
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	seen := map[color.Color]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 2 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 2 {
			seen[img.At(x, y)] = true
		}
	}
	return len(seen)
}
