// Package hooks tests the Git hooks that `task hooks` installs.
package hooks

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a Git repository with the hook installed as the task
// does, and stages the files.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	for _, name := range []string{"git", "bash", "go", "gofmt"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is needed for this test: %v", name, err)
		}
	}
	hooks, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	git(t, root, "init", "-q")
	git(t, root, "config", "core.hooksPath", hooks)
	git(t, root, "config", "user.name", "Test")
	git(t, root, "config", "user.email", "test@example.org")
	for name, text := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, root, "add", "-A")
	return root
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	if out, err := try(t, root, args...); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func try(t *testing.T, root string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Dir = root
	// A hook that runs this test has Git's own variables set.
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "GIT_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPreCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts git and go: left out by -short")
	}
	const module = "module example.org/m\n\ngo 1.26\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string // "" where the commit goes through
	}{
		{"clean", map[string]string{"go.mod": module, "a/a.go": "package a\n", "readme.md": "x"}, ""},
		{"no Go at all", map[string]string{"readme.md": "x"}, ""},
		{"spaces in names", map[string]string{"go.mod": module, "a b.txt": "x", "a/with space.go": "package a\n"}, ""},
		{"not formatted", map[string]string{"go.mod": module, "a/a.go": "package  a\n"}, "a/a.go"},
		{"vet", map[string]string{"go.mod": module, "a/a.go": "package a\n\nimport \"fmt\"\n\nfunc A() { fmt.Printf(\"%d\", \"x\") }\n"}, "go vet"},
		{"generated and test data are left alone", map[string]string{"go.mod": module, "a/testdata/b.go": "not go"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, test.files)
			out, err := try(t, root, "commit", "-q", "-m", "x")
			switch {
			case test.want == "" && err != nil:
				t.Errorf("commit refused: %v\n%s", err, out)
			case test.want != "" && err == nil:
				t.Error("commit went through")
			case !strings.Contains(out, test.want):
				t.Errorf("output lacks %q:\n%s", test.want, out)
			}
		})
	}
}

func TestPreCommitSeesADeletedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("starts git and go: left out by -short")
	}
	root := repository(t, map[string]string{"go.mod": "module example.org/m\n\ngo 1.26\n", "a/a.go": "package a\n"})
	git(t, root, "commit", "-q", "-m", "x")
	git(t, root, "rm", "-q", "a/a.go")
	git(t, root, "commit", "-q", "-m", "gone")
}
