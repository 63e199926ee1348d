package attacks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"healthportal/app/passkey/passkeytest"
)

// Defence: addresses come from the connection, or from what trusted proxies
// wrote at the right end; failures are counted in the database, and where that
// fails nobody signs in.
func TestAttack49_LimitsAndForwardedFor(t *testing.T) {
	t.Run("a direct client", func(t *testing.T) {
		w := newClinic(t)
		guesser, honest := w.newHuman("guesser", "ops", ""), w.newHuman("honest", "ops", "")
		limited := 0
		for i := range 60 {
			limited += guess(guesser, fmt.Sprintf("10.0.%d.%d, 203.0.113.%d", i, i, i))
		}
		if limited < 20 {
			t.Errorf("%d of 60 guesses with ever other X-Forwarded-For were limited, want at least 20", limited)
		}
		honest.signIn().want(http.StatusOK) // from elsewhere, unharmed
		address := one[string](w, "SELECT string_agg(DISTINCT address, ' ') FROM audit.entry WHERE kind = 'sign-in'")
		if strings.Contains(address, "203.0.113") || strings.Contains(address, "10.0.") {
			t.Errorf("forged addresses are on record: %s", address)
		}
	})
	t.Run("behind a proxy", func(t *testing.T) {
		w := newClinic(t, "PORTAL_TRUSTED_PROXIES=127.0.0.0/8")
		proxy, limited := w.newHuman("guesser", "ops", ""), 0
		for i := range 60 { // the proxy wrote the last; the client invented the others
			limited += guess(proxy, fmt.Sprintf("10.1.%d.1, 198.51.100.7", i))
		}
		if limited < 20 {
			t.Errorf("%d of 60 guesses of one client of a proxy were limited, want at least 20", limited)
		}
		if got := guess(proxy, "198.51.100.8"); got != 0 {
			t.Error("one client of the proxy used up another's attempts")
		}
		// A household has a whole /64 of IPv6.
		limited = 0
		for i := range 60 {
			limited += guess(proxy, fmt.Sprintf("2001:db8:1:2:%x::%x", i, i))
		}
		if limited < 20 {
			t.Errorf("%d of 60 guesses out of one /64 were limited, want at least 20", limited)
		}
	})
	t.Run("without counting", func(t *testing.T) {
		w := newClinic(t)
		ada := w.newHuman("ada", "clinician", "Team A")
		in := w.as("clinician2")
		b := ada.beginSignIn()
		token := w.invite("eve", "admin", "")
		w.exec("ALTER TABLE auth.attempt RENAME TO elsewhere")
		ada.json("/login/finish", finish(b, ada.assertion(b))).want(http.StatusServiceUnavailable)
		ada.json("/login/begin", map[string]any{}).want(http.StatusServiceUnavailable)
		ada.json("/enrol/begin", map[string]any{"token": token}).want(http.StatusServiceUnavailable)
		if ada.cookie != "" || one[int](w, "SELECT count(*) FROM auth.session WHERE user_id = $1", ada.id) != 0 {
			t.Error("somebody signed in while attempts were not counted")
		}
		in.get("/dashboard").want(http.StatusOK) // who is in, stays in
		w.exec("ALTER TABLE auth.elsewhere RENAME TO attempt")
		ada.signIn().want(http.StatusOK)
	})
	t.Run("requests", func(t *testing.T) {
		w := newClinic(t, "PORTAL_RATE_LIMIT=1")
		c, refused := w.caller(), 0
		for i := range 100 {
			if c.get("/login", set("X-Forwarded-For", fmt.Sprintf("10.2.%d.1", i))).status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused == 0 {
			t.Error("a hundred requests of one address were answered at a limit of one a second")
		}
		w.caller().get("/login").want(http.StatusOK)
	})
}

// guess tries to sign in with a passkey that nobody has; 1 if the limit met it.
func guess(h *human, forwarded string) int {
	from := []edit{set("X-Forwarded-For", forwarded), set("X-Real-IP", forwarded), set("Forwarded", "for="+forwarded)}
	a := h.caller.json("/login/begin", map[string]any{}, from...)
	if a.status == http.StatusOK {
		b := h.read(a)
		a = h.caller.json("/login/finish", finish(b, h.assertion(b, func(d *passkeytest.Draft) { d.ID = make([]byte, 32) })), from...)
	}
	if a.status == http.StatusTooManyRequests {
		return 1
	}
	a.want(http.StatusUnauthorized)
	return 0
}
