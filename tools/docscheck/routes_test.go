package docscheck

import (
	"testing"

	"healthportal/app/web"
)

func TestRoutesAreDocumented(t *testing.T) {
	var items []Item
	for _, r := range web.RouteDocs() {
		items = append(items, Item{Name: r.Method + " " + r.Path, Details: []string{string(r.Permission)}})
	}
	hold(t, "docs/routes.md", "Route", items)
}
