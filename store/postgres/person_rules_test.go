package postgres

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"healthportal/app/health"
)

func TestRecordGoesBack(t *testing.T) {
	before := recordState{Sex: "unknown", Consent: true}
	after := recordState{RecordNumber: "M-2", FamilyName: "F", GivenName: "G", BirthDate: "1960-05-04", Sex: "female", TimeZone: "Asia/Tokyo"}
	changed := func(change func(*recordState)) recordState {
		s := after
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name      string
		now, want recordState
	}{
		{"untouched", after, before},
		{"another number", changed(func(s *recordState) { s.RecordNumber = "M-3" }), recordState{RecordNumber: "M-3", Sex: "unknown", Consent: true}},
		{"another given name", changed(func(s *recordState) { s.GivenName = "H" }), recordState{FamilyName: "F", GivenName: "H", Sex: "unknown", Consent: true}},
		{"another birth date", changed(func(s *recordState) { s.BirthDate = "1960-05-05" }), recordState{BirthDate: "1960-05-05", Sex: "unknown", Consent: true}},
		{"another sex", changed(func(s *recordState) { s.Sex = "other" }), recordState{Sex: "other", Consent: true}},
		{"another zone", changed(func(s *recordState) { s.TimeZone = "" }), before},
		{"consent given since", changed(func(s *recordState) { s.Consent = true }), before},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.now.back(before, after); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
	withdrawn := recordState{Sex: "female"}
	if got := withdrawn.back(recordState{Sex: "female", Consent: true}, recordState{Sex: "female", Consent: true}); got.Consent {
		t.Error("a consent that was withdrawn came back")
	}
}

func TestMembershipsThatShareTime(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	from := func(a, b int) membershipRow {
		m := membershipRow{Team: 1, From: day(a)}
		if b > 0 {
			to := day(b)
			m.To = &to
		}
		return m
	}
	for _, tt := range []struct {
		a, b     membershipRow
		overlap  bool
		together membershipRow
	}{
		{from(1, 3), from(3, 5), false, from(1, 5)},
		{from(1, 4), from(3, 5), true, from(1, 5)},
		{from(1, 0), from(3, 5), true, from(1, 0)},
		{from(3, 5), from(1, 0), true, from(1, 0)},
		{from(2, 3), from(1, 9), true, from(1, 9)},
		{from(1, 1), from(1, 1), true, from(1, 1)},
		{from(1, 3), membershipRow{Team: 2, From: day(1)}, false, from(1, 0)},
	} {
		if got := tt.a.overlaps(tt.b); got != tt.overlap || tt.b.overlaps(tt.a) != got {
			t.Errorf("%+v and %+v overlap: %v", tt.a, tt.b, got)
		}
		got := tt.a.united(tt.b)
		if !got.From.Equal(tt.together.From) || (got.To == nil) != (tt.together.To == nil) || (got.To != nil && !got.To.Equal(*tt.together.To)) {
			t.Errorf("%+v and %+v together are %+v", tt.a, tt.b, got)
		}
	}
}

func TestRekey(t *testing.T) {
	o := health.Observation{Metric: "heart_rate", CodeSystem: "http://loinc.org", Code: "8480-6", Value: 1, HasValue: true, Source: "s",
		EffectiveAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	slotted := func(slot string) (old, want []byte) {
		x := o
		x.Slot = slot
		a, b := x.Dedupe(1), x.Dedupe(2)
		return a[:], b[:]
	}
	stored := "kept"
	for _, tt := range []struct {
		name, slot string
		column     *string
		known      []string
		ok         bool
	}{
		{"stored slot", "kept", &stored, nil, true},
		{"stored slot that does not fit", "other", &stored, []string{"other"}, false},
		{"no slot", "", nil, nil, true},
		{"a slot of its observation", "x|y", nil, []string{"a|b", "x|y"}, true},
		{"the slot of its code", "http://loinc.org|8480-6", nil, nil, true},
		{"unknown slot", "elsewhere", nil, []string{"a|b"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, want := slotted(tt.slot)
			k := keyedRow{o: o, old: old, slot: tt.column, slots: slices.Clone(tt.known)}
			got, ok := k.rekey(1, 2)
			if !tt.ok {
				want = old
			}
			if ok != tt.ok || !bytes.Equal(got, want) {
				t.Errorf("key %x, %v; want %x", got, ok, want)
			}
		})
	}
}
