package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

func TestEnrolAndSignIn(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	for range 3 {
		in, err := w.signIn(key)
		if err != nil {
			t.Fatal(err)
		}
		if in.User.Name != "ada" || in.User.DisplayName != "Dr ada" || in.PasskeyID == 0 {
			t.Errorf("signed in as %+v", in)
		}
	}
}

func TestSyncedPasskeySignsIn(t *testing.T) {
	w := newWorld(t)
	synced := func(d *passkeytest.Draft) {
		d.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp
		d.Count = 0
	}
	key := w.enrol(w.user("ada"), synced)
	for range 2 {
		if _, err := w.signIn(key, synced); err != nil {
			t.Fatalf("a passkey without a counter: %v", err)
		}
	}
}

// Attack lines 5, 6, 7, 9, 10, 11 and 8: each changes one thing of a good answer.
func TestSignInAttacks(t *testing.T) {
	tests := []struct {
		name  string
		tweak passkeytest.Tweak
	}{
		{"wrong origin", func(d *passkeytest.Draft) { d.Origin = "https://evil.example.org" }},
		{"wrong port", func(d *passkeytest.Draft) { d.Origin = origin + ":8443" }},
		{"wrong scheme", func(d *passkeytest.Draft) { d.Origin = "http://portal.example.org" }},
		{"suffix of the origin", func(d *passkeytest.Draft) { d.Origin = origin + ".evil.example" }},
		{"no origin", func(d *passkeytest.Draft) { d.Origin = "" }},
		{"wrong rpIdHash", func(d *passkeytest.Draft) { d.RPID = "evil.example.org" }},
		{"cross origin", func(d *passkeytest.Draft) { d.CrossOrigin = true }},
		{"type create", func(d *passkeytest.Draft) { d.Type = "webauthn.create" }},
		{"other challenge", func(d *passkeytest.Draft) { d.Challenge = strings.Repeat("A", 43) }},
		{"no challenge", func(d *passkeytest.Draft) { d.Challenge = "" }},
		{"unknown handle", func(d *passkeytest.Draft) { d.Handle = bytes.Repeat([]byte{1}, 64) }},
		{"empty handle", func(d *passkeytest.Draft) { d.Handle = nil }},
		{"unknown credential", func(d *passkeytest.Draft) { d.ID = bytes.Repeat([]byte{1}, 32) }},
		{"user not verified", func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserVerified }},
		{"user not present", func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserPresent }},
		{"bogus signature", func(d *passkeytest.Draft) { d.SpoilSignature = true }},
		{"counter rollback", func(d *passkeytest.Draft) { d.Count = 0 }},
		{"counter repeated", func(d *passkeytest.Draft) { d.Count = 1 }},
		{"became backup eligible", func(d *passkeytest.Draft) { d.Flags |= passkeytest.BackupEligible }},
		{"backed up but not eligible", func(d *passkeytest.Draft) { d.Flags |= passkeytest.BackedUp }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			key := w.enrol(w.user("ada"))
			if _, err := w.signIn(key); err != nil {
				t.Fatal(err)
			}
			_, err := w.signIn(key, tt.tweak)
			wantRefusal(t, err, passkey.CodeNotAccepted)
			if _, err := w.signIn(key); err != nil {
				t.Errorf("the attack spoiled the passkey: %v", err)
			}
		})
	}
}

// Line 9: Ada's handle with Bob's passkey, and the other way round.
func TestSignInAsSomebodyElse(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.enrol(w.user("ada")), w.enrol(w.user("bob"))
	_, err := w.signIn(bob, func(d *passkeytest.Draft) { d.Handle = ada.Handle })
	wantRefusal(t, err, passkey.CodeNotAccepted)
	_, err = w.signIn(bob, func(d *passkeytest.Draft) { d.ID = ada.ID })
	wantRefusal(t, err, passkey.CodeNotAccepted)
	_, err = w.signIn(bob, func(d *passkeytest.Draft) { d.ID, d.Handle = ada.ID, ada.Handle })
	wantRefusal(t, err, passkey.CodeNotAccepted)
}

// Line 1: the same answer to the same ceremony. Line 2: to a new one.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun := w.beginSignIn()
	answer := w.get(begun.Options, key)
	if _, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, answer); err != nil {
		t.Fatal(err)
	}
	_, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, answer)
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	_, err = w.service.FinishSignIn(t.Context(), w.beginSignIn().CeremonyID, answer)
	wantRefusal(t, err, passkey.CodeNotAccepted)
}

// A failed answer uses the ceremony up, so nobody gets to guess twice.
func TestFailureConsumesTheCeremony(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun := w.beginSignIn()
	good := w.get(begun.Options, key)
	_, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, []byte("{}"))
	wantRefusal(t, err, passkey.CodeMalformed)
	_, err = w.service.FinishSignIn(t.Context(), begun.CeremonyID, good)
	wantRefusal(t, err, passkey.CodeCeremonyGone)
}

// Line 3.
func TestExpiredCeremony(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		gone  bool
	}{{passkey.CeremonyLife - time.Second, false}, {passkey.CeremonyLife, true}, {24 * time.Hour, true}} {
		w := newWorld(t)
		key := w.enrol(w.user("ada"))
		begun := w.beginSignIn()
		answer := w.get(begun.Options, key)
		w.clock = w.clock.Add(tt.after)
		_, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, answer)
		if tt.gone {
			wantRefusal(t, err, passkey.CodeCeremonyGone)
		} else if err != nil {
			t.Errorf("after %v: %v", tt.after, err)
		}
	}
}

// Line 4.
func TestParallelSignIn(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun := w.beginSignIn()
	answer := w.get(begun.Options, key)
	won := race(8, func() error {
		_, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, answer)
		return err
	})
	if won != 1 {
		t.Errorf("%d of 8 parallel finishes won, want 1", won)
	}
}

// race runs f n times at once and counts the successes.
func race(n int, f func() error) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range n {
		wg.Go(func() {
			if f() == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return won
}

// Line 8: answers of one kind to the other, with their own and foreign ceremonies.
func TestWrongKindOfAnswer(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	token := w.link("ada")

	enrolling := w.beginEnrolment(token)
	created, _ := w.create(enrolling.Options)
	_, err := w.service.FinishSignIn(t.Context(), enrolling.CeremonyID, created)
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	_, err = w.service.FinishSignIn(t.Context(), w.beginSignIn().CeremonyID, created)
	wantRefusal(t, err, passkey.CodeMalformed)

	begun := w.beginSignIn()
	got := w.get(begun.Options, key)
	_, err = w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, got, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	_, err = w.service.FinishEnrolment(t.Context(), w.beginEnrolment(token).CeremonyID, token, got, "")
	wantRefusal(t, err, passkey.CodeMalformed)
}

// Line 13.
func TestDisabledAndRevoked(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.enrol(w.user("ada")), w.enrol(w.user("bob"))
	w.disable("ada")
	_, err := w.signIn(ada)
	wantRefusal(t, err, passkey.CodeNotAccepted)

	in, err := w.signIn(bob)
	if err != nil {
		t.Fatal(err)
	}
	w.store.RevokeAll(in.User.ID)
	_, err = w.signIn(bob)
	wantRefusal(t, err, passkey.CodeNotAccepted)
}

// Lines 5 to 12 for enrolment.
func TestEnrolmentAttacks(t *testing.T) {
	tests := []struct {
		name  string
		tweak passkeytest.Tweak
		code  passkey.Code
	}{
		{"wrong origin", func(d *passkeytest.Draft) { d.Origin = "https://evil.example.org" }, passkey.CodeNotCreated},
		{"wrong port", func(d *passkeytest.Draft) { d.Origin = origin + ":8443" }, passkey.CodeNotCreated},
		{"wrong rpIdHash", func(d *passkeytest.Draft) { d.RPID = "evil.example.org" }, passkey.CodeNotCreated},
		{"cross origin", func(d *passkeytest.Draft) { d.CrossOrigin = true }, passkey.CodeNotCreated},
		{"type get", func(d *passkeytest.Draft) { d.Type = "webauthn.get" }, passkey.CodeNotCreated},
		{"other challenge", func(d *passkeytest.Draft) { d.Challenge = strings.Repeat("A", 43) }, passkey.CodeNotCreated},
		{"user not verified", func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserVerified }, passkey.CodeNotCreated},
		{"user not present", func(d *passkeytest.Draft) { d.Flags &^= passkeytest.UserPresent }, passkey.CodeNotCreated},
		{"backed up but not eligible", func(d *passkeytest.Draft) { d.Flags |= passkeytest.BackedUp }, passkey.CodeNotCreated},
		{"attestation none with a statement", func(d *passkeytest.Draft) { d.Statement = map[string]any{"x": 1} }, passkey.CodeNotCreated},
		{"deep CBOR", func(d *passkeytest.Draft) { d.Statement = nested(64) }, passkey.CodeMalformed},
		{"trailing CBOR", func(d *passkeytest.Draft) { d.Trailing = []byte{0xa0} }, passkey.CodeMalformed},
		{"too large", func(d *passkeytest.Draft) { d.Trailing = make([]byte, 70<<10) }, passkey.CodeMalformed},
		{"NUL in a transport", func(d *passkeytest.Draft) { d.Transports = []string{"a\x00b"} }, passkey.CodeMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			token := w.user("ada")
			begun := w.beginEnrolment(token)
			answer, key := w.create(begun.Options, tt.tweak)
			_, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, answer, "")
			wantRefusal(t, err, tt.code)
			_, err = w.signIn(key)
			wantRefusal(t, err, passkey.CodeNotAccepted)
			w.enrol(token) // the link is as good as before
		})
	}
}

func nested(depth int) any {
	var v any = map[string]any{}
	for range depth {
		v = map[string]any{"a": v}
	}
	return v
}

// Line 12: bodies that are no answer at all.
func TestMalformedBodies(t *testing.T) {
	deep := strings.Repeat(`{"response":`, 5000) + "1" + strings.Repeat("}", 5000)
	bodies := map[string]string{
		"empty": "", "null": "null", "empty object": "{}", "array": "[]", "number": "7", "text": "hello", "cut": `{"id":"`,
		"no response": `{"id":"AA","rawId":"AA","type":"public-key"}`, "deep": deep,
		"bad base64": `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"%%","authenticatorData":"%%","signature":"","userHandle":""}}`,
		"two values": `{}{}`, "binary": "\x00\xff\xfe", "huge": strings.Repeat("x", 100<<10),
	}
	w := newWorld(t)
	token := w.user("ada")
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.FinishSignIn(t.Context(), w.beginSignIn().CeremonyID, []byte(body))
			wantRefusal(t, err, passkey.CodeMalformed)
			_, err = w.service.FinishEnrolment(t.Context(), w.beginEnrolment(token).CeremonyID, token, []byte(body), "")
			wantRefusal(t, err, passkey.CodeMalformed)
		})
	}
}

func TestUnknownCeremonies(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	for _, id := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 8<<10), token} {
		_, err := w.service.FinishSignIn(t.Context(), id, []byte("{}"))
		wantRefusal(t, err, passkey.CodeCeremonyGone)
		_, err = w.service.FinishEnrolment(t.Context(), id, token, []byte("{}"), "")
		wantRefusal(t, err, passkey.CodeCeremonyGone)
	}
}

// Line 15: whoever asks, the refusal is the same to the letter.
func TestRefusalsDoNotTellUsersApart(t *testing.T) {
	w := newWorld(t)
	known, disabled := w.enrol(w.user("ada")), w.enrol(w.user("bob"))
	w.disable("bob")
	var words []string
	note := func(_ passkey.SignIn, err error) {
		wantRefusal(t, err, passkey.CodeNotAccepted)
		var refusal *passkey.Error
		if errors.As(err, &refusal) {
			words = append(words, refusal.What+refusal.Do)
		}
	}
	note(w.signIn(known, func(d *passkeytest.Draft) { d.SpoilSignature = true }))
	note(w.signIn(known, func(d *passkeytest.Draft) { d.Handle = make([]byte, 64) }))
	note(w.signIn(disabled))
	for _, got := range words {
		if got != words[0] {
			t.Errorf("%q differs from %q", got, words[0])
		}
	}
}

// Options ask for what the server checks later.
func TestOptions(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	key := w.enrol(token)
	var creation, request struct {
		PublicKey struct {
			RP                     struct{ ID string }
			RPID                   string `json:"rpId"`
			Timeout                int
			Challenge              string
			Attestation            string
			UserVerification       string
			AllowCredentials       []any
			ExcludeCredentials     []struct{ ID string }
			AuthenticatorSelection struct {
				RequireResidentKey            bool
				ResidentKey, UserVerification string
			}
		}
	}
	if err := json.Unmarshal(w.beginEnrolment(w.link("ada")).Options, &creation); err != nil {
		t.Fatal(err)
	}
	c := creation.PublicKey
	sel := c.AuthenticatorSelection
	if c.RP.ID != "portal.example.org" || c.Attestation != "none" || !sel.RequireResidentKey || sel.ResidentKey != "required" || sel.UserVerification != "required" {
		t.Errorf("creation options %+v", c)
	}
	if len(c.ExcludeCredentials) != 1 || c.ExcludeCredentials[0].ID != encoded(key.ID) {
		t.Errorf("excluded credentials %v, want the one that exists", c.ExcludeCredentials)
	}
	if err := json.Unmarshal(w.beginSignIn().Options, &request); err != nil {
		t.Fatal(err)
	}
	r := request.PublicKey
	if r.RPID != "portal.example.org" || r.UserVerification != "required" || len(r.AllowCredentials) != 0 || len(r.Challenge) < 43 {
		t.Errorf("request options %+v", r)
	}
	if want := int(passkey.CeremonyLife.Milliseconds()); c.Timeout != want || r.Timeout != want {
		t.Errorf("timeouts %d and %d, want %d", c.Timeout, r.Timeout, want)
	}
}
