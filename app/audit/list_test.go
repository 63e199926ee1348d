package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestFilterValidate(t *testing.T) {
	day := testNow()
	c := &Cursor{At: day, Chain: "c", Seq: 1}
	for what, f := range map[string]Filter{
		"backwards": {From: day, To: day.Add(-time.Hour)}, "empty range": {From: day, To: day}, "outcome": {Outcome: "fine"},
		"user": {UserID: -1}, "person": {PersonID: -1}, "size": {Size: -1}, "large": {Size: MaxSize + 1}, "both ways": {After: c, Before: c},
	} {
		if err := f.Validate(); !errors.Is(err, ErrBadFilter) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, f := range []Filter{{}, {From: day}, {To: day}, {From: day, To: day.Add(1)}, {Size: MaxSize}, {Outcome: Denied, After: c}, {Before: c}} {
		if err := f.Validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if (Filter{}).PageSize() != DefaultSize || (Filter{Size: 7}).PageSize() != 7 {
		t.Error("sizes")
	}
}

func TestCursors(t *testing.T) {
	c := Row{Entry: Entry{At: testNow().Truncate(time.Microsecond)}, Chain: "00ff-x", Seq: 77}.Cursor()
	got, err := ParseCursor(c.String())
	if err != nil || got != *c {
		t.Errorf("%+v came back as %+v, %v", c, got, err)
	}
	for _, s := range []string{"", "x", "AAAA", "====", c.String()[:16], c.String() + "!", (&Cursor{At: testNow(), Chain: "c"}).String(),
		(&Cursor{At: testNow(), Chain: "A", Seq: 1}).String(), (&Cursor{At: testNow(), Chain: "'--", Seq: 1}).String(),
		(&Cursor{At: testNow(), Chain: string(make([]byte, 100)), Seq: 1}).String(), (&Cursor{Chain: "c", Seq: 1}).String()} {
		if got, err := ParseCursor(s); !errors.Is(err, ErrBadCursor) {
			t.Errorf("%q is %+v, %v", s, got, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add((&Cursor{At: testNow(), Chain: "c1", Seq: 5}).String())
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAA")
	made := (&Cursor{At: testNow(), Chain: "c1", Seq: 5}).String()
	f.Add(made[:4] + "\n" + made[4:])
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			return
		}
		if c.Seq < 1 || !validChain(c.Chain) || c.String() != s {
			t.Errorf("%q is %+v and %q", s, c, c.String())
		}
	})
}
