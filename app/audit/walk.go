package audit

import (
	"bytes"
	"fmt"
	"slices"
)

// walk goes through the rows of one chain. "Written" numbers are those under
// which the log wrote a row; they differ from the numbers under which rows
// stand where somebody renumbered them.
type walk struct {
	v      *verifier
	chain  string
	claims []claim // by number; done counts those that lie behind
	done   int

	next   int64  // the written number that comes next
	shift  int64  // written number less standing number
	prev   []byte // hash of the row before, as stored
	alts   [][]byte
	last   int64 // the last row's written number
	proven int64 // the last number that a row or head proved to have been written

	suspects []suspect
	gaps     []gap
	fresh    bool // the row before is the last suspect

	unknown struct {
		key         string
		first, last int64
		n           int64
	}
	known bool // a row with a known key was proved
}

// suspect is a row that its hash doesn't prove.
type suspect struct {
	row   StoredEntry
	seq   int64    // the written number, as far as its neighbours show
	prevs [][]byte // possible hashes of the row before
	// behindGap says that the row before is missing.
	behindGap bool
	// hashStands says that the next row, or a head, proved the stored hash.
	hashStands bool
	fate       fate
	// renumbered is by how much this row's number seems to be off; the next row
	// confirms it or not. behind says that the row before is a suspect as well.
	renumbered int64
	behind     bool
	was        int64 // the number it was written as, or for removed how many are gone
}

// fate is what became of a suspect.
type fate int

const (
	fateOpen     fate = iota
	fateClean         // as written
	fateMoved         // written as another row
	fateSwapped       // holds the content of another row
	fateInserted      // not written by the log
	fateRehashed      // only its hash was changed
	fateRemoved       // rows before it were taken out and the later ones renumbered
)

// gap is a range of written numbers without rows.
type gap struct {
	from, to int64
	prevs    [][]byte
}

// Bounds of what a walk keeps and tries.
const (
	maxSuspects = 32
	maxShift    = 16
)

func newWalk(v *verifier, chain string, claims []claim) *walk {
	return &walk{v: v, chain: chain, claims: claims, next: 1, prev: chainOrigin(chain)}
}

// row takes the next row of the chain.
func (w *walk) row(e *StoredEntry) {
	h, written := w.v.hasher(e.MACKey), e.Seq+w.shift
	switch {
	case h == nil:
		w.unprovable(e, written)
	case written == w.next && bytes.Equal(h.hash(w.prev, e, written), e.Hash):
		w.prove(e, written)
		if w.fresh {
			w.suspects[len(w.suspects)-1].hashStands = true
			w.fresh = false
		}
	default:
		w.doubt(h, e, written)
	}
	if n := len(w.suspects) + len(w.gaps); n >= 2*maxSuspects || n >= maxSuspects && !w.fresh {
		w.resolve()
	}
}

// prove goes past a row that is as written under its number.
func (w *walk) prove(e *StoredEntry, written int64) {
	w.known = true
	w.step(e, written)
	w.proven = written
	for ; w.done < len(w.claims) && w.claims[w.done].seq <= written; w.done++ {
		if c := w.claims[w.done]; c.seq == written && !bytes.Equal(c.hash, e.Hash) {
			w.find(Rewritten, e.Seq, e.Seq, "it fits its chain but not "+c.by+": somebody with the chain's key wrote the log anew")
		}
	}
}

func (w *walk) step(e *StoredEntry, written int64) {
	// Hash is the row's own memory: it may be kept.
	w.prev, w.alts, w.next, w.last = e.Hash, nil, written+1, written
}

// unprovable goes past a row whose key is not known.
func (w *walk) unprovable(e *StoredEntry, written int64) {
	w.skip(written)
	if w.unknown.n == 0 {
		w.unknown.key, w.unknown.first = e.MACKey, e.Seq
	}
	w.unknown.last = e.Seq
	w.unknown.n++
	w.step(e, written)
	w.fresh = false
}

// skip notes the gap before a row.
func (w *walk) skip(written int64) bool {
	if written <= w.next {
		return false
	}
	w.gaps = append(w.gaps, gap{from: w.next, to: written - 1, prevs: w.possible()})
	return true
}

// possible are the hashes that the row before may truly have had.
func (w *walk) possible() [][]byte { return append([][]byte{w.prev}, w.alts...) }

// doubt looks into a row that does not follow from the one before.
func (w *walk) doubt(h *hasher, e *StoredEntry, written int64) {
	shift, ok := w.match(h, e, written)
	switch confirmed := w.fresh && w.suspects[len(w.suspects)-1].renumbered == shift; {
	case ok && shift == 0:
		w.suspects[len(w.suspects)-1].fate = fateRehashed
		w.fresh = false
		w.prove(e, written)
		return
	case ok && confirmed:
		w.rejoin(e, written, shift)
		return
	}
	s := suspect{row: *e, seq: written, behindGap: w.skip(written), prevs: w.possible(), renumbered: shift, behind: w.fresh}
	computed := slices.Clone(h.hash(w.prev, e, written))
	anchor := w.prev
	if w.fresh && len(w.alts) > 0 {
		anchor = w.alts[len(w.alts)-1] // the last row that was proved
	}
	for _, c := range w.claims[w.done:] {
		if c.seq > written {
			break
		}
		s.hashStands = s.hashStands || c.seq == written && bytes.Equal(c.hash, e.Hash)
	}
	w.suspects = append(w.suspects, s)
	w.step(e, written)
	w.alts = [][]byte{computed, anchor}
	w.fresh = true
}

// match tries whether the row was written behind another row or under another
// number than those that stand before it.
func (w *walk) match(h *hasher, e *StoredEntry, written int64) (shift int64, ok bool) {
	shifts := []int64{w.next - written}
	if w.v.tries < maxTries {
		for d := int64(1); d <= maxShift; d++ {
			shifts = append(shifts, d, -d)
		}
	}
	for _, shift := range shifts {
		for _, prev := range w.possible() {
			w.v.tries++
			if seq := written + shift; seq > 0 && bytes.Equal(h.hash(prev, e, seq), e.Hash) {
				return shift, true
			}
		}
	}
	return 0, false
}

// rejoin goes on from a row that proved, as the one before it, to be written
// under another number, and knows by that what became of the rows before.
func (w *walk) rejoin(e *StoredEntry, written, shift int64) {
	n := len(w.suspects) - 1
	first := w.suspects[n] // the first renumbered row, which is genuine
	w.suspects = w.suspects[:n]
	if first.behindGap {
		w.gaps = w.gaps[:len(w.gaps)-1]
	}
	switch {
	case !first.behind || n == 0:
		w.find(Moved, first.row.Seq, first.row.Seq, fmt.Sprintf("this and the later rows were renumbered: it was written as row %d", first.seq+shift))
	case shift > 0:
		w.suspects[n-1].fate, w.suspects[n-1].was = fateRemoved, shift
	default:
		for i := n - 1; i >= max(0, n+int(shift)); i-- {
			w.suspects[i].fate = fateInserted
		}
	}
	w.fresh = false
	w.shift += shift
	w.prove(e, written+shift)
}

// end closes the chain.
func (w *walk) end() {
	most := claim{}
	for _, c := range w.claims[w.done:] {
		if c.seq >= most.seq {
			most = c
		}
	}
	w.resolve()
	if most.seq > w.last {
		w.find(CutOff, w.last+1, most.seq, fmt.Sprintf("%s missing at the end: %s says that the chain had %d", are(most.seq-w.last), most.by, most.seq))
	}
	u := w.unknown
	switch {
	case u.n == 0:
	case w.known:
		w.find(Edited, u.first, u.last, fmt.Sprintf("%s name the key %q, which is not known, and the rest of the chain another", count(u.n), u.key))
	default:
		w.find(KeyUnknown, u.first, u.last, fmt.Sprintf("%s are hashed with the key %q, which is not in the key folder: nothing can be said about them", count(u.n), u.key))
	}
}

// limit is the highest number of the chain that a head claims; 0 for none.
func (w *walk) limit() int64 {
	if len(w.claims) == 0 {
		return 0
	}
	return w.claims[len(w.claims)-1].seq
}

func (w *walk) find(kind FindingKind, seq, through int64, text string) {
	w.v.find(Finding{Kind: kind, Chain: w.chain, Seq: seq, Through: through, Text: text})
}

func count(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

func are(n int64) string {
	if n == 1 {
		return "1 row is"
	}
	return count(n) + " are"
}
