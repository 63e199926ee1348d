package attacks

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"healthportal/app/passkey/passkeytest"
)

// Defence: user verification is required, presence is required, signatures are
// checked. Here with a software authenticator; below in a real browser.
func TestAttack10_UnverifiedOrBogus(t *testing.T) {
	t.Run("over the wire", func(t *testing.T) {
		cases := map[string]passkeytest.Tweak{
			"user not verified": func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserVerified },
			"user not present":  func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserPresent },
			"neither":           func(d *passkeytest.Draft) { d.Flags = 0 },
		}
		signIns := map[string]passkeytest.Tweak{"bogus signature": func(d *passkeytest.Draft) { d.SpoilSignature = true }}
		for name, tweak := range cases {
			signIns[name] = tweak
		}
		forged(t, signIns, cases)
	})
	t.Run("in a browser", attackInBrowser)
}

// Defence: CloneWarning is denied; backup flags that contradict are refused.
func TestAttack11_CounterAndBackupFlags(t *testing.T) {
	backedUp := func(d *passkeytest.Draft) { d.Flags |= passkeytest.BackedUp }
	forged(t, map[string]passkeytest.Tweak{
		"counter rollback":           func(d *passkeytest.Draft) { d.Count = 0 },
		"counter repeated":           func(d *passkeytest.Draft) { d.Count = 1 },
		"became backup eligible":     func(d *passkeytest.Draft) { d.Flags |= passkeytest.BackupEligible },
		"backed up but not eligible": backedUp,
	}, map[string]passkeytest.Tweak{"backed up but not eligible": backedUp})
	// A synced passkey does not become device-bound.
	w := newClinic(t)
	bob := w.newHuman("bob", "clinician", "", synced)
	bob.signIn(synced).want(http.StatusOK)
	bob.again().signIn(func(d *passkeytest.Draft) { d.Count = 0 }).want(http.StatusUnauthorized)
	bob.again().signIn(synced).want(http.StatusOK)
}

func nested(depth int) any {
	var v any = map[string]any{}
	for range depth {
		v = map[string]any{"a": v}
	}
	return v
}

// Defence: bodies are parsed strictly and within bounds before anything is verified.
func TestAttack12_MalformedAnswers(t *testing.T) {
	cbor := map[string]passkeytest.Tweak{
		"deep CBOR":           func(d *passkeytest.Draft) { d.Statement = nested(64) },
		"trailing CBOR":       func(d *passkeytest.Draft) { d.Trailing = []byte{0xa0} },
		"70 KiB of CBOR":      func(d *passkeytest.Draft) { d.Trailing = make([]byte, 70<<10) },
		"NUL in a transport":  func(d *passkeytest.Draft) { d.Transports = []string{"a\x00b"} },
		"statement with none": func(d *passkeytest.Draft) { d.Statement = map[string]any{"x": 1} },
	}
	forged(t, nil, cbor)
	w := newClinic(t)
	token := w.invite("eve", "admin", "")
	deep := strings.Repeat(`{"response":`, 5000) + "1" + strings.Repeat("}", 5000)
	credentials := map[string]string{
		"nothing": `""`, "null": "null", "empty object": "{}", "array": "[]", "number": "7", "deep": deep, "huge": `"` + strings.Repeat("x", 100<<10) + `"`,
		"no response":  `{"id":"AA","rawId":"AA","type":"public-key"}`,
		"bad base64":   `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"%%","authenticatorData":"%%","signature":"","userHandle":""}}`,
		"short data":   `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`,
		"wrong type":   `{"id":"AA","rawId":"AA","type":"password","response":{}}`,
		"cut CBOR":     `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2Nm"}}`,
		"endless CBOR": `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"v1-f"}}`,
	}
	for name, text := range credentials {
		h := w.stranger()
		signingIn, enrolling := h.beginSignIn(), h.beginEnrolment(token)
		h.json("/login/finish", []byte(`{"ceremony":"`+signingIn.Ceremony+`","credential":`+text+`}`)).clientError(t, name)
		h.json("/enrol/finish", []byte(`{"ceremony":"`+enrolling.Ceremony+`","token":"`+token+`","credential":`+text+`}`)).clientError(t, name)
	}
	for name, text := range map[string]string{
		"empty": "", "null": "null", "empty JSON": "{}", "array": "[]", "text": "hello", "cut": `{"ceremony":"`, "two values": "{}{}", "binary": "\x00\xff\xfe",
		"NUL": `{"ceremony":"` + strings.Repeat(`\u0000`, 43) + `"}`, "deep": strings.Repeat("[", 100_000), "wrong types": `{"ceremony":7,"token":[],"credential":0}`,
	} {
		h := w.caller()
		for _, path := range []string{"/login/finish", "/enrol/begin", "/enrol/finish"} {
			h.json(path, []byte(text)).clientError(t, name)
		}
	}
	// A good answer, but beyond any honest one's size.
	big := w.stranger()
	b := big.beginEnrolment(token)
	credential, _, err := big.device.Create(b.Options)
	if err != nil {
		t.Fatal(err)
	}
	padded := append([]byte(`{"padding":"`+strings.Repeat("x", 70<<10)+`",`), credential[1:]...)
	big.json("/enrol/finish", map[string]any{"ceremony": b.Ceremony, "token": token, "credential": credentialOf(padded)}).clientError(t, "padded")
	if n := one[int](w, "SELECT count(*) FROM auth.passkey"); n != 0 {
		t.Errorf("%d passkeys, want none", n)
	}
	w.stranger().enrol(token)
}

// clientError fails the test unless the answer blames the client, in words that
// are the portal's own.
func (a answer) clientError(t *testing.T, name string) {
	t.Helper()
	if a.status < 400 || a.status >= 500 {
		t.Errorf("%s: %s answered %d %.300s", name, a.what, a.status, a.body)
	}
	a.lacks("goroutine", "protocol.", "cbor:", "unexpected end", "invalid character", "runtime error")
}

// Defence: the user's and the passkey's present state count at every sign-in.
func TestAttack13_DisabledOrRevoked(t *testing.T) {
	w := newClinic(t)
	ada, bob := w.newHuman("ada", "clinician", ""), w.newHuman("bob", "clinician", "")
	begunBefore := ada.beginSignIn()
	w.run("user", "disable", "ada")
	ada.signIn().want(http.StatusUnauthorized)
	ada.json("/login/finish", finish(begunBefore, ada.assertion(begunBefore))).want(http.StatusUnauthorized)
	// The store would not note the use either: the ceremony must have refused before.
	if refused := strings.Count(w.log.String(), "user "+itoa(ada.id)+" is disabled"); refused != 2 {
		t.Errorf("%d of 2 ceremonies were refused because the user is disabled", refused)
	}
	bob.signIn().want(http.StatusOK)
	w.exec("UPDATE auth.passkey SET revoked_at = now() WHERE user_id = $1", bob.id)
	w.eventually("the end of Bob's session", func() bool { return !bob.signedIn() })
	if a := bob.again().signIn().want(http.StatusUnauthorized); a.header.Get("X-Passkey-Unknown") == "" {
		t.Error("the browser is not told that the portal has no such passkey any more")
	}
	if ada.cookie != "" {
		t.Error("a disabled user signed in")
	}
}

// Defence: a link's token is single-use, expires, is bound to its user, can only
// enrol, and is not used up by looking at it.
func TestAttack14_EnrolmentLinks(t *testing.T) {
	w := newClinic(t)
	token := w.invite("ada", "clinician", "")
	// Link previews fetch it, with the token wherever they put it.
	for _, path := range []string{"/enrol", "/enrol?token=" + token, "/enrol/begin", "/enrol/finish"} {
		w.caller().get(path).lacks("Dr ada", ">ada<")
	}
	ada, bob := w.stranger(), w.stranger()
	if links := one[int](w, "SELECT count(*) FROM auth.enrolment WHERE used_at IS NULL AND revoked_at IS NULL"); links != 1 {
		t.Errorf("%d usable links after the GETs, want 1", links)
	}
	// As a login, as a session, as a ceremony, for another link's ceremony.
	thief := w.caller()
	thief.cookie = token
	thief.get("/dashboard").refused()
	thief.cookie = ""
	thief.json("/login/finish", map[string]any{"ceremony": token, "credential": map[string]any{}}).want(http.StatusConflict)
	foreign := w.invite("bob", "admin", "")
	bob.finishEnrolment(foreign, bob.beginEnrolment(token)).want(http.StatusConflict)
	if n := one[int](w, "SELECT count(*) FROM auth.passkey"); n != 0 {
		t.Errorf("%d passkeys, want none", n)
	}
	// Eight devices race for one link.
	var mu sync.Mutex
	won := 0
	devices, begun := make([]*human, 8), make([]begun, 8)
	for i := range devices {
		devices[i] = w.stranger()
		begun[i] = devices[i].beginEnrolment(token)
	}
	acts := make([]func(), len(devices))
	for i, device := range devices {
		acts[i] = func() {
			if a := device.finishEnrolment(token, begun[i]); a.status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				won++
				ada.key = device.key
			}
		}
	}
	w.race("auth.enrolment", 3, acts...) // the portal has four connections that write it
	if n := one[int](w, "SELECT count(*) FROM auth.passkey"); won != 1 || n != 1 {
		t.Fatalf("%d of 8 won the race, %d passkeys are stored; want 1 and 1", won, n)
	}
	if ada.cookie != "" || one[int](w, "SELECT count(*) FROM auth.session") != 0 {
		t.Error("the link signed somebody in")
	}
	ada.json("/enrol/begin", map[string]any{"token": token}).want(http.StatusGone)
	ada.signIn().want(http.StatusOK)
	// Expired at the stroke, also for a ceremony that was begun before.
	b := bob.beginEnrolment(foreign)
	w.exec("UPDATE auth.enrolment SET created_at = now() - interval '2 days', expires_at = now() WHERE used_at IS NULL")
	bob.finishEnrolment(foreign, b).want(http.StatusGone)
	bob.json("/enrol/begin", map[string]any{"token": foreign}).want(http.StatusGone)
}

var instance = regexp.MustCompile(`urn:request:[0-9a-f]+`)

// Defence: refusals are one and the same; nothing takes a user's name.
func TestAttack15_KnownAndUnknownUsers(t *testing.T) {
	w := newClinic(t)
	ada, bob := w.newHuman("ada", "clinician", ""), w.newHuman("bob", "clinician", "")
	w.run("user", "disable", "bob")
	seen := map[string]string{}
	note := func(who string, a answer) {
		// Password managers are told to forget passkeys of nobody; ids of passkeys are
		// random and name no user. For a passkey that exists the header is never there.
		if told := a.header.Get("X-Passkey-Unknown") != ""; told && !strings.HasPrefix(who, "unknown") {
			t.Errorf("%s: the passkey is called unknown", who)
		}
		a.header.Del("X-Passkey-Unknown")
		a.header.Del("X-Request-Id")
		a.header.Del("Date")
		a.header.Del("Content-Length")
		b, err := json.Marshal(a.header)
		if err != nil {
			t.Fatal(err)
		}
		seen[who] = a.what + " " + string(b) + instance.ReplaceAllString(a.body, "")
		a.want(http.StatusUnauthorized)
	}
	note("known, bad signature", ada.signIn(func(d *passkeytest.Draft) { d.SpoilSignature = true }))
	note("unknown handle", ada.signIn(func(d *passkeytest.Draft) { d.Handle = make([]byte, 64) }))
	note("unknown credential", ada.signIn(func(d *passkeytest.Draft) { d.ID = make([]byte, 32) }))
	note("disabled", bob.signIn())
	for who, got := range seen {
		if want := seen["disabled"]; got != want {
			t.Errorf("%s is told apart:\n%s\n%s", who, got, want)
		}
	}
	// Beginning tells nothing about anybody: whoever is named gets the same options.
	shape := regexp.MustCompile(`"challenge":"[^"]*"|"ceremony":"[^"]*"`)
	var begun []string
	for _, body := range []any{map[string]any{}, map[string]any{"name": "ada", "user": "ada"}, map[string]any{"name": "nobody"}} {
		begun = append(begun, shape.ReplaceAllString(w.caller().json("/login/begin", body).want(http.StatusOK).lacks("allowCredentials\":[{").body, ""))
	}
	if begun[0] != begun[1] || begun[1] != begun[2] {
		t.Errorf("sign-ins begin differently: %q", begun)
	}
	for _, path := range []string{"/login?user=ada", "/login?user=nobody"} {
		w.caller().get(path).lacks(url.QueryEscape("ada"), "nobody")
	}
}
