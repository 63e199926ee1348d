package demo

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"healthportal/app/health"
)

func month(m int) time.Month { return time.Month(m) }

// epochDay numbers civil days.
func epochDay(d health.Day) int { return day(1970, 1, 1).DaysUntil(d) }

// dice draws numbers from streams that are independent of each other: one per
// patient, subject and number (mostly the epoch day). What happens on a day
// hence depends neither on other days nor on the day the clinic is made for.
type dice struct {
	seed    uint64
	pcg     *rand.PCG
	rng     *rand.Rand
	streams map[string]uint64
}

func newDice(seed uint64) *dice {
	pcg := rand.NewPCG(0, 0)
	return &dice{seed: seed, pcg: pcg, rng: rand.New(pcg), streams: map[string]uint64{}} //nolint:gosec // reproducible data, no secret
}

// on turns the dice to the stream of one patient, subject and number.
func (d *dice) on(record, subject string, n int) *rand.Rand {
	key := record + "\x00" + subject
	h, known := d.streams[key]
	if !known {
		f := fnv.New64a()
		_, _ = f.Write([]byte(key)) // a hash's Write never fails
		h = f.Sum64()
		d.streams[key] = h
	}
	d.pcg.Seed(d.seed^h, uint64(int64(n))) //nolint:gosec // a seed: every bit pattern is fine
	return d.rng
}

// chance draws one number in [0,1) for a subject.
func (d *dice) chance(record, subject string, n int) float64 {
	return d.on(record, subject, n).Float64()
}

// about draws a number around mean, never further than three deviations away.
func about(r *rand.Rand, mean, deviation float64) float64 {
	return mean + deviation*max(-3, min(3, r.NormFloat64()))
}
