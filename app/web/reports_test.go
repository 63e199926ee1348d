package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
)

const formType = "application/x-www-form-urlencoded"

func TestReportListShows(t *testing.T) {
	w := newReportWorld(t)
	r := w.report("p1pdf")
	r.GeneratedAt = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	r.Risk = genomics.Risk{Level: "high", Scale: "percentile", Tool: "pgsc_calc", Score: "1.50"}
	r.Synthetic, r.Title = true, `<script>alert("x")</script>`
	a := w.get("/genomics/reports", as("clinician")).wantStatus(t, 200)
	a.wantText(t, "<!doctype html>", "Genomics reports", "Index as of 29 Mar 2026, 11:55 UTC", "&lt;script&gt;", "/genomics/reports/p1pdf",
		"Lovelace, Ada", "MRN-1", "high", "score 1.50; percentile; pgsc_calc", "1 Mar 2026, 09:00 UTC", "synthetic", "not stated",
		"date of the file", "Gone", "Empty", "Not what its name says", "7 of 7 reports", "Title of p1html")
	a.wantNoText(t, "Adam", "Title of p2pdf", "Title of nobody", "MRN-1/a.pdf", `<script>alert`, "Unassigned only", "may be behind")
	if a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.header.Get("Vary"), "HX-Request") {
		t.Errorf("headers %v", a.header)
	}
}

func TestReportListFragment(t *testing.T) {
	w := newReportWorld(t)
	a := w.get("/genomics/reports", as("clinician"), asFragment).wantStatus(t, 200)
	a.wantText(t, `<section id="reports"`, "Title of p1pdf")
	a.wantNoText(t, "<!doctype html>", `class="top"`, "report-filter")
	a = w.get("/genomics/reports?person=pub1", as("clinician"), asFragment).wantStatus(t, 200)
	a.wantText(t, `data-person="pub1"`, "MRN-1", "30 March 1980", "45 years") // the fragment of a patient names the patient
}

func TestReportListForAnalyst(t *testing.T) {
	w := newReportWorld(t)
	a := w.get("/genomics/reports", as("analyst")).wantStatus(t, 200)
	a.wantText(t, "Title of p2pdf", "Title of nobody", "Unassigned", "Unassigned only", "9 of 9 reports", "Neither the sidecar")
	a = w.get("/genomics/reports?unassigned=1", as("analyst")).wantStatus(t, 200)
	a.wantText(t, "Title of nobody", "1 of 1 report")
	a.wantNoText(t, "Title of p1pdf")
	a = w.get("/genomics/reports?person=pub1", as("analyst")).wantStatus(t, 200)
	a.wantText(t, "Similar name", "Lovelace, Adam, born")
	w.get("/genomics/reports", as("clinician+analyst")).wantStatus(t, 200).wantText(t, "Title of nobody")
}

func TestReportListIsClosed(t *testing.T) {
	w := newReportWorld(t)
	if a := w.get("/genomics/reports?kind=pgx").wantStatus(t, 303); a.header.Get("Location") != "/login?next=%2Fgenomics%2Freports%3Fkind%3Dpgx" {
		t.Errorf("signed out: %v", a.header)
	}
	for _, role := range []string{"researcher", "ops", "privacy", "admin"} {
		w.get("/genomics/reports", as(role)).wantStatus(t, 403).wantNoText(t, "Title of")
	}
	w.get("/genomics/reports?person=pub2", as("clinician")).wantStatus(t, 404).wantNoText(t, "Adam")
	w.get("/genomics/reports?person=none", as("analyst")).wantStatus(t, 404)
	w.do(http.MethodPost, "/genomics/reports", "q=Title", as("clinician"), header("Content-Type", formType)).wantStatus(t, 403)
}

func TestReportSearchByPost(t *testing.T) {
	w := newReportWorld(t)
	a := w.do(http.MethodPost, "/genomics/reports", "q=+p1html+&kind=pgx&person=pub1&size=25", as("clinician"), fromPage, header("Content-Type", formType)).wantStatus(t, 200)
	a.wantText(t, "Title of p1html", "1 of 1 report", `value="p1html"`)
	a.wantNoText(t, "Title of p1pdf", "q=p1html")
	if w.filter.Text != "p1html" || w.filter.Person != 1 || w.filter.Kind != "pgx" || w.filter.Size != 25 {
		t.Errorf("filter %+v", w.filter)
	}
	a = w.do(http.MethodPost, "/genomics/reports", "q=Title&size=2", as("clinician"), fromPage, header("Content-Type", formType)).wantStatus(t, 200)
	a.wantText(t, "2 of 7 reports; narrow the search")
	a.wantNoText(t, "?after=", "&amp;after=")
	if strings.Contains(w.log.String(), "p1html") {
		t.Error("the searched text is in the log")
	}
}

func TestReportListPages(t *testing.T) {
	w := newReportWorld(t)
	a := w.get("/genomics/reports?size=2&kind=pgx&person=pub1", as("clinician")).wantStatus(t, 200)
	next := genomics.ReportCursor{At: w.report("p1html").SortTime(), ID: "p1html"}.String()
	a.wantText(t, "after="+next+"&amp;kind=pgx&amp;person=pub1&amp;size=2")
	w.get("/genomics/reports?after="+next, as("clinician")).wantStatus(t, 200).wantText(t, "before="+next)
	if w.filter.After == nil || w.filter.After.ID != "p1html" {
		t.Errorf("filter %+v", w.filter)
	}
}

func TestReportListBadInput(t *testing.T) {
	w := newReportWorld(t)
	for _, q := range []string{"size=0x", "size=-1", "size=100000", "after=x", "before=%00", "after=1.a&before=1.a", "kind=A%20B", "kind='", "q=" + strings.Repeat("x", 201), "unassigned=1&person=pub1&size=x"} {
		w.get("/genomics/reports?"+q, as("analyst")).wantStatus(t, 400).wantText(t, "be used").wantNoText(t, "Title of")
	}
}

func TestReportListEmptyAndStale(t *testing.T) {
	w := newReportWorld(t)
	w.reports = nil
	w.get("/genomics/reports", as("clinician")).wantText(t, "No report of your patients", "care teams")
	w.get("/genomics/reports?kind=pgx", as("clinician")).wantText(t, "No report matches")
	w.get("/genomics/reports", as("analyst")).wantText(t, "No report to show")
	w.state.Rows = 0
	w.get("/genomics/reports", as("analyst")).wantText(t, "No report is indexed yet", "sync-reports")
	w.state.Roots = []genomics.RootStatus{{Name: "risk", IndexedAt: testNow().Add(-2 * time.Hour), Problem: "the folder can't be opened"}}
	w.get("/genomics/reports", as("analyst")).wantText(t, "may be behind", "risk: the folder can&#39;t be opened.")
	w.state.Roots[0].IndexedAt = time.Time{}
	w.get("/genomics/reports", as("analyst")).wantText(t, "never completely compared")
}

func TestReportStoresFail(t *testing.T) {
	for _, path := range []string{"/genomics/reports", "/genomics/reports?person=pub1", "/genomics/reports/p1pdf", "/genomics/reports/p1pdf/file"} {
		w := newReportWorld(t)
		w.fail = true
		a := w.get(path, as("analyst")).wantStatus(t, 503).wantText(t, "read right now")
		a.wantNoText(t, "disk I/O", "/var/lib")
		if log := w.log.String(); strings.Contains(log, "Lovelace") || strings.Contains(log, "MRN-1") || strings.Contains(log, "Title of") {
			t.Errorf("%s: health data in the log: %s", path, log)
		}
		w = newReportWorld(t)
		w.noTeam = errStore
		w.get(path, as("clinician")).wantStatus(t, 503).wantNoText(t, "disk I/O", "Title of")
	}
}

func TestReportViewer(t *testing.T) {
	w := newReportWorld(t)
	r := w.report("p1html")
	r.Tool, r.Summary, r.Claims = "PharmCAT v3", "All normal", []genomics.Claim{{PatientRef: genomics.PatientRef{Value: "MRN-1"}, From: "path"}}
	a := w.get("/genomics/reports/p1html", as("clinician")).wantStatus(t, 200)
	a.wantText(t, "<title>Genomics report", `src="/genomics/reports/p1html/file"`, `sandbox=""`, "Lovelace, Ada", "30 March 1980", "(45 years)", "MRN-1",
		"PharmCAT v3", "All normal", "Report not included", "scripts do not run here", "Final", "HTML")
	a.wantNoText(t, "allow-scripts", "viewer.js", "MRN-1/b.html")
	if !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-src 'self'") {
		t.Error("the page must hold its frame to this site")
	}
	w.get("/genomics/reports/p1html", as("clinician"), asFragment).wantStatus(t, 200).wantNoText(t, "<!doctype html>").wantText(t, "report-frame")
}

func TestReportViewerPDF(t *testing.T) {
	w := newReportWorld(t)
	a := w.get("/genomics/reports/p1pdf", as("clinician")).wantStatus(t, 200)
	a.wantText(t, `href="/genomics/reports/p1pdf/file"`)
	a.wantNoText(t, "<iframe")
	if w.server.assets.Has("pdfjs/legacy/build/pdf.min.mjs") {
		a.wantText(t, `data-pdf="/genomics/reports/p1pdf/file"`, "/legacy/build/pdf.worker.min.mjs", "/cmaps/", "/js/viewer.", "Next page")
	} else {
		a.wantText(t, "not installed")
	}
}

func TestReportViewerStates(t *testing.T) {
	w := newReportWorld(t)
	for id, text := range map[string]string{
		"gone": "The report&#39;s file is gone", "empty": "file is empty", "mismatch": "not what its name says",
		"outside": "outside its folder", "unreadable": "can&#39;t be read",
	} {
		a := w.get("/genomics/reports/"+id, as("clinician")).wantStatus(t, 200)
		a.wantText(t, text, "About this report")
		a.wantNoText(t, "/file", "<iframe", "data-pdf=")
		if id != "gone" {
			a.wantText(t, "Wrong with it.")
		}
	}
	w.report("p1pdf").Status, w.report("p1pdf").Problem, w.report("p1pdf").Synthetic = genomics.Withdrawn, "the sidecar is damaged", true
	w.get("/genomics/reports/p1pdf", as("clinician")).wantText(t, "Withdrawn.", "The sidecar is damaged.", "Synthetic.")
	w.get("/genomics/reports/nobody", as("analyst")).wantStatus(t, 200).wantText(t, "not known whose report", "Neither the sidecar")
}

func TestReportViewerVersions(t *testing.T) {
	w := newReportWorld(t)
	w.report("p1html").Supersedes = w.report("p1pdf").Path
	w.get("/genomics/reports/p1pdf", as("clinician")).wantText(t, "Superseded.", "/genomics/reports/p1html")
	w.get("/genomics/reports/p1html", as("clinician")).wantText(t, "Replaces", "/genomics/reports/p1pdf")
}

func TestReportViewerIsClosed(t *testing.T) {
	w := newReportWorld(t)
	for _, suffix := range []string{"", "/file"} {
		w.get("/genomics/reports/p1pdf"+suffix).wantStatus(t, 303)
		w.get("/genomics/reports/p1pdf"+suffix, as("admin")).wantStatus(t, 403)
		w.get("/genomics/reports/p1pdf"+suffix, as("researcher")).wantStatus(t, 403)
		for _, id := range []string{"p2pdf", "nobody", "none", "P1PDF", "..", "%2e%2e", "p1pdf%00", "p1pdf;x", "'", strings.Repeat("a", 100)} {
			w.get("/genomics/reports/"+id+suffix, as("clinician")).wantStatus(t, 404).wantNoText(t, "Adam", "%PDF", "Title of")
		}
		w.get("/genomics/reports/p2pdf"+suffix, as("analyst")).wantStatus(t, 200)
	}
	w.report("p1pdf").PersonID = 3 // a person whom the mirror does not know
	w.get("/genomics/reports/p1pdf", as("analyst")).wantStatus(t, 404)
}

func TestCountText(t *testing.T) {
	for want, c := range map[string][2]int{
		"0 of 0 reports": {0, 0}, "1 of 1 report": {1, 1}, "50 of 1,234 reports": {50, 1234}, "50 of 10,000 reports": {50, 10000},
		"50 of 10,000+ reports": {50, genomics.ReportCountLimit + 1},
	} {
		if got := countText(c[0], c[1]); got != want {
			t.Errorf("%v: %q, want %q", c, got, want)
		}
	}
}

// No patient's id holds what no text has; the stores are not asked.
func TestReportsOfNoText(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Reports, d.ReportRights = nil, nil })
	for _, body := range []string{"person=%00", "person=%ff"} {
		s.do(http.MethodPost, "/genomics/reports", body, as("analyst"), fromPage, urlencoded).wantStatus(t, http.StatusNotFound)
	}
}
