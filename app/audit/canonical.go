package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// HashSize is the length of every hash of the log, in bytes.
const HashSize = sha256.Size

// The words that tell the uses of a key and the versions of the form apart.
const (
	entryForm = "health portal audit entry 1"
	chainForm = "health portal audit chain 1"
	headForm  = "health portal audit head 1"
)

// StoredEntry is an entry at its place in a chain, as the database holds it.
type StoredEntry struct {
	Entry
	// Chain is the chain's random id; Seq counts its entries from 1 without gaps.
	Chain string
	Seq   int64
	// MACKey is the id of the chain key that made Hash.
	MACKey string
	// Hash proves the entry and, through the previous entry's hash, all before it.
	Hash []byte
}

// chainOrigin stands for the previous hash at a chain's first entry.
func chainOrigin(chain string) []byte {
	sum := sha256.Sum256([]byte(chainForm + "\x00" + chain))
	return sum[:]
}

// canonical appends to b the bytes of an entry that are hashed: every field in a
// fixed order, texts with their length before them, so that no two entries have
// the same bytes. docs/audit.md describes them for other verifiers.
func canonical(b []byte, e *StoredEntry, seq int64) []byte {
	b = appendText(b, entryForm)
	b = appendText(b, e.Chain)
	b = appendInt(b, seq)
	b = appendInt(b, e.At.UnixMicro())
	b = appendText(b, string(e.Kind))
	b = appendText(b, string(e.Outcome))
	b = appendInt(b, e.UserID)
	b = appendText(b, e.Roles)
	b = appendText(b, e.SessionID)
	b = appendText(b, e.KeyID)
	b = appendInt(b, e.PersonID)
	b = appendText(b, e.Subject)
	b = appendText(b, e.Route)
	b = appendText(b, e.RequestID)
	b = appendText(b, e.Address)
	b = appendText(b, e.Detail)
	return appendText(b, e.MACKey)
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // the bits of a number
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // texts are bounded far below 4 GiB
	return append(b, s...)
}

// hasher computes hashes with one key, reusing its memory. It is for one goroutine.
type hasher struct {
	mac     hash.Hash
	scratch []byte
	sum     [HashSize]byte
}

func newHasher(secret []byte) *hasher { return &hasher{mac: hmac.New(sha256.New, secret)} }

// hash is the hash of e as if it stood at seq behind an entry with the hash
// previous. It is valid until the next call.
func (h *hasher) hash(previous []byte, e *StoredEntry, seq int64) []byte {
	h.scratch = canonical(h.scratch[:0], e, seq)
	h.mac.Reset()
	h.mac.Write(previous)
	h.mac.Write(h.scratch)
	return h.mac.Sum(h.sum[:0])
}
