package settings

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"healthportal/app/access"
)

// drawn renders a component and returns its tree and its source.
func drawn(t *testing.T, c templ.Component) (*html.Node, string) {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	source := out.String()
	root, err := html.ParseWithOptions(&out, html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	return root, source
}

// having returns the elements of a tag whose attribute has the value.
func having(root *html.Node, tag, name, value string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if n.Data == tag && a.Key == name && a.Val == value {
				found = append(found, n)
			}
		}
	}
	return found
}

func wantWords(t *testing.T, source string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(source, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func somePasskeys() PasskeysProps {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	return PasskeysProps{Now: now, Zone: time.UTC, NameLimit: 64, CSRF: "tok", Accepted: `{"rpId":"x"}`, Passkeys: []Passkey{
		{ID: "k1", Name: "Laptop <b>", Maker: "Windows Hello", Created: now.Add(-48 * time.Hour), LastUsed: now.Add(-time.Minute), Current: true, Transports: []string{"internal", "odd"}},
		{ID: "k2", Name: "Phone", MaySync: true, Synced: true, Transports: []string{"hybrid", "usb", "nfc", "ble", "smart-card"}, Created: now},
		{ID: "k3", Name: "Tablet", MaySync: true, Created: now},
	}}
}

func TestPasskeys(t *testing.T) {
	root, source := drawn(t, Passkeys(somePasskeys()))
	wantWords(t, source, "Laptop &lt;b&gt;", "Windows Hello", "Device-bound", "This session", "today, 11:59", "27 Mar 2026, 12:00",
		"Synced", "a phone nearby, USB, NFC, Bluetooth, smart card", "Not synced yet", "never", "not told by the device", "zone UTC")
	if strings.Contains(source, "odd") || strings.Contains(source, "second passkey") || strings.Contains(source, "<b>") {
		t.Error("an unknown transport, a needless urge or markup of a name shows")
	}
	for _, id := range []string{"k1", "k2", "k3"} {
		for _, act := range []string{"/name", "/remove"} {
			forms := having(root, "form", "action", PasskeysPath+"/"+id+act)
			if len(forms) != 1 || len(having(forms[0], "input", "value", "tok")) != 1 {
				t.Fatalf("%s%s: %d forms, or no token", id, act, len(forms))
			}
			stepUp := false
			for _, a := range forms[0].Attr {
				stepUp = stepUp || a.Key == "data-step-up"
			}
			if stepUp != (act == "/remove") {
				t.Errorf("%s%s asks for a check: %v", id, act, stepUp)
			}
		}
	}
	if strings.Count(source, "you will be signed out here") != 1 {
		t.Error("the warning of signing out stands at the wrong passkeys")
	}
	if len(having(root, "button", "id", "passkey-start")) != 1 || len(having(root, "input", "id", "shared")) != 1 || len(having(root, "input", "id", "key-name")) != 1 {
		t.Error("the script finds no button or field to add a passkey")
	}
}

func TestOnlyPasskey(t *testing.T) {
	p := somePasskeys()
	p.Passkeys = p.Passkeys[:1]
	root, source := drawn(t, Passkeys(p))
	wantWords(t, source, "Add a second passkey.", "ask an administrator for a new enrolment link")
	if len(having(root, "form", "action", PasskeysPath+"/k1/remove")) != 0 {
		t.Error("the only passkey can be removed")
	}
}

func TestPasskeysSayWhatHappened(t *testing.T) {
	for done, want := range map[string]string{"added": "Passkey added.", "renamed": "Passkey renamed.", "removed": "Passkey removed."} {
		p := somePasskeys()
		p.Done = done
		_, source := drawn(t, PasskeyList(p))
		wantWords(t, source, want, "kind-good")
	}
	p := somePasskeys()
	p.Done = "<script>"
	if _, source := drawn(t, PasskeyList(p)); strings.Contains(source, "<script") || strings.Contains(source, "&lt;script") {
		t.Error("words of the address reach the page")
	}
	p.Problem = "This is your only passkey."
	_, source := drawn(t, PasskeyList(p))
	wantWords(t, source, p.Problem, `role="alert"`)
}

func TestRefusedNameStaysInItsField(t *testing.T) {
	p := somePasskeys()
	p.Passkeys[1].Draft, p.Passkeys[1].Problem = "a\"b", "Give a name."
	root, source := drawn(t, PasskeyList(p))
	wantWords(t, source, "Give a name.", `aria-invalid="true"`)
	if n := having(root, "input", "value", "a\"b"); len(n) != 1 {
		t.Errorf("%d fields hold what was typed", len(n))
	}
	if strings.Count(source, "<details class=\"disclosure\" open") != 1 {
		t.Error("the field with the problem is folded away")
	}
}

func TestPasskeyGone(t *testing.T) {
	root, source := drawn(t, PasskeyGone(`{"rpId":"x"}`))
	wantWords(t, source, "Passkey removed", "signed out here")
	if len(having(root, "a", "href", "/login")) != 1 || len(having(root, "div", "data-accepted", `{"rpId":"x"}`)) != 1 {
		t.Error("no way to sign in, or nothing for the browser to forget")
	}
}

func TestNotices(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	p := NoticesProps{Now: now, Zone: time.UTC, Next: "/dashboard?a=1&b=2", CSRF: "tok", Notices: []access.Notice{
		{ID: 3, What: "You were given the role <i>admin</i>.", By: "Dr Eve", At: now.Add(-time.Hour)},
		{ID: 8, What: "A passkey was added by an enrolment link.", At: now.Add(-48 * time.Hour)},
	}}
	root, source := drawn(t, Notices(p))
	wantWords(t, source, "You were given the role &lt;i&gt;admin&lt;/i&gt;.", "Dr Eve", "a command on the server", "today, 11:00", "27 Mar 2026, 12:00", "I knew about this")
	if len(having(root, "form", "action", "/notices/seen")) != 2 || len(having(root, "input", "value", "8")) != 2 ||
		len(having(root, "input", "value", "/dashboard?a=1&b=2")) != 2 || len(having(root, "input", "value", "tok")) != 2 {
		t.Error("the two answers don't send what they must")
	}
	for _, act := range []string{"known", "not-me"} {
		if len(having(root, "input", "value", act)) != 1 {
			t.Errorf("no answer %q", act)
		}
	}
	_, source = drawn(t, Notices(NoticesProps{Now: now, Zone: time.UTC}))
	wantWords(t, source, "Nobody else has changed your account")
}

func TestDisowned(t *testing.T) {
	_, source := drawn(t, Disowned(1, 2))
	wantWords(t, source, "1 other session", "2 administrators", "Check your passkeys")
	_, source = drawn(t, Disowned(0, 0))
	wantWords(t, source, "0 other sessions", "tell whoever runs the portal yourself")
}
