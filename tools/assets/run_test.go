package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"healthportal/static"
)

// fakeNPM puts an npm on the path that installs the packages of pretend, and notes its calls.
func fakeNPM(t *testing.T) (calls string) {
	t.Helper()
	store, bin, times := t.TempDir(), t.TempDir(), 0
	if err := pretend(t, &times)(t.Context(), store, io.Discard); err != nil {
		t.Fatal(err)
	}
	calls = filepath.Join(bin, "calls")
	write(t, filepath.Join(bin, "npm"), "#!/bin/sh\nset -e\necho \"$PWD: $*\" >>"+calls+"\nrm -rf node_modules\ncp -R "+filepath.Join(store, "node_modules")+" .\n")
	if err := os.Chmod(filepath.Join(bin, "npm"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return calls
}

func TestRunFetchesAndPacksOnce(t *testing.T) {
	root, dir := project(t)
	calls := fakeNPM(t)
	asked := func() int {
		body, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), dir+": ci ") {
			t.Errorf("npm was called as %s", body)
		}
		return bytes.Count(body, []byte("\n"))
	}
	for i, c := range []struct {
		args  []string
		said  string
		calls int
	}{
		{nil, "assets: ready", 1},
		{nil, "assets: up to date", 1},
		{[]string{"-force"}, "assets: ready, 0 compressed variants written", 2},
		{nil, "assets: up to date", 2},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), append([]string{"-root", root}, c.args...), &out); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		if !strings.Contains(out.String(), c.said) || asked() != c.calls {
			t.Errorf("run %d said %q after %d calls of npm, want %q after %d", i, out.String(), asked(), c.said, c.calls)
		}
	}
	assets, err := static.Open(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !assets.Has("htmx/htmx.min.js") || !assets.Has("pdfjs/legacy/build/pdf.worker.min.mjs") {
		t.Error("the fetched files are not served")
	}
	// A changed file gets new variants, and only those.
	write(t, filepath.Join(dir, "js/app.js"), strings.Repeat("// changed\n", 100))
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-root", root}, &out); err != nil || !strings.Contains(out.String(), "compressed variants written") || asked() != 2 {
		t.Errorf("after a change: %v, %q", err, out.String())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	root, dir := project(t)
	fakeNPM(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(over, []string{"-root", root}, io.Discard); err == nil {
		t.Error("a cancelled run says that it is done")
	}
	if exists(filepath.Join(dir, "vendor", stampName)) {
		t.Error("a cancelled run left its stamp")
	}
}

// What is compressed must come out as it went in: a browser shows nothing else.
func TestCompressRoundTrip(t *testing.T) {
	for _, body := range [][]byte{nil, []byte("x"), []byte(strings.Repeat("body { color: red }\n", 5000)), {0, 255, 0, 254}} {
		for kind, open := range map[string]func(io.Reader) (io.Reader, error){
			"br": func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
			"gz": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		} {
			packed, err := compress(kind, body)
			if err != nil {
				t.Fatal(err)
			}
			r, err := open(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, body) {
				t.Errorf("%s: %d bytes became %d, %v", kind, len(body), len(back), err)
			}
			if len(body) > 1000 && len(packed)*10 > len(body) {
				t.Errorf("%s: %d bytes became %d", kind, len(body), len(packed))
			}
		}
	}
}

// Files stand where folders belong, or are missing: one error that names the place, no half-written variant.
func TestFilesInTheWay(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "blocked"), "a file")
	write(t, filepath.Join(dir, "folder/x"), "")
	write(t, filepath.Join(dir, "vendor/br/old/x"), "")
	for name, c := range map[string]struct {
		err  error
		word string
	}{
		"variant":           {writeVariant(filepath.Join(dir, "blocked", "x"), "br", []byte("x")), "blocked"},
		"variant's name":    {writeVariant(filepath.Join(dir, "folder"), "gz", nil), "folder"},
		"copy from nowhere": {copyFile(filepath.Join(dir, "none"), filepath.Join(dir, "to")), "none"},
		"copy below a file": {copyFile(filepath.Join(dir, "blocked"), filepath.Join(dir, "blocked", "to")), "blocked"},
		"rule":              {copyRule{"[", "x"}.copy(dir, dir), "["},
		"icons":             {writeIcons(filepath.Join(dir, "none")), "icon"},
		"prune":             {prune(dir, nil), "stale"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.word) {
			t.Errorf("%s gives %v, want an error with %q", name, c.err, c.word)
		}
	}
	if _, err := pack(t.Context(), dir, io.Discard); err == nil {
		t.Error("a folder without static files is packed")
	}
	if _, err := stamp(dir); err == nil || !strings.Contains(err.Error(), "package.json") {
		t.Errorf("a folder without package.json has a stamp: %v", err)
	}
}

// The stamp follows all that decides about the fetched files.
func TestStampFollowsBothFiles(t *testing.T) {
	_, dir := project(t)
	seen := map[string]bool{}
	for _, change := range []string{"", "package.json", "package-lock.json"} {
		if change != "" {
			write(t, filepath.Join(dir, change), `{"changed": true}`)
		}
		got, err := stamp(dir)
		if err != nil || seen[got] {
			t.Errorf("after a change of %q the stamp is %s again (%v)", change, got, err)
		}
		seen[got] = true
	}
}
