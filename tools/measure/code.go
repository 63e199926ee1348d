package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"

	"healthportal/tools/source"
)

// code is what the properties speak of: hand-written files without tests.
type code struct {
	fset     *token.FileSet
	packages []source.Package
}

func codeOf(tree source.Tree) code {
	c := code{fset: tree.Fset}
	for _, p := range tree.Packages {
		p.Files = slices.DeleteFunc(slices.Clone(p.Files), func(f source.File) bool { return f.Test || f.Generated })
		if len(p.Files) > 0 {
			c.packages = append(c.packages, p)
		}
	}
	return c
}

func (c code) line(pos token.Pos) int { return c.fset.Position(pos).Line }

func (c code) place(f source.File, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, c.line(pos))
}

// functions calls visit for each function with a body, closures not counted
// apart from the function around them.
func (c code) functions(visit func(source.Package, source.File, *ast.FuncDecl)) {
	for _, p := range c.packages {
		for _, f := range p.Files {
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					visit(p, f, fn)
				}
			}
		}
	}
}

// receiver names a method's type without pointer and type parameters, ""
// for a plain function.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	expr := fn.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func funcName(fn *ast.FuncDecl) string {
	if r := receiver(fn); r != "" {
		return r + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// isSelector says whether expr reads pkg.name.
func isSelector(expr ast.Expr, pkg, name string) bool {
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

func isIdent(expr ast.Expr, name string) bool {
	id, ok := expr.(*ast.Ident)
	return ok && id.Name == name
}
