package layout

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"healthportal/views/ui"
)

const hostile = `"><script>alert(1)</script>`

// fakeAssets gives each name an address; the names listed as missing are not there.
type fakeAssets struct{ missing []string }

func (f fakeAssets) URL(name string) string { return "/static/" + name }
func (f fakeAssets) Has(name string) bool   { return !slices.Contains(f.missing, name) }

func parse(t *testing.T, shell templ.Component, content string) *html.Node {
	t.Helper()
	var out bytes.Buffer
	if err := shell.Render(templ.WithChildren(t.Context(), templ.Raw(content)), &out); err != nil {
		t.Fatalf("render: %v", err)
	}
	if !strings.HasPrefix(strings.ToLower(out.String()), "<!doctype html>") {
		t.Errorf("page starts with %.40q", out.String())
	}
	root, err := html.Parse(&out)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return root
}

func all(root *html.Node, tag string, attrs ...string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (tag == "*" || n.Data == tag) && !slices.ContainsFunc(attrs, func(a string) bool {
			name, value, _ := strings.Cut(a, "=")
			got, ok := attr(n, name)
			return !ok || (value != "" && got != value)
		}) {
			found = append(found, n)
		}
	}
	return found
}

func one(t *testing.T, root *html.Node, tag string, attrs ...string) *html.Node {
	t.Helper()
	found := all(root, tag, attrs...)
	if len(found) != 1 {
		t.Fatalf("%d elements %s %v, want 1", len(found), tag, attrs)
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
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func props() PageProps {
	return PageProps{
		Title: "Events", Path: "/dashboard/events", SiteName: "Example Clinic", Version: "1.2.3", RequestID: "req-9", Assets: fakeAssets{},
		Nav: []NavItem{
			{Label: "Patients", Href: "/dashboard", Icon: ui.IconPatients, Group: "Care"}, {Label: "Events", Href: "/dashboard/events", Group: "Care"},
			{Label: "Reports", Href: "/genomics/reports", Group: "Genomics"}, {Label: "Feedback", Href: "/feedback"},
		},
		User: &UserProps{Name: "Dr. Okafor", Roles: []string{"clinician", "analyst"}, CSRF: "tok"},
	}
}

func TestPageHasItsLandmarks(t *testing.T) {
	root := parse(t, Page(props()), "<h1>Events</h1>")
	for _, want := range [][]string{{"main", "id=main"}, {"nav", "aria-label=Main"}, {"header"}, {"footer"}, {"h1"}, {"title"}, {"div", "id=live", "role=status"}, {"div", "id=toasts", "role=status"}} {
		one(t, root, want[0], want[1:]...)
	}
	if lang, _ := attr(one(t, root, "html"), "lang"); lang != "en" {
		t.Errorf("lang = %q", lang)
	}
	if got := text(one(t, root, "title")); got != "Events · Example Clinic" {
		t.Errorf("title = %q", got)
	}
	if skip := all(root, "a")[0]; text(skip) != "Skip to content" {
		t.Errorf("the first link is %q", text(skip))
	}
	if foot := text(one(t, root, "footer")); !strings.Contains(foot, "Version 1.2.3") || !strings.Contains(foot, "Request req-9") {
		t.Errorf("footer = %q", foot)
	}
}

func TestCurrentEntry(t *testing.T) {
	nav := props().Nav
	for path, want := range map[string]struct{ href, value string }{
		"/dashboard": {"/dashboard", "page"}, "/dashboard/events": {"/dashboard/events", "page"}, "/dashboard/events/export": {"/dashboard/events", "true"},
		"/dashboards": {"", ""}, "/": {"", ""}, "": {"", ""}, "/genomics/reports/42": {"/genomics/reports", "true"}, "/genomics": {"", ""},
	} {
		p := props()
		p.Path = path
		marked := all(parse(t, Page(p), ""), "a", "aria-current")
		if current(nav, path) != want.href || len(marked) != min(1, len(want.href)) {
			t.Errorf("%s: current entry %q, %d marked", path, current(nav, path), len(marked))
			continue
		}
		if want.href == "" {
			continue
		}
		if value, _ := attr(marked[0], "aria-current"); value != want.value {
			t.Errorf("%s: aria-current=%q, want %q", path, value, want.value)
		}
	}
}

func TestNavigation(t *testing.T) {
	root := parse(t, Page(props()), "")
	nav := one(t, root, "nav", "aria-label=Main")
	box := one(t, nav, "input", "type=checkbox")
	id, _ := attr(box, "id")
	if text(one(t, nav, "label", "for="+id)) != "Menu" {
		t.Error("the navigation's switch has no label")
	}
	groups := all(nav, "li", "class=nav-group")
	if len(groups) != 2 || text(groups[0]) != "Care" || text(groups[1]) != "Genomics" {
		t.Errorf("%d groups", len(groups))
	}
	p := props()
	p.Nav = nil
	if len(all(parse(t, Page(p), ""), "nav")) != 0 {
		t.Error("a page without entries has a navigation")
	}
}

func TestUserMenu(t *testing.T) {
	root := parse(t, Page(props()), "")
	form := one(t, root, "form", "action=/logout", "method=post")
	one(t, form, "input", "type=hidden", "name=csrf", "value=tok")
	one(t, form, "button", "type=submit")
	one(t, root, "meta", "name=csrf-token", "content=tok")
	if menu := text(one(t, root, "details")); !strings.Contains(menu, "Dr. Okafor") || !strings.Contains(menu, "clinician, analyst") {
		t.Errorf("menu = %q", menu)
	}
	p := props()
	p.VerifiedUntil = 1774785600
	if until, _ := attr(one(t, parse(t, Page(p), ""), "meta", "name=verified-until"), "content"); until != "1774785600" {
		t.Errorf("the passkey check is good until %q", until)
	}
	p.User = nil
	root = parse(t, Page(p), "")
	if len(all(root, "script", "src=/static/js/account.js")) != 0 {
		t.Error("a signed-out page locks itself")
	}
	if len(all(root, "form")) != 0 || len(all(root, "meta", "name=csrf-token")) != 0 {
		t.Error("a signed-out page has a sign-out form or a token")
	}
}

func TestScripts(t *testing.T) {
	p := props()
	p.Scripts, p.Styles = []string{"js/viewer.js"}, []string{"pdfjs/legacy/web/pdf_viewer.css"}
	root := parse(t, Page(p), "")
	var sources []string
	for _, s := range all(root, "script") {
		src, ok := attr(s, "src")
		if !ok || s.FirstChild != nil {
			t.Error("a script stands in the page itself")
		}
		sources = append(sources, src)
	}
	if want := []string{"/static/htmx/htmx.min.js", "/static/js/app.js", "/static/js/ceremony.js", "/static/js/account.js", "/static/js/viewer.js"}; !slices.Equal(sources, want) {
		t.Errorf("scripts = %v, want %v", sources, want)
	}
	if n := len(all(root, "link", "rel=stylesheet")); n != 2 {
		t.Errorf("%d style sheets", n)
	}
	p.Assets = fakeAssets{missing: []string{"htmx/htmx.min.js"}}
	root = parse(t, Page(p), "")
	if len(all(root, "script")) != 4 || len(all(root, "meta", "name=htmx-config")) != 0 {
		t.Error("a page loads htmx although it is not there")
	}
}

func TestHTMXConfig(t *testing.T) {
	content, _ := attr(one(t, parse(t, Page(props()), ""), "meta", "name=htmx-config"), "content")
	var config map[string]any
	if err := json.Unmarshal([]byte(content), &config); err != nil {
		t.Fatalf("configuration of htmx: %v", err)
	}
	if config["history"] != "reload" || config["includeIndicatorCSS"] != false || config["mode"] != "same-origin" || config["extensions"] == "" {
		t.Errorf("configuration = %v", config)
	}
}

func TestHeadOfBothShells(t *testing.T) {
	for name, root := range map[string]*html.Node{
		"page": parse(t, Page(props()), ""), "bare": parse(t, Bare(BareProps{Title: "Sign in", SiteName: "Example Clinic", Assets: fakeAssets{}}), ""),
	} {
		for _, want := range [][]string{
			{"link", "rel=manifest", "href=/manifest.webmanifest"}, {"link", "rel=apple-touch-icon"}, {"link", "rel=icon", "type=image/svg+xml"},
			{"meta", "name=theme-color", "media=(prefers-color-scheme: light)"}, {"meta", "name=theme-color", "media=(prefers-color-scheme: dark)"},
			{"meta", "name=viewport", "content=width=device-width, initial-scale=1"}, {"meta", "name=robots"},
		} {
			if len(all(root, want[0], want[1:]...)) != 1 {
				t.Errorf("%s: head lacks %v", name, want)
			}
		}
		if len(all(root, "style")) != 0 || len(all(root, "*", "style")) != 0 {
			t.Errorf("%s: inline style", name)
		}
	}
}

func TestSynthetic(t *testing.T) {
	for _, on := range []bool{true, false} {
		p, b := props(), BareProps{SiteName: "Example Clinic", Assets: fakeAssets{}, Synthetic: on}
		p.Synthetic = on
		for name, root := range map[string]*html.Node{"page": parse(t, Page(p), ""), "bare": parse(t, Bare(b), "")} {
			if strings.Contains(text(one(t, root, "header")), "Synthetic data") != on {
				t.Errorf("%s: the badge shows %v", name, !on)
			}
		}
		if n := len(all(parse(t, Page(p), ""), "p", "class=print-only")); (n == 1) != on {
			t.Errorf("paper says it %d times", n)
		}
	}
}

func TestSlots(t *testing.T) {
	p := props()
	p.Patient = ui.PatientBanner(ui.PatientBannerProps{Name: "Brandt, Johanna", BirthDate: "4 March 1961", Age: "65 years", Sex: "female", RecordNumber: "EC-1"})
	p.Banner = ui.Banner(ui.BannerProps{Kind: ui.Warn, Text: "Old data"})
	p.Wide, p.LockAfter = true, 900
	root := parse(t, Page(p), "<p>content</p>")
	if head := one(t, root, "div", "class=sheet-head"); !strings.Contains(text(head), "EC-1") {
		t.Error("the patient does not stand in the part that is repeated on paper")
	}
	body := text(one(t, one(t, root, "main"), "div", "class=sheet-body"))
	if !strings.Contains(body, "Old data") || !strings.Contains(body, "content") || strings.Contains(body, "EC-1") {
		t.Errorf("content = %q", body)
	}
	if strings.Contains(text(one(t, root, "title")), "Brandt") {
		t.Error("the title names the patient")
	}
	one(t, root, "body", "data-lock-after=900")
	one(t, root, "div", "class=content content-wide")
	if len(all(parse(t, Page(props()), ""), "div", "class=sheet-head")) != 0 {
		t.Error("a page without patient keeps the patient's place")
	}
}

func TestTheme(t *testing.T) {
	for theme, want := range map[string]string{"light": "light", "dark": "dark", "": "", hostile: ""} {
		p := props()
		p.Theme = theme
		if got, _ := attr(one(t, parse(t, Page(p), ""), "html"), "data-theme"); got != want {
			t.Errorf("theme %q gives %q", theme, got)
		}
	}
}

func TestBare(t *testing.T) {
	root := parse(t, Bare(BareProps{Title: "Sign in", SiteName: "Example Clinic", Assets: fakeAssets{}, Scripts: []string{"js/passkey.js"}, CSRF: "tok", RequestID: "r"}), "<h1>Sign in</h1>")
	one(t, one(t, root, "main"), "h1")
	one(t, root, "script", "src=/static/js/passkey.js", "type=module")
	one(t, root, "meta", "name=csrf-token", "content=tok")
	if len(all(root, "nav")) != 0 || len(all(root, "form")) != 0 {
		t.Error("the bare shell has navigation or a menu")
	}
}

func TestHostileText(t *testing.T) {
	p := PageProps{
		Title: hostile, Path: hostile, SiteName: hostile, Version: hostile, RequestID: hostile, Assets: fakeAssets{},
		Nav: []NavItem{{Label: hostile, Href: "javascript:alert(1)", Group: hostile}}, User: &UserProps{Name: hostile, Roles: []string{hostile}, CSRF: hostile},
	}
	b := BareProps{Title: hostile, SiteName: hostile, Version: hostile, RequestID: hostile, CSRF: hostile, Assets: fakeAssets{}}
	for name, root := range map[string]*html.Node{"page": parse(t, Page(p), ""), "bare": parse(t, Bare(b), "")} {
		for _, s := range all(root, "script") {
			if _, ok := attr(s, "src"); !ok {
				t.Errorf("%s: text became a script", name)
			}
		}
		for _, a := range all(root, "a") {
			if href, _ := attr(a, "href"); strings.HasPrefix(href, "javascript") {
				t.Errorf("%s: link leads to %s", name, href)
			}
		}
	}
}

func TestTitleWithoutSite(t *testing.T) {
	for _, test := range []struct{ title, site, want string }{{"", "Clinic", "Clinic"}, {"Clinic", "Clinic", "Clinic"}, {"A", "Clinic", "A · Clinic"}} {
		if got := (headProps{title: test.title, siteName: test.site}).fullTitle(); got != test.want {
			t.Errorf("title = %q, want %q", got, test.want)
		}
	}
}

func TestModeSwitch(t *testing.T) {
	tests := []struct {
		name         string
		user         UserProps
		label, value string
	}{
		{"no choice", UserProps{Name: "A", CSRF: "t", Research: true}, "", ""},
		{"patient care", UserProps{Name: "A", CSRF: "t", CanSwitch: true}, "Work as researcher", "1"},
		{"research", UserProps{Name: "A", CSRF: "t", CanSwitch: true, Research: true}, "Back to patient care", "0"},
	}
	for _, tt := range tests {
		root := parse(t, Page(PageProps{Title: "T", SiteName: "S", User: &tt.user, Assets: fakeAssets{}}), "")
		forms := all(root, "form", "action=/session/mode", "method=post")
		if tt.label == "" {
			if len(forms) != 0 {
				t.Errorf("%s: the menu offers a mode", tt.name)
			}
			continue
		}
		if len(forms) != 1 {
			t.Fatalf("%s: %d forms", tt.name, len(forms))
		}
		value, _ := attr(one(t, forms[0], "input", "name=research"), "value")
		var words strings.Builder
		for n := range one(t, forms[0], "button", "type=submit").Descendants() {
			if n.Type == html.TextNode {
				words.WriteString(n.Data)
			}
		}
		if value != tt.value || strings.TrimSpace(words.String()) != tt.label || len(all(forms[0], "input", "type=hidden", "value=t")) != 1 {
			t.Errorf("%s: value %q, label %q", tt.name, value, words.String())
		}
	}
}
