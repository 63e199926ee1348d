package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

// fakeReviews is a review queue.
type fakeReviews struct {
	page         access.EmergencyPage
	err, refuse  error
	after, asked string
	size         int
}

// EmergencyQueue is the page.
func (f *fakeReviews) EmergencyQueue(_ context.Context, after string, size int) (access.EmergencyPage, error) {
	f.after, f.size = after, size
	return f.page, f.err
}

// ReviewEmergency remembers the decision.
func (f *fakeReviews) ReviewEmergency(_ context.Context, reviewer int64, id string, o access.GlassOutcome, note string) error {
	if reviewer != 7 {
		return health.ErrNotFound
	}
	f.asked = id + " " + string(o) + " " + note
	return f.refuse
}

const otherGlass = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// reviewWorld has four accesses: one to decide, one that runs, an own one, and one decided.
func reviewWorld(t *testing.T) (*site, *fakeReviews) {
	t.Helper()
	base := access.Emergency{PublicID: glassID, ID: 1, UserID: 8, UserName: "Dr <Eva>", RecordNumber: "MRN-1", PersonPublicID: knownPatient,
		Reason: "line one\nline <two>", Started: testNow().Add(-3 * time.Hour), Expires: testNow().Add(-2 * time.Hour), Entries: 1204}
	running, own, decided := base, base, base
	running.PublicID, running.ID, running.UserName, running.Started, running.Expires = strings.Repeat("c", 32), 2, "Dr Run", testNow().Add(-10*time.Minute), testNow().Add(50*time.Minute)
	own.PublicID, own.ID, own.UserID, own.UserName, own.Ended = strings.Repeat("d", 32), 3, 7, "Test User", testNow().Add(-160*time.Minute)
	decided.PublicID, decided.ID, decided.Reviewed, decided.ReviewedBy, decided.Outcome, decided.Note = otherGlass, 4, testNow(), "Pia", access.NotJustified, "no emergency"
	f := &fakeReviews{page: access.EmergencyPage{Waiting: []access.Emergency{base, running, own}, Decided: []access.Emergency{decided}, More: true}}
	return newSite(t, func(d *Deps) { d.Reviews = f }), f
}

func TestReviewQueue(t *testing.T) {
	s, f := reviewWorld(t)
	a := s.get("/admin/break-glass", as("privacy")).wantStatus(t, http.StatusOK).wantText(t, "Break-glass reviews", "Dr &lt;Eva&gt;", "MRN-1", "29 Mar 2026, 09:00",
		"60 minutes, expired at 10:00", "1,204 entries", "/admin/audit?emergency="+glassID, "line &lt;two&gt;", "10 minutes, still open, until 12:50", "20 minutes, ended at 09:20",
		"once it has ended", "your own", "Not justified", "by Pia", "no emergency", "?after="+otherGlass, "data-step-up", "/admin/break-glass/"+glassID+"/review")
	a.wantNoText(t, "Muster", "Newest decisions", strings.Repeat("c", 32)+"/review", strings.Repeat("d", 32)+"/review", otherGlass+"/review", "Dr <Eva>")
	e := s.book.last()
	if e.Kind != access.KindBreakGlassList || e.Outcome != audit.Done || !strings.Contains(e.Detail, glassID) || strings.Contains(e.Detail, "MRN") {
		t.Errorf("recorded %+v", e)
	}
	if f.after != "" || f.size != decidedPage {
		t.Errorf("asked for %q, %d", f.after, f.size)
	}
	s.get("/admin/break-glass?after="+otherGlass, as("privacy"), asFragment).wantStatus(t, http.StatusOK).wantText(t, "Newest decisions").wantNoText(t, "<html")
	if f.after != otherGlass {
		t.Errorf("asked for %q", f.after)
	}
	// An administrator reads, and decides nothing.
	s.get("/admin/break-glass", as("admin")).wantStatus(t, http.StatusOK).wantText(t, "A privacy officer decides").wantNoText(t, "/review\"", "data-step-up")
	for _, after := range []string{"x", "' OR 1=1"} {
		s.get("/admin/break-glass?after="+url.QueryEscape(after), as("privacy")).wantStatus(t, http.StatusBadRequest)
	}
	f.page = access.EmergencyPage{}
	s.get("/admin/break-glass", as("privacy")).wantText(t, "Nothing waits for a review", "No decisions yet")
	f.err = errSecret
	s.get("/admin/break-glass", as("privacy")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
}

func TestReviewIsForPrivacyOfficers(t *testing.T) {
	s, f := reviewWorld(t)
	s.get("/admin/break-glass").wantStatus(t, http.StatusSeeOther)
	path := "/admin/break-glass/" + glassID + "/review"
	s.do(http.MethodPost, path, "outcome=justified", fromPage, urlencoded).wantStatus(t, http.StatusUnauthorized)
	for _, role := range []string{"clinician", "analyst", "researcher", "ops"} {
		s.get("/admin/break-glass", as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, "MRN-1")
	}
	for _, role := range []string{"clinician", "analyst", "researcher", "ops", "admin"} {
		s.do(http.MethodPost, path, "outcome=justified", as(role), fromPage, urlencoded).wantStatus(t, http.StatusForbidden)
		if e := s.book.last(); e.Kind != access.KindBreakGlassReview || e.Outcome != audit.Denied {
			t.Errorf("%s: recorded %+v", role, e)
		}
	}
	stale := newSite(t, func(d *Deps) { d.Reviews, d.Sessions = f, staleSessions{} })
	stale.do(http.MethodPost, path, "outcome=justified", as("privacy"), fromPage, urlencoded).wantStatus(t, http.StatusForbidden).wantText(t, "passkey")
	if f.asked != "" {
		t.Errorf("decided %q", f.asked)
	}
}

func TestReviewDecides(t *testing.T) {
	why := "There was no emergency at all"
	tests := []struct {
		id, outcome, note string
		refuse            error
		status            int
		asked, words      string
	}{
		{glassID, "justified", "", nil, http.StatusSeeOther, glassID + " justified ", ""},
		{glassID, "justified", " fine ", nil, http.StatusSeeOther, glassID + " justified fine", ""},
		{glassID, "not justified", why, nil, http.StatusSeeOther, glassID + " not justified " + why, ""},
		{glassID, "", why, nil, http.StatusUnprocessableEntity, "", "Choose one."},
		{glassID, "maybe", why, nil, http.StatusUnprocessableEntity, "", "Choose one."},
		{glassID, "not justified", "no", nil, http.StatusUnprocessableEntity, "", "Say in at least 10"},
		{glassID, "justified", strings.Repeat("x", 1001), nil, http.StatusUnprocessableEntity, "", "at most 1000"},
		{glassID, "justified", "a\x00", nil, http.StatusUnprocessableEntity, "", "at most 1000"},
		{glassID, "justified", "", access.ErrGlassOwn, http.StatusForbidden, glassID + " justified ", "of their own"},
		{glassID, "justified", "", access.ErrGlassDecided, http.StatusConflict, glassID + " justified ", "the decision stays"},
		{glassID, "justified", "", access.ErrGlassRunning, http.StatusConflict, glassID + " justified ", "not ended yet"},
		{otherGlass, "justified", "", health.ErrNotFound, http.StatusNotFound, otherGlass + " justified ", ""},
		{glassID, "justified", "", errSecret, http.StatusServiceUnavailable, glassID + " justified ", ""},
		{"1", "justified", "", nil, http.StatusNotFound, "", ""},
	}
	for _, tt := range tests {
		s, f := reviewWorld(t)
		f.refuse = tt.refuse
		form := url.Values{"outcome": {tt.outcome}, "note": {tt.note}}
		s.do(http.MethodPost, "/admin/break-glass/"+tt.id+"/review", form.Encode(), as("privacy"), fromPage, urlencoded).
			wantStatus(t, tt.status).wantText(t, tt.words).wantNoText(t, "10.0.0.1")
		if f.asked != tt.asked {
			t.Errorf("%+v: decided %q", tt, f.asked)
		}
		e := s.book.last()
		if e.Kind != access.KindBreakGlassReview || (e.Outcome == audit.Done) != (tt.status == http.StatusSeeOther) || strings.Contains(e.Detail, "emergency at all") {
			t.Errorf("%+v: recorded %+v", tt, e)
		}
		if tt.status == http.StatusSeeOther && (e.Subject != glassID || !strings.Contains(e.Detail, tt.outcome)) {
			t.Errorf("%+v: recorded %+v", tt, e)
		}
	}
}
