package portal

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/session"
)

// The whole chain of a serving portal: cookie, cache, and news of what another
// process did.
func TestServedSessions(t *testing.T) {
	w := newWorld(t)
	p := w.open(w.config("data"))
	s := w.serve(p)
	w.exec(`INSERT INTO auth.user_account (name, display_name, handle) VALUES ('ada', 'Dr. Ada', decode(repeat('ab', 64), 'hex'))`)
	user := one[int64](w, `SELECT id FROM auth.user_account`)
	w.exec(`INSERT INTO auth.user_role (user_id, role) VALUES ($1, 'clinician')`, user)
	token, err := p.Sessions().Issue(t.Context(), session.New{UserID: user, Browser: "Firefox on Mac", Address: "192.0.2.9"})
	if err != nil {
		t.Fatal(err)
	}
	if status, body, err := s.ask("/settings/sessions", token); err != nil || status != 200 || !strings.Contains(body, "Firefox on Mac") {
		t.Fatalf("status %d, %v: %.500s", status, err, body)
	}
	if p.sessions.service == nil || !sameSessions(p) {
		t.Error("parts of one process have different sessions")
	}
	w.exec(`UPDATE auth.user_account SET disabled_at = now()`) // as another process does
	deadline := time.Now().Add(time.Minute)
	for {
		status, _, err := s.ask("/settings/sessions", token)
		if err != nil {
			t.Fatal(err)
		}
		if status == 303 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d ten seconds after the user was disabled", status)
		}
	}
	if _, err := p.Sessions().EndAll(t.Context(), user, session.WhyAdmin); err != nil {
		t.Error(err)
	}
}

// Redis may be absent at the start; an address that can't be one stops it.
func TestServeWithRedisURL(t *testing.T) {
	w := newWorld(t)
	cfg := w.config("data")
	cfg.RedisURL = "unix://" + w.dir + "/none.sock"
	w.serve(w.open(cfg)).want("/readyz", 200)
	cfg = w.config("other")
	cfg.RedisURL = "http://:secret@cache"
	p := w.open(cfg)
	if err := p.cacheSessions(); err == nil || !strings.Contains(err.Error(), "REDIS_URL") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// sameSessions reports whether the portal has one service of sessions only.
func sameSessions(p *Portal) bool {
	first := p.Sessions()
	return first == p.Sessions()
}
