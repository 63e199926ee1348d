package session_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/session"
)

// Line 17: a passkey check gives a new id; the old one is dead at once.
func TestVerifiedRotates(t *testing.T) {
	f := start(t)
	before, err := f.service.Lookup(t.Context(), f.token)
	if err != nil {
		t.Fatal(err)
	}
	f.clock = f.clock.Add(session.Idle)
	token, got, err := f.service.Verified(t.Context(), f.token, 3)
	if err != nil || token == f.token || len(token) != 43 {
		t.Fatalf("new token %q, %v", token, err)
	}
	if got.Locked || !got.Verified.Equal(f.clock) || got.ID != before.ID || got.CSRF != before.CSRF || !got.Ends.Equal(before.Ends) {
		t.Errorf("after the check: %+v", got)
	}
	if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("the old token: %v, want ErrNone", err)
	}
	if again, err := f.service.Lookup(t.Context(), token); err != nil || again.Locked {
		t.Errorf("the new token: locked %v, %v", again.Locked, err)
	}
	if _, _, err := f.service.Verified(t.Context(), f.token, 3); !errors.Is(err, session.ErrNone) {
		t.Errorf("a second check of the old token: %v, want ErrNone", err)
	}
}

func TestVerifiedRevivesNothing(t *testing.T) {
	for name, end := range map[string]func(*session.Row){
		"ended":           func(r *session.Row) { r.Ended = r.Created },
		"disabled":        func(r *session.Row) { r.Disabled = true },
		"passkey revoked": func(r *session.Row) { r.PasskeyRevoked = true },
		"too old":         func(r *session.Row) { r.Expires = r.Created },
	} {
		f := start(t)
		f.store.Do(end)
		if token, _, err := f.service.Verified(t.Context(), f.token, 3); !errors.Is(err, session.ErrNone) || token != "" {
			t.Errorf("%s: %q, %v, want ErrNone", name, token, err)
		}
	}
	f := start(t)
	for _, token := range []string{"", "x", strings.Repeat("A", 43), f.token + "A"} {
		if _, _, err := f.service.Verified(t.Context(), token, 3); !errors.Is(err, session.ErrNone) {
			t.Errorf("token %.5q: %v, want ErrNone", token, err)
		}
	}
	if _, _, err := f.service.Verified(t.Context(), f.token, 0); !errors.Is(err, session.ErrNone) {
		t.Errorf("no passkey: %v, want ErrNone", err)
	}
}

func TestLock(t *testing.T) {
	f := start(t)
	for _, token := range []string{f.token, f.token, "", "x", strings.Repeat("A", 43)} {
		if err := f.service.Lock(t.Context(), token); err != nil {
			t.Errorf("lock %.5q: %v", token, err)
		}
	}
	f.clock = f.clock.Add(2 * time.Minute)
	got, err := f.service.Lookup(t.Context(), f.token)
	if err != nil || !got.Locked || f.store.Calls("TouchSession") != 0 {
		t.Errorf("locked %v, %d touches, %v", got.Locked, f.store.Calls("TouchSession"), err)
	}
	if _, got, err = f.service.Verified(t.Context(), f.token, 3); err != nil || got.Locked {
		t.Errorf("after the check: locked %v, %v", got.Locked, err)
	}
}

func TestModes(t *testing.T) {
	const c, r, o = access.Clinician, access.Researcher, access.Ops
	for _, tt := range []struct {
		held                []access.Role
		wanted              bool
		used                []access.Role
		research, canSwitch bool
	}{
		{nil, false, nil, false, false},
		{nil, true, nil, false, false},
		{[]access.Role{c}, true, []access.Role{c}, false, false},
		{[]access.Role{r}, false, []access.Role{r}, true, false},
		{[]access.Role{r}, true, []access.Role{r}, true, false},
		{[]access.Role{c, r, o}, false, []access.Role{c, o}, false, true},
		{[]access.Role{c, r, o}, true, []access.Role{r}, true, true},
	} {
		f := start(t)
		f.store.Do(func(row *session.Row) { row.Roles, row.Research = slices.Clone(tt.held), tt.wanted })
		got, err := f.service.Lookup(t.Context(), f.token)
		if err != nil || !slices.Equal(got.Principal.Roles, tt.used) || got.Research != tt.research || got.CanSwitch != tt.canSwitch {
			t.Errorf("%v wanted %v: %v, research %v, can switch %v (%v)", tt.held, tt.wanted, got.Principal.Roles, got.Research, got.CanSwitch, err)
		}
		f.store.Do(func(row *session.Row) {
			if !slices.Equal(row.Roles, tt.held) {
				t.Errorf("%v: the cached row's roles were changed to %v", tt.held, row.Roles)
			}
		})
	}
}

func TestSetResearch(t *testing.T) {
	f := start(t)
	if _, _, err := f.service.SetResearch(t.Context(), f.token, true); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a clinician chose research: %v", err)
	}
	f.store.Do(func(row *session.Row) { row.Roles = []access.Role{access.Clinician, access.Researcher} })
	token, got, err := f.service.SetResearch(t.Context(), f.token, true)
	if err != nil || token == f.token || !got.Research || got.Principal.Can(access.PatientsRead) || !got.Principal.Can(access.ResearchRead) {
		t.Fatalf("to research: %+v, %v", got, err)
	}
	if _, err := f.service.Lookup(t.Context(), f.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("the old token: %v, want ErrNone", err)
	}
	if _, got, err = f.service.SetResearch(t.Context(), token, false); err != nil || got.Research || got.Principal.Can(access.ResearchRead) {
		t.Errorf("back: %+v, %v", got, err)
	}
	if _, _, err := f.service.SetResearch(t.Context(), token, true); !errors.Is(err, session.ErrNone) {
		t.Errorf("with a rotated token: %v, want ErrNone", err)
	}
}

func TestSetResearchOfALockedSession(t *testing.T) {
	f := start(t)
	f.store.Do(func(row *session.Row) { row.Roles = []access.Role{access.Clinician, access.Researcher} })
	f.clock = f.clock.Add(session.Idle)
	if _, _, err := f.service.SetResearch(t.Context(), f.token, true); !errors.Is(err, access.ErrDenied) {
		t.Errorf("got %v, want ErrDenied", err)
	}
}

func TestListAndEnd(t *testing.T) {
	f := start(t)
	f.clock = f.clock.Add(20 * time.Minute)
	second, err := f.service.Issue(t.Context(), session.New{UserID: 7, PasskeyID: 3})
	if err != nil {
		t.Fatal(err)
	}
	other, err := f.service.Issue(t.Context(), session.New{UserID: 8, PasskeyID: 4})
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.service.List(t.Context(), 7)
	if err != nil || len(list) != 2 || list[0].Locked || !list[1].Locked || list[1].Browser != "Safari on iPhone" || list[1].Address != "192.0.2.7" {
		t.Fatalf("list %+v, %v", list, err)
	}
	// Line 25: ids of others.
	for _, id := range []string{"session-3", "session-99", ""} {
		if err := f.service.End(t.Context(), 7, id, session.WhyOwner); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("ending %q: %v, want ErrNotFound", id, err)
		}
	}
	if n, err := f.service.EndOthers(t.Context(), 7, list[0].ID); n != 1 || err != nil {
		t.Errorf("others ended: %d, %v", n, err)
	}
	if err := f.service.End(t.Context(), 7, list[1].ID, session.WhyOwner); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("ending it again: %v, want ErrNotFound", err)
	}
	for token, live := range map[string]bool{f.token: false, second: true, other: true} {
		if _, err := f.service.Lookup(t.Context(), token); live != (err == nil) {
			t.Errorf("token %.4s: %v, want live %v", token, err, live)
		}
	}
	if n, err := f.service.EndAll(t.Context(), 8, session.WhyAdmin); n != 1 || err != nil {
		t.Errorf("all ended: %d, %v", n, err)
	}
	if _, err := f.service.Lookup(t.Context(), other); !errors.Is(err, session.ErrNone) {
		t.Errorf("after the end of all: %v", err)
	}
}

func TestSignOutBeatsARotationUnderWay(t *testing.T) {
	f := start(t)
	token, _, err := f.service.Verified(t.Context(), f.token, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.service.Revoke(t.Context(), f.token); err != nil {
		t.Fatal(err)
	}
	if _, err := f.service.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("signed out with the token before: %v, want ErrNone", err)
	}
}
