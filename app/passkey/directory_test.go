package passkey_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
)

func TestOrigins(t *testing.T) {
	tests := []struct {
		origin, problem string
	}{
		{"https://portal.example.org", ""},
		{"https://portal.example.org:8443", ""},
		{"http://localhost:8080", ""},
		{"http://localhost", ""},
		{"http://portal.example.org", "https"},
		{"http://127.0.0.1:8080", "IP address"},
		{"https://[::1]:8080", "IP address"},
		{"https://portal.example.org/", "scheme, host and port only"},
		{"https://portal.example.org/x", "scheme, host and port only"},
		{"https://user@portal.example.org", "scheme, host and port only"},
		{"portal.example.org", "scheme, host and port only"},
		{"", "scheme, host and port only"},
		{"https://a b", "not a URL"},
		{"ftp://portal.example.org", "https"},
	}
	for _, tt := range tests {
		_, serviceErr := passkey.New(passkey.Config{Origin: tt.origin, RPName: "x"}, &passkeytest.Store{})
		_, directoryErr := passkey.NewDirectory(passkey.Config{Origin: tt.origin}, &passkeytest.Store{})
		for _, err := range []error{serviceErr, directoryErr} {
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("%q: %v", tt.origin, err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("%q: got %v, want an error that names %q", tt.origin, err, tt.problem)
			}
		}
	}
}

func TestAddUserRefuses(t *testing.T) {
	some := []access.Role{access.Clinician}
	tests := []struct {
		why, name, display string
		roles              []access.Role
		want               string
	}{
		{"empty name", "", "Ada", some, "user name"},
		{"capitals", "Ada", "Ada", some, "lower-case"},
		{"space", "ada l", "Ada", some, "user name"},
		{"leading dash", "-ada", "Ada", some, "user name"},
		{"line break", "ada\n", "Ada", some, "user name"},
		{"too long", strings.Repeat("a", 65), "Ada", some, "user name"},
		{"no display name", "ada", " ", some, "display name"},
		{"display name with control", "ada", "A\x1bda", some, "display name"},
		{"long display name", "ada", strings.Repeat("a", 101), some, "display name"},
		{"no role", "ada", "Ada", nil, "at least one role"},
		{"unknown role", "ada", "Ada", []access.Role{"root"}, "clinician"},
	}
	w := newWorld(t)
	for _, tt := range tests {
		_, err := w.directory.AddUser(t.Context(), tt.name, tt.display, tt.roles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", tt.why, err, tt.want)
		}
	}
	w.user("ada")
	if _, err := w.directory.AddUser(t.Context(), "ada", "Other", some); !errors.Is(err, passkey.ErrUserExists) {
		t.Errorf("taken name: %v", err)
	}
}

func TestRolesAreKeptOnce(t *testing.T) {
	w := newWorld(t)
	roles := []access.Role{access.Ops, access.Clinician, access.Ops}
	if _, err := w.directory.AddUser(t.Context(), "x1", " Ada  ", roles); err != nil {
		t.Fatal(err)
	}
	all, err := w.directory.ListUsers(t.Context())
	if err != nil || len(all) != 1 || !slices.Equal(all[0].Roles, []access.Role{access.Clinician, access.Ops}) || all[0].DisplayName != "Ada" {
		t.Errorf("stored %+v (%v)", all, err)
	}
	if len(all[0].Handle) != 64 {
		t.Errorf("the handle has %d bytes, want 64", len(all[0].Handle))
	}
}

func TestListUsersShowsLinkStates(t *testing.T) {
	w := newWorld(t)
	if _, err := w.directory.AddUser(t.Context(), "none", "None", []access.Role{access.Ops}); err != nil {
		t.Fatal(err)
	}
	w.enrol(w.user("used"))
	w.user("gone")
	if err := w.directory.DisableUser(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	w.user("late")
	w.clock = w.clock.Add(passkey.LinkLife)
	w.user("fresh")
	all, err := w.directory.ListUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]passkey.LinkState{"none": passkey.NoLink, "used": passkey.LinkUsed, "gone": passkey.LinkRevoked,
		"late": passkey.LinkExpired, "fresh": passkey.LinkUnused}
	for _, a := range all {
		if a.LinkState != want[a.Name] {
			t.Errorf("%s: link %q, want %q", a.Name, a.LinkState, want[a.Name])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d users, want %d", len(all), len(want))
	}
}

func TestDirectoryOfUnknownUser(t *testing.T) {
	w := newWorld(t)
	_, linkErr := w.directory.NewEnrolment(t.Context(), "nobody")
	_, teamErr := w.directory.AddToTeam(t.Context(), "Ward 1", "nobody")
	for _, err := range []error{linkErr, teamErr, w.directory.DisableUser(t.Context(), "nobody")} {
		if !errors.Is(err, health.ErrNotFound) || !strings.Contains(err.Error(), "portal user list") {
			t.Errorf("got %v, want not found with a hint", err)
		}
	}
}

func TestNoLinkForDisabledUser(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	if err := w.directory.DisableUser(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.directory.NewEnrolment(t.Context(), "ada"); err == nil || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestTeams(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.user("bob")
	for _, bad := range []string{"", " ", "a\nb", strings.Repeat("a", 101)} {
		if _, err := w.directory.AddToTeam(t.Context(), bad, "ada"); err == nil {
			t.Errorf("team %q was taken", bad)
		}
	}
	for i, name := range []string{"ada", "bob", "ada"} {
		created, err := w.directory.AddToTeam(t.Context(), " Ward 1 ", name)
		if err != nil || created != (i == 0) {
			t.Errorf("%s: created %v, %v", name, created, err)
		}
	}
}

func TestStoredDataIsDamaged(t *testing.T) {
	w := newWorld(t)
	key := w.enrol(w.user("ada"))
	token := w.link("ada")
	for _, step := range []string{"garbage", "state", "changed"} {
		service, err := passkey.New(passkey.Config{Origin: origin, RPName: "x", Now: func() time.Time { return w.clock }},
			failAt{Store: w.store, step: step})
		if err != nil {
			t.Fatal(err)
		}
		begun, err := service.BeginSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = service.FinishSignIn(t.Context(), begun.CeremonyID, w.get(begun.Options, key))
		var refusal *passkey.Error
		switch step {
		case "changed":
			wantRefusal(t, err, passkey.CodeNotAccepted)
		default:
			if err == nil || errors.As(err, &refusal) {
				t.Errorf("%s: got %v, want a failure", step, err)
			}
		}
		if _, err := service.BeginEnrolment(t.Context(), token); step == "garbage" && err == nil {
			t.Error("a damaged passkey went unnoticed at enrolment")
		}
	}
}

// What the log gets of a refusal is the code and the cause; a refusal without a
// cause has its code only.
func TestErrorText(t *testing.T) {
	w := newWorld(t)
	token := w.user("ada")
	w.enrol(token)
	_, used := w.service.BeginEnrolment(t.Context(), token)
	_, unknown := w.service.BeginEnrolment(t.Context(), "x")
	if used.Error() != "passkey: link-used" || !strings.Contains(unknown.Error(), "link-unknown: the token has") {
		t.Errorf("%q and %q", used, unknown)
	}
	if errors.Unwrap(unknown) == nil {
		t.Error("the cause is lost")
	}
}
