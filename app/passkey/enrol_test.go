package passkey_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/passkey"
)

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Line 14: what has become of a link decides, and beginning uses nothing up.
func TestLinkStates(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	for range 3 {
		begun := w.beginEnrolment(token)
		if begun.User.DisplayName != "Dr ada" || !begun.LinkExpires.Equal(w.clock.Add(passkey.LinkLife)) {
			t.Errorf("begun for %+v until %v", begun.User, begun.LinkExpires)
		}
	}
	w.enrol(token)
	_, err := w.service.BeginEnrolment(t.Context(), token)
	wantRefusal(t, err, passkey.CodeLinkUsed)

	expired := w.link("ada")
	w.clock = w.clock.Add(passkey.LinkLife)
	_, err = w.service.BeginEnrolment(t.Context(), expired)
	wantRefusal(t, err, passkey.CodeLinkExpired)

	replaced := w.link("ada")
	w.link("ada")
	_, err = w.service.BeginEnrolment(t.Context(), replaced)
	wantRefusal(t, err, passkey.CodeLinkRevoked)

	last := w.link("ada")
	w.disable("ada")
	_, err = w.service.BeginEnrolment(t.Context(), last)
	wantRefusal(t, err, passkey.CodeLinkRevoked)

	for _, unknown := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 8<<10), last + "A"} {
		_, err = w.service.BeginEnrolment(t.Context(), unknown)
		wantRefusal(t, err, passkey.CodeLinkUnknown)
	}
}

// A link that dies between begin and finish stores nothing.
func TestLinkDiesDuringEnrolment(t *testing.T) {
	tests := []struct {
		name string
		die  func(w *world, token string)
		code passkey.Code
	}{
		{"used", func(w *world, token string) { w.enrol(token) }, passkey.CodeLinkUsed},
		{"replaced", func(w *world, _ string) { w.link("ada") }, passkey.CodeLinkRevoked},
		{"user disabled", func(w *world, _ string) {
			w.disable("ada")
		}, passkey.CodeLinkRevoked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			token := w.user("ada")
			begun := w.beginEnrolment(token)
			answer, key := w.create(begun.Options)
			tt.die(w, token)
			_, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, answer, "")
			wantRefusal(t, err, tt.code)
			_, err = w.signIn(key)
			wantRefusal(t, err, passkey.CodeNotAccepted)
		})
	}
}

func TestLinkExpiresDuringEnrolment(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	w.clock = w.clock.Add(passkey.LinkLife - time.Minute)
	begun := w.beginEnrolment(token)
	answer, _ := w.create(begun.Options)
	w.clock = w.clock.Add(2 * time.Minute)
	_, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, answer, "")
	wantRefusal(t, err, passkey.CodeLinkExpired)
}

// Two devices, one link, at once.
func TestEnrolmentRace(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	type try struct {
		id     string
		answer []byte
	}
	tries := make(chan try, 8)
	for range cap(tries) {
		begun := w.beginEnrolment(token)
		answer, _ := w.create(begun.Options)
		tries <- try{begun.CeremonyID, answer}
	}
	won := race(cap(tries), func() error {
		mine := <-tries
		_, err := w.service.FinishEnrolment(t.Context(), mine.id, token, mine.answer, "")
		return err
	})
	keys, err := w.store.LivePasskeys(t.Context(), w.userID("ada"))
	if won != 1 || err != nil || len(keys) != 1 {
		t.Errorf("%d enrolments won and %d passkeys are stored (%v), want 1 and 1", won, len(keys), err)
	}
}

func (w *world) userID(name string) int64 {
	w.t.Helper()
	u, err := w.store.UserByName(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.ID
}

// Line 14: a link for somebody else, or a link in place of a sign-in.
func TestForeignLink(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	begun := w.beginEnrolment(ada)
	answer, _ := w.create(begun.Options)
	_, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, bob, answer, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	_, err = w.service.FinishSignIn(t.Context(), ada, answer)
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	w.enrol(ada)
	w.enrol(bob)
}

// One credential belongs to one user once.
func TestCredentialEnrolledTwice(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	token := w.user("bob")
	begun := w.beginEnrolment(token)
	answer, _ := w.create(begun.Options, func(d *draft) { d.ID = key.ID })
	_, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, answer, "")
	wantRefusal(t, err, passkey.CodeKnown)
	w.enrol(token) // a refused passkey leaves the link usable
}

func TestKeyNames(t *testing.T) {
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"", "Passkey of 29 March 2026", true},
		{"  ", "Passkey of 29 March 2026", true},
		{" YubiKey 5 ", "YubiKey 5", true},
		{"Schlüssel für die Praxis", "Schlüssel für die Praxis", true},
		{strings.Repeat("ü", 64), strings.Repeat("ü", 64), true},
		{strings.Repeat("a", 65), "", false},
		{"a\nb", "", false},
		{"a\x00b", "", false},
		{"a\u202eb", "", false},
		{"a\xffb", "", false},
	}
	for _, tt := range tests {
		w := newWorld(t)
		token := w.user("ada")
		begun := w.beginEnrolment(token)
		answer, _ := w.create(begun.Options)
		u, err := w.service.FinishEnrolment(t.Context(), begun.CeremonyID, token, answer, tt.name)
		if !tt.ok {
			wantRefusal(t, err, passkey.CodeName)
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", tt.name, err)
		}
		keys, err := w.store.LivePasskeys(t.Context(), u.ID)
		if err != nil || len(keys) != 1 || keys[0].Name != tt.want {
			t.Errorf("%q is kept as %+v (%v), want %q", tt.name, keys, err, tt.want)
		}
	}
}

// When the store fails the answer is no refusal: nothing was decided.
func TestStoreFails(t *testing.T) {
	broken := errors.New("connection refused")
	w := newWorld(t)
	token := w.user("ada")
	key := w.enrol(token)
	token = w.link("ada")
	enrolling, begun := w.beginEnrolment(token), w.beginSignIn()
	created, _ := w.create(enrolling.Options)
	got := w.get(begun.Options, key)
	w.store.Fail = broken
	ctx := t.Context()
	calls := map[string]func() error{
		"begin enrolment": func() error { _, err := w.service.BeginEnrolment(ctx, token); return err },
		"finish enrolment": func() error {
			_, err := w.service.FinishEnrolment(ctx, enrolling.CeremonyID, token, created, "")
			return err
		},
		"begin sign-in":  func() error { _, err := w.service.BeginSignIn(ctx); return err },
		"finish sign-in": func() error { _, err := w.service.FinishSignIn(ctx, begun.CeremonyID, got); return err },
	}
	for name, call := range calls {
		var refusal *passkey.Error
		if err := call(); !errors.Is(err, broken) || errors.As(err, &refusal) {
			t.Errorf("%s: got %v, want the store's failure", name, err)
		}
	}
}

// The store may also fail between taking the ceremony and the answer.
func TestStoreFailsDuringSignIn(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	broken := errors.New("connection refused")
	for _, failing := range []string{"owner", "passkeys", "record"} {
		service, err := passkey.New(passkey.Config{Origin: origin, RPName: "x", Now: func() time.Time { return w.clock }},
			w.store, failAt{w.store, failing, broken})
		if err != nil {
			t.Fatal(err)
		}
		begun, err := service.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = service.FinishSignIn(t.Context(), begun.CeremonyID, w.get(begun.Options, key))
		var refusal *passkey.Error
		if !errors.Is(err, broken) || errors.As(err, &refusal) {
			t.Errorf("%s: got %v, want the store's failure", failing, err)
		}
	}
	if _, err := w.signIn(key); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	_, err := w.store.UserByHandle(t.Context(), []byte("nobody"))
	if !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown handle: %v", err)
	}
}
