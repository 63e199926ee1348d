package static

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"image/png"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

// small is a folder with the least that Open accepts, and a pdf.js folder.
func small() fstest.MapFS {
	files := fstest.MapFS{
		"js/app.js":                           {Data: []byte("let a = 1;\n")},
		"icons/icon.svg":                      {Data: []byte("<svg/>")},
		"vendor/.gitkeep":                     {},
		"vendor/.stamp":                       {Data: []byte("x")},
		"vendor/htmx/htmx.min.js":             {Data: []byte("let h = 1;")},
		"vendor/htmx/LICENSE":                 {Data: []byte("free")},
		"vendor/pdfjs/legacy/build/pdf.mjs":   {Data: []byte("export {}")},
		"vendor/pdfjs/wasm/openjpeg.wasm":     {Data: []byte("\x00asm")},
		"vendor/pdfjs/cmaps/Adobe-CNS1.bcmap": {Data: []byte("c")},
		"manifest.webmanifest":                {Data: []byte(`{"icons": [{"src": "__icons/icon.svg__"}]}`)},
		"offline.html":                        {Data: []byte(`<link rel="stylesheet" href="__CSS__">`)},
		"sw.js":                               {Data: []byte(`const V = "__VERSION__", O = "__OFFLINE__", F = ["__FILES__"];`)},
	}
	for _, name := range sheets() {
		files["css/"+name] = &fstest.MapFile{Data: []byte("  a { color: red; } /* " + name + " */\n")}
	}
	return files
}

func open(t *testing.T, fsys fs.FS) *Assets {
	t.Helper()
	a, err := Open(fsys)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return a
}

func TestHashedNames(t *testing.T) {
	a := open(t, small())
	for name, pattern := range map[string]string{
		"css/app.css":                `^/static/css/app\.[0-9a-f]{8}\.css$`,
		"js/app.js":                  `^/static/js/app\.[0-9a-f]{8}\.js$`,
		"htmx/htmx.min.js":           `^/static/htmx/htmx\.min\.[0-9a-f]{8}\.js$`,
		"offline.html":               `^/static/offline\.[0-9a-f]{8}\.html$`,
		"pdfjs/legacy/build/pdf.mjs": `^/static/pdfjs\.[0-9a-f]{8}/legacy/build/pdf\.mjs$`,
		"pdfjs/wasm/openjpeg.wasm":   `^/static/pdfjs\.[0-9a-f]{8}/wasm/openjpeg\.wasm$`,
		"pdfjs/cmaps/":               `^/static/pdfjs\.[0-9a-f]{8}/cmaps/$`,
		"js/nobody.js":               `^/static/js/nobody\.js$`,
	} {
		if url := a.URL(name); !regexp.MustCompile(pattern).MatchString(url) {
			t.Errorf("URL(%q) = %q, want %s", name, url, pattern)
		}
	}
}

func TestHashFollowsContent(t *testing.T) {
	before, changed := open(t, small()), small()
	changed["js/app.js"] = &fstest.MapFile{Data: []byte("let a = 2;\n")}
	changed["vendor/pdfjs/wasm/openjpeg.wasm"] = &fstest.MapFile{Data: []byte("\x00asm2")}
	after := open(t, changed)
	for _, name := range []string{"js/app.js", "pdfjs/legacy/build/pdf.mjs"} {
		if before.URL(name) == after.URL(name) {
			t.Errorf("address of %s stayed %s although its content, or its folder's, changed", name, after.URL(name))
		}
	}
	if before.URL("htmx/htmx.min.js") != after.URL("htmx/htmx.min.js") {
		t.Error("address of an unchanged file changed")
	}
	if bytes.Equal(before.ServiceWorker(), after.ServiceWorker()) {
		t.Error("service worker is the same although a file changed")
	}
}

func TestLookup(t *testing.T) {
	a := open(t, small())
	f, ok := a.Lookup(a.URL("css/app.css"))
	if !ok || f.Name != "css/app.css" || !f.Immutable || f.ContentType != "text/css; charset=utf-8" {
		t.Fatalf("Lookup = %+v, %v", f, ok)
	}
	if !regexp.MustCompile(`^"[0-9a-f]{16}"$`).MatchString(f.ETag()) {
		t.Errorf("ETag = %s", f.ETag())
	}
	for _, path := range []string{
		"", "/", "/static/", "/static/css/app.css", "/static/css/app.00000000.css", "/static/../static.go", "/static/vendor/.stamp",
		"/static/.stamp", a.URL("css/app.css") + "/", strings.ToUpper(a.URL("css/app.css")), "/static/br/x.br", "//static/js/app.js",
	} {
		if f, ok := a.Lookup(path); ok {
			t.Errorf("Lookup(%q) found %s", path, f.Name)
		}
	}
}

func TestHas(t *testing.T) {
	a, files := open(t, small()), small()
	if !a.Has("htmx/htmx.min.js") || a.Has("htmx/nobody.js") || a.Has("") {
		t.Error("Has is wrong about files that are there or not")
	}
	for name := range files {
		if strings.HasPrefix(name, "vendor/") && name != "vendor/.gitkeep" {
			delete(files, name)
		}
	}
	bare := open(t, files)
	if bare.Has("htmx/htmx.min.js") || bare.URL("pdfjs/cmaps/") != "/static/pdfjs/cmaps/" {
		t.Error("without third-party files, Has or URL pretends they were there")
	}
}

func TestSheetsAreJoinedInOrder(t *testing.T) {
	a := open(t, small())
	f, _ := a.Lookup(a.URL("css/app.css"))
	last := -1
	for _, name := range sheets() {
		at := bytes.Index(f.Body, []byte(name))
		if at <= last {
			t.Errorf("%s stands at %d, after %d", name, at, last)
		}
		last = at
	}
	if bytes.Contains(f.Body, []byte("\n ")) || !bytes.Contains(f.Body, []byte("a{color:red;}")) {
		t.Error("the bundle is not tight")
	}
}

func TestVariantsByContent(t *testing.T) {
	files := small()
	plain, _ := open(t, files).Lookup(open(t, files).URL("js/app.js"))
	if plain.Brotli != nil || plain.Gzip != nil {
		t.Fatal("a variant appeared from nowhere")
	}
	files[VariantPath("br", plain.Hash)] = &fstest.MapFile{Data: []byte("BR")}
	files[VariantPath("gz", plain.Hash)] = &fstest.MapFile{Data: []byte("GZ")}
	a := open(t, files)
	f, _ := a.Lookup(a.URL("js/app.js"))
	if string(f.Brotli) != "BR" || string(f.Gzip) != "GZ" {
		t.Fatalf("variants = %q, %q", f.Brotli, f.Gzip)
	}
	for accept, want := range map[string]string{
		"": "", "br": "br", "gzip, deflate, br": "br", "gzip": "gzip", "GZIP;q=0.5": "gzip", "br;q=0": "", "br;q=0, gzip": "gzip",
		"br; q=0.8": "br", "*": "", "brotli": "", "br;q=x": "", "identity": "", ",,;": "",
	} {
		body, encoding := f.Encoded(accept)
		if encoding != want || (want == "") != bytes.Equal(body, f.Body) {
			t.Errorf("Encoded(%q) = %q", accept, encoding)
		}
	}
	files["js/app.js"] = &fstest.MapFile{Data: []byte("changed")}
	a = open(t, files)
	if f, _ = a.Lookup(a.URL("js/app.js")); f.Brotli != nil {
		t.Error("a stale variant is served for changed content")
	}
}

func TestServiceWorkerListsOnlyStaticFiles(t *testing.T) {
	a := open(t, small())
	worker := string(a.ServiceWorker())
	list := regexp.MustCompile(`F = (\[.*\])`).FindStringSubmatch(worker)
	if list == nil {
		t.Fatalf("no list in %s", worker)
	}
	var urls []string
	if err := json.Unmarshal([]byte(list[1]), &urls); err != nil {
		t.Fatalf("list: %v", err)
	}
	if len(urls) != 5 {
		t.Errorf("list = %v, want app.css, app.js, htmx, icon, offline page", urls)
	}
	for _, url := range urls {
		f, ok := a.Lookup(url)
		if !ok || strings.HasPrefix(f.Name, "pdfjs/") {
			t.Errorf("the service worker would keep %s", url)
		}
	}
	if strings.Contains(worker, "__") || !strings.Contains(worker, `O = "`+a.URL("offline.html")+`"`) {
		t.Errorf("placeholders are left: %s", worker)
	}
}

func TestResultsAreCopies(t *testing.T) {
	a := open(t, small())
	a.ServiceWorker()[0], a.Manifest()[0] = 'X', 'X'
	if a.ServiceWorker()[0] == 'X' || a.Manifest()[0] == 'X' {
		t.Error("a caller can change what others are served")
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"no sheet":        {func(f fstest.MapFS) { delete(f, "css/base.css") }, "base.css"},
		"no scripts":      {func(f fstest.MapFS) { delete(f, "js/app.js") }, "js"},
		"no worker":       {func(f fstest.MapFS) { delete(f, "sw.js") }, "sw.js"},
		"no offline page": {func(f fstest.MapFS) { delete(f, "offline.html") }, "offline.html"},
		"no manifest":     {func(f fstest.MapFS) { delete(f, "manifest.webmanifest") }, "manifest.webmanifest"},
		"icon not there":  {func(f fstest.MapFS) { delete(f, "icons/icon.svg"); f["icons/b.svg"] = &fstest.MapFile{} }, `"__icons/icon.svg__"`},
		"odd placeholder": {func(f fstest.MapFS) { f["sw.js"] = &fstest.MapFile{Data: []byte(`x = "__OTHER__"`)} }, "__OTHER__"},
		"variant unreadable": {func(f fstest.MapFS) {
			a, _ := Open(f)
			file, _ := a.Lookup(a.URL("js/app.js"))
			f[VariantPath("br", file.Hash)+"/x"] = &fstest.MapFile{}
		}, "variant"},
	} {
		files := small()
		test.change(files)
		if _, err := Open(files); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v does not name %q", name, err, test.want)
		}
	}
}

// The rest holds for the real, embedded files.

func TestEmbeddedFiles(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for _, name := range []string{"css/app.css", "js/app.js", "icons/icon.svg", "icons/icon-192.png", "icons/apple-touch-icon.png", "offline.html"} {
		if !a.Has(name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, f := range a.Files() {
		if got, ok := a.Lookup(f.URL); !ok || got.Hash != f.Hash {
			t.Errorf("%s is not found at %s", f.Name, f.URL)
		}
	}
}

// TestEmbeddedVariants unpacks what the asset step packed; where it has not run, there is nothing to compare.
func TestEmbeddedVariants(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for _, f := range a.Files() {
		if f.Brotli != nil {
			body, err := io.ReadAll(brotli.NewReader(bytes.NewReader(f.Brotli)))
			if err != nil || !bytes.Equal(body, f.Body) {
				t.Errorf("%s: Brotli variant differs (%v)", f.Name, err)
			}
		}
		if f.Gzip == nil {
			continue
		}
		unpack, err := gzip.NewReader(bytes.NewReader(f.Gzip))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if body, err := io.ReadAll(unpack); err != nil || !bytes.Equal(body, f.Body) {
			t.Errorf("%s: gzip variant differs (%v)", f.Name, err)
		}
	}
}

func TestManifest(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	var manifest struct {
		Name     string `json:"name"`
		StartURL string `json:"start_url"`
		Icons    []struct{ Src, Sizes, Type, Purpose string }
	}
	if err := json.Unmarshal(a.Manifest(), &manifest); err != nil {
		t.Fatalf("manifest: %v", err)
	}
	if manifest.Name == "" || manifest.StartURL != "/dashboard" || len(manifest.Icons) != 4 {
		t.Errorf("manifest = %+v", manifest)
	}
	for _, icon := range manifest.Icons {
		f, ok := a.Lookup(icon.Src)
		if !ok {
			t.Errorf("icon %s is not served", icon.Src)
			continue
		}
		if icon.Type != "image/png" {
			continue
		}
		picture, err := png.Decode(bytes.NewReader(f.Body))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if size := strings.Split(icon.Sizes, "x")[0]; size != "192" && size != "512" || picture.Bounds().Dx() != map[string]int{"192": 192, "512": 512}[size] {
			t.Errorf("%s is %d wide, the manifest says %s", f.Name, picture.Bounds().Dx(), icon.Sizes)
		}
	}
}

func TestScriptsAreSmallAndEvaluateNothing(t *testing.T) {
	for name, limit := range map[string]int{"js/app.js": 6 << 10, "sw.js": 4 << 10} {
		body, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > limit {
			t.Errorf("%s has %d bytes, limit %d", name, len(body), limit)
		}
		for _, word := range []string{"eval(", "new Function", "innerHTML", "outerHTML", "document.write", "insertAdjacentHTML", "import ", ".style"} {
			if bytes.Contains(body, []byte(word)) {
				t.Errorf("%s uses %s", name, word)
			}
		}
	}
}

func TestOfflinePageNeedsNothingElse(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	f, _ := a.Lookup(a.URL("offline.html"))
	links := regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(string(f.Body), -1)
	if len(links) != 1 || links[0][1] != a.URL("css/app.css") {
		t.Errorf("the offline page loads %v", links)
	}
	if bytes.Contains(f.Body, []byte("<script")) || bytes.Contains(f.Body, []byte("style=")) {
		t.Error("the offline page has inline script or style")
	}
}

// TestLockFileNamesNoRegistry keeps the lock file usable with any registry.
func TestLockFileNamesNoRegistry(t *testing.T) {
	body, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if at := bytes.Index(body, []byte(`"resolved"`)); at >= 0 {
		t.Errorf("package-lock.json names a registry: %.100s", body[at:])
	}
}
