package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

// beginVerify begins a check of the user in a session.
func (w *world) beginVerify(name, session string) passkey.Begun {
	w.t.Helper()
	begun, err := w.service.BeginVerify(w.t.Context(), w.userID(name), session)
	if err != nil {
		w.t.Fatal(err)
	}
	return begun
}

func TestVerify(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun := w.beginVerify("ada", "s1")
	var o struct {
		PublicKey struct {
			UserVerification string
			AllowCredentials []struct{ ID string }
		}
	}
	if err := json.Unmarshal(begun.Options, &o); err != nil {
		t.Fatal(err)
	}
	if p := o.PublicKey; p.UserVerification != "required" || len(p.AllowCredentials) != 1 || p.AllowCredentials[0].ID != encoded(key.ID) {
		t.Errorf("options %+v, want the user's own passkey", p)
	}
	answer := w.get(begun.Options, key)
	in, err := w.service.FinishVerify(t.Context(), w.userID("ada"), "s1", begun.CeremonyID, answer)
	if err != nil || in.User.Name != "ada" || in.PasskeyID == 0 {
		t.Fatalf("verified %+v, %v", in, err)
	}
	_, err = w.service.FinishVerify(t.Context(), w.userID("ada"), "s1", begun.CeremonyID, answer)
	wantRefusal(t, err, passkey.CodeCeremonyGone)
}

// A check is of one user, one session, one kind, once, within five minutes.
func TestVerifyAttacks(t *testing.T) {
	tests := []struct {
		name string
		code passkey.Code
		try  func(w *world, ada, bob *passkeytest.Key) error
	}{
		{"another session", passkey.CodeCeremonyGone, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s2", w.beginVerify("ada", "s1"), ada)
		}},
		{"no session", passkey.CodeCeremonyGone, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "", w.beginVerify("ada", ""), ada)
		}},
		{"another user", passkey.CodeCeremonyGone, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("bob", "s1", w.beginVerify("ada", "s1"), ada)
		}},
		{"another's passkey", passkey.CodeNotAccepted, func(w *world, _, bob *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), bob)
		}},
		{"another's passkey under her handle", passkey.CodeNotAccepted, func(w *world, ada, bob *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), bob, func(d *draft) { d.Handle = ada.Handle })
		}},
		{"another's passkey under her id", passkey.CodeNotAccepted, func(w *world, ada, bob *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), bob, func(d *draft) { d.ID, d.Handle = ada.ID, ada.Handle })
		}},
		{"a sign-in's ceremony", passkey.CodeCeremonyGone, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginSignIn(), ada)
		}},
		{"user not verified", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), ada, func(d *draft) { d.Flags &^= passkeytest.UserVerified })
		}},
		{"bogus signature", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), ada, func(d *draft) { d.SpoilSignature = true })
		}},
		{"became backup eligible", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), ada, func(d *draft) { d.Flags |= passkeytest.BackupEligible })
		}},
		{"wrong origin", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			return w.check("ada", "s1", w.beginVerify("ada", "s1"), ada, func(d *draft) { d.Origin = "https://evil.example.org" })
		}},
		{"too late", passkey.CodeCeremonyGone, func(w *world, ada, _ *passkeytest.Key) error {
			begun := w.beginVerify("ada", "s1")
			w.clock = w.clock.Add(passkey.CeremonyLife)
			return w.check("ada", "s1", begun, ada)
		}},
		{"disabled since", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			begun := w.beginVerify("ada", "s1")
			w.disable("ada")
			return w.check("ada", "s1", begun, ada)
		}},
		{"revoked since", passkey.CodeNotAccepted, func(w *world, ada, _ *passkeytest.Key) error {
			begun := w.beginVerify("ada", "s1")
			w.store.RevokeAll(w.userID("ada"))
			return w.check("ada", "s1", begun, ada)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			ada, bob := w.enrol(w.user("ada")), w.enrol(w.user("bob"))
			wantRefusal(t, tt.try(w, ada, bob), tt.code)
		})
	}
}

// check answers a begun check with a passkey.
func (w *world) check(name, session string, begun passkey.Begun, key *passkeytest.Key, tweaks ...passkeytest.Tweak) error {
	w.t.Helper()
	_, err := w.service.FinishVerify(w.t.Context(), w.userID(name), session, begun.CeremonyID, w.get(begun.Options, key, tweaks...))
	return err
}

// A check does not sign in, nor the other way round.
func TestVerifyIsNoSignIn(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun := w.beginVerify("ada", "s1")
	_, err := w.service.FinishSignIn(t.Context(), begun.CeremonyID, w.get(begun.Options, key))
	wantRefusal(t, err, passkey.CodeCeremonyGone)
}

func TestBeginVerifyRefuses(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	_, err := w.service.BeginVerify(t.Context(), w.userID("ada"), "s1")
	wantRefusal(t, err, passkey.CodeNotAccepted) // no passkey
	_, err = w.service.BeginVerify(t.Context(), 4711, "s1")
	wantRefusal(t, err, passkey.CodeNotAccepted) // no user
	w.enrol(w.link("ada"))
	w.disable("ada")
	_, err = w.service.BeginVerify(t.Context(), w.userID("ada"), "s1")
	wantRefusal(t, err, passkey.CodeNotAccepted)
}

// Refusals that concern more than the one who tries are told apart for the
// portal, and name whose passkey it was.
func TestCausesOfRefusals(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	other := w.enrol(w.user("bob"))
	if _, err := w.signIn(key); err != nil {
		t.Fatal(err)
	}
	ada := w.userID("ada")
	tests := []struct {
		name            string
		key             *passkeytest.Key
		tweak           passkeytest.Tweak
		copied, unknown bool
		user            int64
	}{
		{"counter rollback", key, func(d *draft) { d.Count = 1 }, true, false, ada},
		{"unknown handle", key, func(d *draft) { d.Handle = bytes.Repeat([]byte{7}, 64) }, false, true, 0},
		{"unknown passkey", key, func(d *draft) { d.ID = bytes.Repeat([]byte{7}, 32) }, false, true, ada},
		{"another's passkey", other, func(d *draft) { d.Handle = key.Handle }, false, true, ada},
		{"bogus signature", key, func(d *draft) { d.SpoilSignature = true }, false, false, ada},
	}
	for _, tt := range tests {
		_, err := w.signIn(tt.key, tt.tweak)
		wantRefusal(t, err, passkey.CodeNotAccepted)
		var refusal *passkey.Error
		if !errors.As(err, &refusal) || refusal.UserID != tt.user || errors.Is(err, passkey.ErrCopied) != tt.copied || errors.Is(err, passkey.ErrUnknownKey) != tt.unknown {
			t.Errorf("%s: %v of user %d", tt.name, err, refusal.UserID)
		}
	}
	w.store.RevokeAll(ada)
	if _, err := w.signIn(key); !errors.Is(err, passkey.ErrUnknownKey) {
		t.Errorf("a revoked passkey: %v", err)
	}
}

// A check within the session finds the copy as well.
func TestVerifyFindsACopy(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	for range 2 {
		if err := w.check("ada", "s1", w.beginVerify("ada", "s1"), key); err != nil {
			t.Fatal(err)
		}
	}
	err := w.check("ada", "s1", w.beginVerify("ada", "s1"), key, func(d *draft) { d.Count = 1 })
	if !errors.Is(err, passkey.ErrCopied) {
		t.Errorf("got %v, want the warning of a copy", err)
	}
}

func TestVerifyStoreFails(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	ada := w.userID("ada")
	begun := w.beginVerify("ada", "s1")
	answer := w.get(begun.Options, key)
	w.store.Fail = errors.New("connection refused")
	calls := map[string]func() error{
		"begin check": func() error { _, err := w.service.BeginVerify(t.Context(), ada, "s1"); return err },
		"finish check": func() error {
			_, err := w.service.FinishVerify(t.Context(), ada, "s1", begun.CeremonyID, answer)
			return err
		},
		"begin add": func() error { _, err := w.service.BeginAdd(t.Context(), ada, "s1"); return err },
		"finish add": func() error {
			_, err := w.service.FinishAdd(t.Context(), ada, "s1", begun.CeremonyID, answer, "")
			return err
		},
		"keys":     func() error { _, err := w.service.Keys(t.Context(), ada); return err },
		"accepted": func() error { _, err := w.service.Accepted(t.Context(), ada); return err },
		"rename":   func() error { return w.service.Rename(t.Context(), ada, "key1", "x") },
		"remove":   func() error { return w.service.Remove(t.Context(), ada, "key1") },
	}
	for name, call := range calls {
		var refusal *passkey.Error
		if err := call(); !errors.Is(err, w.store.Fail) || errors.As(err, &refusal) {
			t.Errorf("%s: got %v, want the store's failure", name, err)
		}
	}
}

// What the authenticator says of syncing is taken over at each use.
func TestDeviceIsRefreshed(t *testing.T) {
	w := newWorld(t)
	eligible := func(d *draft) { d.Flags |= passkeytest.BackupEligible; d.Count = 0 }
	synced := func(d *draft) { d.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp; d.Count = 0 }
	key := w.enrol(w.user("ada"), eligible)
	states := []struct {
		tweak passkeytest.Tweak
		want  bool
	}{{eligible, false}, {synced, true}, {eligible, false}}
	for _, tt := range states {
		w.clock = w.clock.Add(time.Hour)
		if _, err := w.signIn(key, tt.tweak); err != nil {
			t.Fatal(err)
		}
		keys, err := w.service.Keys(t.Context(), w.userID("ada"))
		if err != nil || len(keys) != 1 {
			t.Fatalf("%v, %v", keys, err)
		}
		if k := keys[0]; k.Device.Synced != tt.want || !k.Device.MaySync || !k.LastUsed.Equal(w.clock) {
			t.Errorf("after %v: %+v", tt.want, k)
		}
	}
}
