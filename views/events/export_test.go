package events

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"healthportal/app/health"
)

func html(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDays(t *testing.T) {
	march, april := health.Day{Year: 2026, Month: 3, Dom: 1}, health.Day{Year: 2026, Month: 4, Dom: 1}
	for want, f := range map[string]health.EventFilter{
		"all days": {}, "1 Mar 2026": {From: march, To: march}, "from 1 Mar 2026": {From: march}, "to 1 Apr 2026": {To: april}, "1 Mar 2026 to 1 Apr 2026": {From: march, To: april},
	} {
		if got := days(f, time.UTC); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The page works without a script: links, and a form with two buttons.
func TestExportWithoutScript(t *testing.T) {
	p := ExportProps{Ticket: strings.Repeat("7", 32), Props: Props{Person: health.Person{PublicID: "pub<1>"}, Zone: time.UTC,
		Filter: health.EventFilter{Metric: "loinc:<x>", Size: 50}, Page: health.EventPage{Total: 1}}}
	page := html(t, Export(p))
	for _, part := range []string{`method="get"`, `action="/dashboard/events/export.csv"`, `formaction="/dashboard/events/export.ndjson"`, `name="receipt" value="` + p.Ticket + `"`,
		`name="person" value="pub&lt;1&gt;"`, `href="/dashboard/events/exports/` + p.Ticket + `"`, "1 event", "loinc:&lt;x&gt;", `hx-trigger="submit from:document target:#export-form delay:1s"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
	if strings.Contains(page, "data-step-up") || strings.Contains(page, "<x>") || strings.Contains(page, `name="size"`) {
		t.Errorf("%s", page)
	}
	p.Check = true
	if page = html(t, Export(p)); !strings.Contains(page, "data-step-up") {
		t.Errorf("nothing asks for the passkey: %s", page)
	}
	if link := html(t, exportLink(p.Props)); !strings.Contains(link, "/dashboard/events/export?metric=loinc%3A%3Cx%3E&amp;person=pub%3C1%3E") {
		t.Errorf("%s", link)
	}
}

func TestReceiptStates(t *testing.T) {
	at := time.Date(2026, 3, 29, 0, 59, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	e := health.Export{ID: "id1", PersonID: "pub", Format: health.ExportCSV, File: "f.csv", Rows: 12_345, Promised: 20_000, Bytes: 9_999_999, Outcome: health.ExportRunning, Started: at,
		Filter: health.EventFilter{Metric: "heart_rate"}}
	done := e
	done.Outcome, done.SHA256, done.Finished = health.ExportDone, "ab12", at.Add(2*time.Minute)
	for name, c := range map[string]struct {
		props    ReceiptProps
		has, not []string
	}{
		"not begun": {ReceiptProps{ID: "t1"}, []string{"not begun", `hx-get="/dashboard/events/exports/t1"`, "load delay:1s", "Look again"}, []string{"<progress", "SHA-256"}},
		"running":   {ReceiptProps{ID: "t1", Known: true, Export: e, Zone: berlin}, []string{"12,345 of 20,000 rows", "<progress", "load delay:1s", "29 Mar 2026, 01:59:00 UTC+01:00", "exports/id1"}, []string{"SHA-256", "data-announce"}},
		"broken":    {ReceiptProps{ID: "id1", Known: true, Broken: true, Export: e, Zone: berlin}, []string{"Broken off", "/dashboard/events?metric=heart_rate&amp;person=pub", "data-announce"}, []string{"hx-get", "SHA-256", "<progress"}},
		"done":      {ReceiptProps{ID: "id1", Known: true, Export: done, Zone: berlin}, []string{"Complete: 12,345 rows", "ab12", "03:01:00 UTC+02:00", "9,999,999", "sha256sum f.csv", "data-announce"}, []string{"hx-get", "<progress", "The address of this receipt"}},
	} {
		page := html(t, Receipt(c.props))
		for _, part := range c.has {
			if !strings.Contains(page, part) {
				t.Errorf("%s lacks %q:\n%s", name, part, page)
			}
		}
		for _, part := range c.not {
			if strings.Contains(page, part) {
				t.Errorf("%s has %q:\n%s", name, part, page)
			}
		}
	}
}
