package postgres_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
)

// addSession stores a live session of the user that the passkey signed in, and
// returns its public id.
func (db signInDB) addSession(u passkey.User, keyID int64, b byte) string {
	db.t.Helper()
	var id string
	err := db.conn.QueryRow(db.t.Context(), `INSERT INTO auth.session (token_hash, user_id, passkey_id, csrf, expires_at)
		VALUES ($1, $2, $3, 'x', now() + interval '1 hour') RETURNING public_id`, bytes.Repeat([]byte{b}, 32), u.ID, keyID).Scan(&id)
	if err != nil {
		db.t.Fatal(err)
	}
	return id
}

func (db signInDB) ended(session string) bool {
	db.t.Helper()
	return db.count(`SELECT count(*) FROM auth.session WHERE public_id = $1 AND ended_at IS NOT NULL AND ended_why <> ''`, session) == 1
}

func TestOwnPasskeys(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada", access.Clinician)
	first := db.addPasskey(ada, 1)
	key := testKey(ada, 2)
	key.Name, key.Device = "Blue key", passkey.Device{AAGUID: "2fc0579f-8113-47ea-b116-bb5a8db9202a", MaySync: true, Transports: []string{"usb", "nfc"}}
	id, err := db.AddPasskey(t.Context(), key, signInTime())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.LivePasskeys(t.Context(), ada.ID)
	if err != nil || len(keys) != 2 || keys[0].ID != first {
		t.Fatalf("%+v, %v", keys, err)
	}
	got := keys[1]
	if got.PublicID != id || got.Name != "Blue key" || got.Device.AAGUID != key.Device.AAGUID || !got.Device.MaySync || got.Device.Synced ||
		!slices.Equal(got.Device.Transports, []string{"usb", "nfc"}) || !got.Created.Equal(signInTime()) || !got.LastUsed.IsZero() {
		t.Errorf("stored %+v", got)
	}
	if keys[0].Device.AAGUID != "" || len(keys[0].Device.Transports) != 0 {
		t.Errorf("the device of the first is %+v", keys[0].Device)
	}
	use := passkey.Use{PasskeyID: got.ID, Before: got.Record, After: []byte(`{"signCount": 9}`), Device: passkey.Device{MaySync: true, Synced: true, Transports: []string{"hybrid"}}, At: signInTime().Add(time.Hour)}
	if err := db.RecordPasskeyUse(t.Context(), use); err != nil {
		t.Fatal(err)
	}
	if err := db.RenamePasskey(t.Context(), ada.ID, id, "Red key"); err != nil {
		t.Fatal(err)
	}
	if keys, err = db.LivePasskeys(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	if got = keys[1]; got.Name != "Red key" || !got.Device.Synced || !slices.Equal(got.Device.Transports, []string{"hybrid"}) ||
		!got.LastUsed.Equal(use.At) || got.Device.AAGUID != key.Device.AAGUID {
		t.Errorf("after a use: %+v", got)
	}
	byID, err := db.UserByID(t.Context(), ada.ID)
	if err != nil || byID.Name != "ada" || !bytes.Equal(byID.Handle, ada.Handle) {
		t.Errorf("by id: %+v, %v", byID, err)
	}
	if _, err := db.UserByID(t.Context(), 4711); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown user: %v", err)
	}
}

func TestAddPasskeyRefuses(t *testing.T) {
	db := openSignInDB(t)
	ada, bob := db.addUser("ada"), db.addUser("bob")
	db.addPasskey(ada, 1)
	if _, err := db.AddPasskey(t.Context(), testKey(bob, 1), signInTime()); !errors.Is(err, passkey.ErrKnown) {
		t.Errorf("ada's credential: %v", err)
	}
	if _, err := db.AddPasskey(t.Context(), testKey(passkey.User{ID: 4711}, 2), signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	db.exec(`UPDATE auth.user_account SET disabled_at = now() WHERE name = 'bob'`)
	if _, err := db.AddPasskey(t.Context(), testKey(bob, 3), signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a disabled user's: %v", err)
	}
	if n := db.count(`SELECT count(*) FROM auth.passkey`); n != 1 {
		t.Errorf("%d passkeys", n)
	}
}

func TestRemovePasskey(t *testing.T) {
	db := openSignInDB(t)
	ada, bob := db.addUser("ada"), db.addUser("bob")
	first := db.addPasskey(ada, 1)
	db.addPasskey(bob, 2)
	second, err := db.AddPasskey(t.Context(), testKey(ada, 3), signInTime())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.LivePasskeys(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	bySecond, byFirst := db.addSession(ada, keys[1].ID, 1), db.addSession(ada, first, 2)
	for _, other := range []string{"", "x", "' OR 1=1 --"} {
		if err := db.RemovePasskey(t.Context(), ada.ID, other, signInTime()); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("remove %q: %v", other, err)
		}
	}
	if err := db.RemovePasskey(t.Context(), bob.ID, second, signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("bob removes ada's: %v", err)
	}
	if err := db.RenamePasskey(t.Context(), bob.ID, second, "mine"); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("bob renames ada's: %v", err)
	}
	if err := db.RemovePasskey(t.Context(), ada.ID, second, signInTime()); err != nil {
		t.Fatal(err)
	}
	if !db.ended(bySecond) || db.ended(byFirst) {
		t.Error("the session of the removed passkey lives on, or another ended")
	}
	if err := db.RemovePasskey(t.Context(), ada.ID, second, signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if err := db.RemovePasskey(t.Context(), ada.ID, keys[0].PublicID, signInTime()); !errors.Is(err, passkey.ErrLastPasskey) {
		t.Errorf("the last one: %v", err)
	}
	if db.ended(byFirst) {
		t.Error("a refused removal ended a session")
	}
}

// Two passkeys, both removed at once: one stays.
func TestRemoveBothAtOnce(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	for round := range 10 {
		db.exec(`UPDATE auth.passkey SET revoked_at = now() WHERE revoked_at IS NULL`)
		var ids [2]string
		for i := range ids {
			id, err := db.AddPasskey(t.Context(), testKey(ada, byte(10+2*round+i)), signInTime())
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = id
		}
		var removed atomic.Int32
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				err := db.RemovePasskey(t.Context(), ada.ID, id, signInTime())
				if err == nil {
					removed.Add(1)
				} else if !errors.Is(err, passkey.ErrLastPasskey) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if left := db.count(`SELECT count(*) FROM auth.passkey WHERE revoked_at IS NULL`); removed.Load() != 1 || left != 1 {
			t.Fatalf("%d removed, %d left", removed.Load(), left)
		}
	}
}

// A ceremony remembers its session, and the kinds are known to the database.
func TestSessionCeremonies(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	for i, kind := range []passkey.Kind{passkey.KindVerify, passkey.KindAdd} {
		want := passkey.Ceremony{IDHash: bytes.Repeat([]byte{byte(i)}, 32), Kind: kind, UserID: ada.ID, SessionID: "s1", State: []byte(`{}`), Expires: signInTime()}
		if err := db.SaveCeremony(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := db.TakeCeremony(t.Context(), want.IDHash)
		if err != nil || got.Kind != kind || got.SessionID != "s1" || got.UserID != ada.ID {
			t.Errorf("took %+v, %v", got, err)
		}
	}
}

func TestEnrolmentEndsOld(t *testing.T) {
	db := openSignInDB(t)
	ada, bob := db.addUser("ada"), db.addUser("bob")
	old := db.addSession(ada, db.addPasskey(ada, 1), 1)
	others := db.addSession(bob, db.addPasskey(bob, 2), 2)
	link := db.addLink(ada, 3)
	if _, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(ada, 3), signInTime()); err != nil {
		t.Fatal(err)
	}
	if keys, err := db.LivePasskeys(t.Context(), ada.ID); err != nil || len(keys) != 2 || db.ended(old) {
		t.Fatalf("a plain link ended something: %d passkeys, %v", len(keys), err)
	}
	link = db.addLink(ada, 4)
	db.exec(`UPDATE auth.enrolment SET ends_old = true WHERE token_hash = $1`, link.TokenHash)
	if _, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(bob, 2), signInTime()); !errors.Is(err, passkey.ErrLinkDead) {
		t.Errorf("another's link: %v", err)
	}
	key := testKey(ada, 2) // bob's credential
	if _, err := db.EnrolPasskey(t.Context(), link.TokenHash, key, signInTime()); !errors.Is(err, passkey.ErrKnown) {
		t.Errorf("bob's credential: %v", err)
	}
	if db.ended(old) {
		t.Fatal("a refused enrolment ended a session")
	}
	id, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(ada, 4), signInTime())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.LivePasskeys(t.Context(), ada.ID)
	if err != nil || len(keys) != 1 || keys[0].ID != id {
		t.Errorf("left are %+v, %v", keys, err)
	}
	if !db.ended(old) || db.ended(others) {
		t.Error("the old session lives on, or bob's ended")
	}
}

// Somebody else's link is told of, except for the first passkey of an account.
func TestEnrolmentNotices(t *testing.T) {
	db := openSignInDB(t)
	ada, eve := db.addUser("ada"), db.addUser("eve", access.Admin)
	db.exec(`INSERT INTO auth.notice (user_id, kind, what) VALUES ($1, 'role', 'You were given the role clinician.')`, ada.ID)
	db.addPasskey(ada, 1)
	if list, err := db.UnseenNotices(t.Context(), ada.ID); err != nil || len(list) != 0 {
		t.Fatalf("a new account begins with notices: %+v, %v", list, err)
	}
	for i, by := range []any{eve.ID, nil, ada.ID} {
		link := db.addLink(ada, byte(10+i))
		db.exec(`UPDATE auth.enrolment SET created_by = $2 WHERE token_hash = $1`, link.TokenHash, by)
		if _, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(ada, byte(10+i)), signInTime()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.UnseenNotices(t.Context(), ada.ID)
	list = slices.DeleteFunc(list, func(n access.Notice) bool { return n.Kind != access.NoticePasskey })
	if err != nil || len(list) != 2 || list[0].By != "Dr eve" || list[1].By != "" || list[0].Kind != access.NoticePasskey || !strings.Contains(list[0].What, "enrolment link") {
		t.Errorf("notices %+v, %v; want eve's and the command's", list, err)
	}
}

func TestDisownNotices(t *testing.T) {
	db := openSignInDB(t)
	ada, eve, bob := db.addUser("ada", access.Clinician, access.Admin), db.addUser("eve", access.Admin), db.addUser("bob", access.Privacy)
	gone := db.addUser("gone", access.Admin)
	db.exec(`UPDATE auth.user_account SET disabled_at = now() WHERE id = $1`, gone.ID)
	key := db.addPasskey(ada, 1)
	keep, other, bobs := db.addSession(ada, key, 1), db.addSession(ada, key, 2), db.addSession(bob, db.addPasskey(bob, 2), 3)
	db.exec(`INSERT INTO auth.notice (user_id, kind, what, by_user) VALUES ($1, 'role', 'One.', $2), ($1, 'role', 'Two.', $2)`, ada.ID, eve.ID)
	list, err := db.UnseenNotices(t.Context(), ada.ID)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	sessions, told, err := db.DisownNotices(t.Context(), ada.ID, keep, list[0].ID, signInTime())
	if err != nil || sessions != 1 || told != 1 {
		t.Errorf("%d sessions ended, %d told, %v; want 1 and 1", sessions, told, err)
	}
	if db.ended(keep) || !db.ended(other) || db.ended(bobs) {
		t.Error("the wrong sessions ended")
	}
	if list, err = db.UnseenNotices(t.Context(), ada.ID); err != nil || len(list) != 1 || list[0].What != "Two." {
		t.Errorf("left are %+v, %v", list, err)
	}
	if list, err = db.UnseenNotices(t.Context(), eve.ID); err != nil || len(list) != 1 || list[0].By != "Dr ada" || list[0].Kind != access.NoticeAccount {
		t.Errorf("eve reads %+v, %v", list, err)
	}
	for _, nobody := range []passkey.User{gone, bob} {
		if list, err = db.UnseenNotices(t.Context(), nobody.ID); err != nil || len(list) != 0 {
			t.Errorf("%s reads %+v, %v", nobody.Name, list, err)
		}
	}
	if sessions, told, err = db.DisownNotices(t.Context(), ada.ID, keep, list0(t, db, ada)-1, signInTime()); err != nil || sessions != 0 || told != 0 {
		t.Errorf("sent twice: %d, %d, %v", sessions, told, err)
	}
}

// list0 is the id of the user's oldest unseen notice.
func list0(t *testing.T, db signInDB, u passkey.User) int64 {
	t.Helper()
	list, err := db.UnseenNotices(t.Context(), u.ID)
	if err != nil || len(list) == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0].ID
}
