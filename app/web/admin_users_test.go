package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/people"
	"healthportal/app/session"
)

const (
	rootUser = "00000000000000000000000000000007"
	adaUser  = "0000000000000000000000000000ada0"
	bobUser  = "0000000000000000000000000000b0b0"
	adaKey   = "0000000000000000000000000000ada1"
	adaLogin = "0000000000000000000000000000ada2"
	linkURL  = testOrigin + "/enrol#AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
)

// fakePeople are three people; it remembers what was asked, and answers with err
// (everything), refuse (changes) or one passkey and session each.
type fakePeople struct {
	err, refuse error
	asked       []string
}

func (f *fakePeople) ListUsers(context.Context) ([]people.Account, error) {
	day := testNow().Add(-48 * time.Hour)
	return []people.Account{
		{User: passkey.User{ID: 7, Name: "root", DisplayName: "Test User"}, PublicID: rootUser, Roles: []access.Role{access.Admin}, Passkeys: 1,
			Created: day, LastSignIn: testNow().Add(-time.Hour)},
		{User: passkey.User{ID: 8, Name: "ada", DisplayName: "Ada <b>Lovelace</b>"}, PublicID: adaUser, Roles: []access.Role{access.Clinician, access.Ops},
			Passkeys: 1, Keys: 3, Created: day, Teams: []people.Team{{PublicID: wardID, Name: `Ward "7"`}},
			Link: people.Link{Created: day, Used: day, As: people.AsQR, EndsOld: true, MadeBy: "Test User"}, LinkState: passkey.LinkUsed},
		{User: passkey.User{ID: 9, Name: "bob", DisplayName: "Bob", Disabled: true}, PublicID: bobUser, Roles: []access.Role{access.Analyst}, Created: day,
			Link: people.Link{Created: day, Revoked: testNow()}, LinkState: passkey.LinkRevoked},
	}, f.err
}

func (f *fakePeople) Account(ctx context.Context, id string) (people.Account, error) {
	all, err := f.ListUsers(ctx)
	if i := slices.IndexFunc(all, func(a people.Account) bool { return a.PublicID == id }); i >= 0 {
		return all[i], err
	}
	return people.Account{}, health.ErrNotFound
}

func (f *fakePeople) did(by int64, parts ...string) error {
	if by != 7 {
		return errors.New("somebody else acted")
	}
	f.asked = append(f.asked, strings.Join(parts, " "))
	return f.refuse
}

func (f *fakePeople) AddUser(_ context.Context, by int64, name, display string, roles []access.Role) (people.Added, error) {
	return people.Added{ID: 10, PublicID: bobUser}, f.did(by, "add", name, display, access.Words(roles, "+"))
}

func (f *fakePeople) NewEnrolment(_ context.Context, by int64, id string, o people.LinkOptions) (people.Handed, error) {
	ends := "keeps old"
	if o.EndsOld {
		ends = "ends old"
	}
	return people.Handed{URL: linkURL, Expires: testNow().Add(10 * time.Minute), As: o.As, EndsOld: o.EndsOld}, f.did(by, "link", id, string(o.As), ends)
}

func (f *fakePeople) RevokeLink(_ context.Context, by int64, id string) error {
	return f.did(by, "revoke link", id)
}

func (f *fakePeople) SetRoles(_ context.Context, by int64, id string, roles []access.Role) error {
	return f.did(by, "roles", id, access.Words(roles, "+"))
}

func (f *fakePeople) DisableUser(_ context.Context, by int64, id string) error {
	return f.did(by, "disable", id)
}

func (f *fakePeople) EnableUser(_ context.Context, by int64, id string) error {
	return f.did(by, "enable", id)
}

func (f *fakePeople) RevokePasskey(_ context.Context, by int64, id, key string) error {
	return f.did(by, "passkey", id, key)
}

func (f *fakePeople) EndSession(_ context.Context, by int64, id, session string) error {
	return f.did(by, "session", id, session)
}

func (f *fakePeople) EndSessions(_ context.Context, by int64, id string) (int, error) {
	return 2, f.did(by, "sessions", id)
}

func (f *fakePeople) Keys(_ context.Context, userID int64) ([]passkey.Key, error) {
	if userID == 9 {
		return nil, f.err
	}
	return []passkey.Key{{PublicID: adaKey, Name: "Ada's <i>phone</i>", Maker: "Example Keychain", Device: passkey.Device{Synced: true}}}, f.err
}

func (f *fakePeople) List(_ context.Context, userID int64) ([]session.Info, error) {
	if userID == 9 {
		return nil, f.err
	}
	return []session.Info{{ID: adaLogin, Browser: "Firefox on Linux", Address: "192.0.2.7", Created: testNow(), LastSeen: testNow(), Locked: true}}, f.err
}

func peopleSite(t *testing.T, f *fakePeople) *site {
	t.Helper()
	return newSite(t, func(d *Deps) { d.People, d.PeopleRights, d.UserPasskeys, d.UserSessions = f, f, f, f })
}

// form is an urlencoded body of name, value pairs.
func formOf(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// submit posts a form as the page does.
func (s *site) submit(path, body string, opts ...option) answer {
	s.t.Helper()
	return s.do(http.MethodPost, path, body, append([]option{as("admin"), fromPage, header("Content-Type", "application/x-www-form-urlencoded")}, opts...)...)
}

// wantEntry fails the test unless the newest entry of the log is this one.
func (s *site) wantEntry(t *testing.T, kind access.Kind, outcome audit.Outcome, subject string, detail ...string) {
	t.Helper()
	e := s.book.last()
	if e.Kind != kind || e.Outcome != outcome || e.Subject != subject || e.UserID != 7 {
		t.Errorf("recorded %+v, want %s %s about %q", e, kind, outcome, subject)
	}
	for _, d := range detail {
		if !strings.Contains(e.Detail, d) {
			t.Errorf("the entry's detail %q lacks %q", e.Detail, d)
		}
	}
	for _, name := range []string{"Ada", "Lovelace", "Bob"} {
		if strings.Contains(e.Detail, name) {
			t.Errorf("the entry's detail names somebody: %q", e.Detail)
		}
	}
}

func TestListOfPeople(t *testing.T) {
	s := peopleSite(t, &fakePeople{})
	whole := s.get("/admin/users", as("admin")).wantStatus(t, 200).
		wantText(t, "Ada &lt;b&gt;Lovelace&lt;/b&gt;", "clinician, ops", "Ward &#34;7&#34;", "/admin/users/"+adaUser, "3 accounts", "today, 11:00 UTC", "disabled", "<nav").
		wantNoText(t, "<b>Lovelace", "hp_", linkURL)
	if !strings.Contains(whole.header.Get("Vary"), "HX-Request") {
		t.Error("a cache could mix page and fragment up")
	}
	s.wantEntry(t, access.KindUsersView, audit.Done, "", `"shown":3`)
	s.get("/admin/users", as("admin"), asFragment).wantStatus(t, 200).wantText(t, "Lovelace").wantNoText(t, "<nav", "<html")
	tests := []struct {
		query string
		want  []string
		not   []string
	}{
		{"role=analyst", []string{"Bob", "1 of 3 accounts"}, []string{"Lovelace"}},
		{"state=disabled", []string{"Bob"}, []string{"Lovelace"}},
		{"state=active", []string{"Lovelace"}, []string{bobUser}},
		{"state=waiting", []string{"Nobody matches", "0 of 3"}, []string{bobUser, adaUser}},
		{"role=analyst&state=active", []string{"Nobody matches"}, []string{bobUser}},
		{"search=ada", []string{"3 accounts"}, nil}, // names are not searched by address
	}
	for _, tt := range tests {
		s.get("/admin/users?"+tt.query, as("admin")).wantStatus(t, 200).wantText(t, tt.want...).wantNoText(t, tt.not...)
	}
	for _, bad := range []string{"role=root", "state=x", "role=admin%27--", "state=%00"} {
		s.get("/admin/users?"+bad, as("admin")).wantStatus(t, 400)
	}
}

func TestSearchForPeople(t *testing.T) {
	s := peopleSite(t, &fakePeople{})
	got := s.submit("/admin/users/search", formOf("search", " LOVE ", "role", "", "state", "")).wantStatus(t, 200).wantText(t, adaUser, "1 of 3").wantNoText(t, bobUser)
	if got.header.Get("Location") != "" {
		t.Error("the search leads to an address")
	}
	s.wantEntry(t, access.KindUsersView, audit.Done, "", `"searched":true`, `"shown":1`)
	if strings.Contains(s.book.last().Detail, "LOVE") || strings.Contains(s.log.String(), "LOVE") {
		t.Error("the searched name was written down")
	}
	for _, bad := range []string{strings.Repeat("a", 101), "a\xff"} {
		s.submit("/admin/users/search", formOf("search", bad)).wantStatus(t, 400)
	}
	s.submit("/admin/users/search", formOf("search", "<script>")).wantStatus(t, 200).wantText(t, "Nobody matches", "&lt;script&gt;").wantNoText(t, "<script>\"")
}

func TestPersonPage(t *testing.T) {
	s := peopleSite(t, &fakePeople{})
	s.get("/admin/users/"+adaUser, as("admin")).wantStatus(t, 200).wantText(t, "Ada &lt;b&gt;Lovelace", "Ada&#39;s &lt;i&gt;phone", "Example Keychain", "synced",
		"Firefox on Linux", "from 192.0.2.7", "locked", "as a QR code; ends older passkeys and sessions", "Test User", "/admin/teams/"+wardID,
		"data-step-up", "Save roles", "Disable the account", "End all sessions", "<title>Person").wantNoText(t, "<b>Lovelace", "<i>phone", "Withdraw the link", "Enable the account")
	s.wantEntry(t, access.KindUsersView, audit.Done, adaUser)
	s.get("/admin/users/"+adaUser, as("admin"), asFragment).wantStatus(t, 200).wantText(t, "Save roles").wantNoText(t, "<html")
	s.get("/admin/users/"+bobUser, as("admin")).wantStatus(t, 200).wantText(t, "Enable the account", "No passkeys", "Not signed in", "A disabled person gets no link", "In no care team").
		wantNoText(t, "Disable the account", "Make enrolment link")
	// One's own account offers no act that the rules forbid.
	s.get("/admin/users/"+rootUser, as("admin")).wantStatus(t, 200).wantText(t, "your own account").
		wantNoText(t, "Save roles", "Disable the account", "Make enrolment link", "End all sessions", "/passkeys/"+adaKey, "/sessions/"+adaLogin)
}

// peopleActs are the forms of the pages, and what each asks of the directory.
func peopleActs() []struct {
	path, body, asked string
	kind              access.Kind
	card              string
	detail            string
} {
	at := "/admin/users/" + adaUser
	return []struct {
		path, body, asked string
		kind              access.Kind
		card              string
		detail            string
	}{
		{at + "/roles", formOf("roles", "ops", "roles", "analyst"), "roles " + adaUser + " analyst+ops", access.KindUserRoles, "roles", "analyst+ops"},
		{at + "/disable", "", "disable " + adaUser, access.KindUserDisable, "state", ""},
		{at + "/enable", "", "enable " + adaUser, access.KindUserEnable, "state", ""},
		{at + "/revoke-link", "", "revoke link " + adaUser, access.KindLinkRevoke, "link", ""},
		{at + "/passkeys/" + adaKey + "/remove", "", "passkey " + adaUser + " " + adaKey, access.KindPasskeyRemove, "passkeys", adaKey},
		{at + "/sessions/" + adaLogin + "/end", "", "session " + adaUser + " " + adaLogin, access.KindSessionEnd, "sessions", adaLogin},
		{at + "/sessions/end", "", "sessions " + adaUser, access.KindSessionEnd, "sessions", `"ended":2`},
	}
}

func TestActsOnPeople(t *testing.T) {
	for _, tt := range peopleActs() {
		f := &fakePeople{}
		s := peopleSite(t, f)
		to := s.submit(tt.path, tt.body).wantStatus(t, http.StatusSeeOther).header.Get("Location")
		if to != "/admin/users/"+adaUser+"#"+tt.card || !slices.Equal(f.asked, []string{tt.asked}) {
			t.Errorf("%s: leads to %q, asked %q", tt.path, to, f.asked)
		}
		s.wantEntry(t, tt.kind, audit.Done, adaUser, tt.detail)
		got := s.submit(tt.path, tt.body, asFragment).wantStatus(t, http.StatusNoContent)
		if got.header.Get("HX-Redirect") == "" {
			t.Errorf("%s: htmx is led nowhere", tt.path)
		}
	}
}

// What the rules forbid comes back as the page, with the words in the card, and
// is recorded as denied.
func TestRefusedActsOnPeople(t *testing.T) {
	rules := map[error]string{
		people.ErrSelf:      "Nobody changes this of their own account",
		people.ErrLastAdmin: "This is the last administrator who can sign in",
		people.ErrNoLink:    "There is no unused enrolment link",
		people.ErrDisabled:  "The person is disabled",
	}
	for rule, words := range rules {
		for _, tt := range peopleActs() {
			s := peopleSite(t, &fakePeople{refuse: errors.Join(errors.New("secret detail"), rule)})
			if tt.card == "state" && !errors.Is(rule, people.ErrLastAdmin) {
				continue
			}
			s.submit(tt.path, tt.body).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, words, "Lovelace").wantNoText(t, "secret detail")
			s.wantEntry(t, tt.kind, audit.Denied, adaUser)
		}
	}
	s := peopleSite(t, &fakePeople{refuse: &people.FieldError{Field: "roles", What: "unknown role"}})
	s.submit("/admin/users/"+adaUser+"/roles", formOf("roles", "root")).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "Choose at least one role", "field-error")
	s.wantEntry(t, access.KindUserRoles, audit.Denied, adaUser)
}

func TestActsOnPeopleFail(t *testing.T) {
	for _, tt := range peopleActs() {
		s := peopleSite(t, &fakePeople{refuse: errors.New("disk full")})
		s.submit(tt.path, tt.body).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "disk full")
		s.wantEntry(t, tt.kind, audit.Failed, adaUser)
		s = peopleSite(t, &fakePeople{refuse: health.ErrNotFound})
		s.submit(tt.path, tt.body).wantStatus(t, http.StatusNotFound)
		s.wantEntry(t, tt.kind, audit.Denied, adaUser)
	}
	s := peopleSite(t, &fakePeople{err: errors.New("disk full")})
	for _, path := range []string{"/admin/users", "/admin/users/" + adaUser} {
		s.get(path, as("admin")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "disk full", "Lovelace")
	}
}

// Every address of the pages: signed out, without the role, without a fresh
// check, with an id that is none, and with a log that can't be written.
func TestPeoplePagesAreGuarded(t *testing.T) {
	type call struct{ method, path, body string }
	calls := []call{{http.MethodGet, "/admin/users", ""}, {http.MethodGet, "/admin/users/new", ""}, {http.MethodGet, "/admin/users/" + adaUser, ""},
		{http.MethodPost, "/admin/users/search", ""}, {http.MethodPost, "/admin/users", formOf("name", "eve", "display_name", "Eve", "roles", "admin")},
		{http.MethodPost, "/admin/users/" + adaUser + "/enrol-link", formOf("as", "link")}}
	for _, a := range peopleActs() {
		calls = append(calls, call{http.MethodPost, a.path, a.body})
	}
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range calls {
		f := &fakePeople{}
		s := peopleSite(t, f)
		for _, role := range []string{"clinician", "analyst", "researcher", "ops", "privacy"} {
			s.do(c.method, c.path, c.body, as(role), fromPage, kind).wantStatus(t, http.StatusForbidden).wantNoText(t, "Lovelace")
			if e := s.book.last(); e.Outcome != audit.Denied {
				t.Errorf("%s %s as %s: recorded %+v", c.method, c.path, role, e)
			}
		}
		if got := s.do(c.method, c.path, c.body, fromPage, kind); got.status != http.StatusSeeOther && got.status != http.StatusUnauthorized {
			t.Errorf("%s %s signed out: %d", c.method, c.path, got.status)
		}
		if c.method == http.MethodPost {
			s.do(c.method, c.path, c.body, as("admin"), kind).wantStatus(t, http.StatusForbidden)
			s.do(c.method, c.path, c.body, as("admin"), fromPage, kind, header("X-CSRF-Token", "other")).wantStatus(t, http.StatusForbidden)
			s.get(c.path, as("admin"))
		}
		if len(f.asked) != 0 {
			t.Errorf("%s %s: did %q", c.method, c.path, f.asked)
		}
		s.book.err = errors.New("disk full")
		s.do(c.method, c.path, c.body, as("admin"), fromPage, kind).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "Lovelace", "/enrol#")
	}
}

func TestActsOnPeopleNeedAFreshCheck(t *testing.T) {
	stale := session.Session{CSRF: testCSRF, Verified: testNow().Add(-session.StepUp)}
	f := &fakePeople{}
	s := newSite(t, func(d *Deps) {
		d.People, d.PeopleRights, d.UserPasskeys, d.UserSessions = f, f, f, f
		d.Sessions = staleAdmin{stale}
	})
	paths := []string{"/admin/users", "/admin/users/" + adaUser + "/enrol-link"}
	for _, a := range peopleActs() {
		paths = append(paths, a.path)
	}
	for _, path := range paths {
		s.submit(path, formOf("as", "link", "roles", "ops")).wantStatus(t, http.StatusForbidden).wantText(t, "fresh check of your passkey")
	}
	if len(f.asked) != 0 {
		t.Errorf("did %q", f.asked)
	}
	s.get("/admin/users/"+adaUser, as("admin")).wantStatus(t, 200)
}

// staleAdmin is an administrator's session in a given state.
type staleAdmin struct{ state session.Session }

// Lookup returns the session.
func (l staleAdmin) Lookup(context.Context, string) (session.Session, error) {
	s := l.state
	s.Principal = access.Principal{UserID: 7, Name: "Test User", Roles: []access.Role{access.Admin}, SessionID: "s1"}
	return s, nil
}

// Peek is Lookup.
func (l staleAdmin) Peek(ctx context.Context, token string) (session.Session, error) {
	return l.Lookup(ctx, token)
}

func TestIdsOfNobody(t *testing.T) {
	f := &fakePeople{}
	s := peopleSite(t, f)
	for _, id := range []string{"1", "ada", strings.Repeat("f", 32), strings.ToUpper(adaUser), adaUser + "0", "%27%3B--", "%00", "..%2f" + adaUser} {
		s.get("/admin/users/"+id, as("admin")).wantStatus(t, 404)
		s.submit("/admin/users/"+id+"/disable", "").wantStatus(t, 404)
		s.submit("/admin/users/"+id+"/enrol-link", formOf("as", "link")).wantStatus(t, 404)
		s.submit("/admin/users/"+adaUser+"/passkeys/"+strings.TrimSuffix(id, strings.Repeat("f", 32))+"x/remove", "").wantStatus(t, 404)
		s.submit("/admin/users/"+adaUser+"/sessions/"+id+"x/end", "").wantStatus(t, 404)
	}
	if len(f.asked) != 0 {
		t.Errorf("did %q", f.asked)
	}
}

func TestAddPerson(t *testing.T) {
	f := &fakePeople{}
	s := peopleSite(t, f)
	s.get("/admin/users/new", as("admin")).wantStatus(t, 200).wantText(t, "Short name", "researcher", "data-step-up")
	body := formOf("name", "m.weber", "display_name", "Dr. Weber", "roles", "clinician", "roles", "ops",
		"id", "1", "public_id", rootUser, "disabled", "false", "handle", "x", "by", "1")
	to := s.submit("/admin/users?roles=admin&name=eve", body).wantStatus(t, http.StatusSeeOther).header.Get("Location")
	// Only what the form declares is read: neither further fields nor the address.
	if want := []string{"add m.weber Dr. Weber clinician+ops"}; !slices.Equal(f.asked, want) || to != "/admin/users/"+bobUser+"#link" {
		t.Errorf("asked %q, leads to %q", f.asked, to)
	}
	s.wantEntry(t, access.KindUserAdd, audit.Done, bobUser, "clinician+ops")
	tests := []struct {
		refuse error
		want   string
	}{
		{people.ErrUserExists, "There is a person of this short name already"},
		{&people.FieldError{Field: "name", What: "x"}, "Use 1 to 64 lower-case letters"},
		{&people.FieldError{Field: "display_name", What: "x"}, "Give 1 to 100 characters"},
		{&people.FieldError{Field: "roles", What: "x"}, "Choose at least one role"},
	}
	for _, tt := range tests {
		f.refuse = tt.refuse
		s.submit("/admin/users", formOf("name", "<m>", "display_name", `"Dr"`, "roles", "ops")).wantStatus(t, http.StatusUnprocessableEntity).
			wantText(t, tt.want, "&lt;m&gt;", "field-error").wantNoText(t, "<m>")
		s.wantEntry(t, access.KindUserAdd, audit.Denied, "")
	}
	f.refuse = errors.New("disk full")
	s.submit("/admin/users", body).wantStatus(t, http.StatusServiceUnavailable)
}

func TestEnrolmentLinkIsShownOnce(t *testing.T) {
	f := &fakePeople{}
	s := peopleSite(t, f)
	at := "/admin/users/" + adaUser + "/enrol-link"
	qr := s.submit(at, formOf("as", "qr", "ends_old", "1")).wantStatus(t, 200).
		wantText(t, linkURL, "<svg", `role="img"`, "QR code of the enrolment link", `fill="#ffffff"`, "today, 12:10 UTC", "Older passkeys and sessions end", "data-copy", "js/admin").
		wantNoText(t, "style=")
	if qr.header.Get("Cache-Control") != "no-store" || qr.header.Get("Location") != "" || !strings.Contains(qr.header.Get("Referrer-Policy"), "same-origin") {
		t.Errorf("headers %v", qr.header)
	}
	s.wantEntry(t, access.KindLink, audit.Done, adaUser, `"as":"qr"`, `"ends_old":true`)
	s.submit(at, formOf("as", "link")).wantStatus(t, 200).wantText(t, linkURL).wantNoText(t, "<svg width", "QR code", "Older passkeys")
	if want := []string{"link " + adaUser + " qr ends old", "link " + adaUser + " link keeps old"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked %q", f.asked)
	}
	for _, bad := range []string{"", "as=", "as=pigeon", "ends_old=1"} {
		s.submit(at, bad).wantStatus(t, http.StatusUnprocessableEntity).wantText(t, "Choose how to hand the link over").wantNoText(t, "/enrol#")
	}
	if len(f.asked) != 2 {
		t.Errorf("a form that can't be used made a link: %q", f.asked)
	}
	for refuse, status := range map[error]int{people.ErrDisabled: 422, people.ErrSelf: 422, errors.New("disk full"): 503} {
		f.refuse = refuse
		s.submit(at, formOf("as", "link")).wantStatus(t, status).wantNoText(t, "/enrol#")
	}
	_, token, _ := strings.Cut(linkURL, "#")
	if strings.Contains(s.log.String(), token) {
		t.Error("the token was logged")
	}
	for _, e := range s.book.entries {
		if strings.Contains(e.Detail+e.Subject+e.Route, token) {
			t.Error("the token stands in the audit log")
		}
	}
}
