package passkey_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

// add runs the addition of a passkey in a session.
func (w *world) add(name, session, keyName string, tweaks ...passkeytest.Tweak) (string, *passkeytest.Key, error) {
	w.t.Helper()
	begun, err := w.service.BeginAdd(w.t.Context(), w.userID(name), session)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, key := w.create(begun.Options, tweaks...)
	id, err := w.service.FinishAdd(w.t.Context(), w.userID(name), session, begun.CeremonyID, answer, keyName)
	return id, key, err
}

func TestAddRenameRemove(t *testing.T) {
	w := newWorld(t)
	first := w.enrol(w.user("ada"))
	ada := w.userID("ada")
	id, second, err := w.add("ada", "s1", " Security key ")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := w.service.Keys(t.Context(), ada)
	if err != nil || len(keys) != 2 || keys[1].PublicID != id || keys[1].Name != "Security key" || !keys[1].Created.Equal(w.clock) || !keys[1].LastUsed.IsZero() {
		t.Fatalf("keys %+v, %v", keys, err)
	}
	if !slices.Equal(keys[1].Device.Transports, []string{"internal"}) {
		t.Errorf("transports %v", keys[1].Device.Transports)
	}
	if err := w.service.Rename(t.Context(), ada, id, "Blue key"); err != nil {
		t.Fatal(err)
	}
	if in, err := w.signIn(second); err != nil || in.PasskeyID != keys[1].ID {
		t.Errorf("signed in with %+v, %v", in, err)
	}
	accepted, err := w.service.Accepted(t.Context(), ada)
	if err != nil || accepted.RPID != "portal.example.org" || accepted.UserID != encoded(first.Handle) ||
		!slices.Equal(accepted.IDs, []string{encoded(first.ID), encoded(second.ID)}) {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
	if err := w.service.Remove(t.Context(), ada, keys[0].PublicID); err != nil {
		t.Fatal(err)
	}
	if keys, err = w.service.Keys(t.Context(), ada); err != nil || len(keys) != 1 || keys[0].Name != "Blue key" {
		t.Errorf("left are %+v, %v", keys, err)
	}
	_, err = w.signIn(first)
	wantRefusal(t, err, passkey.CodeNotAccepted)
	wantRefusal(t, w.service.Remove(t.Context(), ada, id), passkey.CodeLast)
	if _, err := w.signIn(second); err != nil {
		t.Errorf("the last passkey is gone all the same: %v", err)
	}
}

// Others' passkeys are not there, neither is a removed one.
func TestKeysOfOthers(t *testing.T) {
	w := newWorld(t)
	w.enrol(w.user("ada"))
	w.enrol(w.user("bob"))
	id, _, err := w.add("bob", "s1", "")
	if err != nil {
		t.Fatal(err)
	}
	ada := w.userID("ada")
	for _, other := range []string{id, "", "x", strings.Repeat("9", 300), "' OR 1=1 --"} {
		if err := w.service.Rename(t.Context(), ada, other, "mine"); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("rename %q: %v", other, err)
		}
		if err := w.service.Remove(t.Context(), ada, other); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("remove %q: %v", other, err)
		}
	}
	if err := w.service.Remove(t.Context(), w.userID("bob"), id); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Rename(t.Context(), w.userID("bob"), id, "again"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("rename a removed one: %v", err)
	}
}

func TestRenameRefuses(t *testing.T) {
	w := newWorld(t)
	w.enrol(w.user("ada"))
	keys, err := w.service.Keys(t.Context(), w.userID("ada"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "  ", "a\nb", "a\x00b", "a\u202eb", "a\xffb", strings.Repeat("a", 65)} {
		wantRefusal(t, w.service.Rename(t.Context(), w.userID("ada"), keys[0].PublicID, name), passkey.CodeName)
	}
}

// An addition belongs to its user and session, and uses its ceremony up.
func TestAddAttacks(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	w.enrol(w.user("bob"))
	ada, bob := w.userID("ada"), w.userID("bob")
	begin := func() (passkey.Begun, []byte) {
		begun, err := w.service.BeginAdd(t.Context(), ada, "s1")
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := w.create(begun.Options)
		return begun, answer
	}
	begun, answer := begin()
	_, err := w.service.FinishAdd(t.Context(), ada, "s2", begun.CeremonyID, answer, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	_, err = w.service.FinishAdd(t.Context(), ada, "s1", begun.CeremonyID, answer, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone) // the wrong try used it up
	begun, answer = begin()
	_, err = w.service.FinishAdd(t.Context(), bob, "s1", begun.CeremonyID, answer, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	begun, answer = begin()
	_, err = w.service.FinishAdd(t.Context(), ada, "s1", begun.CeremonyID, answer, "a\x00b")
	wantRefusal(t, err, passkey.CodeName)
	if _, err = w.service.FinishAdd(t.Context(), ada, "s1", begun.CeremonyID, answer, ""); err != nil {
		t.Errorf("a bad name used the ceremony up: %v", err)
	}
	_, err = w.service.FinishAdd(t.Context(), ada, "s1", w.beginVerify("ada", "s1").CeremonyID, answer, "")
	wantRefusal(t, err, passkey.CodeCeremonyGone)
	begun, answer = begin()
	w.disable("ada")
	_, err = w.service.FinishAdd(t.Context(), ada, "s1", begun.CeremonyID, answer, "")
	wantRefusal(t, err, passkey.CodeNotAccepted)
	w.store.SetDisabled(ada, false)
	for name, bad := range map[string]passkeytest.Tweak{
		"known passkey":   func(d *draft) { d.ID = key.ID },
		"wrong origin":    func(d *draft) { d.Origin = "https://evil.example.org" },
		"not verified":    func(d *draft) { d.Flags &^= passkeytest.UserVerified },
		"many transports": func(d *draft) { d.Transports = strings.Split(strings.Repeat("usb ", 9), " ") },
		"odd transport":   func(d *draft) { d.Transports = []string{"a\u202eb"} },
	} {
		if _, _, err := w.add("ada", "s1", "", bad); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
}

// Devices that have a passkey of the user already are told so.
func TestAddExcludes(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	begun, err := w.service.BeginAdd(t.Context(), w.userID("ada"), "s1")
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		PublicKey struct{ ExcludeCredentials []struct{ ID string } }
	}
	if err := json.Unmarshal(begun.Options, &o); err != nil {
		t.Fatal(err)
	}
	if e := o.PublicKey.ExcludeCredentials; len(e) != 1 || e[0].ID != encoded(key.ID) {
		t.Errorf("excluded %v", e)
	}
}

// A passkey without a name is called after what keeps it, where that is known.
func TestMakers(t *testing.T) {
	tests := []struct{ aaguid, want, maker string }{
		{"fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "iCloud Keychain", "iCloud Keychain"},
		{"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager", "Google Password Manager"},
		{"08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello", "Windows Hello"},
		{"9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello", "Windows Hello"},
		{"6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello", "Windows Hello"},
		{"adce0002-35bc-c60a-648b-0b25f1f05503", "Chrome on Mac", "Chrome on Mac"},
		{"bada5566-a7aa-401f-bd96-45619a55120d", "1Password", "1Password"},
		{"53414d53-554e-4700-0000-000000000000", "Samsung Pass", "Samsung Pass"},
		{"50726f74-6f6e-5061-7373-50726f746f6e", "Proton Pass", "Proton Pass"},
		{"2fc0579f-8113-47ea-b116-bb5a8db9202a", "YubiKey 5", "YubiKey 5"},
		{"01020304-0506-0708-090a-0b0c0d0e0f10", "Passkey of 29 March 2026", ""},
		{"00000000-0000-0000-0000-000000000000", "Passkey of 29 March 2026", ""},
	}
	for _, tt := range tests {
		id, err := hex.DecodeString(strings.ReplaceAll(tt.aaguid, "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		w.enrol(w.user("ada"))
		if _, _, err := w.add("ada", "s1", "", func(d *draft) { d.AAGUID = id }); err != nil {
			t.Fatal(err)
		}
		keys, err := w.service.Keys(t.Context(), w.userID("ada"))
		if err != nil || keys[1].Name != tt.want || keys[1].Maker != tt.maker {
			t.Errorf("%s is %+v, %v", tt.aaguid, keys[1], err)
		}
		if want := tt.aaguid; bytes.Equal(id, make([]byte, 16)) != (keys[1].Device.AAGUID == "") || (keys[1].Device.AAGUID != "" && keys[1].Device.AAGUID != want) {
			t.Errorf("AAGUID %q, want %q", keys[1].Device.AAGUID, want)
		}
	}
}
