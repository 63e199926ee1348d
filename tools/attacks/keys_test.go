package attacks

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"healthportal/app/keyring"
	"healthportal/app/portal"
)

// Defence: keys are compared by hash, live only within their time and their
// owner's rights, and work on the API alone, where cookies don't.
func TestAttack28_APIKeys(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	ada := w.as("clinician")
	program := func(key string) *caller {
		c := w.caller()
		c.key = key
		return c
	}
	events := "/v1/events?person=" + a.public
	both := w.apiKey(ada.name, "90d", "events.read", "reports.read")
	reports := w.apiKey(ada.name, "90d", "reports.read")
	program(both).get(events).want(http.StatusOK).has(`"`)
	program(reports).get("/v1/genomics/reports").want(http.StatusOK)
	program(reports).get(events).want(http.StatusForbidden).lacks(a.secrets()...)
	// A key opens no page, and no cookie opens the API; together they add nothing.
	for _, page := range []string{"/dashboard", "/patients/" + a.public, "/genomics/reports", "/genomics/reports/" + a.pdf + "/file", "/settings/keys", "/admin/users"} {
		program(both).get(page).refused().lacks(a.secrets()...)
		program(both).get(page, set("Accept", "text/html")).refused()
		program(both).get(page, set("Cookie", cookieName+"="+both)).refused()
	}
	ada.get(events, set("Accept", "application/json")).want(http.StatusUnauthorized)
	program(reports).get(events, set("Cookie", cookieName+"="+ada.cookie)).want(http.StatusForbidden)
	ada.get("/dashboard", set("Authorization", "Bearer x")).want(http.StatusOK)
	w.as("ops").get("/dashboard", set("Authorization", "Bearer "+both)).want(http.StatusForbidden)
	// Only as Bearer, only whole.
	for name, edits := range map[string][]edit{
		"in the query": {set("Authorization", ""), func(r *http.Request) { r.URL.RawQuery += "&key=" + both + "&token=" + both + "&access_token=" + both }},
		"Basic":        {set("Authorization", "Basic "+both)}, "without a scheme": {set("Authorization", both)}, "X-API-Key": {set("Authorization", ""), set("X-API-Key", both)},
		"as cookie": {set("Authorization", ""), set("Cookie", "key="+both)},
	} {
		if got := program(both).get(events, edits...); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("a key %s: %d %v", name, got.status, got.header)
		}
	}
	parts := strings.SplitN(both, "_", 3)
	other := strings.SplitN(reports, "_", 3)
	for _, key := range []string{"hp_", "hp__", parts[0] + "_" + parts[1], parts[0] + "_" + parts[1] + "_", both[:len(both)-1], both + "A", strings.ToUpper(both), "hp_" + parts[1] + "_" + other[2],
		"hp_" + other[1] + "_" + parts[2], " ", "null", strings.Repeat("hp_", 1000), "hp_' OR 1=1 --_x", "hp_" + strings.Repeat("a", 16) + "_" + parts[2], both + "_" + both} {
		program(key).get(events).want(http.StatusUnauthorized).lacks(a.secrets()...)
	}
	// What ends a key, ends it at once.
	id := "(SELECT id FROM auth.user_account WHERE name = 'test.clinician')"
	for name, step := range map[string][2]string{
		"expired":         {"UPDATE auth.api_key SET created_at = created_at - interval '1 year', expires_at = now()", "UPDATE auth.api_key SET expires_at = now() + interval '1 day'"},
		"revoked":         {"UPDATE auth.api_key SET revoked_at = now()", "UPDATE auth.api_key SET revoked_at = NULL"},
		"owner disabled":  {"UPDATE auth.user_account SET disabled_at = now() WHERE id = " + id, "UPDATE auth.user_account SET disabled_at = NULL WHERE id = " + id},
		"role taken away": {"UPDATE auth.user_role SET role = 'ops' WHERE user_id = " + id, "UPDATE auth.user_role SET role = 'clinician' WHERE user_id = " + id},
		"team left":       {"UPDATE auth.care_team_user SET valid_from = now() - interval '1 hour', valid_to = now() WHERE user_id = " + id, "UPDATE auth.care_team_user SET valid_to = NULL WHERE user_id = " + id},
	} {
		w.exec(step[0])
		got := program(both).get(events).lacks(a.secrets()...)
		if got.status != http.StatusUnauthorized && got.status != http.StatusForbidden && got.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, got.status)
		}
		w.exec(step[1])
		program(both).get(events).want(http.StatusOK)
	}
	code, out, _ := w.try("apikey", "add", "--user", ada.name, "--scope", "events.read", "--expires", "4000d")
	if code == 0 {
		t.Errorf("a key for ten years: %s", out)
	}
	if code, out, _ := w.try("apikey", "add", "--user", ada.name, "--scope", "users.manage", "--expires", "1d"); code == 0 {
		t.Errorf("a key that manages users: %s", out)
	}
	stored := one[string](w, "SELECT string_agg(k::text, ' ') FROM auth.api_key k")
	if strings.Contains(stored, parts[2]) {
		t.Error("the secret stands in the database")
	}
}

// Defence: emergency access needs reason and passkey, opens one patient for an hour, and ends in SQL.
func TestAttack29_BreakGlass(t *testing.T) {
	w := newClinic(t)
	_, b := w.seed()
	c := &patient{number: "MRN-C-3003", family: "Cederholm", given: "Wilgefortis", birth: "1970-01-02", team: "Team B"}
	w.admit(c, 3)
	ada, bea, ops, privacy := w.as("clinician"), w.as("clinician2"), w.as("ops"), w.as("privacy")
	form := func(p *patient, reason, confirm string) url.Values {
		return url.Values{"record_number": {p.number}, "birth_date": {p.birth}, "reason": {reason}, "confirm": {confirm}}
	}
	reason := "Unconscious in the emergency room, allergies needed"
	none := func(what string) {
		t.Helper()
		if n := one[int](w, "SELECT count(*) FROM auth.break_glass"); n != 0 {
			t.Fatalf("%s opened a patient", what)
		}
		ada.get("/patients/" + b.public).want(http.StatusNotFound).lacks(b.secrets()...)
	}
	none("nothing")
	for _, bad := range []string{"", " ", "short", strings.Repeat(" ", 40), "\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b", strings.Repeat("x", 5000)} {
		ada.post("/break-glass/open", form(b, bad, "yes")).want(http.StatusUnprocessableEntity)
		none("the reason " + bad)
	}
	ada.post("/break-glass/open", form(b, reason, "")).want(http.StatusUnprocessableEntity)
	none("no confirmation")
	wrong := *b
	wrong.birth = "1961-07-09"
	miss := ada.post("/break-glass/find", form(&wrong, "", "")).lacks(b.family, b.given)
	unknown := *b
	unknown.number = "MRN-X-0000"
	if other := ada.post("/break-glass/find", form(&unknown, "", "")); other.status != miss.status || len(other.body) != len(miss.body)+len(unknown.number)-len(wrong.number) {
		t.Errorf("a wrong date answers %d (%d bytes), an unknown number %d (%d bytes)", miss.status, len(miss.body), other.status, len(other.body))
	}
	ada.post("/break-glass/open", form(&wrong, reason, "yes"))
	none("a wrong birth date")
	ops.post("/break-glass/open", form(b, reason, "yes")).want(http.StatusForbidden)
	privacy.post("/break-glass/open", form(b, reason, "yes")).want(http.StatusForbidden)
	none("somebody without the role")
	w.exec("UPDATE auth.session SET verified_at = now() - interval '5 minutes' WHERE user_id = $1", ada.id)
	w.restart()
	ada.post("/break-glass/open", form(b, reason, "yes")).want(http.StatusForbidden)
	none("a passkey check five minutes ago")
	ada.verify().want(http.StatusOK)

	ada.post("/break-glass/open", form(b, reason, "yes")).want(http.StatusSeeOther)
	ada.get("/patients/" + b.public).want(http.StatusOK).has(b.family)
	ada.get("/patients/" + c.public).want(http.StatusNotFound).lacks(c.family)
	ada.get("/dashboard/events?person=" + c.public).want(http.StatusNotFound)
	id := one[string](w, "SELECT public_id FROM auth.break_glass")
	bea.post("/break-glass/"+id+"/end", nil).want(http.StatusNotFound)
	ada.post("/admin/break-glass/"+id+"/review", url.Values{"outcome": {"justified"}}).want(http.StatusForbidden)
	privacy.post("/admin/break-glass/"+id+"/review", url.Values{"outcome": {"justified"}}).want(http.StatusConflict)
	if got := one[int](w, "SELECT count(*) FROM auth.break_glass WHERE expires_at > started_at + interval '60 minutes' OR reviewed_at IS NOT NULL"); got != 0 {
		t.Error("the access is longer than an hour, or reviewed")
	}
	// Its end: by hand, then by the clock.
	ada.post("/break-glass/"+id+"/end", nil).want(http.StatusSeeOther)
	ada.get("/patients/" + b.public).want(http.StatusNotFound).lacks(b.secrets()...)
	ada.post("/break-glass/open", form(b, reason, "yes")).want(http.StatusSeeOther)
	ada.get("/genomics/reports/" + b.pdf + "/file").want(http.StatusOK)
	w.exec("UPDATE auth.break_glass SET started_at = now() - interval '60 minutes', expires_at = now() WHERE ended_at IS NULL")
	for _, path := range []string{"/patients/" + b.public, "/patients/" + b.public + "/chart", "/dashboard/events?person=" + b.public, "/genomics/reports/" + b.pdf, "/genomics/reports/" + b.pdf + "/file"} {
		ada.get(path).want(http.StatusNotFound).lacks(b.secrets()...)
	}
	if n := w.entries("break-glass.open", "done"); n < 2 {
		t.Errorf("%d openings are on record", n)
	}
}

// Defence: HX headers choose the form of an answer, never who may see it.
func TestAttack30_ForgedHTMX(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	ada, ops, nobody := w.as("clinician"), w.as("ops"), w.caller()
	forgeries := [][]edit{
		{set("HX-Request", "true")}, {set("HX-Request", "true"), set("HX-Boosted", "true")}, {set("HX-Request", "true"), set("HX-History-Restore-Request", "true")},
		{set("HX-Request", "true"), set("HX-Request-Type", "full")}, {set("HX-Request", "true"), set("HX-Target", "body"), set("HX-Trigger", "x"), set("HX-Prompt", "yes")},
		{set("HX-Request", "true"), set("HX-Current-URL", w.origin+"/patients/"+b.public)}, {set("HX-Request", "true"), set("HX-Current-URL", "https://evil.example/patients/"+b.public)},
		{set("HX-Request", "true"), set("HX-Current-URL", "javascript:alert(1)")}, {set("HX-Request", "TRUE")},
	}
	for _, edits := range forgeries {
		for _, path := range []string{"/patients/" + b.public, "/patients/" + b.public + "/chart", "/dashboard/events?person=" + b.public, "/genomics/reports/" + b.pdf} {
			got := ada.get(path, edits...).lacks(b.secrets()...)
			if got.status != http.StatusNotFound && got.status != http.StatusConflict {
				t.Errorf("%s: %d", path, got.status)
			}
			ops.get(path, edits...).want(http.StatusForbidden).lacks(b.secrets()...)
			if got := nobody.get(path, edits...).lacks(b.secrets()...); got.status != http.StatusUnauthorized && got.status != http.StatusSeeOther {
				t.Errorf("signed out, %s: %d", path, got.status)
			}
		}
		got := ada.post("/logout", nil, append(edits, set("Sec-Fetch-Site", "cross-site"))...).want(http.StatusForbidden)
		got.lacks("evil.example", "javascript:")
		got = ops.post("/admin/users", url.Values{"name": {"x"}, "roles": {"admin"}}, edits...).want(http.StatusForbidden)
		for name := range got.header {
			if strings.HasPrefix(name, "Hx-") && name != "Hx-Redirect" {
				t.Errorf("the answer carries %s: %s", name, got.header.Get(name))
			}
		}
	}
	// Without rights the redirect of a fragment leads into the portal.
	w.exec("UPDATE auth.session SET last_seen = now() - interval '20 minutes' WHERE user_id = $1", ada.id)
	w.restart()
	for _, from := range []string{"https://evil.example/x", "//evil.example", `/\evil.example`, "javascript:alert(1)", w.origin + "//evil.example"} {
		got := ada.get("/patients/"+a.public, set("HX-Request", "true"), set("HX-Current-URL", from)).lacks(a.secrets()...)
		target := got.header.Get("HX-Redirect")
		w.local(t, from, target)
		if u, err := url.Parse(target); err != nil || got.status != http.StatusLocked {
			t.Errorf("from %q: %d to %q", from, got.status, target)
		} else {
			w.local(t, from, u.Query().Get("next"))
		}
	}
	// A fragment for another patient than the page's is refused even to who may see both.
	ada.verify().want(http.StatusOK)
	ada.get("/patients/"+a.public, set("HX-Request", "true"), set("HX-Current-URL", w.origin+"/patients/"+b.public)).want(http.StatusConflict).lacks(a.secrets()...)
	ada.get("/patients/"+a.public, set("HX-Request", "true"), set("HX-Current-URL", w.origin+"/patients/"+a.public)).want(http.StatusOK)
}

// Defence: download addresses are signed for one report, one key and two
// minutes, and what the key may see is decided anew.
func TestAttack37_DownloadTokens(t *testing.T) {
	w := newClinic(t)
	a, b := w.seed()
	adas, beas := w.caller(), w.caller()
	w.as("clinician")
	w.as("clinician2")
	adas.key = w.apiKey("test.clinician", "1d", "reports.read")
	beas.key = w.apiKey("test.clinician2", "1d", "reports.read")
	address := func(c *caller, report string) *url.URL {
		var got struct {
			URL     string    `json:"download_url"`
			Expires time.Time `json:"download_expires"`
		}
		if err := json.Unmarshal([]byte(c.get("/v1/genomics/reports/"+report).want(http.StatusOK).body), &got); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(got.Expires); left > 2*time.Minute+time.Second {
			t.Errorf("the address works for %v", left)
		}
		u, err := url.Parse(got.URL)
		if err != nil || u.Scheme+"://"+u.Host != w.origin {
			t.Fatalf("the address %q: %v", got.URL, err)
		}
		return u
	}
	u := address(adas, a.pdf)
	nobody := w.caller()
	fetch := func(path, token string) answer {
		return nobody.get(path+"?token="+url.QueryEscape(token), set("Accept", "application/json"))
	}
	token := u.Query().Get("token")
	fetch(u.Path, token).want(http.StatusOK).has("%PDF-1.4")
	dead := func(what string, got answer) {
		t.Helper()
		if got.status != http.StatusUnauthorized && got.status != http.StatusNotFound || strings.Contains(got.body, "%PDF") {
			t.Errorf("%s: %d %.200s", what, got.status, got.body)
		}
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		dead("a changed token", fetch(u.Path, string(changed)))
	}
	bs := address(beas, b.pdf).Query().Get("token")
	file := func(id string) string { return "/v1/genomics/reports/" + id + "/file" }
	_, signature, _ := strings.Cut(token, ".")
	beasKey, _, _ := strings.Cut(bs, ".")
	for what, got := range map[string]answer{
		"no token": nobody.get(u.Path), "an empty token": fetch(u.Path, ""), "half a token": fetch(u.Path, token[:len(token)/2]), "a longer token": fetch(u.Path, token+"A"),
		"another report": fetch(file(a.html), token), "another patient's report": fetch(file(b.pdf), token), "another user's token": fetch(u.Path, bs),
		"another key in front": fetch(u.Path, beasKey+"."+signature), "no key in front": fetch(u.Path, "."+signature), "a long token": fetch(u.Path, strings.Repeat("A.", 4000)),
		"the page's address": fetch("/genomics/reports/"+a.pdf+"/file", token), "as a key": nobody.get("/v1/genomics/reports", set("Authorization", "Bearer "+token)),
	} {
		if what == "the page's address" {
			got.refused()
			continue
		}
		dead(what, got)
	}
	// Whoever loses the key, the role or the patient, loses the address.
	user := "(SELECT id FROM auth.user_account WHERE name = 'test.clinician')"
	for what, step := range map[string][2]string{
		"a revoked key":   {"UPDATE auth.api_key SET revoked_at = now()", "UPDATE auth.api_key SET revoked_at = NULL"},
		"a disabled user": {"UPDATE auth.user_account SET disabled_at = now() WHERE id = " + user, "UPDATE auth.user_account SET disabled_at = NULL WHERE id = " + user},
		"a lost role":     {"UPDATE auth.user_role SET role = 'ops' WHERE user_id = " + user, "UPDATE auth.user_role SET role = 'clinician' WHERE user_id = " + user},
		"a lost patient":  {"UPDATE auth.care_team_user SET valid_from = now() - interval '1 hour', valid_to = now() WHERE user_id = " + user, "UPDATE auth.care_team_user SET valid_to = NULL WHERE user_id = " + user},
	} {
		w.exec(step[0])
		dead(what, fetch(u.Path, token))
		w.exec(step[1])
	}
	fetch(u.Path, token).want(http.StatusOK)
	// Expired at the stroke: signed as the portal does, with another end.
	p, err := portal.Open(t.Context(), w.config(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // nothing was written
	ring, err := p.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keyID, _, _ := strings.Cut(token, ".")
	signed := func(left time.Duration, parts ...string) string {
		return keyID + "." + ring.Sign(keyring.DownloadTokens, time.Now().Add(left), parts...)
	}
	fetch(u.Path, signed(time.Minute, a.pdf, keyID)).want(http.StatusOK)
	dead("an expired token", fetch(u.Path, signed(-time.Second, a.pdf, keyID)))
	dead("an address of last year", fetch(u.Path, signed(-365*24*time.Hour, a.pdf, keyID)))
	dead("parts joined otherwise", fetch(u.Path, signed(time.Minute, a.pdf+keyID)))
	// The owner leaves, which ends keys and sessions alike.
	w.run("user", "disable", "test.clinician")
	dead("after the owner has left", fetch(u.Path, token))
}
