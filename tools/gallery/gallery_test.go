package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"healthportal/static"
)

func assets(t *testing.T) *static.Assets {
	t.Helper()
	a, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ask(t *testing.T, h http.Handler, path, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestHandler(t *testing.T) {
	a := assets(t)
	h := handler(a)
	for path, want := range map[string]int{
		"/": 200, "/page/light/patient": 200, "/page/dark/signin": 200, "/page/blue/patient": 404, "/page/light/nobody": 404,
		"/nothing": 404, "/static/css/app.css": 404, a.URL("css/app.css"): 200, "/manifest.webmanifest": 200, "/sw.js": 200,
	} {
		if res := ask(t, h, path, "br"); res.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, res.StatusCode, want)
		} else if want == 200 && res.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s has no security policy", path)
		}
	}
}

// TestPagesKeepThePolicy looks for what the security policy would forbid, and for addresses that lead nowhere.
func TestPagesKeepThePolicy(t *testing.T) {
	a := assets(t)
	h := handler(a)
	forbidden := regexp.MustCompile(`<style|<script[^>]*>[^<]| style="| on[a-z]+="|javascript:`)
	links := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	for _, p := range pages() {
		for _, theme := range []string{"light", "dark"} {
			body, err := io.ReadAll(ask(t, h, "/page/"+theme+"/"+p.name, "").Body)
			if err != nil {
				t.Fatal(err)
			}
			if found := forbidden.Find(body); found != nil {
				t.Errorf("%s: %s", p.name, found)
			}
			if n := bytes.Count(body, []byte("<h1")); n != 1 {
				t.Errorf("%s has %d main headings", p.name, n)
			}
			for _, link := range links.FindAllSubmatch(body, -1) {
				if path := string(link[1]); !strings.HasPrefix(path, "/settings/") && ask(t, h, path, "").StatusCode != http.StatusOK {
					t.Errorf("%s leads to %s, which is not there", p.name, path)
				}
			}
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-out", dir}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "25 pages written") {
		t.Errorf("output = %q", out.String())
	}
	body, err := os.ReadFile(filepath.Join(dir, "patient.dark.html"))
	if err != nil {
		t.Fatal(err)
	}
	sheet := regexp.MustCompile(`href="(static/css/app\.[0-9a-f]+\.css)"`).FindSubmatch(body)
	if sheet == nil {
		t.Fatal("the written page has no relative style sheet")
	}
	if _, err := os.Stat(filepath.Join(dir, string(sheet[1]))); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-out", file}, io.Discard); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, nil, writer) }()
	line := make([]byte, 200)
	n, err := reader.Read(line)
	if err != nil || !regexp.MustCompile(`^gallery: http://127\.0\.0\.1:\d+/\n$`).Match(line[:n]) {
		t.Fatalf("output = %q, %v", line[:n], err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("after the end of the context: %v", err)
	}
	if err := run(t.Context(), []string{"-addr", "nonsense"}, io.Discard); err == nil || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("a wrong address gives %v", err)
	}
	if err := run(t.Context(), []string{"-nonsense"}, io.Discard); err == nil {
		t.Error("an unknown flag is taken")
	}
}

// TestAllIconsAreShown compares the gallery's list with the icons' source.
func TestAllIconsAreShown(t *testing.T) {
	source, err := os.ReadFile("../../views/ui/icon.go")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(regexp.MustCompile(`(?m)^\tIcon\w+ +Icon = `).FindAll(source, -1)); len(allIcons()) != want || want == 0 {
		t.Errorf("the gallery shows %d of %d icons", len(allIcons()), want)
	}
}
