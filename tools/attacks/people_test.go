package attacks

import (
	"encoding/json"
	"net/http"
	"strings"

	"healthportal/app/passkey/passkeytest"
)

// human is somebody with an account: browser, passkey and device.
type human struct {
	*caller
	name   string
	id     int64
	device passkeytest.Authenticator
	key    *passkeytest.Key
}

// begun is the portal's half of a ceremony.
type begun struct {
	Ceremony string          `json:"ceremony"`
	Options  json.RawMessage `json:"options"`
}

// synced makes a passkey one that a password manager syncs: without a counter,
// so that nothing but the defence under test stands in the way.
func synced(d *passkeytest.Draft) {
	d.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp
	d.Count = 0
}

// tokenOf is the secret of a printed line "enrol <roles> <url>".
func tokenOf(w *clinic, printed string) string {
	w.t.Helper()
	for line := range strings.Lines(printed) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "enrol" {
			if _, token, ok := strings.Cut(words[2], "/enrol#"); ok {
				return token
			}
		}
	}
	w.t.Fatalf("no enrolment link in %q", printed)
	return ""
}

// invite adds a person and returns the token of their enrolment link.
func (w *clinic) invite(name, role, team string, more ...string) string {
	w.t.Helper()
	args := []string{"user", "add", name, "--display-name", "Dr " + name, "--role", role}
	if team != "" {
		args = append(args, "--team", team)
	}
	return tokenOf(w, w.run(append(args, more...)...))
}

// newHuman adds a person who enrols a passkey over the wire, and does not sign in yet.
func (w *clinic) newHuman(name, role, team string, tweaks ...passkeytest.Tweak) *human {
	w.t.Helper()
	h := w.stranger()
	h.name = name
	h.enrol(w.invite(name, role, team), tweaks...)
	h.id = one[int64](w, "SELECT id FROM auth.user_account WHERE name = $1", name)
	return h
}

// stranger has a browser and a device, and no account.
func (w *clinic) stranger() *human {
	return &human{caller: w.caller(), device: passkeytest.Authenticator{Origin: w.origin, RPID: "localhost"}}
}

// as is a signed-in person of the role, made at first use: "clinician" works in
// team A, "clinician2" in team B.
func (w *clinic) as(who string) *human {
	w.t.Helper()
	if h := w.people[who]; h != nil {
		return h
	}
	role, second := strings.CutSuffix(who, "2")
	team := ""
	if role == "clinician" {
		team = "Team A"
		if second {
			team = "Team B"
		}
	}
	h := w.newHuman("test."+who, role, team)
	h.signIn().want(http.StatusOK)
	h.settle()
	w.people[who] = h
	return h
}

// enrol makes a passkey with a link's token.
func (h *human) enrol(token string, tweaks ...passkeytest.Tweak) {
	h.w.t.Helper()
	if a := h.finishEnrolment(token, h.beginEnrolment(token), tweaks...); a.status != http.StatusOK {
		h.w.t.Fatalf("an honest enrolment: %d %s", a.status, a.body)
	}
}

func (h *human) beginEnrolment(token string) begun {
	h.w.t.Helper()
	return h.read(h.caller.json("/enrol/begin", map[string]any{"token": token}))
}

// finishEnrolment answers a begun enrolment; the new passkey becomes h's.
func (h *human) finishEnrolment(token string, b begun, tweaks ...passkeytest.Tweak) answer {
	h.w.t.Helper()
	credential, key, err := h.device.Create(b.Options, tweaks...)
	if err != nil {
		h.w.t.Fatal(err)
	}
	h.key = key
	return h.caller.json("/enrol/finish", map[string]any{"ceremony": b.Ceremony, "token": token, "credential": json.RawMessage(credential), "name": "test key"})
}

// credentialOf is a credential as it stands in a body.
func credentialOf(b []byte) json.RawMessage { return b }

// apiKey makes an API key by the command.
func (w *clinic) apiKey(user, expires string, scopes ...string) string {
	w.t.Helper()
	args := []string{"apikey", "add", "--user", user, "--expires", expires}
	for _, scope := range scopes {
		args = append(args, "--scope", scope)
	}
	return strings.TrimSpace(w.run(args...))
}

// read is a begun ceremony out of its answer.
func (h *human) read(a answer) begun {
	h.w.t.Helper()
	var b begun
	if err := json.Unmarshal([]byte(a.want(http.StatusOK).body), &b); err != nil || b.Ceremony == "" || len(b.Options) == 0 {
		h.w.t.Fatalf("%s answered %q: %v", a.what, a.body, err)
	}
	return b
}

func (h *human) beginSignIn() begun {
	h.w.t.Helper()
	return h.read(h.caller.json("/login/begin", map[string]any{}))
}

// assertion is the device's answer to a begun sign-in or check.
func (h *human) assertion(b begun, tweaks ...passkeytest.Tweak) json.RawMessage {
	h.w.t.Helper()
	credential, err := h.device.Get(b.Options, h.key, tweaks...)
	if err != nil {
		h.w.t.Fatal(err)
	}
	return credential
}

// finish is the body of a ceremony's end.
func finish(b begun, credential json.RawMessage) map[string]any {
	return map[string]any{"ceremony": b.Ceremony, "credential": credential, "next": "/"}
}

// signIn runs a whole sign-in from wherever h is.
func (h *human) signIn(tweaks ...passkeytest.Tweak) answer {
	h.w.t.Helper()
	b := h.beginSignIn()
	return h.caller.json("/login/finish", finish(b, h.assertion(b, tweaks...)))
}

// settle marks the notices of what others did as seen.
func (h *human) settle() {
	h.w.t.Helper()
	h.w.exec("UPDATE auth.notice SET seen_at = now() WHERE user_id = $1", h.id)
}

// verify runs a passkey check of the session.
func (h *human) verify(tweaks ...passkeytest.Tweak) answer {
	h.w.t.Helper()
	b := h.read(h.caller.json("/verify/begin", map[string]any{}))
	return h.caller.json("/verify/finish", finish(b, h.assertion(b, tweaks...)))
}

// again is a second browser of the same person with the same passkey, signed out.
func (h *human) again() *human {
	other := *h
	other.caller = h.w.caller()
	return &other
}
