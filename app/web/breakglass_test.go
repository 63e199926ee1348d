package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

const (
	glassID     = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	glassReason = "Found unconscious, need the allergies"
)

// fakeGlass is a clinic with one patient, MRN-1, born on 4 March 1980, whom
// user 7 may open in an emergency.
type fakeGlass struct {
	err     error
	member  bool
	open    []access.Emergency
	reasons []string
	finds   int
	ended   []string
}

func (f *fakeGlass) match(userID int64, record string, born health.Day) error {
	f.finds++
	switch {
	case f.err != nil:
		return f.err
	case userID != 7 || record != "MRN-1" || born != day("1980-03-04"):
		return health.ErrNotFound
	default:
		return nil
	}
}

// FindForBreakGlass knows MRN-1.
func (f *fakeGlass) FindForBreakGlass(_ context.Context, userID int64, record string, born health.Day) (access.GlassMatch, error) {
	if err := f.match(userID, record, born); err != nil {
		return access.GlassMatch{}, err
	}
	return access.GlassMatch{ID: 42, PublicID: knownPatient, Member: f.member}, nil
}

// OpenBreakGlass opens MRN-1 once.
func (f *fakeGlass) OpenBreakGlass(_ context.Context, userID int64, record string, born health.Day, reason string) (access.Emergency, bool, error) {
	e := access.Emergency{ID: 1, PublicID: glassID, Person: 42, PersonPublicID: knownPatient, RecordNumber: "MRN-1", Started: testNow(), Expires: testNow().Add(time.Hour)}
	if err := f.match(userID, record, born); err != nil {
		return access.Emergency{}, false, err
	}
	if f.member {
		return e, false, access.ErrGlassMember
	}
	f.reasons = append(f.reasons, reason)
	return e, len(f.reasons) == 1, nil
}

// EndBreakGlass ends user 7's access.
func (f *fakeGlass) EndBreakGlass(_ context.Context, userID int64, id string) (health.PersonID, error) {
	if f.err != nil {
		return 0, f.err
	}
	if userID != 7 || id != glassID {
		return 0, health.ErrNotFound
	}
	f.ended = append(f.ended, id)
	return 42, nil
}

// OpenEmergencies are user 7's.
func (f *fakeGlass) OpenEmergencies(context.Context, int64) ([]access.Emergency, error) {
	return f.open, f.err
}

// countingAttempts counts for real.
type countingAttempts struct{ counts map[string]int }

// CountAttempt adds to the bucket.
func (c countingAttempts) CountAttempt(_ context.Context, bucket string, n int, _ time.Duration) (int, error) {
	c.counts[bucket] += n
	return c.counts[bucket], nil
}

// glassWorld is a site with break-glass, its store and its alerts.
type glassWorld struct {
	*site
	store    *fakeGlass
	alerts   *alertBox
	attempts countingAttempts
}

func newGlassWorld(t *testing.T) glassWorld {
	t.Helper()
	w := glassWorld{store: &fakeGlass{}, alerts: &alertBox{}, attempts: countingAttempts{map[string]int{}}}
	w.site = newSite(t, func(d *Deps) { d.Emergencies, d.Alerts, d.Attempts = w.store, w.alerts, w.attempts })
	return w
}

// post sends a form as a clinician would.
func (w glassWorld) post(path string, form url.Values, opts ...option) answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, form.Encode(), append([]option{as("clinician"), fromPage, urlencoded}, opts...)...)
}

func glassForm(changes ...string) url.Values {
	form := url.Values{"record_number": {" MRN-1 "}, "birth_date": {"1980-03-04"}, "reason": {glassReason}, "confirm": {"yes"}}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func TestBreakGlassStart(t *testing.T) {
	w := newGlassWorld(t)
	w.get("/break-glass", as("clinician")).wantStatus(t, http.StatusOK).
		wantText(t, "<h1>Break the glass</h1>", "60 minutes", "Every view is recorded", `name="record_number"`, `name="birth_date"`, `name="csrf"`).
		wantNoText(t, "Open now", "No patient matches")
	if e := w.book.last(); e.Kind != access.KindBreakGlassStart || e.Outcome != audit.Done {
		t.Errorf("recorded %+v", e)
	}
	w.store.open = []access.Emergency{{PublicID: glassID, PersonPublicID: knownPatient, RecordNumber: "MRN-1", Expires: testNow().Add(30 * time.Minute)}}
	w.get("/break-glass", as("clinician")).wantText(t, "Open now", "until 12:30", "MRN-1", "/patients/"+knownPatient, "/break-glass/"+glassID+"/end")
	w.get("/break-glass", as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantNoText(t, "<html")
	w.store.err = errSecret
	w.get("/break-glass", as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
}

// Every route is closed to whoever is signed out, and to every other role.
func TestBreakGlassIsForClinicians(t *testing.T) {
	w := newGlassWorld(t)
	w.get("/break-glass").wantStatus(t, http.StatusSeeOther)
	posts := []string{"/break-glass/find", "/break-glass/open", "/break-glass/" + glassID + "/end"}
	for _, path := range posts {
		w.do(http.MethodPost, path, glassForm().Encode(), fromPage, urlencoded).wantStatus(t, http.StatusUnauthorized)
		w.do(http.MethodPost, path, glassForm().Encode(), as("clinician"), urlencoded, header("Sec-Fetch-Site", "cross-site")).wantStatus(t, http.StatusForbidden)
	}
	for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin", "privacy+admin"} {
		w.get("/break-glass", as(role)).wantStatus(t, http.StatusForbidden)
		for _, path := range posts {
			w.do(http.MethodPost, path, glassForm().Encode(), as(role), fromPage, urlencoded).wantStatus(t, http.StatusForbidden)
			if e := w.book.last(); e.Outcome != audit.Denied || e.UserID != 7 {
				t.Errorf("%s %s: recorded %+v", role, path, e)
			}
		}
	}
	if w.store.finds != 0 || len(w.store.ended) != 0 || len(w.alerts.alerts) != 0 {
		t.Errorf("the store was asked: %+v", w.store)
	}
}

func TestBreakGlassFind(t *testing.T) {
	w := newGlassWorld(t)
	w.post("/break-glass/find", glassForm()).wantStatus(t, http.StatusOK).
		wantText(t, "Exactly one patient matches", "MRN-1", "4 March 1980", `name="reason"`, `name="confirm"`, "data-step-up", `action="/break-glass/open"`).
		wantNoText(t, knownPatient, "Muster", "Anna")
	if e := w.book.last(); e.Kind != access.KindBreakGlassFind || e.Outcome != audit.Done || e.PersonID != 42 || !strings.Contains(e.Detail, `"found":true`) {
		t.Errorf("recorded %+v", e)
	}
	w.store.member = true
	w.post("/break-glass/find", glassForm()).wantStatus(t, http.StatusOK).
		wantText(t, "open to you already", "/patients/"+knownPatient).wantNoText(t, `name="reason"`)
	w.store.err = errSecret
	w.post("/break-glass/find", glassForm()).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	if e := w.book.last(); e.Outcome != audit.Failed || strings.Contains(e.Detail, "MRN") {
		t.Errorf("recorded %+v", e)
	}
}

// A wrong number and a wrong date are answered alike, and recorded without either.
func TestBreakGlassMiss(t *testing.T) {
	w := newGlassWorld(t)
	bodies := map[string]bool{}
	for _, form := range []url.Values{glassForm("birth_date", "1980-03-05"), glassForm("record_number", "MRN-7"), glassForm("record_number", "mrn-1")} {
		a := w.post("/break-glass/find", form).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "No patient matches", "Check both")
		body := a.body[strings.Index(a.body, "<main"):strings.Index(a.body, "</main>")]
		for _, typed := range []string{form.Get("record_number"), form.Get("birth_date")} {
			body = strings.ReplaceAll(body, strings.TrimSpace(typed), "TYPED")
		}
		bodies[body] = true
		e := w.book.last()
		if e.Kind != access.KindBreakGlassFind || e.Outcome != audit.Denied || e.PersonID != 0 || e.Detail != `{"found":false}` {
			t.Errorf("recorded %+v", e)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different answers to misses", len(bodies))
	}
	if log := w.log.String(); strings.Contains(log, "MRN-") || strings.Contains(log, "1980") {
		t.Errorf("the log: %s", log)
	}
}

func TestBreakGlassFormsThatCantBeMeant(t *testing.T) {
	w := newGlassWorld(t)
	for _, path := range []string{"/break-glass/find", "/break-glass/open"} {
		for _, form := range []url.Values{glassForm("record_number", " "), glassForm("record_number", strings.Repeat("9", 201)), glassForm("record_number", "M\x00"),
			glassForm("record_number", "\xff"), glassForm("birth_date", ""), glassForm("birth_date", "4.3.1980"), glassForm("birth_date", "1980-02-30"), {}} {
			w.post(path, form).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "field-error").wantNoText(t, "No patient matches")
			if e := w.book.last(); e.Outcome != audit.Denied {
				t.Errorf("%s %v: recorded %+v", path, form, e)
			}
		}
	}
	if w.store.finds != 0 || len(w.attempts.counts) != 0 {
		t.Errorf("the store was asked %d times, attempts %v", w.store.finds, w.attempts.counts)
	}
}

func TestBreakGlassFindsAreFew(t *testing.T) {
	w := newGlassWorld(t)
	for range access.BreakGlassFinds - 1 {
		w.post("/break-glass/find", glassForm("record_number", "MRN-7")).wantStatus(t, http.StatusUnprocessableEntity)
	}
	w.post("/break-glass/open", glassForm("record_number", "MRN-7")).wantStatus(t, http.StatusUnprocessableEntity)
	for _, path := range []string{"/break-glass/find", "/break-glass/open"} {
		w.post(path, glassForm()).wantStatus(t, http.StatusTooManyRequests).wantText(t, "Wait ten minutes")
		if e := w.book.last(); e.Outcome != audit.Denied || e.UserID != 7 {
			t.Errorf("recorded %+v", e)
		}
	}
	if w.store.finds != access.BreakGlassFinds || len(w.store.reasons) != 0 {
		t.Errorf("the store was asked %d times, opened %d", w.store.finds, len(w.store.reasons))
	}
	uncounted := newSite(t, func(d *Deps) { d.Emergencies, d.Attempts = w.store, noAttempts{err: errors.New("gone")} })
	uncounted.do(http.MethodPost, "/break-glass/find", glassForm().Encode(), as("clinician"), fromPage, urlencoded).wantStatus(t, http.StatusServiceUnavailable)
}

func TestBreakGlassOpen(t *testing.T) {
	w := newGlassWorld(t)
	a := w.post("/break-glass/open", glassForm()).wantStatus(t, http.StatusSeeOther)
	if to := a.header.Get("Location"); to != "/patients/"+knownPatient {
		t.Errorf("leads to %q", to)
	}
	e := w.book.last()
	if e.Kind != access.KindBreakGlass || e.Outcome != audit.Done || e.PersonID != 42 || e.Subject != glassID ||
		!strings.Contains(e.Detail, `"opened":true`) || !strings.Contains(e.Detail, "2026-03-29T13:00:00Z") || strings.Contains(e.Detail, "unconscious") {
		t.Errorf("recorded %+v", e)
	}
	if len(w.store.reasons) != 1 || w.store.reasons[0] != glassReason {
		t.Errorf("reasons %q", w.store.reasons)
	}
	if len(w.alerts.alerts) != 1 {
		t.Fatalf("%d alerts", len(w.alerts.alerts))
	}
	got := w.alerts.alerts[0]
	if got.Kind != access.AlertBreakGlass || got.Path != "/admin/break-glass" || got.RequestID == "" || got.Every != 0 ||
		strings.Contains(got.Text, "MRN") || strings.Contains(got.Text, "Test User") {
		t.Errorf("alert %+v", got)
	}
	// Once more while it is open: the same access, and no second alert.
	w.post("/break-glass/open", glassForm()).wantStatus(t, http.StatusSeeOther)
	if len(w.alerts.alerts) != 1 || !strings.Contains(w.book.last().Detail, `"opened":false`) {
		t.Errorf("%d alerts, recorded %+v", len(w.alerts.alerts), w.book.last())
	}
	w.post("/break-glass/open", glassForm(), asFragment).wantStatus(t, http.StatusNoContent)
}

func TestBreakGlassWithoutReason(t *testing.T) {
	w := newGlassWorld(t)
	tests := []struct{ name, value, words string }{
		{"reason", "", "Say in 10 to 1000"}, {"reason", "too short", "Say in 10 to"}, {"reason", "a         b", "Say in 10 to"}, {"reason", "..............", "Say in 10 to"},
		{"reason", strings.Repeat("x", 1001), "Say in 10 to"}, {"reason", "enough letters\x00", "Say in 10 to"}, {"confirm", "", "Tick the box"}, {"confirm", "no", "Tick the box"},
	}
	for _, tt := range tests {
		w.post("/break-glass/open", glassForm(tt.name, tt.value)).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "field-error", `name="reason"`, tt.words)
		if e := w.book.last(); e.Kind != access.KindBreakGlass || e.Outcome != audit.Denied || e.PersonID != 0 {
			t.Errorf("%q: recorded %+v", tt.value, e)
		}
	}
	if w.store.finds != 0 || len(w.alerts.alerts) != 0 {
		t.Errorf("asked %d times, %d alerts", w.store.finds, len(w.alerts.alerts))
	}
}

func TestBreakGlassOpenOfMembersAndMisses(t *testing.T) {
	w := newGlassWorld(t)
	w.post("/break-glass/open", glassForm("birth_date", "1980-03-05")).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "No patient matches")
	w.store.member = true
	if to := w.post("/break-glass/open", glassForm()).wantStatus(t, http.StatusSeeOther).header.Get("Location"); to != "/patients/"+knownPatient {
		t.Errorf("a member is led to %q", to)
	}
	if e := w.book.last(); e.PersonID != 42 || !strings.Contains(e.Detail, `"needed":false`) {
		t.Errorf("recorded %+v", e)
	}
	w.store.err = errSecret
	w.post("/break-glass/open", glassForm()).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	if len(w.alerts.alerts) != 0 {
		t.Errorf("%d alerts", len(w.alerts.alerts))
	}
}

func TestBreakGlassOpenNeedsAFreshCheck(t *testing.T) {
	w := newGlassWorld(t)
	s := newSite(t, func(d *Deps) { d.Emergencies, d.Sessions = w.store, staleSessions{} })
	s.do(http.MethodPost, "/break-glass/open", glassForm().Encode(), as("clinician"), fromPage, urlencoded).
		wantStatus(t, http.StatusForbidden).wantText(t, "passkey")
	if e := s.book.last(); e.Kind != access.KindBreakGlass || e.Outcome != audit.Denied || w.store.finds != 0 {
		t.Errorf("recorded %+v, asked %d times", e, w.store.finds)
	}
}

func TestBreakGlassEnd(t *testing.T) {
	w := newGlassWorld(t)
	if to := w.post("/break-glass/"+glassID+"/end", nil).wantStatus(t, http.StatusSeeOther).header.Get("Location"); to != "/break-glass" {
		t.Errorf("leads to %q", to)
	}
	if e := w.book.last(); e.Kind != access.KindBreakGlassEnd || e.PersonID != 42 || e.Subject != glassID || len(w.store.ended) != 1 {
		t.Errorf("recorded %+v", e)
	}
	for _, id := range []string{strings.Repeat("b", 32), "1", strings.Repeat("a", 33), "..%2f"} {
		w.post("/break-glass/"+id+"/end", nil).wantStatus(t, http.StatusNotFound)
	}
	w.store.err = errSecret
	w.post("/break-glass/"+glassID+"/end", nil).wantStatus(t, http.StatusServiceUnavailable)
}

// emergencyHealth is Anna, open to user 7 in an emergency.
type emergencyHealth struct{ *fakeHealth }

// Patient is Anna's page under the emergency.
func (e emergencyHealth) Patient(ctx context.Context, userID int64, id string) (health.Patient, error) {
	p, err := e.fakeHealth.Patient(ctx, userID, id)
	p.BreakGlassID, p.BreakGlassUntil = glassID, testNow().Add(20*time.Minute)
	return p, err
}

// Every page and fragment of the patient says that the glass is broken.
func TestBreakGlassBannerIsEverywhere(t *testing.T) {
	s := newSite(t, func(d *Deps) {
		f := emergencyHealth{withData()}
		d.Patients, d.Ranges, d.Series, d.Events, d.Home, d.Views, d.Lookers = f, f, f, f, f, fakeViews{}, fakeLookers{}
		d.NewReports, d.SavedViews = &fakeIndex{}, f
	})
	s.server.cfg.Zone, _ = time.LoadLocation("Europe/Berlin")
	for _, path := range []string{"/patients/" + knownPatient, "/patients/" + knownPatient + "/chart?metric=heart_rate", "/patients/" + knownPatient + "/access",
		"/dashboard/events?person=" + knownPatient} {
		s.get(path, as("clinician")).wantStatus(t, http.StatusOK).
			wantText(t, `<div id="break-glass">`, "Break-glass access until 14:20.", "Every view is recorded and reviewed", "/break-glass/"+glassID+"/end", testCSRF)
		a := s.get(path, as("clinician"), asFragment).wantStatus(t, http.StatusOK).
			wantText(t, `<div id="break-glass" hx-swap-oob="true">`, "Break-glass access until 14:20.")
		if strings.Contains(a.body, "<html") {
			t.Errorf("%s: a fragment is a page", path)
		}
		if e := s.book.last(); e.PersonID != 42 || !strings.Contains(e.Detail, glassID) {
			t.Errorf("%s: recorded %+v", path, e)
		}
	}
	s.get("/dashboard", as("clinician")).wantNoText(t, "Break-glass access until")
	plain := newSite(t, healthSite(withData()))
	plain.get("/patients/"+knownPatient, as("clinician")).wantNoText(t, "Break-glass access until", `id="break-glass"`)
	plain.get("/patients/"+knownPatient, as("clinician"), asFragment).wantNoText(t, `id="break-glass"`)
}
