package web

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/audit"
	"healthportal/app/passkey/passkeytest"
)

// add creates a further passkey through the page's own steps.
func (p *signedIn) add(name string) (string, *passkeytest.Key) {
	p.t.Helper()
	b := p.own("/settings/passkeys/begin", nil).wantStatus(p.t, 200).json(p.t)
	credential, key, err := p.device.Create(b.Options)
	if err != nil {
		p.t.Fatal(err)
	}
	var made struct{ ID string }
	done := p.own("/settings/passkeys/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential), "name": name}).wantStatus(p.t, 200)
	if err := json.Unmarshal([]byte(done.body), &made); err != nil || made.ID == "" {
		p.t.Fatalf("%s: %v", done.body, err)
	}
	return made.ID, key
}

// firstKey is the public id of the person's oldest passkey.
func (p *signedIn) firstKey(name string) string {
	p.t.Helper()
	u, err := p.keys.UserByName(p.t.Context(), name)
	if err != nil {
		p.t.Fatal(err)
	}
	keys, err := p.keys.LivePasskeys(p.t.Context(), u.ID)
	if err != nil || len(keys) == 0 {
		p.t.Fatalf("%v, %v", keys, err)
	}
	return keys[0].PublicID
}

func TestPasskeysPage(t *testing.T) {
	p := newClinic(t).enter("ada")
	one := p.get("/settings/passkeys", withCookie(p.token)).wantStatus(t, 200)
	one.wantText(t, "Your passkeys", "Laptop", "Device-bound", "This session", "Add a second passkey.", "today, 12:00", "the device itself",
		"Your only passkey can't be removed", "js/passkey", "&#34;rpId&#34;:&#34;localhost&#34;").wantNoText(t, "Remove this passkey", "<script>")
	p.add("Blue key")
	two := p.get("/settings/passkeys?done=added", withCookie(p.token)).wantStatus(t, 200)
	two.wantText(t, "Passkey added.", "Blue key", "Remove this passkey", "data-step-up", "you will be signed out here", "never").wantNoText(t, "Add a second passkey.")
	if e := p.book.last(); e.Kind != access.KindPasskeyAdd || e.Outcome != audit.Done || e.Subject == "" || strings.Contains(e.Detail, "Blue") {
		t.Errorf("recorded %+v", e)
	}
	p.get("/settings/passkeys", withCookie(p.token), asFragment).wantStatus(t, 200).wantText(t, `id="passkeys"`, "Blue key").wantNoText(t, "<html", "<h1")
	p.get("/settings/passkeys?done=%3Cb%3E", withCookie(p.token)).wantStatus(t, 200).wantNoText(t, "<b>", "banner kind-good")
	p.get("/settings/passkeys").wantStatus(t, 303)
}

func TestRenamePasskey(t *testing.T) {
	c := newClinic(t)
	bob, p := c.enter("bob"), c.enter("ada")
	id, _ := p.add("")
	if got := p.post("/settings/passkeys/"+id+"/name", url.Values{"name": {" Red <key> "}}).wantStatus(t, 303).header.Get("Location"); got != "/settings/passkeys?done=renamed" {
		t.Errorf("leads to %q", got)
	}
	if e := c.book.last(); e.Kind != access.KindPasskeyRename || e.Subject != id || strings.Contains(e.Detail, "Red") {
		t.Errorf("recorded %+v", e)
	}
	p.get("/settings/passkeys", withCookie(p.token)).wantText(t, "Red &lt;key&gt;").wantNoText(t, "<key>")
	for _, name := range []string{"", "  ", "a\u202eb", strings.Repeat("x", 65)} {
		p.post("/settings/passkeys/"+id+"/name", url.Values{"name": {name}}).wantStatus(t, 422).wantText(t, "Give a name of 1 to 64 characters", `aria-invalid="true"`)
	}
	for _, other := range []string{bob.firstKey("bob"), "x", "%27%20OR%201=1"} {
		p.post("/settings/passkeys/"+other+"/name", url.Values{"name": {"mine"}}).wantStatus(t, 404)
	}
	if e := c.book.last(); e.Outcome != audit.Denied {
		t.Errorf("recorded %+v", e)
	}
	bob.get("/settings/passkeys", withCookie(bob.token)).wantText(t, "Laptop").wantNoText(t, "mine")
}

func TestRemovePasskey(t *testing.T) {
	c := newClinic(t)
	bob, p := c.enter("bob"), c.enter("ada")
	id, second := p.add("Blue key")
	first := p.firstKey("ada")
	for _, other := range []string{bob.firstKey("bob"), "x"} {
		p.post("/settings/passkeys/"+other+"/remove", url.Values{}).wantStatus(t, 404)
	}
	if got := p.post("/settings/passkeys/"+id+"/remove", url.Values{}).wantStatus(t, 303).header.Get("Location"); got != "/settings/passkeys?done=removed" {
		t.Errorf("leads to %q", got)
	}
	if e := c.book.last(); e.Kind != access.KindPasskeyRemove || e.Outcome != audit.Done || e.Subject != id {
		t.Errorf("recorded %+v", e)
	}
	c.signIn(second, "").wantStatus(t, 401)
	p.post("/settings/passkeys/"+first+"/remove", url.Values{}).wantStatus(t, 409).wantText(t, "This is your only passkey", "Add another one first")
	c.signIn(p.key, "").wantStatus(t, 200)

	// Removing what signed in this session signs out here, and says so.
	_, third := p.add("Green key")
	gone := p.post("/settings/passkeys/"+first+"/remove", url.Values{}).wantStatus(t, 200)
	gone.wantText(t, "Passkey removed", "you are signed out here", `href="/login"`, "data-accepted")
	if cookie := gone.cookie(t); cookie.Value != "" || cookie.Expires.After(testNow()) {
		t.Errorf("the cookie stays: %s", cookie.Raw)
	}
	c.signIn(p.key, "").wantStatus(t, 401)
	c.signIn(third, "").wantStatus(t, 200)
}

// Passkeys are added and removed only soon after a check.
func TestPasskeysNeedAFreshCheck(t *testing.T) {
	p := newClinic(t).enter("ada")
	id, _ := p.add("Blue key")
	b := p.own("/settings/passkeys/begin", nil).wantStatus(t, 200).json(t)
	credential, _, err := p.device.Create(b.Options)
	if err != nil {
		t.Fatal(err)
	}
	p.stale(false)
	p.own("/settings/passkeys/begin", nil).wantStatus(t, 403).wantText(t, "fresh check")
	p.own("/settings/passkeys/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential)}).wantStatus(t, 403)
	p.post("/settings/passkeys/"+id+"/remove", url.Values{}).wantStatus(t, 403).wantText(t, "fresh check")
	if e := p.book.last(); e.Kind != access.KindPasskeyRemove || e.Outcome != audit.Denied {
		t.Errorf("recorded %+v", e)
	}
	p.post("/settings/passkeys/"+id+"/name", url.Values{"name": {"Still mine"}}).wantStatus(t, 303)
	p.verify("/").wantStatus(t, 200)
	p.post("/settings/passkeys/"+id+"/remove", url.Values{}).wantStatus(t, 303)
}

func TestAddPasskeyRefuses(t *testing.T) {
	c := newClinic(t)
	bob, p := c.enter("bob"), c.enter("ada")
	begin := func() begun { return p.own("/settings/passkeys/begin", nil).wantStatus(t, 200).json(t) }
	finish := func(who *signedIn, b begun, name string, tweaks ...passkeytest.Tweak) answer {
		t.Helper()
		credential, _, err := c.device.Create(b.Options, tweaks...)
		if err != nil {
			t.Fatal(err)
		}
		return who.own("/settings/passkeys/finish", map[string]any{"ceremony": b.Ceremony, "credential": json.RawMessage(credential), "name": name})
	}
	finish(bob, begin(), "").wantStatus(t, 409)
	finish(p, begin(), strings.Repeat("x", 65)).wantStatus(t, 422)
	finish(p, begin(), "", func(d *passkeytest.Draft) { d.ID = p.key.ID }).wantStatus(t, 409).wantText(t, "enrolled already")
	finish(p, begin(), "", func(d *passkeytest.Draft) { d.Origin = "https://evil.example" }).wantStatus(t, 422)
	finish(p, begin(), "", func(d *passkeytest.Draft) { d.Trailing = []byte{0xa0} }).wantStatus(t, 400)
	if e := c.book.last(); e.Kind != access.KindPasskeyAdd || e.Outcome != audit.Denied || !strings.Contains(e.Detail, "malformed") {
		t.Errorf("recorded %+v", e)
	}
	c.step("/settings/passkeys/begin", nil).wantStatus(t, 401)
	p.keys.Fail = errors.New("pq: secret detail")
	for _, path := range []string{"/settings/passkeys/begin", "/settings/passkeys/finish", "/settings/passkeys/key1/name", "/settings/passkeys/key1/remove"} {
		body := url.Values{"name": {"x"}}
		if strings.HasSuffix(path, "begin") || strings.HasSuffix(path, "finish") {
			p.own(path, map[string]any{"ceremony": strings.Repeat("A", 43)}).wantStatus(t, 503).wantNoText(t, "secret")
			continue
		}
		p.post(path, body).wantStatus(t, 503).wantNoText(t, "secret")
	}
}
