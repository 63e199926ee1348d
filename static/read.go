package static

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// VariantPath is where the asset step keeps the compressed variant of a file: found by the hash of the plain content,
// so that a stale variant is never served. Kind is "br" or "gz".
func VariantPath(kind, hash string) string { return "vendor/" + kind + "/" + hash + "." + kind }

// Compressible tells whether compressing a file of that name pays.
func Compressible(name string) bool {
	switch path.Ext(name) {
	case ".css", ".js", ".mjs", ".svg", ".html", ".json", ".wasm", ".webmanifest":
		return true
	default:
		return false
	}
}

// sheets is the order in which the style sheets are joined; each names its cascade layer itself.
func sheets() []string {
	return []string{"tokens.css", "base.css", "layout.css", "components.css", "data.css", "charts.css", "utilities.css", "print.css"}
}

// readAll reads all files that get a hashed name, keyed by the name without hash.
func readAll(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, root := range []string{"js", "icons", "vendor"} {
		err := fs.WalkDir(fsys, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !served(name) {
				return err
			}
			body, err := fs.ReadFile(fsys, name)
			files[strings.TrimPrefix(name, "vendor/")] = body
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("static: read %s: %w", root, err)
		}
	}
	bundle, err := joinSheets(fsys)
	if err != nil {
		return nil, err
	}
	files[bundleName] = bundle
	return files, nil
}

// served leaves out hidden files and the compressed variants, which hang on their plain file.
func served(name string) bool {
	return !strings.HasPrefix(path.Base(name), ".") &&
		!strings.HasPrefix(name, "vendor/br/") && !strings.HasPrefix(name, "vendor/gz/")
}

func joinSheets(fsys fs.FS) ([]byte, error) {
	// Spaces that only readers of the source need are left out. No string in our style sheets holds one of these pairs.
	tight := strings.NewReplacer(": ", ":", " { ", "{", " {", "{", "; ", ";", ", ", ",")
	var bundle []byte
	for _, name := range sheets() {
		body, err := fs.ReadFile(fsys, "css/"+name)
		if err != nil {
			return nil, fmt.Errorf("static: read style sheet: %w", err)
		}
		for line := range strings.Lines(string(body)) {
			bundle = append(bundle, tight.Replace(strings.TrimLeft(line, " \t"))...)
		}
	}
	return bundle, nil
}

// folderHash is the hash of the whole pdf.js folder; empty where it is missing.
func folderHash(files map[string][]byte) string {
	var names []string
	for name := range files {
		if strings.HasPrefix(name, folderName) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		_, _ = fmt.Fprintf(sum, "%s\x00%d\x00", name, len(files[name]))
		sum.Write(files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))[:8]
}

// contentType is fixed here, because the system's own table differs from machine to machine.
func contentType(name string) string {
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".mjs": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
		".gif": "image/gif", ".html": "text/html; charset=utf-8", ".json": "application/json",
		".wasm": "application/wasm", ".icc": "application/vnd.iccprofile", ".ttf": "font/ttf",
		".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json",
	}
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}
