package docscheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The security design names tests as evidence: each must exist. TestAttackNN
// stands for the one test of that number.
func TestEvidenceExists(t *testing.T) {
	const page = "docs/genomics_auth_design.md"
	tests := testNames(t)
	named := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(read(t, page), -1)
	if len(named) < 50 {
		t.Fatalf("%s names %d tests", page, len(named))
	}
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("%s names %s as evidence; there is no such test", page, m[1])
		}
	}
}

// testNames are the names of all tests of the checkout, numbered attacks under their number as well.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	for _, dir := range []string{"app", "store", "tools", "views", "static", "migrations"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				if d != nil && d.Name() == "node_modules" {
					return filepath.SkipDir
				}
				return err
			}
			code, err := os.ReadFile(path)
			for _, m := range function.FindAllStringSubmatch(string(code), -1) {
				names[m[1]] = true
				if number, _, ok := strings.Cut(m[1], "_"); ok && strings.HasPrefix(number, "TestAttack") {
					names[number] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
