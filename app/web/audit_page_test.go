package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

const evaID = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

// fakeLog is an audit log of a few rows, with recorded questions.
type fakeLog struct {
	page audit.Page
	err  error
	got  audit.Filter
	// each is what EachOf does; nil gives the page's rows.
	each func(ctx context.Context, fn func(audit.Row) error) error
	mu   sync.Mutex
}

// asked remembers a question; exports ask at once.
func (f *fakeLog) asked(filter audit.Filter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = filter
}

// AuditPage is the page.
func (f *fakeLog) AuditPage(_ context.Context, filter audit.Filter) (audit.Page, error) {
	f.asked(filter)
	return f.page, f.err
}

// EachOf gives the page's rows, or what the test does.
func (f *fakeLog) EachOf(ctx context.Context, filter audit.Filter, fn func(audit.Row) error) error {
	f.asked(filter)
	if f.each != nil {
		return f.each(ctx, fn)
	}
	for _, row := range f.page.Rows {
		if err := fn(row); err != nil {
			return err
		}
	}
	return f.err
}

// AuditUsers is Eva.
func (f *fakeLog) AuditUsers(context.Context) ([]access.UserRef, error) {
	return []access.UserRef{{ID: 8, PublicID: evaID, Name: "Dr <Eva>"}}, f.err
}

// AuditPatients knows patient 42.
func (f *fakeLog) AuditPatients(_ context.Context, ids []health.PersonID) (map[health.PersonID]access.PatientRef, error) {
	known := map[health.PersonID]access.PatientRef{}
	for _, id := range ids {
		if id == 42 {
			known[id] = access.PatientRef{ID: id, PublicID: knownPatient, RecordNumber: "MRN-1"}
		}
	}
	return known, f.err
}

// AuditPatient knows MRN-1.
func (f *fakeLog) AuditPatient(_ context.Context, record, publicID string) (access.PatientRef, error) {
	if record == "MRN-1" || publicID == knownPatient {
		return access.PatientRef{ID: 42, PublicID: knownPatient, RecordNumber: "MRN-1"}, f.err
	}
	return access.PatientRef{}, health.ErrNotFound
}

// Emergency knows one access of Eva's.
func (f *fakeLog) Emergency(_ context.Context, id string) (access.Emergency, error) {
	if id != glassID {
		return access.Emergency{}, health.ErrNotFound
	}
	return access.Emergency{PublicID: glassID, UserID: 8, UserName: "Dr <Eva>", Person: 42, RecordNumber: "MRN-1",
		Started: testNow().Add(-time.Hour), Expires: testNow(), Ended: testNow().Add(-time.Minute)}, f.err
}

func someRows() []audit.Row {
	row := func(seq int64, e audit.Entry, user string) audit.Row {
		e.At = time.Date(2026, 3, 29, 0, 59, 59, 123456000, time.UTC).Add(-time.Duration(seq) * time.Second)
		return audit.Row{Entry: e, Chain: "c1", Seq: seq, UserName: user}
	}
	return []audit.Row{
		row(1204, audit.Entry{Kind: access.KindPatient, Outcome: audit.Done, UserID: 8, Roles: "clinician+privacy", SessionID: "s1", PersonID: 42, Subject: "sub-1",
			Route: "GET /patients/:id", RequestID: "r1", Address: "192.0.2.9", Detail: `{"b":{"x":1},"a":"=1+<b>"}`}, "Dr <Eva>"),
		row(1203, audit.Entry{Kind: access.KindReport, Outcome: audit.Denied, UserID: 99, KeyID: "k1", PersonID: 43, Detail: "no JSON"}, ""),
		row(1202, audit.Entry{Kind: "of.later", Outcome: audit.Failed, Route: "command user add"}, ""),
	}
}

func auditSite(t *testing.T) (*site, *fakeLog) {
	t.Helper()
	f := &fakeLog{page: audit.Page{Rows: someRows()}}
	rows := someRows()
	f.page.Older, f.page.Newer = rows[2].Cursor(), rows[0].Cursor()
	return newSite(t, func(d *Deps) { d.AuditLog = f }), f
}

func TestAuditPage(t *testing.T) {
	s, f := auditSite(t)
	s.server.cfg.Zone, _ = time.LoadLocation("Europe/Berlin")
	a := s.get("/admin/audit", as("privacy")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Audit log</h1>", "29 Mar 2026, 01:39:55", "UTC+01:00", "Dr &lt;Eva&gt;", "clinician, privacy",
		"Patient page", "1,204", "c1", "MRN-1", "patient="+knownPatient, "user="+evaID, "192.0.2.9", "=1+&lt;b&gt;", "no JSON", "a command", "of.later", "Denied", "Failed",
		"no longer here", "3 rows on this page", "after="+f.page.Older.String(), "before="+f.page.Newer.String(), "/admin/audit/export.csv", "<details>")
	a.wantNoText(t, "Muster", "Dr <Eva>", "=1+<b>")
	if e := s.book.last(); e.Kind != access.KindAudit || e.Outcome != audit.Done || e.PersonID != 0 {
		t.Errorf("recorded %+v", e)
	}
	s.get("/admin/audit", as("admin"), asFragment).wantStatus(t, http.StatusOK).wantText(t, `id="audit"`, "audit-filter").wantNoText(t, "<html", "<h1")
	f.page = audit.Page{}
	s.get("/admin/audit", as("privacy")).wantText(t, "No entries match")
}

func TestAuditFilter(t *testing.T) {
	s, f := auditSite(t)
	s.server.cfg.Zone, _ = time.LoadLocation("Europe/Berlin")
	query := url.Values{"from": {"2026-03-29"}, "to": {"2026-03-29"}, "kind": {"patient.view"}, "outcome": {"done"}, "user": {evaID}, "patient": {knownPatient},
		"subject": {"sub-1"}, "size": {"25"}, "after": {someRows()[0].Cursor().String()}}
	s.get("/admin/audit?"+query.Encode(), as("privacy")).wantStatus(t, http.StatusOK).
		wantText(t, "User: Dr &lt;Eva&gt;", "Patient: record no. MRN-1", "Outcome: done", "From 29 Mar 2026", "Subject: sub-1", "export.csv?from=2026-03-29&amp;kind=patient.view")
	got := f.got
	if d := got.To.Sub(got.From); d != 23*time.Hour || got.Kind != access.KindPatient || got.Outcome != audit.Done || got.UserID != 8 || got.PersonID != 42 ||
		got.Subject != "sub-1" || got.Size != 25 || got.After == nil || got.After.Seq != 1204 {
		t.Errorf("asked %+v", got)
	}
	e := s.book.last()
	if e.PersonID != 42 || !strings.Contains(e.Detail, "kind=patient.view") || strings.Contains(e.Detail, "MRN") {
		t.Errorf("recorded %+v", e)
	}
	s.get("/admin/audit?emergency="+glassID, as("privacy")).wantStatus(t, http.StatusOK).wantText(t, "Break-glass of Dr &lt;Eva&gt;, record no. MRN-1")
	if !f.got.From.Equal(testNow().Add(-time.Hour)) || !f.got.To.Equal(testNow().Add(-time.Minute)) || f.got.UserID != 8 || f.got.PersonID != 42 {
		t.Errorf("the access: asked %+v", f.got)
	}
	s.get("/admin/audit?emergency="+glassID+"&from=2026-03-29&to=2026-03-29", as("privacy")).wantStatus(t, http.StatusOK)
	if !f.got.From.Equal(testNow().Add(-time.Hour)) || !f.got.To.Equal(testNow().Add(-time.Minute)) {
		t.Errorf("the access within days: asked %+v", f.got)
	}
}

func TestAuditFilterRefuses(t *testing.T) {
	s, f := auditSite(t)
	for query, status := range map[string]int{
		"from=x": 400, "to=2026-02-30": 400, "from=2026-03-30&to=2026-03-29": 400, "kind=nothing": 400, "outcome=maybe": 400, "size=0": 400, "size=201": 400, "size=x": 400,
		"after=x": 400, "before=" + strings.Repeat("A", 300): 400, "subject=" + strings.Repeat("x", 201): 400,
		"after=" + someRows()[0].Cursor().String() + "&before=" + someRows()[0].Cursor().String(): 400,
		"emergency=" + glassID + "&user=" + evaID:                                                 400, "emergency=" + otherGlass: 404, "emergency=1": 404,
		"user=" + knownPatient: 404, "user=8": 404, "patient=" + evaID: 404, "patient=42": 404, "patient=MRN-1": 404,
	} {
		for _, path := range []string{"/admin/audit?", "/admin/audit/export.csv?"} {
			if strings.Contains(path, "export") && (strings.Contains(query, "size") || strings.Contains(query, "after") || strings.Contains(query, "before")) {
				continue // a file has every page
			}
			f.got = audit.Filter{}
			s.get(path+query, as("privacy")).wantStatus(t, status)
			if f.got != (audit.Filter{}) {
				t.Errorf("%s%s reached the store", path, query)
			}
			if e := s.book.last(); e.Outcome != audit.Denied {
				t.Errorf("%s%s: recorded %+v", path, query, e)
			}
		}
	}
}

func TestAuditIsForReviewers(t *testing.T) {
	s, f := auditSite(t)
	for _, path := range []string{"/admin/audit", "/admin/audit/export.csv"} {
		s.get(path).wantStatus(t, http.StatusSeeOther)
		for _, role := range []string{"clinician", "analyst", "researcher", "ops"} {
			s.get(path, as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, "MRN-1", "192.0.2.9")
		}
	}
	for _, role := range []string{"clinician", "ops"} {
		s.do(http.MethodPost, "/admin/audit/patient", "record_number=MRN-1", as(role), fromPage, urlencoded).wantStatus(t, http.StatusForbidden)
	}
	f.err = errSecret
	for _, path := range []string{"/admin/audit", "/admin/audit/export.csv"} {
		s.get(path, as("privacy")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	}
	s.do(http.MethodPost, "/admin/audit/patient", "record_number=MRN-1", as("privacy"), fromPage, urlencoded).wantStatus(t, http.StatusServiceUnavailable)
}

// A record number goes by POST, and its patient's public id stands in the address.
func TestAuditOfOnePatient(t *testing.T) {
	s, _ := auditSite(t)
	post := func(form url.Values) answer {
		return s.do(http.MethodPost, "/admin/audit/patient", form.Encode(), as("privacy"), fromPage, urlencoded)
	}
	to := post(url.Values{"record_number": {" MRN-1 "}, "kind": {"patient.view"}, "from": {"2026-03-01"}}).wantStatus(t, http.StatusSeeOther).header.Get("Location")
	if to != "/admin/audit?from=2026-03-01&kind=patient.view&patient="+knownPatient {
		t.Errorf("leads to %q", to)
	}
	if e := s.book.last(); e.Kind != access.KindAudit || e.PersonID != 42 || strings.Contains(e.Detail, "MRN") {
		t.Errorf("recorded %+v", e)
	}
	for _, record := range []string{"MRN-9", "", "mrn-1", strings.Repeat("9", 201), "M\x00", "\xff"} {
		post(url.Values{"record_number": {record}}).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "No patient has this record number")
	}
	post(url.Values{"record_number": {"MRN-1"}, "kind": {"nothing"}}).wantStatus(t, http.StatusBadRequest)
}
