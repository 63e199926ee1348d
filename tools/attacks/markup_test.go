package attacks

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// clean fails the test if the page holds anything that a hostile text could have
// brought in: scripts and handlers within the page, addresses of scripts, styles,
// forms and htmx attributes that lead elsewhere. It reads the page as a browser does.
func (a answer) clean(t *testing.T) answer {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", a.what, err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			a.cleanElement(t, n)
		}
	}
	return a
}

// addressed are the attributes that make a browser or htmx go somewhere.
func addressed(name string) bool {
	switch name {
	case "href", "src", "action", "formaction", "srcset", "poster", "data", "xlink:href", "hx-get", "hx-post", "hx-put", "hx-delete", "hx-patch", "ws-connect", "sse-connect":
		return true
	}
	return false
}

func (a answer) cleanElement(t *testing.T, n *html.Node) {
	t.Helper()
	outside := false // of the document itself; only /static may be loaded
	for _, attr := range n.Attr {
		name, value := strings.ToLower(attr.Key), strings.ToLower(strings.TrimSpace(attr.Val))
		switch {
		case strings.HasPrefix(name, "on"), strings.HasPrefix(name, "hx-on"), name == "style", name == "srcdoc":
			t.Errorf("%s: <%s> carries %s=%q", a.what, n.Data, name, attr.Val)
		case strings.HasPrefix(name, "hx-") && strings.ContainsAny(value, "<>") || name == "hx-vals" && strings.HasPrefix(value, "js:"):
			t.Errorf("%s: <%s> carries %s=%q", a.what, n.Data, name, attr.Val)
		case addressed(name):
			local := strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") && !strings.HasPrefix(value, `/\`) || strings.HasPrefix(value, "#") || strings.HasPrefix(value, "?") || value == ""
			if !local {
				t.Errorf("%s: <%s> leads to %s=%q", a.what, n.Data, name, attr.Val)
			}
			outside = outside || !strings.HasPrefix(value, "/static/")
		}
	}
	switch n.Data {
	case "script":
		if n.FirstChild != nil && strings.TrimSpace(n.FirstChild.Data) != "" || outside {
			t.Errorf("%s: a script in the page: %.200v", a.what, n.Attr)
		}
	case "iframe", "object", "embed", "base":
		if n.Data != "iframe" || strings.Contains(a.body, "<iframe src=x") {
			t.Errorf("%s: <%s> %v", a.what, n.Data, n.Attr)
		}
	case "img":
		if outside {
			t.Errorf("%s: an image from elsewhere: %v", a.what, n.Attr)
		}
	}
}
