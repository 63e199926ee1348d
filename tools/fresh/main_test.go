package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func checkout(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	if files["go.mod"] == "" {
		files["go.mod"] = "module healthportal\n\ngo 1.26\n"
	}
	for name, text := range files {
		put(t, root, name, text)
	}
	return root
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	full := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestUnformatted(t *testing.T) {
	root := checkout(t, map[string]string{
		"app/good.go":         "package app\n",
		"app/bad.go":          "package  app\nvar a=1\n",
		"views/a_templ.go":    "package  views\n",
		"tools/x/bad_test.go": "package x\n\n\n\nfunc  A(){}\n",
	})
	got, err := unformatted(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "app/bad.go ") || !strings.HasPrefix(got[1], "tools/x/bad_test.go ") {
		t.Errorf("unformatted = %q", got)
	}
}

func TestUnformattedReportsWhatDoesNotParse(t *testing.T) {
	if _, err := unformatted(checkout(t, map[string]string{"app/bad.go": "package {"})); err == nil {
		t.Error("no error for a file that doesn't parse")
	}
}

func TestStale(t *testing.T) {
	root := checkout(t, map[string]string{
		"views/same_templ.go":            "package views\n",
		"views/ui/old_templ.go":          "package ui // old\n",
		"views/ui/gone_templ.go":         "package ui\n",
		"views/ui/hand.go":               "package ui\n",
		"static/node_modules/x_templ.go": "package x\n",
	})
	generate := func(_ context.Context, root string) error {
		put(t, root, "views/same_templ.go", "package views\n")
		put(t, root, "views/ui/old_templ.go", "package ui // new\n")
		put(t, root, "views/ui/new_templ.go", "package ui\n")
		put(t, root, "static/node_modules/x_templ.go", "package other\n")
		put(t, root, "views/ui/hand.go", "package ui // not generated\n")
		return os.Remove(filepath.Join(root, "views/ui/gone_templ.go"))
	}
	got, err := stale(context.Background(), root, generate)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"views/ui/gone_templ.go has no source any more; it is removed, commit that",
		"views/ui/new_templ.go was stale; it is generated anew, commit it",
		"views/ui/old_templ.go was stale; it is generated anew, commit it",
	}
	if !slices.Equal(got, want) {
		t.Errorf("stale = %q, want %q", got, want)
	}
	again, err := stale(context.Background(), root, func(context.Context, string) error { return nil })
	if err != nil || len(again) > 0 {
		t.Errorf("second run: %q, %v", again, err)
	}
}

func TestStaleErrors(t *testing.T) {
	boom := errors.New("boom")
	fails := func(context.Context, string) error { return boom }
	if _, err := stale(context.Background(), checkout(t, map[string]string{"views/a.templ": ""}), fails); !errors.Is(err, boom) {
		t.Errorf("error = %v, want boom", err)
	}
	removes := func(_ context.Context, root string) error { return os.RemoveAll(root) }
	if _, err := stale(context.Background(), checkout(t, map[string]string{"views/a.templ": ""}), removes); err == nil {
		t.Error("no error when the folder went away")
	}
}

func TestStart(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		args  []string
		code  int
		want  string
	}{
		{"formatted", map[string]string{"app/a.go": "package app\n"}, []string{"-format"}, 0, "as they should be"},
		{"not formatted", map[string]string{"app/a.go": "package  app\n"}, []string{"-format"}, 1, "task fmt"},
		{"no templ in this module", map[string]string{"views/a.templ": ""}, []string{"-generated"}, 1, "templ generate"},
		{"broken Go", map[string]string{"app/a.go": "package {"}, nil, 1, "a.go"},
		{"argument", map[string]string{}, []string{"all"}, 2, "flags only"},
		{"unknown flag", map[string]string{}, []string{"-x"}, 2, "flags only"},
		{"help", map[string]string{}, []string{"-h"}, 0, "-format"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(checkout(t, test.files))
			var out, errs bytes.Buffer
			if code := start(context.Background(), test.args, &out, &errs); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if said := out.String() + errs.String(); !strings.Contains(said, test.want) {
				t.Errorf("output lacks %q:\n%s", test.want, said)
			}
		})
	}
}

func TestStartOutsideACheckout(t *testing.T) {
	t.Chdir(string(filepath.Separator))
	if code := start(context.Background(), nil, io.Discard, io.Discard); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}
