package postgres

import (
	"fmt"
	"time"

	"healthportal/app/health"
)

// lookBeyond is how many rows beyond a page's border are read: one tells that
// there is another page, the rest whether a group goes on there.
const lookBeyond = 24

// groupAt is what of a row says to which group it belongs.
type groupAt struct {
	At     time.Time
	Source int
	Group  string
}

func groupOf(e *health.Event) groupAt { return groupAt{e.EffectiveAt.UTC(), e.SourceID, e.Group} }

// otherQuery is the query of the nearest rows on the other side of a page's cursor.
func otherQuery(other eventWhere, op string) (string, []any) {
	order := "ASC"
	if op[0] == '<' {
		order = "DESC"
	}
	return fmt.Sprintf(`SELECT e.effective_at, e.source_id, coalesce(e.group_id, '') FROM health.event e WHERE %s
		ORDER BY e.effective_at %s, e.id %s LIMIT %s`, other.sql(), order, order, other.arg(lookBeyond)), other.args
}

// markTorn marks the rows of groups that go on beyond the page, of which ahead and
// behind are the nearest rows. Where all that was read has one time, nobody knows
// what comes after it, and the groups of that time are marked too.
func markTorn(events, ahead []health.Event, behind []groupAt) {
	beyond := map[groupAt]bool{}
	unsure := map[time.Time]bool{}
	for i := range ahead {
		beyond[groupOf(&ahead[i])] = true
	}
	for i := range behind {
		behind[i].At = behind[i].At.UTC()
		beyond[behind[i]] = true
	}
	if n := len(ahead); n >= lookBeyond && ahead[0].EffectiveAt.Equal(ahead[n-1].EffectiveAt) {
		unsure[ahead[0].EffectiveAt.UTC()] = true
	}
	if n := len(behind); n >= lookBeyond && behind[0].At.Equal(behind[n-1].At) {
		unsure[behind[0].At] = true
	}
	for i := range events {
		g := groupOf(&events[i])
		events[i].Torn = g.Group != "" && (beyond[g] || unsure[g.At])
	}
}
