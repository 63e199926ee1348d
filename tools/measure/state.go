package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"healthportal/tools/source"
)

func state(c code) []property {
	var mutable []string
	for _, p := range c.packages {
		mutable = append(mutable, mutableIn(c, p)...)
	}
	widest, wide := interfaces(c)
	return []property{
		none("mutable package variables", mutable),
		limit("methods of the widest interface", widest, methodsMax, true, wide),
	}
}

// mutableIn finds package variables that change, or that anybody can change:
// those without a value, those written to or pointed at in the package, and
// exported ones other than errors.
func mutableIn(c code, p source.Package) []string {
	declared := map[string]string{} // name to place
	var bad []string
	for _, f := range p.Files {
		for _, spec := range packageVars(f) {
			for i, name := range spec.Names {
				where := c.place(f, name.Pos()) + " " + name.Name
				switch {
				case name.Name == "_" || embedded(spec):
				case len(spec.Values) == 0:
					bad = append(bad, where+" (has no value, so something sets it)")
				case name.IsExported() && !(i < len(spec.Values) && isNewError(spec.Values[i])):
					bad = append(bad, where+" (exported, so anybody can set it)")
				default:
					declared[name.Name] = where
				}
			}
		}
	}
	written := map[string]bool{}
	for _, f := range p.Files {
		writes(f, func(name string) { written[name] = true })
	}
	for name, where := range declared {
		if written[name] {
			bad = append(bad, where+" (written to)")
		}
	}
	slices.Sort(bad)
	return bad
}

func packageVars(f source.File) []*ast.ValueSpec {
	var all []*ast.ValueSpec
	for _, d := range f.AST.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if value.Doc == nil {
				value.Doc = gen.Doc // where a lone var has its comment
			}
			all = append(all, value)
		}
	}
	return all
}

// embedded variables are filled by the compiler.
func embedded(spec *ast.ValueSpec) bool {
	if spec.Doc == nil {
		return false
	}
	return slices.ContainsFunc(spec.Doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func isNewError(expr ast.Expr) bool {
	call, ok := expr.(*ast.CallExpr)
	return ok && (isSelector(call.Fun, "errors", "New") || isSelector(call.Fun, "fmt", "Errorf"))
}

// writes reports each name that a function assigns to, through an index or a
// field too, or takes the address of, unless the function declares the name.
func writes(f source.File, report func(string)) {
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		local := localNames(fn)
		note := func(expr ast.Expr) {
			if name := base(expr); name != "" && !local[name] {
				report(name)
			}
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			for _, expr := range changed(n) {
				note(expr)
			}
			return true
		})
	}
}

// changed lists what one node writes to, empties or takes the address of.
func changed(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if len(n.Args) > 0 && (isIdent(n.Fun, "delete") || isIdent(n.Fun, "clear")) {
			return n.Args[:1]
		}
	}
	return nil
}

// base is the variable under an index, field, slice or dereference.
func base(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.IndexExpr:
			expr = e.X
		case *ast.SliceExpr:
			expr = e.X
		case *ast.SelectorExpr:
			expr = e.X
		case *ast.ParenExpr:
			expr = e.X
		case *ast.StarExpr:
			expr = e.X
		default:
			return ""
		}
	}
}

func localNames(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	addFields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			for _, name := range field.Names {
				names[name.Name] = true
			}
		}
	}
	addFields(fn.Recv)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			addFields(n.Params)
			addFields(n.Results)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, left := range n.Lhs {
					names[base(left)] = true
				}
			}
		case *ast.RangeStmt:
			for _, left := range []ast.Expr{n.Key, n.Value} {
				if left != nil && n.Tok == token.DEFINE {
					names[base(left)] = true
				}
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		}
		return true
	})
	return names
}

// interfaces answers the most methods an interface has, and those over the
// limit. Interfaces embedded from the same package count with their methods.
func interfaces(c code) (widest int, wide []string) {
	for _, p := range c.packages {
		types := map[string]*ast.InterfaceType{}
		places := map[string]string{}
		for _, f := range p.Files {
			ast.Inspect(f.AST, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if typ, ok := spec.Type.(*ast.InterfaceType); ok {
						types[spec.Name.Name], places[spec.Name.Name] = typ, c.place(f, spec.Pos())
					}
				}
				return true
			})
		}
		for name, typ := range types {
			n := methods(typ, types, 0)
			widest = max(widest, n)
			if n > methodsMax {
				wide = append(wide, fmt.Sprintf("%s %s: %d", places[name], name, n))
			}
		}
	}
	slices.Sort(wide)
	return widest, wide
}

func methods(typ *ast.InterfaceType, types map[string]*ast.InterfaceType, depth int) int {
	n := 0
	for _, field := range typ.Methods.List {
		if len(field.Names) > 0 {
			n += len(field.Names)
			continue
		}
		id, ok := field.Type.(*ast.Ident)
		if ok && types[id.Name] != nil && depth < len(types) {
			n += methods(types[id.Name], types, depth+1)
		}
	}
	return n
}
