package signin

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

// tree renders a page and parses it.
func tree(t *testing.T, c templ.Component) (*html.Node, string) {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	root, err := html.ParseWithOptions(&out, html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	return root, text
}

// find returns the elements with the tag ("*" for any) that have the attribute, with the value where one is given.
func find(root *html.Node, tag, name string, value ...string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || (tag != "*" && n.Data != tag) {
			continue
		}
		if got, ok := attr(n, name); name == "" || ok && (len(value) == 0 || got == value[0]) {
			found = append(found, n)
		}
	}
	return found
}

func one(t *testing.T, root *html.Node, tag, name string, value ...string) *html.Node {
	t.Helper()
	found := find(root, tag, name, value...)
	if len(found) != 1 {
		t.Fatalf("%d elements %s with %s=%q, want 1", len(found), tag, name, value)
	}
	return found[0]
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

func within(n *html.Node, name string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if _, ok := attr(p, name); ok {
			return true
		}
	}
	return false
}

func TestSignIn(t *testing.T) {
	root, _ := tree(t, SignIn(Props{Next: "/dashboard/events?person=p&day=2026-03-29"}))
	stage := one(t, root, "*", "data-passkey", "sign-in")
	if next, _ := attr(stage, "data-next"); next != "/dashboard/events?person=p&day=2026-03-29" {
		t.Errorf("the way back is %q", next)
	}
	button := one(t, root, "button", "id", "passkey-start")
	if got := text(button); got != "Sign in with a passkey" {
		t.Errorf("the button is named %q", got)
	}
	if _, off := attr(button, "disabled"); !off {
		t.Error("the button can be pressed before the script is there to answer")
	}
	field := one(t, root, "input", "autocomplete", "username webauthn")
	id, _ := attr(field, "id")
	if label := one(t, root, "label", "for", id); text(label) != "User name" {
		t.Errorf("the field is named %q", text(label))
	}
	if len(find(root, "input", "type", "password")) != 0 || strings.Contains(strings.ToLower(text(root)), "password") {
		t.Error("the page speaks of passwords")
	}
	if len(find(root, "form", "")) != 0 {
		t.Error("a form would send the field somewhere without the script")
	}
	if said := text(root); !strings.Contains(said, "Ask an administrator for an enrolment link") {
		t.Errorf("who has no passkey is left alone: %s", said)
	}
}

func TestHostileWaysBackStayText(t *testing.T) {
	for _, next := range []string{"", `"><script>alert(1)</script>`, `' onmouseover='x`, "javascript:alert(1)", "//evil", "\u202e"} {
		root, raw := tree(t, SignIn(Props{Next: next}))
		if got, _ := attr(one(t, root, "*", "data-passkey"), "data-next"); got != next {
			t.Errorf("%q became %q", next, got)
		}
		if strings.Contains(raw, "<script") || len(find(root, "*", "onmouseover")) != 0 {
			t.Errorf("%q became code", next)
		}
	}
}

func TestEnrol(t *testing.T) {
	root, _ := tree(t, Enrol(EnrolProps{NameLimit: 60}))
	button := one(t, root, "button", "id", "passkey-start")
	if got := text(button); got != "Create passkey" {
		t.Errorf("the button is named %q", got)
	}
	if _, off := attr(button, "disabled"); !off {
		t.Error("the button can be pressed before the script has asked whom the link enrols")
	}
	field := one(t, root, "input", "id", "key-name")
	if limit, _ := attr(field, "maxlength"); limit != "60" {
		t.Errorf("the name may have %q characters", limit)
	}
	one(t, root, "label", "for", "key-name")
	// Whom the link enrols, and success, appear only when the script knows.
	for _, part := range []string{"data-ready", "data-done", "data-failure"} {
		if _, off := attr(one(t, root, "*", part), "hidden"); !off {
			t.Errorf("%s shows from the start", part)
		}
	}
	for _, part := range []string{"data-user", "data-name", "data-until"} {
		n := one(t, root, "*", part)
		if !within(n, "data-ready") || text(n) != "" {
			t.Errorf("%s holds %q, or stands outside", part, text(n))
		}
	}
	done := one(t, root, "*", "data-done")
	if index, ok := attr(done, "tabindex"); !ok || index != "-1" {
		t.Error("the success can't take the focus")
	}
	if link := one(t, done, "a", "href", "/login"); text(link) != "Sign in" {
		t.Errorf("after the enrolment a link named %q", text(link))
	}
	if said := text(root); !strings.Contains(said, "close this page and tell an administrator") {
		t.Errorf("who gets another's link is left alone: %s", said)
	}
}

// Who checks out here sees the own name, the way out, and nothing of anybody else.
func TestVerify(t *testing.T) {
	for _, locked := range []bool{false, true} {
		root, raw := tree(t, Verify(VerifyProps{Name: "Dr <b>Ada</b>", Next: "/dashboard?a=1&b=2", CSRF: "tok", Locked: locked}))
		stage := one(t, root, "*", "data-passkey", "verify")
		if next, _ := attr(stage, "data-next"); next != "/dashboard?a=1&b=2" {
			t.Errorf("the way back is %q", next)
		}
		want := "Confirm it is you"
		if locked {
			want = "Locked"
		}
		if got := text(one(t, root, "h1", "")); got != want {
			t.Errorf("the page is headed %q, want %q", got, want)
		}
		if button := one(t, root, "button", "id", "passkey-start"); text(button) != "Continue with your passkey" {
			t.Errorf("the button is named %q", text(button))
		}
		out := one(t, root, "form", "action", "/logout")
		if method, _ := attr(out, "method"); method != "post" || len(find(out, "input", "value", "tok")) != 1 || text(one(t, out, "button", "")) != "Sign out" {
			t.Error("the page has no way to sign out")
		}
		if strings.Contains(raw, "<b>") || !strings.Contains(text(root), "Dr <b>Ada</b>") {
			t.Error("the name became markup, or is missing")
		}
	}
}

// Enrolment asks before a passkey stays on a computer that others use.
func TestSharedComputer(t *testing.T) {
	root, _ := tree(t, Enrol(EnrolProps{NameLimit: 60}))
	box := one(t, root, "input", "id", "shared")
	if kind, _ := attr(box, "type"); kind != "checkbox" || !within(box, "data-ready") {
		t.Error("the question about a shared computer is missing")
	}
	if _, on := attr(box, "checked"); on || text(one(t, root, "label", "for", "shared")) != "This is a shared computer" {
		t.Error("the box is ticked from the start, or unnamed")
	}
}

// pagesUnderTest are the pages by name.
func pagesUnderTest() map[string]templ.Component {
	return map[string]templ.Component{"sign-in": SignIn(Props{}), "enrol": Enrol(EnrolProps{NameLimit: 60}), "verify": Verify(VerifyProps{Name: "x"})}
}

func TestPagesKeepThePolicy(t *testing.T) {
	for name, page := range pagesUnderTest() {
		root, raw := tree(t, page)
		if found := regexp.MustCompile(`<style|<script| style="| on[a-z]+="|javascript:`).FindString(raw); found != "" {
			t.Errorf("%s holds %s", name, found)
		}
		if n := len(find(root, "h1", "")); n != 1 {
			t.Errorf("%s has %d main headings", name, n)
		}
		if len(find(root, "*", "data-passkey", name)) != 1 {
			t.Errorf("%s does not tell the script what it is", name)
		}
		off := one(t, root, "noscript", "")
		if !strings.Contains(text(off), "Allow scripts for this site") {
			t.Errorf("%s without scripts says %q", name, text(off))
		}
		alert := one(t, root, "*", "data-failure")
		if len(find(alert, "*", "role", "alert")) != 1 || len(find(alert, "*", "data-text")) != 1 {
			t.Errorf("%s can't say what went wrong to a screen reader", name)
		}
		seen := map[string]bool{}
		for _, n := range find(root, "*", "id") {
			id, _ := attr(n, "id")
			if seen[id] {
				t.Errorf("%s has two elements %q", name, id)
			}
			seen[id] = true
		}
	}
}

// The script finds every element that it asks for on the page where it asks.
func TestPagesHaveWhatTheScriptLooksFor(t *testing.T) {
	script, err := os.ReadFile("../../static/js/passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`getElementById\("([\w-]+)"\)`).FindAllStringSubmatch(string(script), -1) {
		ids[m[1]] = true
	}
	parts := map[string]bool{}
	for _, m := range regexp.MustCompile(`\[data-([\w-]+)\]|part\("(\w+)"\)`).FindAllStringSubmatch(string(script), -1) {
		parts["data-"+m[1]+m[2]] = true
	}
	if !ids["passkey-start"] || !parts["data-failure"] || !parts["data-until"] || len(ids) < 3 || len(parts) < 7 {
		t.Fatalf("the script's look-ups were not recognised: %v, %v", ids, parts)
	}
	delete(parts, "data-accepted") // of the settings page only
	signIn, _ := tree(t, SignIn(Props{}))
	enrol, _ := tree(t, Enrol(EnrolProps{}))
	for id := range ids {
		if !slices.ContainsFunc([]*html.Node{signIn, enrol}, func(root *html.Node) bool { return len(find(root, "*", "id", id)) == 1 }) {
			t.Errorf("no page has the element %q", id)
		}
	}
	for part := range parts {
		if len(find(enrol, "*", part)) != 1 {
			t.Errorf("the enrolment page lacks %s", part)
		}
	}
	for _, word := range []string{`act === "enrol"`, `act === "verify"`, `act === "sign-in"`, "dataset.passkey", "dataset.next"} {
		if !strings.Contains(string(script), word) {
			t.Errorf("the script no longer asks for %s: mend this test", word)
		}
	}
}

func TestRenderingEndsWithItsReader(t *testing.T) {
	for name, page := range pagesUnderTest() {
		if err := page.Render(t.Context(), brokenReader{}); err == nil {
			t.Errorf("%s does not notice that nobody reads", name)
		}
	}
}

// brokenReader is a reader that went away.
type brokenReader struct{}

// Write fails.
func (brokenReader) Write([]byte) (int, error) { return 0, os.ErrClosed }
