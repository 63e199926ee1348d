package applehealth

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"healthportal/app/health"
)

// group ties the two values of a blood pressure together. It depends on source
// and instants alone, so that it is the same at top level, within a Correlation,
// and in an export that was made in another time zone.
func group(o *health.Observation) string {
	h := sha256.New()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(o.EffectiveAt.Unix()))  //nolint:gosec // bits in, the same bits out
	binary.BigEndian.PutUint64(b[8:], uint64(o.EffectiveEnd.Unix())) //nolint:gosec // as above
	h.Write(b[:])
	h.Write([]byte(o.Source))
	return "apple-bp-" + hex.EncodeToString(h.Sum(nil)[:12])
}
