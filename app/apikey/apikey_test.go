package apikey_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/health"
)

func TestMakeAndAuthenticate(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.ReportsRead, access.EventsRead, access.ReportsRead)
	if !regexp.MustCompile(`^hp_[a-z2-7]{16}_[0-9A-Za-z]{43}$`).MatchString(made.Text) {
		t.Fatalf("the key reads %q", made.Text)
	}
	if k := made.Key; k.ID != made.Text[3:19] || k.Name != "nightly export" || k.Owner.Name != "m.weber" || !sameScopes(k.Scopes, []access.Permission{access.EventsRead, access.ReportsRead}) {
		t.Errorf("made %+v", k)
	}
	stored := w.Keys[made.Key.ID]
	if len(stored.SecretHash) != 32 || strings.Contains(fmt.Sprintf("%+v %s", stored, stored.SecretHash), made.Text[20:]) {
		t.Errorf("stored %+v", stored)
	}
	who, err := w.service.Authenticate(t.Context(), made.Text)
	if err != nil || who.UserID != 7 || who.Name != "Dr. Weber" || who.KeyID != made.Key.ID || who.SessionID != "" {
		t.Fatalf("%+v, %v", who, err)
	}
	for perm, want := range map[access.Permission]bool{access.EventsRead: true, access.ReportsRead: true, access.KeyHolder: true,
		access.PatientsRead: false, access.SignedIn: false, access.ResearchRead: false, access.BreakGlass: false, access.LookersRead: false} {
		if who.Can(perm) != want {
			t.Errorf("may %s: %v", perm, !want)
		}
	}
	if other := w.make(access.EventsRead); other.Text == made.Text || other.Key.ID == made.Key.ID {
		t.Error("two keys are alike")
	}
}

// Whatever is wrong with a key, there is one answer.
func TestKeysThatOpenNothing(t *testing.T) {
	for name, spoil := range map[string]func(*world, *apikey.Made){
		"wrong secret": func(_ *world, m *apikey.Made) { m.Text = m.Text[:20] + strings.Repeat("0", 43) },
		"unknown id":   func(_ *world, m *apikey.Made) { m.Text = "hp_" + strings.Repeat("a", 16) + m.Text[19:] },
		"expired":      func(w *world, _ *apikey.Made) { w.now = w.now.Add(90 * 24 * time.Hour) },
		"revoked": func(w *world, m *apikey.Made) {
			if err := w.service.Revoke(t.Context(), 1, m.Key.ID); err != nil {
				t.Fatal(err)
			}
		},
		"owner disabled": func(w *world, _ *apikey.Made) { w.owner().Disabled = true },
		"empty":          func(_ *world, m *apikey.Made) { m.Text = "" },
		"malformed":      func(_ *world, m *apikey.Made) { m.Text += "x" },
		"hash for secret": func(w *world, m *apikey.Made) {
			m.Text = m.Text[:20] + fmt.Sprintf("%x", w.Keys[m.Key.ID].SecretHash)[:43]
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := w.make(access.EventsRead)
			if _, err := w.service.Holder(t.Context(), made.Key.ID); err != nil {
				t.Fatal(err)
			}
			spoil(w, &made)
			who, err := w.service.Authenticate(t.Context(), made.Text)
			if !errors.Is(err, access.ErrNoKey) || who.UserID != 0 {
				t.Errorf("%+v, %v", who, err)
			}
			if w.Touched != 0 {
				t.Error("a refused key counts as used")
			}
			if strings.Contains(err.Error(), "hp_") && len(made.Text) > 20 && strings.Contains(err.Error(), made.Text[20:]) {
				t.Error("the error quotes the key")
			}
		})
	}
}

func TestUnknownAndWrongCostTheSame(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.EventsRead)
	var errs []string
	for _, key := range []string{made.Text[:20] + strings.Repeat("0", 43), "hp_" + strings.Repeat("b", 16) + made.Text[19:]} {
		w.Reads = 0
		_, err := w.service.Authenticate(t.Context(), key)
		errs = append(errs, fmt.Sprint(err))
		if w.Reads != 1 {
			t.Errorf("%d queries", w.Reads)
		}
	}
	if errs[0] != errs[1] {
		t.Errorf("told apart: %q", errs)
	}
}

func TestRightsFollowTheOwner(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.EventsRead, access.ReportsRead)
	for _, tt := range []struct {
		roles     []access.Role
		effective []access.Permission
	}{
		{[]access.Role{access.Clinician}, []access.Permission{access.EventsRead, access.ReportsRead}},
		{[]access.Role{access.Analyst}, []access.Permission{access.ReportsRead}},
		{[]access.Role{access.Researcher}, nil},
		{[]access.Role{access.Admin, access.Ops}, nil},
		{nil, nil},
	} {
		w.owner().Roles = tt.roles
		who, err := w.service.Authenticate(t.Context(), made.Text)
		if err != nil {
			t.Fatal(err)
		}
		k, err := w.service.Key(t.Context(), made.Key.ID)
		if err != nil || !sameScopes(k.Effective(), tt.effective) {
			t.Errorf("%v: effective %v, %v", tt.roles, k.Effective(), err)
		}
		if who.Has(access.Researcher) || !who.Can(access.KeyHolder) {
			t.Errorf("%v: %+v", tt.roles, who)
		}
		for _, scope := range access.Scopes() {
			want := strings.Contains(fmt.Sprint(tt.effective), string(scope))
			if who.Can(scope) != want {
				t.Errorf("%v may %s: %v", tt.roles, scope, !want)
			}
		}
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.EventsRead)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {0, 2}} {
		w.now = w.now.Add(step.after)
		if _, err := w.service.Authenticate(t.Context(), made.Text); err != nil || w.Touched != step.want {
			t.Errorf("after %s: noted %d times, want %d; %v", step.after, w.Touched, step.want, err)
		}
	}
	w.now, w.TouchErr = w.now.Add(time.Hour), errors.New("read-only database")
	if _, err := w.service.Authenticate(t.Context(), made.Text); err != nil {
		t.Errorf("a note that fails keeps the key's holder out: %v", err)
	}
	if log := w.log.String(); !strings.Contains(log, "could not be noted") || strings.Contains(log, made.Text[20:]) {
		t.Errorf("log: %s", log)
	}
}

func TestStoreAway(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.EventsRead)
	w.Err = errors.New("connection refused")
	_, errAuth := w.service.Authenticate(t.Context(), made.Text)
	_, errHolder := w.service.Holder(t.Context(), made.Key.ID)
	_, errList := w.service.List(t.Context(), 7)
	_, errOwners := w.service.Owners(t.Context())
	_, errMake := w.service.Make(t.Context(), 1, apikey.Request{Owner: "m.weber", Scopes: access.Scopes(), Expires: w.now.Add(time.Hour)})
	errRevoke := w.service.Revoke(t.Context(), 1, made.Key.ID)
	for i, err := range []error{errAuth, errHolder, errList, errOwners, errMake, errRevoke} {
		if !errors.Is(err, w.Err) || errors.Is(err, access.ErrNoKey) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestHolder(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.ReportsRead)
	who, err := w.service.Holder(t.Context(), made.Key.ID)
	if err != nil || who.UserID != 7 || who.KeyID != made.Key.ID || !who.Can(access.ReportsRead) || who.Can(access.EventsRead) {
		t.Errorf("%+v, %v", who, err)
	}
	for _, id := range []string{"", "x", strings.Repeat("a", 16), strings.Repeat("A", 16), "' OR 1=1 --     "} {
		if _, err := w.service.Holder(t.Context(), id); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("%q: %v", id, err)
		}
	}
	w.owner().Disabled = true
	if _, err := w.service.Holder(t.Context(), made.Key.ID); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("of a disabled owner: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	made := w.make(access.EventsRead)
	for _, id := range []string{"", "x", strings.Repeat("a", 16)} {
		if err := w.service.Revoke(t.Context(), 1, id); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, user := range []int64{0, 8} {
		if err := w.service.RevokeOwn(t.Context(), user, made.Key.ID); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("by user %d: %v", user, err)
		}
	}
	if k, _ := w.service.Key(t.Context(), made.Key.ID); k.StateAt(w.now) != apikey.Live {
		t.Errorf("the key is %s", k.StateAt(w.now))
	}
	if err := w.service.RevokeOwn(t.Context(), 7, made.Key.ID); err != nil {
		t.Fatal(err)
	}
	if k, _ := w.service.Key(t.Context(), made.Key.ID); k.StateAt(w.now) != apikey.Revoked {
		t.Errorf("the key is %s", k.StateAt(w.now))
	}
	list, err := w.service.List(t.Context(), 7)
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if owners, err := w.service.Owners(t.Context()); err != nil || len(owners) != 1 {
		t.Errorf("%v, %v", owners, err)
	}
}
