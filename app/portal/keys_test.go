package portal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/app/keyring"
)

func TestKeysAreOpenedOnce(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	if list, err := p.KeyList(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("before the first start: %v, %v", list, err)
	}
	first, err := p.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Keys(t.Context()); err != nil || again != first {
		t.Errorf("the ring was opened twice: %v", err)
	}
	k, err := p.RotateKey(t.Context(), keyring.ViewIDs)
	if err != nil || first.Current(keyring.ViewIDs).ID != k.ID {
		t.Errorf("rotate: %v, %v", k, err)
	}
	if list, err := p.KeyList(t.Context()); err != nil || len(list) != len(keyring.Purposes())+1 {
		t.Errorf("%d keys, %v", len(list), err)
	}
	var acts int
	if err := w.conn.QueryRow(t.Context(), `SELECT count(*) FROM audit.entry WHERE kind = 'secret.rotate' AND subject = $1`, "view-ids/"+k.ID).Scan(&acts); err != nil || acts != 1 {
		t.Errorf("%d entries in the log, %v", acts, err)
	}
}

// A portal whose keys do not fit its database doesn't serve.
func TestWrongKeysStopTheStart(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	ring, err := p.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := w.config("other")
	other.KeysDir = filepath.Join(w.dir, "other keys")
	if _, err := w.open(other).server(t.Context()); !errors.Is(err, keyring.ErrMissing) {
		t.Errorf("served without keys: %v", err)
	}
	if _, err := os.Stat(other.KeysDir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused start made a folder")
	}
	gone := ring.Current(keyring.DateShift)
	if err := os.Remove(filepath.Join(p.Config.KeysDir, "date-shift."+gone.ID+".key")); err != nil {
		t.Fatal(err)
	}
	late := w.open(w.config("late"))
	if _, err := late.server(t.Context()); !errors.Is(err, keyring.ErrMissing) || !strings.Contains(err.Error(), "secret keys") || !strings.Contains(err.Error(), "date-shift/"+gone.ID) {
		t.Errorf("served with a key missing: %v", err)
	}
	if _, err := late.RotateKey(t.Context(), keyring.ViewIDs); !errors.Is(err, keyring.ErrMissing) {
		t.Errorf("rotated with a key missing: %v", err)
	}
	if err := late.AdoptKey(t.Context(), keyring.DateShift, gone.ID); !errors.Is(err, keyring.ErrNoKey) {
		t.Errorf("adopted a missing key: %v", err)
	}
	if err := late.ForgetKey(t.Context(), keyring.DateShift, gone.ID); err != nil {
		t.Errorf("forget: %v", err)
	}
	if _, err := late.server(t.Context()); err != nil {
		t.Errorf("after the loss was recorded: %v", err)
	}
}
