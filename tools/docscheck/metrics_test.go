package docscheck

import (
	"testing"

	"healthportal/app/portal"
)

func TestMetricsAreDocumented(t *testing.T) {
	var items []Item
	for _, m := range portal.Metrics() {
		items = append(items, Item{Name: m.Name})
	}
	hold(t, "docs/metrics.md", "Metric", items)
}
