package users

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"healthportal/app/access"
)

func clock() Clock {
	return Clock{Now: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), Zone: time.FixedZone("CEST", 7200)}
}

func ada() Person {
	at := clock().Now.Add(-24 * time.Hour)
	return Person{PublicID: "a1", Name: "ada", DisplayName: `Ada "<script>"`, Roles: []access.Role{access.Clinician}, Passkeys: 1, Created: at,
		Teams: []Team{{"Ward & 7", "/admin/teams/t1"}, {"Ward 8", "/admin/teams/t2"}}, Link: Link{State: "unused", Created: at, Expires: at.Add(25 * time.Hour)}}
}

func show(change func(*ShowProps)) templ.Component {
	p := ShowProps{Person: ada(), Wanted: []string{"clinician"}, CSRF: "token", Clock: clock(),
		Devices:  []Passkey{{PublicID: "k1", Name: "<phone>", Synced: true}, {PublicID: "k2", Name: "key"}, {PublicID: "k3", Name: "tablet", MaySync: true}},
		Sessions: []Session{{PublicID: "s1", Browser: "Firefox <on> Linux", Created: clock().Now}, {PublicID: "s2", Locked: true}}}
	if change != nil {
		change(&p)
	}
	return Show(p)
}

func parse(t *testing.T, c templ.Component) (*html.Node, string) {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	root, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	return root, text
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Every page: ids stand once, every label has its field, no style or script
// stands inline, every form that posts carries the token, and each that changes
// something asks for a fresh check.
func TestPagesAreSound(t *testing.T) {
	pages := map[string]templ.Component{
		"list":       List(ListProps{People: []Person{ada(), {PublicID: "b", Disabled: true}}, Total: 2, CSRF: "token", Clock: clock()}),
		"empty list": List(ListProps{Total: 2, Search: `"><x`, Role: "ops", State: StateWaiting, CSRF: "token", Clock: clock()}),
		"new":        New(NewProps{CSRF: "token", Roles: []string{"ops"}, Errors: map[string]string{"name": "No.", "display_name": "No.", "roles": "No."}}),
		"show":       show(nil),
		"own":        show(func(p *ShowProps) { p.Own = true }),
		"disabled":   show(func(p *ShowProps) { p.Disabled, p.Devices, p.Sessions, p.Teams = true, nil, nil, nil }),
		"refused":    show(func(p *ShowProps) { p.ProblemAt, p.Problem = CardRoles, "The last administrator." }),
		"made":       Made(LinkProps{Person: ada(), URL: "https://portal.example.org/enrol#x", Path: "M4 4h1v1h-1z", Size: 37, EndsOld: true, Clock: clock()}),
	}
	for name, page := range pages {
		root, text := parse(t, page)
		ids := map[string]int{}
		var labels []string
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if id := attr(n, "id"); id != "" {
				ids[id]++
			}
			switch {
			case n.Data == "label":
				labels = append(labels, attr(n, "for"))
			case n.Data == "script" || n.Data == "style" || attr(n, "style") != "" || attr(n, "onclick") != "":
				t.Errorf("%s: inline script or style: %s", name, n.Data)
			case n.Data == "form" && attr(n, "method") == "post":
				search := attr(n, "action") == SearchPath
				if !slices.ContainsFunc(slices.Collect(n.Descendants()), func(f *html.Node) bool { return attr(f, "name") == "csrf" && attr(f, "value") == "token" }) {
					t.Errorf("%s: the form to %s lacks the token", name, attr(n, "action"))
				}
				if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "data-step-up" }) == search {
					t.Errorf("%s: the form to %s: fresh check or not", name, attr(n, "action"))
				}
			}
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: the id %s stands %d times", name, id, n)
			}
		}
		for _, l := range labels {
			if ids[l] != 1 {
				t.Errorf("%s: a label for %q, which is not there", name, l)
			}
		}
		for _, raw := range []string{"<phone>", `"<script>"`, "Firefox <on>", `"><x`} {
			if strings.Contains(text, raw) {
				t.Errorf("%s: %q is not escaped", name, raw)
			}
		}
	}
}

func TestStatesOfLinks(t *testing.T) {
	day := clock().Now.Add(-48 * time.Hour)
	tests := []struct {
		link Link
		want []string
		not  []string
	}{
		{Link{}, []string{"No link has been made yet"}, []string{"Withdraw"}},
		{Link{State: "unused", Created: day, Expires: clock().Now.Add(time.Hour), MadeBy: "Eve"}, []string{"unused", "Eve", "today, 15:00 CEST", "Withdraw the link", "The present link stops working"}, nil},
		{Link{State: "used", Created: day, Used: day, QR: true}, []string{"a command on the server", "27 Mar 2026, 14:00 CEST", "as a QR code"}, []string{"Withdraw"}},
		{Link{State: "expired", Created: day, Expires: day}, []string{"expired", "was not used in time"}, []string{"Withdraw"}},
		{Link{State: "revoked", Created: day, Revoked: day, EndsOld: true}, []string{"revoked", "withdrawn or replaced", "ends older passkeys"}, []string{"Withdraw"}},
		{Link{State: "revoked", Created: day, Expires: day}, []string{"revoked"}, []string{"never"}},
	}
	for _, tt := range tests {
		_, text := parse(t, show(func(p *ShowProps) { p.Link, p.LastSignIn = tt.link, clock().Now }))
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: lacks %q", tt.link.State, want)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(text[strings.Index(text, `id="link"`):strings.Index(text, `id="passkeys"`)], not) {
				t.Errorf("%s: holds %q", tt.link.State, not)
			}
		}
	}
}

func TestWordsAreSaidInTheirCard(t *testing.T) {
	for _, card := range []string{CardRoles, CardLink, CardPasskeys, CardSessions, CardState} {
		root, _ := parse(t, show(func(p *ShowProps) { p.ProblemAt, p.Problem = card, "It was refused." }))
		said := 0
		for n := range root.Descendants() {
			if n.Type == html.TextNode && strings.Contains(n.Data, "It was refused.") {
				said++
				inside := false
				for up := n.Parent; up != nil; up = up.Parent {
					inside = inside || attr(up, "id") == card
				}
				if !inside {
					t.Errorf("%s: said outside of the card", card)
				}
			}
		}
		if said != 1 {
			t.Errorf("%s: said %d times", card, said)
		}
	}
}

func TestStatesOfPeople(t *testing.T) {
	tests := []struct {
		p    Person
		want string
	}{{Person{Passkeys: 1}, StateActive}, {Person{}, StateWaiting}, {Person{Passkeys: 1, Disabled: true}, StateDisabled}}
	for _, tt := range tests {
		if got := tt.p.State(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.p, got, tt.want)
		}
	}
}

func TestAddressesAreEscaped(t *testing.T) {
	if got := Href("a/b", "sessions", "x?y", "end"); got != "/admin/users/a%2Fb/sessions/x%3Fy/end" {
		t.Errorf("address %q", got)
	}
}

func TestEachRoleIsExplained(t *testing.T) {
	for _, o := range roleOptions(true) {
		if o.Hint == "" {
			t.Errorf("%s is not explained", o.Value)
		}
	}
	if explain("root") != "" {
		t.Error("a role that is none is explained")
	}
}
