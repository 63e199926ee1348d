package session_test

import (
	"slices"
	"strings"
	"testing"

	"healthportal/app/session"
)

func TestParseSnapshot(t *testing.T) {
	for text, want := range map[string]session.Snapshot{
		"1763853919.5|795:799:795,797": {Server: "1763853919.5", Min: 795, Max: 799, Open: []uint64{795, 797}},
		"s|795:795:":                   {Server: "s", Min: 795, Max: 795},
	} {
		got, err := session.ParseSnapshot(text)
		if err != nil || got.Server != want.Server || got.Min != want.Min || got.Max != want.Max || !slices.Equal(got.Open, want.Open) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for _, text := range []string{"", "|1:1:", "s", "s|", "s|1", "s|1:1", "s|0:0:", "s|5:4:", "s|1:2:3:4", "s|-1:2:", "s|1:2:x", "s|1:2:,", "s|5:9:4", "s|5:9:9",
		"s|1:99999999999999999999:", "s|x:1:", "s|1:9:" + strings.Repeat("1,", 40_000)} {
		if got, err := session.ParseSnapshot(text); err == nil {
			t.Errorf("%.30q: %+v, want an error", text, got)
		}
	}
}

func TestSees(t *testing.T) {
	parse := func(text string) session.Snapshot {
		s, err := session.ParseSnapshot(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, tt := range []struct {
		name, row, change string
		want              bool
	}{
		{"the same", "s|5:9:5,7", "s|5:9:5,7", true},
		{"later, nothing open", "s|12:12:", "s|5:9:5,7", true},
		{"later, one still open", "s|5:12:5", "s|5:9:5,7", true},
		{"later, a new one open", "s|5:12:5,10", "s|5:9:5,7", true},
		{"earlier", "s|5:8:5", "s|5:9:5", false},
		{"the change was open", "s|5:9:5,8", "s|5:9:5", false},
		{"a long import holds the least back", "s|5:1000:5", "s|5:999:5", true},
		{"another server", "r|12:12:", "s|5:9:5", false},
	} {
		if got := parse(tt.row).Sees(parse(tt.change)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if (session.Snapshot{}).Sees(session.Snapshot{}) || parse("s|5:9:").Sees(session.Snapshot{}) {
		t.Error("something sees a snapshot that saw nothing")
	}
}

// Text from Redis is foreign input.
func FuzzParseSnapshot(f *testing.F) {
	f.Add("1763853919.5|795:799:795,797")
	f.Add("s|1:1:")
	f.Add("s|1:2:1,1,1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := session.ParseSnapshot(text)
		if err != nil {
			return
		}
		again, err := session.ParseSnapshot(s.String())
		if err != nil || again.String() != s.String() || !s.Sees(s) {
			t.Errorf("%q: %+v, then %+v (%v)", text, s, again, err)
		}
	})
}
