package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// Written pages work from a folder: what they load, and the pages that the index names, lie beside them.
func TestWrittenPagesFindTheirFiles(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), []string{"-out", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(pages) < 3 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	loads := regexp.MustCompile(`(?:href|src)="((?:static/|index\.html|[\w-]+\.(?:light|dark)\.html)[^"#?]*)"`)
	linked := map[string]bool{}
	for _, page := range pages {
		body, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := loads.FindAllSubmatch(body, -1)
		if len(found) == 0 {
			t.Errorf("%s loads nothing", filepath.Base(page))
		}
		for _, m := range found {
			name := string(m[1])
			linked[name] = true
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s names %s, which is not there", filepath.Base(page), name)
			}
		}
	}
	for _, page := range pages {
		if name := filepath.Base(page); !linked[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct{ theme, name, served, file string }{
		{"", "", "/", "index.html"}, {"light", "patient", "/page/light/patient", "patient.light.html"}, {"dark", "x", "/page/dark/x", "x.dark.html"},
	} {
		if got := serveLink(c.theme, c.name); got != c.served {
			t.Errorf("served %q, want %q", got, c.served)
		}
		if got := fileLink(c.theme, c.name); got != c.file {
			t.Errorf("file %q, want %q", got, c.file)
		}
	}
	if _, ok := find("nobody"); ok {
		t.Error("a page that does not exist was found")
	}
	names := map[string]bool{}
	for _, p := range pages() {
		if found, ok := find(p.name); !ok || found.name != p.name || names[p.name] {
			t.Errorf("page %q is found as %q, or stands twice", p.name, found.name)
		}
		names[p.name] = true
	}
}

// A component that breaks gives an error, never half a page under the name of a whole one.
func TestABrokenComponent(t *testing.T) {
	broken := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "first half")
		return errors.Join(err, errors.New("broken"))
	})
	w := httptest.NewRecorder()
	render(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), broken)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "first half") {
		t.Errorf("status %d, %q", w.Code, w.Body)
	}
}

func TestHandlerSpeaksEachEncoding(t *testing.T) {
	a := assets(t)
	h := handler(a)
	file, ok := a.Lookup(a.URL("css/app.css"))
	if !ok {
		t.Fatal("no style sheet")
	}
	for _, accept := range []string{"", "gzip", "br", "br, gzip", "zstd"} {
		res := ask(t, h, file.URL, accept)
		body, err := io.ReadAll(res.Body)
		want, encoding := file.Encoded(accept)
		if err != nil || string(body) != string(want) || res.Header.Get("Content-Encoding") != encoding || res.Header.Get("Content-Type") != file.ContentType {
			t.Errorf("%q: %d bytes as %q, %v", accept, len(body), res.Header.Get("Content-Encoding"), err)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", w.Code)
	}
}

func TestPutNamesThePlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := put(file, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := put(filepath.Join(file, "below"), nil); err == nil || !strings.Contains(err.Error(), "file") {
		t.Errorf("below a file: %v", err)
	}
	if err := put(filepath.Dir(file), nil); err == nil {
		t.Error("a folder was overwritten")
	}
}
