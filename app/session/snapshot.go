package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Snapshot is which transactions a statement could see, as PostgreSQL tells it:
// pg_current_snapshot, with the start of the server in front, because numbers of
// different servers can't be compared. The zero Snapshot saw nothing.
type Snapshot struct {
	// Server names the server and its start.
	Server string
	// All transactions below Min have ended, none from Max on; Open are those
	// between that had not.
	Min, Max uint64
	Open     []uint64
}

// snapshotLimit bounds the text of a snapshot: some thousand open transactions.
const snapshotLimit = 64 << 10

// ParseSnapshot reads the text that String writes: "server|min:max:open,open".
func ParseSnapshot(text string) (Snapshot, error) {
	fail := func() (Snapshot, error) { return Snapshot{}, fmt.Errorf("not a snapshot: %.40q", text) }
	server, rest, ok := strings.Cut(text, "|")
	parts := strings.Split(rest, ":")
	if !ok || server == "" || len(parts) != 3 || len(text) > snapshotLimit {
		return fail()
	}
	s := Snapshot{Server: server}
	var err error
	if s.Min, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return fail()
	}
	if s.Max, err = strconv.ParseUint(parts[1], 10, 64); err != nil || s.Max < s.Min || s.Min == 0 {
		return fail()
	}
	if parts[2] == "" {
		return s, nil
	}
	for id := range strings.SplitSeq(parts[2], ",") {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil || n < s.Min || n >= s.Max {
			return fail()
		}
		s.Open = append(s.Open, n)
	}
	return s, nil
}

// String is the text that ParseSnapshot reads.
func (s Snapshot) String() string {
	open := make([]string, len(s.Open))
	for i, id := range s.Open {
		open[i] = strconv.FormatUint(id, 10)
	}
	return fmt.Sprintf("%s|%d:%d:%s", s.Server, s.Min, s.Max, strings.Join(open, ","))
}

// MarshalText is String.
func (s Snapshot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSnapshot.
func (s *Snapshot) UnmarshalText(text []byte) error {
	parsed, err := ParseSnapshot(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// Sees reports whether s saw every transaction that other saw.
func (s Snapshot) Sees(other Snapshot) bool {
	if s.Server != other.Server || s.Max == 0 || s.Max < other.Max {
		return false
	}
	for _, id := range s.Open {
		if id < other.Max && !slices.Contains(other.Open, id) {
			return false
		}
	}
	return true
}
