package attacks

import (
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Defence: rights are the user's of now; changes end live sessions, in this
// process and in others, whatever caches hold.
func TestAttack21_RoleChangeDisableRevoke(t *testing.T) {
	w := newClinic(t)
	a, _ := w.seed()
	admin := w.as("admin")
	for name, act := range map[string]func(victim *human){
		"role changed by a page": func(v *human) {
			admin.post("/admin/users/"+v.publicID()+"/roles", url.Values{"roles": {"ops"}}).want(http.StatusSeeOther)
		},
		"role changed by a command": func(v *human) { w.run("user", "roles", v.name, "--role", "ops") },
		"disabled by a page":        func(v *human) { admin.post("/admin/users/"+v.publicID()+"/disable", nil).want(http.StatusSeeOther) },
		"disabled by a command":     func(v *human) { w.run("user", "disable", v.name) },
		"sessions ended by a page": func(v *human) {
			admin.post("/admin/users/"+v.publicID()+"/sessions/end", nil).want(http.StatusSeeOther)
		},
		"passkey revoked by a page": func(v *human) {
			admin.post("/admin/users/"+v.publicID()+"/passkeys/"+v.passkeyID()+"/remove", nil).want(http.StatusSeeOther)
		},
		"role deleted in the database": func(v *human) { w.exec("DELETE FROM auth.user_role WHERE user_id = $1", v.id) },
		"disabled in the database":     func(v *human) { w.exec("UPDATE auth.user_account SET disabled_at = now() WHERE id = $1", v.id) },
		"ended in the database":        func(v *human) { w.exec("UPDATE auth.session SET ended_at = now() WHERE user_id = $1", v.id) },
		"ended by the user elsewhere": func(v *human) {
			other := v.again()
			other.cookie = ""
			other.signIn().want(http.StatusOK)
			other.post("/settings/sessions/end-others", nil).want(http.StatusSeeOther)
		},
	} {
		victim := w.newHuman("v"+itoa(int64(len(name)))+strings.Map(letters, name), "clinician", "Team A")
		victim.signIn().want(http.StatusOK)
		thief := w.caller()
		thief.cookie = victim.cookie
		for range 3 { // every cache knows the session now
			thief.get("/patients/" + a.public).want(http.StatusOK)
		}
		act(victim)
		byPage := strings.Contains(name, "page")
		if byPage {
			thief.get("/patients/" + a.public).refused().lacks(a.secrets()...)
		}
		w.eventually("the end of the session: "+name, func() bool { return thief.get("/patients/"+a.public).status != http.StatusOK })
		thief.get("/genomics/reports").refused().lacks(a.secrets()...)
		if strings.HasPrefix(name, "disabled") || strings.HasPrefix(name, "passkey") {
			victim.again().signIn().want(http.StatusUnauthorized)
		}
	}
}

// letters keeps what a user name may hold.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return '.'
}

// passkeyID is the public id of h's passkey.
func (h *human) passkeyID() string {
	h.w.t.Helper()
	return one[string](h.w, "SELECT public_id FROM auth.passkey WHERE user_id = $1", h.id)
}

// redis is a private Redis server that tests kill.
type redis struct {
	t    *testing.T
	addr string
	dir  string
	cmd  *exec.Cmd
}

func (r *redis) start() {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatalf("redis-server is missing: apt-get install redis-server (%v)", err)
	}
	r.cmd = exec.CommandContext(r.t.Context(), path, "--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "3600 1000000", "--appendonly", "no")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); r.say("PING") != "+PONG\r\n"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("Redis does not answer")
		}
	}
}

// kill ends it without any warning.
func (r *redis) kill() {
	r.t.Helper()
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed
}

// say sends a command and returns the first bytes of the answer.
func (r *redis) say(command string) string {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(r.t.Context(), "tcp", r.addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close() //nolint:errcheck // a question
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err.Error()
	}
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return err.Error()
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		return err.Error()
	}
	return string(answer[:n])
}

// Defence: the row in PostgreSQL is the authority; Redis is asked within bounds,
// and what it remembers of before a loss is not believed.
func TestAttack22_RedisLost(t *testing.T) {
	r := &redis{t: t, addr: freeAddress(t), dir: t.TempDir()}
	r.start()
	t.Cleanup(r.kill)
	w := newClinic(t, "REDIS_URL=redis://"+r.addr)
	a, _ := w.seed()
	ada, bea := w.as("clinician"), w.newHuman("bea", "clinician", "Team A")
	bea.signIn().want(http.StatusOK)
	page := "/patients/" + a.public
	thief := w.caller()
	thief.cookie = bea.cookie
	for range 3 {
		ada.get(page).want(http.StatusOK)
		thief.get(page).want(http.StatusOK)
	}
	if got := r.say("KEYS *"); !strings.Contains(got, "hp:session:") {
		t.Fatalf("Redis holds no session: %q", got)
	}
	if keys := r.say("KEYS *"); strings.Contains(keys, ada.cookie) || strings.Contains(keys, bea.cookie) {
		t.Error("Redis holds tokens")
	}
	r.say("SAVE") // what it knows now is what it will know again
	r.kill()
	ada.get(page).want(http.StatusOK).has(a.family)
	bea.post("/logout", nil).want(http.StatusSeeOther)
	thief.get(page).refused().lacks(a.secrets()...)
	stranger := w.caller()
	stranger.cookie = strings.Repeat("A", 43)
	stranger.get(page).refused()
	ada.again().signIn().want(http.StatusOK)
	ada.get(page).want(http.StatusOK)
	// Redis is back with the session that was ended meanwhile; so is a new process.
	r.start()
	for round := range 2 {
		for range 20 {
			thief.get(page).refused().lacks(a.secrets()...)
			ada.get(page).want(http.StatusOK)
			time.Sleep(10 * time.Millisecond)
		}
		if round == 0 {
			r.say("SAVE")
			w.restart()
		}
	}
	// Garbage and emptiness in Redis let nobody in and throw nobody out.
	for key := range strings.SplitSeq(r.say("KEYS *"), "\r\n") {
		if strings.HasPrefix(key, "hp:") {
			r.say("SET " + key + " garbage")
		}
	}
	thief.get(page).refused()
	ada.get(page).want(http.StatusOK)
	r.say("FLUSHALL")
	thief.get(page).refused()
	ada.get(page).want(http.StatusOK)
	if log := w.log.String(); strings.Contains(log, "panic") || strings.Contains(log, ada.cookie) {
		t.Error("the log holds a panic or a token")
	}
}
