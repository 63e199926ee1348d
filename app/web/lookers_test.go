package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
)

// fakeLookers are those who looked at Anna.
type fakeLookers struct {
	page audit.LookersPage
	err  error
	got  *lookersAsked
}

type lookersAsked struct {
	scope  access.Scope
	person health.PersonID
	after  *audit.Cursor
	size   int
}

// Lookers remembers the question.
func (f fakeLookers) Lookers(_ context.Context, scope access.Scope, person health.PersonID, after *audit.Cursor, size int) (audit.LookersPage, error) {
	if f.got != nil {
		*f.got = lookersAsked{scope, person, after, size}
	}
	return f.page, f.err
}

func lookerSite(t *testing.T, f fakeLookers) *site {
	t.Helper()
	return newSite(t, func(d *Deps) { healthSite(withData())(d); d.Lookers = f })
}

func someLookers() audit.LookersPage {
	at := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)
	return audit.LookersPage{
		Lookers: []audit.Looker{
			{At: at, UserID: 8, UserName: "Dr <Eva>", Roles: "clinician+analyst", Kind: access.KindPatient, Outcome: audit.Done, BreakGlass: true, Chain: "c", Seq: 9},
			{At: at, UserID: 9, UserName: "Robot", Roles: "analyst", KeyID: "k1", Kind: access.KindReport, Outcome: audit.Denied, Chain: "c", Seq: 8},
			{At: at, UserID: 10, Kind: "of.later", Outcome: audit.Failed, Chain: "c", Seq: 7},
		},
		Older: &audit.Cursor{At: at, Chain: "c", Seq: 7},
	}
}

func TestWhoLooked(t *testing.T) {
	got := &lookersAsked{}
	s := lookerSite(t, fakeLookers{page: someLookers(), got: got})
	s.server.cfg.Zone, _ = time.LoadLocation("Europe/Berlin")
	path := "/patients/" + knownPatient + "/access"
	a := s.get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Who looked", "R-1", "29 Mar 2026, 01:30:00", "UTC+01:00", "Dr &lt;Eva&gt;", "clinician, analyst",
		"Patient page", "Break-glass", "Robot", "by a program with an API key", "denied: nothing was shown", "unknown user", "of.later", "failed: nothing was shown",
		"after="+someLookers().Older.String())
	a.wantNoText(t, "Newest first", "Dr <Eva>")
	if got.person != 42 || len(got.scope.Persons) != 1 || got.scope.Persons[0] != 42 || got.scope.AllReports || got.after != nil || got.size != audit.DefaultSize {
		t.Errorf("asked %+v", got)
	}
	if e := s.book.last(); e.Kind != access.KindLookers || e.Outcome != audit.Done || e.PersonID != 42 {
		t.Errorf("recorded %+v", e)
	}
	s.get(path+"?after="+someLookers().Older.String(), as("clinician"), asFragment).wantStatus(t, http.StatusOK).
		wantText(t, `id="lookers"`, "Newest first", `data-person="`+knownPatient+`"`).wantNoText(t, "<html")
	if got.after == nil || got.after.Seq != 7 {
		t.Errorf("asked %+v", got)
	}
	s.get("/patients/"+knownPatient, as("clinician")).wantText(t, path)
}

func TestWhoLookedIsGuarded(t *testing.T) {
	s := lookerSite(t, fakeLookers{page: someLookers()})
	path := "/patients/" + knownPatient + "/access"
	s.get(path).wantStatus(t, http.StatusSeeOther)
	for _, role := range []string{"analyst", "researcher", "ops", "privacy", "admin"} {
		for _, opts := range [][]option{{as(role)}, {as(role), asFragment}} {
			s.get(path, opts...).wantStatus(t, http.StatusForbidden).wantNoText(t, "Robot")
		}
		if e := s.book.last(); e.Kind != access.KindLookers || e.Outcome != audit.Denied {
			t.Errorf("recorded %+v", e)
		}
	}
	for _, id := range []string{"ffff", strings.Repeat("f", 32), "%00"} {
		s.get("/patients/"+id+"/access", as("clinician")).wantStatus(t, http.StatusNotFound).wantNoText(t, "Robot")
	}
	s.get(path, as("clinician"), asFragment, header("HX-Current-URL", testOrigin+"/patients/ffff")).wantStatus(t, http.StatusConflict)
	for _, after := range []string{"x", "AAAA", strings.Repeat("A", 500), "' OR 1=1"} {
		s.get(path+"?after="+strings.ReplaceAll(after, " ", "+"), as("clinician")).wantStatus(t, http.StatusBadRequest).wantText(t, "first page")
	}
	lookerSite(t, fakeLookers{err: errSecret}).get(path, as("clinician")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	lookerSite(t, fakeLookers{}).get(path, as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "Nobody has looked yet")
}
