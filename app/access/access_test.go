package access_test

import (
	"slices"
	"strings"
	"testing"

	"healthportal/app/access"
	"healthportal/app/health"
)

func TestParseRole(t *testing.T) {
	for _, r := range access.Roles() {
		if got, err := access.ParseRole(string(r)); err != nil || got != r {
			t.Errorf("%s: %v, %v", r, got, err)
		}
	}
	for _, bad := range []string{"", "root", "Admin", "admin ", "clinician,admin", "admin\x00"} {
		got, err := access.ParseRole(bad)
		if err == nil || got != "" || !strings.Contains(err.Error(), "clinician, analyst, researcher, ops, privacy, admin") {
			t.Errorf("%q: %q, %v; want an error that lists the roles", bad, got, err)
		}
	}
}

// The table "who may see what", written down a second time: a change of the
// rules must be made twice on purpose.
func TestGrants(t *testing.T) {
	all := access.Permissions()
	want := map[access.Role][]access.Permission{
		access.Clinician:  {access.PatientsRead, access.EventsRead, access.ReportsRead, access.LookersRead, access.RangesRead, access.RangesSign, access.BreakGlass},
		access.Analyst:    {access.ReportsRead},
		access.Researcher: {access.ResearchRead},
		access.Ops:        nil,
		access.Privacy:    {access.AuditRead, access.BreakGlassRead, access.BreakGlassReview},
		access.Admin:      {access.AuditRead, access.BreakGlassRead, access.UsersManage, access.TeamsManage, access.KeysManage},
	}
	if len(want) != len(access.Roles()) {
		t.Fatalf("%d roles are described, there are %d", len(want), len(access.Roles()))
	}
	for role, perms := range want {
		p := access.Principal{UserID: 1, Roles: []access.Role{role}}
		for _, perm := range all {
			if got := p.Can(perm); got != slices.Contains(perms, perm) {
				t.Errorf("%s may %s: %v", role, perm, got)
			}
		}
		if !p.Can(access.SignedIn) || !p.Can(access.Public) {
			t.Errorf("%s is kept out of what is open to everybody", role)
		}
		if p.AllReports() != (role == access.Analyst) {
			t.Errorf("%s reads all reports: %v", role, p.AllReports())
		}
	}
}

func TestDenyIsTheDefault(t *testing.T) {
	tests := []struct {
		name string
		who  access.Principal
		perm access.Permission
		want bool
	}{
		{"nobody, public", access.Principal{}, access.Public, true},
		{"nobody, signed in", access.Principal{}, access.SignedIn, false},
		{"nobody, health", access.Principal{}, access.EventsRead, false},
		{"roles without a user", access.Principal{Roles: []access.Role{access.Clinician}}, access.EventsRead, false},
		{"no role", access.Principal{UserID: 1}, access.EventsRead, false},
		{"unknown role", access.Principal{UserID: 1, Roles: []access.Role{"root"}}, access.EventsRead, false},
		{"unknown permission", access.Principal{UserID: 1, Roles: access.Roles()}, "everything", false},
		{"empty permission", access.Principal{UserID: 1, Roles: access.Roles()}, "", false},
		{"several roles add up", access.Principal{UserID: 1, Roles: []access.Role{access.Ops, access.Analyst}}, access.ReportsRead, true},
	}
	for _, tt := range tests {
		if got := tt.who.Can(tt.perm); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestScope(t *testing.T) {
	if s := access.One(7); !slices.Equal(s.Persons, []health.PersonID{7}) || s.AllReports {
		t.Errorf("a scope of one is %+v", s)
	}
}

func TestWordsKeepTheOrderOfRoles(t *testing.T) {
	if got := access.Words([]access.Role{access.Admin, access.Clinician, access.Role("gone")}, "+"); got != "clinician+admin" {
		t.Errorf("words %q", got)
	}
}
