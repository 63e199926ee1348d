package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// FindingKind says what happened to a row, a chain or a head.
type FindingKind string

// The kinds of findings.
const (
	// Edited: the row's content or hash is not as written.
	Edited FindingKind = "edited"
	// Deleted: rows are missing within a chain.
	Deleted FindingKind = "deleted"
	// Moved: the row was written under another number.
	Moved FindingKind = "moved"
	// Inserted: the log never wrote this row.
	Inserted FindingKind = "inserted"
	// CutOff: rows are missing at the end of a chain.
	CutOff FindingKind = "cut off"
	// ChainMissing: a chain of which a head is known has no rows.
	ChainMissing FindingKind = "chain missing"
	// Rewritten: the row fits its chain and contradicts a recorded head.
	Rewritten FindingKind = "rewritten"
	// Unproven: nothing shows whether the row is as written, because of what happened before it.
	Unproven FindingKind = "unproven"
	// KeyUnknown: the key that could prove it is not there. That is no sign of tampering.
	KeyUnknown FindingKind = "key unknown"
	// HeadUnreadable: a head file holds no head with a valid signature.
	HeadUnreadable FindingKind = "head unreadable"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind FindingKind `json:"kind"`
	// Chain and Seq name the row as it stands, or as it was written where it is
	// missing; Seq is 0 where a head is meant.
	Chain string `json:"chain,omitempty"`
	Seq   int64  `json:"seq,omitempty"`
	// Through is the last row of a range, else Seq.
	Through int64 `json:"through,omitempty"`
	// Text says what happened, and by what it is known.
	Text string `json:"text"`
}

// Report is the result of verifying the log.
type Report struct {
	Rows   int64 `json:"rows"`
	Chains int64 `json:"chains"`
	// Heads counts the signed heads that were read; ChainsWithoutHead the
	// chains for which there was none, so that only other chains bear witness to their end.
	Heads             int   `json:"heads"`
	ChainsWithoutHead int64 `json:"chains_without_head"`
	// Findings are the first ones; Total counts all.
	Findings []Finding     `json:"findings"`
	Total    int           `json:"findings_total"`
	Elapsed  time.Duration `json:"-"`
}

// Reader reads the stored log.
type Reader interface {
	// ChainStarts calls fn with each access.KindChainStart entry, by chain and number.
	ChainStarts(ctx context.Context, fn func(*StoredEntry) error) error
	// EachEntry calls fn with each entry, by chain and number, of one instant.
	// The entry's hash may be kept after the call.
	EachEntry(ctx context.Context, fn func(*StoredEntry) error) error
}

// VerifyConfig is what verifying needs.
type VerifyConfig struct {
	Reader Reader
	Keys   Keys
	// HeadsDirs are the folders of head files, of this host and others.
	HeadsDirs []string
	// MaxFindings bounds Report.Findings; 0 means 100.
	MaxFindings int
}

// claim is what a head says of a row.
type claim struct {
	seq  int64
	hash []byte
	by   string // in words
}

// verifier is one verification under way.
type verifier struct {
	keys   Keys
	byKey  map[string]*hasher // nil for keys that are not known
	claims map[string][]claim
	headed map[string]bool
	limit  int
	tries  int // see maxTries
	report Report
	walk   *walk
}

// maxTries is how many hashes are spent on finding out how rows were moved
// about. Where so much was changed, an answer should come rather than a story.
const maxTries = 1_000_000

// Verify recomputes every hash of the log and compares it with the heads. It
// holds one row and what is known of each chain, however long the log. Findings
// are in the report; the error is for what kept it from verifying.
func Verify(ctx context.Context, cfg VerifyConfig) (Report, error) {
	began := time.Now()
	v := &verifier{keys: cfg.Keys, byKey: map[string]*hasher{}, claims: map[string][]claim{}, headed: map[string]bool{}, limit: cfg.MaxFindings}
	if v.limit <= 0 {
		v.limit = 100
	}
	// Heads first: entries that come in meanwhile are in the rows then, not the other way round.
	if err := v.claimFiles(cfg.HeadsDirs); err != nil {
		return Report{}, err
	}
	if err := v.claimStarts(ctx, cfg.Reader); err != nil {
		return Report{}, fmt.Errorf("verify the audit log: %w", err)
	}
	for _, list := range v.claims {
		slices.SortStableFunc(list, func(a, b claim) int { return int(min(1, max(-1, a.seq-b.seq))) })
	}
	err := cfg.Reader.EachEntry(ctx, func(e *StoredEntry) error {
		if v.walk == nil || v.walk.chain != e.Chain {
			v.endChain()
			v.beginChain(e.Chain)
		}
		v.report.Rows++
		v.walk.row(e)
		return nil
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify the audit log: %w", err)
	}
	v.endChain()
	v.missing()
	v.report.Elapsed = time.Since(began)
	return v.report, nil
}

func (v *verifier) beginChain(chain string) {
	v.report.Chains++
	if !v.headed[chain] {
		v.report.ChainsWithoutHead++
	}
	v.walk = newWalk(v, chain, v.claims[chain])
	delete(v.claims, chain)
}

func (v *verifier) endChain() {
	if v.walk != nil {
		v.walk.end()
	}
}

// missing reports the chains that are claimed and have no row.
func (v *verifier) missing() {
	for _, chain := range slices.Sorted(maps.Keys(v.claims)) {
		list := v.claims[chain]
		last := list[len(list)-1]
		v.find(Finding{Kind: ChainMissing, Chain: chain, Seq: 1, Through: last.seq,
			Text: fmt.Sprintf("the whole chain is gone: %s says that it had %d rows", last.by, last.seq)})
	}
}

func (v *verifier) find(f Finding) {
	v.report.Total++
	if f.Through == 0 {
		f.Through = f.Seq
	}
	if len(v.report.Findings) < v.limit {
		v.report.Findings = append(v.report.Findings, f)
	}
}

// hasher returns the hasher for the chain key with an id; nil where it is not known.
func (v *verifier) hasher(keyID string) *hasher {
	h, asked := v.byKey[keyID]
	if !asked {
		if secret, ok := v.keys.chain(keyID); ok {
			h = newHasher(secret)
		}
		v.byKey[keyID] = h
	}
	return h
}

// claimFiles takes over what the signed heads say.
func (v *verifier) claimFiles(dirs []string) error {
	sources, err := readHeads(dirs, v.keys)
	if err != nil {
		return err
	}
	for _, s := range sources {
		base := filepath.Base(s.file)
		switch {
		case errors.Is(s.err, errHeadKey):
			v.find(Finding{Kind: KeyUnknown, Text: fmt.Sprintf("the head file %s can't be checked: %v", base, s.err)})
		case s.err != nil:
			v.find(Finding{Kind: HeadUnreadable, Text: fmt.Sprintf("the head file %s was changed or damaged: %v", base, s.err)})
		default:
			v.report.Heads++
			v.headed[s.head.Chain] = true
			v.claim(s.head, "the signed head of "+s.head.At.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

func (v *verifier) claim(h Head, by string) {
	hash, err := hex.DecodeString(h.Hash)
	if err != nil || h.Seq < 1 || len(hash) != HashSize {
		return // written by nobody: heads are checked where they are read
	}
	v.claims[h.Chain] = append(v.claims[h.Chain], claim{seq: h.Seq, hash: hash, by: by})
}

// claimStarts takes over what the first entries of chains record of others, as
// far as those entries prove genuine. The walk reports the ones that don't.
func (v *verifier) claimStarts(ctx context.Context, r Reader) error {
	chain, previous, next := "", []byte(nil), int64(1)
	return r.ChainStarts(ctx, func(e *StoredEntry) error {
		if e.Chain != chain {
			chain, previous, next = e.Chain, chainOrigin(e.Chain), 1
		}
		h := v.hasher(e.MACKey)
		if h == nil || e.Seq != next || !bytes.Equal(h.hash(previous, e, e.Seq), e.Hash) {
			next = 0 // and none of the chain's later ones either
			return nil
		}
		previous, next = slices.Clone(e.Hash), next+1
		var d startDetail
		if err := json.Unmarshal([]byte(e.Detail), &d); err != nil {
			return fmt.Errorf("detail of the start of chain %s: %w", e.Chain, err)
		}
		for _, head := range d.Heads {
			v.claim(head, "the start of chain "+e.Chain)
		}
		return nil
	})
}
