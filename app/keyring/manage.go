package keyring

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State says how a key stands in the folder and in the database.
type State string

// The states.
const (
	// StateCurrent keys protect what is new.
	StateCurrent State = "current"
	// StateRetired keys open what is old.
	StateRetired State = "retired"
	// StateMissing keys are known to the database and not in the folder.
	StateMissing State = "missing"
	// StateMismatch files carry the id of a key of the database and are another key.
	StateMismatch State = "mismatch"
	// StateUnknown keys are in the folder and not known to the database.
	StateUnknown State = "unknown"
	// StateLost keys were given up by an operator.
	StateLost State = "lost"
)

// Status is one key as an operator sees it; without its secret.
type Status struct {
	Purpose Purpose
	ID      string
	State   State
	// Fingerprint is the database's, or that of the file where the database knows none.
	Fingerprint string
	// Created, Retired and Lost are instants in UTC; zero where it has not come to that.
	Created, Retired, Lost time.Time
}

// Inspect lists every key of folder and database, also where a ring can't be
// opened because they differ. It changes nothing.
func Inspect(ctx context.Context, dir string, store Store) ([]Status, error) {
	records, err := store.KeyRecords(ctx)
	if err != nil {
		return nil, fmt.Errorf("compare the keys with the database: %w", err)
	}
	keys, err := inFolder(folder{path: dir})
	if err != nil {
		return nil, err
	}
	var list []Status
	for _, r := range records {
		k, here := keys[ref{r.Purpose, r.ID}]
		delete(keys, ref{r.Purpose, r.ID})
		list = append(list, Status{r.Purpose, r.ID, stateOf(r, k, here), r.Fingerprint, r.Created, r.Retired, r.Lost})
	}
	for _, k := range keys {
		list = append(list, Status{Purpose: k.Purpose, ID: k.ID, State: StateUnknown, Fingerprint: k.Fingerprint(), Created: k.Created})
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(slices.Index(Purposes(), a.Purpose), slices.Index(Purposes(), b.Purpose)),
			a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

func inFolder(f folder) (map[ref]Key, error) {
	found := map[ref]Key{}
	there, err := f.exists()
	if err != nil || !there {
		return found, err
	}
	keys, err := f.readAll()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		found[ref{k.Purpose, k.ID}] = k
	}
	return found, nil
}

func stateOf(r Record, k Key, here bool) State {
	switch {
	case here && k.Fingerprint() != r.Fingerprint:
		return StateMismatch
	case !r.Lost.IsZero():
		return StateLost
	case !here:
		return StateMissing
	case !r.Retired.IsZero():
		return StateRetired
	default:
		return StateCurrent
	}
}

// Adopt records a key of the folder that the database does not know: its rotation
// was cut off, or the database comes from a backup older than the key. The newest
// key of the purpose becomes the current one.
func Adopt(ctx context.Context, dir string, store Store, p Purpose, id string) error {
	f := folder{path: dir}
	if there, err := f.exists(); err != nil || !there {
		return cmp.Or(err, fault(ErrNoKey, dir, "there is no such folder", "set PORTAL_KEYS"))
	}
	return f.locked(ctx, func() error {
		list, err := Inspect(ctx, dir, store)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(s Status) bool { return s.Purpose == p && s.ID == id })
		if at < 0 || list[at].State != StateUnknown {
			return fault(ErrNoKey, dir, name(p, id)+" is not a key that waits to be adopted", "portal keys list shows those as unknown")
		}
		r := Record{Purpose: p, ID: id, Fingerprint: list[at].Fingerprint, Created: list[at].Created}
		for _, other := range list {
			if other.Purpose == p && other.State != StateUnknown && other.Created.After(r.Created) {
				// It is older than one in use, so that it is retired already.
				r.Retired = other.Created
				return store.AddKeyRecords(ctx, []Record{r})
			}
		}
		return store.ReplaceKeyRecord(ctx, r)
	})
}

// Forget records that a key that is not in the folder is lost for good, so that
// the portal starts without it. Where it was the current one, the next Open makes
// another. It refuses keys that are there.
func Forget(ctx context.Context, dir string, store Store, p Purpose, id string) error {
	list, err := Inspect(ctx, dir, store)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Purpose != p || s.ID != id {
			continue
		}
		if s.State != StateMissing {
			return fault(ErrNoKey, dir, name(p, id)+" is "+string(s.State)+", not missing", "only a key whose file is gone can be forgotten; rotate one that leaked")
		}
		return store.LoseKeyRecord(ctx, p, id, time.Now().UTC())
	}
	return fault(ErrNoKey, dir, name(p, id)+" is unknown", "portal keys list shows what there is")
}
