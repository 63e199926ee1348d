package health

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A version counts, counted once, or never did.
func TestVersionsInForce(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2026, 3, 1, 10, minutes, 0, 0, time.UTC)
	}
	tests := []struct {
		name                 string
		received, superseded time.Time
		inForce, outdated    bool
	}{
		{"the latest", at(0), time.Time{}, true, false},
		{"replaced", at(0), at(5), false, false},
		{"replaced by what came with it", at(0), at(0), false, true},
		{"known to be older when it came", at(3), at(3), false, true},
		{"the same instant in two zones", at(3).In(time.FixedZone("", 3600)), at(3), false, true},
		{"written by something else with a time before", at(3), at(1), false, true},
	}
	for _, tt := range tests {
		for _, status := range []Status{Final, EnteredInError} {
			v := EventVersion{Received: tt.received, Superseded: tt.superseded}
			v.Status = status
			if v.InForce() != tt.inForce || v.Outdated() != tt.outdated {
				t.Errorf("%s, %s: in force %t, outdated %t", tt.name, status, v.InForce(), v.Outdated())
			}
		}
	}
}

// The time of a change orders versions and is no part of what they say.
func TestUpdatedIsNoContent(t *testing.T) {
	o := Observation{Metric: "heart_rate", EffectiveAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Value: 60, HasValue: true, Status: Final, Source: "s", ExternalID: "x"}
	later := o
	later.Updated = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	if o.Dedupe(1) != later.Dedupe(1) {
		t.Error("a resource that its server only touched is another one")
	}
	later.Status = EnteredInError
	if o.Dedupe(1) == later.Dedupe(1) {
		t.Error("a retraction is the same as what it retracts")
	}
}

func TestCostlyFilters(t *testing.T) {
	day := Day{2026, time.March, 1}
	for name, tt := range map[string]struct {
		f    EventFilter
		want bool
	}{
		"nothing":       {EventFilter{}, false},
		"what a rollup": {EventFilter{Metric: "heart_rate", From: day, To: day, Size: 50}, false},
		"a source":      {EventFilter{Source: 4}, true},
		"a flag":        {EventFilter{Flag: "H"}, true},
		"any flag":      {EventFilter{Flag: FlagAny}, true},
		"both":          {EventFilter{Source: 4, Flag: FlagNotNormal}, true},
	} {
		if tt.f.Costly() != tt.want {
			t.Errorf("%s: %t", name, tt.f.Costly())
		}
	}
}

// Critical is what a laboratory calls so, and nothing that looks like it.
func TestCriticalFlags(t *testing.T) {
	for flag, want := range map[string]bool{"HH": true, "LL": true, "AA": true, "H": false, "L": false, "A": false, "": false, "N": false, "hh": false, "HH ": false, "HHH": false, "H H": false} {
		if Critical(flag) != want {
			t.Errorf("%q: %t", flag, Critical(flag))
		}
	}
}

// What readers are told is their own input's fault, and keeps what it was made of.
func TestInputErrors(t *testing.T) {
	err := error(inputError("%q is no place: %w", "x", ErrBadCursor))
	var told interface{ Told() string }
	wrapped := fmt.Errorf("internal words: %w", err)
	if !errors.As(wrapped, &told) || told.Told() != err.Error() || !errors.Is(wrapped, ErrBadCursor) {
		t.Errorf("%v", wrapped)
	}
	if _, err := ParseDay("29.03.2026"); !errors.As(err, &told) || told.Told() != `"29.03.2026" is not a date: write YYYY-MM-DD` {
		t.Errorf("a day: %v", err)
	}
	backwards := EventFilter{From: Day{2026, time.March, 2}, To: Day{2026, time.March, 1}}
	if err := backwards.Validate(); !errors.As(err, &told) || told.Told() != "the range ends (2026-03-01) before it begins (2026-03-02)" {
		t.Errorf("a range: %v", err)
	}
}
