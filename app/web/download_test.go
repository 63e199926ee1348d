package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/audit"
)

// download asks for the address of a report's file and returns its path.
func (w *apiWorld) download(id, key string) string {
	w.t.Helper()
	var got reportAnswer
	w.get("/v1/genomics/reports/"+id, bearer(key)).wantJSON(w.t, "Report", &got)
	path, ok := strings.CutPrefix(*got.DownloadURL, testOrigin)
	if !ok {
		w.t.Fatalf("the address is %s", *got.DownloadURL)
	}
	return path
}

// plain asks as curl does: no cookie, no key.
func plain(r *http.Request) { r.Header.Set("Accept", "*/*") }

func TestDownload(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.ReportsRead)
	path := w.download("p1pdf", k.Text)
	a := w.get(path, plain).wantStatus(t, http.StatusOK)
	if a.body != samplePDF || a.header.Get("Content-Type") != "application/pdf" || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%q with %v", a.body, a.header)
	}
	a.wantPrivate(t)
	if e := w.book.last(); e.Kind != access.KindReportFile || e.Outcome != audit.Done || e.UserID != 7 || e.KeyID != k.Key.ID || e.Roles != "clinician" ||
		e.PersonID != 1 || e.Subject != "p1pdf" || e.Route != "GET /v1/genomics/reports/:id/file" || strings.Contains(e.Detail, "token") {
		t.Errorf("recorded %+v", e)
	}
	part := w.get(path, plain, header("Range", "bytes=0-3")).wantStatus(t, http.StatusPartialContent)
	if part.body != samplePDF[:4] {
		t.Errorf("a range is %q", part.body)
	}
	if head := w.do(http.MethodHead, path, "", plain).wantStatus(t, http.StatusOK); head.body != "" {
		t.Errorf("HEAD answers %q", head.body)
	}
	// A document that could run is saved, not shown.
	html := w.get(w.download("p1html", k.Text), plain).wantStatus(t, http.StatusOK)
	if !strings.HasPrefix(html.header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(html.header.Get("Content-Security-Policy"), "sandbox;") {
		t.Errorf("HTML is sent with %v", html.header)
	}
	token, _, _ := strings.Cut(path[strings.Index(path, "=")+1:], "&")
	if strings.Contains(w.log.String(), token) {
		t.Error("the log holds the token")
	}
	w.book.err = errStore
	w.get(path, plain).wantProblem(t, http.StatusServiceUnavailable, "held back")
}

// Nothing but the token of a live key, for this report, in time, brings a byte.
func TestDownloadRefused(t *testing.T) {
	query := func(path, token string) string {
		head, _, _ := strings.Cut(path, "?")
		return head + "?token=" + url.QueryEscape(token)
	}
	tokenOf := func(path string) string {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("token")
	}
	tests := map[string]func(w *apiWorld, path string, k apikey.Made) (string, int){
		"no token": func(_ *apiWorld, path string, _ apikey.Made) (string, int) { return query(path, ""), 401 },
		"garbage": func(_ *apiWorld, path string, _ apikey.Made) (string, int) {
			return query(path, "' OR 1=1 --."+strings.Repeat("A", 5000)), 401
		},
		"last character changed": func(_ *apiWorld, path string, _ apikey.Made) (string, int) {
			return path[:len(path)-1] + string('0'+('1'-path[len(path)-1])&1), 401
		},
		"longer life": func(_ *apiWorld, path string, k apikey.Made) (string, int) {
			parts := strings.Split(tokenOf(path), ".")
			return query(path, parts[0]+".9999999999."+parts[2]), 401
		},
		"expired": func(w *apiWorld, path string, k apikey.Made) (string, int) {
			return query(path, k.Key.ID+"."+w.tokens.Sign(testNow(), "p1pdf", k.Key.ID)), 401
		},
		"for another report": func(_ *apiWorld, path string, _ apikey.Made) (string, int) {
			return strings.Replace(path, "p1pdf", "p1html", 1), 401
		},
		"for an unknown report": func(_ *apiWorld, path string, _ apikey.Made) (string, int) {
			return strings.Replace(path, "p1pdf", "unknown", 1), 401
		},
		"for no report's id": func(_ *apiWorld, path string, _ apikey.Made) (string, int) {
			return strings.Replace(path, "p1pdf", "P1PDF", 1), 404
		},
		"another key's": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			other := w.key("o.other", access.ReportsRead)
			_, signed, _ := strings.Cut(tokenOf(path), ".")
			return query(path, other.Key.ID+"."+signed), 401
		},
		"a session in the place of the key": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			return query(path, "session-of-the-test."+w.tokens.Sign(testNow().Add(time.Minute), "p1pdf", "session-of-the-test")), 401
		},
		"revoked": func(w *apiWorld, path string, k apikey.Made) (string, int) {
			if err := w.service.Revoke(t.Context(), 1, k.Key.ID); err != nil {
				t.Fatal(err)
			}
			return path, 401
		},
		"key expired meanwhile": func(w *apiWorld, path string, k apikey.Made) (string, int) {
			w.change(k.Key.ID, func(s *apikey.Stored) { s.Expires = testNow() })
			return path, 401
		},
		"owner disabled": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			w.owner().Disabled = true
			return path, 401
		},
		"owner lost the role": func(w *apiWorld, path string, _ apikey.Made) (string, int) { w.owner().Roles = nil; return path, 404 },
		"patient left the team": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			w.report("p1pdf").PersonID = 2
			return path, 404
		},
		"report became nobody's": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			w.report("p1pdf").PersonID = 0
			return path, 404
		},
		"keys can't be read":  func(w *apiWorld, path string, _ apikey.Made) (string, int) { w.keys.Err = errSecret; return path, 503 },
		"index can't be read": func(w *apiWorld, path string, _ apikey.Made) (string, int) { w.fail = true; return path, 503 },
		"file gone": func(w *apiWorld, path string, _ apikey.Made) (string, int) {
			w.report("p1pdf").State = "gone"
			return path, 410
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			w := newAPIWorld(t)
			k := w.key("t.user", access.ReportsRead)
			path := w.download("p1pdf", k.Text)
			spoiled, status := spoil(w, path, k)
			// Neither a cookie nor another key in the header makes up for the token.
			w.get(spoiled, plain).wantProblem(t, status)
			w.get(spoiled, as("clinician"), header("Authorization", "Bearer "+k.Text)).wantProblem(t, status)
			e := w.book.last()
			if e.Kind != access.KindReportFile || e.Outcome == audit.Done {
				t.Errorf("recorded %+v", e)
			}
			if status == http.StatusUnauthorized && e.UserID != 0 {
				t.Error("an unproven holder is recorded as one")
			}
		})
	}
}

func TestDownloadsAreLimited(t *testing.T) {
	w := newAPIWorld(t)
	path := w.download("p1pdf", w.key("t.user", access.ReportsRead).Text)
	last := 0
	for range 20_000 {
		if last = w.get(path, plain).status; last == http.StatusTooManyRequests {
			return
		}
	}
	t.Errorf("the last of 20,000 at once was answered with %d", last)
}
