package passkey_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

const origin = "https://portal.example.org"

// world is a site with a fake clock, an in-memory store and a device.
type world struct {
	t       *testing.T
	store   *passkeytest.Store
	service *passkey.Service
	device  passkeytest.Authenticator
	clock   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: &passkeytest.Store{}, clock: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC),
		device: passkeytest.Authenticator{Origin: origin, RPID: "portal.example.org"}}
	cfg := passkey.Config{Origin: origin, RPName: "Example Clinic", Now: func() time.Time { return w.clock }}
	var err error
	if w.service, err = passkey.New(cfg, w.store, w.store); err != nil {
		t.Fatal(err)
	}
	return w
}

// user adds a user and returns an enrolment token.
func (w *world) user(name string) string {
	return w.store.AddLink(w.store.AddUser(name, "Dr "+name), w.clock)
}

// named is a user that was added.
func (w *world) named(name string) passkey.User {
	w.t.Helper()
	u, err := w.store.UserByName(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// link returns a new enrolment token of the user.
func (w *world) link(name string) string { return w.store.AddLink(w.named(name), w.clock) }

// disable bars the user.
func (w *world) disable(name string) { w.store.SetDisabled(w.named(name).ID, true) }

func (w *world) beginEnrolment(token string) passkey.Enrolling {
	w.t.Helper()
	begun, err := w.service.BeginEnrolment(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return begun
}

// create answers creation options.
func (w *world) create(options []byte, tweaks ...passkeytest.Tweak) ([]byte, *passkeytest.Key) {
	w.t.Helper()
	answer, key, err := w.device.Create(options, tweaks...)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, key
}

// get answers request options.
func (w *world) get(options []byte, key *passkeytest.Key, tweaks ...passkeytest.Tweak) []byte {
	w.t.Helper()
	answer, err := w.device.Get(options, key, tweaks...)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// enrol creates a passkey with a token.
func (w *world) enrol(token string, tweaks ...passkeytest.Tweak) *passkeytest.Key {
	w.t.Helper()
	begun := w.beginEnrolment(token)
	answer, key := w.create(begun.Options, tweaks...)
	if _, err := w.service.FinishEnrolment(w.t.Context(), begun.CeremonyID, token, answer, "my key"); err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *world) beginSignIn() passkey.Begun {
	w.t.Helper()
	begun, err := w.service.BeginSignIn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return begun
}

// signIn runs a whole sign-in with key.
func (w *world) signIn(key *passkeytest.Key, tweaks ...passkeytest.Tweak) (passkey.SignIn, error) {
	w.t.Helper()
	begun := w.beginSignIn()
	return w.service.FinishSignIn(w.t.Context(), begun.CeremonyID, w.get(begun.Options, key, tweaks...))
}

// wantRefusal fails the test unless err is a refusal with the code, readable
// and without the library's words.
func wantRefusal(t *testing.T, err error, code passkey.Code) {
	t.Helper()
	var refusal *passkey.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	if refusal.Code != code {
		t.Fatalf("refused with %s (%v), want %s", refusal.Code, err, code)
	}
	if refusal.What == "" || strings.HasSuffix(refusal.What, ".") || !strings.HasSuffix(refusal.Do, ".") {
		t.Errorf("words %q, %q: want what without and what to do with a full stop", refusal.What, refusal.Do)
	}
}
