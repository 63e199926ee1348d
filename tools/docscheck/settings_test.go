package docscheck

import (
	"testing"

	"healthportal/app/config"
)

func TestSettingsAreDocumented(t *testing.T) {
	var items []Item
	for _, s := range config.Settings() {
		item := Item{Name: s.Name}
		if s.Default != "" {
			item.Details = []string{s.Default}
		}
		items = append(items, item)
	}
	hold(t, "docs/configuration.md", "Setting", items)
}
