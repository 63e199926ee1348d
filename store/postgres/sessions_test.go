package postgres_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/passkey"
	"healthportal/app/session"
)

func TestSessionRow(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada", access.Ops, access.Clinician)
	s := session.Fresh{New: session.New{UserID: ada.ID, PasskeyID: db.addPasskey(ada, 1), Browser: "Safari on iPhone", Address: "2001:db8::7%eth0"},
		TokenHash: bytes.Repeat([]byte{1}, 32), CSRF: "c", Created: signInTime(), Expires: signInTime().Add(session.Absolute)}
	if err := db.InsertSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got, err := db.SessionByToken(t.Context(), s.TokenHash)
	if err != nil {
		t.Fatal(err)
	}
	if got.UserID != ada.ID || got.DisplayName != "Dr ada" || !slices.Equal(got.Roles, []access.Role{access.Clinician, access.Ops}) ||
		got.PasskeyID != s.PasskeyID || got.CSRF != "c" || got.Disabled || got.PasskeyRevoked {
		t.Errorf("row %+v", got)
	}
	if !got.Created.Equal(s.Created) || !got.LastSeen.Equal(s.Created) || !got.Expires.Equal(s.Expires) || !got.Ended.IsZero() ||
		!got.Verified.Equal(s.Created) || !got.Locked.IsZero() || got.Research || len(got.ID) != 32 || got.Snapshot.Max == 0 {
		t.Errorf("times %+v", got)
	}
	if err := db.InsertSession(t.Context(), s); err == nil || errors.Is(err, session.ErrAway) {
		t.Errorf("a token was stored twice: %v", err)
	}
	if n := db.count(`SELECT count(*) FROM auth.user_account WHERE last_sign_in = $1`, signInTime()); n != 1 {
		t.Error("the time of the sign-in was not noted")
	}
	if n := db.count(`SELECT count(*) FROM auth.session WHERE browser = 'Safari on iPhone' AND address = '2001:db8::7'`); n != 1 {
		t.Error("browser and address were not noted")
	}
	for _, hash := range [][]byte{nil, {}, bytes.Repeat([]byte{2}, 32)} {
		if _, err := db.SessionByToken(t.Context(), hash); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("token hash %x: %v", hash, err)
		}
	}
}

func TestSessionSeesTheUserAsIsNow(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada", access.Clinician)
	now := signInTime()
	service := session.NewService(db, db, func() time.Time { return now })
	token, err := service.Issue(t.Context(), session.New{UserID: ada.ID, PasskeyID: db.addPasskey(ada, 1)})
	if err != nil {
		t.Fatal(err)
	}
	db.exec(`UPDATE auth.user_role SET role = 'ops'`)
	got, err := service.Lookup(t.Context(), token)
	if err != nil || got.Principal.Can(access.EventsRead) || !got.Principal.Has(access.Ops) {
		t.Errorf("after the role change: %+v, %v", got, err)
	}
	db.exec(`DELETE FROM auth.user_role`)
	if got, err = service.Lookup(t.Context(), token); err != nil || len(got.Principal.Roles) != 0 {
		t.Errorf("without any role: %+v, %v", got, err)
	}
	for _, bar := range []string{`UPDATE auth.passkey SET revoked_at = now()`, `UPDATE auth.user_account SET disabled_at = now()`} {
		db.exec(bar)
		if _, err := service.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
			t.Errorf("after %s: %v, want ErrNone", bar, err)
		}
		db.exec(`UPDATE auth.passkey SET revoked_at = NULL`)
	}
}

func TestEndedSessionStaysEnded(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	now := signInTime()
	service := session.NewService(db, db, func() time.Time { return now })
	token, err := service.Issue(t.Context(), session.New{UserID: ada.ID})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	if _, err := service.Lookup(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if n := db.count(`SELECT count(*) FROM auth.session WHERE last_seen = $1`, now); n != 1 {
		t.Error("activity was not written")
	}
	if err := service.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	ended := now
	now = now.Add(2 * time.Minute)
	if err := service.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Lookup(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after sign-out: %v", err)
	}
	if n := db.count(`SELECT count(*) FROM auth.session WHERE ended_at = $1 AND last_seen = $1`, ended); n != 1 {
		t.Error("something was written after the end")
	}
}

func TestTouchAfterTheEndChangesNothing(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	hash := bytes.Repeat([]byte{1}, 32)
	s := session.Fresh{New: session.New{UserID: ada.ID}, TokenHash: hash, CSRF: "c", Created: signInTime(), Expires: signInTime().Add(time.Hour)}
	if err := db.InsertSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	steps := []func() error{
		func() error { return db.TouchSession(t.Context(), hash, signInTime().Add(-time.Hour)) },   // never backwards
		func() error { return db.TouchSession(t.Context(), hash, signInTime().Add(session.Idle)) }, // locked by then
		func() error { _, err := db.LockSession(t.Context(), hash, signInTime()); return err },
		func() error { return db.TouchSession(t.Context(), hash, signInTime().Add(time.Second)) },
		func() error { _, err := db.EndSession(t.Context(), hash, "why", signInTime()); return err },
		func() error { return db.TouchSession(t.Context(), hash, signInTime().Add(time.Minute)) },
		func() error { return db.TouchSession(t.Context(), bytes.Repeat([]byte{2}, 32), signInTime()) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if n := db.count(`SELECT count(*) FROM auth.session WHERE last_seen = $1`, signInTime()); n != 1 {
		t.Error("last_seen moved")
	}
	if n := db.count(`SELECT count(*) FROM auth.session`); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestRemoveStale(t *testing.T) {
	db := openSignInDB(t)
	ada := db.addUser("ada")
	now := signInTime()
	old := now.Add(-session.Keep)
	sessions := []struct {
		seen, expires time.Time
		ended         *time.Time
	}{
		{now, now.Add(time.Hour), nil},                         // alive
		{now.Add(-time.Hour), now.Add(time.Hour), nil},         // locked, but alive
		{old.Add(-time.Hour), old.Add(-time.Second), nil},      // locked and expired long ago: goes
		{now, old.Add(-time.Minute), nil},                      // expired long ago: goes
		{now, now.Add(time.Hour), ref(old.Add(-time.Minute))},  // ended long ago: goes
		{now, now.Add(time.Hour), ref(now.Add(-time.Minute))},  // ended just now
		{old.Add(time.Minute), old.Add(2 * time.Minute), &now}, // expired within the time kept
	}
	for i, s := range sessions {
		db.exec(`INSERT INTO auth.session (token_hash, user_id, csrf, created_at, last_seen, expires_at, ended_at) VALUES ($1, $2, 'c', $3, $3, $4, $5)`,
			[]byte{byte(i)}, ada.ID, s.seen, s.expires, s.ended)
	}
	gone, busy := db.addLink(ada, 1), db.addLink(ada, 2)
	db.addLink(ada, 3)
	db.exec(`UPDATE auth.enrolment SET expires_at = $1 WHERE token_hash = $2 OR token_hash = $3`, old.Add(-time.Hour), gone.TokenHash, busy.TokenHash)
	for i, c := range []passkey.Ceremony{
		{Kind: passkey.KindSignIn, Expires: now},
		{Kind: passkey.KindEnrol, UserID: ada.ID, EnrolmentHash: gone.TokenHash, Expires: now.Add(-time.Second)},
		{Kind: passkey.KindEnrol, UserID: ada.ID, EnrolmentHash: busy.TokenHash, Expires: now.Add(time.Second)},
	} {
		c.IDHash, c.State = []byte{byte(i)}, []byte("{}")
		if err := db.SaveCeremony(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := session.NewService(db, db, func() time.Time { return now }).Cleanup(t.Context())
	if want := (session.Removed{Sessions: 3, Ceremonies: 2, Enrolments: 1}); err != nil || removed != want {
		t.Errorf("removed %+v (%v), want %+v", removed, err, want)
	}
	if removed, err = session.NewService(db, db, func() time.Time { return now }).Cleanup(t.Context()); err != nil || removed != (session.Removed{}) {
		t.Errorf("the second time removed %+v (%v), want nothing", removed, err)
	}
	if n := db.count(`SELECT count(*) FROM auth.session WHERE token_hash IN ('\x00', '\x01', '\x05', '\x06')`); n != 4 {
		t.Errorf("%d of the four sessions to keep are left", n)
	}
}

func ref(at time.Time) *time.Time { return &at }

// A closed database is an error of the store, never an answer.
func TestSignInStoresAreClosed(t *testing.T) {
	db := openSignInDB(t)
	db.Close()
	ctx, hash, now := t.Context(), []byte{1}, signInTime()
	calls := map[string]func() error{
		"EnrolmentLink":    func() error { _, err := db.EnrolmentLink(ctx, hash); return err },
		"EnrolPasskey":     func() error { _, err := db.EnrolPasskey(ctx, hash, passkey.Passkey{}, now); return err },
		"SaveCeremony":     func() error { return db.SaveCeremony(ctx, passkey.Ceremony{}) },
		"TakeCeremony":     func() error { _, err := db.TakeCeremony(ctx, hash); return err },
		"LivePasskeys":     func() error { _, err := db.LivePasskeys(ctx, 1); return err },
		"RecordPasskeyUse": func() error { return db.RecordPasskeyUse(ctx, passkey.Use{}) },
		"InsertSession":    func() error { return db.InsertSession(ctx, session.Fresh{}) },
		"SessionByToken":   func() error { _, err := db.SessionByToken(ctx, hash); return err },
		"TouchSession":     func() error { return db.TouchSession(ctx, hash, now) },
		"LockSession":      func() error { _, err := db.LockSession(ctx, hash, now); return err },
		"VerifySession":    func() error { _, err := db.VerifySession(ctx, hash, hash, 1, now); return err },
		"SwitchSession":    func() error { _, err := db.SwitchSession(ctx, hash, hash, true, now); return err },
		"EndSession":       func() error { _, err := db.EndSession(ctx, hash, "why", now); return err },
		"SessionsOf":       func() error { _, err := db.SessionsOf(ctx, 1, now); return err },
		"EndUserSession":   func() error { return db.EndUserSession(ctx, 1, "id", "why", now) },
		"EndUserSessions":  func() error { _, err := db.EndUserSessions(ctx, 1, "", "why", now); return err },
		"Snapshot":         func() error { _, err := db.Snapshot(ctx); return err },
		"CountAttempt":     func() error { _, err := db.CountAttempt(ctx, "b", 1, time.Minute); return err },
		"RemoveStale":      func() error { _, err := db.RemoveStale(ctx, now, now); return err },
	}
	for name, call := range calls {
		err := call()
		if err == nil || errors.Is(err, health.ErrNotFound) || errors.Is(err, passkey.ErrChanged) || errors.Is(err, passkey.ErrLinkDead) {
			t.Errorf("%s: %v, want a failure", name, err)
		}
	}
}
