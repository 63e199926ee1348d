// Package static holds what browsers load: style sheets, own scripts, icons, the manifest, the service worker and, once
// the asset step has run, third-party files. Everything is embedded, and served under names that carry a hash of the
// content, so that it can be cached for good.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed css js icons manifest.webmanifest offline.html sw.js all:vendor
var embedded embed.FS

// Prefix is the path under which hashed files are served.
const Prefix = "/static/"

const (
	bundleName  = "css/app.css"
	offlineName = "offline.html"
	folderName  = "pdfjs/" // hashed as one folder: its files load one another by name
)

// File is one served file.
type File struct {
	Name        string // name without hash, for instance "css/app.css"
	URL         string // root-relative address with hash
	Body        []byte
	ContentType string
	Hash        string // SHA-256 of Body, in hexadecimal
	Brotli      []byte // Body in Brotli; nil where the asset step made none
	Gzip        []byte // Body in gzip; nil where the asset step made none
	Immutable   bool   // the address changes with the content: it may be cached for a year
}

// ETag is the validator of the plain file.
func (f File) ETag() string { return `"` + f.Hash[:16] + `"` }

// Assets are all served files. It is safe for concurrent use.
type Assets struct {
	byName   map[string]File
	byURL    map[string]File
	folder   string // address of the folder that is hashed as a whole; empty where it is missing
	worker   []byte
	manifest []byte
}

// New reads the embedded files.
func New() (*Assets, error) { return Open(embedded) }

// Open reads the files of a folder laid out like this package's own.
func Open(fsys fs.FS) (*Assets, error) {
	plain, err := readAll(fsys)
	if err != nil {
		return nil, err
	}
	a := &Assets{byName: map[string]File{}, byURL: map[string]File{}}
	if hash := folderHash(plain); hash != "" {
		a.folder = Prefix + strings.TrimSuffix(folderName, "/") + "." + hash + "/"
	}
	for name, body := range plain {
		if err := a.add(fsys, name, body); err != nil {
			return nil, err
		}
	}
	if err := a.addOffline(fsys); err != nil {
		return nil, err
	}
	if a.manifest, err = a.fillManifest(fsys); err != nil {
		return nil, err
	}
	if a.worker, err = a.fillWorker(fsys); err != nil {
		return nil, err
	}
	return a, nil
}

// URL is the address of a file, by its name without hash. A name in the pdf.js folder may end in a slash and stands
// for that folder. A name that is not there gives an address that answers 404; Has tells beforehand.
func (a *Assets) URL(name string) string {
	if f, ok := a.byName[name]; ok {
		return f.URL
	}
	if rest, ok := strings.CutPrefix(name, folderName); ok && a.folder != "" {
		return a.folder + rest
	}
	return Prefix + name
}

// Has tells whether a file is there. Third-party files are missing until the asset step has run.
func (a *Assets) Has(name string) bool {
	_, ok := a.byName[name]
	return ok
}

// Lookup finds the file that an address stands for.
func (a *Assets) Lookup(urlPath string) (File, bool) {
	f, ok := a.byURL[urlPath]
	return f, ok
}

// Files lists all files by name.
func (a *Assets) Files() []File {
	files := make([]File, 0, len(a.byName))
	for _, f := range a.byName {
		files = append(files, f)
	}
	slices.SortFunc(files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
	return files
}

// ServiceWorker is the script for /sw.js, with its list of files filled in. It must be served without long caching.
func (a *Assets) ServiceWorker() []byte { return bytes.Clone(a.worker) }

// Manifest is the web app manifest for /manifest.webmanifest, with the icons' addresses filled in.
func (a *Assets) Manifest() []byte { return bytes.Clone(a.manifest) }

func (a *Assets) add(fsys fs.FS, name string, body []byte) error {
	sum := sha256.Sum256(body)
	f := File{
		Name: name, Body: body, ContentType: contentType(name), Hash: hex.EncodeToString(sum[:]), Immutable: true,
	}
	if rest, ok := strings.CutPrefix(name, folderName); ok {
		f.URL = a.folder + rest
	} else {
		ext := path.Ext(name)
		f.URL = Prefix + strings.TrimSuffix(name, ext) + "." + f.Hash[:8] + ext
	}
	var err error
	if f.Brotli, err = readVariant(fsys, "br", f.Hash); err != nil {
		return err
	}
	if f.Gzip, err = readVariant(fsys, "gz", f.Hash); err != nil {
		return err
	}
	a.byName[name], a.byURL[f.URL] = f, f
	return nil
}

func (a *Assets) addOffline(fsys fs.FS) error {
	page, err := fill(fsys, offlineName, map[string]string{"__CSS__": a.URL(bundleName)})
	if err != nil {
		return err
	}
	return a.add(fsys, offlineName, page)
}

func (a *Assets) fillManifest(fsys fs.FS) ([]byte, error) {
	values := map[string]string{}
	for _, f := range a.Files() {
		if strings.HasPrefix(f.Name, "icons/") {
			values["__"+f.Name+"__"] = f.URL
		}
	}
	return fill(fsys, "manifest.webmanifest", values)
}

// fillWorker lists what the service worker may keep: own files, htmx and the offline page. The pdf.js folder is left to
// the browser's cache, and pages never appear because only files of this package have an address here.
func (a *Assets) fillWorker(fsys fs.FS) ([]byte, error) {
	var urls []string
	sum := sha256.New()
	for _, f := range a.Files() {
		if strings.HasPrefix(f.Name, folderName) || path.Ext(f.Name) == "" {
			continue
		}
		urls = append(urls, f.URL)
		sum.Write([]byte(f.Hash))
	}
	list, err := json.Marshal(urls)
	if err != nil {
		return nil, fmt.Errorf("static: list of the service worker: %w", err)
	}
	return fill(fsys, "sw.js", map[string]string{
		`["__FILES__"]`: string(list),
		"__VERSION__":   hex.EncodeToString(sum.Sum(nil))[:12],
		"__OFFLINE__":   a.URL(offlineName),
	})
}

// fill replaces placeholders in a text file; one that stays is an error.
func fill(fsys fs.FS, name string, values map[string]string) ([]byte, error) {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("static: read %s: %w", name, err)
	}
	for from, to := range values {
		body = bytes.ReplaceAll(body, []byte(from), []byte(to))
	}
	if i := bytes.Index(body, []byte(`"__`)); i >= 0 {
		return nil, fmt.Errorf("static: %s names what is not there: %.40s", name, body[i:])
	}
	return body, nil
}

// readVariant reads a compressed variant; its body is nil where there is none, which is no error.
func readVariant(fsys fs.FS, kind, hash string) ([]byte, error) {
	body, err := fs.ReadFile(fsys, VariantPath(kind, hash))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("static: read compressed variant: %w", err)
	}
	return body, nil
}
