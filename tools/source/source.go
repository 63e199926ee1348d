// Package source reads the Go files of a checkout once, so that the import
// check, the measured properties and the format check see the same files.
package source

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the path under which the portal's own packages are imported.
const Module = "healthportal"

// File is one parsed Go file.
type File struct {
	Path      string // slash-separated, relative to the checkout
	Lines     int    // as wc -l counts, plus an unterminated last line
	Test      bool   // name ends in _test.go
	Generated bool   // templ output or a "Code generated" header
	Text      []byte
	AST       *ast.File
	Imports   []string // import paths in source order
}

// Dir is the file's folder relative to the checkout, "." for the top.
func (f File) Dir() string { return path.Dir(f.Path) }

// Package is a folder of Go files; tests of the folder are in it too.
type Package struct {
	Dir   string // slash-separated, relative to the checkout
	Name  string // of its non-test files, else of its tests
	Files []File
}

// Tree is everything read from a checkout.
type Tree struct {
	Root     string
	Fset     *token.FileSet
	Packages []Package
}

// Files returns each file of each package, in path order.
func (t Tree) Files() []File {
	var all []File
	for _, p := range t.Packages {
		all = append(all, p.Files...)
	}
	return all
}

// Load parses every Go file under root. Folders that Go itself ignores
// (leading dot or underscore, testdata) and node_modules are left out.
// A file that does not parse is an error that names it.
func Load(root string) (Tree, error) {
	tree := Tree{Root: root, Fset: token.NewFileSet()}
	index := map[string]int{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && Ignored(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || Ignored(entry.Name()) {
			return nil
		}
		file, err := tree.read(name)
		if err != nil {
			return err
		}
		tree.add(index, file)
		return nil
	})
	if err != nil {
		return Tree{}, fmt.Errorf("reading the Go files under %s: %w", root, err)
	}
	return tree, nil
}

// Ignored says whether Go, and so Load, passes a file or folder of this name by.
func Ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		name == "testdata" || name == "node_modules"
}

func (t *Tree) read(name string) (File, error) {
	text, err := os.ReadFile(name) //nolint:gosec // G304: the checkout's own files, chosen by the walk
	if err != nil {
		return File{}, err
	}
	rel, err := filepath.Rel(t.Root, name)
	if err != nil {
		return File{}, err
	}
	return Parse(t.Fset, filepath.ToSlash(rel), text)
}

// Parse makes a File from text, as Load does for each file it finds.
func Parse(fset *token.FileSet, name string, text []byte) (File, error) {
	parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, fmt.Errorf("parsing: %w", err)
	}
	file := File{
		Path:      name,
		Lines:     countLines(text),
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: strings.HasSuffix(name, "_templ.go") || ast.IsGenerated(parsed),
		Text:      text,
		AST:       parsed,
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return File{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		file.Imports = append(file.Imports, imported)
	}
	return file, nil
}

// add relies on the walk's order: a folder's files arrive in name order.
func (t *Tree) add(index map[string]int, file File) {
	at, known := index[file.Dir()]
	if !known {
		at = len(t.Packages)
		index[file.Dir()] = at
		t.Packages = append(t.Packages, Package{Dir: file.Dir(), Name: file.AST.Name.Name})
	}
	p := &t.Packages[at]
	if !file.Test {
		p.Name = file.AST.Name.Name
	}
	p.Files = append(p.Files, file)
}

func countLines(text []byte) int {
	lines := strings.Count(string(text), "\n")
	if len(text) > 0 && text[len(text)-1] != '\n' {
		lines++
	}
	return lines
}

// Root finds the checkout above dir by its go.mod.
func Root(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the checkout above %s: %w", dir, err)
	}
	for at := start; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above it; run this inside the checkout", start)
		}
	}
}
