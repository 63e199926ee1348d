package health

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// ContentID is the identity of an observation's content: person and content alike, id alike.
type ContentID [16]byte

// ExternalKey is the digest of an external id, of a fixed width so that it can be indexed.
type ExternalKey [16]byte

// KeyOf returns the digest of an external id.
func KeyOf(externalID string) ExternalKey {
	sum := sha256.Sum256([]byte(externalID))
	return ExternalKey(sum[:16])
}

// Dedupe is the identity of an observation's content: importing the same
// content again stores nothing. It covers person, metric, code, start, end,
// value, unit, source and external id, and, because they are part of what a
// reader sees, comparator, text, status, range and flag.
func (o *Observation) Dedupe(person PersonID) ContentID {
	var room [512]byte
	d := digest{buf: room[:0]}
	d.num(uint64(person)) //nolint:gosec // an identity, not arithmetic: every bit pattern is fine
	for _, s := range []string{o.Metric, o.CodeSystem, o.Code, o.Unit, o.OrigValue, o.OrigUnit, o.Comparator,
		o.ValueText, string(o.Status), o.Flag, o.Source, o.ExternalID, o.Slot} {
		d.str(s)
	}
	// A whole day stays the same day when the person's zone, and with it the instant, changes.
	d.when(o.StartDay, o.EffectiveAt)
	d.when(o.EndDay, o.EffectiveEnd)
	if o.HasValue {
		d.num(math.Float64bits(o.Value))
	}
	d.opt(o.RefLow)
	d.opt(o.RefHigh)
	sum := sha256.Sum256(d.buf)
	return ContentID(sum[:16])
}

// digest writes fields so that no two different lists of fields run together.
type digest struct{ buf []byte }

func (d *digest) num(v uint64) { d.buf = binary.BigEndian.AppendUint64(d.buf, v) }

func (d *digest) str(s string) {
	d.num(uint64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digest) opt(f *float64) {
	if f == nil {
		d.str("")
		return
	}
	d.str(strconv.FormatFloat(*f, 'g', -1, 64))
}

func (d *digest) when(day Day, at time.Time) {
	switch {
	case !day.IsZero():
		d.str(day.String())
	case at.IsZero():
		d.str("")
	default:
		d.num(uint64(at.UnixMicro()))
	}
}
