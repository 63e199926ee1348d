package importgraph

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"

	"healthportal/tools/source"
)

// sampleManifest writes the demo's manifest, whose sample queries are data
// that `portal verify` runs through a store, as those in docs/ are.
const sampleManifest = "app/demo/manifest.go"

// checkSQL refuses statements outside store and migrations. Tests may look
// into the database, and tools (bench) measure it.
func checkSQL(fset *token.FileSet, f source.File) []Violation {
	if f.Test || f.Path == sampleManifest || withinAny(f.Dir(), []string{"store/...", "migrations/...", "tools/..."}) {
		return nil
	}
	var found []Violation
	ast.Inspect(f.AST, func(n ast.Node) bool {
		expr, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, literal := literalText(expr)
		if !literal {
			return true
		}
		if statement := findStatement(text); statement != "" {
			found = append(found, Violation{SQL, at(fset, f, expr.Pos()),
				"an SQL statement (" + statement + ") outside store and migrations; ask a store method"})
		}
		return false
	})
	return found
}

// literalText joins "a" + x + "b" to a…b, so that a statement in pieces is
// seen as one. It answers false for anything without a string literal.
func literalText(expr ast.Expr) (string, bool) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, okLeft := literalText(e.X)
		right, okRight := literalText(e.Y)
		if !okLeft {
			left = "…"
		}
		if !okRight {
			right = "…"
		}
		return left + right, okLeft || okRight
	}
	return "", false
}

// findStatement names the statement in text. Upper-case keywords count
// anywhere; lower-case ones only where the text reads as nothing else, for
// "select a patient from the list" is English.
func findStatement(text string) string {
	patterns := []struct{ name, expression string }{
		{"SELECT", `\bSELECT\b[\s\S]*\bFROM\b`},
		{"INSERT", `\bINSERT\s+INTO\b`},
		{"UPDATE", `\bUPDATE\s+(ONLY\s+)?\S+(\s+(AS\s+)?\w+)?\s+SET\b`},
		{"DELETE", `\bDELETE\s+FROM\b`},
		{"SELECT", `^select\s[\s\S]*\sfrom\s+\w+\.\w+`},
		{"SELECT", `^select\s+(count\(|\*|1\b)`},
		{"INSERT", `^insert\s+into\s+[\w.]+\s*[(v…]`},
		{"UPDATE", `^update\s+[\w.]+\s+set\s+\w+\s*=`},
		{"DELETE", `^delete\s+from\s+(\w+\.\w+|\w+\s*$|\w+\s+where)`},
	}
	trimmed := strings.TrimSpace(text)
	for _, p := range patterns {
		if regexp.MustCompile(p.expression).MatchString(trimmed) {
			return p.name
		}
	}
	return ""
}
