package ui

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// hostile breaks out of an attribute, a text or a script wherever escaping fails.
const hostile = `"><script>alert('x')</script><img src=x onerror=y> hx-get=/evil`

// dom renders a component and parses it as the content of a body.
func dom(t *testing.T, c templ.Component) *html.Node {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatalf("render: %v", err)
	}
	root := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	parent := root
	if s := strings.TrimSpace(out.String()); strings.HasPrefix(s, "<tr") {
		parent = &html.Node{Type: html.ElementNode, Data: "tbody", DataAtom: atom.Tbody}
	}
	nodes, err := html.ParseFragment(&out, parent)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	return root
}

// withText renders children inside a component.
func withText(c templ.Component, text string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(templ.WithChildren(ctx, templ.Raw(html.EscapeString(text))), w)
	})
}

// all lists the elements that match: a tag name, and optionally one attribute as name or name=value.
func all(root *html.Node, tag string, attr ...string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || (tag != "*" && n.Data != tag) {
			continue
		}
		if !slices.ContainsFunc(attr, func(a string) bool { return !hasAttr(n, a) }) {
			found = append(found, n)
		}
	}
	return found
}

// one is the only element that matches.
func one(t *testing.T, root *html.Node, tag string, attr ...string) *html.Node {
	t.Helper()
	found := all(root, tag, attr...)
	if len(found) != 1 {
		var out bytes.Buffer
		_ = html.Render(&out, root)
		t.Fatalf("%d elements %s %v, want 1, in %s", len(found), tag, attr, out.String())
	}
	return found[0]
}

func hasAttr(n *html.Node, want string) bool {
	name, value, valued := strings.Cut(want, "=")
	for _, a := range n.Attr {
		if a.Key == name && (!valued || a.Val == value) {
			return true
		}
	}
	return false
}

func get(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what an element says, spaces collapsed.
func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func wantText(t *testing.T, n *html.Node, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text(n), part) {
			t.Errorf("%q lacks %q", text(n), part)
		}
	}
}

// everything lists each component with hostile text in every place that takes text.
func everything() map[string]templ.Component {
	columns := []Column{{Label: hostile, Sort: Ascending, SortHref: "?" + hostile}, {Label: hostile, Hidden: true}}
	row := Row(RowProps{ID: hostile, Columns: columns, Cells: []Cell{
		{Text: hostile, Header: true, Sub: hostile}, {Text: hostile, Href: "/x?" + hostile}, {Text: hostile, Kind: Bad},
		{Text: hostile, Mark: Mark{Label: hostile, Why: hostile}},
	}})
	field := FieldProps{
		ID: hostile, Name: hostile, Label: hostile, Value: hostile, Hint: hostile, Error: hostile, Placeholder: hostile, Min: hostile,
		Options: []Option{{Value: hostile, Label: hostile, Hint: hostile}},
	}
	with := func(kind FieldType) FieldProps { f := field; f.Type = kind; return f }
	return map[string]templ.Component{
		"badge":       Badge(BadgeProps{Label: hostile, Title: hostile, Kind: Info}),
		"banner":      Banner(BannerProps{Title: hostile, Text: hostile, Kind: Kind(hostile)}),
		"toast":       Toast(ToastProps{ID: hostile, Text: hostile}),
		"button":      Button(ButtonProps{Label: hostile, ID: hostile, Name: hostile, Value: hostile, Form: hostile, Kind: ButtonKind(hostile), HX: HX{Get: hostile, Target: hostile}}),
		"icon button": Button(ButtonProps{Label: hostile, Icon: IconClose, IconOnly: true}),
		"link":        LinkButton(LinkProps{Label: hostile, Href: hostile, ID: hostile, External: true, HX: HX{Target: hostile}}),
		"table":       Table(TableProps{ID: hostile, Caption: hostile, Columns: columns, Rows: []templ.Component{row}, HX: HX{Target: hostile}}),
		"row":         row,
		"text":        Field(with(FieldText)), "area": Field(with(FieldArea)), "select": Field(with(FieldSelect)),
		"box": Field(with(FieldCheckbox)), "boxes": Field(with(FieldChecks)), "radios": Field(with(FieldRadios)),
		"hidden": HiddenFields([]Hidden{{hostile, hostile}}), "csrf": CSRFField(hostile),
		"filter":     FilterBar(FilterBarProps{ID: hostile, Label: hostile, Action: hostile, Fields: []FieldProps{field}, Chips: []Chip{{hostile, hostile}}, ClearHref: hostile, ApplyLabel: hostile}),
		"pagination": Pagination(PaginationProps{ID: hostile, Label: hostile, Count: hostile, Next: "?" + hostile, Previous: "?" + hostile, Sizes: []int{1}, SizeName: hostile, Action: hostile}),
		"empty":      EmptyState(EmptyStateProps{Title: hostile, Text: hostile}),
		"error":      ErrorState(ErrorStateProps{Title: hostile, What: hostile, Do: hostile, RequestID: hostile, RetryHref: hostile, RetryLabel: hostile}),
		"skeleton":   Skeleton(SkeletonProps{Label: hostile}),
		"dialog":     withText(Dialog(DialogProps{ID: hostile, Title: hostile}), hostile),
		"opener":     DialogOpener(DialogOpenerProps{Dialog: hostile, Label: hostile}),
		"metadata":   DefinitionList(DefinitionListProps{Label: hostile, Items: []Definition{{Term: hostile, Text: hostile}, {Term: hostile, Text: hostile, Code: true}}}),
		"card":       withText(Card(CardProps{ID: hostile, Title: hostile, Note: hostile}), hostile),
		"stat":       Stat(StatProps{Label: hostile, Value: hostile, Unit: hostile, Note: hostile, Kind: Warn, Flag: hostile, Href: hostile}),
		"head":       PageHead(PageHeadProps{Title: hostile, Lead: hostile, Crumbs: []Crumb{{hostile, hostile}}}),
		"patient":    PatientBanner(PatientBannerProps{Name: hostile, BirthDate: hostile, Age: hostile, Sex: hostile, RecordNumber: hostile, Alike: hostile, Note: hostile, Href: hostile}),
		"glyph":      LabelledGlyph(Icon(hostile), hostile),
	}
}

// TestHostileText renders every component with text that tries to break out: no element, handler or htmx attribute may
// come of it, and the text must still be readable as what it is.
func TestHostileText(t *testing.T) {
	for name, c := range everything() {
		root := dom(t, c)
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "script" || n.Data == "img" {
				t.Errorf("%s: text became the element <%s>", name, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.Contains(a.Key, "alert") || (a.Key == "hx-get" && a.Val == "/evil") {
					t.Errorf("%s: attribute %s=%q", name, a.Key, a.Val)
				}
			}
		}
	}
}

// TestUnsafeAddresses gives scripts as addresses: none may stay one.
func TestUnsafeAddresses(t *testing.T) {
	for _, href := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"} {
		for name, c := range map[string]templ.Component{
			"link": LinkButton(LinkProps{Label: "x", Href: href, HX: HX{Target: "#t"}}), "cell": Row(RowProps{Cells: []Cell{{Text: "x", Href: href}}}),
			"next": Pagination(PaginationProps{ID: "p", Next: href}), "chip": FilterBar(FilterBarProps{Chips: []Chip{{"x", href}}}),
			"stat": Stat(StatProps{Label: "x", Href: href}), "crumb": PageHead(PageHeadProps{Crumbs: []Crumb{{"x", href}}}),
			"patient": PatientBanner(PatientBannerProps{Name: "x", Href: href}), "form": FilterBar(FilterBarProps{Action: href}),
		} {
			for _, n := range all(dom(t, c), "*") {
				for _, a := range n.Attr {
					if (a.Key == "href" || a.Key == "action" || a.Key == "hx-get") && strings.HasPrefix(strings.ToLower(a.Val), strings.ToLower(href[:4])) {
						t.Errorf("%s keeps %s=%q", name, a.Key, a.Val)
					}
				}
			}
		}
	}
}

// TestIcons makes sure that drawings are either decoration or named.
func TestIcons(t *testing.T) {
	if n := len(all(dom(t, Glyph("")), "svg")); n != 0 {
		t.Errorf("no icon draws %d elements", n)
	}
	svg := one(t, dom(t, Glyph(IconHome)), "svg")
	if get(svg, "aria-hidden") != "true" || get(svg, "focusable") != "false" {
		t.Error("a decorative icon is not hidden from screen readers")
	}
	svg = one(t, dom(t, LabelledGlyph(IconLock, "Locked")), "svg")
	if get(svg, "role") != "img" || get(svg, "aria-label") != "Locked" || text(one(t, svg, "title")) != "Locked" {
		t.Error("a meaningful icon has no name")
	}
}

func TestHX(t *testing.T) {
	if (HX{}).On() || (HX{}).Attrs() != nil {
		t.Error("the zero value asks for attributes")
	}
	attrs := HX{Post: "/p", Target: "#a", Swap: "outerMorph", Select: "#s", Trigger: "load", Include: "#f", Indicator: "#i", Sync: "this:replace", Confirm: "Sure?", PushURL: true}.Attrs()
	want := map[string]string{
		"hx-post": "/p", "hx-target": "#a", "hx-swap": "outerMorph", "hx-select": "#s", "hx-trigger": "load", "hx-include": "#f",
		"hx-indicator": "#i", "hx-sync": "this:replace", "hx-confirm": "Sure?", "hx-push-url": "true",
	}
	if len(attrs) != len(want) {
		t.Errorf("attributes = %v", attrs)
	}
	for name, value := range want {
		if attrs[name] != value {
			t.Errorf("%s = %v, want %s", name, attrs[name], value)
		}
	}
	if got := (HX{Target: "#a"}).to("/x").Get; got != "/x" {
		t.Errorf("address from the link = %q", got)
	}
	if got := (HX{Get: "/own", Target: "#a"}).to("/x").Get; got != "/own" {
		t.Errorf("an own address was replaced by %q", got)
	}
	if (HX{}).to("/x").On() {
		t.Error("a link without htmx got htmx")
	}
}
