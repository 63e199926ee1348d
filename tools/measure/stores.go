package main

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"healthportal/tools/source"
)

// stores measures that whoever calls a store can bound it: each exported
// method of store that can fail takes a context first. Methods whose shape an
// interface of others dictates are left out.
func stores(c code) property {
	var total int
	var without []string
	c.functions(func(p source.Package, f source.File, fn *ast.FuncDecl) {
		if !strings.HasPrefix(p.Dir, "store/") || p.Dir == "store/storetest" || !bounded(p, fn) {
			return
		}
		total++
		if !contextFirst(fn.Type) {
			without = append(without, c.place(f, fn.Pos())+" "+funcName(fn))
		}
	})
	return property{name: "store methods that take ctx first", goal: "100 %",
		value: fmt.Sprintf("%d of %d", total-len(without), total), met: len(without) == 0, hard: true, places: without}
}

// bounded says whether the rule applies to fn.
func bounded(p source.Package, fn *ast.FuncDecl) bool {
	r := receiver(fn)
	if !fn.Name.IsExported() || !ast.IsExported(r) || !fails(fn.Type) {
		return false
	}
	dictated := []string{"Close", "Error", "Unwrap", "Is", "As", "Scan", "Value", "Read", "Write", "Seek",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "String"}
	if p.Dir == "store/cache" {
		// Fiber's storage interface knows no context.
		dictated = append(dictated, "Get", "Set", "Delete", "Reset")
	}
	return !slices.Contains(dictated, fn.Name.Name)
}

func fails(typ *ast.FuncType) bool {
	if typ.Results == nil || len(typ.Results.List) == 0 {
		return false
	}
	return isIdent(typ.Results.List[len(typ.Results.List)-1].Type, "error")
}

func contextFirst(typ *ast.FuncType) bool {
	return len(typ.Params.List) > 0 && isSelector(typ.Params.List[0].Type, "context", "Context")
}
