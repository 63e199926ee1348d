package docscheck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthportal/tools/source"
)

// read reads a file of the checkout.
func read(t *testing.T, name string) string {
	t.Helper()
	root, err := source.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hold fails the test for each problem of a page.
func hold(t *testing.T, page, kind string, items []Item) {
	t.Helper()
	if len(items) == 0 {
		t.Fatalf("no %s to look for: the list is empty", kind)
	}
	for _, problem := range Check(read(t, page), kind, items) {
		t.Errorf("%s: %s", page, problem)
	}
}

func TestTasksAreDocumented(t *testing.T) {
	items, err := Tasks([]byte(read(t, "Taskfile.yml")))
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "docs/commands.md", "Task", items)
}

const page = `# Settings

Text with | strokes | is no table.

| Setting | Meaning | Default |
|---|---|---|
| ` + "`A`" + ` | what the first one does | ` + "`1`" + ` |
| ` + "`B`" + ` | one of x\|y, given as ` + "`--flag`" + ` | none |
| plain | not a name | |

| Other | Meaning |
|---|---|
| ` + "`C`" + ` | belongs to another kind |

| setting | Meaning |
|---|---|
| ` + "`D`" + ` | a second table of the kind |
`

func TestCheck(t *testing.T) {
	a, b, d := Item{Name: "A"}, Item{Name: "B", Details: []string{"--flag"}}, Item{Name: "D"}
	tests := []struct {
		name  string
		page  string
		items []Item
		want  []string // parts of the problems, in order
	}{
		{"all there", page, []Item{a, b, d}, nil},
		{"one is missing", page, []Item{a, b, d, {Name: "E"}}, []string{"`E` is not documented"}},
		{"of another table", page, []Item{a, b, d, {Name: "C"}}, []string{"`C` is not documented"}},
		{"out of date", page, []Item{a, b}, []string{"`D` is documented and doesn't exist"}},
		{"detail is missing", page, []Item{a, {Name: "B", Details: []string{"--flag", "--json"}}, d}, []string{"`B` doesn't mention `--json`"}},
		{"name as part of another", page, []Item{a, b, d, {Name: "AB"}}, []string{"`AB` is not documented"}},
		{"no table", "# Settings\n\n`A` does something\n", []Item{a}, []string{"no table"}},
		{"empty page", "", []Item{a}, []string{"no table"}},
		{"says nothing", "| Setting | Meaning |\n|---|---|\n| `A` | |\n", []Item{a}, []string{"`A` doesn't say"}},
		{"only its details", "| Setting | Meaning |\n|---|---|\n| `B` | `--flag` |\n", []Item{b}, []string{"`B` doesn't say"}},
		{"twice", "| Setting | Meaning |\n|---|---|\n| `A` | the one thing |\n| `A` | the other thing |\n", []Item{a}, []string{"twice"}},
		{"table ends at text", "| Setting | Meaning |\n|---|---|\ntext\n| `A` | after the text |\n", []Item{a}, []string{"`A` is not documented"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Check(test.page, "Setting", test.items)
			if !slices.EqualFunc(got, test.want, strings.Contains) {
				t.Errorf("Check = %q, want parts %q", got, test.want)
			}
		})
	}
}

func TestQuoted(t *testing.T) {
	tests := []struct {
		cell, want string
		ok         bool
	}{
		{"`A`", "A", true}, {"`GET /a`", "GET /a", true}, {"A", "", false}, {"`A` and `B`", "", false},
		{"`A` (old)", "", false}, {"``", "", false}, {"`", "", false}, {"", "", false},
	}
	for _, test := range tests {
		got, ok := quoted(test.cell)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("quoted(%q) = %q, %v, want %q, %v", test.cell, got, ok, test.want, test.ok)
		}
	}
}

func TestCellsOf(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{"| a | b |\n", []string{"a", "b"}},
		{`| a\|b | c |`, []string{"a|b", "c"}},
		{"||", []string{""}},
		{"| a | b", nil}, {"a | b |", nil}, {"|", nil}, {"", nil},
	}
	for _, test := range tests {
		if got := cellsOf(test.line); !slices.Equal(got, test.want) {
			t.Errorf("cellsOf(%q) = %q, want %q", test.line, got, test.want)
		}
	}
}

func TestTasks(t *testing.T) {
	got, err := Tasks([]byte("version: '3'\ntasks:\n  b: {desc: does b, cmds: [x]}\n  a:\n    desc: does a\n  inner: {internal: true}\n  default: {cmds: [x]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got, []string{"a", "b"}, func(i Item, name string) bool { return i.Name == name }) {
		t.Errorf("Tasks = %v", got)
	}
	for _, test := range []struct{ text, want string }{
		{"tasks: [", "reading the Taskfile"},
		{"tasks:\n  a: {cmds: [x]}\n", "no desc"},
	} {
		if _, err := Tasks([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Tasks(%q): error = %v, want %q", test.text, err, test.want)
		}
	}
}
