package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/audit"
	"healthportal/app/session"
)

// keyForm is the form of a new key; values change it.
func keyForm(values url.Values) string {
	form := url.Values{"user": {"t.user"}, "name": {"nightly export"}, "scope": {"events.read", "reports.read"}, "expires": {"2026-09-29"}}
	for name, v := range values {
		form[name] = v
	}
	return form.Encode()
}

// posted makes a request a form of the portal's.
func posted(r *http.Request) {
	fromPage(r)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
}

func TestAdminKeys(t *testing.T) {
	w := newAPIWorld(t)
	s := w.site
	s.get("/admin/api-keys", as("admin")).wantStatus(t, http.StatusOK).wantText(t, "<h1>API keys</h1>", "No API keys yet", `action="/admin/api-keys"`,
		"data-step-up", "Other &lt;User&gt; (o.other): analyst, researcher", `value="2026-09-29"`, "Administration", `href="/admin/api-keys"`).wantNoText(t, "g.gone", "<User>")
	k := w.key("t.user", access.EventsRead, access.ReportsRead)
	w.owner().Roles = []access.Role{access.Analyst}
	old := w.key("o.other", access.ReportsRead)
	w.change(old.Key.ID, func(k *apikey.Stored) { k.Revoked, k.LastUsed, k.CreatedBy = testNow(), testNow(), "Admin <i>" })
	a := s.get("/admin/api-keys", as("admin")).wantStatus(t, http.StatusOK).wantText(t, k.Key.ID, "Test User", "t.user", "reports.read",
		"not granted by the owner&#39;s roles: events.read", "Live", "Revoked", "29 Mar 2026, 13:00 UTC", "never", "by a command", "by Admin &lt;i&gt;",
		`action="/admin/api-keys/`+k.Key.ID+`/revoke"`)
	a.wantNoText(t, k.Text[20:], `action="/admin/api-keys/`+old.Key.ID)
	if e := s.book.last(); e.Kind != access.KindKeysView || e.Outcome != audit.Done {
		t.Errorf("recorded %+v", e)
	}
	s.get("/admin/api-keys", as("admin"), asFragment).wantStatus(t, http.StatusOK).wantText(t, k.Key.ID).wantNoText(t, "<html")
}

func TestMakeKeyOnThePage(t *testing.T) {
	w := newAPIWorld(t)
	a := w.do(http.MethodPost, "/admin/api-keys", keyForm(nil), as("admin"), posted).wantStatus(t, http.StatusOK).
		wantText(t, "The new key", "Copy it now.", "nightly export", "events.read, reports.read", "30 Sep 2026, 00:00 UTC", "hp_")
	_, rest, _ := strings.Cut(a.body, `value="hp_`)
	key, _, _ := strings.Cut("hp_"+rest, `"`)
	who, err := w.service.Authenticate(t.Context(), key)
	if err != nil || who.UserID != 7 || !who.Can(access.EventsRead) {
		t.Fatalf("%q opens %+v, %v", key, who, err)
	}
	if k := w.keys.Keys[who.KeyID]; k.Name != "nightly export" || k.Expires.Format(time.RFC3339) != "2026-09-30T00:00:00Z" || w.keys.By[0] != 7 {
		t.Errorf("stored %+v by %v", k.Key, w.keys.By)
	}
	e := w.book.last()
	if e.Kind != access.KindKeyAdd || e.Outcome != audit.Done || e.Subject != who.KeyID || e.UserID != 7 ||
		e.Detail != `{"expires":"2026-09-30T00:00:00Z","owner":7,"scopes":["events.read","reports.read"]}` {
		t.Errorf("recorded %+v", e)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("the page with the key may be cached")
	}
	w.get("/admin/api-keys", as("admin")).wantText(t, who.KeyID).wantNoText(t, key[20:])
	if strings.Contains(w.log.String(), key[20:]) {
		t.Error("the log holds the key")
	}
	// What the owner's roles don't grant is said.
	w.do(http.MethodPost, "/admin/api-keys", keyForm(url.Values{"user": {"o.other"}}), as("admin"), posted).wantStatus(t, http.StatusOK).
		wantText(t, "do not grant every scope", "events.read.")
}

func TestMakeKeyRefused(t *testing.T) {
	w := newAPIWorld(t)
	tests := map[string]struct {
		form url.Values
		want string
	}{
		"no owner":       {url.Values{"user": {""}}, "There is nobody of that name"},
		"unknown owner":  {url.Values{"user": {"' OR 1=1 --"}}, "There is nobody of that name"},
		"disabled owner": {url.Values{"user": {"g.gone"}}, "There is nobody of that name"},
		"bytes":          {url.Values{"user": {"\xff\x00"}}, "There is nobody of that name"},
		"no scope":       {url.Values{"scope": nil}, "choose at least one scope"},
		"unknown scope":  {url.Values{"scope": {"users.manage"}}, "patients.read, events.read, reports.read"},
		"one bad scope":  {url.Values{"scope": {"events.read", "admin"}}, "patients.read, events.read, reports.read"},
		"no day":         {url.Values{"expires": {""}}, "YYYY-MM-DD"},
		"no such day":    {url.Values{"expires": {"2026-02-30"}}, "YYYY-MM-DD"},
		"past":           {url.Values{"expires": {"2026-03-28"}}, "dead already"},
		"too late":       {url.Values{"expires": {"2027-03-31"}}, "at most 366 days"},
		"long name":      {url.Values{"name": {strings.Repeat("n", 101)}}, "longer than 100 bytes"},
		"line break":     {url.Values{"name": {"a\nb"}}, "can&#39;t be shown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.do(http.MethodPost, "/admin/api-keys", keyForm(tt.form), as("admin"), posted).wantStatus(t, http.StatusUnprocessableEntity).
				wantText(t, tt.want, "field-error").wantNoText(t, "The new key")
			if e := w.book.last(); e.Kind != access.KindKeyAdd || e.Subject != "" || !strings.Contains(e.Detail, `"refused"`) {
				t.Errorf("recorded %+v", e)
			}
		})
	}
	if len(w.keys.Keys) != 0 {
		t.Error("a refused key was stored")
	}
	// What was entered is kept, and is text.
	w.do(http.MethodPost, "/admin/api-keys", keyForm(url.Values{"name": {`"><script>`}, "expires": {"x"}}), as("admin"), posted).
		wantText(t, "&#34;&gt;&lt;script&gt;", `value="t.user" selected`).wantNoText(t, `"><script>`)
}

func TestRevokeKeyOnThePage(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("o.other", access.ReportsRead)
	path := "/admin/api-keys/" + k.Key.ID + "/revoke"
	a := w.do(http.MethodPost, path, "", as("admin"), posted).wantStatus(t, http.StatusSeeOther)
	if a.header.Get("Location") != "/admin/api-keys" || w.keys.Keys[k.Key.ID].Revoked.IsZero() || w.keys.By[1] != 7 {
		t.Errorf("%v, by %v", a.header, w.keys.By)
	}
	if e := w.book.last(); e.Kind != access.KindKeyRevoke || e.Outcome != audit.Done || e.Subject != k.Key.ID {
		t.Errorf("recorded %+v", e)
	}
	w.do(http.MethodPost, path, "", as("admin"), posted, asFragment).wantStatus(t, http.StatusNoContent)
	for _, id := range []string{strings.Repeat("a", 16), "x", "%27%20OR%201=1--", strings.Repeat("a", 3000)} {
		w.do(http.MethodPost, "/admin/api-keys/"+id+"/revoke", "", as("admin"), posted).wantStatus(t, http.StatusNotFound)
		if e := w.book.last(); e.Outcome != audit.Denied || len(e.Subject) > 16 || strings.Contains(e.Subject, "'") {
			t.Errorf("recorded %+v", e)
		}
	}
}

func TestOwnKeys(t *testing.T) {
	w := newAPIWorld(t)
	w.get("/settings/keys", as("clinician")).wantStatus(t, http.StatusOK).wantText(t, "<h1>Your API keys</h1>", "You have no API keys").wantNoText(t, "<form method=\"post\" action=\"/admin")
	mine, other := w.key("t.user", access.EventsRead), w.key("o.other", access.ReportsRead)
	a := w.get("/settings/keys", as("clinician")).wantText(t, mine.Key.ID, `action="/settings/keys/`+mine.Key.ID+`/revoke"`)
	a.wantNoText(t, other.Key.ID, "o.other", "data-step-up", mine.Text[20:])
	w.get("/settings/keys", as("clinician"), asFragment).wantStatus(t, http.StatusOK).wantNoText(t, "<html")
	for _, id := range []string{other.Key.ID, strings.Repeat("a", 16), "x"} {
		w.do(http.MethodPost, "/settings/keys/"+id+"/revoke", "", as("clinician"), posted).wantStatus(t, http.StatusNotFound)
	}
	if !w.keys.Keys[other.Key.ID].Revoked.IsZero() {
		t.Fatal("somebody else's key was revoked")
	}
	w.do(http.MethodPost, "/settings/keys/"+mine.Key.ID+"/revoke", "", as("clinician"), posted).wantStatus(t, http.StatusSeeOther)
	if w.keys.Keys[mine.Key.ID].Revoked.IsZero() {
		t.Error("the key lives on")
	}
	if e := w.book.last(); e.Kind != access.KindKeyRevoke || e.Outcome != audit.Done || e.Subject != mine.Key.ID || e.UserID != 7 {
		t.Errorf("recorded %+v", e)
	}
	w.get("/settings/keys", as("clinician")).wantText(t, "Revoked").wantNoText(t, "/revoke\"")
}

// staleSessions is an administrator whose passkey check is five minutes old.
type staleSessions struct{ roleSessions }

// Lookup ages the check.
func (s staleSessions) Lookup(ctx context.Context, token string) (session.Session, error) {
	found, err := s.roleSessions.Lookup(ctx, token)
	found.Verified = testNow().Add(-session.StepUp)
	return found, err
}

func TestKeyPagesGuard(t *testing.T) {
	w := newAPIWorld(t)
	k := w.key("o.other", access.ReportsRead)
	revoke := "/admin/api-keys/" + k.Key.ID + "/revoke"
	for _, role := range []string{"clinician", "analyst", "researcher", "ops", "privacy"} {
		w.get("/admin/api-keys", as(role)).wantStatus(t, http.StatusForbidden).wantNoText(t, k.Key.ID)
		w.do(http.MethodPost, "/admin/api-keys", keyForm(nil), as(role), posted).wantStatus(t, http.StatusForbidden)
		w.do(http.MethodPost, revoke, "", as(role), posted).wantStatus(t, http.StatusForbidden)
	}
	for _, path := range []string{"/admin/api-keys", "/settings/keys"} {
		if to := w.get(path).wantStatus(t, http.StatusSeeOther).header.Get("Location"); to != "/login?next="+url.QueryEscape(path) {
			t.Errorf("signed out, %s leads to %q", path, to)
		}
	}
	for _, path := range []string{"/admin/api-keys", revoke, "/settings/keys/" + k.Key.ID + "/revoke"} {
		w.do(http.MethodPost, path, keyForm(nil), posted).wantStatus(t, http.StatusUnauthorized)
		w.do(http.MethodPost, path, keyForm(nil), as("admin"), posted, header("X-CSRF-Token", "wrong")).wantStatus(t, http.StatusForbidden)
		w.do(http.MethodPost, path, keyForm(nil), as("admin"), posted, header("Sec-Fetch-Site", "cross-site")).wantStatus(t, http.StatusForbidden)
	}
	for _, path := range []string{"/admin/api-keys", "/settings/keys"} {
		w.keys.Err = errSecret
		w.get(path, as("admin")).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	}
	for _, path := range []string{"/admin/api-keys", revoke, "/settings/keys/" + k.Key.ID + "/revoke"} {
		w.do(http.MethodPost, path, keyForm(nil), as("admin"), posted).wantStatus(t, http.StatusServiceUnavailable).wantNoText(t, "10.0.0.1")
	}
	w.keys.Err = nil
	stale := newSite(t, func(d *Deps) { d.KeyKeeper, d.Sessions = w.service, staleSessions{} })
	stale.do(http.MethodPost, "/admin/api-keys", keyForm(nil), as("admin"), posted).wantStatus(t, http.StatusForbidden).wantText(t, "passkey")
	stale.do(http.MethodPost, revoke, "", as("admin"), posted).wantStatus(t, http.StatusForbidden).wantText(t, "passkey")
	if len(w.keys.Keys) != 1 || !w.keys.Keys[k.Key.ID].Revoked.IsZero() {
		t.Error("a refused request changed something")
	}
	// One's own dead-sure wish to revoke waits for no check.
	mine := w.key("t.user", access.ReportsRead)
	stale.do(http.MethodPost, "/settings/keys/"+mine.Key.ID+"/revoke", "", as("clinician"), posted).wantStatus(t, http.StatusSeeOther)
}
