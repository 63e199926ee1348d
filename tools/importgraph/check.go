package importgraph

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"healthportal/tools/source"
)

// Violation is one place that breaks a rule of the house.
type Violation struct {
	Kind  Kind
	Where string // file, and line where one is known
	What  string // what is wrong and what to do
}

// Kind groups violations for the measured properties.
type Kind string

// The kinds of violation.
const (
	Import      Kind = "import"      // breaks the import table
	Name        Kind = "name"        // a package name that says nothing
	Environment Kind = "environment" // reads the environment outside config
	SQL         Kind = "sql"         // an SQL statement outside store and migrations
)

// String is one line for a report.
func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Where, v.Kind, v.What) }

// Check holds each package of the tree to the rules, in path order.
func Check(tree source.Tree) []Violation {
	var found []Violation
	for _, p := range tree.Packages {
		r, known := findRule(p.Dir)
		if !known {
			found = append(found, Violation{Import, p.Dir,
				"a folder that the import table doesn't name; put it into a known room, or extend the table and docs/architecture.md"})
			continue
		}
		found = append(found, checkName(p)...)
		for _, f := range p.Files {
			found = append(found, checkImports(r, p, f)...)
			if f.Generated {
				continue
			}
			found = append(found, checkEnvironment(tree.Fset, p, f)...)
			found = append(found, checkSQL(tree.Fset, f)...)
		}
	}
	return found
}

func checkName(p source.Package) []Violation {
	last := p.Dir[strings.LastIndex(p.Dir, "/")+1:]
	for _, name := range []string{strings.TrimSuffix(p.Name, "_test"), last} {
		if slices.Contains(forbiddenNames(), name) {
			return []Violation{{Name, p.Dir, fmt.Sprintf("package %q doesn't say what it is for; name it after what it offers", name)}}
		}
	}
	return nil
}

func checkImports(r rule, p source.Package, f source.File) []Violation {
	var found []Violation
	add := func(format string, args ...any) {
		found = append(found, Violation{Import, f.Path, fmt.Sprintf(format, args...)})
	}
	for _, imported := range f.Imports {
		target, ours := strings.CutPrefix(imported, source.Module+"/")
		switch {
		case ours && !r.allows(p.Dir, target, f.Test):
			add("%s may not import %s (see the import table in docs/architecture.md)", p.Dir, target)
		case !ours && r.std && !standard(imported):
			add("%s is standard library only, and imports %s", p.Dir, imported)
		}
		if limit, bad := outsideRoom(p.Dir, imported, f.Test); bad {
			add("%s (%s) belongs to %s only", limit.what, imported, strings.Join(limit.rooms, ", "))
		}
	}
	return found
}

func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != source.Module
}

func outsideRoom(dir, imported string, test bool) (foreign, bool) {
	for _, limit := range foreigners() {
		if !strings.HasPrefix(imported, limit.prefix) || withinAny(dir, limit.rooms) || test && limit.tests {
			continue
		}
		return limit, true
	}
	return foreign{}, false
}

// checkEnvironment refuses reads of the environment outside app/config. A
// program's main file may hand os.Environ() on; tests set what they need.
func checkEnvironment(fset *token.FileSet, p source.Package, f source.File) []Violation {
	if f.Test || within(p.Dir, "app/config/...") {
		return nil
	}
	readers := map[string][]string{
		"os":      {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		"syscall": {"Getenv", "Environ"},
	}
	handsOn := f.AST.Name.Name == "main" && strings.HasSuffix(f.Path, "/main.go")
	var found []Violation
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok || !slices.Contains(readers[pkg.Name], sel.Sel.Name) || !slices.Contains(f.Imports, pkg.Name) {
			return true
		}
		if handsOn && sel.Sel.Name == "Environ" {
			return true
		}
		found = append(found, Violation{Environment, at(fset, f, sel.Pos()),
			fmt.Sprintf("%s.%s outside app/config; take the value from config.Config", pkg.Name, sel.Sel.Name)})
		return true
	})
	return found
}

func at(fset *token.FileSet, f source.File, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, fset.Position(pos).Line)
}
