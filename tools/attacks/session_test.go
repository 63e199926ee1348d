package attacks

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// Defence: a sign-in always makes a new random id; ids that a client brings are never taken over.
func TestAttack16_Fixation(t *testing.T) {
	w := newClinic(t)
	eve, ada := w.as("ops"), w.newHuman("ada", "clinician", "Team A")
	ended := w.newHuman("former", "clinician", "")
	ended.signIn().want(http.StatusOK)
	old := ended.cookie
	ended.post("/logout", nil).want(http.StatusSeeOther)
	for name, planted := range map[string]string{
		"an invented id": strings.Repeat("A", 43), "the attacker's own session": eve.cookie, "an ended session": old, "nonsense": "x",
	} {
		ada.cookie = planted
		// The planted id travels wherever ids might be looked for.
		b := ada.beginSignIn()
		body := finish(b, ada.assertion(b))
		body["session"], body[cookieName], body["token"] = planted, planted, planted
		ada.json("/login/finish?"+cookieName+"="+planted+"&session="+planted, body).want(http.StatusOK)
		if ada.cookie == planted || len(ada.cookie) != 43 {
			t.Errorf("%s: the session's id is %q", name, ada.cookie)
		}
		ada.get("/dashboard").want(http.StatusOK)
		thief := w.caller()
		thief.cookie = planted
		thief.get("/dashboard").refused()
		for _, carry := range []edit{set("X-Session", ada.cookie), set("Authorization", "Bearer "+ada.cookie), set("Cookie", "session="+ada.cookie+"; __Host-hp_session="+ada.cookie)} {
			w.caller().get("/dashboard?"+cookieName+"="+ada.cookie, carry).refused()
		}
	}
}

// Defence: the id is replaced at sign-in and at each passkey check, in place, and the old one is dead.
func TestAttack17_IDStaysTheSame(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "Team A")
	seen := map[string]bool{"": true}
	before := ""
	step := func(name string, a answer) {
		t.Helper()
		a.want(http.StatusOK)
		if seen[ada.cookie] {
			t.Errorf("after %s the id is one that was used before", name)
		}
		seen[ada.cookie] = true
		ada.get("/dashboard").want(http.StatusOK)
		thief := w.caller()
		thief.cookie = before
		thief.get("/dashboard").refused()
		before = ada.cookie
	}
	step("sign-in", ada.signIn())
	step("a check", ada.verify())
	step("another check", ada.verify())
	if n := one[int](w, "SELECT count(*) FROM auth.session"); n != 1 {
		t.Errorf("%d sessions for one sign-in and two checks, want 1", n)
	}
	step("another sign-in", ada.signIn())
	// What the database holds is no id that a reader of it could use.
	if n := one[int](w, "SELECT count(*) FROM auth.session WHERE token_hash = convert_to($1, 'UTF8')", ada.cookie); n != 0 {
		t.Error("the id stands in the database")
	}
}

// Defence: only Issue makes rows; reads, touches and checks change live rows and can't revive ended ones.
func TestAttack18_LogoutResurrection(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "Team A")
	for range 12 {
		ada.cookie = ""
		ada.signIn().want(http.StatusOK)
		b := ada.read(ada.json("/verify/begin", map[string]any{}))
		check := finish(b, ada.assertion(b))
		w.exec("UPDATE auth.session SET last_seen = now() - interval '5 minutes' WHERE ended_at IS NULL") // each request wants to write it
		tabs := make([]*caller, 9)
		for i := range tabs {
			tabs[i] = w.caller()
			tabs[i].cookie = ada.cookie
		}
		statuses := make([]int, len(tabs))
		acts := make([]func(), len(tabs))
		for i, tab := range tabs {
			acts[i] = func() {
				switch i {
				case 0:
					statuses[i] = tab.post("/logout", nil).status
				case 1:
					statuses[i] = tab.json("/verify/finish", check).status
				case 2, 3:
					statuses[i] = tab.json("/session/activity", map[string]any{}).status
				case 4:
					statuses[i] = tab.post("/session/lock", nil).status
				default:
					statuses[i] = tab.get("/dashboard").status
				}
			}
		}
		w.race("auth.session", 3, acts...)
		if statuses[0] != http.StatusSeeOther {
			continue // the check was faster: this id was dead already when sign-out came
		}
		for i, tab := range tabs {
			if tab.cookie != "" && tab.signedIn() {
				t.Errorf("request %d (status %d) is signed in after sign-out", i, statuses[i])
			}
		}
		if n := one[int](w, "SELECT count(*) FROM auth.session WHERE ended_at IS NULL"); n != 0 {
			t.Errorf("%d sessions live after sign-out", n)
			w.exec("UPDATE auth.session SET ended_at = now() WHERE ended_at IS NULL")
		}
	}
	// Once more in order: nothing that comes after sign-out has an effect.
	ada.cookie = ""
	ada.signIn().want(http.StatusOK)
	late := w.caller()
	late.cookie = ada.cookie
	b := ada.read(ada.json("/verify/begin", map[string]any{}))
	csrf := ada.csrf()
	ada.post("/logout", nil).want(http.StatusSeeOther)
	late.json("/verify/finish", finish(b, ada.assertion(b)), set("X-CSRF-Token", csrf)).refused()
	late.json("/session/activity", map[string]any{}, set("X-CSRF-Token", csrf)).refused()
	late.get("/dashboard").refused()
}

// Defence: ids are 256 random bits compared by hash; anything else is nobody.
func TestAttack19_BrokenCookies(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada, ops := w.as("clinician"), w.as("ops")
	guess := w.caller()
	for i := range len(ada.cookie) {
		for _, bit := range []byte{1, 2, 4, 32} {
			flipped := []byte(ada.cookie)
			if flipped[i] ^= bit; bytes.ContainsAny(flipped, "\";, \\\x7f") || flipped[i] < 0x21 {
				continue
			}
			guess.cookie = string(flipped)
			// The last character of 43 carries four bits; what decodes equally must still be refused.
			guess.get("/patients/" + a.public).refused().lacks(a.secrets()...)
		}
	}
	for _, value := range []string{ada.cookie[:42], ada.cookie + "A", ada.cookie + "=", strings.ToUpper(ada.cookie), strings.ToLower(ada.cookie), " ", "%00", `"` + ada.cookie + "x\"",
		strings.Repeat("A", 8<<10), strings.Repeat("A", 43), "' OR 1=1 --", "null", "0", "../../x", "\u00e9"} {
		guess.cookie = value
		guess.get("/patients/" + a.public).refused().lacks(a.secrets()...)
	}
	guess.cookie = ""
	guess.get("/patients/"+a.public, set("Cookie", strings.Repeat("a=b; ", 3000)+cookieName+"="+ada.cookie)).want(http.StatusSeeOther, http.StatusRequestHeaderFieldsTooLarge, http.StatusOK)
	// Of two, one is looked at; what it may, it may, and the other adds nothing.
	for _, pair := range [][2]string{{ops.cookie, ada.cookie}, {ada.cookie, ops.cookie}, {"x", ada.cookie}, {ada.cookie, "x"}} {
		raw := w.dial().send(w.ask("GET /patients/"+a.public+" HTTP/1.1", "Cookie: "+cookieName+"="+pair[0]+"; "+cookieName+"="+pair[1], "Connection: close")).receive()
		split := w.dial().send(w.ask("GET /patients/"+a.public+" HTTP/1.1", "Cookie: "+cookieName+"="+pair[0], "Cookie: "+cookieName+"="+pair[1], "Connection: close")).receive()
		for _, got := range []answer{raw, split} {
			if got.status >= 500 || strings.Contains(got.body, "test.ops") && strings.Contains(got.body, a.family) {
				t.Errorf("two cookies: %d, a page of two people", got.status)
			}
		}
	}
	ada.get("/patients/" + a.public).want(http.StatusOK).has(a.family)
	if log := w.log.String(); strings.Contains(log, ada.cookie[:20]) {
		t.Error("a cookie is in the log")
	}
}

// Defence: idle sessions lock, old ones end, and what a page asks by itself is no activity.
func TestAttack20_IdleAndAbsoluteExpiry(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	page := "/patients/" + a.public
	// moved puts the session's times into the past; a new process knows nothing of before.
	moved := func(change string) {
		t.Helper()
		w.exec("UPDATE auth.session SET " + change + " WHERE user_id = " + itoa(ada.id))
		w.restart()
	}
	moved("last_seen = now() - interval '10 minutes'")
	seen := func() string {
		return one[string](w, "SELECT last_seen::text FROM auth.session WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1", ada.id)
	}
	before := seen()
	for range 30 {
		ada.get("/session/state", set("Accept", "application/json")).want(http.StatusOK)
	}
	if got := seen(); got != before {
		t.Errorf("polling moved the last activity from %s to %s", before, got)
	}
	ada.get(page).want(http.StatusOK)
	w.eventually("the page's mark as activity", func() bool { return seen() != before })

	moved("last_seen = now() - interval '15 minutes'")
	for range 10 {
		ada.get("/session/state", set("Accept", "application/json")).want(http.StatusOK)
	}
	for _, edits := range [][]edit{nil, {set("HX-Request", "true")}, {set("Accept", "application/json")}} {
		got := ada.get(page, edits...).lacks(a.secrets()...)
		if got.status != http.StatusLocked && (got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/verify")) {
			t.Errorf("idle for 15 minutes: %d to %q", got.status, got.header.Get("Location"))
		}
	}
	ada.post("/genomics/reports", nil).want(http.StatusLocked).lacks(a.secrets()...)
	ada.json("/session/activity", map[string]any{}).want(http.StatusLocked)
	ada.get(page).refused()
	old := ada.cookie
	ada.verify().want(http.StatusOK)
	if ada.cookie == old {
		t.Error("unlocking keeps the id")
	}
	ada.get(page).want(http.StatusOK).has(a.family)

	// Locked by hand is locked on the server.
	ada.post("/session/lock", nil)
	ada.get(page).refused().lacks(a.secrets()...)
	ada.verify().want(http.StatusOK)

	moved("created_at = now() - interval '12 hours', expires_at = now()")
	ada.get(page).refused().lacks(a.secrets()...)
	if got := ada.get(page); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/login") {
		t.Errorf("after 12 hours: %d to %q", got.status, got.header.Get("Location"))
	}
	ada.json("/verify/begin", map[string]any{}).refused()
}
