package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"

	"healthportal/tools/importgraph"
	"healthportal/tools/source"
)

// The goals of docs/architecture.md.
const (
	fileMedian, fileP95, fileMax = 100, 350, 500
	funcP95, funcMax             = 50, 90
	complexityMax                = 15
	methodsMax                   = 7
	commentShare                 = 99.0
	testLinesPerLine             = 1.0
)

// sized is something with a length and where it stands.
type sized struct {
	size  int
	place string
}

// percentile answers the nearest-rank percentile of values sorted upwards.
func percentile(sorted []sized, percent int) int {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1].size
}

func bySize(a, b sized) int {
	return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(b.place, a.place))
}

// over names what is larger than the limit, largest first.
func over(sorted []sized, limit int) []string {
	var places []string
	for _, s := range slices.Backward(sorted) {
		if s.size <= limit {
			break
		}
		places = append(places, fmt.Sprintf("%s: %d", s.place, s.size))
	}
	return places
}

func limit(name string, value, goal int, hard bool, places []string) property {
	return property{name: name, goal: fmt.Sprintf("<= %d", goal), value: fmt.Sprint(value), met: value <= goal, hard: hard, places: places}
}

func sizes(c code) []property {
	var files, functions []sized
	var complicated []string
	for _, p := range c.packages {
		for _, f := range p.Files {
			files = append(files, sized{f.Lines, f.Path})
		}
	}
	c.functions(func(_ source.Package, f source.File, fn *ast.FuncDecl) {
		where := c.place(f, fn.Pos()) + " " + funcName(fn)
		functions = append(functions, sized{c.line(fn.End()) - c.line(fn.Pos()) + 1, where})
		if n := complexity(fn); n > complexityMax {
			complicated = append(complicated, fmt.Sprintf("%s: %d", where, n))
		}
	})
	slices.SortFunc(files, bySize)
	slices.SortFunc(functions, bySize)
	return []property{
		limit("file length, median", percentile(files, 50), fileMedian, false, nil),
		limit("file length, p95", percentile(files, 95), fileP95, false, over(files, fileP95)),
		limit("file length, longest", percentile(files, 100), fileMax, true, over(files, fileMax)),
		limit("function length, p95", percentile(functions, 95), funcP95, false, over(functions, funcP95)),
		limit("function length, longest", percentile(functions, 100), funcMax, true, over(functions, funcMax)),
		none(fmt.Sprintf("functions of cyclomatic complexity over %d", complexityMax), complicated),
	}
}

// complexity counts as gocyclo does: one, and one more for each branch,
// loop, case and short-circuit operator, closures included.
func complexity(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if x.List != nil { // not default
				n++
			}
		case *ast.CommClause:
			if x.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

func graph(tree source.Tree) []property {
	found := map[importgraph.Kind][]string{}
	for _, v := range importgraph.Check(tree) {
		found[v.Kind] = append(found[v.Kind], v.String())
	}
	return []property{
		none("imports against the table", found[importgraph.Import]),
		none("packages named utils, common, helpers, misc", found[importgraph.Name]),
		none("environment read outside config", found[importgraph.Environment]),
		none("SQL outside store and migrations", found[importgraph.SQL]),
	}
}

func testShare(tree source.Tree) property {
	var tests, lines int
	for _, f := range tree.Files() {
		switch {
		case f.Test:
			tests += f.Lines
		case !f.Generated:
			lines += f.Lines
		}
	}
	share := 0.0
	if lines > 0 {
		share = float64(tests) / float64(lines)
	}
	return property{name: "test lines per code line", goal: fmt.Sprintf(">= %.1f", testLinesPerLine),
		value: fmt.Sprintf("%.2f (%d to %d)", share, tests, lines), met: share >= testLinesPerLine, hard: true}
}
