package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/reportfile"
)

const chromium = `"Not A Brand";v="99", "Chromium";v="156"`

func TestFilePDF(t *testing.T) {
	w := newReportWorld(t)
	a := w.get("/genomics/reports/p1pdf/file", as("clinician")).wantStatus(t, 200)
	if a.body != samplePDF {
		t.Errorf("body %q", a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Disposition": `inline; filename="report-p1pdf.pdf"`, "Accept-Ranges": "bytes",
		"Etag": `"` + strings.Repeat("ab", 32) + `"`, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin", "Content-Length": strconv.Itoa(len(samplePDF)), "Connection-Allowlist": "(response-origin)",
		"Content-Security-Policy": documentPolicy,
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	h := w.do(http.MethodHead, "/genomics/reports/p1pdf/file", "", as("clinician"), header("Range", "bytes=0-3")).wantStatus(t, 200)
	if h.body != "" || h.header.Get("Content-Length") != strconv.Itoa(len(samplePDF)) {
		t.Errorf("HEAD: %q, %v", h.body, h.header)
	}
	// No answer from a cache: the reader may be another one.
	w.get("/genomics/reports/p1pdf/file", as("clinician"), header("If-None-Match", a.header.Get("Etag"))).wantStatus(t, 200)
}

func TestFileRanges(t *testing.T) {
	w := newReportWorld(t)
	n := len(samplePDF)
	size := strconv.Itoa(n)
	tag := `"` + strings.Repeat("ab", 32) + `"`
	many := "bytes=" + strings.Repeat("0-0,", 1000) + "5-6"
	for name, c := range map[string]struct {
		rng, ifRange string
		status       int
		body, cr     string
	}{
		"first four":           {"bytes=0-3", "", 206, "%PDF", "bytes 0-3/" + size},
		"one byte":             {"bytes=0-0", "", 206, "%", "bytes 0-0/" + size},
		"open":                 {"bytes=20-", "", 206, samplePDF[20:], "bytes 20-" + strconv.Itoa(n-1) + "/" + size},
		"suffix":               {"bytes=-6", "", 206, samplePDF[n-6:], "bytes " + strconv.Itoa(n-6) + "-" + strconv.Itoa(n-1) + "/" + size},
		"suffix too long":      {"bytes=-99999", "", 206, samplePDF, "bytes 0-" + strconv.Itoa(n-1) + "/" + size},
		"last beyond the end":  {"bytes=20-99999", "", 206, samplePDF[20:], "bytes 20-" + strconv.Itoa(n-1) + "/" + size},
		"last overflows":       {"bytes=20-99999999999999999999999", "", 206, samplePDF[20:], "bytes 20-" + strconv.Itoa(n-1) + "/" + size},
		"first beyond the end": {"bytes=" + size + "-", "", 416, "", "bytes */" + size},
		"first overflows":      {"bytes=99999999999999999999999-", "", 416, "", "bytes */" + size},
		"empty suffix":         {"bytes=-0", "", 416, "", "bytes */" + size},
		"backwards":            {"bytes=9-3", "", 200, samplePDF, ""},
		"two ranges":           {"bytes=0-0,5-6", "", 200, samplePDF, ""},
		"a thousand ranges":    {many, "", 200, samplePDF, ""},
		"double minus":         {"bytes=--5", "", 200, samplePDF, ""},
		"signs":                {"bytes=+1-+2", "", 200, samplePDF, ""},
		"only a minus":         {"bytes=-", "", 200, samplePDF, ""},
		"no minus":             {"bytes=5", "", 200, samplePDF, ""},
		"another unit":         {"items=0-3", "", 200, samplePDF, ""},
		"hexadecimal":          {"bytes=0x0-0x3", "", 200, samplePDF, ""},
		"if-range holds":       {"bytes=0-3", tag, 206, "%PDF", "bytes 0-3/" + size},
		"if-range stale":       {"bytes=0-3", `"old"`, 200, samplePDF, ""},
		"if-range weak":        {"bytes=0-3", "W/" + tag, 200, samplePDF, ""},
		"if-range date":        {"bytes=0-3", "Sun, 29 Mar 2026 12:00:00 GMT", 200, samplePDF, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opts := []option{as("clinician"), header("Range", c.rng)}
			if c.ifRange != "" {
				opts = append(opts, header("If-Range", c.ifRange))
			}
			a := w.get("/genomics/reports/p1pdf/file", opts...).wantStatus(t, c.status)
			if c.status != 416 && a.body != c.body {
				t.Errorf("body %q, want %q", a.body, c.body)
			}
			if got := a.header.Get("Content-Range"); got != c.cr {
				t.Errorf("Content-Range %q, want %q", got, c.cr)
			}
		})
	}
}

func TestFileHTML(t *testing.T) {
	w := newReportWorld(t)
	frame := header("Sec-Fetch-Dest", "iframe")
	a := w.get("/genomics/reports/p1html/file", as("clinician"), frame, header("Range", "bytes=0-3")).wantStatus(t, 200)
	a.wantText(t, "<title>Sample</title>", "Body text", "<script>var s")
	a.wantNoText(t, "preconnect", "refresh", "getItem")
	if got := a.header.Get("Content-Security-Policy"); got != "sandbox; "+documentPolicy || strings.Contains(got, "script-src") {
		t.Errorf("policy %q", got)
	}
	if a.header.Get("Connection-Allowlist") != "(response-origin)" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "inline") ||
		a.header.Get("Content-Type") != "text/html" || !strings.Contains(a.header.Get("Vary"), "Sec-Fetch-Dest") || a.header.Get("Accept-Ranges") != "" {
		t.Errorf("headers %v", a.header)
	}
	for _, dest := range []string{"document", "", "empty", "embed", "object", "script"} {
		a := w.get("/genomics/reports/p1html/file", as("clinician"), header("Sec-Fetch-Dest", dest)).wantStatus(t, 200)
		if !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("destination %q: %v", dest, a.header)
		}
		if a.body != sampleHTML {
			t.Errorf("destination %q: the download is not the file", dest)
		}
	}
	for _, opts := range [][]option{{as("clinician"), frame}, {as("clinician")}} {
		if a := w.do(http.MethodHead, "/genomics/reports/p1html/file", "", opts...).wantStatus(t, 200); a.body != "" {
			t.Errorf("HEAD body %q", a.body)
		}
	}
}

func TestFileHTMLScripts(t *testing.T) {
	w := newReportWorld(t)
	w.report("p1html").Root = "live"
	frame := header("Sec-Fetch-Dest", "iframe")
	for brands, want := range map[string]bool{
		chromium: true, `"Chromium";v="200", "Google Chrome";v="200"`: true, `"Chromium";v="155"`: false, "": false, `"Chromium";v="x"`: false, `"Safari";v="999"`: false,
	} {
		a := w.get("/genomics/reports/p1html/file", as("clinician"), frame, header("Sec-CH-UA", brands)).wantStatus(t, 200)
		csp := a.header.Get("Content-Security-Policy")
		if got := csp == scriptPolicy; got != want || strings.Contains(csp, "allow-scripts") != want || strings.Contains(a.body, "getItem") != want {
			t.Errorf("%s: policy %q, body %.300s", brands, csp, a.body)
		}
		page := w.get("/genomics/reports/p1html", as("clinician"), header("Sec-CH-UA", brands)).wantStatus(t, 200)
		if strings.Contains(page.body, `sandbox="allow-scripts"`) != want {
			t.Errorf("%s: the frame's sandbox", brands)
		}
	}
}

func TestFileNotServed(t *testing.T) {
	w := newReportWorld(t)
	for id, status := range map[string]int{"gone": 410, "empty": 409, "mismatch": 409, "outside": 409, "unreadable": 409} {
		w.get("/genomics/reports/"+id+"/file", as("clinician")).wantStatus(t, status).wantNoText(t, "%PDF")
	}
}

func TestFileChangedSinceIndexed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.pdf")
	if err := os.WriteFile(secret, []byte(samplePDF), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(path string) error
		status int
	}{
		"longer":                      {func(p string) error { return os.WriteFile(p, []byte(samplePDF+"x"), 0o600) }, 409},
		"touched":                     {func(p string) error { return os.Chtimes(p, time.Unix(5, 0), time.Unix(5, 0)) }, 409},
		"removed":                     {os.Remove, 410},
		"swapped for a symbolic link": {func(p string) error { return errors.Join(os.Remove(p), os.Symlink(secret, p)) }, 409},
		"swapped for a folder":        {func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, 409},
		"swapped for a pipe":          {func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o600)) }, 409},
		"folder swapped for a link": {func(p string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(p)), os.Symlink(filepath.Dir(secret), filepath.Dir(p)))
		}, 409},
	} {
		t.Run(name, func(t *testing.T) {
			w := newReportWorld(t)
			if err := c.change(filepath.Join(w.root, "MRN-1/a.pdf")); err != nil {
				t.Fatal(err)
			}
			a := w.get("/genomics/reports/p1pdf/file", as("clinician")).wantStatus(t, c.status)
			a.wantText(t, "sync-reports").wantNoText(t, "%PDF", w.root)
			if strings.Contains(w.log.String(), "MRN-1") {
				t.Errorf("a path is in the log: %s", w.log)
			}
		})
	}
}

// A hard link is the same file by another name: the portal can't tell, so the
// share's owner must not let others make them (docs/manifest.md).
func TestFileHardLink(t *testing.T) {
	w := newReportWorld(t)
	path := filepath.Join(w.root, "MRN-1/a.pdf")
	if err := os.Link(path, filepath.Join(w.root, "other.pdf")); err != nil {
		t.Fatal(err)
	}
	w.get("/genomics/reports/p1pdf/file", as("clinician")).wantStatus(t, 200)
}

func TestFileHostileName(t *testing.T) {
	w := newReportWorld(t)
	name := "MRN-1/a\r\nX-Evil: 1\"\u202Efdp.exe .pdf"
	w.add("hostile", name, ada.ID, samplePDF)
	a := w.get("/genomics/reports/hostile/file", as("clinician")).wantStatus(t, 200)
	if a.header.Get("X-Evil") != "" || a.header.Get("Content-Disposition") != `inline; filename="report-hostile.pdf"` {
		t.Errorf("headers %v", a.header)
	}
}

func TestFileUnknownRoot(t *testing.T) {
	w := newReportWorld(t)
	w.report("p1pdf").Root = "dropped"
	w.get("/genomics/reports/p1pdf/file", as("clinician")).wantStatus(t, 410)
}

// stuckFiles is a share that hangs, or fails in another way.
type stuckFiles struct{ err error }

func (s stuckFiles) Open(ctx context.Context, _, _ string) (*os.File, fs.FileInfo, error) {
	if s.err != nil {
		return nil, nil, s.err
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, nil, errors.New("opened without a deadline")
	}
	return nil, nil, context.DeadlineExceeded
}

func (stuckFiles) Scripts(string) bool { return false }

func TestFileShareFails(t *testing.T) {
	for name, err := range map[string]error{"hangs": nil, "busy": reportfile.ErrBusy, "denied": fs.ErrPermission, "broken": syscall.EIO} {
		w := newReportWorld(t)
		s := newSite(t, func(d *Deps) { d.Reports, d.ReportRights, d.ReportFiles = w, w, stuckFiles{err} })
		a := s.get("/genomics/reports/p1pdf/file", as("clinician"))
		if a.status != 503 || !strings.Contains(a.body, "share does not answer") {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
		}
	}
}

func TestCopySafely(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		scripts  bool
	}{
		"as it stands":     {"<!DOCTYPE html>\r\n<P CLASS=x>a &amp; b<!-- c --><br/>", "<!DOCTYPE html>\r\n<P CLASS=x>a &amp; b<!-- c --><br/>", false},
		"style sheets":     {`<link rel="stylesheet" href=x><link rel="shortcut icon" href=y>`, `<link rel="stylesheet" href=x><link rel="shortcut icon" href=y>`, false},
		"hints":            {`a<link rel=preconnect href=//e><LINK REL="dns-prefetch"><link rel="stylesheet preload"><link rel=prerender><link rel=modulepreload>b`, "ab", false},
		"entity in rel":    {`<link rel="&#112;reconnect" href=//e>`, "", false},
		"leaving":          {`<meta http-equiv=" Refresh" content=0><meta http-equiv=link><meta charset=utf-8>`, "<meta charset=utf-8>", false},
		"inside a script":  {`<script>"<link rel=preconnect>"</script>`, `<script>"<link rel=preconnect>"</script>`, false},
		"shim, once":       {`<html><script>1</script><script>2</script>`, `<html>` + storageShim + `<script>1</script><script>2</script>`, true},
		"shim, no scripts": {`<p>`, `<p>`, true},
		"binary":           {"<p>\xff\x00\xfe</p>", "<p>\xff\x00\xfe</p>", false},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := copySafely(&b, strings.NewReader(c.in), c.scripts); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("got  %q\nwant %q", b.String(), c.want)
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errStore }

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errStore }

func TestCopySafelyFails(t *testing.T) {
	if err := copySafely(failingWriter{}, strings.NewReader("<p>"), false); !errors.Is(err, errStore) {
		t.Errorf("writer: %v", err)
	}
	if err := copySafely(&strings.Builder{}, failingReader{}, false); !errors.Is(err, errStore) {
		t.Errorf("reader: %v", err)
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("bytes=0-3", int64(10))
	f.Add("bytes=-0", int64(0))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, verdict := parseRange(header, size)
		if verdict == rangePart && (r.first < 0 || r.last < r.first || r.last >= size) {
			t.Errorf("%q of %d: %+v", header, size, r)
		}
	})
}

func TestRunsScriptsOnlyForHTML(t *testing.T) {
	w := newReportWorld(t)
	w.report("p1pdf").Root = "live"
	a := w.get("/genomics/reports/p1pdf/file", as("clinician"), header("Sec-CH-UA", chromium)).wantStatus(t, 200)
	if strings.Contains(a.header.Get("Content-Security-Policy"), "script") {
		t.Error("a PDF runs no scripts")
	}
	if f := genomics.PDF; f.MediaType() != a.header.Get("Content-Type") {
		t.Error("type")
	}
}
