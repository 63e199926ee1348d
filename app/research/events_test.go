package research

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/health"
	"healthportal/app/keyring"
)

func TestEventsAreShifted(t *testing.T) {
	s := cohort(6)
	v := NewView(s, pocket(1))
	days := v.shift(1)
	page := mustPage(t, v, EventFilter{Person: 1, Size: 200})
	if page.Total != 70 || len(page.Events) != 70 || page.Older != "" || page.Newer != "" || page.Metrics[0].Code != "heart_rate" {
		t.Fatalf("%d of %d events, %+v", len(page.Events), page.Total, page.Metrics)
	}
	for i, e := range page.Events {
		truth := s.rows[1][i]
		if !e.Start.Equal(truth.Start.AddDate(0, 0, days)) || e.Day != truth.Day.AddDays(days) || e.Start.Format("15:04:05") != truth.Start.Format("15:04:05") {
			t.Fatalf("%v becomes %v, day %v", truth.Start, e.Start, e.Day)
		}
		if truth.End.IsZero() != e.End.IsZero() || !e.End.IsZero() && e.End.Sub(e.Start) != 30*time.Minute {
			t.Fatalf("the end %v becomes %v", truth.End, e.End)
		}
		if i > 0 && e.Start.After(page.Events[i-1].Start) {
			t.Fatal("the order is another one")
		}
		if e.Value != truth.Value || e.Metric != truth.Metric {
			t.Fatalf("another value: %+v", e)
		}
	}
	if fmt.Sprintf("%+v", page) == fmt.Sprintf("%+v", EventPage{}) || strings.Contains(fmt.Sprintf("%+v", page), "2026-03-3") {
		t.Error("the page holds a true date")
	}
}

func TestFiltersAreOfShiftedDays(t *testing.T) {
	s := cohort(6)
	v := NewView(s, pocket(1))
	shifted := day("2026-03-30").AddDays(v.shift(1))
	page := mustPage(t, v, EventFilter{Person: 1, Metric: "heart_rate", From: shifted, To: shifted})
	if s.asked.From != day("2026-03-30") || s.asked.To != day("2026-03-30") || s.asked.Metric != "heart_rate" || s.asked.Size != health.DefaultPageSize {
		t.Errorf("asked the store for %+v", s.asked)
	}
	if page.Total == 0 || len(page.Events) != page.Total {
		t.Errorf("%d of %d events", len(page.Events), page.Total)
	}
	for _, e := range page.Events {
		if e.Day != shifted {
			t.Errorf("an event of %v", e.Day)
		}
	}
	if none := mustPage(t, v, EventFilter{Person: 1, From: day("2026-03-30"), To: day("2026-03-30")}); none.Total != 0 {
		t.Error("a filter by the true day finds something")
	}
}

func TestPagesFitTogether(t *testing.T) {
	s := cohort(6)
	for _, size := range []int{1, 7, 20, 69, 70} {
		v := NewView(s, pocket(1))
		f := EventFilter{Person: 1, Size: size}
		var there, back []float64
		page := mustPage(t, v, f)
		for {
			for _, e := range page.Events {
				there = append(there, e.Value)
			}
			if page.Older == "" {
				break
			}
			f.After, f.Before = page.Older, ""
			page = mustPage(t, v, f)
		}
		for {
			for _, e := range slices.Backward(page.Events) {
				back = append(back, e.Value)
			}
			if page.Newer == "" {
				break
			}
			f.After, f.Before = "", page.Newer
			page = mustPage(t, v, f)
		}
		slices.Reverse(back)
		if len(there) != 70 || !slices.Equal(there, back) || there[0] != 0 || there[69] != 69 {
			t.Errorf("size %d: %d events there, %d back", size, len(there), len(back))
		}
	}
}

func TestPagesPastTheEnds(t *testing.T) {
	s := cohort(6)
	v := NewView(s, pocket(1))
	past := v.sealCursor(7, 1, health.Cursor{At: time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), ID: 5})
	page := mustPage(t, v, EventFilter{Person: 1, Size: 10, After: past})
	if len(page.Events) != 0 || page.Older != "" || page.Newer == "" {
		t.Fatalf("past the end: %+v", page)
	}
	if back := mustPage(t, v, EventFilter{Person: 1, Size: 10, Before: page.Newer}); len(back.Events) != 10 || back.Events[9].Value != 69 {
		t.Errorf("back from past the end: %+v", back.Events)
	}
	future := v.sealCursor(7, 1, health.Cursor{At: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC), ID: 5})
	page = mustPage(t, v, EventFilter{Person: 1, Size: 10, Before: future})
	if len(page.Events) != 0 || page.Newer != "" || page.Older == "" {
		t.Fatalf("before the beginning: %+v", page)
	}
	if on := mustPage(t, v, EventFilter{Person: 1, Size: 10, After: page.Older}); len(on.Events) != 10 || on.Events[0].Value != 0 {
		t.Errorf("on from before the beginning: %+v", on.Events)
	}
}

// A cursor tells nothing, and is of use to nobody else and for nobody else.
func TestCursors(t *testing.T) {
	s := cohort(6)
	s.rows[2] = s.rows[1]
	v := NewView(s, pocket(1))
	page := mustPage(t, v, EventFilter{Person: 1, Size: 10})
	var plain [16]byte
	binary.BigEndian.PutUint64(plain[:8], uint64(s.rows[1][9].At.UnixMicro()))
	if bytes.Contains([]byte(page.Older), plain[:8]) || strings.Contains(page.Older, s.rows[1][9].At.Format("2006")) {
		t.Error("the cursor holds the date")
	}
	again := mustPage(t, v, EventFilter{Person: 1, Size: 10})
	if again.Older == page.Older {
		t.Error("two cursors to one place are alike, so that places can be compared")
	}
	tests := []struct {
		name   string
		user   int64
		person health.PersonID
		keys   pocket
		after  string
		before string
	}{
		{"another user", 8, 1, 1, page.Older, ""},
		{"another participant", 7, 2, 1, page.Older, ""},
		{"another key", 7, 1, 2, page.Older, ""},
		{"changed", 7, 1, 1, page.Older[:30] + "x" + page.Older[31:], ""},
		{"cut", 7, 1, 1, page.Older[:len(page.Older)-1], ""},
		{"a clinician's cursor", 7, 1, 1, health.Cursor{At: s.rows[1][9].At, ID: 5}.String(), ""},
		{"both", 7, 1, 1, page.Older, page.Older},
		{"garbage before", 7, 1, 1, "", "garbage"},
		{"another text under the same seal", 7, 1, 1, pocket(1).Seal(keyring.ViewIDs, cursorContext(7, 1), []byte("short")), ""},
	}
	for _, tt := range tests {
		_, err := NewView(s, tt.keys).Events(t.Context(), tt.user, EventFilter{Person: tt.person, Size: 10, After: tt.after, Before: tt.before})
		var words interface{ Told() string }
		if !errors.As(err, &words) || strings.Contains(err.Error(), "2026") || tt.name != "both" && !errors.Is(err, health.ErrBadCursor) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestEventsRefuse(t *testing.T) {
	v := NewView(cohort(6), pocket(1))
	if _, err := v.Events(t.Context(), 7, EventFilter{Person: 99}); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a person without consent: %v", err)
	}
	var input *health.InputError
	if _, err := v.Events(t.Context(), 7, EventFilter{Person: 1, From: day("2025-02-02"), To: day("2025-02-01")}); !errors.As(err, &input) ||
		!strings.Contains(input.Told(), "ends (2025-02-01) before it begins (2025-02-02)") {
		t.Errorf("a range the wrong way round: %v", err)
	}
	for _, f := range []EventFilter{{Person: 1, From: day("0001-01-01")}, {Person: 1, To: day("9999-12-31")}, {Person: 1, Size: 1 << 30}} {
		if _, err := v.Events(t.Context(), 7, f); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, method := range []string{"person", "rows", "metrics", "withheld"} {
		s := cohort(6)
		s.fails = []string{method}
		if _, err := NewView(s, pocket(1)).Events(t.Context(), 7, EventFilter{Person: 1}); !errors.Is(err, errStore) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestParticipant(t *testing.T) {
	s := cohort(6)
	s.withheld = Withheld{Texts: Left{2, 1}}
	v := NewView(s, pocket(1))
	p, err := v.Participant(t.Context(), 1)
	if err != nil || p.Pseudonym != v.pseudonym(1) || p.Sex != health.Female || p.Age != 40 || !p.HasAge || p.Withheld.Texts.Values != 2 || p.Metrics[0].Code != "heart_rate" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := v.Participant(t.Context(), 99); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a person without consent: %v", err)
	}
	for _, method := range []string{"person", "metrics", "withheld"} {
		s.fails = []string{method}
		if _, err := v.Participant(t.Context(), 1); !errors.Is(err, errStore) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestParticipants(t *testing.T) {
	s := cohort(23)
	v := NewView(s, pocket(1))
	all, err := v.Participants(t.Context(), ListFilter{Size: 100})
	if err != nil || len(all.Pseudonyms) != 23 || all.Next || all.Previous || !slices.IsSorted(all.Pseudonyms) {
		t.Fatalf("%+v, %v", all, err)
	}
	var there []string
	f := ListFilter{Size: 5}
	for {
		page, err := v.Participants(t.Context(), f)
		if err != nil || page.Previous != (f.After != "") {
			t.Fatalf("%+v, %v", page, err)
		}
		there = append(there, page.Pseudonyms...)
		if !page.Next {
			break
		}
		f.After = page.Pseudonyms[len(page.Pseudonyms)-1]
	}
	if !slices.Equal(there, all.Pseudonyms) {
		t.Errorf("the pages together are %v", there)
	}
	back, err := v.Participants(t.Context(), ListFilter{Size: 5, Before: all.Pseudonyms[7]})
	if err != nil || !slices.Equal(back.Pseudonyms, all.Pseudonyms[2:7]) || !back.Next || !back.Previous {
		t.Errorf("back: %+v, %v", back, err)
	}
	for _, f := range []ListFilter{{After: "zzzz"}, {Before: "a"}} {
		if page, err := v.Participants(t.Context(), f); err != nil || len(page.Pseudonyms) != 0 {
			t.Errorf("past the end: %+v, %v", page, err)
		}
	}
	var input *health.InputError
	if _, err := v.Participants(t.Context(), ListFilter{After: "a", Before: "b"}); !errors.As(err, &input) {
		t.Errorf("both sides: %v", err)
	}
	s.fails = []string{"persons"}
	if _, err := v.Participants(t.Context(), ListFilter{}); !errors.Is(err, errStore) {
		t.Errorf("no store: %v", err)
	}
}

func FuzzOpenCursor(f *testing.F) {
	v := NewView(cohort(1), pocket(1))
	f.Add(v.sealCursor(7, 1, health.Cursor{At: time.Unix(0, 0), ID: 1}))
	f.Add("")
	f.Add("abcdefghij23.")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := v.openCursor(7, 1, text); err != nil && (c != health.Cursor{}) {
			t.Errorf("%q: %v with an error", text, c)
		}
	})
}
