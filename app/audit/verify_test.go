package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthportal/app/access"
)

func TestAnUntouchedLogIsClean(t *testing.T) {
	r := newRig(t)
	r.add(30)
	want(t, r.verify()) // while it is open
	r.close()
	r.reopen()
	r.add(3)
	r.close()
	rep := r.verify()
	want(t, rep)
	if rep.Rows != 2+30+2+3 || rep.Chains != 2 || rep.Heads != 2 || rep.ChainsWithoutHead != 0 {
		t.Errorf("%+v", rep)
	}
	if rep = r.verify(t.TempDir()); rep.ChainsWithoutHead != 2 || rep.Heads != 0 || rep.Total != 0 {
		t.Errorf("without heads: %+v", rep)
	}
	if rep, err := Verify(t.Context(), VerifyConfig{Reader: &book{}, Keys: testKeys()}); err != nil || rep.Total+int(rep.Rows) != 0 {
		t.Errorf("an empty log: %+v, %v", rep, err)
	}
}

// Every way to change a log of 26 rows: the start, 25 entries and, where it is
// closed, the end (27).
func TestTampering(t *testing.T) {
	forged := func(c string, seq int64) StoredEntry {
		return StoredEntry{Entry: someEntry(99), Chain: c, Seq: seq, MACKey: "chain1", Hash: bytes.Repeat([]byte{9}, HashSize)}
	}
	swap := func(b *book, c string, x, y int64) {
		p, q := b.at(c, x), b.at(c, y)
		p.Seq, q.Seq = y, x
	}
	tests := map[string]struct {
		tamper func(b *book, c string)
		want   []string
	}{
		"content":                     {func(b *book, c string) { b.at(c, 10).UserID = 8 }, []string{"edited 10"}},
		"content of the first":        {func(b *book, c string) { b.at(c, 1).Detail = "{}" }, []string{"edited 1"}},
		"content of the last":         {func(b *book, c string) { b.at(c, 26).Outcome = Denied }, []string{"edited 26"}},
		"time by a microsecond":       {func(b *book, c string) { b.at(c, 10).At = b.at(c, 10).At.Add(1000) }, []string{"edited 10"}},
		"text moved between fields":   {func(b *book, c string) { e := b.at(c, 10); e.Roles, e.SessionID = e.Roles+e.SessionID, "" }, []string{"edited 10"}},
		"hash":                        {func(b *book, c string) { b.at(c, 10).Hash = bytes.Repeat([]byte{9}, HashSize) }, []string{"edited 10"}},
		"hash of the last":            {func(b *book, c string) { b.at(c, 26).Hash = bytes.Repeat([]byte{9}, HashSize) }, []string{"edited 26"}},
		"key's id":                    {func(b *book, c string) { b.at(c, 10).MACKey = "chain0" }, []string{"edited 10"}},
		"content and hash":            {func(b *book, c string) { e := b.at(c, 10); e.UserID, e.Hash = 8, bytes.Repeat([]byte{9}, HashSize) }, []string{"edited 10", "unproven 11"}},
		"two far apart":               {func(b *book, c string) { b.at(c, 10).UserID, b.at(c, 20).UserID = 8, 8 }, []string{"edited 10", "edited 20"}},
		"two neighbours":              {func(b *book, c string) { b.at(c, 10).UserID, b.at(c, 11).UserID = 8, 8 }, []string{"edited 10", "unproven 11"}},
		"one deleted":                 {func(b *book, c string) { b.remove(c, 10, 10) }, []string{"deleted 10"}},
		"range deleted":               {func(b *book, c string) { b.remove(c, 5, 20) }, []string{"deleted 5-20"}},
		"first deleted":               {func(b *book, c string) { b.remove(c, 1, 1) }, []string{"deleted 1"}},
		"last but one deleted":        {func(b *book, c string) { b.remove(c, 25, 25) }, []string{"deleted 25"}},
		"two places deleted":          {func(b *book, c string) { b.remove(c, 10, 10); b.remove(c, 12, 13) }, []string{"deleted 10", "deleted 12-13", "unproven 11"}},
		"last cut off":                {func(b *book, c string) { b.remove(c, 26, 26) }, []string{"cut off 26"}},
		"many cut off":                {func(b *book, c string) { b.remove(c, 12, 26) }, []string{"cut off 12-26"}},
		"neighbours swapped":          {func(b *book, c string) { swap(b, c, 10, 11) }, []string{"moved 10", "moved 11"}},
		"far ones swapped":            {func(b *book, c string) { swap(b, c, 10, 20) }, []string{"moved 10", "moved 20"}},
		"last two swapped":            {func(b *book, c string) { swap(b, c, 25, 26) }, []string{"moved 25", "moved 26"}},
		"three in a ring":             {func(b *book, c string) { swap(b, c, 10, 15); swap(b, c, 15, 20) }, []string{"moved 10", "moved 15", "moved 20"}},
		"contents swapped":            {func(b *book, c string) { p, q := b.at(c, 10), b.at(c, 20); p.Entry, q.Entry = q.Entry, p.Entry }, []string{"moved 10", "moved 20"}},
		"moved to the end":            {func(b *book, c string) { b.at(c, 10).Seq = 27 }, []string{"moved 27"}},
		"moved far behind the end":    {func(b *book, c string) { b.at(c, 10).Seq = 1 << 62 }, []string{"moved 4611686018427387904"}},
		"deleted and closed up":       {func(b *book, c string) { b.remove(c, 10, 10); b.shift(c, 11, -1) }, []string{"deleted 10"}},
		"three deleted and closed up": {func(b *book, c string) { b.remove(c, 10, 12); b.shift(c, 13, -3) }, []string{"deleted 10"}},
		"room made":                   {func(b *book, c string) { b.shift(c, 10, 5) }, []string{"moved 15"}},
		"room made before the last":   {func(b *book, c string) { b.shift(c, 26, 5) }, []string{"moved 31"}},
		"inserted at the end":         {func(b *book, c string) { b.rows = append(b.rows, forged(c, 27)) }, []string{"inserted 27"}},
		"inserted behind a gap":       {func(b *book, c string) { b.rows = append(b.rows, forged(c, 1<<63-1)) }, []string{"inserted 9223372036854775807"}},
		"inserted between":            {func(b *book, c string) { b.shift(c, 10, 1); b.rows = append(b.rows, forged(c, 10)) }, []string{"inserted 10"}},
		"two inserted between": {func(b *book, c string) {
			b.shift(c, 10, 2)
			b.rows = append(b.rows, forged(c, 10), forged(c, 11))
		}, []string{"inserted 10", "inserted 11"}},
		"a whole forged chain": {func(b *book, _ string) { b.rows = append(b.rows, forged("f0", 1)) }, []string{"edited 1"}},
		"edited and cut off":   {func(b *book, c string) { b.at(c, 3).UserID = 8; b.remove(c, 26, 26) }, []string{"edited 3", "cut off 26"}},
		"all rows gone":        {func(b *book, c string) { b.remove(c, 1, 26) }, []string{"chain missing 1-26"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.add(25)
			c.tamper(r.book, r.book.chains()[0])
			want(t, r.verify(), c.want...)
		})
	}
}

func TestFindingsSayWhatHappened(t *testing.T) {
	r := newRig(t)
	r.add(25)
	c := r.book.chains()[0]
	p, q := r.book.at(c, 10), r.book.at(c, 20)
	p.Seq, q.Seq = 20, 10
	rep := r.verify()
	contains(t, rep.Findings[0].Text, "written as row 20")
	contains(t, rep.Findings[1].Text, "written as row 10")
	r.book.remove(c, 24, 26)
	rep = r.verify()
	contains(t, rep.Findings[2].Text, "3 rows are missing at the end", "signed head of 2026-04-01T12:00:00Z")
	if rep.Findings[2].Chain != c {
		t.Errorf("%+v", rep.Findings[2])
	}
}

// A chain's later ones bear witness to it: that it was there, and how long it was.
func TestChainsRecordOneAnother(t *testing.T) {
	tests := map[string]struct {
		tamper func(b *book, c []string)
		want   []string
	}{
		"nothing":        {func(*book, []string) {}, nil},
		"first gone":     {func(b *book, c []string) { b.remove(c[0], 1, 99) }, []string{"chain missing 1-7"}},
		"two gone":       {func(b *book, c []string) { b.remove(c[0], 1, 99); b.remove(c[1], 1, 99) }, []string{"chain missing 1-7"}},
		"first cut":      {func(b *book, c []string) { b.remove(c[0], 6, 99) }, []string{"cut off 6-7"}},
		"start edited":   {func(b *book, c []string) { b.at(c[1], 1).Detail = `{"heads":[]}` }, []string{"edited 1"}},
		"start rubbish":  {func(b *book, c []string) { b.at(c[1], 1).Detail = "rubbish" }, []string{"edited 1"}},
		"false witness":  {func(b *book, c []string) { b.at(c[1], 1).Detail = `{"heads":[{"chain":"zz","seq":1,"hash":"00"}]}` }, []string{"edited 1"}},
		"latest is gone": {func(b *book, c []string) { b.remove(c[2], 1, 99) }, nil}, // only a head file could tell
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for range 3 {
				r.add(5)
				r.close()
				r.reopen()
			}
			r.close()
			r.book.remove(r.book.chains()[3], 1, 99) // reopen's last
			if chains := r.book.chains(); len(chains) != 3 {
				t.Fatal(chains)
			}
			c.tamper(r.book, r.book.chains())
			got := r.verify(t.TempDir())
			if name == "two gone" {
				// The third records the second alone, which recorded the first.
				want(t, got, "chain missing 1-7")
				return
			}
			want(t, got, c.want...)
		})
	}
}

// A start records only what no other start has recorded, so that it stays small.
func TestStartsStaySmall(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.close()
		r.reopen()
	}
	for i, c := range r.book.chains()[1:] {
		d := r.book.at(c, 1).Detail
		if strings.Count(d, `"seq"`) != 1 || !strings.Contains(d, r.book.chains()[i]) {
			t.Errorf("start %d: %s", i+1, d)
		}
	}
}

func TestManyHeadsTakeSeveralEntries(t *testing.T) {
	r := &rig{t: t, book: &book{}, dir: filepath.Join(t.TempDir(), "heads")}
	var logs []*Log
	for range 3 * headsPerPart {
		r.reopen()
		logs = append(logs, r.log)
	}
	for _, l := range logs {
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.reopen()
	chains := r.book.chains()
	last := chains[len(chains)-1]
	if e := r.book.at(last, 3); e.Kind != access.KindChainStart || !strings.Contains(e.Detail, `"part":3`) || len(e.Detail) > maxDetail {
		t.Errorf("%+v", e)
	}
	want(t, r.verify())
}

func TestRewrittenWithTheKey(t *testing.T) {
	r := newRig(t)
	r.add(10)
	c := r.book.chains()[0]
	mac, previous := newHasher(testKeys().Chain.Secret), chainOrigin(c)
	r.book.at(c, 5).UserID = 8
	for seq := int64(1); seq <= 11; seq++ {
		e := r.book.at(c, seq)
		e.Hash = slices.Clone(mac.hash(previous, e, seq))
		previous = e.Hash
	}
	rep := r.verify()
	want(t, rep, "rewritten 11")
	contains(t, rep.Findings[0].Text, "chain's key")
	want(t, r.verify(t.TempDir()))
}

func TestUnknownKeysAreNoTampering(t *testing.T) {
	r := newRig(t)
	r.add(5)
	other := testKeys()
	other.Chain.ID, other.Head.ID = "chain2", "head2"
	verify := func(k Keys) Report {
		rep, err := Verify(t.Context(), VerifyConfig{Reader: r.book, Keys: k, HeadsDirs: []string{r.dir}})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	rep := verify(other)
	want(t, rep, "key unknown 1-6", "key unknown 0")
	for _, f := range rep.Findings {
		if f.Kind != KeyUnknown {
			t.Errorf("%+v", f)
		}
	}
	contains(t, rep.Findings[1].Text, `"chain1"`, "6 rows")
	other.OldChain = func(id string) ([]byte, bool) { return testKeys().Chain.Secret, id == "chain1" }
	other.OldHead = func(id string) ([]byte, bool) { return testKeys().Head.Secret, id == "head1" }
	want(t, verify(other))
	// Gaps and ends are seen without the key as well.
	other.OldChain = nil
	r.book.remove(r.book.chains()[0], 3, 3)
	r.book.remove(r.book.chains()[0], 6, 6)
	want(t, verify(other), "key unknown 1-5", "deleted 3", "cut off 6")
}

func TestHeadFiles(t *testing.T) {
	r := newRig(t)
	r.add(5)
	r.close()
	c := r.book.chains()[0]
	name := filepath.Join(r.dir, c+headEnding)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if dir, err := os.Stat(r.dir); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder %v, %v", dir.Mode(), err)
	}
	change := func(fn func(b []byte) []byte) func() {
		return func() {
			if err := os.WriteFile(name, fn(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		spoil func()
		want  []string
	}{
		"first slot torn":   {change(func(b []byte) []byte { copy(b[100:], make([]byte, 50)); return b }), nil},
		"second slot torn":  {change(func(b []byte) []byte { copy(b[slotApart+100:], make([]byte, 50)); return b }), nil},
		"cut short":         {change(func(b []byte) []byte { return b[:slotApart+100] }), nil},
		"first slot only":   {change(func(b []byte) []byte { return b[:slotSize] }), nil},
		"both torn":         {change(func(b []byte) []byte { b[10]++; b[slotApart+10]++; return b }), []string{"head unreadable 0"}},
		"empty":             {change(func([]byte) []byte { return nil }), []string{"head unreadable 0"}},
		"rubbish":           {change(func([]byte) []byte { return bytes.Repeat([]byte("x y "), 5000) }), []string{"head unreadable 0"}},
		"number raised":     {change(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(c+" "), []byte(c+" 1")) }), []string{"head unreadable 0"}},
		"of another chain":  {func() { _ = os.Rename(name, filepath.Join(r.dir, "f0"+headEnding)) }, []string{"head unreadable 0"}},
		"folder in between": {func() { _ = os.Mkdir(filepath.Join(r.dir, "x"+headEnding), 0o700) }, nil},
	}
	for what, c := range tests {
		t.Run(what, func(t *testing.T) {
			change(func(b []byte) []byte { return b })()
			c.spoil()
			want(t, r.verify(), c.want...)
			_ = os.Remove(filepath.Join(r.dir, "f0"+headEnding))
		})
	}
	if _, err := Verify(t.Context(), VerifyConfig{Reader: r.book, Keys: testKeys(), HeadsDirs: []string{filepath.Join(r.dir, "none")}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

// Heads of several hosts, among them an older copy of the same ones.
func TestHeadsOfSeveralHosts(t *testing.T) {
	r := newRig(t)
	r.add(5)
	old := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(old, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	r.add(5)
	first := r.dir
	r.dir = filepath.Join(t.TempDir(), "second")
	r.reopen()
	r.add(2)
	rep := r.verify(first, r.dir, old)
	want(t, rep)
	if rep.Heads != 3 || rep.ChainsWithoutHead != 0 {
		t.Errorf("%+v", rep)
	}
	// The older copy alone still tells a part.
	r.book.remove(r.book.chains()[0], 4, 99)
	want(t, r.verify(old, r.dir), "cut off 4-11")
}

func TestFindingsAreBounded(t *testing.T) {
	r := newRig(t)
	entries := make([]Entry, 3000)
	for i := range entries {
		entries[i], _ = storable(someEntry(i), testNow())
	}
	if err := r.log.write(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	c := r.book.chains()[0]
	for seq := int64(2); seq <= 3001; seq += 2 {
		r.book.at(c, seq).UserID = 8
	}
	rep := r.verify()
	if len(rep.Findings) != 100 || rep.Total != 1500 || rep.Findings[99].Seq != 200 {
		t.Errorf("%d findings of %d; the last %+v", len(rep.Findings), rep.Total, rep.Findings[len(rep.Findings)-1])
	}
	for i := range r.book.rows {
		r.book.rows[i].Hash = bytes.Repeat([]byte{byte(i)}, HashSize)
	}
	if rep = r.verify(); rep.Total < 3000 {
		t.Errorf("every hash lost: %d findings", rep.Total)
	}
}

func TestVerifyFails(t *testing.T) {
	r := newRig(t)
	r.book.dead = errDisk
	if _, err := Verify(t.Context(), VerifyConfig{Reader: r.book, Keys: testKeys()}); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
}

// Whatever rows and heads say, verifying ends without a panic.
func FuzzVerify(f *testing.F) {
	f.Add([]byte{1, 2, 3}, int64(1), "kind", []byte("x"))
	f.Add([]byte{0xff, 0, 7, 7}, int64(-5), "chain.start", []byte(`{"heads":[{"chain":"x","seq":-1,"hash":"zz"}]}`))
	f.Fuzz(func(t *testing.T, moves []byte, by int64, kind string, detail []byte) {
		b := &book{}
		mac, previous := newHasher(testKeys().Chain.Secret), chainOrigin("c")
		for i := range 20 {
			e := StoredEntry{Entry: someEntry(i), Chain: "c", Seq: int64(i + 1), MACKey: "chain1"}
			e.Hash = slices.Clone(mac.hash(previous, &e, e.Seq))
			previous = e.Hash
			b.rows = append(b.rows, e)
		}
		for i, m := range moves[:min(len(moves), 12)] {
			e := &b.rows[int(m)%20]
			switch (int(m)/20 + i) % 6 {
			case 0:
				e.Seq += by
			case 1:
				e.Kind, e.Detail = access.Kind(kind), string(detail)
			case 2:
				e.Hash = detail
			case 3:
				e.MACKey = kind
			case 4:
				e.Chain = kind
			case 5:
				e.UserID = by
			}
		}
		if _, err := Verify(context.Background(), VerifyConfig{Reader: b, Keys: testKeys()}); err != nil && !strings.Contains(err.Error(), "detail of the start") {
			t.Error(err)
		}
	})
}

func FuzzParseSlot(f *testing.F) {
	h := Head{Chain: "c1", Seq: 5, Hash: strings.Repeat("ab", HashSize), At: testNow()}
	good := slot(h, testKeys().Head)
	f.Add(good, 0, byte(0))
	f.Add(good[:100], 3, byte(1))
	f.Add([]byte(strings.Repeat(" ", slotSize)), 3, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, at int, with byte) {
		if _, err := parseSlot(b, testKeys()); err == nil && !bytes.Equal(bytes.TrimRight(b[:slotSize], " \n"), bytes.TrimRight(good, " \n")) {
			t.Errorf("took %q for a head", b)
		}
		spoilt := bytes.Clone(good)
		spoilt[uint(at)%uint(len(bytes.TrimRight(good, " \n")))] ^= with
		if got, err := parseSlot(spoilt, testKeys()); err == nil && with != 0 {
			t.Errorf("took a spoilt slot for %+v", got)
		}
	})
}

func ExampleFinding() {
	f := Finding{Kind: Deleted, Chain: "c1", Seq: 10, Through: 12, Text: "3 rows are missing here"}
	fmt.Printf("%s: chain %s, rows %d to %d: %s\n", f.Kind, f.Chain, f.Seq, f.Through, f.Text)
	// Output: deleted: chain c1, rows 10 to 12: 3 rows are missing here
}
