package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
)

func TestGlassReason(t *testing.T) {
	good := map[string]string{
		"Found unconscious":         "Found unconscious",
		"  Found\nunconscious \t ":  "Found\nunconscious",
		"1234567890":                "1234567890",
		strings.Repeat("ä", 1000):   strings.Repeat("ä", 1000),
		"Notfall: Blutgruppe fehlt": "Notfall: Blutgruppe fehlt",
	}
	for in, want := range good {
		if got, err := access.GlassReason(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "          ", "too short", "a b c d e", "..............", "123456789", strings.Repeat("x", 1001), "enough letters\x00", "enough letters\x1b[2J", "enough letters \xff"} {
		if got, err := access.GlassReason(bad); !errors.Is(err, access.ErrGlassReason) || got != "" {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestGlassNote(t *testing.T) {
	tests := []struct {
		note    string
		outcome access.GlassOutcome
		want    error
	}{
		{"", access.Justified, nil}, {" fine ", access.Justified, nil}, {"no emergency at all", access.NotJustified, nil},
		{"", access.NotJustified, access.ErrGlassNoteMissing}, {"no.......", access.NotJustified, access.ErrGlassNoteMissing},
		{strings.Repeat("x", 1001), access.Justified, access.ErrGlassNote}, {strings.Repeat("x", 1001), access.NotJustified, access.ErrGlassNote},
		{"a\x00", access.Justified, access.ErrGlassNote}, {"\xff", access.Justified, access.ErrGlassNote},
	}
	for _, tt := range tests {
		got, err := access.GlassNote(tt.note, tt.outcome)
		if !errors.Is(err, tt.want) || (err == nil && got != strings.TrimSpace(tt.note)) {
			t.Errorf("%q, %s: %q, %v", tt.note, tt.outcome, got, err)
		}
	}
}

func TestParseGlassOutcome(t *testing.T) {
	for _, o := range []access.GlassOutcome{access.Justified, access.NotJustified} {
		if got, err := access.ParseGlassOutcome(string(o)); err != nil || got != o {
			t.Errorf("%s: %s, %v", o, got, err)
		}
	}
	for _, bad := range []string{"", "Justified", "unjustified", "justified "} {
		if _, err := access.ParseGlassOutcome(bad); err == nil {
			t.Errorf("%q is an outcome", bad)
		}
	}
}

func TestEmergencyRuns(t *testing.T) {
	start := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	e := access.Emergency{Started: start, Expires: start.Add(access.BreakGlassTime)}
	if !e.Running(start.Add(59*time.Minute)) || e.Running(start.Add(time.Hour)) || !e.Until().Equal(start.Add(time.Hour)) {
		t.Errorf("an access that expires: until %s", e.Until())
	}
	e.Ended = start.Add(10 * time.Minute)
	if !e.Running(start.Add(9*time.Minute)) || e.Running(start.Add(10*time.Minute)) || !e.Until().Equal(e.Ended) {
		t.Errorf("an access that was ended: until %s", e.Until())
	}
}
