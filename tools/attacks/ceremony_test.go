package attacks

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
	"healthportal/store/postgres"
)

// Defence: a ceremony is taken out of the store before its answer is verified.
func TestAttack01_ReplayedAssertion(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "", synced)
	b := ada.beginSignIn()
	body := finish(b, ada.assertion(b, synced))
	ada.json("/login/finish", body).want(http.StatusOK)
	for _, thief := range []*caller{ada.caller, w.caller()} {
		a := thief.json("/login/finish", body).want(http.StatusConflict)
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("the replay got a cookie: %s", a.header)
		}
	}
	ada.signIn(synced).want(http.StatusOK)
}

// Defence: the answer's challenge is compared with the ceremony's.
func TestAttack02_OldAssertionNewChallenge(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "", synced)
	b := ada.beginSignIn()
	old := ada.assertion(b, synced)
	ada.json("/login/finish", finish(b, old)).want(http.StatusOK)
	thief := w.stranger()
	for range 3 {
		fresh := thief.beginSignIn()
		thief.json("/login/finish", finish(fresh, old)).want(http.StatusUnauthorized)
	}
	if thief.cookie != "" {
		t.Error("the old answer signed in")
	}
}

// Defence: passkey.Service.take refuses a ceremony at its expiry.
func TestAttack03_ExpiredChallenge(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "", synced)
	db, err := postgres.Open(t.Context(), w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	clock := time.Now()
	service, err := passkey.New(passkey.Config{Origin: w.origin, RPName: "Test Clinic", Now: func() time.Time { return clock }}, db, db)
	if err != nil {
		t.Fatal(err)
	}
	for after, accepted := range map[time.Duration]bool{
		passkey.CeremonyLife - time.Second: true, passkey.CeremonyLife: false, passkey.CeremonyLife + time.Hour: false,
	} {
		clock = time.Now()
		started, err := service.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		credential := ada.assertion(begun{Options: started.Options}, synced)
		clock = clock.Add(after)
		if _, err := service.FinishSignIn(t.Context(), started.CeremonyID, credential); (err == nil) != accepted {
			t.Errorf("after %v: %v, want accepted %v", after, err, accepted)
		}
	}
	// The same over the wire, with the challenge's time moved instead of the clock.
	b := ada.beginSignIn()
	w.exec("UPDATE auth.ceremony SET expires_at = now() - interval '1 second'")
	ada.json("/login/finish", finish(b, ada.assertion(b, synced))).want(http.StatusConflict)
	ada.signIn(synced).want(http.StatusOK)
}

// Defence: one statement takes the ceremony out, so that only one finish finds it.
func TestAttack04_ParallelFinishes(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "", synced)
	for range 3 {
		b := ada.beginSignIn()
		body, err := json.Marshal(finish(b, ada.assertion(b, synced)))
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var racers sync.WaitGroup
		got := map[int]int{}
		for range 8 {
			racer := w.caller()
			racers.Go(func() {
				a := racer.json("/login/finish", body)
				mu.Lock()
				defer mu.Unlock()
				got[a.status]++
			})
		}
		racers.Wait()
		if got[http.StatusOK] != 1 || got[http.StatusConflict] != 7 {
			t.Errorf("eight finishes at once: %v, want one 200 and seven 409", got)
		}
	}
}

// forged runs sign-ins and enrolments whose answers differ from a good one in
// one thing; none of them may do anything, and the good ones work afterwards.
func forged(t *testing.T, signIns, enrolments map[string]passkeytest.Tweak) {
	t.Helper()
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "")
	ada.signIn().want(http.StatusOK)
	for name, tweak := range signIns {
		attempt := ada.again()
		attempt.cookie = ""
		if a := attempt.signIn(tweak); a.status != http.StatusUnauthorized || attempt.cookie != "" {
			t.Errorf("sign-in with %s: %d, cookie %q", name, a.status, attempt.cookie)
		}
		if a := ada.verify(tweak); a.status < 400 || a.status >= 500 {
			t.Errorf("passkey check with %s: %d", name, a.status)
		}
	}
	token := w.invite("eve", "admin", "")
	for name, tweak := range enrolments {
		eve := w.stranger()
		if a := eve.finishEnrolment(token, eve.beginEnrolment(token), tweak); a.status < 400 || a.status >= 500 {
			t.Errorf("enrolment with %s: %d %s", name, a.status, a.body)
		}
	}
	if n := one[int](w, "SELECT count(*) FROM auth.passkey"); n != 1 {
		t.Errorf("%d passkeys are stored, want Ada's alone", n)
	}
	ada.verify().want(http.StatusOK)
	ada.again().signIn().want(http.StatusOK)
	eve := w.stranger()
	eve.enrol(token)
	eve.signIn().want(http.StatusOK)
}

// Defence: the origin in the client data must be the configured one, to the letter.
func TestAttack05_WrongOrigin(t *testing.T) {
	from := func(change func(string) string) passkeytest.Tweak {
		return func(d *passkeytest.Draft) { d.Origin = change(d.Origin) }
	}
	cases := map[string]passkeytest.Tweak{
		"another site":          from(func(string) string { return "https://evil.example.org" }),
		"another port":          from(func(o string) string { return o[:strings.LastIndex(o, ":")] + ":1" }),
		"no port":               from(func(o string) string { return o[:strings.LastIndex(o, ":")] }),
		"another scheme":        from(func(o string) string { return strings.Replace(o, "http:", "https:", 1) }),
		"a subdomain":           from(func(o string) string { return strings.Replace(o, "localhost", "a.localhost", 1) }),
		"a longer name":         from(func(o string) string { return o + ".evil.example" }),
		"the numeric address":   from(func(o string) string { return strings.Replace(o, "localhost", "127.0.0.1", 1) }),
		"null":                  from(func(string) string { return "null" }),
		"nothing":               from(func(string) string { return "" }),
		"an app's key hash":     from(func(string) string { return "android:apk-key-hash:AAAA" }),
		"a file":                from(func(string) string { return "file://" }),
		"the origin and a NUL":  from(func(o string) string { return o + "\x00" }),
		"the origin and spaces": from(func(o string) string { return " " + o }),
	}
	forged(t, cases, cases)
}

// Defence: the authenticator data must be for the hash of the configured host name.
func TestAttack06_WrongRelyingParty(t *testing.T) {
	cases := map[string]passkeytest.Tweak{}
	for _, id := range []string{"evil.example.org", "LOCALHOST", "localhost.", "http://localhost", "127.0.0.1", ""} {
		cases["relying party "+id] = func(d *passkeytest.Draft) { d.RPID = id }
	}
	forged(t, cases, cases)
}

// Defence: answers made in a frame of another site are refused.
func TestAttack07_CrossOrigin(t *testing.T) {
	cases := map[string]passkeytest.Tweak{"crossOrigin": func(d *passkeytest.Draft) { d.CrossOrigin = true }}
	forged(t, cases, cases)
}

// Defence: ceremonies have a kind, and client data a type; neither serves the other.
func TestAttack08_WrongKindOfCeremony(t *testing.T) {
	w := newClinic(t)
	ada := w.newHuman("ada", "clinician", "")
	token := w.invite("eve", "admin", "")
	eve := w.stranger()
	enrolling := eve.beginEnrolment(token)
	created, _, err := eve.device.Create(enrolling.Options)
	if err != nil {
		t.Fatal(err)
	}
	eve.json("/login/finish", finish(enrolling, created)).want(http.StatusConflict)
	eve.json("/login/finish", finish(eve.beginSignIn(), created)).want(http.StatusBadRequest)
	enrol := func(b begun, credential json.RawMessage) answer {
		return eve.json("/enrol/finish", map[string]any{"ceremony": b.Ceremony, "token": token, "credential": credential})
	}
	signingIn := ada.beginSignIn()
	got := ada.assertion(signingIn)
	enrol(signingIn, got).want(http.StatusConflict)
	enrol(eve.beginEnrolment(token), got).want(http.StatusBadRequest)
	// The right form with the other's type inside.
	swapped := func(kind string) passkeytest.Tweak { return func(d *passkeytest.Draft) { d.Type = kind } }
	ada.signIn(swapped("webauthn.create")).want(http.StatusUnauthorized)
	eve.finishEnrolment(token, eve.beginEnrolment(token), swapped("webauthn.get")).want(http.StatusUnprocessableEntity)
	// A check of a session is no sign-in, and a sign-in no check.
	ada.signIn().want(http.StatusOK)
	check := ada.read(ada.json("/verify/begin", map[string]any{}))
	other := ada.again()
	other.json("/login/finish", finish(check, ada.assertion(check))).want(http.StatusConflict)
	signingIn = other.beginSignIn()
	ada.json("/verify/finish", finish(signingIn, ada.assertion(signingIn))).want(http.StatusConflict)
	if eve.cookie != "" || other.cookie != "" {
		t.Error("an answer of the wrong kind signed in")
	}
	if n := one[int](w, "SELECT count(*) FROM auth.passkey"); n != 1 {
		t.Errorf("%d passkeys, want one", n)
	}
}

// Defence: handle, credential and user of an assertion must belong together; a
// check takes only the passkeys of the session's own user.
func TestAttack09_AnothersHandleOrCredential(t *testing.T) {
	w := newClinic(t)
	ada, bob := w.newHuman("ada", "admin", ""), w.newHuman("bob", "clinician", "")
	cases := map[string]passkeytest.Tweak{
		"Ada's handle":                  func(d *passkeytest.Draft) { d.Handle = ada.key.Handle },
		"Ada's credential":              func(d *passkeytest.Draft) { d.ID = ada.key.ID },
		"Ada's handle and credential":   func(d *passkeytest.Draft) { d.ID, d.Handle = ada.key.ID, ada.key.Handle },
		"no handle":                     func(d *passkeytest.Draft) { d.Handle = nil },
		"a long handle":                 func(d *passkeytest.Draft) { d.Handle = bytes.Repeat([]byte{7}, 4096) },
		"an unknown handle":             func(d *passkeytest.Draft) { d.Handle = bytes.Repeat([]byte{1}, 64) },
		"an unknown credential":         func(d *passkeytest.Draft) { d.ID = bytes.Repeat([]byte{1}, 32) },
		"the start of Ada's credential": func(d *passkeytest.Draft) { d.ID = ada.key.ID[:16] },
	}
	for name, tweak := range cases {
		thief := bob.again()
		if a := thief.signIn(tweak); a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest || thief.cookie != "" {
			t.Errorf("%s: %d, cookie %q", name, a.status, thief.cookie)
		}
	}
	// Bob's good passkey does not confirm Ada's session, whoever began the check.
	ada.signIn().want(http.StatusOK)
	bob.signIn().want(http.StatusOK)
	old := ada.cookie
	check := ada.read(ada.json("/verify/begin", map[string]any{}))
	ada.json("/verify/finish", finish(check, bob.assertion(check))).want(http.StatusUnauthorized, http.StatusUnprocessableEntity)
	check = bob.read(bob.json("/verify/begin", map[string]any{}))
	ada.json("/verify/finish", finish(check, bob.assertion(check))).want(http.StatusConflict)
	if ada.cookie != old {
		t.Error("Ada's session was confirmed by Bob's passkey")
	}
}
