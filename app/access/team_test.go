package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
)

func TestTeamName(t *testing.T) {
	longest := strings.Repeat("ä", access.MaxTeamName)
	tests := []struct{ written, want string }{
		{"Ward 7", "Ward 7"},
		{"  Ward 7\n", "Ward 7"},
		{"Station Ü", "Station Ü"},
		{longest, longest},
		{" " + longest + " ", longest},
		{longest + "x", ""},
		{"", ""},
		{" \t", ""},
		{"Ward\n7", ""},
		{"Ward\x007", ""},
		{"Ward\u00857", ""},
		{"Ward\xff7", ""},
	}
	for _, tt := range tests {
		got, err := access.TeamName(tt.written)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v; want %q", tt.written, got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), "1 to 100 characters") {
			t.Errorf("%q: %v does not say what to do", tt.written, err)
		}
	}
}

func TestPeriods(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
	tests := []struct {
		name     string
		from, to time.Time
		wrong    bool
	}{
		{"without borders", time.Time{}, time.Time{}, false},
		{"from now on", now, time.Time{}, false},
		{"until later", time.Time{}, at(1), false},
		{"until now, from now on", time.Time{}, now, false},
		{"over before it begins", time.Time{}, at(-1), true},
		{"in the past", at(-2), at(-1), false},
		{"no time at all", at(-1), at(-1), false},
		{"backwards", at(2), at(1), true},
		{"backwards by less than a second", at(1).Add(1), at(1), true},
		{"the same instant in two zones", at(1).In(time.FixedZone("", 7200)), at(1), false},
	}
	for _, tt := range tests {
		err := access.Period{From: tt.from, To: tt.to}.Valid(now)
		if errors.Is(err, access.ErrPeriod) != tt.wrong || (err != nil) != tt.wrong {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The first instant belongs to a membership, the last one does not: that decides
// whose patients somebody sees.
func TestStateOfMemberships(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	tests := []struct {
		from, to time.Time
		want     string
	}{
		{time.Time{}, time.Time{}, "now"},
		{now, time.Time{}, "now"},
		{now, now.Add(1), "now"},
		{now.Add(1), time.Time{}, "later"},
		{now.Add(1), now.Add(2), "later"},
		{now.Add(-2), now, "ended"},
		{now.Add(-2), now.Add(-1), "ended"},
		{now, now, "ended"},
	}
	for _, tt := range tests {
		if got := (access.Membership{Period: access.Period{From: tt.from, To: tt.to}}).State(now); got != tt.want {
			t.Errorf("%s to %s: %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// An API key reads and does nothing else, whatever its owner may do.
func TestScopesOfKeys(t *testing.T) {
	for _, perm := range access.Permissions() {
		got, err := access.ParseScope(string(perm))
		reads := slices.Contains([]access.Permission{access.PatientsRead, access.EventsRead, access.ReportsRead}, perm)
		if (err == nil) != reads || reads && got != perm || !reads && got != "" {
			t.Errorf("%s: %q, %v", perm, got, err)
		}
	}
	for _, bad := range []string{"", "*", "events", "events.read ", "Events.Read", "events.read,reports.read", string(access.Public), string(access.SignedIn), string(access.KeyHolder)} {
		got, err := access.ParseScope(bad)
		if err == nil || got != "" || !strings.Contains(err.Error(), "patients.read, events.read, reports.read") {
			t.Errorf("%q: %q, %v; want an error that lists the scopes", bad, got, err)
		}
	}
	everything := access.Principal{UserID: 1, KeyID: "k", Roles: access.Roles(), Scopes: []access.Permission{access.EventsRead}}
	for _, perm := range access.Permissions() {
		if got := everything.Can(perm); got != (perm == access.EventsRead) {
			t.Errorf("a key for events may %s: %v", perm, got)
		}
	}
	// A scope that the owner's roles don't grant is none.
	lesser := access.Principal{UserID: 1, KeyID: "k", Roles: []access.Role{access.Ops}, Scopes: access.Scopes()}
	for _, perm := range access.Scopes() {
		if lesser.Can(perm) {
			t.Errorf("the key of somebody who may not may %s", perm)
		}
	}
	if everything.Can(access.SignedIn) || !everything.Can(access.KeyHolder) {
		t.Error("a key counts as a session")
	}
}
