package main

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"healthportal/tools/source"
)

// failures measures how errors are passed on.
func failures(c code) []property {
	var unwrapped, answered, nilNil []string
	c.functions(func(p source.Package, f source.File, fn *ast.FuncDecl) {
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if hidesError(n) {
					unwrapped = append(unwrapped, c.place(f, n.Pos())+" "+funcName(fn))
				}
				if (p.Dir == "app/web" || strings.HasPrefix(p.Dir, "app/web/")) && (errorText(n) || printsError(n)) && fn.Name.Name != "Error" {
					answered = append(answered, c.place(f, n.Pos())+" "+funcName(fn))
				}
			case *ast.FuncLit:
				nilNil = append(nilNil, nilNilIn(c, f, fn, n.Type, n.Body)...)
			}
			return true
		})
		if fn.Body != nil {
			nilNil = append(nilNil, nilNilIn(c, f, fn, fn.Type, fn.Body)...)
		}
	})
	return []property{
		none("errors formatted without %w", unwrapped),
		none("text of an error in app/web", answered),
		none("return nil, nil", nilNil),
	}
}

// hidesError sees fmt.Errorf that formats an error by another verb than %w.
func hidesError(call *ast.CallExpr) bool {
	if !isSelector(call.Fun, "fmt", "Errorf") || len(call.Args) < 2 {
		return false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return false
	}
	format, err := strconv.Unquote(lit.Value)
	if err != nil {
		return false
	}
	verbs := verbsOf(format)
	for i, arg := range call.Args[1:] {
		if i < len(verbs) && verbs[i] != 'w' && isError(arg) {
			return true
		}
	}
	return false
}

// verbsOf lists the verbs of a format, one for each argument; a * for width
// takes an argument too.
func verbsOf(format string) []rune {
	var verbs []rune
	inVerb := false
	for _, r := range format {
		switch {
		case !inVerb:
			inVerb = r == '%'
		case r == '%':
			inVerb = false
		case r == '*':
			verbs = append(verbs, r)
		case strings.ContainsRune("+-# 0123456789.[]", r):
		default:
			verbs = append(verbs, r)
			inVerb = false
		}
	}
	return verbs
}

// isError judges by name: err, somethingErr, ErrSomething, or x.Error().
func isError(expr ast.Expr) bool {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name == "err" || strings.HasSuffix(e.Name, "Err") || strings.HasPrefix(e.Name, "Err")
	case *ast.CallExpr:
		return errorText(e)
	}
	return false
}

// errorText sees x.Error() without arguments.
func errorText(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Error" && len(call.Args) == 0
}

// printsError sees an error among the arguments of fmt.Sprint, Sprintf, Fprint
// and their like: its text would go where the string goes. fmt.Errorf wraps.
func printsError(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isIdent(sel.X, "fmt") || !strings.Contains(sel.Sel.Name, "print") && !strings.Contains(sel.Sel.Name, "Print") {
		return false
	}
	for _, arg := range call.Args {
		if isError(arg) || isIdent(arg, "cause") || isField(arg, "cause") {
			return true
		}
	}
	return false
}

func isField(expr ast.Expr, name string) bool {
	sel, ok := expr.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == name
}

// nilNilIn finds "return nil, nil" where the last result is an error: the
// caller can't tell "not found" from a value.
func nilNilIn(c code, f source.File, fn *ast.FuncDecl, typ *ast.FuncType, body *ast.BlockStmt) []string {
	if typ.Results == nil || typ.Results.NumFields() < 2 {
		return nil
	}
	last := typ.Results.List[len(typ.Results.List)-1]
	if !isIdent(last.Type, "error") {
		return nil
	}
	var found []string
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // judged by its own results
		case *ast.ReturnStmt:
			if allNil(n.Results) {
				found = append(found, c.place(f, n.Pos())+" "+funcName(fn))
			}
		}
		return true
	})
	return found
}

func allNil(results []ast.Expr) bool {
	for _, r := range results {
		if !isIdent(r, "nil") {
			return false
		}
	}
	return len(results) > 1
}
