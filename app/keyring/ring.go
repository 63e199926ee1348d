package keyring

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

type ref struct {
	purpose Purpose
	id      string
}

// Ring is the keys of one portal. Its methods are safe for concurrent use.
type Ring struct {
	folder folder
	store  Store

	mu      sync.RWMutex
	keys    map[ref]Key
	current map[Purpose]string
}

// Open reads the keys in dir and compares them with what store knows. An empty
// or absent folder gets keys where store knows none either; a store that knows
// none adopts the folder's. In every other difference it returns an error that
// wraps one of this package's Err values and says what to do.
func Open(ctx context.Context, dir string, store Store) (*Ring, error) {
	f, err := open(ctx, dir, store)
	if err != nil {
		return nil, err
	}
	r := &Ring{folder: f, store: store, keys: map[ref]Key{}, current: map[Purpose]string{}}
	if err := f.locked(ctx, func() error { return r.load(ctx) }); err != nil {
		return nil, err
	}
	return r, nil
}

// open finds the folder, and makes it where nothing was ever protected.
func open(ctx context.Context, dir string, store Store) (folder, error) {
	abs, err := filepath.Abs(dir)
	if dir == "" || err != nil {
		return folder{}, fault(ErrFolder, "PORTAL_KEYS", "it names no folder", "set it to the folder of the secret keys")
	}
	f := folder{path: abs}
	// The database first: a process that starts at the same time makes the folder before the records.
	records, err := store.KeyRecords(ctx)
	if err != nil {
		return f, fmt.Errorf("compare the keys with the database: %w", err)
	}
	there, err := f.exists()
	if there || err != nil {
		return f, err
	}
	if n := len(live(records)); n > 0 {
		return f, noFolder(f, n)
	}
	return f, f.create()
}

func noFolder(f folder, n int) error {
	return fault(ErrMissing, f.path, fmt.Sprintf("the folder holds no keys, but the database was written with %d of them, without which its log can't be verified nor pseudonyms be undone", n),
		"set PORTAL_KEYS to the right folder or put the keys back from escrow; keys that are lost for good: docs/keys.md")
}

// load reads the folder, checks it, completes it and takes it over. Call it under the lock.
func (r *Ring) load(ctx context.Context) error {
	if err := r.folder.clear(); err != nil {
		return err
	}
	records, err := r.store.KeyRecords(ctx)
	if err != nil {
		return fmt.Errorf("compare the keys with the database: %w", err)
	}
	keys, err := r.folder.readAll()
	if err != nil {
		return err
	}
	if err := compare(r.folder, records, keys); err != nil {
		return err
	}
	made, added := complete(records, keys, time.Now())
	if err := r.add(ctx, made, added); err != nil {
		return err
	}
	for _, k := range append(keys, made...) {
		r.keys[ref{k.Purpose, k.ID}] = k
	}
	for _, rec := range append(records, added...) {
		if rec.Retired.IsZero() && rec.Lost.IsZero() {
			r.current[rec.Purpose] = rec.ID
		}
	}
	return nil
}

// add writes new keys first and their records after, so that the database never
// knows a key that is nowhere.
func (r *Ring) add(ctx context.Context, made []Key, added []Record) error {
	for i, k := range made {
		if err := r.folder.write(k); err != nil {
			return errors.Join(err, r.undo(made[:i]))
		}
	}
	if len(added) == 0 {
		return nil
	}
	err := r.store.AddKeyRecords(ctx, added)
	if errors.Is(err, ErrTaken) {
		return errors.Join(fmt.Errorf("another portal made keys in another folder than %s at the same time; let all processes share one PORTAL_KEYS: %w", r.folder.path, err), r.undo(made))
	}
	if err != nil {
		// Whether the database took them is unknown: they stay, and the next start adopts or finds them.
		return fmt.Errorf("record the keys in the database: %w", err)
	}
	return nil
}

func (r *Ring) undo(made []Key) error {
	var errs []error
	for _, k := range made {
		errs = append(errs, r.folder.remove(k))
	}
	return errors.Join(errs...)
}

// Current returns the key to protect new things with. It panics for a purpose
// that is none of Purposes, which is a mistake in the program.
func (r *Ring) Current(p Purpose) Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, ok := r.keys[ref{p, r.current[p]}]
	if !ok {
		panic("keyring: no purpose " + string(p))
	}
	return k
}

// ByID returns a key, retired ones included, or ErrNoKey. A key that another
// process made since this ring was opened is read from the folder.
func (r *Ring) ByID(p Purpose, id string) (Key, error) {
	r.mu.RLock()
	k, ok := r.keys[ref{p, id}]
	_, known := r.current[p]
	r.mu.RUnlock()
	if ok {
		return k, nil
	}
	if !known || !reID.MatchString(id) {
		return Key{}, fmt.Errorf("%w: %q", ErrNoKey, string(p))
	}
	k, err := r.folder.read(fileName(p, id))
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s: %w", ErrNoKey, name(p, id), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[ref{p, id}] = k
	return k, nil
}

// Rotate makes a new current key. The old one stays readable by its id. Other
// processes go on with the old one until they are started anew.
func (r *Ring) Rotate(ctx context.Context, p Purpose) (Key, error) {
	if _, err := ParsePurpose(string(p)); err != nil {
		return Key{}, err
	}
	k := newKey(p, time.Now())
	err := r.folder.locked(ctx, func() error {
		if err := r.folder.write(k); err != nil {
			return err
		}
		if err := r.store.ReplaceKeyRecord(ctx, recordOf(k)); err != nil {
			return r.cutOff(ctx, k, err)
		}
		return nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("rotate %s: %w", p, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[ref{p, k.ID}] = k
	r.current[p] = k.ID
	return k, nil
}

// cutOff takes a new key away again, unless the database may know it.
func (r *Ring) cutOff(ctx context.Context, k Key, cause error) error {
	records, err := r.store.KeyRecords(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("%w; %s stays in %s: run \"portal keys list\" when the database is back", cause, name(k.Purpose, k.ID), r.folder.path)
	}
	for _, rec := range records {
		if rec.Purpose == k.Purpose && rec.ID == k.ID {
			return fmt.Errorf("%w; the database took %s all the same: start the portal anew", cause, name(k.Purpose, k.ID))
		}
	}
	return errors.Join(cause, r.folder.remove(k))
}
