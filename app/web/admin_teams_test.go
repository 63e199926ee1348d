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
	wardID   = "0123456789abcdef0123456789abcdef"
	memberID = "fedcba9876543210fedcba9876543210"
)

// fakeTeams is one care team, and what was asked of it.
type fakeTeams struct {
	err    error
	refuse error
	asked  []string
	period access.Period
}

func (f *fakeTeams) Teams(context.Context) ([]access.Team, error) {
	return []access.Team{{ID: 3, PublicID: wardID, Name: "Ward <7>", Members: 2, Patients: 1200}}, f.err
}

func (f *fakeTeams) Team(_ context.Context, id string) (access.Team, error) {
	if id != wardID {
		return access.Team{}, health.ErrNotFound
	}
	return access.Team{ID: 3, PublicID: wardID, Name: "Ward <7>"}, f.err
}

func (f *fakeTeams) TeamUsers(context.Context, int64) ([]access.Membership, error) {
	hour := testNow().Add(-time.Hour)
	return []access.Membership{
		{PublicID: memberID, UserID: memberID, User: "ada", DisplayName: "Ada L.", Period: access.Period{From: hour}},
		{PublicID: memberID, UserID: memberID, User: "bob", DisplayName: "Bob", AddedBy: "Ada L.", Period: access.Period{From: hour, To: hour.Add(time.Minute)}},
		{PublicID: memberID, UserID: memberID, User: "eve", DisplayName: "Eve", Period: access.Period{From: testNow().Add(time.Hour)}},
	}, f.err
}

func (f *fakeTeams) TeamPatients(_ context.Context, _ int64, beyond string, _ int) ([]access.Membership, bool, error) {
	return []access.Membership{{PublicID: memberID, RecordNumber: "MRN-1"}, {PublicID: memberID}}, beyond == "", f.err
}

func (f *fakeTeams) TeamChoices(context.Context) ([]access.Membership, error) {
	return []access.Membership{{UserID: memberID, User: "ada", DisplayName: "Ada L."}}, f.err
}

func (f *fakeTeams) did(what string) error {
	f.asked = append(f.asked, what)
	return f.refuse
}

func (f *fakeTeams) AddTeam(_ context.Context, name string) (string, error) {
	return wardID, f.did("make " + name)
}

func (f *fakeTeams) RenameTeam(_ context.Context, _ int64, name string) error {
	return f.did("rename " + name)
}

func (f *fakeTeams) AddTeamUser(_ context.Context, _ int64, _ access.Team, user string, p access.Period, _ time.Time) error {
	f.period = p
	return f.did("user " + user)
}

func (f *fakeTeams) AddTeamPatient(_ context.Context, _ int64, _ access.Team, record string, p access.Period, _ time.Time) (health.PersonID, error) {
	f.period = p
	return 41, f.did("patient " + record)
}

func (f *fakeTeams) EndTeamUser(_ context.Context, _ int64, _ access.Team, id string, _ time.Time) error {
	return f.did("end user " + id)
}

func (f *fakeTeams) EndTeamPatient(_ context.Context, _ access.Team, id string, _ time.Time) (health.PersonID, error) {
	return 41, f.did("end patient " + id)
}

func teamSite(t *testing.T, f *fakeTeams) *site {
	t.Helper()
	return newSite(t, func(d *Deps) { d.Teams, d.TeamKeeper = f, f })
}

func urlencoded(r *http.Request) {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
}

func TestTeamPagesShowNoHealthData(t *testing.T) {
	s := teamSite(t, &fakeTeams{})
	s.get("/admin/teams", as("admin")).wantStatus(t, http.StatusOK).wantText(t, "Ward &lt;7&gt;", "1,200", "data-step-up")
	s.get("/admin/teams/"+wardID, as("admin")).wantStatus(t, http.StatusOK).
		wantText(t, "MRN-1", "no record number", "Ada L.", "Belongs now", "Begins later", "Ended", "Further patients", "a command or import").
		wantNoText(t, "First patients")
	s.get("/admin/teams/"+wardID+"?after="+memberID, as("admin")).wantText(t, "First patients").wantNoText(t, "Further patients")
	s.get("/admin/teams", as("admin"), asFragment).wantStatus(t, http.StatusOK).wantNoText(t, "<html")
	if e := s.book.last(); e.Kind != access.KindTeamsView || e.Outcome != audit.Done {
		t.Errorf("recorded %+v", e)
	}
}

func TestTeamPagesAreForAdministrators(t *testing.T) {
	s := teamSite(t, &fakeTeams{})
	for _, path := range []string{"/admin/teams", "/admin/teams/" + wardID} {
		s.get(path).wantStatus(t, http.StatusSeeOther)
		for _, role := range []string{"clinician", "analyst", "researcher", "ops", "privacy"} {
			s.get(path, as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, "MRN-1")
		}
	}
	for _, id := range []string{memberID, "x", strings.Repeat("a", 33), "%2e%2e"} {
		s.get("/admin/teams/"+id, as("admin")).wantStatus(t, http.StatusNotFound)
	}
	failing := teamSite(t, &fakeTeams{err: errors.New("secret cause")})
	for _, path := range []string{"/admin/teams", "/admin/teams/" + wardID} {
		failing.get(path, as("admin")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "secret cause")
	}
}

// Each POST: what it takes, what it does, what the log says.
func TestTeamChanges(t *testing.T) {
	const base = "/admin/teams/" + wardID
	tests := []struct {
		path, body string
		refuse     error
		status     int
		asked      string // empty: the store is not asked
		words      string
	}{
		{"/admin/teams", "name=Ward+9", nil, http.StatusSeeOther, "make Ward 9", ""},
		{"/admin/teams", "name=+", nil, http.StatusUnprocessableEntity, "", "1 to 100 characters"},
		{"/admin/teams", "name=Ward", access.ErrTeamExists, http.StatusUnprocessableEntity, "make Ward", "already"},
		{base + "/name", "name=Ward+9", nil, http.StatusSeeOther, "rename Ward 9", ""},
		{base + "/name", "name=" + strings.Repeat("x", 101), nil, http.StatusUnprocessableEntity, "", "1 to 100 characters"},
		{base + "/name", "name=W", access.ErrTeamExists, http.StatusUnprocessableEntity, "rename W", "already"},
		{base + "/users", "user=" + memberID, nil, http.StatusSeeOther, "user " + memberID, ""},
		{base + "/users", "user=1", nil, http.StatusUnprocessableEntity, "", "Choose a person"},
		{base + "/users", "user=" + memberID + "&from=soon", nil, http.StatusUnprocessableEntity, "", "YYYY-MM-DD"},
		{base + "/users", "user=" + memberID + "&to=2026-02-30", nil, http.StatusUnprocessableEntity, "", "YYYY-MM-DD"},
		{base + "/users", "user=" + memberID, access.ErrOverlap, http.StatusUnprocessableEntity, "user " + memberID, "covers part"},
		{base + "/users", "user=" + memberID, access.ErrPeriod, http.StatusUnprocessableEntity, "user " + memberID, "before the first"},
		{base + "/patients", "record_number=MRN-1", nil, http.StatusSeeOther, "patient MRN-1", ""},
		{base + "/patients", "record_number=", nil, http.StatusUnprocessableEntity, "", "No patient has"},
		{base + "/patients", "record_number=MRN-2", access.ErrNoMember, http.StatusUnprocessableEntity, "patient MRN-2", "No patient has"},
		{base + "/patients", "record_number=MRN-2", errors.New("down"), http.StatusServiceUnavailable, "patient MRN-2", ""},
		{base + "/users/" + memberID + "/end", "", nil, http.StatusSeeOther, "end user " + memberID, ""},
		{base + "/users/x/end", "", nil, http.StatusNotFound, "", ""},
		{base + "/patients/" + memberID + "/end", "", nil, http.StatusSeeOther, "end patient " + memberID, ""},
		{base + "/patients/" + memberID + "/end", "", health.ErrNotFound, http.StatusNotFound, "end patient " + memberID, ""},
		{"/admin/teams/" + memberID + "/name", "name=W", nil, http.StatusNotFound, "", ""},
	}
	for _, tt := range tests {
		f := &fakeTeams{refuse: tt.refuse}
		s := teamSite(t, f)
		s.do(http.MethodPost, tt.path, tt.body, as("admin"), fromPage, urlencoded).wantStatus(t, tt.status).wantText(t, tt.words)
		if got := strings.Join(f.asked, ", "); got != tt.asked {
			t.Errorf("%s %s: asked for %q, want %q", tt.path, tt.body, got, tt.asked)
		}
		e := s.book.last()
		if e.Kind != access.KindTeam || (e.Outcome == audit.Done) != (tt.status < 400) {
			t.Errorf("%s: recorded %+v", tt.path, e)
		}
		if strings.Contains(e.Detail, "MRN") {
			t.Errorf("%s: the log holds a record number: %s", tt.path, e.Detail)
		}
		for _, role := range []string{"clinician", "privacy"} {
			s.do(http.MethodPost, tt.path, tt.body, as(role), fromPage, urlencoded).wantStatus(t, http.StatusForbidden)
		}
	}
}

func TestTeamDaysAreTheSites(t *testing.T) {
	f := &fakeTeams{}
	s := teamSite(t, f)
	s.server.cfg.Zone, _ = time.LoadLocation("Europe/Berlin")
	form := url.Values{"record_number": {"MRN-1"}, "from": {"2026-03-29"}, "to": {"2026-03-29"}}
	s.do(http.MethodPost, "/admin/teams/"+wardID+"/patients", form.Encode(), as("admin"), fromPage, urlencoded).wantStatus(t, http.StatusSeeOther)
	if d := f.period.To.Sub(f.period.From); d != 23*time.Hour {
		t.Errorf("the day on which clocks go forward lasts %v", d)
	}
	if e := s.book.last(); e.PersonID != 41 || e.Subject != wardID {
		t.Errorf("recorded %+v", e)
	}
}

func TestTeamChangesNeedAFreshCheck(t *testing.T) {
	for _, d := range RouteDocs() {
		if strings.HasPrefix(d.Path, "/admin/teams") && d.Method == http.MethodPost && !d.StepUp {
			t.Errorf("%s %s needs no passkey check", d.Method, d.Path)
		}
	}
}
