package main

import (
	"fmt"
	"go/ast"
	"strings"

	"healthportal/tools/source"
)

// exported is one identifier that others can use.
type exported struct {
	place      string
	documented bool
}

func comments(c code) []property {
	var without, silent []string
	var total int
	for _, p := range c.packages {
		if !hasPackageComment(p) {
			silent = append(silent, p.Dir)
		}
		for _, f := range p.Files {
			for _, e := range exportedIn(c, f) {
				total++
				if !e.documented {
					without = append(without, e.place)
				}
			}
		}
	}
	share := 100.0
	if total > 0 {
		share = 100 * float64(total-len(without)) / float64(total)
	}
	return []property{
		{name: "exported identifiers with a doc comment", goal: fmt.Sprintf(">= %.0f %%", commentShare),
			value: fmt.Sprintf("%.1f %% of %d", share, total), met: share >= commentShare, hard: true, places: without},
		{name: "packages with a doc comment", goal: "100 %",
			value: fmt.Sprintf("%d of %d", len(c.packages)-len(silent), len(c.packages)), met: len(silent) == 0, hard: true, places: silent},
	}
}

func hasPackageComment(p source.Package) bool {
	for _, f := range p.Files {
		if f.AST.Doc != nil && strings.TrimSpace(f.AST.Doc.Text()) != "" {
			return true
		}
	}
	return false
}

func exportedIn(c code, f source.File) []exported {
	var all []exported
	add := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		e := exported{place: c.place(f, name.Pos()) + " " + name.Name}
		for _, doc := range docs {
			e.documented = e.documented || doc != nil && strings.TrimSpace(doc.Text()) != ""
		}
		all = append(all, e)
	}
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if r := receiver(d); r == "" || ast.IsExported(r) {
				add(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name, s.Doc, d.Doc)
				case *ast.ValueSpec:
					// A comment on the group or the line speaks for its names.
					for _, name := range s.Names {
						add(name, s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return all
}
