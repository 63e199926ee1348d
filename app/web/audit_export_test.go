package web

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
)

// listening serves a site on a port and returns its address.
func (s *site) listening() string {
	s.t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = s.server.Serve(ln) }()
	return ln.Addr().String()
}

// fetch asks for the export over a real connection.
func fetch(ctx context.Context, t *testing.T, addr string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/admin/audit/export.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(testOrigin, "http://")
	req.Header.Set("Accept", "text/html")
	as("privacy")(req)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// ends waits until n entries about the ends of exports are in the log.
func (s *site) ends(n int) []audit.Entry {
	s.t.Helper()
	for range 200 {
		s.book.mu.Lock()
		var ends []audit.Entry
		for _, e := range s.book.entries {
			if e.Kind == access.KindAuditExport && strings.Contains(e.Detail, `"part"`) {
				ends = append(ends, e)
			}
		}
		s.book.mu.Unlock()
		if len(ends) >= n {
			return ends
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the log has no %d ends of exports", n)
	return nil
}

func TestAuditExportProvesItself(t *testing.T) {
	s, f := auditSite(t)
	rows := someRows()
	rows[1].Subject, rows[1].UserName, rows[1].Address = "=cmd|' /C calc'!A1", "+49", "\u202e\uff1d1"
	rows[2].Detail = "line\r\nbreak,\"quoted\""
	for range 400 {
		f.page.Rows = append(f.page.Rows, rows...)
	}
	res := fetch(t.Context(), t, s.listening())
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	sum := sha256.Sum256(body)
	if got := res.Trailer.Get("X-Content-SHA256"); got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %q", got)
	}
	if got := res.Trailer.Get("X-Row-Count"); got != "1203" {
		t.Errorf("count %q", got)
	}
	if h := res.Header; h.Get("Content-Type") != "text/csv; charset=utf-8" || h.Get("Content-Disposition") != `attachment; filename="audit-2026-03-29.csv"` || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
	if strings.Count(string(body), "\n") != strings.Count(string(body), "\r\n") {
		t.Error("a line ends without CR")
	}
	records, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil || len(records) != 1204 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	want := []string{"2026-03-29T00:39:55.123456Z", "patient.view", "done", "Dr <Eva>", evaID, "clinician+privacy", "MRN-1", "sub-1", "GET /patients/:id", "s1", "", "r1", "192.0.2.9",
		`{"b":{"x":1},"a":"=1+<b>"}`, "c1", "1204"}
	for i, cell := range records[1] {
		if cell != want[i] {
			t.Errorf("%s: %q, want %q", records[0][i], cell, want[i])
		}
	}
	// Attack 38: nothing that a spreadsheet would run.
	for _, record := range records {
		for i, cell := range record {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%s: %q", records[0][i], cell)
			}
		}
	}
	end := s.ends(1)[0]
	if end.Outcome != audit.Done || end.UserID != 7 || !strings.Contains(end.Detail, hex.EncodeToString(sum[:])) || !strings.Contains(end.Detail, `"rows":1203`) {
		t.Errorf("the end's entry %+v", end)
	}
	if begin := s.book.entries[0]; begin.Kind != access.KindAuditExport || begin.Outcome != audit.Done || strings.Contains(begin.Detail, "part") {
		t.Errorf("the request's entry %+v", begin)
	}
}

// lockedLog is a log that is read while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write appends.
func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written so far.
func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Attack 48: a database error on the way is a cut connection, never a short file.
func TestAuditExportCutOff(t *testing.T) {
	failures := map[string]func(ctx context.Context, fn func(audit.Row) error) error{
		"database": func(context.Context, func(audit.Row) error) error { return errSecret },
		"panic":    func(context.Context, func(audit.Row) error) error { panic("Muster") },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			s, f := auditSite(t)
			log := &lockedLog{}
			s.server.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
			f.each = func(ctx context.Context, fn func(audit.Row) error) error {
				for range 5000 {
					if err := fn(someRows()[0]); err != nil {
						return err
					}
				}
				return fail(ctx, fn)
			}
			res := fetch(t.Context(), t, s.listening())
			body, err := io.ReadAll(res.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || res.Trailer.Get("X-Content-SHA256") != "" || res.Trailer.Get("X-Row-Count") != "" {
				t.Errorf("%d bytes, %v, trailers %v", len(body), err, res.Trailer)
			}
			if end := s.ends(1)[0]; end.Outcome != audit.Failed || !strings.Contains(end.Detail, "cut off") {
				t.Errorf("the end's entry %+v", end)
			}
			if text := log.String(); !strings.Contains(text, "an export was cut off") || (name == "panic" && strings.Contains(text, "Muster")) {
				t.Errorf("the log: %s", text)
			}
			// The server lives, and the place is free again.
			f.each = nil
			for range maxExports + 1 {
				s.get("/admin/audit/export.csv", as("privacy")).wantStatus(t, http.StatusOK)
			}
		})
	}
}

// Attack 48: a reader who leaves frees the database connection.
func TestAuditExportReaderLeaves(t *testing.T) {
	s, f := auditSite(t)
	freed := make(chan error, 1)
	f.each = func(ctx context.Context, fn func(audit.Row) error) error {
		var err error
		for err == nil {
			if err = ctx.Err(); err == nil {
				err = fn(someRows()[0])
			}
		}
		freed <- err
		return err
	}
	ctx, leave := context.WithCancel(t.Context())
	res := fetch(ctx, t, s.listening())
	if _, err := io.CopyN(io.Discard, res.Body, 100<<10); err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case <-freed: //nolint:errcheck // that it ended is what counts
	case <-time.After(time.Minute):
		t.Fatal("the query goes on after the reader left")
	}
	if end := s.ends(1)[0]; end.Outcome != audit.Failed {
		t.Errorf("the end's entry %+v", end)
	}
}

// A query that waits for the database ends too, at the latest when the portal stops.
func TestAuditExportEndsWithThePortal(t *testing.T) {
	s, f := auditSite(t)
	freed := make(chan struct{})
	f.each = func(ctx context.Context, _ func(audit.Row) error) error {
		<-ctx.Done()
		close(freed)
		return ctx.Err()
	}
	fetch(t.Context(), t, s.listening())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	select {
	case <-freed:
	case <-time.After(time.Minute):
		t.Fatal("the query outlives the portal")
	}
}

func TestAuditExportsAreFew(t *testing.T) {
	s, f := auditSite(t)
	release := make(chan struct{})
	f.each = func(context.Context, func(audit.Row) error) error { <-release; return nil }
	addr := s.listening()
	for range maxExports {
		fetch(t.Context(), t, addr)
	}
	a := s.get("/admin/audit/export.csv", as("privacy")).wantStatus(t, http.StatusTooManyRequests).wantText(t, "under way")
	if a.header.Get("Content-Disposition") != "" || a.header.Get("Trailer") != "" {
		t.Errorf("the error is a file: %v", a.header)
	}
	close(release)
	s.ends(maxExports)
}

func TestAuditExportIsRecordedOrHeldBack(t *testing.T) {
	s, _ := auditSite(t)
	s.book.err = errors.New("disk full")
	a := s.get("/admin/audit/export.csv", as("privacy")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "192.0.2.9", "disk full")
	if a.header.Get("Content-Disposition") != "" || a.header.Get("Trailer") != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("the error is a file: %v", a.header)
	}
	// The end can't be recorded: the file must not look complete.
	s, f := auditSite(t)
	f.each = func(_ context.Context, fn func(audit.Row) error) error {
		s.book.mu.Lock()
		s.book.err = errors.New("disk full")
		s.book.mu.Unlock()
		return fn(someRows()[0])
	}
	began := make(chan struct{})
	each := f.each
	f.each = func(ctx context.Context, fn func(audit.Row) error) error {
		<-began // after the request's own entry
		return each(ctx, fn)
	}
	addr := s.listening()
	go func() {
		for len(s.book.all()) == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		close(began)
	}()
	res := fetch(t.Context(), t, addr)
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an unrecorded export ended with %v", err)
	}
}

// all is a copy of the entries.
func (l *logbook) all() []audit.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]audit.Entry(nil), l.entries...)
}

func TestAuditExportNeedsAFreshCheck(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.AuditLog, d.Sessions = &fakeLog{}, staleSessions{} })
	a := s.get("/admin/audit/export.csv?kind=sign-in", as("privacy")).wantStatus(t, http.StatusSeeOther)
	if to := a.header.Get("Location"); to != "/verify?next=%2Fadmin%2Faudit%2Fexport.csv%3Fkind%3Dsign-in" {
		t.Errorf("leads to %q", to)
	}
	s, f := auditSite(t)
	f.each = func(context.Context, func(audit.Row) error) error { t.Error("HEAD asks for the rows"); return nil }
	s.do(http.MethodHead, "/admin/audit/export.csv", "", as("privacy")).wantStatus(t, http.StatusOK)
	if n := strconv.Itoa(len(s.book.all())); n != "1" {
		t.Errorf("%s entries for HEAD", n)
	}
}
