// Package docscheck holds the reference pages in docs/ to the program: what
// exists is documented, and what is documented exists. Its tests fail on the
// first setting, command, route, database object or task that is missing.
package docscheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Item is one thing that a page has to document.
type Item struct {
	// Name is how the page's first column names it, without backticks.
	Name string
	// Details have to stand in the same row, each in backticks: a command's
	// flags, a route's permission.
	Details []string
}

// minWords is how many words a description has at least, the name and the
// details not counted: a row that only repeats the name documents nothing.
const minWords = 2

// Check compares a page with the items. It reads the tables of the page whose
// first column is headed kind ("Setting", "Command", ...), one row an item,
// and answers what is missing, said too briefly, said twice or out of date.
func Check(page, kind string, items []Item) []string {
	rows, found := tableRows(page, kind)
	if !found {
		return []string{fmt.Sprintf("no table with the first column %q; add one with a row for each %s", kind, strings.ToLower(kind))}
	}
	var problems []string
	documented := map[string]row{}
	for _, r := range rows {
		if _, twice := documented[r.name]; twice {
			problems = append(problems, fmt.Sprintf("`%s` stands twice; keep one row", r.name))
		}
		documented[r.name] = r
	}
	known := map[string]bool{}
	for _, item := range items {
		known[item.Name] = true
		r, ok := documented[item.Name]
		if !ok {
			problems = append(problems, fmt.Sprintf("`%s` is not documented; add a row to the %s table", item.Name, kind))
			continue
		}
		problems = append(problems, r.lacks(item)...)
	}
	for _, r := range rows {
		if !known[r.name] {
			problems = append(problems, fmt.Sprintf("`%s` is documented and doesn't exist (any more); remove or correct its row", r.name))
		}
	}
	return problems
}

// row is one row of a reference table.
type row struct {
	name string // the first cell without backticks
	rest string // the other cells
}

func (r row) lacks(item Item) []string {
	var problems []string
	rest := r.rest
	for _, detail := range item.Details {
		quoted := "`" + detail + "`"
		if !strings.Contains(rest, quoted) {
			problems = append(problems, fmt.Sprintf("the row of `%s` doesn't mention %s", item.Name, quoted))
		}
		rest = strings.ReplaceAll(rest, quoted, "")
	}
	if len(strings.Fields(rest)) < minWords {
		problems = append(problems, fmt.Sprintf("the row of `%s` doesn't say what it is or does", item.Name))
	}
	return problems
}

// tableRows reads the rows of each table headed kind. Only rows whose first
// cell is one name in backticks count.
func tableRows(page, kind string) (rows []row, found bool) {
	inTable := false
	for line := range strings.Lines(page) {
		cells := cellsOf(line)
		switch {
		case cells == nil:
			inTable = false
		case strings.EqualFold(cells[0], kind):
			inTable, found = true, true
		case inTable:
			if name, ok := quoted(cells[0]); ok {
				rows = append(rows, row{name: name, rest: strings.Join(cells[1:], " ")})
			}
		}
	}
	return rows, found
}

// cellsOf splits a line of a Markdown table; nil for any other line. \| is a
// stroke inside a cell.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 2 || !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") {
		return nil
	}
	const stroke = "\x00"
	cells := strings.Split(strings.ReplaceAll(line[1:len(line)-1], `\|`, stroke), "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, stroke, "|"))
	}
	return cells
}

func quoted(cell string) (string, bool) {
	inner, ok := strings.CutPrefix(cell, "`")
	if !ok {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, "`")
	return inner, ok && inner != "" && !strings.Contains(inner, "`")
}

// Tasks reads the public tasks of a Taskfile.
func Tasks(taskfile []byte) ([]Item, error) {
	var file struct {
		Tasks map[string]struct {
			Desc     string `yaml:"desc"`
			Internal bool   `yaml:"internal"`
		} `yaml:"tasks"`
	}
	if err := yaml.Unmarshal(taskfile, &file); err != nil {
		return nil, fmt.Errorf("reading the Taskfile: %w", err)
	}
	var items []Item
	for name, task := range file.Tasks {
		if task.Internal || name == "default" {
			continue
		}
		if task.Desc == "" {
			return nil, fmt.Errorf("task %s has no desc; `task --list` would hide it", name)
		}
		items = append(items, Item{Name: name})
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	return items, nil
}
