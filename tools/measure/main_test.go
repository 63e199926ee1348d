package main

import (
	"bytes"
	"errors"
	"go/ast"
	"go/token"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthportal/tools/source"
)

// treeOf parses files in memory, one package for each folder.
func treeOf(t *testing.T, files map[string]string) source.Tree {
	t.Helper()
	tree := source.Tree{Fset: token.NewFileSet()}
	index := map[string]int{}
	for _, name := range sortedNames(files) {
		f, err := source.Parse(tree.Fset, name, []byte(files[name]))
		if err != nil {
			t.Fatal(err)
		}
		at, ok := index[path.Dir(name)]
		if !ok {
			at = len(tree.Packages)
			index[path.Dir(name)] = at
			tree.Packages = append(tree.Packages, source.Package{Dir: path.Dir(name), Name: f.AST.Name.Name})
		}
		tree.Packages[at].Files = append(tree.Packages[at].Files, f)
	}
	return tree
}

func sortedNames(files map[string]string) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func find(t *testing.T, all []property, name string) property {
	t.Helper()
	for _, p := range all {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("no property %q", name)
	return property{}
}

const clean = `// Package web is a sample.
package web

import "fmt"

// A does something.
func A(err error) error { return fmt.Errorf("a: %w", err) }
`

// TestPlanted plants one fault at a time into a clean file and expects the
// property that stands for it, and no other, to be missed.
func TestPlanted(t *testing.T) {
	tests := []struct {
		name, file, text, property string
	}{
		{"error by %v", "app/web/b.go", "package web\nimport \"fmt\"\nfunc b(err error) error { return fmt.Errorf(\"b: %v\", err) }\n", "errors formatted without %w"},
		{"error by %s after a width", "app/jobs/b.go", "// Package jobs is.\npackage jobs\nimport \"fmt\"\nfunc b(readErr error) error { return fmt.Errorf(\"%% %*d %s\", 3, 4, readErr) }\n", "errors formatted without %w"},
		{"error text formatted", "app/jobs/b.go", "// Package jobs is.\npackage jobs\nimport \"fmt\"\nfunc b(x error) error { return fmt.Errorf(\"b: %s\", x.Error()) }\n", "errors formatted without %w"},
		{"error text answered", "app/web/b.go", "package web\nfunc b(err error) string { return err.Error() }\n", "text of an error in app/web"},
		{"error printed into an answer", "app/web/b.go", "package web\nfunc b(cause error) string { return fmt.Sprintf(\"%v\", cause) }\n", "text of an error in app/web"},
		{"error field printed", "app/web/b.go", "package web\nfunc b(e E) { fmt.Fprint(w, e.cause) }\n", "text of an error in app/web"},
		{"nil, nil", "app/web/b.go", "package web\nfunc b() (*int, error) { return nil, nil }\n", "return nil, nil"},
		{"nil, nil in a closure", "app/web/b.go", "package web\nfunc b() { _ = func() ([]int, error) { return nil, nil } }\n", "return nil, nil"},
		{"variable without a value", "app/web/b.go", "package web\nvar b int\n", "mutable package variables"},
		{"variable written to", "app/web/b.go", "package web\nvar b = 1\nfunc c() { b++ }\n", "mutable package variables"},
		{"map written to", "app/web/b.go", "package web\nvar b = map[string]int{}\nfunc c() { b[\"x\"] = 1 }\n", "mutable package variables"},
		{"map emptied", "app/web/b.go", "package web\nvar b = map[string]int{}\nfunc c() { delete(b, \"x\") }\n", "mutable package variables"},
		{"address taken", "app/web/b.go", "package web\nvar b = 1\nfunc c() *int { return &b }\n", "mutable package variables"},
		{"exported variable", "app/web/b.go", "package web\n// B is.\nvar B = map[string]int{}\n", "mutable package variables"},
		{"wide interface", "app/web/b.go", "package web\ntype b interface { a(); c(); d(); e(); f(); g(); h(); i() }\n", "methods of the widest interface"},
		{"wide by embedding", "app/web/b.go", "package web\ntype a interface { c(); d(); e(); f() }\ntype b interface { a; g(); h(); i(); j() }\n", "methods of the widest interface"},
		{"no comment", "app/web/b.go", "package web\nfunc B() {}\n", "exported identifiers with a doc comment"},
		{"type without comment", "app/web/b.go", "package web\ntype B int\n", "exported identifiers with a doc comment"},
		{"method without comment", "app/web/b.go", "package web\n// T is.\ntype T int\nfunc (t *T) B() {}\n", "exported identifiers with a doc comment"},
		{"constant without comment", "app/web/b.go", "package web\nconst B = 1\n", "exported identifiers with a doc comment"},
		{"no package comment", "app/jobs/b.go", "package jobs\n", "packages with a doc comment"},
		{"store method without ctx", "store/postgres/b.go", "// Package postgres is.\npackage postgres\n// S is.\ntype S struct{}\n// B is.\nfunc (s *S) B(id int) error { return nil }\n", "store methods that take ctx first"},
		{"ctx second", "store/mirror/b.go", "// Package mirror is.\npackage mirror\nimport \"context\"\n// S is.\ntype S[T any] struct{}\n// B is.\nfunc (s *S[T]) B(id int, ctx context.Context) (int, error) { return 0, nil }\n", "store methods that take ctx first"},
		{"complexity", "app/web/b.go", "package web\nfunc b(a bool) {" + strings.Repeat("if a { }\n", 15) + "}\n", "functions of cyclomatic complexity over 15"},
		{"long function", "app/web/b.go", "package web\nfunc b() {" + strings.Repeat("\n", 90) + "}\n", "function length, longest"},
		{"long file", "app/web/b.go", "package web\n" + strings.Repeat("\n", 500), "file length, longest"},
		{"import", "app/web/b.go", "package web\nimport _ \"healthportal/store/postgres\"\n", "imports against the table"},
		{"name", "app/web/misc/b.go", "// Package misc is.\npackage misc\n", "packages named utils, common, helpers, misc"},
		{"environment", "app/web/b.go", "package web\nimport \"os\"\nfunc b() string { return os.Getenv(\"B\") }\n", "environment read outside config"},
		{"sql", "app/web/b.go", "package web\nconst b = \"DELETE FROM b\"\n", "SQL outside store and migrations"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tests := strings.Repeat("// line\n", 700) + "package web\n"
			all := measure(treeOf(t, map[string]string{"app/web/a.go": clean, "app/web/a_test.go": tests, test.file: test.text}))
			missed := find(t, all, test.property)
			if missed.met || !missed.hard {
				t.Errorf("%q is met (%s)", test.property, missed.value)
			}
			if len(missed.places) == 0 || !strings.Contains(missed.places[0], path.Dir(test.file)) {
				t.Errorf("places = %q, want %s", missed.places, test.file)
			}
			for _, p := range all {
				if p.name != test.property && p.hard && !p.met {
					t.Errorf("%q is missed too: %s %q", p.name, p.value, p.places)
				}
			}
		})
	}
}

// TestAllowed holds what looks alike and is right.
func TestAllowed(t *testing.T) {
	tests := []struct{ name, file, text string }{
		{"clean", "app/web/b.go", "package web\n"},
		{"wrapped with others", "app/web/b.go", "package web\nimport \"fmt\"\nfunc b(s string, err error) error { return fmt.Errorf(\"%q 5%%: %w\", s, err) }\n"},
		{"text for a person", "app/jobs/b.go", "// Package jobs is.\npackage jobs\nfunc b(err error) string { return err.Error() }\n"},
		{"format in a variable", "app/web/b.go", "package web\nimport \"fmt\"\nfunc b(f string, err error) error { return fmt.Errorf(f, err) }\n"},
		{"two slices", "app/web/b.go", "package web\nfunc b() ([]int, []int) { return nil, nil }\n"},
		{"one nil", "app/web/b.go", "package web\nfunc b() error { return nil }\n"},
		{"sentinel errors", "app/web/b.go", "package web\nimport \"errors\"\n// ErrB is.\nvar ErrB = errors.New(\"b\")\n"},
		{"table only read", "app/web/b.go", "package web\nvar b = map[string]int{\"a\": 1}\nfunc c() int { return b[\"a\"] }\n"},
		{"shadowed", "app/web/b.go", "package web\nvar b = 1\nfunc c(b int) int { b++; return b }\nfunc d() { b := 2; b++ }\nfunc e() { for b = range 3 { } ; var b int; b = 1 }\n"},
		{"blank", "app/web/b.go", "package web\nvar _ error = nil\n"},
		{"embedded", "app/web/b.go", "package web\nimport _ \"embed\"\n//go:embed a.txt\nvar b string\n"},
		{"grouped constants", "app/web/b.go", "package web\n// The sizes.\nconst (\n\tB = 1\n\tC = 2\n)\n"},
		{"method of an unexported type", "app/web/b.go", "package web\ntype b int\nfunc (b) C() {}\n"},
		{"store with ctx", "store/postgres/b.go", "// Package postgres is.\npackage postgres\nimport \"context\"\n// S is.\ntype S struct{}\n// B is.\nfunc (s *S) B(ctx context.Context) error { return nil }\n// Close is.\nfunc (s *S) Close() error { return nil }\n// Name is.\nfunc (s *S) Name() string { return \"\" }\n"},
		{"cache for Fiber", "store/cache/b.go", "// Package cache is.\npackage cache\n// S is.\ntype S struct{}\n// Get is.\nfunc (s *S) Get(key string) ([]byte, error) { return []byte{}, nil }\n"},
		{"storetest", "store/storetest/b.go", "// Package storetest is.\npackage storetest\n// S is.\ntype S struct{}\n// B is.\nfunc (s *S) B() error { return nil }\n"},
		{"complexity 15", "app/web/b.go", "package web\nfunc b(a bool) {" + strings.Repeat("if a { }\n", 14) + "}\n"},
		{"generated", "views/b_templ.go", "package views\nvar B int\nfunc C() {}\n"},
		{"recursive interface", "app/web/b.go", "package web\ntype b interface { c(); any }\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tests := strings.Repeat("// line\n", 700) + "package web\n"
			for _, p := range measure(treeOf(t, map[string]string{"app/web/a.go": clean, "app/web/a_test.go": tests, test.file: test.text})) {
				if p.hard && !p.met {
					t.Errorf("%q is missed: %s %q", p.name, p.value, p.places)
				}
			}
		})
	}
}

func TestComplexityCountsEachBranch(t *testing.T) {
	tests := []struct {
		body string
		want int
	}{
		{"", 1},
		{"if a && b || c { } else if a { }", 5},
		{"for { }; for range 3 { }", 3},
		{"switch { case a: case b: default: }", 3},
		{"select { case <-ch: default: }", 2},
		{"_ = func() { if a { } }", 2},
	}
	for _, test := range tests {
		tree := treeOf(t, map[string]string{"app/a.go": "package app\nfunc f(a, b, c bool, ch chan int) {" + test.body + "}\n"})
		var got int
		codeOf(tree).functions(func(_ source.Package, _ source.File, fn *ast.FuncDecl) { got = complexity(fn) })
		if got != test.want {
			t.Errorf("complexity of %q = %d, want %d", test.body, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []sized
	for i := range 100 {
		hundred = append(hundred, sized{size: i + 1})
	}
	tests := []struct {
		values  []sized
		percent int
		want    int
	}{
		{nil, 95, 0}, {hundred[:1], 50, 1}, {hundred[:2], 50, 1}, {hundred[:3], 50, 2},
		{hundred, 50, 50}, {hundred, 95, 95}, {hundred, 100, 100}, {hundred, 0, 1},
	}
	for _, test := range tests {
		if got := percentile(test.values, test.percent); got != test.want {
			t.Errorf("percentile %d of %d values = %d, want %d", test.percent, len(test.values), got, test.want)
		}
	}
}

func TestOverNamesTheLargestFirst(t *testing.T) {
	got := over([]sized{{1, "a"}, {5, "b"}, {9, "c"}}, 4)
	if !slices.Equal(got, []string{"c: 9", "b: 5"}) {
		t.Errorf("over = %q", got)
	}
}

func TestTestShare(t *testing.T) {
	tests := []struct {
		files map[string]string
		met   bool
		value string
	}{
		{map[string]string{"app/a.go": "package app\n\n", "app/a_test.go": "package app\n\n"}, true, "1.00 (2 to 2)"},
		{map[string]string{"app/a.go": "package app\n\n", "app/a_test.go": "package app\n"}, false, "0.50 (1 to 2)"},
		{map[string]string{"views/a_templ.go": "package views\n"}, false, "0.00 (0 to 0)"},
	}
	for _, test := range tests {
		if got := testShare(treeOf(t, test.files)); got.met != test.met || got.value != test.value {
			t.Errorf("testShare = %q met %v, want %q met %v", got.value, got.met, test.value, test.met)
		}
	}
}

func TestPrint(t *testing.T) {
	places := []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7"}
	properties := []property{
		{name: "good", goal: "0", value: "0", met: true, hard: true, places: []string{"unseen"}},
		{name: "bad", goal: "0", value: "7", hard: true, places: places},
		{name: "soft", goal: "<= 1", value: "2"},
	}
	var out bytes.Buffer
	if err := print(&out, properties, false); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"PROPERTY", "met", "MISSED", "missed (soft)", "bad:\n  p1\n", "p5\n  and 2 more"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("output lacks %q:\n%s", part, out.String())
		}
	}
	for _, part := range []string{"unseen", "p6"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("output has %q:\n%s", part, out.String())
		}
	}
	out.Reset()
	if err := print(&out, properties, true); err != nil || !strings.Contains(out.String(), "  p7\n") {
		t.Errorf("with -all: %v\n%s", err, out.String())
	}
	if err := print(failingWriter{}, properties, true); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("print to a closed pipe: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestStart(t *testing.T) {
	good := map[string]string{"go.mod": "module healthportal\n", "app/web/a.go": clean,
		"app/web/a_test.go": strings.Repeat("// line\n", 20) + "package web\n"}
	tests := []struct {
		name string
		add  map[string]string
		args []string
		code int
		want string
	}{
		{"good", nil, nil, 0, "test lines per code line"},
		{"planted", map[string]string{"app/web/b.go": "package web\nvar b int\n"}, []string{"-all"}, 1, "app/web/b.go:2 b"},
		{"broken", map[string]string{"app/web/b.go": "package {"}, nil, 1, "b.go"},
		{"argument", nil, []string{"x"}, 2, "flags only"},
		{"unknown flag", nil, []string{"-x"}, 2, "flags only"},
		{"help", nil, []string{"-h"}, 0, "-all"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for _, files := range []map[string]string{good, test.add} {
				for name, text := range files {
					full := filepath.Join(root, name)
					if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Chdir(root)
			var out, errs bytes.Buffer
			if code := start(test.args, &out, &errs); code != test.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, test.code, out.String(), errs.String())
			}
			if said := out.String() + errs.String(); !strings.Contains(said, test.want) {
				t.Errorf("output lacks %q:\n%s", test.want, said)
			}
		})
	}
	t.Chdir(string(filepath.Separator))
	if code := start(nil, io.Discard, io.Discard); code != 1 {
		t.Errorf("outside a checkout: exit code %d, want 1", code)
	}
}
