package docscheck

import (
	"testing"

	"healthportal/migrations"
)

func TestDatabaseObjectsAreDocumented(t *testing.T) {
	objects, err := migrations.Objects()
	if err != nil {
		t.Fatal(err)
	}
	var items []Item
	for _, o := range objects {
		items = append(items, Item{Name: o.Name})
	}
	hold(t, "docs/database.md", "Object", items)
}
