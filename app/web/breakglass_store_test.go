package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/session"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// namedSessions are sessions whose token names role and user: "clinician 3".
type namedSessions struct{ ids map[string]int64 }

// Lookup returns a session of the user whose role the token names.
func (n namedSessions) Lookup(ctx context.Context, token string) (session.Session, error) {
	found, err := roleSessions{}.Lookup(ctx, token)
	found.Principal.UserID = n.ids[token]
	return found, err
}

// Peek is Lookup.
func (n namedSessions) Peek(ctx context.Context, token string) (session.Session, error) {
	return n.Lookup(ctx, token)
}

// emergencyClinic is a site on a real database with two patients of nobody's
// care team, a clinician and a privacy officer.
type emergencyClinic struct {
	*site
	conn        *pgx.Conn
	one, other  string
	alerts      *alertBox
	officer, me int64
}

func newEmergencyClinic(t *testing.T) emergencyClinic {
	t.Helper()
	test := storetest.Open(t)
	db, err := postgres.Open(t.Context(), test.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := emergencyClinic{alerts: &alertBox{}}
	if c.conn, err = pgx.Connect(t.Context(), test.SuperuserDSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.conn.Close(context.Background()) })
	text := func(into any, sql string, args ...any) {
		if err := c.conn.QueryRow(t.Context(), sql, args...).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	const person = `INSERT INTO health.person (public_id, record_number, family_name, given_name, birth_date, sex)
		VALUES (md5($1), $1, $2, 'Anna', '1980-03-04', 'female') RETURNING public_id`
	text(&c.one, person, "MRN-1", "Weber")
	text(&c.other, person, "MRN-2", "Webers")
	const user = `INSERT INTO auth.user_account (name, display_name, handle) VALUES ($1, $1, decode(repeat(md5($1), 4), 'hex')) RETURNING id`
	text(&c.me, user, "ada")
	text(&c.officer, user, "pia")
	c.site = newSite(t, func(d *Deps) {
		d.Patients, d.Series, d.Events, d.Emergencies, d.Reviews, d.Lookers, d.AuditLog = db, db, db, db, db, db, db
		d.Home, d.Ranges, d.Views, d.SavedViews, d.NewReports = db, db, fakeViews{}, db, &fakeIndex{}
		d.Attempts, d.Alerts, d.Sessions = db, c.alerts, namedSessions{map[string]int64{"clinician": c.me, "privacy": c.officer, "clinician+privacy": c.me}}
	})
	c.server.cfg.Now = time.Now
	return c
}

// now is for sessions, whose check is fresh by the test's clock only.
func (c emergencyClinic) post(path string, form url.Values, role string) answer {
	c.t.Helper()
	c.server.cfg.Now = testNow
	defer func() { c.server.cfg.Now = time.Now }()
	return c.do(http.MethodPost, path, form.Encode(), as(role), fromPage, urlencoded)
}

func (c emergencyClinic) pages(id string) []string {
	return []string{"/patients/" + id, "/patients/" + id + "/access", "/dashboard/events?person=" + id}
}

// wantPages fails unless every page of the patient answers with the status.
func (c emergencyClinic) wantPages(id string, status int) {
	c.t.Helper()
	for _, path := range c.pages(id) {
		for _, opts := range [][]option{{as("clinician")}, {as("clinician"), asFragment}} {
			a := c.get(path, opts...).wantStatus(c.t, status)
			if status == http.StatusOK {
				a.wantText(c.t, "Break-glass access until")
			} else {
				a.wantNoText(c.t, "Weber", "MRN-")
			}
		}
	}
}

func (c emergencyClinic) pass(d time.Duration) {
	c.t.Helper()
	_, err := c.conn.Exec(c.t.Context(), `UPDATE auth.break_glass SET started_at = started_at - $1::interval, expires_at = expires_at - $1::interval`, d)
	if err != nil {
		c.t.Fatal(err)
	}
}

// Attack 29 from end to end: no reason, another patient, after the expiry.
func TestBreakGlassOnARealDatabase(t *testing.T) {
	c := newEmergencyClinic(t)
	c.wantPages(c.one, http.StatusNotFound)
	form := url.Values{"record_number": {"MRN-1"}, "birth_date": {"1980-03-04"}, "reason": {"short"}, "confirm": {"yes"}}
	c.post("/break-glass/find", form, "clinician").wantStatus(t, http.StatusOK).wantText(t, "Exactly one patient matches").wantNoText(t, "Weber", c.one)
	c.post("/break-glass/open", form, "clinician").wantStatus(t, http.StatusUnprocessableEntity)
	c.wantPages(c.one, http.StatusNotFound)
	form.Set("reason", "Found unconscious, need the allergies")
	if to := c.post("/break-glass/open", form, "clinician").wantStatus(t, http.StatusSeeOther).header.Get("Location"); to != "/patients/"+c.one {
		t.Fatalf("leads to %q", to)
	}
	c.wantPages(c.one, http.StatusOK)
	c.wantPages(c.other, http.StatusNotFound)
	c.get("/dashboard", as("clinician")).wantText(t, "/patients/"+c.one, "break-glass access until").wantNoText(t, c.other)
	c.get("/break-glass", as("clinician")).wantText(t, "Open now", "MRN-1")
	c.get("/admin/break-glass", as("privacy")).wantStatus(t, http.StatusOK).wantText(t, "MRN-1", "ada", "still open").wantNoText(t, "Weber")
	if len(c.alerts.alerts) != 1 {
		t.Errorf("%d alerts", len(c.alerts.alerts))
	}
	c.pass(access.BreakGlassTime)
	c.wantPages(c.one, http.StatusNotFound)
	c.get("/break-glass", as("clinician")).wantNoText(t, "Open now")
}

func TestReviewOnARealDatabase(t *testing.T) {
	c := newEmergencyClinic(t)
	form := url.Values{"record_number": {"MRN-1"}, "birth_date": {"1980-03-04"}, "reason": {"Found unconscious, need the allergies"}, "confirm": {"yes"}}
	c.post("/break-glass/open", form, "clinician").wantStatus(t, http.StatusSeeOther)
	id := c.book.last().Subject
	decide := func(role string) answer {
		return c.post("/admin/break-glass/"+id+"/review", url.Values{"outcome": {"justified"}}, role)
	}
	decide("privacy").wantStatus(t, http.StatusConflict).wantText(t, "not ended yet")
	c.post("/break-glass/"+id+"/end", nil, "clinician").wantStatus(t, http.StatusSeeOther)
	c.wantPages(c.one, http.StatusNotFound)
	decide("clinician").wantStatus(t, http.StatusForbidden)
	decide("clinician+privacy").wantStatus(t, http.StatusForbidden).wantText(t, "of their own")
	decide("privacy").wantStatus(t, http.StatusSeeOther)
	if e := c.book.last(); e.Outcome != audit.Done || e.UserID != c.officer || !strings.Contains(e.Detail, "justified") {
		t.Errorf("recorded %+v", e)
	}
	decide("privacy").wantStatus(t, http.StatusConflict).wantText(t, "the decision stays")
	c.get("/admin/break-glass", as("privacy")).wantText(t, "Nothing waits for a review", "Justified", "by pia")
	c.get("/admin/audit?emergency="+id, as("privacy")).wantStatus(t, http.StatusOK).wantText(t, "Break-glass of ada, record no. MRN-1")
	c.get("/admin/audit/export.csv?emergency="+id, as("privacy"), func(*http.Request) { c.server.cfg.Now = testNow }).wantStatus(t, http.StatusOK).wantText(t, "time_utc,kind")
}
