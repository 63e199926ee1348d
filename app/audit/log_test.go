package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
)

func TestAppendStoresChainAndHead(t *testing.T) {
	r := newRig(t)
	e := someEntry(1)
	e.At = time.Date(2026, 4, 1, 14, 0, 0, 5999, time.FixedZone("", 7200))
	if err := r.log.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	r.close()
	rows := r.book.rows
	if len(rows) != 3 || rows[0].Kind != access.KindChainStart || rows[2].Kind != access.KindChainEnd || rows[2].Detail != `{"entries":3}` {
		t.Fatalf("%+v", rows)
	}
	contains(t, rows[0].Detail, `"host":"test"`, `"part":1`)
	got := rows[1]
	e.At = time.Date(2026, 4, 1, 12, 0, 0, 5000, time.UTC)
	if got.Entry != e || got.Seq != 2 || got.MACKey != "chain1" || len(got.Hash) != HashSize {
		t.Errorf("%+v", got)
	}
	h, err := readHeadFile(filepath.Join(r.dir, got.Chain+headEnding), testKeys())
	if err != nil || h.Seq != 3 || h.Hash != hex.EncodeToString(rows[2].Hash) || !h.At.Equal(testNow()) {
		t.Errorf("%+v, %v", h, err)
	}
	if err := r.log.Append(t.Context(), e); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := r.log.Close(t.Context()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestAppendRefusesMistakes(t *testing.T) {
	r := newRig(t)
	for _, e := range []Entry{{}, {Kind: access.KindPatient}, {Outcome: Done}, {Kind: access.KindPatient, Outcome: "fine"},
		{Kind: access.KindPatient, Outcome: Done, At: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if err := r.log.Append(t.Context(), e); !errors.Is(err, ErrBadEntry) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	r.add(1)
	if r.book.commits != 2 {
		t.Errorf("%d commits", r.book.commits)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	short := testKeys()
	short.Chain.Secret = []byte("short")
	nameless := testKeys()
	nameless.Head.ID = "a b"
	tests := map[string]struct {
		cfg  Config
		kind error
		word string
	}{
		"short key":     {Config{Store: &book{}, Keys: short, HeadsDir: t.TempDir()}, ErrBadKeys, "chain key"},
		"bad key id":    {Config{Store: &book{}, Keys: nameless, HeadsDir: t.TempDir()}, ErrBadKeys, "head key"},
		"no folder":     {Config{Store: &book{}, Keys: testKeys(), HeadsDir: file}, nil, file},
		"dead store":    {Config{Store: &book{dead: errDisk}, Keys: testKeys(), HeadsDir: t.TempDir()}, errDisk, "heads of the other chains"},
		"full store":    {Config{Store: &book{fault: func([]StoredEntry) error { return errDisk }}, Keys: testKeys(), HeadsDir: t.TempDir()}, errDisk, "start the audit log"},
		"lost at start": {Config{Store: &book{lost: true}, Keys: testKeys(), HeadsDir: t.TempDir()}, ErrUncertain, "start the audit log"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), c.cfg)
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) {
				t.Fatalf("error %v", err)
			}
			contains(t, err.Error(), c.word)
			left, _ := filepath.Glob(filepath.Join(c.cfg.HeadsDir, "*"))
			if len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// While one group commits, the next collects: many entries, few commits.
func TestGroupCommit(t *testing.T) {
	r := newRig(t)
	r.book.gate = make(chan struct{})
	const callers = 100
	errs := make(chan error, callers)
	for i := range callers {
		go func() { errs <- r.log.Append(t.Context(), someEntry(i)) }()
	}
	eventually(t, func() bool { return len(r.log.queue) == callers-1 }) // the first is at the gate
	r.book.gate <- struct{}{}
	eventually(t, func() bool { return len(r.log.queue) == 0 })
	r.book.gate <- struct{}{}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if r.book.commits != 3 || len(r.book.rows) != callers+1 {
		t.Errorf("%d commits of %d rows", r.book.commits, len(r.book.rows))
	}
	close(r.book.gate)
	want(t, r.verify())
}

func TestGroupsAreBounded(t *testing.T) {
	r := newRig(t)
	r.book.gate = make(chan struct{})
	var done sync.WaitGroup
	for i := range 2*maxGroup + 10 {
		done.Go(func() {
			if err := r.log.Append(t.Context(), someEntry(i)); err != nil {
				t.Error(err)
			}
		})
	}
	most := 0
	r.book.fault = func(list []StoredEntry) error { most = max(most, len(list)); return nil }
	eventually(t, func() bool { return len(r.log.queue) == maxGroup })
	close(r.book.gate)
	done.Wait()
	if most > maxGroup {
		t.Errorf("a group of %d", most)
	}
	want(t, r.verify())
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

// A failed group leaves no trace: everybody in it gets the error, and the chain goes on.
func TestAFailedGroup(t *testing.T) {
	r := newRig(t)
	r.add(3)
	r.book.fault = func([]StoredEntry) error { return errDisk }
	if err := r.log.Append(t.Context(), someEntry(9)); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
	r.book.fault = nil
	r.add(3)
	r.close()
	if chains := r.book.chains(); len(chains) != 1 || len(r.book.rows) != 8 {
		t.Errorf("%d chains, %d rows", len(chains), len(r.book.rows))
	}
	want(t, r.verify())
	contains(t, r.said.String(), "were not written", "entries=1")
}

// The connection is lost during a commit that took place, or did not.
func TestAnUncertainCommit(t *testing.T) {
	for name, stored := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.add(3)
			if stored {
				r.book.lost = true
			} else {
				r.book.fault = func([]StoredEntry) error { return fmt.Errorf("%w: cut", ErrUncertain) }
			}
			if err := r.log.Append(t.Context(), someEntry(9)); !errors.Is(err, ErrUncertain) {
				t.Errorf("error %v", err)
			}
			r.book.lost, r.book.fault = false, nil
			r.add(2)
			r.close()
			chains := r.book.chains()
			if len(chains) != 2 {
				t.Fatalf("%d chains", len(chains))
			}
			contains(t, r.book.at(chains[1], 1).Detail, fmt.Sprintf(`"uncertain":[{"chain":"%s","seq":4,"upto":5}]`, chains[0]))
			contains(t, r.said.String(), "goes on in a new chain")
			want(t, r.verify())
			if stored { // what was stored after all is recorded, and can't be taken away any more
				r.book.remove(chains[0], 5, 5)
				want(t, r.verify(), "cut off 5")
			}
		})
	}
}

// A database that comes and goes: each uncertain start is noted, none is lost, none repeated.
func TestUncertainStarts(t *testing.T) {
	r := newRig(t)
	r.add(1)
	n := 0
	r.book.fault = func(list []StoredEntry) error {
		if n++; n%2 == 0 {
			r.book.rows = append(r.book.rows, list...) // it was stored, and nobody heard of it
		}
		return fmt.Errorf("%w: cut", ErrUncertain)
	}
	for i := range maxUncertain + 10 {
		if err := r.log.Append(t.Context(), someEntry(i)); !errors.Is(err, ErrUncertain) {
			t.Fatal(err)
		}
	}
	r.book.fault = nil
	r.add(1)
	last := r.book.rows[len(r.book.rows)-1].Chain
	d := r.book.at(last, 1).Detail
	if strings.Count(d, "upto") != maxUncertain || len(d) > maxDetail {
		t.Errorf("%d of the uncertain tails in %d bytes", strings.Count(d, "upto"), len(d))
	}
	want(t, r.verify())
	if left, _ := filepath.Glob(filepath.Join(r.dir, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The store can't be read, so that no new chain can start: entries fail, later ones don't.
func TestNoNewChainWithoutTheOthersHeads(t *testing.T) {
	r := newRig(t)
	r.book.lost = true
	_ = r.log.Append(t.Context(), someEntry(1))
	r.book.lost, r.book.dead = false, errDisk
	if err := r.log.Append(t.Context(), someEntry(1)); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
	if err := r.log.Close(t.Context()); err != nil { // there is no chain to end
		t.Error(err)
	}
	r.book.dead = nil
	want(t, r.verify())
}

// Rows that are stored while their head can't be written count as not logged,
// and the chain goes on behind them.
func TestHeadsThatCannotBeWritten(t *testing.T) {
	r := newRig(t)
	r.add(1)
	r.log.chain.file.file.Close() //nolint:errcheck // on purpose
	if err := r.log.Append(t.Context(), someEntry(2)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := r.log.Close(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if len(r.book.rows) != 4 {
		t.Errorf("%d rows", len(r.book.rows))
	}
	want(t, r.verify())
}

func TestWaitersWhoLeave(t *testing.T) {
	r := newRig(t)
	r.book.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() { errs <- r.log.Append(ctx, someEntry(1)) }()
	time.Sleep(5 * time.Millisecond)
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := r.log.Append(ctx, someEntry(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that came too late: %v", err)
	}
	close(r.book.gate)
	r.add(1)
	r.close()
	want(t, r.verify())
}

// A full queue holds callers until their time is over.
func TestAFullQueue(t *testing.T) {
	r := newRig(t)
	r.book.gate = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var done sync.WaitGroup
	for i := range 3 * maxGroup {
		done.Go(func() {
			if err := r.log.Append(ctx, someEntry(i)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
	done.Wait()
	close(r.book.gate)
	r.close()
	want(t, r.verify())
}

func TestCloseDrains(t *testing.T) {
	r := newRig(t)
	var done sync.WaitGroup
	stored := make(chan int, 1000)
	for i := range 200 {
		done.Go(func() {
			if err := r.log.Append(t.Context(), someEntry(i)); err == nil {
				stored <- i
			} else if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
	r.close()
	done.Wait()
	close(stored)
	for i := range stored {
		if !slices.ContainsFunc(r.book.rows, func(e StoredEntry) bool { return e.RequestID == fmt.Sprint("r", i) }) {
			t.Errorf("entry %d is answered for and not stored", i)
		}
	}
	last := r.book.rows[len(r.book.rows)-1]
	if last.Kind != access.KindChainEnd {
		t.Errorf("the last is %+v", last)
	}
	want(t, r.verify())
}

func TestCloseGivesUpInTime(t *testing.T) {
	r := newRig(t)
	r.book.gate = make(chan struct{})
	errs := make(chan error, 1)
	go func() { errs <- r.log.Append(t.Context(), someEntry(1)) }()
	time.Sleep(5 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.log.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := <-errs; err == nil {
		t.Error("an entry that was given up is answered for")
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		r := newRig(t)
		r.add(2)
		r.close()
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before })
}

// Entries of many goroutines with a store that fails in every way: whatever is
// answered for is stored once, and the log verifies.
func TestAppendUnderFaults(t *testing.T) {
	r := newRig(t)
	n := 0
	r.book.fault = func(list []StoredEntry) error {
		switch n++; n % 5 {
		case 1:
			return errDisk
		case 2:
			return fmt.Errorf("%w: cut", ErrUncertain)
		case 3:
			r.book.rows = append(r.book.rows, slices.Clone(list)...)
			return fmt.Errorf("%w: cut late", ErrUncertain)
		}
		return nil
	}
	var done sync.WaitGroup
	var mu sync.Mutex
	answered := map[string]bool{}
	for g := range 16 {
		done.Go(func() {
			for i := range 50 {
				e := someEntry(g*1000 + i)
				if r.log.Append(t.Context(), e) == nil {
					mu.Lock()
					answered[e.RequestID] = true
					mu.Unlock()
				}
			}
		})
	}
	done.Wait()
	r.book.fault = nil
	r.close()
	count := map[string]int{}
	for _, e := range r.book.rows {
		count[e.RequestID]++
	}
	for id := range answered {
		if count[id] != 1 {
			t.Errorf("%s is stored %d times", id, count[id])
		}
	}
	if len(answered) == 0 {
		t.Error("nothing came through")
	}
	want(t, r.verify())
}
