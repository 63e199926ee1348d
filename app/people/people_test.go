package people_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/people"
	"healthportal/app/people/peopletest"
)

const origin = "https://portal.example.org"

// world is a directory on a store in memory, with an administrator (root, who
// acts) and a clinician (ada), who both have a passkey.
type world struct {
	t *testing.T
	*people.Directory
	store     *peopletest.Memory
	clock     time.Time
	root, ada people.Added
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: &peopletest.Memory{}, clock: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)}
	var err error
	w.Directory, err = people.New(people.Config{Origin: origin, Now: func() time.Time { return w.clock }}, w.store, w.store, w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.root, w.ada = w.add("root", access.Admin), w.add("ada", access.Clinician)
	w.store.AddPasskey(w.root.ID, "rootkey")
	w.store.AddPasskey(w.ada.ID, "adakey")
	return w
}

func (w *world) add(name string, roles ...access.Role) people.Added {
	w.t.Helper()
	added, err := w.AddUser(w.t.Context(), 0, name, "Dr "+name, roles)
	if err != nil {
		w.t.Fatal(err)
	}
	return added
}

func (w *world) account(u people.Added) people.Account {
	w.t.Helper()
	a, err := w.Account(w.t.Context(), u.PublicID)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestOriginOfLinks(t *testing.T) {
	for origin, problem := range map[string]string{
		"https://portal.example.org": "", "http://localhost:8080": "",
		"http://portal.example.org": "https", "https://192.0.2.1": "IP address", "": "scheme, host and port",
	} {
		_, err := people.New(people.Config{Origin: origin}, nil, nil, nil)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

func TestAddUserRefuses(t *testing.T) {
	some := []access.Role{access.Clinician}
	tests := []struct {
		why, name, display string
		roles              []access.Role
		field, want        string
	}{
		{"empty name", "", "Ada", some, "name", "user name"},
		{"capitals", "Ada", "Ada", some, "name", "lower-case"},
		{"space", "ada l", "Ada", some, "name", "user name"},
		{"leading dash", "-ada", "Ada", some, "name", "user name"},
		{"line break", "ada\n", "Ada", some, "name", "user name"},
		{"too long", strings.Repeat("a", 65), "Ada", some, "name", "user name"},
		{"no display name", "eve", " ", some, "display_name", "display name"},
		{"display name with control", "eve", "A\x1bda", some, "display_name", "display name"},
		{"display name that turns text around", "eve", "A\u202eda", some, "display_name", "display name"},
		{"display name that is no text", "eve", "A\xffda", some, "display_name", "display name"},
		{"long display name", "eve", strings.Repeat("a", 101), some, "display_name", "display name"},
		{"no role", "eve", "Ada", nil, "roles", "at least one role"},
		{"unknown role", "eve", "Ada", []access.Role{"root"}, "roles", "clinician"},
	}
	w := newWorld(t)
	for _, tt := range tests {
		_, err := w.AddUser(t.Context(), w.root.ID, tt.name, tt.display, tt.roles)
		var field *people.FieldError
		if !errors.As(err, &field) || field.Field != tt.field || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %q", tt.why, err, tt.want)
		}
	}
	if _, err := w.AddUser(t.Context(), 0, "ada", "Other", some); !errors.Is(err, people.ErrUserExists) {
		t.Errorf("taken name: %v", err)
	}
}

func TestRolesAreKeptOnce(t *testing.T) {
	w := newWorld(t)
	added, err := w.AddUser(t.Context(), 0, "x1", " Ada  ", []access.Role{access.Ops, access.Clinician, access.Ops})
	if err != nil {
		t.Fatal(err)
	}
	a := w.account(added)
	if !slices.Equal(a.Roles, []access.Role{access.Clinician, access.Ops}) || a.DisplayName != "Ada" || len(a.Handle) != 64 {
		t.Errorf("stored %+v", a)
	}
}

func TestLinks(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		opt  people.LinkOptions
		life time.Duration
		as   people.HandedAs
	}{
		{people.LinkOptions{}, 24 * time.Hour, people.AsLink},
		{people.LinkOptions{As: people.AsLink, EndsOld: true}, 24 * time.Hour, people.AsLink},
		{people.LinkOptions{As: people.AsQR}, 10 * time.Minute, people.AsQR},
		{people.LinkOptions{As: "carrier pigeon"}, 24 * time.Hour, people.AsLink},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		link, err := w.NewEnrolment(t.Context(), w.root.ID, w.ada.PublicID, tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		token, ok := strings.CutPrefix(link.URL, origin+"/enrol#")
		if !ok || len(token) != 43 || seen[token] {
			t.Errorf("the link is %q", link.URL)
		}
		seen[token] = true
		stored := w.store.Links[len(w.store.Links)-1]
		if !link.Expires.Equal(w.clock.Add(tt.life)) || !stored.Expires.Equal(link.Expires) || stored.As != tt.as || stored.EndsOld != tt.opt.EndsOld ||
			stored.By != w.root.ID || strings.Contains(string(stored.TokenHash), token) || len(stored.TokenHash) != 32 {
			t.Errorf("%+v: %+v, stored %+v", tt.opt, link, stored)
		}
	}
	if a := w.account(w.ada); a.LinkState != passkey.LinkUnused {
		t.Errorf("state %q", a.LinkState)
	}
	if err := w.RevokeLink(t.Context(), w.root.ID, w.ada.PublicID); err != nil || w.account(w.ada).LinkState != passkey.LinkRevoked {
		t.Errorf("withdrawn: %v, %q", err, w.account(w.ada).LinkState)
	}
	if err := w.RevokeLink(t.Context(), w.root.ID, w.ada.PublicID); !errors.Is(err, people.ErrNoLink) {
		t.Errorf("again: %v", err)
	}
}

func TestLinkStatesInLists(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"used", "gone", "late"} {
		u := w.add(name, access.Ops)
		if _, err := w.NewEnrolment(t.Context(), 0, u.PublicID, people.LinkOptions{}); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "used":
			w.store.Change(u.PublicID, func(a *people.Account) { a.Link.Used = w.clock })
		case "gone":
			if err := w.DisableUser(t.Context(), w.root.ID, u.PublicID); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.clock = w.clock.Add(people.LinkLife)
	all, err := w.ListUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]passkey.LinkState{"root": passkey.NoLink, "ada": passkey.NoLink, "used": passkey.LinkUsed,
		"gone": passkey.LinkRevoked, "late": passkey.LinkExpired}
	for _, a := range all {
		if a.LinkState != want[a.Name] {
			t.Errorf("%s: link %q, want %q", a.Name, a.LinkState, want[a.Name])
		}
	}
}

// Nobody changes roles, state, links or passkeys of their own account here.
func TestNotOnesOwnAccount(t *testing.T) {
	w := newWorld(t)
	ctx, me, id := t.Context(), w.root.ID, w.root.PublicID
	w.store.AddSession(me, "s1")
	for what, err := range map[string]error{
		"roles":   w.SetRoles(ctx, me, id, []access.Role{access.Admin, access.Clinician}),
		"disable": w.DisableUser(ctx, me, id),
		"enable":  w.EnableUser(ctx, me, id),
		"passkey": w.RevokePasskey(ctx, me, id, "rootkey"),
		"session": w.EndSession(ctx, me, id, "s1"),
		"all":     func() error { _, err := w.EndSessions(ctx, me, id); return err }(),
		"link":    func() error { _, err := w.NewEnrolment(ctx, me, id, people.LinkOptions{}); return err }(),
	} {
		if !errors.Is(err, people.ErrSelf) {
			t.Errorf("%s: %v, want refused", what, err)
		}
	}
	if a := w.account(w.root); len(a.Roles) != 1 || a.Disabled || a.Passkeys != 1 || len(w.store.SessionIDs(me)) != 1 || len(w.store.Links) != 0 {
		t.Errorf("changed all the same: %+v", a)
	}
}

func TestChangesOfOthers(t *testing.T) {
	w := newWorld(t)
	ctx, me, id := t.Context(), w.root.ID, w.ada.PublicID
	for _, s := range []string{"s1", "s2", "s3"} {
		w.store.AddSession(w.ada.ID, s)
	}
	if err := w.EndSession(ctx, me, id, "s2"); err != nil || len(w.store.SessionIDs(w.ada.ID)) != 2 {
		t.Errorf("end one: %v", err)
	}
	if err := w.EndSession(ctx, me, id, "s2"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("end it again: %v", err)
	}
	if n, err := w.EndSessions(ctx, me, id); n != 2 || err != nil {
		t.Errorf("end all: %d, %v", n, err)
	}
	if n, err := w.EndSessions(ctx, me, id); n != 0 || err != nil {
		t.Errorf("end none: %d, %v", n, err)
	}
	if want := []string{"1 to 2: One of your sessions was ended.", "1 to 2: All your sessions were ended."}; !slices.Equal(w.store.Told, want) {
		t.Errorf("told %q", w.store.Told)
	}
	if err := w.SetRoles(ctx, me, id, []access.Role{access.Ops, access.Analyst}); err != nil || !slices.Equal(w.account(w.ada).Roles, []access.Role{access.Analyst, access.Ops}) {
		t.Errorf("roles: %v", err)
	}
	var field *people.FieldError
	for _, bad := range [][]access.Role{nil, {"root"}, {access.Ops, ""}} {
		if err := w.SetRoles(ctx, me, id, bad); !errors.As(err, &field) || field.Field != "roles" {
			t.Errorf("roles %q: %v", bad, err)
		}
	}
	if err := w.RevokePasskey(ctx, me, id, "rootkey"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("another's passkey: %v", err)
	}
	if err := w.RevokePasskey(ctx, me, id, "adakey"); err != nil || w.account(w.ada).Passkeys != 0 {
		t.Errorf("the last passkey: %v", err)
	}
	if err := w.DisableUser(ctx, me, id); err != nil || !w.account(w.ada).Disabled {
		t.Errorf("disable: %v", err)
	}
	if _, err := w.NewEnrolment(ctx, me, id, people.LinkOptions{}); !errors.Is(err, people.ErrDisabled) {
		t.Errorf("a link for a disabled user: %v", err)
	}
	if err := w.EnableUser(ctx, me, id); err != nil || w.account(w.ada).Disabled {
		t.Errorf("enable: %v", err)
	}
}

func TestLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	ctx, id := t.Context(), w.root.PublicID
	for what, err := range map[string]error{
		"roles":   w.SetRoles(ctx, 0, id, []access.Role{access.Ops}),
		"disable": w.DisableUser(ctx, 0, id),
		"passkey": w.RevokePasskey(ctx, 0, id, "rootkey"),
	} {
		if !errors.Is(err, people.ErrLastAdmin) {
			t.Errorf("%s: %v, want refused", what, err)
		}
	}
}

func TestUnknownUsers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for _, id := range []string{"", "u99", "root", "1", "'; --"} {
		_, linkErr := w.NewEnrolment(ctx, 0, id, people.LinkOptions{})
		_, sessionsErr := w.EndSessions(ctx, 0, id)
		_, err := w.Account(ctx, id)
		for _, err := range []error{err, linkErr, sessionsErr, w.EndSession(ctx, 0, id, "s"), w.DisableUser(ctx, 0, id), w.EnableUser(ctx, 0, id),
			w.SetRoles(ctx, 0, id, []access.Role{access.Ops}), w.RevokePasskey(ctx, 0, id, "x"), w.RevokeLink(ctx, 0, id)} {
			if !errors.Is(err, health.ErrNotFound) {
				t.Errorf("%q: %v, want not found", id, err)
			}
		}
	}
	_, nameErr := w.ByName(ctx, "nobody")
	_, teamErr := w.AddToTeam(ctx, "Ward 1", "nobody")
	for _, err := range []error{nameErr, teamErr} {
		if !errors.Is(err, health.ErrNotFound) || !strings.Contains(err.Error(), "portal user list") {
			t.Errorf("got %v, want not found with a hint", err)
		}
	}
}

func TestTeams(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{"", " ", "a\nb", strings.Repeat("a", 101)} {
		if _, err := w.AddToTeam(t.Context(), bad, "ada"); err == nil {
			t.Errorf("team %q was taken", bad)
		}
	}
	for i, name := range []string{"ada", "root", "ada"} {
		created, err := w.AddToTeam(t.Context(), " Ward 1 ", name)
		if err != nil || created != (i == 0) {
			t.Errorf("%s: created %v, %v", name, created, err)
		}
	}
	if got := w.account(w.ada).TeamNames(); !slices.Equal(got, []string{"Ward 1"}) {
		t.Errorf("teams %q", got)
	}
}

// A store that fails is a failure, never an answer.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	ctx, id := t.Context(), w.ada.PublicID
	w.store.Fail = errors.New("disk full")
	_, accountErr := w.Account(ctx, id)
	_, nameErr := w.ByName(ctx, "ada")
	_, listErr := w.ListUsers(ctx)
	_, addErr := w.AddUser(ctx, 0, "eve", "Eve", []access.Role{access.Ops})
	_, linkErr := w.NewEnrolment(ctx, 0, id, people.LinkOptions{})
	_, endErr := w.EndSessions(ctx, 0, id)
	for i, err := range []error{accountErr, nameErr, listErr, addErr, linkErr, endErr, w.DisableUser(ctx, 0, id), w.SetRoles(ctx, 0, id, []access.Role{access.Ops})} {
		if !errors.Is(err, w.store.Fail) || errors.Is(err, health.ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
