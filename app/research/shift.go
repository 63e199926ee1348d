package research

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

// Shifts lie between these numbers of days, both included. All go back: a date in
// the future would tell that its shift went forward, and how far at least.
const (
	leastShift = 30
	mostShift  = 364
)

// shift is how many days the dates of a person are moved, always the same for
// one person and key, never 0. It is a whole number of days, so that the time of
// day and the distance between two events stay what they were.
func shift(key keyring.Key, id health.PersonID) int {
	mac := hmac.New(sha256.New, keyed(key, "date shift"))
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id)) //nolint:gosec // bits in, the same bits out
	mac.Write(b[:])
	n := binary.BigEndian.Uint64(mac.Sum(nil)) % (mostShift - leastShift + 1)
	return -leastShift - int(n)
}

func (v *View) shift(id health.PersonID) int {
	return shift(v.keys.Current(keyring.DateShift), id)
}

// shiftDay moves a day; the zero Day stays open.
func shiftDay(d health.Day, days int) health.Day {
	if d.IsZero() {
		return d
	}
	return d.AddDays(days)
}

// shiftTime moves a time of the person's clock, which has no zone and so no
// hours that daylight saving skips or repeats.
func shiftTime(t time.Time, days int) time.Time {
	if t.IsZero() {
		return t
	}
	return t.AddDate(0, 0, days)
}
