package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
	"healthportal/store/postgres"
)

func TestKeyRecords(t *testing.T) {
	c := newClinic(t)
	at := time.Date(2026, 3, 29, 12, 0, 0, 123_456_000, time.UTC)
	first := keyring.Record{Purpose: keyring.AuditChain, ID: "aaaaaaaaaaaa", Fingerprint: "f1", Created: at}
	older := keyring.Record{Purpose: keyring.AuditChain, ID: "bbbbbbbbbbbb", Fingerprint: "f2", Created: at.Add(-time.Hour), Retired: at}
	if got, err := c.db.KeyRecords(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("an empty database knows %v, %v", got, err)
	}
	if err := c.db.AddKeyRecords(t.Context(), []keyring.Record{first, older}); err != nil {
		t.Fatal(err)
	}
	got, err := c.db.KeyRecords(t.Context())
	if err != nil || len(got) != 2 || got[0].ID != older.ID || got[1].Fingerprint != "f1" || !got[0].Retired.Equal(at) || !got[1].Created.Equal(at) || !got[1].Retired.IsZero() || !got[1].Lost.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	second := keyring.Record{Purpose: keyring.AuditHeads, ID: "dddddddddddd", Fingerprint: "f4", Created: at}
	for name, bad := range map[string]keyring.Record{
		"the same key":         first,
		"a second current key": {Purpose: keyring.AuditChain, ID: "cccccccccccc", Fingerprint: "f3", Created: at},
	} {
		if err := c.db.AddKeyRecords(t.Context(), []keyring.Record{second, bad}); !errors.Is(err, keyring.ErrTaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := one[int](c, `SELECT count(*) FROM ops.key`); n != 2 {
		t.Errorf("%d records: a refused batch was stored in part", n)
	}
}

func TestReplaceAndLoseKeyRecords(t *testing.T) {
	c := newClinic(t)
	at := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	first := keyring.Record{Purpose: keyring.ViewIDs, ID: "aaaaaaaaaaaa", Fingerprint: "f1", Created: at}
	next := keyring.Record{Purpose: keyring.ViewIDs, ID: "bbbbbbbbbbbb", Fingerprint: "f2", Created: at.Add(time.Hour)}
	if err := errors.Join(c.db.AddKeyRecords(t.Context(), []keyring.Record{first}), c.db.ReplaceKeyRecord(t.Context(), next)); err != nil {
		t.Fatal(err)
	}
	if err := c.db.ReplaceKeyRecord(t.Context(), next); !errors.Is(err, keyring.ErrTaken) {
		t.Errorf("the same key twice: %v", err)
	}
	got, err := c.db.KeyRecords(t.Context())
	if err != nil || !got[0].Retired.Equal(next.Created) || !got[1].Retired.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if err := c.db.LoseKeyRecord(t.Context(), next.Purpose, next.ID, at.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{next.ID, "cccccccccccc", ""} {
		if err := c.db.LoseKeyRecord(t.Context(), next.Purpose, id, at); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("losing %q: %v", id, err)
		}
	}
	if got, err := c.db.KeyRecords(t.Context()); err != nil || got[1].Lost.IsZero() || got[1].Retired.IsZero() || !got[0].Lost.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	c.db.Close()
	_, err = c.db.KeyRecords(t.Context())
	if err := errors.Join(c.db.AddKeyRecords(t.Context(), nil), err); err == nil || c.db.ReplaceKeyRecord(t.Context(), next) == nil || c.db.LoseKeyRecord(t.Context(), next.Purpose, next.ID, at) == nil {
		t.Error("a closed store keeps records")
	}
}

// The ring on the real store: processes that start at once, with one folder and with two.
func TestRingOnTheDatabase(t *testing.T) {
	c := newClinic(t)
	shared := filepath.Join(t.TempDir(), "keys")
	rings, errs := make([]*keyring.Ring, 4), make([]error, 4)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() { rings[i], errs[i] = keyring.Open(t.Context(), shared, c.db) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, r := range rings {
		if r.Current(keyring.Pseudonyms).ID != rings[0].Current(keyring.Pseudonyms).ID {
			t.Error("two processes have different keys")
		}
	}
	if _, err := rings[0].Rotate(t.Context(), keyring.Pseudonyms); err != nil {
		t.Fatal(err)
	}
	if r, err := keyring.Open(t.Context(), shared, c.db); err != nil || r.Current(keyring.Pseudonyms).ID != rings[0].Current(keyring.Pseudonyms).ID {
		t.Errorf("after a rotation: %v", err)
	}
	if _, err := keyring.Open(t.Context(), filepath.Join(t.TempDir(), "other"), c.db); !errors.Is(err, keyring.ErrMissing) {
		t.Errorf("another folder: %v", err)
	}
	fresh := newClinic(t)
	if r, err := keyring.Open(t.Context(), shared, fresh.db); err != nil || r.Current(keyring.Pseudonyms).ID != rings[0].Current(keyring.Pseudonyms).ID {
		t.Errorf("a restored folder on a fresh database: %v", err)
	}
	if secret := rings[0].Current(keyring.Pseudonyms).Secret; one[int](c, `SELECT count(*) FROM ops.key WHERE fingerprint LIKE '%' || encode($1, 'hex') || '%'`, []byte(secret)) != 0 {
		t.Error("the database holds a secret")
	}
}

func TestTwoFoldersAtOnce(t *testing.T) {
	c := newClinic(t)
	var wg sync.WaitGroup
	errs, dirs := make([]error, 4), make([]string, 4)
	for i := range errs {
		dirs[i] = filepath.Join(t.TempDir(), "keys")
		wg.Go(func() { _, errs[i] = keyring.Open(context.WithoutCancel(t.Context()), dirs[i], c.db) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		files, globErr := filepath.Glob(filepath.Join(dirs[i], "*.key"))
		switch {
		case globErr != nil:
			t.Fatal(globErr)
		case err == nil:
			won++
		case !errors.Is(err, keyring.ErrTaken) && !errors.Is(err, keyring.ErrMissing):
			t.Error(err)
		case len(files) != 0:
			t.Errorf("the loser keeps %d keys", len(files))
		}
	}
	if won != 1 {
		t.Errorf("%d folders won", won)
	}
	if _, err := os.Stat(dirs[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	var _ keyring.Store = (*postgres.DB)(nil)
}
