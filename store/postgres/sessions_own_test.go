package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
	"healthportal/app/session"
)

// signedIn is a database with two users, each with a passkey and a session.
type signedIn struct {
	signInDB
	ada, bob       int64
	adaKey, bobKey int64
	clock          *time.Time
	service        *session.Service
	token, others  string
}

func signTwoIn(t *testing.T) signedIn {
	t.Helper()
	db := openSignInDB(t)
	clock := signInTime()
	s := signedIn{signInDB: db, clock: &clock}
	ada, bob := db.addUser("ada", access.Clinician, access.Researcher), db.addUser("bob", access.Clinician)
	s.ada, s.bob, s.adaKey, s.bobKey = ada.ID, bob.ID, db.addPasskey(ada, 1), db.addPasskey(bob, 2)
	s.service = session.NewService(db, db, func() time.Time { return clock })
	var err error
	if s.token, err = s.service.Issue(t.Context(), session.New{UserID: s.ada, PasskeyID: s.adaKey, Browser: "Firefox on Mac", Address: "192.0.2.9"}); err != nil {
		t.Fatal(err)
	}
	if s.others, err = s.service.Issue(t.Context(), session.New{UserID: s.bob, PasskeyID: s.bobKey, Address: "not an address"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Line 17: the row is the same, its token is not.
func TestVerifySession(t *testing.T) {
	s := signTwoIn(t)
	before, err := s.service.Peek(t.Context(), s.token)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.service.Lock(t.Context(), s.token); err != nil {
		t.Fatal(err)
	}
	*s.clock = s.clock.Add(time.Hour)
	if _, _, err := s.service.Verified(t.Context(), s.token, s.bobKey); !errors.Is(err, session.ErrNone) {
		t.Errorf("with somebody else's passkey: %v, want ErrNone", err)
	}
	token, got, err := s.service.Verified(t.Context(), s.token, s.adaKey)
	if err != nil || got.Locked || !got.Verified.Equal(*s.clock) || !got.LastSeen.Equal(*s.clock) || got.ID != before.ID || got.CSRF != before.CSRF {
		t.Fatalf("after the check: %+v, %v", got, err)
	}
	if _, err := s.service.Peek(t.Context(), s.token); !errors.Is(err, session.ErrNone) {
		t.Errorf("the old token: %v", err)
	}
	if again, err := s.service.Peek(t.Context(), token); err != nil || again.Locked || !again.Created.Equal(before.Created) {
		t.Errorf("the new token: %+v, %v", again, err)
	}
	if n := s.count(`SELECT count(*) FROM auth.session`); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	// Signing out with the token before the check, as another tab may, ends the session.
	if err := s.service.Revoke(t.Context(), s.token); err != nil {
		t.Fatal(err)
	}
	if _, err := s.service.Peek(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after the sign-out: %v", err)
	}
}

func TestVerifyRevivesNothing(t *testing.T) {
	for name, end := range map[string]string{
		"ended":           `UPDATE auth.session SET ended_at = created_at`,
		"expired":         `UPDATE auth.session SET expires_at = created_at`,
		"disabled":        `UPDATE auth.user_account SET disabled_at = now()`,
		"passkey revoked": `UPDATE auth.passkey SET revoked_at = now()`,
		"gone":            `DELETE FROM auth.session`,
	} {
		s := signTwoIn(t)
		s.exec(end)
		if _, _, err := s.service.Verified(t.Context(), s.token, s.adaKey); !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", name, err)
		}
		if n := s.count(`SELECT count(*) FROM auth.session WHERE verified_at > created_at OR token_before IS NOT NULL`); n != 0 {
			t.Errorf("%s: the row was changed", name)
		}
	}
}

// Two checks at once: one gets the session.
func TestVerifyOnce(t *testing.T) {
	s := signTwoIn(t)
	var wg sync.WaitGroup
	won := make(chan string, 8)
	for range 8 {
		wg.Go(func() {
			if token, _, err := s.service.Verified(t.Context(), s.token, s.adaKey); err == nil {
				won <- token
			} else if !errors.Is(err, session.ErrNone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d checks rotated the session, want 1", len(won))
	}
}

func TestSwitchSession(t *testing.T) {
	s := signTwoIn(t)
	if _, _, err := s.service.SetResearch(t.Context(), s.others, true); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Bob is no researcher: %v", err)
	}
	token, got, err := s.service.SetResearch(t.Context(), s.token, true)
	if err != nil || !got.Research || got.Principal.Can(access.EventsRead) || !got.Principal.Can(access.ResearchRead) {
		t.Fatalf("%+v, %v", got, err)
	}
	s.exec(`UPDATE auth.session SET locked_at = now()`)
	if _, err := s.SwitchSession(t.Context(), hashOfToken(token), []byte{1}, false, *s.clock); !errors.Is(err, health.ErrNotFound) {
		t.Errorf("a locked session: %v, want ErrNotFound", err)
	}
}

// hashOfToken is the form in which tokens are stored.
func hashOfToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func TestSessionsOfAndEnd(t *testing.T) {
	s := signTwoIn(t)
	*s.clock = s.clock.Add(time.Minute)
	second, err := s.service.Issue(t.Context(), session.New{UserID: s.ada})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.service.List(t.Context(), s.ada)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	newer, older := list[0], list[1]
	if older.Browser != "Firefox on Mac" || older.Address != "192.0.2.9" || older.Passkey == "" || newer.Passkey != "" || newer.Address != "" ||
		!older.Created.Equal(signInTime()) || !older.Ends.Equal(signInTime().Add(session.Absolute)) || !older.Verified.Equal(older.Created) || older.Locked {
		t.Errorf("list %+v", list)
	}
	bobs, err := s.service.List(t.Context(), s.bob)
	if err != nil || len(bobs) != 1 {
		t.Fatalf("%+v, %v", bobs, err)
	}
	for _, id := range []string{bobs[0].ID, "x", ""} { // line 25
		if err := s.service.End(t.Context(), s.ada, id, session.WhyOwner); !errors.Is(err, health.ErrNotFound) {
			t.Errorf("ending %q: %v, want ErrNotFound", id, err)
		}
	}
	if err := s.service.End(t.Context(), s.ada, older.ID, session.WhyAdmin); err != nil {
		t.Fatal(err)
	}
	if n := s.count(`SELECT count(*) FROM auth.session WHERE public_id = $1 AND ended_why = $2 AND ended_at = $3`, older.ID, session.WhyAdmin, *s.clock); n != 1 {
		t.Error("when and why were not noted")
	}
	if _, err := s.service.Issue(t.Context(), session.New{UserID: s.ada}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.service.EndOthers(t.Context(), s.ada, newer.ID); n != 1 || err != nil {
		t.Errorf("others: %d, %v", n, err)
	}
	if _, err := s.service.Peek(t.Context(), second); err != nil {
		t.Errorf("the session that asked: %v", err)
	}
	if n, err := s.service.EndAll(t.Context(), s.ada, session.WhyAdmin); n != 1 || err != nil {
		t.Errorf("all: %d, %v", n, err)
	}
	if _, err := s.service.Peek(t.Context(), s.others); err != nil {
		t.Errorf("Bob's session: %v", err)
	}
	s.exec(`UPDATE auth.user_account SET disabled_at = now()`)
	if bobs, err = s.service.List(t.Context(), s.bob); err != nil || len(bobs) != 0 {
		t.Errorf("sessions of a disabled user: %+v, %v", bobs, err)
	}
}

func TestCountAttempt(t *testing.T) {
	db := openSignInDB(t)
	count := func(bucket string, n, want int) {
		t.Helper()
		if got, err := db.CountAttempt(t.Context(), bucket, n, time.Minute); err != nil || got != want {
			t.Errorf("%s + %d: %d, %v; want %d", bucket, n, got, err, want)
		}
	}
	count("a", 0, 0)
	count("a", 1, 1)
	count("a", 2, 3)
	count("b", 1, 1)
	count("a", 0, 3)
	if n := db.count(`SELECT count(*) FROM auth.attempt`); n != 2 {
		t.Errorf("%d buckets, want 2: reading makes none", n)
	}
	db.exec(`UPDATE auth.attempt SET started_at = now() - interval '61 seconds'`)
	count("a", 0, 0)
	count("a", 1, 1)
	db.exec(`UPDATE auth.attempt SET n = 2147483647`)
	count("a", 1, 2147483647)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := db.CountAttempt(t.Context(), "c", 1, time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count("c", 0, 20)
	if _, err := db.CountAttempt(t.Context(), "with\x00zero", 1, time.Minute); err == nil {
		t.Error("a bucket that no text can hold was counted")
	}
}

// The token hash and the one before it are found by index among many sessions.
func TestSessionPlans(t *testing.T) {
	s := signTwoIn(t)
	s.exec(`INSERT INTO auth.session (token_hash, user_id, csrf, expires_at, token_before)
		SELECT sha256(i::text::bytea), $1, 'c', now(), sha256((-i)::text::bytea) FROM generate_series(1, 20000) i`, s.ada)
	s.exec(`ANALYZE auth.session`)
	for sql, index := range map[string]string{
		`SELECT * FROM auth.session s JOIN auth.user_account u ON u.id = s.user_id LEFT JOIN auth.passkey k ON k.id = s.passkey_id WHERE s.token_hash = '\x01'`: "session_pkey",
		`UPDATE auth.session SET ended_at = now() WHERE (token_hash = '\x01' OR token_before = '\x01') AND ended_at IS NULL`:                                    "session_before",
	} {
		var plan bytes.Buffer
		rows, err := s.conn.Query(t.Context(), "EXPLAIN "+sql)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(line + "\n")
		}
		if rows.Err() != nil || !bytes.Contains(plan.Bytes(), []byte(index)) || bytes.Contains(plan.Bytes(), []byte("Seq Scan on session")) {
			t.Errorf("the plan does not use %s (%v):\n%s", index, rows.Err(), plan.String())
		}
	}
}
