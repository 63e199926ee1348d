package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/people"
)

// office is a database with an administrator and a clinician who can sign in.
func office(t *testing.T) (db signInDB, admin, ada passkey.User) {
	db = openSignInDB(t)
	admin, ada = db.addUser("root", access.Admin), db.addUser("ada", access.Clinician)
	db.addPasskey(admin, 1)
	db.addPasskey(ada, 2)
	return db, admin, ada
}

// signIn stores a live session of the passkey that addPasskey made with b.
func (db signInDB) signIn(u passkey.User, b byte) {
	db.t.Helper()
	db.exec(`INSERT INTO auth.session (token_hash, user_id, passkey_id, csrf, expires_at)
		SELECT $1, $2, id, 'c', now() + interval '1 hour' FROM auth.passkey WHERE credential_id = $3`,
		bytes.Repeat([]byte{b}, 32), u.ID, bytes.Repeat([]byte{b}, 16))
}

func (db signInDB) openSessions(u passkey.User) int {
	return db.count(`SELECT count(*) FROM auth.session WHERE user_id = $1 AND ended_at IS NULL`, u.ID)
}

// told is the words of the user's notices with who did it.
func (db signInDB) told(u passkey.User) string {
	db.t.Helper()
	list, err := db.UnseenNotices(db.t.Context(), u.ID)
	if err != nil {
		db.t.Fatal(err)
	}
	var words []string
	for _, n := range list {
		words = append(words, fmt.Sprintf("%s: %s (%s)", n.Kind, n.What, n.By))
	}
	return strings.Join(words, "; ")
}

// passkeyOf is the public id of the passkey that addPasskey made with b.
func (db signInDB) passkeyOf(b byte) (id string) {
	db.t.Helper()
	if err := db.conn.QueryRow(db.t.Context(), `SELECT public_id FROM auth.passkey WHERE credential_id = $1`, bytes.Repeat([]byte{b}, 16)).Scan(&id); err != nil {
		db.t.Fatal(err)
	}
	return id
}

func TestSetRoles(t *testing.T) {
	db, admin, ada := office(t)
	db.signIn(ada, 2)
	ctx := t.Context()
	if err := db.SetRoles(ctx, admin.ID, ada.ID, []access.Role{access.Clinician}, signInTime()); err != nil {
		t.Fatal(err)
	}
	if db.openSessions(ada) != 1 || db.told(ada) != "" {
		t.Error("the same roles again ended a session, or left a notice")
	}
	if err := db.SetRoles(ctx, admin.ID, ada.ID, []access.Role{access.Privacy, access.Analyst}, signInTime()); err != nil {
		t.Fatal(err)
	}
	if got := db.byName("ada").Roles; !slices.Equal(got, []access.Role{access.Analyst, access.Privacy}) {
		t.Errorf("roles %v", got)
	}
	if db.openSessions(ada) != 0 {
		t.Error("a session goes on with the old roles")
	}
	if got := db.told(ada); got != "role: Your roles were changed from clinician to analyst, privacy. (Dr root)" {
		t.Errorf("notices %q", got)
	}
	if n := db.count(`SELECT count(*) FROM auth.user_role WHERE user_id = $1 AND granted_by = $2`, ada.ID, admin.ID); n != 2 {
		t.Errorf("%d roles say who gave them, want 2", n)
	}
	for why, call := range map[string]error{
		"unknown user": db.SetRoles(ctx, 0, 12345, []access.Role{access.Ops}, signInTime()),
		"unknown key":  db.RevokePasskey(ctx, 0, ada.ID, "nothing", signInTime()),
		"other's key":  db.RevokePasskey(ctx, 0, ada.ID, db.passkeyOf(1), signInTime()),
		"nobody":       db.SetDisabled(ctx, 0, 12345, true, signInTime()),
		"no such user": db.ReplaceEnrolment(ctx, people.NewLink{UserID: 12345, TokenHash: make([]byte, 32), As: people.AsLink}),
	} {
		if !errors.Is(call, health.ErrNotFound) {
			t.Errorf("%s: %v, want not found", why, call)
		}
	}
}

func TestDisableAndEnable(t *testing.T) {
	db, admin, ada := office(t)
	bob := db.addUser("bob", access.Ops)
	db.addPasskey(bob, 3)
	db.signIn(ada, 2)
	db.signIn(bob, 3)
	for i, u := range []passkey.User{ada, bob} {
		db.addLink(u, byte(20+i))
	}
	for range 2 { // the second changes nothing
		if err := db.SetDisabled(t.Context(), admin.ID, ada.ID, true, signInTime()); err != nil {
			t.Fatal(err)
		}
	}
	if db.openSessions(ada) != 0 || db.openSessions(bob) != 1 {
		t.Error("want Ada's session ended, and Bob's not")
	}
	states := map[byte]passkey.LinkState{20: passkey.LinkRevoked, 21: passkey.LinkUnused}
	for b, want := range states {
		link, err := db.EnrolmentLink(t.Context(), bytes.Repeat([]byte{b}, 32))
		if err != nil || link.State(signInTime()) != want || link.User.Disabled != (b == 20) {
			t.Errorf("link %d: %+v, %v; want %s", b, link, err, want)
		}
	}
	err := db.ReplaceEnrolment(t.Context(), people.NewLink{UserID: ada.ID, TokenHash: make([]byte, 32), As: people.AsLink})
	if !errors.Is(err, people.ErrDisabled) {
		t.Errorf("a link for a disabled user: %v", err)
	}
	if err := db.SetDisabled(t.Context(), admin.ID, ada.ID, false, signInTime()); err != nil || db.byName("ada").Disabled {
		t.Errorf("enabled: %v", err)
	}
	if db.openSessions(ada) != 0 {
		t.Error("enabling revived a session")
	}
	want := "link: An enrolment link was made for your account. (); account: Your account was disabled. (Dr root); account: Your account was enabled again. (Dr root)"
	if got := db.told(ada); !strings.HasSuffix(got, want) {
		t.Errorf("notices %q", got)
	}
}

func TestRevokePasskey(t *testing.T) {
	db, admin, ada := office(t)
	db.addPasskey(ada, 3)
	db.signIn(ada, 2)
	db.signIn(ada, 3)
	if err := db.RevokePasskey(t.Context(), admin.ID, ada.ID, db.passkeyOf(2), signInTime()); err != nil {
		t.Fatal(err)
	}
	if db.byName("ada").Passkeys != 1 || db.openSessions(ada) != 1 {
		t.Error("want the other passkey and its session left alone")
	}
	if err := db.RevokePasskey(t.Context(), admin.ID, ada.ID, db.passkeyOf(2), signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if err := db.RevokePasskey(t.Context(), admin.ID, ada.ID, db.passkeyOf(3), signInTime()); err != nil || db.byName("ada").Passkeys != 0 {
		t.Errorf("the last one: %v", err)
	}
	if got := db.told(ada); !strings.Contains(got, "passkey: One of your passkeys was removed. (Dr root)") {
		t.Errorf("notices %q", got)
	}
}

func TestLinksOfUsers(t *testing.T) {
	db, admin, ada := office(t)
	ctx := t.Context()
	link := people.NewLink{TokenHash: bytes.Repeat([]byte{7}, 32), UserID: ada.ID, Created: signInTime().Add(time.Minute), Expires: signInTime().Add(time.Hour),
		As: people.AsQR, EndsOld: true, By: admin.ID}
	if err := db.ReplaceEnrolment(ctx, link); err != nil {
		t.Fatal(err)
	}
	got := db.byName("ada").Link
	if got.MadeBy != "Dr root" || got.As != people.AsQR || !got.EndsOld || !got.Expires.Equal(link.Expires) {
		t.Errorf("the link is %+v", got)
	}
	if err := db.RevokeEnrolment(ctx, admin.ID, ada.ID, link.Expires); !errors.Is(err, people.ErrNoLink) {
		t.Errorf("an expired link: %v", err)
	}
	if err := db.RevokeEnrolment(ctx, admin.ID, ada.ID, signInTime()); err != nil || db.byName("ada").Link.Revoked.IsZero() {
		t.Errorf("withdrawn: %v", err)
	}
	if err := db.RevokeEnrolment(ctx, admin.ID, ada.ID, signInTime()); !errors.Is(err, people.ErrNoLink) {
		t.Errorf("withdrawn again: %v", err)
	}
	if got := db.told(ada); !strings.Contains(got, "link: An enrolment link was made for your account. (Dr root); link: The unused enrolment link of your account was withdrawn. (Dr root)") {
		t.Errorf("notices %q", got)
	}
	fresh := db.addUser("eve", access.Ops)
	db.addLink(fresh, 8)
	if got := db.told(fresh); got != "" {
		t.Errorf("an account that nobody has enrolled for has notices: %q", got)
	}
	if err := db.TellSessions(ctx, admin.ID, ada.ID, "All your sessions were ended."); err != nil || !strings.HasSuffix(db.told(ada), "session: All your sessions were ended. (Dr root)") {
		t.Errorf("%v, notices %q", err, db.told(ada))
	}
}

// Whoever may no longer manage users changes nothing, even where the request
// had been let in before.
func TestActingUserIsCheckedAgain(t *testing.T) {
	db, admin, ada := office(t)
	second := db.addUser("zoe", access.Admin)
	db.addPasskey(second, 3)
	if err := db.SetDisabled(t.Context(), admin.ID, second.ID, true, signInTime()); err != nil {
		t.Fatal(err)
	}
	for who, by := range map[string]int64{"a disabled administrator": second.ID, "a clinician": ada.ID, "nobody": 12345} {
		for what, err := range map[string]error{
			"add":     func() error { _, err := db.InsertUser(t.Context(), people.NewUser{Name: "eve", By: by}); return err }(),
			"link":    db.ReplaceEnrolment(t.Context(), people.NewLink{UserID: ada.ID, By: by}),
			"revoke":  db.RevokeEnrolment(t.Context(), by, ada.ID, signInTime()),
			"roles":   db.SetRoles(t.Context(), by, ada.ID, []access.Role{access.Admin}, signInTime()),
			"disable": db.SetDisabled(t.Context(), by, ada.ID, true, signInTime()),
			"passkey": db.RevokePasskey(t.Context(), by, ada.ID, db.passkeyOf(2), signInTime()),
		} {
			if !errors.Is(err, access.ErrDenied) {
				t.Errorf("%s, %s: %v, want denied", who, what, err)
			}
		}
	}
	if a := db.byName("ada"); a.Disabled || a.Passkeys != 1 || !slices.Equal(a.Roles, []access.Role{access.Clinician}) {
		t.Errorf("Ada is %+v", a)
	}
}

func TestLastAdministrator(t *testing.T) {
	db, admin, _ := office(t)
	ctx, at := t.Context(), signInTime()
	acts := map[string]func() error{
		"roles":   func() error { return db.SetRoles(ctx, 0, admin.ID, []access.Role{access.Ops}, at) },
		"disable": func() error { return db.SetDisabled(ctx, 0, admin.ID, true, at) },
		"passkey": func() error { return db.RevokePasskey(ctx, 0, admin.ID, db.passkeyOf(1), at) },
	}
	refused := func(when string) {
		t.Helper()
		for what, act := range acts {
			if err := act(); !errors.Is(err, people.ErrLastAdmin) {
				t.Errorf("%s, %s: %v, want refused", when, what, err)
			}
		}
	}
	refused("alone")
	second := db.addUser("zoe", access.Admin)
	refused("the other has neither passkey nor link")
	db.addLink(second, 30)
	at = signInTime().Add(passkey.LinkLife)
	refused("the other's link has expired")
	db.exec(`UPDATE auth.user_account SET disabled_at = now() WHERE id = $1`, second.ID)
	at = signInTime()
	refused("the other is disabled")
	db.exec(`UPDATE auth.user_account SET disabled_at = NULL WHERE id = $1`, second.ID)
	if err := acts["roles"](); err != nil {
		t.Errorf("the other has a link: %v", err)
	}
	if err := db.RevokeEnrolment(ctx, 0, second.ID, at); !errors.Is(err, people.ErrLastAdmin) {
		t.Errorf("the last administrator's only link: %v", err)
	}
}

// Two administrators who remove each other at once: one of them stays, whatever
// the two try, every time.
func TestLastAdministratorAtOnce(t *testing.T) {
	db := openSignInDB(t)
	a, b := db.addUser("anna", access.Admin), db.addUser("bert", access.Admin)
	db.addPasskey(a, 1)
	db.addPasskey(b, 2)
	keys := map[int64]string{a.ID: db.passkeyOf(1), b.ID: db.passkeyOf(2)}
	acts := []func(ctx context.Context, by, of int64) error{
		func(ctx context.Context, by, of int64) error {
			return db.SetRoles(ctx, by, of, []access.Role{access.Ops}, signInTime())
		},
		func(ctx context.Context, by, of int64) error { return db.SetDisabled(ctx, by, of, true, signInTime()) },
		func(ctx context.Context, by, of int64) error {
			return db.RevokePasskey(ctx, by, of, keys[of], signInTime())
		},
	}
	for round := range 24 {
		for _, by := range []bool{true, false} { // as each other, and as commands
			first, second := acts[round%3], acts[round/3%3]
			errs := make([]error, 2)
			var start, done sync.WaitGroup
			start.Add(1)
			for i, act := range []func() error{
				func() error { return first(t.Context(), pick(by, a.ID), b.ID) },
				func() error { return second(t.Context(), pick(by, b.ID), a.ID) },
			} {
				done.Go(func() {
					start.Wait()
					errs[i] = act()
				})
			}
			start.Done()
			done.Wait()
			won := 0
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case !errors.Is(err, people.ErrLastAdmin) && !errors.Is(err, access.ErrDenied):
					t.Fatal(err)
				}
			}
			able := db.count(`SELECT count(*) FROM auth.user_account u JOIN auth.user_role r ON r.user_id = u.id AND r.role = 'admin'
				WHERE u.disabled_at IS NULL AND EXISTS (SELECT FROM auth.passkey k WHERE k.user_id = u.id AND k.revoked_at IS NULL)`)
			if able < 1 || won != 1 {
				t.Fatalf("round %d: %d of 2 succeeded (%v), %d administrators are left", round, won, errs, able)
			}
			db.exec(`UPDATE auth.user_account SET disabled_at = NULL`)
			db.exec(`UPDATE auth.passkey SET revoked_at = NULL`)
			db.exec(`DELETE FROM auth.user_role`)
			db.exec(`INSERT INTO auth.user_role (user_id, role) SELECT id, 'admin' FROM auth.user_account`)
		}
	}
}

func pick(really bool, id int64) int64 {
	if really {
		return id
	}
	return 0
}

// A closed database is an error of the store, never an answer.
func TestUserStoresAreClosed(t *testing.T) {
	db := openSignInDB(t)
	db.Close()
	ctx, now := t.Context(), signInTime()
	calls := map[string]func() error{
		"InsertUser":       func() error { _, err := db.InsertUser(ctx, people.NewUser{}); return err },
		"Account":          func() error { _, err := db.Account(ctx, "x"); return err },
		"AccountByName":    func() error { _, err := db.AccountByName(ctx, "ada"); return err },
		"Accounts":         func() error { _, err := db.Accounts(ctx); return err },
		"SetRoles":         func() error { return db.SetRoles(ctx, 0, 1, []access.Role{access.Ops}, now) },
		"SetDisabled":      func() error { return db.SetDisabled(ctx, 0, 1, true, now) },
		"RevokePasskey":    func() error { return db.RevokePasskey(ctx, 0, 1, "x", now) },
		"TellSessions":     func() error { return db.TellSessions(ctx, 0, 1, "x") },
		"JoinTeam":         func() error { _, err := db.JoinTeam(ctx, "x", 1); return err },
		"ReplaceEnrolment": func() error { return db.ReplaceEnrolment(ctx, people.NewLink{}) },
		"RevokeEnrolment":  func() error { return db.RevokeEnrolment(ctx, 0, 1, now) },
	}
	for name, call := range calls {
		err := call()
		if err == nil || errors.Is(err, health.ErrNotFound) || errors.Is(err, people.ErrNoLink) || errors.Is(err, access.ErrDenied) {
			t.Errorf("%s: %v, want a failure", name, err)
		}
	}
}
