package portal

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/app/keyring"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

func openRing(t *testing.T) *keyring.Ring {
	t.Helper()
	db, err := postgres.Open(t.Context(), storetest.Open(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ring, err := keyring.Open(t.Context(), filepath.Join(t.TempDir(), "keys"), db)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestViewsBelongToOneUser(t *testing.T) {
	ring := openRing(t)
	v := viewIDs{ring}
	for _, text := range []string{"a", "Müller", strings.Repeat("ß", 100), "O'Brien 王", "x "} {
		view := v.SealView(7, text)
		if strings.Contains(view, text) && len(text) > 1 {
			t.Errorf("%q stands in %q", text, view)
		}
		if got, err := v.OpenView(7, view); err != nil || got != text {
			t.Errorf("%q comes back as %q, %v", text, got, err)
		}
		if view == v.SealView(7, text) {
			t.Errorf("%q is sealed the same twice", text)
		}
		if len(view) > 1024 {
			t.Errorf("the view id of %d bytes has %d", len(text), len(view))
		}
		if _, err := v.OpenView(8, view); !errors.Is(err, keyring.ErrToken) {
			t.Errorf("another user's view: %v", err)
		}
		changed := []byte(view)
		changed[len(changed)-2] ^= 1
		for _, bad := range []string{string(changed), view[:len(view)-1], "", "x", "." + view} {
			if _, err := v.OpenView(7, bad); !errors.Is(err, keyring.ErrToken) {
				t.Errorf("%q opens: %v", bad, err)
			}
		}
	}
	if a, b := v.SealView(7, "Ng"), v.SealView(7, "Featherstonehaugh"); len(a) != len(b) {
		t.Error("the length of a short name shows")
	}
	other := v.ring.Seal(keyring.ViewIDs, "research-cursor|user 7|person 1", []byte("x"))
	if _, err := v.OpenView(7, other); !errors.Is(err, keyring.ErrToken) {
		t.Errorf("a researcher's cursor opens as a view: %v", err)
	}
}
