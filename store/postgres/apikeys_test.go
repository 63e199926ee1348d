package postgres_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/health"
)

// newKey is a key of the owner, the id repeating c.
func newKey(owner, c string, by int64) apikey.New {
	return apikey.New{ID: strings.Repeat(c, 16), Name: "export of " + c, SecretHash: bytes.Repeat([]byte(c), 32), Owner: owner,
		Scopes: []access.Permission{access.EventsRead, access.ReportsRead}, By: by, Created: signInTime(), Expires: signInTime().Add(24 * time.Hour)}
}

func (db signInDB) insertKey(owner, c string, by int64) apikey.Key {
	db.t.Helper()
	k := newKey(owner, c, by)
	if _, err := db.InsertAPIKey(db.t.Context(), k); err != nil {
		db.t.Fatal(err)
	}
	stored, err := db.APIKey(db.t.Context(), k.ID)
	if err != nil {
		db.t.Fatal(err)
	}
	return stored.Key
}

func (db signInDB) notices(userID int64) []access.Notice {
	db.t.Helper()
	list, err := db.UnseenNotices(db.t.Context(), userID)
	if err != nil {
		db.t.Fatal(err)
	}
	return list
}

func TestAPIKeyComesBack(t *testing.T) {
	db := openSignInDB(t)
	admin, owner := db.addUser("a.admin", access.Admin), db.addUser("m.weber", access.Clinician, access.Researcher)
	k := newKey("m.weber", "k", admin.ID)
	made, err := db.InsertAPIKey(t.Context(), k)
	if err != nil || made.UserID != owner.ID || made.DisplayName != "Dr m.weber" || !slices.Equal(made.Roles, []access.Role{access.Clinician, access.Researcher}) {
		t.Fatalf("%+v, %v", made, err)
	}
	got, err := db.APIKey(t.Context(), k.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != k.ID || got.Name != k.Name || !bytes.Equal(got.SecretHash, k.SecretHash) || !slices.Equal(got.Scopes, k.Scopes) ||
		got.CreatedBy != "Dr a.admin" || !got.Created.Equal(k.Created) || !got.Expires.Equal(k.Expires) || !got.LastUsed.IsZero() || !got.Revoked.IsZero() ||
		got.Owner.UserID != owner.ID || got.Owner.Name != "m.weber" || got.Owner.Disabled || got.Expires.Location() != time.UTC {
		t.Errorf("came back as %+v", got)
	}
	for _, id := range []string{"", "' OR true --", strings.Repeat("z", 16), strings.Repeat("k", 1<<16)} {
		if _, err := db.APIKey(t.Context(), id); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	if _, err := db.InsertAPIKey(t.Context(), k); err == nil {
		t.Error("an id was stored twice")
	}
}

func TestAPIKeysOfNobody(t *testing.T) {
	db := openSignInDB(t)
	gone := db.addUser("g.gone", access.Clinician)
	if err := db.disable(gone.ID); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"", "nobody", "g.gone", "' OR true --"} {
		if _, err := db.InsertAPIKey(t.Context(), newKey(owner, "k", 0)); !errors.Is(err, apikey.ErrNoOwner) {
			t.Errorf("%q: %v", owner, err)
		}
	}
	if n := db.count(`SELECT count(*) FROM auth.api_key`) + db.count(`SELECT count(*) FROM auth.notice`); n != 0 {
		t.Errorf("%d rows were left behind", n)
	}
}

// disable bars a user behind the portal's back.
func (db signInDB) disable(userID int64) error {
	_, err := db.conn.Exec(db.t.Context(), `UPDATE auth.user_account SET disabled_at = now() WHERE id = $1`, userID)
	return err
}

func TestAPIKeyLists(t *testing.T) {
	db := openSignInDB(t)
	a, b := db.addUser("a.alt", access.Clinician), db.addUser("b.bauer", access.Analyst)
	db.insertKey("a.alt", "k", 0)
	db.insertKey("b.bauer", "l", b.ID)
	db.insertKey("a.alt", "m", 0)
	db.exec(`UPDATE auth.api_key SET created_at = created_at + interval '1 hour' WHERE id = repeat('m', 16)`)
	for userID, want := range map[int64]string{0: "mkl", a.ID: "mk", b.ID: "l", 999: ""} {
		list, err := db.APIKeys(t.Context(), userID)
		got := ""
		for _, k := range list {
			got += k.ID[:1]
		}
		if err != nil || got != want {
			t.Errorf("user %d: %q, %v; want %q", userID, got, err, want)
		}
	}
	if err := db.disable(b.ID); err != nil {
		t.Fatal(err)
	}
	owners, err := db.KeyOwners(t.Context())
	if err != nil || len(owners) != 1 || owners[0].Name != "a.alt" || !slices.Equal(owners[0].Roles, []access.Role{access.Clinician}) {
		t.Errorf("owners %+v, %v", owners, err)
	}
	list, err := db.APIKeys(t.Context(), b.ID)
	if err != nil || len(list) != 1 || !list[0].Owner.Disabled || list[0].StateAt(signInTime()) != apikey.OwnerDisabled {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestAPIKeyNotices(t *testing.T) {
	db := openSignInDB(t)
	admin, owner := db.addUser("a.admin", access.Admin), db.addUser("m.weber", access.Clinician)
	k := db.insertKey("m.weber", "k", admin.ID)
	db.insertKey("m.weber", "l", 0)
	db.insertKey("m.weber", "m", owner.ID) // one's own: no notice
	if err := db.RevokeAPIKey(t.Context(), k.ID, 0, admin.ID, signInTime()); err != nil {
		t.Fatal(err)
	}
	list := db.notices(owner.ID)
	if len(list) != 3 || len(db.notices(admin.ID)) != 0 {
		t.Fatalf("notices %+v", list)
	}
	for i, want := range []struct{ by, text string }{{"Dr a.admin", "made: kkkkkkkkkkkkkkkk (export of k), for events.read, reports.read, until 2026-03-30 12:00 UTC."},
		{"", "llll"}, {"Dr a.admin", "revoked: kkkkkkkkkkkkkkkk (export of k)."}} {
		if n := list[i]; n.Kind != access.NoticeKey || n.By != want.by || !strings.Contains(n.What, want.text) {
			t.Errorf("notice %d: %+v", i, n)
		}
	}
}

func TestRevokeAPIKey(t *testing.T) {
	db := openSignInDB(t)
	owner, other := db.addUser("m.weber", access.Clinician), db.addUser("o.other", access.Clinician)
	k := db.insertKey("m.weber", "k", owner.ID)
	if err := db.RevokeAPIKey(t.Context(), k.ID, other.ID, other.ID, signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("by somebody else: %v", err)
	}
	if err := db.RevokeAPIKey(t.Context(), "nosuchkey", 0, 0, signInTime()); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	for i := range 2 {
		if err := db.RevokeAPIKey(t.Context(), k.ID, owner.ID, owner.ID, signInTime().Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.APIKey(t.Context(), k.ID)
	if err != nil || !got.Revoked.Equal(signInTime()) || got.StateAt(signInTime()) != apikey.Revoked {
		t.Errorf("%+v, %v", got.Key, err)
	}
	if len(db.notices(owner.ID)) != 0 {
		t.Error("one's own act left a notice")
	}
}

func TestTouchAPIKey(t *testing.T) {
	db := openSignInDB(t)
	db.addUser("m.weber", access.Clinician)
	k := db.insertKey("m.weber", "k", 0)
	used := func() time.Time {
		t.Helper()
		got, err := db.APIKey(t.Context(), k.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.LastUsed
	}
	for _, at := range []time.Time{signInTime(), signInTime().Add(time.Hour), signInTime().Add(time.Minute)} { // the last one came late
		if err := db.TouchAPIKey(t.Context(), k.ID, at); err != nil {
			t.Fatal(err)
		}
	}
	if got := used(); !got.Equal(signInTime().Add(time.Hour)) {
		t.Errorf("last used %s", got)
	}
	if err := db.RevokeAPIKey(t.Context(), k.ID, 0, 0, signInTime()); err != nil {
		t.Fatal(err)
	}
	if err := db.TouchAPIKey(t.Context(), k.ID, signInTime().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := used(); !got.Equal(signInTime().Add(time.Hour)) {
		t.Errorf("a revoked key was touched: %s", got)
	}
}

// The pages' role reads keys and notes their use; it can't make, change or revive them.
func TestAPIKeyGrants(t *testing.T) {
	db := openSignInDB(t)
	db.addUser("m.weber", access.Clinician)
	db.insertKey("m.weber", "k", 0)
	for _, sql := range []string{
		`INSERT INTO auth.api_key (id, user_id, secret_hash, scopes, expires_at) SELECT 'abcdefgh', id, decode(repeat('00', 32), 'hex'), '{events.read}', now() FROM auth.user_account`,
		`UPDATE auth.api_key SET revoked_at = NULL`, `UPDATE auth.api_key SET scopes = '{admin}'`, `UPDATE auth.api_key SET expires_at = now() + interval '1 year'`,
		`UPDATE auth.api_key SET secret_hash = decode(repeat('00', 32), 'hex')`, `UPDATE auth.api_key SET user_id = 1`, `DELETE FROM auth.api_key`,
	} {
		err := pgx.BeginFunc(t.Context(), db.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE hp_app`); err != nil {
				t.Fatal(err)
			}
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// The service over the real store: from the making to each way a key dies.
func TestAPIKeyServiceOnPostgres(t *testing.T) {
	db := openSignInDB(t)
	owner := db.addUser("m.weber", access.Clinician, access.Analyst)
	now := signInTime()
	service := apikey.NewService(db, func() time.Time { return now }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	made, err := service.Make(t.Context(), 0, apikey.Request{Owner: "m.weber", Name: "export", Scopes: access.Scopes(), Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if n := db.count(`SELECT count(*) FROM auth.api_key k, auth.notice n WHERE k::text || n::text LIKE '%' || $1 || '%'`, made.Text[20:]); n != 0 {
		t.Error("the secret is stored in the clear")
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if who, err := service.Authenticate(t.Context(), made.Text); err != nil || !who.Can(access.EventsRead) {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
	wait.Wait()
	db.exec(`DELETE FROM auth.user_role WHERE user_id = $1 AND role = 'clinician'`, owner.ID)
	who, err := service.Authenticate(t.Context(), made.Text)
	if err != nil || who.Can(access.EventsRead) || !who.Can(access.ReportsRead) {
		t.Errorf("after the role went: %+v, %v", who, err)
	}
	if err := db.disable(owner.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), made.Text); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("of a disabled owner: %v", err)
	}
	db.exec(`UPDATE auth.user_account SET disabled_at = NULL`)
	now = now.Add(time.Hour)
	if _, err := service.Authenticate(t.Context(), made.Text); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("expired: %v", err)
	}
	now = now.Add(-time.Minute)
	if err := service.RevokeOwn(t.Context(), owner.ID, made.Key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), made.Text); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("revoked: %v", err)
	}
	db.Close()
	if _, err := service.Authenticate(t.Context(), made.Text); err == nil || errors.Is(err, access.ErrNoKey) {
		t.Errorf("database away: %v", err)
	}
}
