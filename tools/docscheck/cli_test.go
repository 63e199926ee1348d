package docscheck

import (
	"testing"

	"healthportal/app/cli"
)

func TestCommandsAreDocumented(t *testing.T) {
	commands, err := cli.Commands()
	if err != nil {
		t.Fatal(err)
	}
	var items []Item
	for _, c := range commands {
		item := Item{Name: c.Name}
		for _, f := range c.Flags {
			item.Details = append(item.Details, "--"+f)
		}
		items = append(items, item)
	}
	hold(t, "docs/commands.md", "Command", items)
}
