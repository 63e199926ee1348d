package main

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthportal/static"
)

// project makes a repository with the parts of static/ that the tool reads.
func project(t *testing.T) (root, dir string) {
	t.Helper()
	root = t.TempDir()
	dir = filepath.Join(root, "static")
	for _, part := range []string{"css", "js", "icons"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join("../../static", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"package.json", "package-lock.json", "manifest.webmanifest", "offline.html", "sw.js"} {
		body, err := os.ReadFile(filepath.Join("../../static", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(body))
	}
	if err := os.Mkdir(filepath.Join(dir, "vendor"), 0o750); err != nil {
		t.Fatal(err)
	}
	return root, dir
}

// pretend installs packages that hold one file for each rule, and counts how often it is asked.
func pretend(t *testing.T, times *int) installer {
	return func(_ context.Context, dir string, _ io.Writer) error {
		*times++
		for _, rule := range append(served(), copyRule{"axe-core/axe.min.js", ""}) {
			name := strings.NewReplacer("[JOPQ][BPDC]", "PD", "*", "x").Replace(rule.pattern)
			write(t, filepath.Join(dir, "node_modules", name), "content of "+name)
		}
		write(t, filepath.Join(dir, "node_modules/pdfjs-dist/cmaps/y.map"), "left out")
		write(t, filepath.Join(dir, "node_modules/pdfjs-dist/cmaps/folder/z"), "left out")
		return nil
	}
}

func write(t *testing.T, name, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestFetchCopiesOnceAndAfterChanges(t *testing.T) {
	_, dir := project(t)
	times := 0
	step := func(force, want bool) {
		t.Helper()
		before := times
		done, err := fetch(t.Context(), dir, force, pretend(t, &times), io.Discard)
		if err != nil || done != want || (times > before) != want {
			t.Fatalf("fetch = %v, %v; installed %d times", done, err, times-before)
		}
	}
	step(false, true)
	for _, name := range []string{"htmx/htmx.min.js", "pdfjs/legacy/build/pdf.worker.min.mjs", "pdfjs/cmaps/x", "pdfjs/wasm/openjpegx", "pdfjs/legacy/web/images/x"} {
		if !exists(filepath.Join(dir, "vendor", name)) {
			t.Errorf("%s was not copied", name)
		}
	}
	for _, name := range []string{"pdfjs/cmaps/y.map", "pdfjs/cmaps/folder", "pdfjs/cmaps/z"} {
		if exists(filepath.Join(dir, "vendor", name)) {
			t.Errorf("%s was copied", name)
		}
	}
	step(false, false)
	step(true, true)
	write(t, filepath.Join(dir, "vendor/pdfjs/old"), "of an older version")
	write(t, filepath.Join(dir, "package-lock.json"), "{}")
	step(false, true)
	if exists(filepath.Join(dir, "vendor/pdfjs/old")) {
		t.Error("a file of an older version is still served")
	}
	if err := os.Remove(filepath.Join(dir, "vendor/htmx/htmx.min.js")); err != nil {
		t.Fatal(err)
	}
	step(false, true)
	if err := os.RemoveAll(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	step(false, true)
}

func TestFetchFailures(t *testing.T) {
	_, dir := project(t)
	broken := errors.New("broken")
	_, err := fetch(t.Context(), dir, false, func(context.Context, string, io.Writer) error { return broken }, io.Discard)
	if !errors.Is(err, broken) {
		t.Errorf("a failing installer gives %v", err)
	}
	_, err = fetch(t.Context(), dir, false, func(context.Context, string, io.Writer) error { return nil }, io.Discard)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "htmx.org/dist/htmx.min.js") {
		t.Errorf("packages without files give %v", err)
	}
	if exists(filepath.Join(dir, "vendor", stampName)) {
		t.Error("a failed fetch left its stamp, so that the next run would do nothing")
	}
	if err := os.Remove(filepath.Join(dir, "package-lock.json")); err != nil {
		t.Fatal(err)
	}
	if _, err = fetch(t.Context(), dir, false, npm, io.Discard); err == nil || !strings.Contains(err.Error(), "package-lock.json") {
		t.Errorf("a missing lock file gives %v", err)
	}
}

func TestNoNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := npm(t.Context(), t.TempDir(), io.Discard)
	if !errors.Is(err, errNoNPM) || !strings.Contains(err.Error(), "apt-get install nodejs npm") {
		t.Errorf("without npm the error is %v", err)
	}
}

func TestNPMFails(t *testing.T) {
	bin := t.TempDir()
	write(t, filepath.Join(bin, "npm"), "#!/bin/sh\necho own message\nexit 3\n")
	if err := os.Chmod(filepath.Join(bin, "npm"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	if err := npm(t.Context(), t.TempDir(), &out); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error = %v", err)
	}
	if !strings.Contains(out.String(), "own message") {
		t.Error("npm's own message is lost")
	}
}

func TestPack(t *testing.T) {
	_, dir := project(t)
	write(t, filepath.Join(dir, static.VariantPath("br", "00")), "of a former content")
	written, err := pack(t.Context(), dir, io.Discard)
	if err != nil || written == 0 {
		t.Fatalf("pack = %d, %v", written, err)
	}
	assets, err := static.Open(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range assets.Files() {
		if packed := f.Brotli != nil && f.Gzip != nil; packed != static.Compressible(f.Name) {
			t.Errorf("%s: packed %v", f.Name, packed)
		}
	}
	if exists(filepath.Join(dir, static.VariantPath("br", "00"))) {
		t.Error("a stale variant stays")
	}
	if again, err := pack(t.Context(), dir, io.Discard); again != 0 || err != nil {
		t.Errorf("second run = %d, %v", again, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pack(ctx, dir, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled run gives %v", err)
	}
}

func TestRun(t *testing.T) {
	root, dir := project(t)
	if err := run(t.Context(), []string{"-root", t.TempDir()}, io.Discard); err == nil || !strings.Contains(err.Error(), "package.json") {
		t.Errorf("in another folder: %v", err)
	}
	if err := run(t.Context(), []string{"-nonsense"}, io.Discard); err == nil {
		t.Error("an unknown flag is taken")
	}
	if err := os.RemoveAll(filepath.Join(dir, "icons")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "icons"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-root", root, "-icons"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, ic := range icons() {
		body, err := os.ReadFile(filepath.Join(dir, "icons", ic.name))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Join("../../static/icons", ic.name))
		if err != nil || !bytes.Equal(body, committed) {
			t.Errorf("%s in the repository is not what the tool draws: run it with -icons (%v)", ic.name, err)
		}
		picture, err := png.Decode(bytes.NewReader(body))
		if err != nil || picture.Bounds().Dx() != ic.size {
			t.Errorf("%s: %v", ic.name, err)
		}
		if _, _, _, corner := picture.At(0, 0).RGBA(); (corner == 0) != (ic.corner > 0) {
			t.Errorf("%s: corner has opacity %d", ic.name, corner)
		}
	}
}
