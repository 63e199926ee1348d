package postgres_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/passkey/passkeytest"
	"healthportal/app/people"
	"healthportal/app/session"
)

func TestCeremonyIsTakenOnce(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	link := db.addLink(ada, 1)
	want := passkey.Ceremony{IDHash: bytes.Repeat([]byte{7}, 32), Kind: passkey.KindEnrol, UserID: ada.ID,
		EnrolmentHash: link.TokenHash, State: []byte(`{"challenge": "x"}`), Expires: signInTime().Add(time.Minute)}
	if err := db.SaveCeremony(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := db.TakeCeremony(t.Context(), want.IDHash)
			switch {
			case errors.Is(err, health.ErrNotFound):
			case err != nil:
				t.Error(err)
			default:
				won.Add(1)
				if got.Kind != want.Kind || got.UserID != ada.ID || !bytes.Equal(got.EnrolmentHash, want.EnrolmentHash) ||
					!bytes.Equal(got.State, want.State) || !got.Expires.Equal(want.Expires) {
					t.Errorf("took %+v, want %+v", got, want)
				}
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 8 took the ceremony, want 1", won.Load())
	}
}

func TestSignInCeremonyNamesNobody(t *testing.T) {
	db := openSignInDB(t)
	c := passkey.Ceremony{IDHash: bytes.Repeat([]byte{7}, 32), Kind: passkey.KindSignIn, State: []byte(`{}`), Expires: signInTime()}
	if err := db.SaveCeremony(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got, err := db.TakeCeremony(t.Context(), c.IDHash)
	if err != nil || got.UserID != 0 || got.EnrolmentHash != nil {
		t.Errorf("took %+v, %v", got, err)
	}
	c.Kind = "other"
	if err := db.SaveCeremony(t.Context(), c); err == nil {
		t.Error("a ceremony of an unknown kind was stored")
	}
}

func TestEnrolPasskeyUsesTheLinkOnce(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	link := db.addLink(ada, 1)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(ada, byte(100+i)), signInTime())
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, passkey.ErrLinkDead):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys, err := db.LivePasskeys(t.Context(), ada.ID)
	if won.Load() != 1 || err != nil || len(keys) != 1 {
		t.Errorf("%d won, %d passkeys (%v), want 1 and 1", won.Load(), len(keys), err)
	}
}

func TestEnrolPasskeyRefuses(t *testing.T) {
	db := openSignInDB(t)
	ada, bob := db.addUser("ada"), db.addUser("bob")
	db.addPasskey(ada, 1)
	link := db.addLink(bob, 2)
	if _, err := db.EnrolPasskey(t.Context(), link.TokenHash, testKey(bob, 1), signInTime()); !errors.Is(err, passkey.ErrKnown) {
		t.Errorf("Ada's credential: %v", err)
	}
	again, err := db.EnrolmentLink(t.Context(), link.TokenHash)
	if err != nil || again.State(signInTime()) != passkey.LinkUnused {
		t.Errorf("a refused passkey used the link up: %+v, %v", again, err)
	}
	tests := map[string]struct {
		hash []byte
		user passkey.User
		at   time.Time
		do   string
	}{
		"unknown link":        {hash: bytes.Repeat([]byte{99}, 32), user: bob, at: signInTime()},
		"another's link":      {hash: link.TokenHash, user: ada, at: signInTime()},
		"expired":             {hash: link.TokenHash, user: bob, at: link.Expires},
		"revoked":             {hash: link.TokenHash, user: bob, at: signInTime(), do: `UPDATE auth.enrolment SET revoked_at = now() WHERE used_at IS NULL`},
		"user disabled since": {hash: link.TokenHash, user: bob, at: signInTime(), do: `UPDATE auth.user_account SET disabled_at = now() WHERE name = 'bob'`},
	}
	for name, tt := range tests {
		if tt.do != "" {
			db.exec(tt.do)
		}
		if _, err := db.EnrolPasskey(t.Context(), tt.hash, testKey(tt.user, 50), tt.at); !errors.Is(err, passkey.ErrLinkDead) {
			t.Errorf("%s: %v, want ErrLinkDead", name, err)
		}
		db.exec(`UPDATE auth.enrolment SET revoked_at = NULL; UPDATE auth.user_account SET disabled_at = NULL`)
	}
	if _, err := db.EnrolmentLink(t.Context(), []byte("x")); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("unknown link: %v", err)
	}
}

func TestNewLinkReplacesUnusedOnes(t *testing.T) {
	db := openSignInDB(t)
	ada, bob := db.addUser("ada"), db.addUser("bob")
	first, others := db.addLink(ada, 1), db.addLink(bob, 3)
	second := db.addLink(ada, 2)
	for _, tt := range []struct {
		link passkey.Enrolment
		want passkey.LinkState
	}{{first, passkey.LinkRevoked}, {second, passkey.LinkUnused}, {others, passkey.LinkUnused}} {
		got, err := db.EnrolmentLink(t.Context(), tt.link.TokenHash)
		if err != nil || got.State(signInTime()) != tt.want {
			t.Errorf("link %x is %s (%v), want %s", tt.link.TokenHash[:1], got.State(signInTime()), err, tt.want)
		}
	}
}

func TestRecordPasskeyUse(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	id := db.addPasskey(ada, 1)
	use := passkey.Use{PasskeyID: id, Before: []byte(`{"signCount":1}`), After: []byte(`{"signCount":2}`), At: signInTime().Add(time.Hour)}
	if err := db.RecordPasskeyUse(t.Context(), use); err != nil {
		t.Fatal(err)
	}
	if n := db.count(`SELECT count(*) FROM auth.passkey WHERE id = $1 AND last_used_at = $2 AND (credential->>'signCount')::int = 2`, id, use.At); n != 1 {
		t.Error("sign count or time were not written")
	}
	if err := db.RecordPasskeyUse(t.Context(), use); !errors.Is(err, passkey.ErrChanged) {
		t.Errorf("a use on an outdated record: %v", err)
	}
	use.Before, use.After = use.After, []byte(`{"signCount":3}`)
	for _, bar := range []string{`UPDATE auth.passkey SET revoked_at = now()`, `UPDATE auth.user_account SET disabled_at = now()`} {
		db.exec(bar)
		if err := db.RecordPasskeyUse(t.Context(), use); !errors.Is(err, passkey.ErrChanged) {
			t.Errorf("after %s: %v", bar, err)
		}
		db.exec(`UPDATE auth.passkey SET revoked_at = NULL`)
	}
	use.PasskeyID = 12345
	if err := db.RecordPasskeyUse(t.Context(), use); !errors.Is(err, passkey.ErrChanged) {
		t.Errorf("unknown passkey: %v", err)
	}
}

// The whole way, with a software authenticator: link, enrolment, sign-in, and
// the barriers after disabling.
func TestCeremoniesOnPostgres(t *testing.T) {
	db := openSignInDB(t)
	cfg := passkey.Config{Origin: "http://localhost:8080", RPName: "Example Clinic"}
	service, err := passkey.New(cfg, db, db)
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.NewService(db, db, nil)
	directory, err := people.New(people.Config{Origin: cfg.Origin}, db, db, sessions)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	ada, err := directory.AddUser(ctx, 0, "ada", "Dr Ada", []access.Role{access.Clinician})
	if err != nil {
		t.Fatal(err)
	}
	link, err := directory.NewEnrolment(ctx, 0, ada.PublicID, people.LinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link.URL, "#")
	device := passkeytest.Authenticator{Origin: cfg.Origin, RPID: "localhost"}
	enrolling, err := service.BeginEnrolment(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	created, key, err := device.Create(enrolling.Options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.FinishEnrolment(ctx, enrolling.CeremonyID, token, created, "Praxis-Schlüssel"); err != nil {
		t.Fatal(err)
	}
	signIn := func() (passkey.SignIn, error) {
		t.Helper()
		begun, err := service.BeginSignIn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := device.Get(begun.Options, key)
		if err != nil {
			t.Fatal(err)
		}
		return service.FinishSignIn(ctx, begun.CeremonyID, answer)
	}
	for range 3 {
		in, err := signIn()
		if err != nil || in.User.Name != "ada" {
			t.Fatalf("signed in as %+v, %v", in, err)
		}
	}
	if n := db.count(`SELECT (credential->'authenticator'->>'signCount')::int FROM auth.passkey`); n != 3 {
		t.Errorf("stored sign count %d, want 3", n)
	}
	key.Count = 0
	var refusal *passkey.Error
	if _, err := signIn(); !errors.As(err, &refusal) || refusal.Code != passkey.CodeNotAccepted {
		t.Errorf("a copied passkey: %v", err)
	}
	key.Count = 10
	if err := directory.DisableUser(ctx, 0, ada.PublicID); err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(); !errors.As(err, &refusal) || refusal.Code != passkey.CodeNotAccepted {
		t.Errorf("a disabled user: %v", err)
	}
	if n := db.count(`SELECT count(*) FROM auth.ceremony`); n != 0 {
		t.Errorf("%d ceremonies are left", n)
	}
}
