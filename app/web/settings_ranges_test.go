package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/health/adultrange"
)

// signedOff is a sign-off of ranges as they are now, at half past midnight UTC.
func signedOff(metrics ...string) []adultrange.Act {
	var acts []adultrange.Act
	for _, m := range metrics {
		r, _ := adultrange.Of(m)
		acts = append(acts, adultrange.Act{Metric: m, Kind: adultrange.SignOff, Digest: r.Digest(), Said: r.Metric.Reference, UserID: 8, By: "Dr <Eve>", At: time.Date(2026, 3, 28, 0, 30, 0, 0, time.UTC)})
	}
	return acts
}

func digestOf(metric string) string {
	r, _ := adultrange.Of(metric)
	return r.Digest()
}

// rangesForm sends an act with the range's own digest.
func (s *site) rangesForm(metric, act, digest string, opts ...option) answer {
	s.t.Helper()
	form := url.Values{"digest": {digest}}.Encode()
	return s.do("POST", "/settings/ranges/"+metric+"/"+act, form, append([]option{as("clinician"), fromPage, header("Content-Type", "application/x-www-form-urlencoded")}, opts...)...)
}

func TestRangesPage(t *testing.T) {
	f := withData()
	f.acts = signedOff("potassium")
	s := newSite(t, healthSite(f))
	page := s.get("/settings/ranges", as("clinician")).wantStatus(t, 200)
	page.wantText(t, "<html", "General adult ranges", "Vital signs and body", "Activity and sleep", "Laboratory", "3.5–5.0 mmol/L", "men: 13 g/dL or more", "women: 12 g/dL or more",
		"18 years and older", "60–100 /min at rest", "no value says whether it was taken at rest", "2823-3,", "6298-4", "WHO 2011", "Signed off", "by Dr &lt;Eve&gt; on 28 Mar 2026, 00:30",
		`action="/settings/ranges/potassium/withdraw"`, `action="/settings/ranges/sodium/sign-off"`, digestOf("sodium"), "data-step-up", `href="/settings/ranges"`).
		wantNoText(t, `action="/settings/ranges/potassium/sign-off"`, "/settings/ranges/heart_rate/", "/settings/ranges/glucose/", "<Eve>", "banner kind-good")
	if e := s.book.last(); e.Kind != access.KindRanges || e.Outcome != audit.Done || e.PersonID != 0 {
		t.Errorf("recorded %+v", e)
	}
	s.get("/settings/ranges?done=signed-off", as("clinician")).wantText(t, "Range signed off.")
	s.get("/settings/ranges?done=withdrawn", as("clinician")).wantText(t, "Sign-off withdrawn.")
	s.get("/settings/ranges?done=%3Cb%3E", as("clinician")).wantNoText(t, "<b>", "banner kind-good")
	s.get("/settings/ranges", as("clinician"), asFragment).wantStatus(t, 200).wantText(t, `id="ranges"`, "3.5–5.0 mmol/L").wantNoText(t, "<html", "<h1")
	s.get("/settings/ranges").wantStatus(t, 303)
	for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin"} {
		s.get("/settings/ranges", as(role)).wantStatus(t, 403).wantNoText(t, "mmol/L", `href="/settings/ranges"`)
		s.get("/settings/ranges", as(role), asFragment).wantStatus(t, 403).wantNoText(t, "mmol/L")
	}
	f.rangeErr = errSecret
	s.get("/settings/ranges", as("clinician")).wantStatus(t, 503).wantNoText(t, "Muster", "pq:")
	s.get("/settings/ranges", as("clinician"), asFragment).wantStatus(t, 503).wantNoText(t, "Muster", "pq:")
}

func TestRangesPageSaysWhatChanged(t *testing.T) {
	f := withData()
	f.acts = signedOff("potassium", "sodium", "glucose")
	f.acts[0].Digest, f.acts[0].Said = strings.Repeat("0", 64), "3.4–5.2 mmol/L"
	f.acts[1].Kind = adultrange.Withdraw
	s := newSite(t, healthSite(f))
	s.get("/settings/ranges", as("clinician")).wantStatus(t, 200).wantText(t, "Changed since", "when it was: 3.4–5.2 mmol/L", `action="/settings/ranges/potassium/sign-off"`, `action="/settings/ranges/potassium/withdraw"`,
		"withdrawn by Dr &lt;Eve&gt;", `action="/settings/ranges/sodium/sign-off"`, `action="/settings/ranges/glucose/withdraw"`).
		wantNoText(t, `action="/settings/ranges/sodium/withdraw"`, `action="/settings/ranges/glucose/sign-off"`)
}

func TestRangeActs(t *testing.T) {
	for act, kind := range map[string]access.Kind{"sign-off": access.KindRangeSign, "withdraw": access.KindRangeWithdraw} {
		f := withData()
		s := newSite(t, healthSite(f))
		done := map[string]string{"sign-off": "signed-off", "withdraw": "withdrawn"}[act]
		got := s.rangesForm("potassium", act, digestOf("potassium")).wantStatus(t, 303).header.Get("Location")
		if got != "/settings/ranges?done="+done+"#range-potassium" || f.gotAct != "7 "+act+" potassium "+digestOf("potassium") {
			t.Errorf("%s leads to %q and did %q", act, got, f.gotAct)
		}
		if e := s.book.last(); e.Kind != kind || e.Outcome != audit.Done || e.Subject != "potassium" || e.UserID != 7 || !strings.Contains(e.Detail, digestOf("potassium")) {
			t.Errorf("recorded %+v", e)
		}
		s.rangesForm("potassium", act, digestOf("potassium"), header("HX-Request", "true")).wantStatus(t, 204)
		for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin"} {
			f.gotAct = ""
			form := url.Values{"digest": {digestOf("potassium")}}.Encode()
			s.do("POST", "/settings/ranges/potassium/"+act, form, as(role), fromPage, header("Content-Type", "application/x-www-form-urlencoded")).wantStatus(t, 403)
			if e := s.book.last(); f.gotAct != "" || e.Kind != kind || e.Outcome != audit.Denied {
				t.Errorf("as %s: did %q, recorded %+v", role, f.gotAct, e)
			}
		}
		s.do("POST", "/settings/ranges/potassium/"+act, "", fromPage).wantStatus(t, 401)
		s.do("POST", "/settings/ranges/potassium/"+act, "", as("clinician")).wantStatus(t, 403) // no token, another site
		for _, metric := range []string{"body_weight", "x", "%00", "..%2f"} {
			s.rangesForm(metric, act, "x").wantStatus(t, 404)
		}
		if f.gotAct != "" {
			t.Errorf("did %q", f.gotAct)
		}
	}
}

func TestRangeActsRefused(t *testing.T) {
	f := withData()
	s := newSite(t, healthSite(f))
	for name, tt := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"changed":    {adultrange.ErrChanged, 409, "another one than the page showed"},
		"signed":     {adultrange.ErrSignedOff, 409, "signed off already"},
		"not signed": {adultrange.ErrNotSignedOff, 409, "not signed off any more"},
		"no marks":   {adultrange.ErrNoMarks, 422, "no single value can be held against it"},
		"denied":     {access.ErrDenied, 403, "Your roles do not open this page"},
		"gone":       {health.ErrNotFound, 404, "There is no such page"},
		"broken":     {errSecret, 503, "can&#39;t be read right now"},
	} {
		f.actErr = fmt.Errorf("act: %w", tt.err)
		for _, opts := range [][]option{nil, {asFragment}} {
			got := s.rangesForm("potassium", "sign-off", "<x>", opts...).wantStatus(t, tt.status).wantNoText(t, "Muster", "pq:", "<x>")
			if !strings.Contains(strings.ReplaceAll(got.body, "'", "&#39;"), tt.words) {
				t.Errorf("%s: the answer lacks %q: %.600s", name, tt.words, got.body)
			}
		}
		if e := s.book.last(); e.Kind != access.KindRangeSign || e.Outcome == audit.Done || strings.Contains(e.Detail, "<x>") {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
	f.actErr, f.rangeErr = adultrange.ErrChanged, errSecret
	s.rangesForm("potassium", "sign-off", "x").wantStatus(t, 503).wantNoText(t, "pq:")
}

// An act needs a passkey check of the last five minutes, the page doesn't.
func TestRangeActsNeedAFreshCheck(t *testing.T) {
	f := withData()
	s := newSite(t, func(d *Deps) {
		healthSite(f)(d)
		d.Sessions = staleSessions{}
	})
	s.get("/settings/ranges", as("clinician")).wantStatus(t, 200)
	for _, act := range []string{"sign-off", "withdraw"} {
		s.rangesForm("potassium", act, digestOf("potassium")).wantStatus(t, 403).wantText(t, "fresh check")
	}
	if f.gotAct != "" {
		t.Errorf("did %q", f.gotAct)
	}
}

// A value outside is marked in the table and at the latest values where its range is
// signed off, and only there; the laboratory's own word stands alone.
func TestSignedOffRangesMarkValues(t *testing.T) {
	resting := beat(11, time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC), 104)
	resting.Metric, resting.MetricTitle = "resting_heart_rate", "Resting heart rate"
	metric, _ := health.ByLOINC("40443-4")
	f := withData()
	f.page.Events = append(f.page.Events, resting)
	f.metrics = append(f.metrics, health.MetricSummary{Metric: metric, Count: 1, First: day("2026-03-29"), Last: day("2026-03-29"), Latest: resting})
	s := newSite(t, healthSite(f))
	const mark = "above the general adult range"
	pages := []string{"/dashboard/events?person=" + knownPatient, "/patients/" + knownPatient}
	for _, path := range pages {
		s.get(path, as("clinician")).wantStatus(t, 200).wantNoText(t, mark)
	}
	f.acts = signedOff("resting_heart_rate", "heart_rate", "potassium")
	for _, path := range pages {
		got := s.get(path, as("clinician")).wantStatus(t, 200).wantText(t, mark, "60–100 /min, signed off by Dr &lt;Eve&gt; on 28 Mar 2026", "mark-range")
		if n := strings.Count(got.body, mark); n != 1 {
			t.Errorf("%s: %d marks, want 1", path, n)
		}
	}
	f.acts[0].Kind = adultrange.Withdraw
	for _, path := range pages {
		s.get(path, as("clinician")).wantStatus(t, 200).wantNoText(t, mark)
	}
	f.rangeErr = errSecret
	for _, path := range append(pages, "/patients/"+knownPatient+"/chart") {
		s.get(path, as("clinician")).wantStatus(t, 503).wantNoText(t, "pq:")
	}
}

// Charts ask for the values outside only where something can be marked.
func TestSignedOffRangesOnCharts(t *testing.T) {
	f := withData()
	potassium, _ := health.ByLOINC("2823-3")
	out := health.Event{ID: 5, Person: 42, Day: day("2026-02-01"), Observation: health.Observation{Metric: "potassium", CodeSystem: health.SystemLOINC, Code: "2823-3",
		EffectiveAt: time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC), Value: 6.25, HasValue: true, Unit: "mmol/L", Status: health.Final}}
	f.series = []health.Series{{Metric: potassium, CodeSystem: health.SystemLOINC, Code: "2823-3", Unit: "mmol/L", Points: []health.DayPoint{{Day: day("2026-02-01"), N: 2, Used: 2, Min: 4, Mean: 5.125, Max: 6.25}}}}
	f.outlying = []health.Event{out}
	s := newSite(t, healthSite(f))
	chart := "/patients/" + knownPatient + "/chart?metric=potassium"
	s.get(chart, as("clinician")).wantStatus(t, 200).wantText(t, "for orientation only: 3.5–5.0 mmol/L. It is not signed off", `href="/settings/ranges#range-potassium"`).wantNoText(t, "chart-outside", "above the general")
	if len(f.gotOutlying) != 0 {
		t.Errorf("asked for %+v", f.gotOutlying)
	}
	f.acts = signedOff("potassium", "heart_rate")
	s.get(chart, as("clinician")).wantStatus(t, 200).wantText(t, "chart-outside", "1 above the general adult range", "3.5–5.0 mmol/L, signed off by Dr &lt;Eve&gt; on 28 Mar 2026. Dotted")
	if len(f.gotOutlying) != 1 || f.gotOutlying[0].Person != 42 || len(f.gotScope.Persons) != 1 || f.gotScope.Persons[0] != 42 {
		t.Errorf("asked for %+v within %+v", f.gotOutlying, f.gotScope)
	}
	s.get(chart+"&zoom=months&at=2026", as("clinician")).wantStatus(t, 200).wantText(t, "Charts of days and of hours ring").wantNoText(t, "chart-outside")
	s.get("/patients/"+knownPatient+"/chart?metric=heart_rate", as("clinician")).wantStatus(t, 200).wantText(t, "no value says whether it was taken at rest").wantNoText(t, "chart-outside")
	if len(f.gotOutlying) != 1 {
		t.Errorf("asked for %+v", f.gotOutlying)
	}
	// The second metric has its own.
	s.get("/patients/"+knownPatient+"/chart?metric=heart_rate&compare=potassium&zoom=days&at=2026-02", as("clinician")).wantStatus(t, 200).wantText(t, "chart-outside", "range-heart_rate", "range-potassium")
	// The series come through, and then the values outside don't.
	f.failOutlying = true
	s.get(chart, as("clinician")).wantStatus(t, 503).wantNoText(t, "pq:")
}
