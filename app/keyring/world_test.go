package keyring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// memory is a store of records as the database is one.
type memory struct {
	mu      sync.Mutex
	records []Record
	// err fails every call; errWrite those that change something; late fails after the change was made.
	err, errWrite, late error
}

// KeyRecords returns what was added.
func (m *memory) KeyRecords(context.Context) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records), m.err
}

// AddKeyRecords adds all or none.
func (m *memory) AddKeyRecords(_ context.Context, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.err, m.errWrite); err != nil {
		return err
	}
	for _, r := range records {
		for _, known := range m.records {
			if r.Purpose == known.Purpose && (r.ID == known.ID || r.Retired.IsZero() && known.Retired.IsZero()) {
				return ErrTaken
			}
		}
	}
	m.records = append(m.records, records...)
	return m.late
}

// ReplaceKeyRecord retires the current key.
func (m *memory) ReplaceKeyRecord(_ context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.err, m.errWrite); err != nil {
		return err
	}
	for i := range m.records {
		if m.records[i].Purpose == r.Purpose && m.records[i].Retired.IsZero() {
			m.records[i].Retired = r.Created
		}
	}
	m.records = append(m.records, r)
	return m.late
}

// LoseKeyRecord marks a key as lost.
func (m *memory) LoseKeyRecord(_ context.Context, p Purpose, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.records {
		if m.records[i].Purpose == p && m.records[i].ID == id {
			m.records[i].Lost, m.records[i].Retired = at, at
		}
	}
	return errors.Join(m.err, m.errWrite)
}

// place is a folder for keys and a store beside it.
type place struct {
	t     *testing.T
	dir   string
	store *memory
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return &place{t, filepath.Join(t.TempDir(), "keys"), &memory{}}
}

func (p *place) open() *Ring {
	p.t.Helper()
	r, err := Open(p.t.Context(), p.dir, p.store)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// files are the names of the key files.
func (p *place) files() []string {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "*"+fileEnding))
	if err != nil {
		p.t.Fatal(err)
	}
	return names
}

func (p *place) file(k Key) string { return filepath.Join(p.dir, fileName(k.Purpose, k.ID)) }

// do fails the test where a preparation fails.
func (p *place) do(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) write(path string, text []byte) {
	p.t.Helper()
	p.do(os.WriteFile(path, text, 0o600))
}

func testKey(p Purpose) Key {
	secret := make([]byte, secretSize)
	for i := range secret {
		secret[i] = byte(i * 7)
	}
	return Key{Purpose: p, ID: "abcdefghij23", Created: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), Secret: secret}
}
