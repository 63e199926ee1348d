package genomics

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ManifestProblem is one thing wrong with a manifest, and where.
type ManifestProblem struct {
	File string
	// Line counts from 1; 0 when the whole file is meant.
	Line int
	// Key is the path of the key, such as reports[0].patient; may be empty.
	Key string
	// Text says what is wrong and what to do.
	Text string
}

// Error is one line: file, line, key, what to do.
func (p *ManifestProblem) Error() string {
	s := "manifest " + p.File
	if p.Line > 0 {
		s += fmt.Sprintf(", line %d", p.Line)
	}
	if p.Key != "" {
		s += ", " + p.Key
	}
	return s + ": " + p.Text
}

const maxManifest = 4 << 20

// ReadManifest reads and checks the manifest at file. The error lists every
// problem, one ManifestProblem a line.
func ReadManifest(file string) (*Manifest, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil, &ManifestProblem{File: file, Text: "is not a regular file of at most 4 MiB; GENOMICS_MANIFEST must name a YAML file"}
	}
	data, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, unreadable(file, err)
	}
	return ParseManifest(file, data)
}

func unreadable(file string, err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("manifest %s can't be read: %w; set GENOMICS_MANIFEST to the file", file, err)
}

// ParseManifest is ReadManifest on bytes already read; relative paths are
// resolved against the folder of file.
func ParseManifest(file string, data []byte) (*Manifest, error) {
	m, tree, err := decode(file, data)
	if err != nil {
		return nil, err
	}
	m.File = file
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: find its folder: %w", file, err)
	}
	c := &checker{file: file, dir: dir, tree: tree}
	c.manifest(m)
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return m, nil
}

// decode reads the YAML strictly. The decoder is foreign code that panics on some
// odd input; that is an error like any other here.
func decode(file string, data []byte) (m *Manifest, tree *ast.File, err error) {
	defer func() {
		if recover() != nil {
			m, tree, err = nil, nil, &ManifestProblem{File: file, Text: "is YAML of a kind that can't be read; docs/manifest.md shows the shape"}
		}
	}()
	tree, err = parser.ParseBytes(data, 0)
	if err != nil {
		return nil, nil, yamlProblem(file, err)
	}
	switch {
	case len(tree.Docs) == 0 || tree.Docs[0].Body == nil:
		return nil, nil, &ManifestProblem{File: file, Text: "is empty; docs/genomics_data_manifest.yaml shows the shape"}
	case len(tree.Docs) > 1:
		return nil, nil, &ManifestProblem{File: file, Text: "holds several YAML documents; keep one and drop the --- lines"}
	}
	tags := &tagFinder{}
	ast.Walk(tags, tree.Docs[0].Body)
	if tags.line > 0 {
		return nil, nil, &ManifestProblem{File: file, Line: tags.line, Text: "tags such as !name have no meaning here: write the plain value"}
	}
	m = &Manifest{}
	if err := yaml.UnmarshalWithOptions(data, m, yaml.Strict()); err != nil {
		return nil, nil, yamlProblem(file, err)
	}
	return m, tree, nil
}

// tagFinder notes the line of the first tag.
type tagFinder struct{ line int }

// Visit looks at one node of the tree.
func (f *tagFinder) Visit(node ast.Node) ast.Visitor {
	if tag, ok := node.(*ast.TagNode); ok && f.line == 0 {
		f.line = max(1, tag.GetToken().Position.Line)
	}
	return f
}

func yamlProblem(file string, err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return fmt.Errorf("manifest %s: %w", file, err)
	}
	p := &ManifestProblem{File: file, Text: ye.GetMessage()}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		p.Line = t.Position.Line
	}
	var unknown *yaml.UnknownFieldError
	var typed *yaml.TypeError
	var node *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &unknown):
		p.Key = unknown.Token.Value
		p.Text = "unknown key; docs/manifest.md lists the known ones"
	case errors.As(err, &typed):
		p.Text = fmt.Sprintf("a value of the wrong type: %q is no %s", typed.Token.Value, typed.DstType)
		p.Key = lastKey(typed)
	case errors.As(err, &node):
		p.Text = fmt.Sprintf("a %s stands where a %s belongs; docs/manifest.md shows the shape", node.Actual.YAMLName(), node.Expected.YAMLName())
	}
	return p
}

func lastKey(e *yaml.TypeError) string {
	// The token before the value is the colon, before that the key.
	if e.Token == nil || e.Token.Prev == nil || e.Token.Prev.Prev == nil || e.Token.Prev.Value != ":" {
		return ""
	}
	return e.Token.Prev.Prev.Value
}

// lineOf finds the line of a key such as reports[0].patient; where the key is
// absent, that of its nearest parent.
func lineOf(tree *ast.File, key string) int {
	for key != "" {
		p, err := yaml.PathString("$." + key)
		if err == nil {
			if node, err := p.FilterFile(tree); err == nil && node != nil && node.GetToken() != nil {
				return node.GetToken().Position.Line
			}
		}
		key = parentKey(key)
	}
	return 0
}

func parentKey(key string) string {
	for i := len(key) - 1; i > 0; i-- {
		if key[i] == '.' || key[i] == '[' {
			return key[:i]
		}
	}
	return ""
}
