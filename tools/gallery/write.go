package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/a-h/templ"

	"healthportal/static"
)

// write renders all pages into a folder, with the assets beside them.
func write(ctx context.Context, dir string, assets *static.Assets, out io.Writer) error {
	set := setting{assets: relative{assets}, link: fileLink}
	files := map[string]templ.Component{fileLink("", ""): index(set)}
	for _, p := range pages() {
		for _, theme := range []string{"light", "dark"} {
			set.theme, set.name = theme, p.name
			files[fileLink(theme, p.name)] = p.body(set)
		}
	}
	for name, page := range files {
		var body bytes.Buffer
		if err := page.Render(ctx, &body); err != nil {
			return fmt.Errorf("render %s: %w", name, err)
		}
		if err := put(filepath.Join(dir, name), body.Bytes()); err != nil {
			return err
		}
	}
	for _, f := range assets.Files() {
		if err := put(filepath.Join(dir, filepath.FromSlash(f.URL)), f.Body); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "gallery: %d pages written; open %s\n", len(files), filepath.Join(dir, "index.html"))
	return nil
}

func put(name string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // fixtures, no secret
		return fmt.Errorf("write gallery: %w", err)
	}
	if err := os.WriteFile(name, body, 0o644); err != nil { //nolint:gosec // fixtures, no secret
		return fmt.Errorf("write gallery: %w", err)
	}
	return nil
}
