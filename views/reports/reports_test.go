package reports

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
)

func render(t *testing.T, p ListProps) string {
	t.Helper()
	var b strings.Builder
	if err := List(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func view(t *testing.T, p ViewerProps) string {
	t.Helper()
	var b strings.Builder
	if err := Viewer(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func want(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html, text) {
			t.Errorf("lacks %q: %.3000s", text, html)
		}
	}
}

func wantNot(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(html, text) {
			t.Errorf("holds %q", text)
		}
	}
}

func TestListEscapesAndLinks(t *testing.T) {
	evil := `"><img src=x onerror=alert(1)>`
	e := Entry{Report: genomics.Report{ID: "abc", Title: evil, Kind: "pgx", Format: genomics.PDF, State: genomics.Mismatch, Problem: evil,
		Status: genomics.UnknownStatus, PersonID: 1, Risk: genomics.Risk{Level: evil}},
		Person: &health.Person{PublicID: "pub", FamilyName: evil}}
	html := render(t, ListProps{Entries: []Entry{e}, Zone: time.UTC, Text: evil, Kinds: []string{"pgx"}, Indexed: true})
	wantNot(t, html, "<img")
	want(t, html, `href="/genomics/reports/abc"`, `href="/genomics/reports?person=pub"`, "no record number", "PDF, status not stated", "Not what its name says")
}

func TestListRows(t *testing.T) {
	for name, c := range map[string]struct {
		entry Entry
		want  []string
	}{
		"unassigned": {Entry{Report: genomics.Report{Unassigned: "why", Claims: []genomics.Claim{{PatientRef: genomics.PatientRef{Value: "MRN-9"}}}}}, []string{"nobody", "MRN-9", "Unassigned", "Why."}},
		"new person": {Entry{Report: genomics.Report{PersonID: 7}}, []string{"known after the next sync"}},
		"score only": {Entry{Report: genomics.Report{Risk: genomics.Risk{Score: "0.10"}}}, []string{"level not stated", "score 0.10"}},
		"withdrawn":  {Entry{Report: genomics.Report{Status: genomics.Withdrawn}}, []string{"Withdrawn"}},
		"amended":    {Entry{Report: genomics.Report{Status: genomics.Amended}}, []string{"Amended"}},
		"early":      {Entry{Report: genomics.Report{Status: genomics.Preliminary}}, []string{"Preliminary"}},
		"problem":    {Entry{Report: genomics.Report{State: genomics.Present, Problem: "the sidecar is damaged"}}, []string{"Problem", "The sidecar is damaged."}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, render(t, ListProps{Entries: []Entry{c.entry}, Zone: time.UTC}), c.want...)
		})
	}
}

func TestTimesCarryTheirZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := genomics.Report{GeneratedAt: time.Date(2026, 3, 29, 0, 59, 0, 0, time.UTC)}
	if at, note := made(&r, berlin); at != "29 Mar 2026, 01:59 CET" || note != "" {
		t.Errorf("%q, %q", at, note)
	}
	r = genomics.Report{ModTime: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)}
	if at, note := made(&r, berlin); at != "29 Mar 2026, 03:00 CEST" || note == "" {
		t.Errorf("%q, %q", at, note)
	}
	if got := when(time.Time{}, berlin); got != "" {
		t.Errorf("no time: %q", got)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 9999: "9999 bytes", 10_000: "about 10 kB", 9_999_999: "about 9999 kB", 10_000_000: "about 10 MB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for k, want := range map[string]string{"polygenic-risk": "Polygenic risk", "pgx": "Pgx", "": ""} {
		if got := kindName(k); got != want {
			t.Errorf("%q: %q", k, got)
		}
	}
}

func TestViewerFrames(t *testing.T) {
	p := ViewerProps{Entry: Entry{Report: genomics.Report{ID: "abc", PersonID: 1, Format: genomics.HTML, State: genomics.Present}}, Zone: time.UTC}
	html := view(t, p)
	want(t, html, `sandbox=""`, `src="/genomics/reports/abc/file"`, `referrerpolicy="no-referrer"`, "Report not included")
	p.Scripts = true
	want(t, view(t, p), `sandbox="allow-scripts"`, "runs its own scripts")
	p.Report.Format = genomics.PDF
	html = view(t, p)
	want(t, html, "not installed", `href="/genomics/reports/abc/file"`)
	wantNot(t, html, "<iframe")
	p.PDF.Library = "/static/pdfjs.1/x.mjs"
	want(t, view(t, p), `data-library="/static/pdfjs.1/x.mjs"`, `data-pdf="/genomics/reports/abc/file"`, "hidden", "<noscript>")
	p.Report.State = genomics.Unreadable
	html = view(t, p)
	want(t, html, "can&#39;t be read")
	wantNot(t, html, "data-pdf=", "/file")
}
