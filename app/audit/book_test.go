package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
)

// book is a store in memory, with faults that tests choose.
type book struct {
	mu   sync.Mutex
	rows []StoredEntry
	// commits counts the groups.
	commits int
	// fault is asked before each commit; after a nil answer the group is stored.
	fault func(list []StoredEntry) error
	// lost makes commits succeed and their answer get lost.
	lost bool
	// gate, where set, is received from before each commit.
	gate chan struct{}
	// dead makes reading fail.
	dead error
}

// InsertEntries stores a group as a database would: all or nothing, numbers once.
func (b *book) InsertEntries(ctx context.Context, list []StoredEntry) error {
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		if err := b.fault(list); err != nil {
			return err
		}
	}
	for _, e := range list {
		if slices.ContainsFunc(b.rows, func(o StoredEntry) bool { return o.Chain == e.Chain && o.Seq == e.Seq }) {
			return fmt.Errorf("%w: %s %d is taken", ErrUncertain, e.Chain, e.Seq)
		}
	}
	b.rows = append(b.rows, list...)
	b.commits++
	if b.lost {
		return fmt.Errorf("%w: the connection is gone", ErrUncertain)
	}
	return nil
}

func (b *book) sorted() []StoredEntry {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := slices.Clone(b.rows)
	slices.SortFunc(rows, func(x, y StoredEntry) int { return cmp.Or(cmp.Compare(x.Chain, y.Chain), cmp.Compare(x.Seq, y.Seq)) })
	return rows
}

// ChainHeads returns each chain's last row.
func (b *book) ChainHeads(context.Context) ([]Head, error) {
	if b.dead != nil {
		return nil, b.dead
	}
	last := map[string]Head{}
	for _, e := range b.sorted() {
		last[e.Chain] = Head{Chain: e.Chain, Seq: e.Seq, Hash: hex.EncodeToString(e.Hash)}
	}
	var list []Head
	for _, h := range last {
		list = append(list, h)
	}
	return list, nil
}

// ChainStarts reads the starts of chains.
func (b *book) ChainStarts(_ context.Context, fn func(*StoredEntry) error) error {
	return b.each(func(e *StoredEntry) error {
		if e.Kind != access.KindChainStart {
			return nil
		}
		return fn(e)
	})
}

// EachEntry reads all rows.
func (b *book) EachEntry(_ context.Context, fn func(*StoredEntry) error) error { return b.each(fn) }

func (b *book) each(fn func(*StoredEntry) error) error {
	if b.dead != nil {
		return b.dead
	}
	for _, e := range b.sorted() {
		if err := fn(&e); err != nil {
			return err
		}
	}
	return nil
}

func testKeys() Keys {
	return Keys{
		Chain: Key{ID: "chain1", Secret: bytes.Repeat([]byte{1}, 32)}, Head: Key{ID: "head1", Secret: bytes.Repeat([]byte{2}, 32)},
	}
}

func testNow() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 123456789, time.UTC) }

// rig is a log on a book, with its folder of heads.
type rig struct {
	t    *testing.T
	book *book
	dir  string
	log  *Log
	said *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, book: &book{}, dir: filepath.Join(t.TempDir(), "heads")}
	r.reopen()
	return r
}

// reopen starts a further log on the same book.
func (r *rig) reopen() {
	r.t.Helper()
	r.said = &bytes.Buffer{}
	l, err := Open(r.t.Context(), Config{Store: r.book, Keys: testKeys(), HeadsDir: r.dir, Host: "test", Now: testNow, Logger: slog.New(slog.NewTextHandler(r.said, nil))})
	if err != nil {
		r.t.Fatal(err)
	}
	r.log = l
	r.t.Cleanup(func() { _ = l.Close(context.Background()) })
}

// add appends n entries, one after the other.
func (r *rig) add(n int) {
	r.t.Helper()
	for i := range n {
		if err := r.log.Append(r.t.Context(), someEntry(i)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func someEntry(i int) Entry {
	return Entry{Kind: access.KindPatient, Outcome: Done, UserID: 7, Roles: "clinician", SessionID: "s1", PersonID: int64(i + 1),
		Subject: fmt.Sprint("p", i), Route: "GET /patients/:id", RequestID: fmt.Sprint("r", i), Address: "192.0.2.1", Detail: `{"n":1}`}
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.log.Close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// verify verifies the book; dirs defaults to the rig's own.
func (r *rig) verify(dirs ...string) Report {
	r.t.Helper()
	if dirs == nil {
		dirs = []string{r.dir}
	}
	rep, err := Verify(r.t.Context(), VerifyConfig{Reader: r.book, Keys: testKeys(), HeadsDirs: dirs})
	if err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// want compares the findings with "kind seq" or "kind seq-through", in any order.
func want(t *testing.T, rep Report, findings ...string) {
	t.Helper()
	var got []string
	for _, f := range rep.Findings {
		s := fmt.Sprintf("%s %d", f.Kind, f.Seq)
		if f.Through != f.Seq {
			s += fmt.Sprintf("-%d", f.Through)
		}
		got = append(got, s)
		if f.Text == "" {
			t.Errorf("%s says nothing", s)
		}
	}
	slices.Sort(got)
	slices.Sort(findings)
	if !slices.Equal(got, findings) || rep.Total != len(got) {
		t.Errorf("found %q (total %d), want %q; %+v", got, rep.Total, findings, rep.Findings)
	}
}

// chains lists the chains of the book in order of their first row.
func (b *book) chains() []string {
	var list []string
	for _, e := range b.rows {
		if !slices.Contains(list, e.Chain) {
			list = append(list, e.Chain)
		}
	}
	return list
}

// at is the row of a chain with a number; it panics where there is none.
func (b *book) at(chain string, seq int64) *StoredEntry {
	i := slices.IndexFunc(b.rows, func(e StoredEntry) bool { return e.Chain == chain && e.Seq == seq })
	return &b.rows[i]
}

func (b *book) remove(chain string, from, to int64) {
	b.rows = slices.DeleteFunc(b.rows, func(e StoredEntry) bool { return e.Chain == chain && e.Seq >= from && e.Seq <= to })
}

// shift renumbers the rows of a chain from a number on.
func (b *book) shift(chain string, from, by int64) {
	for i := range b.rows {
		if e := &b.rows[i]; e.Chain == chain && e.Seq >= from {
			e.Seq += by
		}
	}
}

var errDisk = errors.New("no space left")

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}
