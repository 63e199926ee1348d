package web

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"healthportal/app/session"
	"healthportal/app/session/sessiontest"
)

// Line 19: cookies that are almost right.
func TestForgedCookies(t *testing.T) {
	s := newSessionSite(t)
	flipped := []byte(s.token)
	flipped[5] ^= 1
	for name, cookie := range map[string]string{
		"empty": "hp_session=", "flipped": "hp_session=" + string(flipped), "longer": "hp_session=" + s.token + "A", "shorter": "hp_session=" + s.token[:42],
		"3 KB": "hp_session=" + strings.Repeat("A", 3<<10), "another name": "hp_sessio=" + s.token,
		"another case": "HP_SESSION=" + s.token, "the name of https": "__Host-hp_session=" + s.token, "no name": s.token,
		"twice, both wrong": "hp_session=" + string(flipped) + "; hp_session=x",
	} {
		if got := s.get("/settings/sessions", header("Cookie", cookie)); got.status != http.StatusSeeOther {
			t.Errorf("%s: status %d, want 303 to the sign-in page", name, got.status)
		}
	}
	// One of two: whichever is taken, the answer is its session's or none.
	for _, cookie := range []string{"hp_session=" + s.token + "; hp_session=x", "hp_session=x; hp_session=" + s.token} {
		if got := s.get("/settings/sessions", header("Cookie", cookie)); got.status != http.StatusSeeOther && got.status != http.StatusOK {
			t.Errorf("duplicates: status %d", got.status)
		}
	}
	s.get("/settings/sessions", header("Cookie", "hp_session="+s.token)).wantStatus(t, http.StatusOK)
	if strings.Contains(s.log.String(), s.token[:20]) {
		t.Error("the token is in the log")
	}
}

// No Cookie header makes the server fail, or lets anybody in.
func FuzzCookieHeader(f *testing.F) {
	for _, seed := range []string{"", "hp_session", "hp_session=", ";;=;hp_session=a;", "hp_session=\xff\xfe", "hp_session=" + strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	store := &sessiontest.Memory{}
	service := session.NewService(store, store, testNow)
	if _, err := service.Issue(f.Context(), session.New{UserID: 7, PasskeyID: 3}); err != nil {
		f.Fatal(err)
	}
	server, err := New(Config{Origin: testOrigin, Logger: slog.New(slog.DiscardHandler), Now: testNow, RateLimit: 1e6},
		Deps{Sessions: service, OwnSessions: service, Audit: &logbook{}, Attempts: noAttempts{}, Keys: noKeys{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		if len(cookie) > 2000 || strings.ContainsFunc(cookie, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // no header value: the wire tests send such
		}
		s := &site{t: t, server: server}
		if got := s.get("/settings/sessions", header("Cookie", cookie)); got.status >= 500 || got.status == http.StatusOK {
			t.Errorf("%q: status %d", cookie, got.status)
		}
	})
}
