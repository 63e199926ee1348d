package audit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// resolve says what became of the suspects and gaps so far, and forgets them.
func (w *walk) resolve() {
	if len(w.suspects)+len(w.gaps) == 0 {
		return
	}
	owned := w.rehome()
	w.conclude()
	for _, g := range w.gaps {
		w.gone(g, owned)
	}
	for i := range w.suspects {
		w.judge(i, owned)
	}
	w.suspects, w.gaps, w.alts, w.fresh = w.suspects[:0], w.gaps[:0], nil, false
}

// conclude takes a last row that seems renumbered for it: no row after it can
// say otherwise.
func (w *walk) conclude() {
	n := len(w.suspects) - 1
	if n < 0 || !w.fresh {
		return
	}
	switch s := &w.suspects[n]; {
	case s.renumbered == 0 || s.fate != fateOpen:
	case !s.behind:
		s.fate, s.was = fateMoved, s.seq+s.renumbered
		if s.behindGap {
			w.gaps = w.gaps[:len(w.gaps)-1]
		}
	case s.renumbered > 0 && n > 0:
		s.fate = fateClean
		w.suspects[n-1].fate, w.suspects[n-1].was = fateRemoved, s.renumbered
		w.last += s.renumbered
	}
}

// place is a written number whose row is in doubt or missing.
type place struct {
	seq   int64
	prevs [][]byte
	here  *suspect // who stands there; nil for gaps
}

// places are the numbers that rows may have been moved away from.
func (w *walk) places() []place {
	var list []place
	var hashes [][]byte // a moved row carries its true hash along
	for i := range w.suspects {
		hashes = append(hashes, w.suspects[i].row.Hash)
	}
	for i := range w.suspects {
		s := &w.suspects[i]
		list = append(list, place{s.seq, slices.Concat(s.prevs, hashes), s})
	}
	for _, g := range w.gaps {
		for seq := g.from; seq <= min(g.to, g.from+maxShift-1); seq++ {
			list = append(list, place{seq, slices.Concat(g.prevs, hashes), nil})
		}
	}
	return list
}

// rehome finds the places where suspects were written, their own included, and
// returns the numbers whose rows are found.
func (w *walk) rehome() map[int64]bool {
	owned := map[int64]bool{}
	for _, p := range w.places() {
		if w.v.tries >= maxTries {
			break
		}
		for i := range w.suspects {
			if w.suspects[i].settle(w.v, p) {
				owned[p.seq] = true
			}
		}
	}
	return owned
}

// settle reports whether the suspect was written at the place.
func (s *suspect) settle(v *verifier, p place) bool {
	h := v.hasher(s.row.MACKey)
	if s.fate == fateRehashed || s.fate == fateClean {
		return p.here == s
	}
	for _, prev := range p.prevs {
		v.tries++
		hash := h.hash(prev, &s.row, p.seq)
		switch {
		case bytes.Equal(hash, s.row.Hash) && p.here == s:
			s.fate = fateClean
		case bytes.Equal(hash, s.row.Hash):
			s.fate, s.was = fateMoved, p.seq
		case p.here != nil && p.here != s && bytes.Equal(hash, p.here.row.Hash):
			s.fate, s.was = fateSwapped, p.seq
		default:
			continue
		}
		return true
	}
	return false
}

// gone reports the rows of a gap that are nowhere else either.
func (w *walk) gone(g gap, owned map[int64]bool) {
	// Numbers behind the last that is proved were perhaps never given: then the row behind the gap is the finding.
	if limit := w.limit(); limit > 0 && g.from > w.proven {
		g.to = min(g.to, limit)
	}
	from := g.from
	for _, seq := range slices.Sorted(maps.Keys(owned)) {
		if seq < from || seq > g.to {
			continue
		}
		if seq > from {
			w.find(Deleted, from, seq-1, are(seq-from)+" missing here")
		}
		from = seq + 1
	}
	if from <= g.to {
		w.find(Deleted, from, g.to, are(g.to-from+1)+" missing here")
	}
}

// judge reports what a suspect's fate is.
func (w *walk) judge(i int, owned map[int64]bool) {
	s := &w.suspects[i]
	kind, text := Edited, "its content is not as written"
	switch s.fate {
	case fateClean:
		return
	case fateMoved:
		kind, text = Moved, fmt.Sprintf("this row was written as row %d", s.was)
		if !owned[s.seq] && s.seq <= max(w.proven, w.limit()) {
			w.find(Deleted, s.seq, s.seq, "the row that was written here is missing; another stands in its place")
		}
	case fateSwapped:
		kind, text = Moved, fmt.Sprintf("it holds what was written as row %d", s.was)
	case fateInserted:
		kind, text = Inserted, "the log never wrote this row; the later ones were renumbered to make room"
	case fateRehashed:
		text = "its hash is not as written, its content is"
	case fateRemoved:
		kind, text = Deleted, fmt.Sprintf("%s missing before this row, which was written as row %d; it and the later ones were renumbered", are(s.was), s.seq+s.was)
	case fateOpen:
		kind, text = w.open(i)
	}
	if kind != "" {
		w.find(kind, s.row.Seq, s.row.Seq, text)
	}
}

// open judges a suspect of which only its neighbours tell something.
func (w *walk) open(i int) (FindingKind, string) {
	s := &w.suspects[i]
	behindAnother := i > 0 && w.suspects[i-1].seq == s.seq-1 && w.suspects[i-1].fate != fateClean && !w.suspects[i-1].hashStands
	switch limit := w.limit(); {
	case limit > 0 && s.seq > max(limit, w.proven):
		return Inserted, "it stands behind the chain's last known row, and its hash is not the log's"
	case s.behindGap && s.hashStands:
		return "", "" // its hash is the log's; the gap is the finding
	case s.behindGap:
		return Unproven, "the row before is missing, so that this one can't be proved"
	case behindAnother:
		return Unproven, "it was changed as well, or can't be proved because the row before was"
	case s.hashStands:
		return Edited, "its content is not as written"
	default:
		return Edited, "its content or hash is not as written"
	}
}
