package postgres_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/people"
	"healthportal/store/postgres"
	"healthportal/store/storetest"
)

// signInTime is the clock of the sign-in stores' tests. It lies in the past,
// so that what starts "now" in SQL is later.
func signInTime() time.Time { return time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC) }

// signInDB is a database with a connection behind the portal's back.
type signInDB struct {
	*postgres.DB
	t    *testing.T
	conn *pgx.Conn
}

func openSignInDB(t *testing.T) signInDB {
	t.Helper()
	fresh := storetest.Open(t)
	db, err := postgres.Open(t.Context(), fresh.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := pgx.Connect(t.Context(), fresh.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) }) //nolint:errcheck // the database is dropped next
	return signInDB{db, t, conn}
}

// exec runs SQL behind the portal's back.
func (db signInDB) exec(sql string, args ...any) {
	db.t.Helper()
	if _, err := db.conn.Exec(db.t.Context(), sql, args...); err != nil {
		db.t.Fatal(err)
	}
}

// count runs a query for one number.
func (db signInDB) count(sql string, args ...any) int {
	db.t.Helper()
	var n int
	if err := db.conn.QueryRow(db.t.Context(), sql, args...).Scan(&n); err != nil {
		db.t.Fatal(err)
	}
	return n
}

// addUser stores a user of that name; the handle repeats its first letter.
func (db signInDB) addUser(name string, roles ...access.Role) passkey.User {
	db.t.Helper()
	_, err := db.InsertUser(db.t.Context(), people.NewUser{Name: name, DisplayName: "Dr " + name,
		Handle: bytes.Repeat([]byte(name[:1]), 64), Roles: roles})
	if err != nil {
		db.t.Fatal(err)
	}
	return db.byName(name).User
}

func (db signInDB) byName(name string) people.Account {
	db.t.Helper()
	a, err := db.AccountByName(db.t.Context(), name)
	if err != nil {
		db.t.Fatal(err)
	}
	return a
}

// addLink stores an enrolment link whose token hash is 32 times b.
func (db signInDB) addLink(u passkey.User, b byte) passkey.Enrolment {
	db.t.Helper()
	e := passkey.Enrolment{TokenHash: bytes.Repeat([]byte{b}, 32), User: u, Created: signInTime(), Expires: signInTime().Add(passkey.LinkLife)}
	l := people.NewLink{TokenHash: e.TokenHash, UserID: u.ID, Created: e.Created, Expires: e.Expires, As: people.AsLink}
	if err := db.ReplaceEnrolment(db.t.Context(), l); err != nil {
		db.t.Fatal(err)
	}
	return e
}

// addPasskey enrols a passkey through a link of its own.
func (db signInDB) addPasskey(u passkey.User, b byte) int64 {
	db.t.Helper()
	link := db.addLink(u, b)
	id, err := db.EnrolPasskey(db.t.Context(), link.TokenHash, testKey(u, b), signInTime())
	if err != nil {
		db.t.Fatal(err)
	}
	return id
}

func testKey(u passkey.User, b byte) passkey.Passkey {
	return passkey.Passkey{UserID: u.ID, CredentialID: bytes.Repeat([]byte{b}, 16), Record: []byte(`{"signCount": 1}`), Name: "key"}
}

func TestUsers(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada", access.Clinician, access.Admin)
	if ada.Name != "ada" || ada.DisplayName != "Dr ada" || ada.Disabled || len(ada.Handle) != 64 {
		t.Errorf("stored %+v", ada)
	}
	byHandle, err := db.UserByHandle(t.Context(), ada.Handle)
	if err != nil || byHandle.ID != ada.ID {
		t.Errorf("by handle: %+v, %v", byHandle, err)
	}
	for _, name := range []string{"", "nobody", "ADA", "ada'--"} {
		if _, err := db.AccountByName(t.Context(), name); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("user %q: %v, want not found", name, err)
		}
	}
	if _, err := db.UserByHandle(t.Context(), nil); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("no handle: %v, want not found", err)
	}
}

func TestInsertUserRefuses(t *testing.T) {
	db := openSignInDB(t)
	db.addUser("ada", access.Ops)
	handle := bytes.Repeat([]byte{9}, 64)
	tests := []struct {
		why  string
		user people.NewUser
		want error
	}{
		{"taken name", people.NewUser{Name: "ada", DisplayName: "x", Handle: handle, Roles: []access.Role{access.Ops}}, people.ErrUserExists},
		{"capitals", people.NewUser{Name: "Eve", DisplayName: "x", Handle: handle}, nil},
		{"short handle", people.NewUser{Name: "eve", DisplayName: "x", Handle: handle[:32]}, nil},
		{"unknown role", people.NewUser{Name: "eve", DisplayName: "x", Handle: handle, Roles: []access.Role{"root"}}, nil},
	}
	for _, tt := range tests {
		_, err := db.InsertUser(t.Context(), tt.user)
		if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) || (tt.want == nil && errors.Is(err, people.ErrUserExists)) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
	if n := db.count(`SELECT count(*) FROM auth.user_account`); n != 1 {
		t.Errorf("%d users, want the first only: a refused one left something behind", n)
	}
}

func TestAccounts(t *testing.T) {
	db := openSignInDB(t)
	bob := db.addUser("bob")
	ada := db.addUser("ada", access.Ops, access.Clinician)
	for _, team := range []string{"Ward 2", "Ward 1"} {
		if _, err := db.JoinTeam(t.Context(), team, ada.ID); err != nil {
			t.Fatal(err)
		}
	}
	db.addPasskey(ada, 1)
	db.exec(`UPDATE auth.passkey SET revoked_at = now() WHERE id = $1`, db.addPasskey(ada, 2))
	all, err := db.Accounts(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d accounts, %v", len(all), err)
	}
	got := all[0]
	if got.ID != ada.ID || !slices.Equal(got.Roles, []access.Role{access.Clinician, access.Ops}) ||
		!slices.Equal(got.TeamNames(), []string{"Ward 1", "Ward 2"}) || got.Passkeys != 1 {
		t.Errorf("ada is %+v", got)
	}
	if !got.Link.Created.Equal(signInTime()) || !got.Link.Used.Equal(signInTime()) || got.Link.As != people.AsLink || got.Link.MadeBy != "" {
		t.Errorf("ada's link is %+v", got.Link)
	}
	if other := all[1]; other.ID != bob.ID || len(other.Roles) != 0 || other.Passkeys != 0 || other.Link != (people.Link{}) {
		t.Errorf("bob is %+v", other)
	}
}

func TestJoinTeam(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	for i := range 3 {
		created, err := db.JoinTeam(t.Context(), "Ward 1", ada.ID)
		if err != nil || created != (i == 0) {
			t.Errorf("join %d: created %v, %v", i, created, err)
		}
	}
	if n := db.count(`SELECT count(*) FROM auth.care_team_user WHERE user_id = $1`, ada.ID); n != 1 {
		t.Errorf("%d memberships, want 1", n)
	}
	db.exec(`UPDATE auth.care_team_user SET valid_from = now() - interval '2 days', valid_to = now() - interval '1 day'`)
	if _, err := db.JoinTeam(t.Context(), "Ward 1", ada.ID); err != nil {
		t.Fatal(err)
	}
	if n := db.count(`SELECT count(*) FROM auth.care_team_user WHERE valid_to IS NULL`); n != 1 {
		t.Errorf("%d present memberships after the first ended, want 1", n)
	}
	if _, err := db.JoinTeam(t.Context(), "Ward 9", 12345); err == nil {
		t.Error("an unknown user joined")
	}
	if n := db.count(`SELECT count(*) FROM auth.care_team`); n != 1 {
		t.Errorf("%d teams, want 1: the refused join left its team behind", n)
	}
}
