package attacks

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// publicID is the id that addresses name a user by.
func (h *human) publicID() string {
	h.w.t.Helper()
	return one[string](h.w, "SELECT public_id FROM auth.user_account WHERE id = $1", h.id)
}

func (h *human) roles() string {
	h.w.t.Helper()
	return one[string](h.w, "SELECT coalesce(string_agg(role::text, '+' ORDER BY role), '') FROM auth.user_role WHERE user_id = $1", h.id)
}

// Defence: every look-up is made within what the asker may see; ids of others
// are answered as ids of nobody.
func TestAttack25_IdsOfOthers(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	ada, bea := w.as("clinician"), w.as("clinician2")
	key := w.apiKey("test.clinician2", "90d", "events.read", "reports.read")
	of := func(sql string) string { return one[string](w, sql, bea.id) }
	session := of("SELECT public_id FROM auth.session WHERE user_id = $1 AND ended_at IS NULL")
	passkey := of("SELECT public_id FROM auth.passkey WHERE user_id = $1")
	keyID := of("SELECT id FROM auth.api_key WHERE user_id = $1")
	nobody := "0123456789abcdef0123456789abcdef"
	gets := map[string][2]string{
		"/patients/":                {b.public, nobody},
		"/dashboard/events?person=": {b.public, nobody},
		"/genomics/reports?person=": {b.public, nobody},
		"/genomics/reports/":        {b.pdf, nobody},
	}
	for prefix, ids := range gets {
		theirs, none := ada.get(prefix+ids[0]).want(http.StatusNotFound).lacks(b.secrets()...), ada.get(prefix+ids[1]).want(http.StatusNotFound)
		if got, want := instanceless(theirs), instanceless(none); got != want {
			t.Errorf("%s tells somebody's id from nobody's:\n%s\n%s", prefix, got, want)
		}
	}
	for _, path := range []string{"/patients/" + b.public + "/chart", "/patients/" + b.public + "/access", "/genomics/reports/" + b.pdf + "/file", "/genomics/reports/" + b.html + "/file"} {
		ada.get(path).want(http.StatusNotFound).lacks(append(b.secrets(), "%PDF")...)
		ada.get(path, set("HX-Request", "true")).want(http.StatusNotFound).lacks(b.secrets()...)
	}
	for _, path := range []string{"/settings/sessions/" + session + "/end", "/settings/passkeys/" + passkey + "/name", "/settings/passkeys/" + passkey + "/remove", "/settings/keys/" + keyID + "/revoke",
		"/admin/users/" + bea.publicID() + "/sessions/" + session + "/end"} {
		got := ada.post(path, url.Values{"name": {"mine now"}}).lacks("Dr test.clinician2")
		if got.status != http.StatusNotFound && (got.status != http.StatusForbidden || path[:6] != "/admin") {
			t.Errorf("POST %s: %d, want 404", path, got.status)
		}
	}
	// An administrator's address must fit together as well.
	admin := w.as("admin")
	admin.post("/admin/users/"+ada.publicID()+"/sessions/"+session+"/end", nil).want(http.StatusNotFound)
	admin.post("/admin/users/"+ada.publicID()+"/passkeys/"+passkey+"/remove", nil).want(http.StatusNotFound)
	program := w.caller()
	program.key = key
	program.get("/v1/events?person=" + a.public).want(http.StatusNotFound).lacks(a.secrets()...)
	program.get("/v1/genomics/reports/" + a.pdf).want(http.StatusNotFound).lacks(a.secrets()...)
	program.get("/v1/genomics/reports?patient_id=" + a.public).lacks(a.secrets()...)
	program.get("/v1/events?person=" + b.public).want(http.StatusOK)
	if got := one[int](w, "SELECT count(*) FROM auth.session WHERE user_id = $1 AND ended_at IS NULL", bea.id); got != 1 || !bea.signedIn() {
		t.Error("Bea's session was ended by others")
	}
	if one[int](w, "SELECT count(*) FROM auth.passkey WHERE user_id = $1 AND revoked_at IS NULL AND name = 'test key'", bea.id) != 1 {
		t.Error("Bea's passkey was changed by others")
	}
	// Internal numbers and record numbers are no ids.
	for _, id := range []string{itoa(a.id), a.number, "1", "0", "-1"} {
		ada.get("/patients/" + url.PathEscape(id)).want(http.StatusNotFound)
		admin.get("/admin/users/" + url.PathEscape(id)).want(http.StatusNotFound)
	}
}

func instanceless(a answer) string {
	id := a.header.Get("X-Request-Id")
	if id == "" {
		return a.body
	}
	var out []byte
	for i := 0; i < len(a.body); {
		if i+len(id) <= len(a.body) && a.body[i:i+len(id)] == id {
			i += len(id)
			continue
		}
		out = append(out, a.body[i])
		i++
	}
	return string(out)
}

// Defence: handlers read the fields that they name, from the form alone.
func TestAttack26_MassAssignment(t *testing.T) {
	w := newClinic(t)
	ada, admin := w.as("clinician"), w.as("admin")
	extra := url.Values{}
	for _, name := range []string{"role", "roles", "roles[]", "user[roles]", "admin", "is_admin", "user_id", "id", "disabled", "disabled_at", "by", "team", "scope", "scopes", "verified", "expires_at"} {
		extra[name] = []string{"admin", "privacy"}
	}
	body := func(fields map[string]any) map[string]any {
		for name := range extra {
			if _, given := fields[name]; !given {
				fields[name] = []string{"admin"}
			}
		}
		return fields
	}
	passkey := one[string](w, "SELECT public_id FROM auth.passkey WHERE user_id = $1", ada.id)
	rename := url.Values{"name": {"renamed"}}
	for name, values := range extra {
		rename[name] = values
	}
	ada.post("/settings/passkeys/"+passkey+"/name?roles=admin", rename)
	ada.post("/notices/seen", extra)
	ada.post("/session/mode", extra)
	ada.post("/settings/sessions/end-others?user_id="+itoa(admin.id), extra)
	token := w.invite("eve", "ops", "")
	eve := w.stranger()
	begun := eve.read(eve.json("/enrol/begin", body(map[string]any{"token": token})))
	credential, key, err := eve.device.Create(begun.Options)
	if err != nil {
		t.Fatal(err)
	}
	eve.key = key
	eve.json("/enrol/finish", body(map[string]any{"token": token, "ceremony": begun.Ceremony, "credential": credentialOf(credential), "name": "k"})).want(http.StatusOK)
	begun = eve.beginSignIn()
	eve.json("/login/finish", body(finish(begun, eve.assertion(begun)))).want(http.StatusOK)
	eve.id = one[int64](w, "SELECT id FROM auth.user_account WHERE name = 'eve'")
	// Adding somebody reads the form, not the address, and no field that the form does not have.
	added := url.Values{"name": {"mallory"}, "display_name": {"Mallory"}, "roles": {"ops"}, "id": {"1"}, "disabled": {"1"}, "team": {"Team A"}}
	admin.post("/admin/users?roles=admin&roles=privacy", added).want(http.StatusSeeOther)
	mallory := &human{caller: w.caller(), id: one[int64](w, "SELECT id FROM auth.user_account WHERE name = 'mallory'")}
	for who, want := range map[*human]string{ada: "clinician", eve: "ops", mallory: "ops", admin: "admin"} {
		if got := who.roles(); got != want {
			t.Errorf("the roles of user %d are %q, want %q", who.id, got, want)
		}
	}
	if n := one[int](w, "SELECT count(*) FROM auth.care_team_user WHERE user_id = ANY($1)", []int64{eve.id, mallory.id}); n != 0 {
		t.Error("a form field put somebody into a care team")
	}
	if n := one[int](w, "SELECT count(*) FROM auth.session WHERE user_id = $1 AND ended_at IS NULL", admin.id); n != 1 {
		t.Error("a form field reached another user's sessions")
	}
	eve.get("/admin/users").want(http.StatusForbidden)
}

// Defence: nobody changes their own roles, and the last administrator stays, whoever hurries.
func TestAttack27_LastAdministrator(t *testing.T) {
	w := newClinic(t)
	first, second := w.as("admin"), w.as("admin2")
	ada := w.as("clinician")
	give := func(by, to *human, roles ...string) answer {
		return by.post("/admin/users/"+to.publicID()+"/roles", url.Values{"roles": roles})
	}
	give(ada, ada, "clinician", "admin").want(http.StatusForbidden)
	give(first, first, "admin", "clinician").want(http.StatusUnprocessableEntity)
	give(first, first, "clinician").want(http.StatusUnprocessableEntity)
	first.post("/admin/users/"+first.publicID()+"/disable", nil).want(http.StatusUnprocessableEntity)
	if got := first.roles() + " " + ada.roles(); got != "admin clinician" {
		t.Errorf("roles changed by their holders: %s", got)
	}
	// Each takes the other's role at once: one of them must stay.
	admins := "SELECT count(*) FROM auth.user_role r JOIN auth.user_account u ON u.id = r.user_id WHERE r.role = 'admin' AND u.disabled_at IS NULL"
	for round := range 6 {
		acts := []func(){func() { give(first, second, "ops") }, func() { give(second, first, "ops") }}
		if round%2 == 1 {
			acts = []func(){func() { first.post("/admin/users/"+second.publicID()+"/disable", nil) }, func() { give(second, first, "ops") }}
		}
		w.race("auth.notice", 2, acts...)
		if n := one[int](w, admins); n != 1 {
			t.Fatalf("round %d: %d administrators are left, want 1", round, n)
		}
		w.exec("UPDATE auth.user_account SET disabled_at = NULL")
		w.exec("DELETE FROM auth.user_role WHERE user_id IN ($1, $2)", first.id, second.id)
		w.exec("INSERT INTO auth.user_role (user_id, role) VALUES ($1, 'admin'), ($2, 'admin')", first.id, second.id)
		for _, h := range []*human{first, second} {
			h.cookie = ""
			h.signIn().want(http.StatusOK)
			h.settle()
		}
	}
	give(first, second, "ops").want(http.StatusSeeOther)
	for _, args := range [][]string{{"user", "disable", first.name}, {"user", "roles", first.name, "--role", "ops"}} {
		if code, out, errs := w.try(args...); code == 0 {
			t.Errorf("portal %v took the last administrator away: %s%s", args, out, errs)
		}
	}
	// Somebody without a passkey or link can't administer and does not count.
	third := w.newHuman("third", "admin", "")
	w.exec("UPDATE auth.passkey SET revoked_at = now() WHERE user_id = $1", third.id)
	if code, _, _ := w.try("user", "disable", first.name); code == 0 {
		t.Error("the last administrator who can sign in was disabled")
	}
}

// race runs acts at once: so many of them must wait to write the table before any
// may, so that they meet in the middle of what they do.
func (w *clinic) race(table string, waiting int, acts ...func()) {
	w.t.Helper()
	gate, err := connect(w.t, w.dsn).Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := gate.Exec(w.t.Context(), "LOCK TABLE "+table+" IN EXCLUSIVE MODE"); err != nil {
		w.t.Fatal(err)
	}
	var racing sync.WaitGroup
	for _, act := range acts {
		racing.Go(act)
	}
	w.eventually("enough acts at the gate", func() bool {
		return one[int](w, "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()") >= waiting
	})
	if err := gate.Commit(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	racing.Wait()
}
