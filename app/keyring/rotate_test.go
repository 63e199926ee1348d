package keyring

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

var errDown = errors.New("the database is down")

func TestRotate(t *testing.T) {
	p := newPlace(t)
	r, other := p.open(), p.open()
	old := r.Current(AuditChain)
	fresh, err := r.Rotate(t.Context(), AuditChain)
	p.do(err)
	if r.Current(AuditChain).ID != fresh.ID || fresh.ID == old.ID {
		t.Errorf("current after the rotation: %v", r.Current(AuditChain))
	}
	if k, err := r.ByID(AuditChain, old.ID); err != nil || k.Fingerprint() != old.Fingerprint() {
		t.Errorf("the old key: %v, %v", k, err)
	}
	if other.Current(AuditChain).ID != old.ID {
		t.Error("another process changed its current key by itself")
	}
	if k, err := other.ByID(AuditChain, fresh.ID); err != nil || k.Fingerprint() != fresh.Fingerprint() {
		t.Errorf("another process reads the new key as %v, %v", k, err)
	}
	if again := p.open(); again.Current(AuditChain).ID != fresh.ID {
		t.Error("a new start takes the old key")
	}
	if _, err := r.Rotate(t.Context(), "everything"); err == nil || !strings.Contains(err.Error(), "unknown purpose") {
		t.Errorf("rotated an unknown purpose: %v", err)
	}
}

func TestRotationsAtOnce(t *testing.T) {
	p := newPlace(t)
	a, b := p.open(), p.open()
	done := make(chan error, 2)
	for _, r := range []*Ring{a, b} {
		go func() { _, err := r.Rotate(t.Context(), ViewIDs); done <- err }()
	}
	p.do(errors.Join(<-done, <-done))
	current := 0
	for _, rec := range p.store.records {
		if rec.Purpose == ViewIDs && rec.Retired.IsZero() {
			current++
		}
	}
	if current != 1 {
		t.Errorf("%d current keys", current)
	}
	p.open()
}

func TestRotationThatFails(t *testing.T) {
	p := newPlace(t)
	r := p.open()
	old := r.Current(DateShift)
	p.store.errWrite = errDown
	if _, err := r.Rotate(t.Context(), DateShift); !errors.Is(err, errDown) {
		t.Errorf("rotate: %v", err)
	}
	if len(p.files()) != len(Purposes()) || r.Current(DateShift).ID != old.ID {
		t.Error("a failed rotation leaves something behind")
	}
	p.store.errWrite, p.store.late = nil, errDown
	if _, err := r.Rotate(t.Context(), DateShift); err == nil || !strings.Contains(err.Error(), "took date-shift/") {
		t.Errorf("an unclear end that took effect: %v", err)
	}
	p.store.late = nil
	if p.open().Current(DateShift).ID == old.ID {
		t.Error("the rotation that the database took is not in force after a new start")
	}
	r = p.open()
	p.store.err = errDown
	if _, err := r.Rotate(t.Context(), DateShift); err == nil || !strings.Contains(err.Error(), "stays in "+p.dir) {
		t.Errorf("an unclear end: %v", err)
	}
	p.store.err = nil
	if _, err := Open(t.Context(), p.dir, p.store); !errors.Is(err, ErrUnknown) {
		t.Errorf("a key of an unclear rotation: %v", err)
	}
}

func TestFailedFirstStart(t *testing.T) {
	p := newPlace(t)
	p.store.errWrite = errDown
	if _, err := Open(t.Context(), p.dir, p.store); !errors.Is(err, errDown) {
		t.Fatalf("open: %v", err)
	}
	made := p.files()
	p.store.errWrite = nil
	p.open()
	if len(made) != len(Purposes()) || len(p.files()) != len(made) {
		t.Errorf("the second start has %d keys, the first one left %d", len(p.files()), len(made))
	}
}

func TestLockedByAnother(t *testing.T) {
	p := newPlace(t)
	p.open()
	held, free := make(chan bool), make(chan bool)
	go func() {
		_ = folder{p.dir}.locked(context.Background(), func() error { close(held); <-free; return nil })
	}()
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, p.dir, p.store)
	close(free)
	if !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), "another portal process") {
		t.Errorf("open of a locked folder: %v", err)
	}
}

// states counts the keys by their state.
func (p *place) states() map[State]int {
	p.t.Helper()
	list, err := Inspect(p.t.Context(), p.dir, p.store)
	p.do(err)
	n := map[State]int{}
	for _, s := range list {
		n[s.State]++
		if s.Fingerprint == "" || s.ID == "" || s.Created.IsZero() {
			p.t.Errorf("a status lacks something: %+v", s)
		}
	}
	return n
}

func TestInspect(t *testing.T) {
	p := newPlace(t)
	if n := p.states(); len(n) != 0 {
		t.Errorf("before the first start: %v", n)
	}
	r := p.open()
	_, err := r.Rotate(t.Context(), AuditChain)
	p.do(err)
	if n := p.states(); n[StateCurrent] != 6 || n[StateRetired] != 1 {
		t.Errorf("after a rotation: %v", n)
	}
	gone, swapped := r.Current(ViewIDs), newKey(DateShift, time.Now())
	p.do(os.Remove(p.file(gone)))
	swapped.ID = r.Current(DateShift).ID
	p.do(os.Remove(p.file(swapped)))
	p.do(folder{p.dir}.write(swapped))
	p.do(folder{p.dir}.write(testKey(Pseudonyms)))
	if n := p.states(); n[StateMissing] != 1 || n[StateMismatch] != 1 || n[StateUnknown] != 1 || n[StateCurrent] != 4 || n[StateRetired] != 1 {
		t.Errorf("after the damage: %v", n)
	}
	p.do(os.Chmod(p.dir, 0o755))
	if _, err := Inspect(t.Context(), p.dir, p.store); !errors.Is(err, ErrFolder) {
		t.Errorf("a folder that others enter: %v", err)
	}
	p.store.err = errDown
	if _, err := Inspect(t.Context(), p.dir, p.store); !errors.Is(err, errDown) {
		t.Errorf("no database: %v", err)
	}
}

func TestForget(t *testing.T) {
	p := newPlace(t)
	r := p.open()
	k := r.Current(Pseudonyms)
	if err := Forget(t.Context(), p.dir, p.store, Pseudonyms, k.ID); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "is current, not missing") {
		t.Errorf("forgot a key that is there: %v", err)
	}
	if err := Forget(t.Context(), p.dir, p.store, Pseudonyms, "abcdefghij23"); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("forgot a key that never was: %v", err)
	}
	p.do(os.Remove(p.file(k)))
	p.do(Forget(t.Context(), p.dir, p.store, Pseudonyms, k.ID))
	r = p.open()
	if r.Current(Pseudonyms).ID == k.ID {
		t.Error("a lost key is current")
	}
	if n := p.states(); n[StateLost] != 1 || n[StateCurrent] != len(Purposes()) {
		t.Errorf("states %v", n)
	}
	p.do(folder{p.dir}.write(k))
	if got, err := p.open().ByID(Pseudonyms, k.ID); err != nil || got.Fingerprint() != k.Fingerprint() {
		t.Errorf("a lost key that was found again: %v, %v", got, err)
	}
}

func TestAdopt(t *testing.T) {
	p := newPlace(t)
	first := p.open()
	before := p.store.records
	fresh, err := first.Rotate(t.Context(), Pseudonyms)
	p.do(err)
	p.store.records = before // the database comes back from a backup older than the rotation
	for i := range p.store.records {
		p.store.records[i].Retired = time.Time{}
	}
	if _, err := Open(t.Context(), p.dir, p.store); !errors.Is(err, ErrUnknown) {
		t.Fatalf("open: %v", err)
	}
	if err := Adopt(t.Context(), p.dir, p.store, Pseudonyms, "abcdefghij23"); !errors.Is(err, ErrNoKey) {
		t.Errorf("adopted nothing: %v", err)
	}
	p.do(Adopt(t.Context(), p.dir, p.store, Pseudonyms, fresh.ID))
	if got := p.open().Current(Pseudonyms).ID; got != fresh.ID {
		t.Errorf("current is %s, want the adopted %s", got, fresh.ID)
	}
	old := testKey(Pseudonyms)
	old.Created = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	p.do(folder{p.dir}.write(old))
	p.do(Adopt(t.Context(), p.dir, p.store, Pseudonyms, old.ID))
	r := p.open()
	if _, err := r.ByID(Pseudonyms, old.ID); err != nil || r.Current(Pseudonyms).ID != fresh.ID {
		t.Errorf("an older key: %v, current %v", err, r.Current(Pseudonyms))
	}
	if err := Adopt(t.Context(), p.dir+"x", p.store, Pseudonyms, old.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("adopted from nowhere: %v", err)
	}
}
