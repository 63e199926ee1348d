package applehealth

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sort"
	"time"

	"healthportal/app/health"
)

// maxNights bounds what is remembered of nights, over all sources: some fifty years
// of two trackers with a nap each day. Where an export has more, all is forgotten and
// remembered anew, so that the same file gives the same groups.
const maxNights = 1 << 16

// tracker is who wrote a stage. Nights of two are never joined.
type tracker struct{ source, device string }

// night is a stretch of sleep that the export has shown so far, in Unix seconds. first is
// the start of the stage that was read first, which names the night.
type night struct{ from, to, first int64 }

// nights groups the stages of an export while it is read. It holds 24 bytes for each
// night, never the stages.
type nights struct {
	of map[tracker][]night
	n  int
}

// group is the group of a stage: that of the night which it touches or lies less than
// health.NightGap from, else of a new one. Stages in order of time, as exports have
// them, make it depend on the night's first stage alone; in another order it
// depends on which stage is read first. Where a stage closes the gap between two
// nights, later ones have the group of the earlier night.
func (n *nights) group(o *health.Observation) string {
	start, end := o.EffectiveAt.Unix(), o.EffectiveAt.Unix()
	if !o.EffectiveEnd.IsZero() {
		end = o.EffectiveEnd.Unix()
	}
	if _, ok := health.StageOf(o); !ok {
		return "" // longer than any night
	}
	const gap = int64(health.NightGap / time.Second)
	if n.of == nil || n.n >= maxNights {
		n.of, n.n = map[tracker][]night{}, 0
	}
	by := tracker{o.Source, o.Device}
	list := n.of[by]
	// Nights are in order and at least a gap apart.
	i := sort.Search(len(list), func(i int) bool { return start-list[i].to < gap })
	if i == len(list) || list[i].from-end >= gap {
		list = slices.Insert(list, i, night{start, end, start})
		n.n++
	}
	t := &list[i]
	t.from, t.to = min(t.from, start), max(t.to, end)
	next := i + 1
	for next < len(list) && list[next].from-t.to < gap {
		t.to = max(t.to, list[next].to)
		next++
		n.n--
	}
	first := t.first
	n.of[by] = slices.Delete(list, i+1, next)
	return nightID(by, first)
}

// nightID depends on source, device and instant alone, so that it is the same in an
// export that was made in another time zone.
func nightID(by tracker, first int64) string {
	h := sha256.New()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(first)) //nolint:gosec // bits in, the same bits out
	binary.BigEndian.PutUint64(b[8:], uint64(len(by.source)))
	h.Write(b[:])
	h.Write([]byte(by.source))
	h.Write([]byte(by.device))
	return "apple-sleep-" + hex.EncodeToString(h.Sum(nil)[:12])
}
