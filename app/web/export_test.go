package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/health/exportfile"
)

// fakeExports writes made-up rows and keeps receipts in memory.
type fakeExports struct {
	mu       sync.Mutex
	receipts []health.Export
	progress []int64
	// err fails the receipts; endErr their end.
	err, endErr error
	// rows is how the rows are written.
	rows  func(ctx context.Context, f health.EventFilter, w io.Writer, progress func(int64)) (int64, error)
	scope access.Scope
}

func (f *fakeExports) ExportEvents(ctx context.Context, scope access.Scope, filter health.EventFilter, format health.ExportFormat, w io.Writer, progress func(int64)) (int64, error) {
	f.mu.Lock()
	f.scope = scope
	f.mu.Unlock()
	if f.rows != nil {
		return f.rows(ctx, filter, w, progress)
	}
	return 2, manyRows(w, format, 2)
}

// manyRows writes n rows.
func manyRows(w io.Writer, format health.ExportFormat, n int) error {
	for i := range n {
		if _, err := fmt.Fprintf(w, "%s row %d\r\n", format, i); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeExports) StartExport(_ context.Context, e health.Export) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.ID = fmt.Sprintf("%032x", len(f.receipts)+1)
	e.Outcome, e.Started, e.LastSeen = health.ExportRunning, testNow(), testNow()
	f.receipts = append(f.receipts, e)
	return e.ID, f.err
}

func (f *fakeExports) ExportProgress(_ context.Context, _ string, rows, _ int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress = append(f.progress, rows)
	return errSecret // no reason to end an export
}

func (f *fakeExports) FinishExport(_ context.Context, id string, done bool, proof exportfile.Proof) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.receipts {
		if e := &f.receipts[i]; e.ID == id {
			e.Outcome, e.Rows, e.Bytes, e.Finished = health.ExportFailed, proof.Rows, proof.Bytes, testNow()
			if done {
				e.Outcome, e.SHA256 = health.ExportDone, proof.SHA256
			}
		}
	}
	return f.endErr
}

func (f *fakeExports) Export(_ context.Context, userID int64, id string) (health.Export, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.receipts) - 1; i >= 0; i-- {
		if e := f.receipts[i]; e.UserID == userID && (e.ID == id || e.Ticket == id) {
			return e, f.err
		}
	}
	return health.Export{}, errors.Join(health.ErrNotFound, f.err)
}

// receipt is a copy of the newest one.
func (f *fakeExports) receipt() health.Export {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.receipts) == 0 {
		return health.Export{}
	}
	return f.receipts[len(f.receipts)-1]
}

func exportSite(t *testing.T, with ...func(*Deps)) (*site, *fakeHealth, *fakeExports) {
	t.Helper()
	h, f := withData(), &fakeExports{}
	s := newSite(t, func(d *Deps) {
		healthSite(h)(d)
		d.Exports, d.Receipts = f, f
		for _, w := range with {
			w(d)
		}
	})
	s.server.cfg.ExportCheckRows = 10_000
	return s, h, f
}

const offerPath = "/dashboard/events/export?person=" + knownPatient

func filePath(format, query string) string {
	return "/dashboard/events/export." + format + "?person=" + knownPatient + query
}

// ended waits for the end of an export in the audit log.
func (s *site) ended() audit.Entry {
	s.t.Helper()
	for range 500 {
		for _, e := range s.book.all() {
			if e.Kind == access.KindExport && strings.Contains(e.Detail, `"part"`) {
				return e
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("the log has no end of an export")
	return audit.Entry{}
}

func TestExportIsOffered(t *testing.T) {
	s, h, _ := exportSite(t)
	table := s.get("/dashboard/events?person="+knownPatient+"&metric=heart_rate&from=2026-03-01&size=25", as("clinician"), asFragment)
	_, rest, _ := strings.Cut(table.body, `href="/dashboard/events/export?`)
	rest, _, ok := strings.Cut(rest, `"`)
	link := "/dashboard/events/export?" + strings.ReplaceAll(rest, "&amp;", "&")
	if !ok {
		t.Fatal("the table has no button")
	}
	for _, part := range []string{"/dashboard/events/export?", "metric=heart_rate", "from=2026-03-01", "person=" + knownPatient} {
		if !strings.Contains(link, part) || strings.Contains(link, "size") {
			t.Errorf("the button leads to %s", link)
		}
	}
	a := s.get(link, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Export health events</h1>", "Muster&lt;b&gt;, Anna", "R-1", "1,204 events", "Heart rate",
		"from 1 Mar 2026", "Europe/Berlin", "events-0123456789ab-from-2026-03-01.csv", `action="/dashboard/events/export.csv"`, `formaction="/dashboard/events/export.ndjson"`,
		`name="metric" value="heart_rate"`, `name="from" value="2026-03-01"`).wantNoText(t, "data-step-up", `name="size"`)
	if h.gotFilter.Metric != "heart_rate" || h.gotScope.Persons[0] != 42 {
		t.Errorf("asked for %+v", h.gotFilter)
	}
	first, second := ticketOf(t, a.body), ticketOf(t, s.get(link, as("clinician")).body)
	if first == second || !strings.Contains(a.body, `hx-get="/dashboard/events/exports/`+first+`"`) {
		t.Errorf("tickets %q and %q", first, second)
	}
	s.get(offerPath, as("clinician")).wantText(t, "data-step-up", "all metrics", "all days", "your passkey")
	s.get(offerPath+"&day=2026-03-29", as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, "29 Mar 2026", `name="day" value="2026-03-29"`).wantNoText(t, "<html", "data-step-up")
	h.page.Total = 10_001
	s.get(offerPath+"&day=2026-03-29", as("clinician")).wantText(t, "data-step-up", "10,001 events")
	if e := s.book.last(); e.Kind != access.KindEvents || e.PersonID != 42 {
		t.Errorf("recorded %+v", e)
	}
}

var ticketField = regexp.MustCompile(`name="receipt" value="([0-9a-f]{32})"`)

func ticketOf(t *testing.T, body string) string {
	t.Helper()
	m := ticketField.FindStringSubmatch(body)
	if m == nil {
		t.Fatal("the page has no ticket")
	}
	return m[1]
}

// whoever asks otherwise than a clinician of the patient, or wrongly, gets no file and starts none.
func TestExportRefusals(t *testing.T) {
	for _, path := range []string{offerPath, filePath("csv", ""), filePath("ndjson", "&metric=heart_rate")} {
		s, h, f := exportSite(t)
		refuse := func(status int, path string, opts ...option) answer {
			t.Helper()
			a := s.get(path, opts...).wantStatus(t, status).wantNoText(t, "Muster", "row 0", "10.0.0.1")
			if a.header.Get("Content-Disposition") != "" || a.header.Get("Trailer") != "" || len(f.receipts) != 0 {
				t.Errorf("%s: the refusal is a file: %v, receipts %v", path, a.header, f.receipts)
			}
			return a
		}
		if to := refuse(http.StatusSeeOther, path).header.Get("Location"); !strings.HasPrefix(to, "/login?next=") {
			t.Errorf("signed out leads to %q", to)
		}
		for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin"} {
			refuse(http.StatusForbidden, path, as(role))
		}
		other := strings.Replace(path, knownPatient, strings.Repeat("f", 32), 1)
		refuse(http.StatusNotFound, other, as("clinician"))
		if e := s.book.last(); e.Outcome != audit.Denied || !strings.Contains(e.Detail, strings.Repeat("f", 32)) {
			t.Errorf("recorded %+v", e)
		}
		for _, bad := range []string{"&day=x", "&from=2026-03-02&to=2026-03-01", "&gzip=2", "&after=x"} {
			refuse(http.StatusBadRequest, path+bad, as("clinician")).wantText(t, "can&#39;t be used")
		}
		refuse(http.StatusBadRequest, strings.Replace(path, "person=", "patient=", 1), as("clinician"))
		h.err = errSecret
		refuse(http.StatusServiceUnavailable, path, as("clinician"))
	}
	s, _, f := exportSite(t)
	s.get(filePath("csv", "&receipt=x"), as("clinician")).wantStatus(t, http.StatusBadRequest)
	f.err = errSecret
	a := s.get(filePath("csv", ""), as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	if a.header.Get("Content-Disposition") != "" {
		t.Errorf("the error is a file: %v", a.header)
	}
	f.err = nil
	for range maxExports + 1 { // the place is free again
		s.get(filePath("csv", ""), as("clinician")).wantStatus(t, http.StatusOK)
	}
}

func TestExportProvesItself(t *testing.T) {
	for _, c := range []struct {
		format, query, name, kind string
		whole                     bool
	}{
		{"csv", "", "events-0123456789ab-all.csv", "text/csv; charset=utf-8; header=present", true},
		{"csv", "&metric=heart_rate&day=2026-03-29", "events-0123456789ab-2026-03-29.csv", "text/csv; charset=utf-8; header=present", false},
		{"ndjson", "&from=2026-03-01&to=2026-03-31", "events-0123456789ab-2026-03-01-to-2026-03-31.ndjson", "application/x-ndjson; charset=utf-8", false},
		{"csv", "&day=2026-10-25&from=2026-10-25T00:00:00Z&to=2026-10-25T01:00:00Z", "events-0123456789ab-2026-10-25-since-20261025T000000Z-until-20261025T010000Z.csv", "text/csv; charset=utf-8; header=present", false},
		{"csv", "&gzip=1&to=2026-03-31", "events-0123456789ab-to-2026-03-31.csv.gz", "application/gzip", false},
		{"ndjson", "&gzip=1", "events-0123456789ab-all.ndjson.gz", "application/gzip", true},
	} {
		s, h, f := exportSite(t)
		f.rows = func(_ context.Context, _ health.EventFilter, w io.Writer, progress func(int64)) (int64, error) {
			progress(7)
			return 20_000, manyRows(w, "any", 20_000)
		}
		ticket := strings.Repeat("7", 32)
		res := fetchPath(t.Context(), t, s.listening(), filePath(c.format, c.query+"&receipt="+ticket), as("clinician"))
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", res.StatusCode, err)
		}
		body := raw
		if strings.HasSuffix(c.name, ".gz") {
			unpacked, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(unpacked); err != nil {
				t.Fatal(err)
			}
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		if res.Trailer.Get("X-Content-SHA256") != hash || res.Trailer.Get("X-Row-Count") != "20000" {
			t.Errorf("%s: trailers %v, the hash is %s", c.name, res.Trailer, hash)
		}
		if d := res.Header.Get("Content-Disposition"); d != `attachment; filename="`+c.name+`"` || res.Header.Get("Content-Type") != c.kind || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", res.Header)
		}
		if c.format == "ndjson" {
			checkLastLine(t, body, 20_000)
		}
		end := s.ended()
		for _, part := range []string{`"rows":20000`, fmt.Sprintf(`"bytes":%d`, len(body)), hash, `"part":"end"`, `"filter":`} {
			if !strings.Contains(end.Detail, part) {
				t.Errorf("the end's entry lacks %s: %s", part, end.Detail)
			}
		}
		got := f.receipt()
		if got.SHA256 != hash || got.Rows != 20_000 || got.Bytes != int64(len(body)) || got.Outcome != health.ExportDone || got.Ticket != ticket ||
			got.UserID != 7 || got.PersonID != knownPatient || got.Promised != 1204 || got.File != c.name || got.KeyID != "" {
			t.Errorf("the receipt %+v", got)
		}
		if end.Outcome != audit.Done || end.PersonID != 42 || end.Subject != got.ID || res.Header.Get("X-Export-Id") != got.ID {
			t.Errorf("the end's entry %+v", end)
		}
		if begin := s.book.all()[0]; begin.Kind != access.KindExport || begin.Subject != got.ID || strings.Contains(begin.Detail, "part") || !strings.Contains(begin.Detail, `"expected":1204`) {
			t.Errorf("the request's entry %+v", begin)
		}
		if f.scope.Persons[0] != 42 || len(f.scope.Persons) != 1 || h.gotFilter.Size != 1 {
			t.Errorf("scope %v, filter %+v", f.scope, h.gotFilter)
		}
		s.get("/dashboard/events/exports/"+ticket, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, hash, "20,000", "Complete", c.name, got.ID)
	}
}

// checkLastLine holds NDJSON's last line to the bytes before it.
func checkLastLine(t *testing.T, body []byte, rows int) {
	t.Helper()
	at := bytes.LastIndexByte(bytes.TrimSuffix(body, []byte("\n")), '\n') + 1
	var last struct {
		Rows   int
		SHA256 string
	}
	if err := json.Unmarshal(body[at:], &last); err != nil {
		t.Fatalf("%v: %s", err, body[at:])
	}
	sum := sha256.Sum256(body[:at])
	if last.Rows != rows || last.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the last line says %+v", last)
	}
}

// fetchPath asks for a path over a real connection.
func fetchPath(ctx context.Context, t *testing.T, addr, path string, opts ...option) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(testOrigin, "http://")
	req.Header.Set("Accept", "text/html")
	for _, o := range opts {
		o(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// Everything of a patient, and many rows, need a fresh passkey check.
func TestExportNeedsAFreshCheck(t *testing.T) {
	s, h, f := exportSite(t, func(d *Deps) { d.Sessions = staleSessions{} })
	for _, c := range []struct {
		query string
		total int
		asked bool
	}{
		{"", 3, true}, {"&gzip=1", 0, true}, {"&metric=heart_rate", 10_000, false}, {"&metric=heart_rate", 10_001, true}, {"&from=2026-03-01", 10, false},
		{"&to=2026-03-01", 10_001, true},
	} {
		h.page.Total = c.total
		for _, format := range []string{"csv", "ndjson"} {
			a := s.get(filePath(format, c.query), as("clinician"))
			if to := a.header.Get("Location"); strings.HasPrefix(to, "/verify?next=%2Fdashboard%2Fevents%2Fexport."+format) != c.asked || c.asked != (a.status == http.StatusSeeOther) {
				t.Errorf("%q with %d rows: %d to %q", c.query, c.total, a.status, to)
			}
			if c.asked && (strings.Contains(a.body, "row") || a.header.Get("X-Export-Id") != "") {
				t.Errorf("%q: a file before the check", c.query)
			}
		}
	}
	if n := len(f.receipts); n != 4 {
		t.Errorf("%d exports began", n)
	}
	s.server.cfg.ExportCheckRows = 0
	h.page.Total = 1
	s.get(filePath("csv", "&metric=heart_rate"), as("clinician")).wantStatus(t, http.StatusSeeOther)
}

// Attack 48: whatever fails on the way is a cut connection, never a short file.
func TestExportCutOff(t *testing.T) {
	s, _, f := exportSite(t)
	for name, fail := range map[string]func() error{
		"database":             func() error { return errSecret },
		"panic":                func() error { panic("Muster") },
		"the log":              func() error { s.book.mu.Lock(); defer s.book.mu.Unlock(); s.book.err = errSecret; return nil },
		"the receipt":          func() error { f.endErr = errSecret; return nil },
		"the portal's own end": func() error { return context.Canceled },
	} {
		for _, query := range []string{"", "&gzip=1"} {
			s, _, f = exportSite(t)
			began := make(chan struct{})
			f.rows = func(_ context.Context, _ health.EventFilter, w io.Writer, _ func(int64)) (int64, error) {
				<-began // after the request's own entry
				if err := manyRows(w, "any", 9000); err != nil {
					return 0, err
				}
				return 9000, fail()
			}
			addr := s.listening()
			go func() {
				for len(s.book.all()) == 0 {
					time.Sleep(time.Millisecond)
				}
				close(began)
			}()
			res := fetchPath(t.Context(), t, addr, filePath("ndjson", query), as("clinician"))
			body, err := io.ReadAll(res.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || res.Trailer.Get("X-Content-SHA256") != "" || res.Trailer.Get("X-Row-Count") != "" {
				t.Errorf("%s: %d bytes, %v, trailers %v", name, len(body), err, res.Trailer)
			}
			if query != "" {
				if unpacked, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
					if _, err := io.ReadAll(unpacked); err == nil && name != "the log" && name != "the receipt" {
						t.Errorf("%s: the compressed file looks complete", name)
					}
				}
			}
			if got := f.receipt(); got.Outcome == health.ExportDone && name != "the receipt" {
				t.Errorf("%s: the receipt %+v", name, got)
			}
			if name == "database" || name == "panic" {
				if end := s.ended(); end.Outcome != audit.Failed || !strings.Contains(end.Detail, "cut off") {
					t.Errorf("%s: the end's entry %+v", name, end)
				}
			}
			f.rows, f.endErr = nil, nil
			s.book.mu.Lock()
			s.book.err = nil
			s.book.mu.Unlock()
			for range maxExports + 1 { // the server lives, and the place is free again
				s.get(filePath("csv", ""), as("clinician")).wantStatus(t, http.StatusOK)
			}
		}
	}
}

// An export that can't be recorded is not begun, and its receipt says so.
func TestExportIsRecordedOrHeldBack(t *testing.T) {
	s, _, f := exportSite(t)
	s.book.err = errSecret
	a := s.get(filePath("csv", ""), as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantText(t, "held back").wantNoText(t, "row 0", "10.0.0.1")
	if a.header.Get("Content-Disposition") != "" || a.header.Get("Trailer") != "" {
		t.Errorf("the error is a file: %v", a.header)
	}
	for range 200 {
		if f.receipt().Outcome == health.ExportFailed {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the receipt %+v", f.receipt())
}

func TestExportsAreFew(t *testing.T) {
	s, _, f := exportSite(t)
	release := make(chan struct{})
	f.rows = func(context.Context, health.EventFilter, io.Writer, func(int64)) (int64, error) {
		<-release
		return 0, nil
	}
	addr := s.listening()
	for range maxExports {
		fetchPath(t.Context(), t, addr, filePath("csv", ""), as("clinician"))
	}
	a := s.get(filePath("ndjson", ""), as("clinician")).wantStatus(t, http.StatusTooManyRequests).wantText(t, "under way")
	if a.header.Get("Content-Disposition") != "" || a.header.Get("Trailer") != "" || len(f.receipts) != maxExports {
		t.Errorf("the error is a file: %v", a.header)
	}
	// A running export shows how far it is.
	s.get("/dashboard/events/exports/"+f.receipt().ID, as("clinician")).wantText(t, "Under way", "0 of 1,204 rows", "hx-get=")
	close(release)
	s.do(http.MethodHead, filePath("csv", ""), "", as("clinician")).wantStatus(t, http.StatusOK)
	if len(f.receipts) != maxExports {
		t.Error("HEAD began an export")
	}
}

func TestExportShowsProgress(t *testing.T) {
	s, _, f := exportSite(t)
	f.rows = func(_ context.Context, _ health.EventFilter, w io.Writer, progress func(int64)) (int64, error) {
		progress(500)
		for range 500 {
			f.mu.Lock()
			told := len(f.progress) > 0 && f.progress[0] == 500
			f.mu.Unlock()
			if told {
				return 500, nil
			}
			time.Sleep(10 * time.Millisecond)
		}
		return 0, errors.New("the receipt was not renewed")
	}
	s.get(filePath("csv", ""), as("clinician")).wantStatus(t, http.StatusOK)
	if got := f.receipt(); got.Outcome != health.ExportDone {
		t.Errorf("%+v", got)
	}
}

func TestReceipts(t *testing.T) {
	s, _, f := exportSite(t)
	mine := health.Export{ID: strings.Repeat("a", 32), Ticket: strings.Repeat("b", 32), UserID: 7, PersonID: knownPatient, Format: health.ExportCSV, File: "events-x.csv", KeyID: "k1",
		Rows: 5, Promised: 10, Outcome: health.ExportRunning, Started: testNow(), LastSeen: testNow(), Filter: health.EventFilter{Metric: "heart_rate", To: day("2026-03-31")}}
	f.receipts = []health.Export{mine, {ID: strings.Repeat("c", 32), UserID: 8, Outcome: health.ExportDone}}
	path := "/dashboard/events/exports/"
	s.get(path+mine.ID, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Receipt of an export</h1>", "5 of 10 rows", "events-x.csv", "k1", "heart_rate", "to 31 Mar 2026", "<progress").wantNoText(t, "Muster")
	s.get(path+mine.ID, as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="export-receipt"`, `hx-trigger="load delay:1s"`).wantNoText(t, "<html", "<h1")
	f.receipts[0].LastSeen = testNow().Add(-2 * health.ExportStale)
	s.get(path+mine.Ticket, as("clinician")).wantText(t, "Broken off", "not complete").wantNoText(t, "hx-trigger", "<progress")
	f.receipts[0].Outcome = health.ExportFailed
	s.get(path+mine.Ticket, as("clinician"), asFragment).wantText(t, "Broken off").wantNoText(t, "hx-trigger", "SHA-256")
	f.receipts[0].Outcome, f.receipts[0].SHA256, f.receipts[0].Gzip = health.ExportDone, "5a5a", true
	s.get(path+mine.Ticket, as("clinician")).wantText(t, "Complete", "5a5a", "gunzip -c").wantNoText(t, "hx-trigger")
	for _, id := range []string{strings.Repeat("c", 32), strings.Repeat("d", 32), "x", strings.Repeat("a", 31) + "'"} {
		s.get(path+id, as("clinician")).wantStatus(t, http.StatusNotFound)
	}
	s.get(path+strings.Repeat("c", 32), as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantText(t, "not begun yet", "hx-trigger")
	if to := s.get(path+mine.ID).wantStatus(t, http.StatusSeeOther).header.Get("Location"); !strings.HasPrefix(to, "/login?next=") {
		t.Errorf("signed out leads to %q", to)
	}
	f.err = errSecret
	s.get(path+mine.ID, as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1", "5a5a")
}

func TestAPIExport(t *testing.T) {
	f := &fakeExports{}
	w := newAPIWorldWith(t, func(d *Deps) { d.Exports, d.Receipts = f, f })
	k := w.key("t.user", access.EventsRead)
	path := "/v1/events/export?person=" + knownPatient
	a := w.get(path+"&format=csv&metric=heart_rate", bearer(k.Text)).wantStatus(t, http.StatusOK).wantText(t, "csv row 1\r\n")
	a.wantPrivate(t)
	got := f.receipt()
	if got.KeyID != k.Key.ID || got.UserID != 7 || got.Filter.Metric != "heart_rate" || a.header.Get("X-Export-Id") != got.ID || got.Outcome != health.ExportDone {
		t.Errorf("%+v", got)
	}
	// A key can't show a passkey: it was made after a check, for this.
	a = w.get(path+"&format=ndjson", bearer(k.Text)).wantStatus(t, http.StatusOK)
	checkLastLine(t, []byte(a.body), 2)
	if e := w.ended(); e.KeyID != k.Key.ID || e.PersonID != 42 {
		t.Errorf("recorded %+v", e)
	}
	n := len(f.receipts)
	for _, query := range []string{"", "&format=xlsx", "&format=csv&format=csv", "&format=csv&size=5", "&format=csv&receipt=" + strings.Repeat("a", 32), "&format=csv&day=x"} {
		w.get(path+query, bearer(k.Text)).wantProblem(t, http.StatusBadRequest, "can't be used")
	}
	w.get("/v1/events/export?format=csv", bearer(k.Text)).wantProblem(t, http.StatusBadRequest)
	w.get(strings.Replace(path, knownPatient, strings.Repeat("f", 32), 1)+"&format=csv", bearer(k.Text)).wantProblem(t, http.StatusNotFound)
	w.get(path+"&format=csv", bearer(w.key("t.user", access.ReportsRead).Text)).wantProblem(t, http.StatusForbidden)
	w.get(path+"&format=csv", as("clinician")).wantProblem(t, http.StatusUnauthorized)
	if len(f.receipts) != n {
		t.Error("a refused export has a receipt")
	}
}

func TestPace(t *testing.T) {
	clock := testNow()
	taken := 0
	slow := func(step time.Duration) writerFunc {
		return func(p []byte) (int, error) { clock = clock.Add(step); taken += len(p); return len(p), nil }
	}
	p := pace{w: slow(10 * time.Second), now: func() time.Time { return clock }}
	piece := make([]byte, 100<<10)
	for range 60 { // 100 KiB in 10 s, for ten minutes
		if _, err := p.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	// What the database takes between two writes is no reader's fault.
	clock = clock.Add(time.Hour)
	small := make([]byte, 10<<10)
	var err error
	for n := 0; err == nil; n++ {
		if n > 12 {
			t.Fatal("10 KiB in 10 s go on")
		}
		_, err = p.Write(small)
	}
	if !errors.Is(err, errSlowReader) {
		t.Errorf("ended by %v", err)
	}
	p = pace{w: writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe }), now: func() time.Time { return clock }}
	if _, err := p.Write(small); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a closed pipe: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
