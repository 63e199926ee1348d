package web

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/audit"
	"healthportal/app/genomics"
	"healthportal/app/health"
)

func TestAPIOwnKey(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("o.other", access.EventsRead, access.ReportsRead)
	var got keyAnswer
	w.get("/v1/key", bearer(k.Text)).wantNoText(t, k.Text[20:]).wantJSON(t, "Key", &got)
	if got.ID != k.Key.ID || *got.Name != "test" || len(got.Scopes) != 2 || len(got.EffectiveScopes) != 1 || got.EffectiveScopes[0] != access.ReportsRead ||
		*got.Expires != "2026-03-29T13:00:00Z" {
		t.Errorf("%+v", got)
	}
	if e := w.book.last(); e.Kind != access.KindKeySelf || e.Outcome != audit.Done || e.UserID != 8 || e.KeyID != k.Key.ID || e.SessionID != "" ||
		e.Roles != "analyst" || e.Subject != k.Key.ID {
		t.Errorf("recorded %+v", e)
	}
	if w.keys.Touched != 1 {
		t.Errorf("noted %d uses", w.keys.Touched)
	}
}

// Each way in which a key opens nothing, on every path.
func TestAPIKeysThatOpenNothing(t *testing.T) {
	for name, spoil := range map[string]func(*apiWorld, *apikey.Made){
		"none":         func(_ *apiWorld, k *apikey.Made) { k.Text = "" },
		"wrong secret": func(_ *apiWorld, k *apikey.Made) { k.Text = k.Text[:20] + strings.Repeat("0", 43) },
		"unknown":      func(_ *apiWorld, k *apikey.Made) { k.Text = "hp_" + strings.Repeat("a", 16) + k.Text[19:] },
		"malformed":    func(_ *apiWorld, k *apikey.Made) { k.Text = "hp_' OR 1=1 --" },
		"huge":         func(_ *apiWorld, k *apikey.Made) { k.Text = strings.Repeat("A", 4000) },
		"cut":          func(_ *apiWorld, k *apikey.Made) { k.Text = k.Text[:62] },
		"two":          func(_ *apiWorld, k *apikey.Made) { k.Text += " " + k.Text },
		"revoked": func(w *apiWorld, k *apikey.Made) {
			w.change(k.Key.ID, func(s *apikey.Stored) { s.Revoked = testNow() })
		},
		"expired": func(w *apiWorld, k *apikey.Made) {
			w.change(k.Key.ID, func(s *apikey.Stored) { s.Expires = testNow() })
		},
		"owner disabled": func(w *apiWorld, _ *apikey.Made) { w.owner().Disabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newAPIWorld(t)
			k := w.key("t.user", access.Scopes()...)
			spoil(w, &k)
			for _, path := range []string{"/v1/key", "/v1/events?person=" + knownPatient, "/v1/genomics/reports", "/v1/genomics/reports/p1pdf"} {
				a := w.get(path, bearer(k.Text)).wantProblem(t, http.StatusUnauthorized, "Authorization: Bearer")
				if len(k.Text) > 20 {
					a.wantNoText(t, k.Text[20:])
				}
			}
			if log := w.log.String(); len(k.Text) > 20 && strings.Contains(log, k.Text[20:]) {
				t.Error("the log holds the key")
			}
		})
	}
}

func TestAPIRefusalsAreRecorded(t *testing.T) {
	w := newAPIWorld(t)
	w.get("/v1/events?person="+knownPatient, bearer("hp_nonsense")).wantProblem(t, http.StatusUnauthorized)
	if e := w.book.last(); e.Kind != access.KindEvents || e.Outcome != audit.Denied || e.UserID != 0 {
		t.Errorf("recorded %+v", e)
	}
	k := w.key("t.user", access.EventsRead)
	w.get("/v1/genomics/reports", bearer(k.Text)).wantProblem(t, http.StatusForbidden)
	if e := w.book.last(); e.Kind != access.KindReports || e.Outcome != audit.Denied || e.UserID != 7 || e.KeyID != k.Key.ID {
		t.Errorf("recorded %+v", e)
	}
}

func TestAPIRightsAreScopesAndRoles(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead).Text
	events, reports := "/v1/events?person="+knownPatient, "/v1/genomics/reports"
	w.get(events, bearer(k)).wantStatus(t, http.StatusOK)
	w.get(reports, bearer(k)).wantProblem(t, http.StatusForbidden)
	w.get(reports+"/p1pdf", bearer(k)).wantProblem(t, http.StatusForbidden)
	w.owner().Roles = []access.Role{access.Analyst}
	w.get(events, bearer(k)).wantProblem(t, http.StatusForbidden)
	w.owner().Roles = []access.Role{access.Researcher, access.Admin}
	w.get(events, bearer(k)).wantProblem(t, http.StatusForbidden)
	w.get("/v1/key", bearer(k)).wantStatus(t, http.StatusOK)
	// An analyst's key has no patient's events, a clinician's no other team's reports.
	analyst := w.key("o.other", access.Scopes()...).Text
	w.get(events, bearer(analyst)).wantProblem(t, http.StatusForbidden)
	w.get(reports+"/p2pdf", bearer(analyst)).wantStatus(t, http.StatusOK)
	w.owner().Roles = []access.Role{access.Clinician}
	w.get(reports+"/p2pdf", bearer(w.key("t.user", access.ReportsRead).Text)).wantProblem(t, http.StatusNotFound)
}

// Keys stay out of pages, cookies out of the API, and both out of addresses.
func TestAPIKeysAndCookiesDoNotMix(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.Scopes()...)
	for _, path := range []string{"/", "/dashboard", "/patients/" + knownPatient, "/genomics/reports/p1pdf/file", "/settings/keys", "/admin/api-keys"} {
		if to := w.get(path, header("Authorization", "Bearer "+k.Text)).wantStatus(t, http.StatusSeeOther).header.Get("Location"); !strings.HasPrefix(to, "/login") {
			t.Errorf("%s leads to %q", path, to)
		}
	}
	for _, path := range []string{"/v1/key", "/v1/events?person=" + knownPatient, "/v1/genomics/reports"} {
		w.get(path, as("clinician+analyst+admin")).wantProblem(t, http.StatusUnauthorized)
		w.get(path, as("clinician"), asFragment).wantProblem(t, http.StatusUnauthorized)
		w.get(path, header("Authorization", "Basic "+k.Text)).wantProblem(t, http.StatusUnauthorized)
		w.get(path, header("X-Api-Key", k.Text)).wantProblem(t, http.StatusUnauthorized)
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		w.get(path+sep+"key="+k.Text).wantProblem(t, http.StatusUnauthorized)
		w.get(path+sep+"access_token="+k.Text).wantProblem(t, http.StatusUnauthorized)
	}
	if strings.Contains(w.log.String(), k.Text[20:]) {
		t.Error("the log holds a key that stood in an address")
	}
	// The scheme's case does not matter (RFC 9110), unsafe methods don't exist.
	w.get("/v1/key", header("Authorization", "bearer "+k.Text)).wantStatus(t, http.StatusOK)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		w.do(method, "/v1/key", "", bearer(k.Text)).wantProblem(t, http.StatusMethodNotAllowed)
	}
	w.get("/v1/nothing", bearer(k.Text)).wantProblem(t, http.StatusNotFound)
}

func TestAPIEvents(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead)
	w.health.page.Newer = &health.Cursor{At: testNow(), ID: 77}
	var got eventsAnswer
	w.get("/v1/events?person="+knownPatient+"&metric=heart_rate&from=2026-03-01&to=2026-03-31&size=1000", bearer(k.Text)).wantJSON(t, "Events", &got)
	want := health.EventFilter{Person: 42, Metric: "heart_rate", From: day("2026-03-01"), To: day("2026-03-31"), Size: 1000, Large: true}
	if w.health.gotFilter != want || len(w.health.gotScope.Persons) != 1 || w.health.gotScope.Persons[0] != 42 || w.health.gotScope.AllReports {
		t.Errorf("asked for %+v in %+v", w.health.gotFilter, w.health.gotScope)
	}
	if got.Person != knownPatient || got.TimeZone != "Europe/Berlin" || got.Total != 1204 || len(got.Events) != 2 {
		t.Fatalf("%+v", got)
	}
	heart, lab := got.Events[0], got.Events[1]
	if heart.ID != "9" || *heart.Value != 72.5 || *heart.OriginalValue != "72.50" || heart.OriginalUnit != nil || *heart.EffectiveAt != "2026-03-29T01:30:00Z" ||
		*heart.OffsetMinutes != 0 || heart.Day != "2026-03-29" || *heart.Device != "Wrist sensor" || heart.RefLow != nil || heart.EffectiveEnd != nil || heart.ValueText != nil {
		t.Errorf("%+v", heart)
	}
	if *lab.Value != 0.1 || *lab.Comparator != "<" || *lab.Flag != "LL" || lab.Status != "preliminary" || *lab.RefLow != 3.5 || lab.RefHigh != nil || lab.Version != 2 || lab.OffsetMinutes != nil {
		t.Errorf("%+v", lab)
	}
	for link, cursor := range map[string]string{*got.Next: "after=", *got.Previous: "before="} {
		if !strings.HasPrefix(link, "/v1/events?") {
			t.Errorf("leads to %q", link)
		}
		for _, part := range []string{cursor, "metric=heart_rate", "from=2026-03-01", "to=2026-03-31", "size=1000", "person=" + knownPatient} {
			if !strings.Contains(link, part) {
				t.Errorf("%s lacks %s", link, part)
			}
		}
	}
	w.get(*got.Next, bearer(k.Text)).wantStatus(t, http.StatusOK)
	if f := w.health.gotFilter; f.After == nil || f.After.ID != 5 || f.Metric != "heart_rate" || f.Size != 1000 {
		t.Errorf("the next page asked for %+v", f)
	}
	if e := w.book.last(); e.Kind != access.KindEvents || e.Outcome != audit.Done || e.PersonID != 42 || e.UserID != 7 || e.KeyID != k.Key.ID ||
		!strings.Contains(e.Detail, `"rows":2`) || strings.Contains(e.Detail, "Muster") {
		t.Errorf("recorded %+v", e)
	}
}

func TestAPIEventsOfOneDay(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead).Text
	w.health.page.Older = &health.Cursor{At: testNow(), ID: 3}
	var got eventsAnswer
	w.get("/v1/events?day=2026-03-29&person="+knownPatient, bearer(k)).wantJSON(t, "Events", &got)
	if got.Previous != nil || !strings.Contains(*got.Next, "day=2026-03-29") || strings.Contains(*got.Next, "from=") || !strings.Contains(*got.Next, "size=50") {
		t.Errorf("%+v", got)
	}
	w.get("/v1/events?day=2026-10-25&from=2026-10-25T02:00:00%2B02:00&to=2026-10-25T01:00:00Z&person="+knownPatient, bearer(k)).wantJSON(t, "Events", &got)
	if f := w.health.gotFilter; !f.Since.Equal(time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)) || f.Until.Sub(f.Since) != time.Hour || f.From != day("2026-10-25") {
		t.Errorf("asked for %+v", f)
	}
	for _, part := range []string{"day=2026-10-25", "from=2026-10-25T00%3A00%3A00Z", "to=2026-10-25T01%3A00%3A00Z"} {
		if !strings.Contains(*got.Next, part) {
			t.Errorf("the next page %s lacks %s", *got.Next, part)
		}
	}
	w.get("/v1/events?from=2026-10-25T01:00:00Z&to=2026-10-26&person="+knownPatient, bearer(k)).wantJSON(t, "Events", &got)
	if !strings.Contains(*got.Next, "from=2026-10-25T01%3A00%3A00Z") || !strings.Contains(*got.Next, "to=2026-10-26") || strings.Contains(*got.Next, "day=") {
		t.Errorf("the next page is %s", *got.Next)
	}
	w.health.page = health.EventPage{}
	a := w.get("/v1/events?person="+knownPatient, bearer(k))
	a.wantText(t, `"events":[]`, `"next":null`).wantJSON(t, "Events", &got)
}

// Nothing is rounded: every number comes back as the same number.
func TestAPIEventNumbers(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead).Text
	numbers := []float64{0, -0.1, 0.1 + 0.2, 1e-9, 123456789.123456789, 9007199254740993, math.MaxFloat64, math.SmallestNonzeroFloat64, 1.0 / 3}
	w.health.page = health.EventPage{}
	for i, n := range numbers {
		w.health.page.Events = append(w.health.page.Events, beat(int64(i+1), testNow(), n))
	}
	for _, odd := range []float64{math.NaN(), math.Inf(-1)} {
		w.health.page.Events = append(w.health.page.Events, beat(99, testNow(), odd))
	}
	text := beat(100, testNow().Add(123456*time.Microsecond), 0)
	text.HasValue, text.ValueText, text.StartDay, text.Group, text.EffectiveEnd = false, `<b>"4+"</b>`, day("2026-03-29"), "panel 1", testNow().Add(time.Hour)
	w.health.page.Events = append(w.health.page.Events, text)
	a := w.get("/v1/events?person="+knownPatient, bearer(k)).wantNoText(t, "<b>")
	var got eventsAnswer
	a.wantJSON(t, "Events", &got)
	for i, n := range numbers {
		if v := got.Events[i].Value; v == nil || *v != n {
			t.Errorf("%v came back as %v", n, v)
		}
	}
	for i, want := range []string{"NaN", "-Inf"} {
		if e := got.Events[len(numbers)+i]; e.Value != nil || e.ValueText == nil || *e.ValueText != want {
			t.Errorf("%s came back as %+v", want, e)
		}
	}
	last := got.Events[len(got.Events)-1]
	if last.Value != nil || *last.ValueText != `<b>"4+"</b>` || !last.WholeDays || *last.Group != "panel 1" || *last.EffectiveAt != "2026-03-29T12:00:00.123456Z" ||
		*last.EffectiveEnd != "2026-03-29T13:00:00Z" {
		t.Errorf("%+v", last)
	}
}

func TestAPIEventsBadInput(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead).Text
	cursor := health.Cursor{At: testNow(), ID: 1}.String()
	for _, query := range []string{"", "person=", "day=x", "from=2026-02-30", "to=x", "from=2026-03-02&to=2026-03-01", "day=2026-03-01&from=2026-03-01",
		"size=0", "size=-1", "size=1001", "size=1e3", "size=99999999999999999999", "after=x", "before=x", "after=" + cursor + "&before=" + cursor,
		"after=%27%20OR%201=1", "metric=" + strings.Repeat("m", 601), "metric=%00", "metric=%ff", "metrc=heart_rate", "from=2026-10-25T02:00:00+02:00", "to=2026-10-25T02:00:00", "from=2026-10-25T02:00:00Z&to=2026-10-25T02:00:00Z", "person=" + knownPatient, "source=lab"} {
		path := "/v1/events?person=" + knownPatient + "&" + query
		if query == "" || query == "person=" {
			path = "/v1/events?" + query
		}
		w.get(path, bearer(k)).wantProblem(t, http.StatusBadRequest, "can't be used")
	}
	if w.health.gotFilter.Person != 0 {
		t.Error("bad input reached the store")
	}
	for _, person := range []string{"unknown", url.QueryEscape("' OR true --"), strings.Repeat("a", 3000), "..%2f..%2fetc"} {
		w.get("/v1/events?person="+person, bearer(k)).wantProblem(t, http.StatusNotFound)
	}
	w.health.err = errSecret
	w.get("/v1/events?person="+knownPatient, bearer(k)).wantProblem(t, http.StatusServiceUnavailable)
	w.health.err, w.book.err = nil, errSecret
	w.get("/v1/events?person="+knownPatient, bearer(k)).wantProblem(t, http.StatusServiceUnavailable, "held back")
}

func TestAPIStoreOfKeysAway(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.Scopes()...)
	w.keys.Err = errSecret
	for _, path := range []string{"/v1/key", "/v1/events?person=" + knownPatient, "/v1/genomics/reports"} {
		w.get(path, bearer(k.Text)).wantProblem(t, http.StatusServiceUnavailable)
	}
}

func TestAPIReports(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.ReportsRead)
	rep := w.report("p1pdf")
	rep.GeneratedAt, rep.Summary, rep.Risk = testNow().Add(-time.Hour), "Raised <risk>", genomics.Risk{Level: "high", Score: "1.20"}
	var got reportsAnswer
	w.get("/v1/genomics/reports", bearer(k.Text)).wantJSON(t, "Reports", &got)
	if got.Total != 7 || got.TotalCapped || got.Next != nil || *got.IndexedAt != "2026-03-29T11:55:00Z" || len(got.Reports) != 7 {
		t.Fatalf("%+v", got)
	}
	first := got.Reports[0]
	if first.ReportID != "p1pdf" || *first.PatientID != ada.PublicID || first.ReportRoot != "risk" || first.ReportPath != "MRN-1/a.pdf" ||
		*first.Generated != "2026-03-29T11:00:00Z" || *first.Summary != "Raised <risk>" || *first.Risk.Level != "high" || *first.Risk.Score != "1.20" ||
		first.Risk.Scale != nil || first.Unassigned != nil || first.Format != "pdf" || first.State != "present" || first.SizeBytes != int64(len(samplePDF)) {
		t.Errorf("%+v", first)
	}
	if second := got.Reports[1]; second.Generated != nil || second.Summary != nil || second.Risk != nil || second.Modified == nil {
		t.Errorf("what is not stated is made up: %+v", second)
	}
	if w.filter.AllPersons || len(w.filter.Persons) != 1 {
		t.Errorf("asked for %+v", w.filter)
	}
	if e := w.book.last(); e.Kind != access.KindReports || e.PersonID != 0 || e.Detail != `{"rows":7,"searched":false}` {
		t.Errorf("recorded %+v", e)
	}
	// Two at a time, then the next ones.
	w.get("/v1/genomics/reports?limit=2&q=Title&patient_id="+ada.PublicID, bearer(k.Text)).wantJSON(t, "Reports", &got)
	if len(got.Reports) != 2 || w.filter.Size != 2 || w.filter.Text != "Title" || w.filter.Person != 1 {
		t.Fatalf("%+v with %+v", got, w.filter)
	}
	for _, part := range []string{"/v1/genomics/reports?", "limit=2", "q=Title", "patient_id=" + ada.PublicID, "after="} {
		if !strings.Contains(*got.Next, part) {
			t.Errorf("%s lacks %s", *got.Next, part)
		}
	}
	if e := w.book.last(); e.PersonID != 1 || strings.Contains(e.Detail, "Title") || !strings.Contains(e.Detail, `"searched":true`) {
		t.Errorf("recorded %+v", e)
	}
	w.get(*got.Next, bearer(k.Text)).wantStatus(t, http.StatusOK)
	if w.filter.After == nil || w.filter.After.ID != "p1html" || w.filter.Person != 1 {
		t.Errorf("the next page asked for %+v", w.filter)
	}
}

func TestAPIReportsOfAnalysts(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("o.other", access.ReportsRead)
	var got reportsAnswer
	w.get("/v1/genomics/reports", bearer(k.Text)).wantJSON(t, "Reports", &got)
	if len(got.Reports) != 9 || !w.filter.AllPersons {
		t.Fatalf("%d reports by %+v", len(got.Reports), w.filter)
	}
	for _, r := range got.Reports {
		if (r.ReportID == "nobody") != (r.PatientID == nil) || (r.PatientID == nil) != (r.Unassigned != nil) {
			t.Errorf("%+v", r)
		}
	}
}

func TestAPIReportsBadInput(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.ReportsRead).Text
	for _, query := range []string{"limit=0", "limit=201", "limit=x", "limit=-5", "after=x", "after=%27--", "q=" + strings.Repeat("q", 201), "q=%00", "before=x", "unassigned=1",
		"size=5", "q=a&q=b", "patient=pub1"} {
		w.get("/v1/genomics/reports?"+query, bearer(k)).wantProblem(t, http.StatusBadRequest, "can't be used")
	}
	for _, id := range []string{"pub2", "nobody", "%27%20OR%201=1", strings.Repeat("a", 3000)} {
		w.get("/v1/genomics/reports?patient_id="+id, bearer(k)).wantProblem(t, http.StatusNotFound)
	}
	for _, id := range []string{"p2pdf", "nobody", "unknown", "P1PDF", "p1pdf%00", "..", "%2e%2e%2f", strings.Repeat("a", 65)} {
		if a := w.get("/v1/genomics/reports/"+id, bearer(k)); a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d", id, a.status)
		}
	}
	w.get("/v1/genomics/reports/p1pdf?expand=all", bearer(k)).wantProblem(t, http.StatusBadRequest)
	w.get("/v1/key?x=1", bearer(k)).wantProblem(t, http.StatusBadRequest)
	for _, spoil := range []func(){func() { w.fail = true }, func() { w.fail, w.noTeam = false, errStore }} {
		spoil()
		w.get("/v1/genomics/reports", bearer(k)).wantProblem(t, http.StatusServiceUnavailable)
		w.get("/v1/genomics/reports/p1pdf", bearer(k)).wantProblem(t, http.StatusServiceUnavailable)
	}
}

func TestAPIReport(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.ReportsRead)
	w.report("p1html").Supersedes = "MRN-1/a.pdf"
	var got reportAnswer
	w.get("/v1/genomics/reports/p1pdf", bearer(k.Text)).wantJSON(t, "Report", &got)
	if got.ReportID != "p1pdf" || len(got.Newer) != 1 || got.Newer[0] != "p1html" || got.Older != nil || *got.DownloadExpires != "2026-03-29T12:02:00Z" ||
		!strings.HasPrefix(*got.DownloadURL, testOrigin+"/v1/genomics/reports/p1pdf/file?token="+k.Key.ID+".") {
		t.Errorf("%+v", got)
	}
	if e := w.book.last(); e.Kind != access.KindReport || e.PersonID != 1 || e.Subject != "p1pdf" || e.KeyID != k.Key.ID || strings.Contains(e.Detail, "token") {
		t.Errorf("recorded %+v", e)
	}
	w.get("/v1/genomics/reports/p1html", bearer(k.Text)).wantJSON(t, "Report", &got)
	if got.Older == nil || *got.Older != "p1pdf" || len(got.Newer) != 0 {
		t.Errorf("%+v", got)
	}
	var bare map[string]json.RawMessage
	w.get("/v1/genomics/reports/gone", bearer(k.Text)).wantJSON(t, "Report", &bare)
	if string(bare["download_url"]) != "null" || string(bare["download_expires"]) != "null" {
		t.Errorf("a gone file can be downloaded: %s", bare["download_url"])
	}
}

// glassRights is the clinician's care team, in which Ada is by emergency access.
type glassRights struct{ *reportWorld }

// Patient says so.
func (g glassRights) Patient(ctx context.Context, userID int64, id string) (health.Patient, error) {
	p, err := g.reportWorld.Patient(ctx, userID, id)
	p.BreakGlassID, p.BreakGlassUntil = "glass1", testNow().Add(time.Hour)
	return p, err
}

// glassHealth is Anna by emergency access.
type glassHealth struct{ *fakeHealth }

// Patient says so.
func (g glassHealth) Patient(ctx context.Context, userID int64, id string) (health.Patient, error) {
	p, err := g.fakeHealth.Patient(ctx, userID, id)
	p.BreakGlassID, p.BreakGlassUntil = "glass2", testNow().Add(time.Hour)
	return p, err
}

func TestAPIKeysHaveNoPartInEmergencies(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("t.user", access.EventsRead, access.ReportsRead).Text
	file := w.download("p1pdf", k)
	w.emergencies = []access.Emergency{{Person: ada.ID}}
	w.site = newSite(t, func(d *Deps) {
		*d = w.server.deps
		d.ReportRights, d.Patients = glassRights{w.reportWorld}, glassHealth{w.health}
	})
	w.get("/v1/events?person="+knownPatient, bearer(k)).wantProblem(t, http.StatusNotFound)
	w.get("/v1/genomics/reports/p1pdf", bearer(k)).wantProblem(t, http.StatusNotFound)
	w.get("/v1/genomics/reports?patient_id=pub1", bearer(k)).wantProblem(t, http.StatusNotFound)
	w.get(file, plain).wantProblem(t, http.StatusNotFound)
	var got reportsAnswer
	w.get("/v1/genomics/reports", bearer(k)).wantJSON(t, "Reports", &got)
	if len(got.Reports) != 0 || len(w.filter.Persons) != 0 || w.filter.AllPersons {
		t.Errorf("%+v by %+v", got, w.filter)
	}
	// The clinician at the screen has it.
	w.get("/genomics/reports/p1pdf", as("clinician")).wantStatus(t, http.StatusOK)
}
