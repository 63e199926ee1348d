package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"

	"healthportal/static"
)

// pack writes the missing compressed variants and removes those of files that are gone; it tells how many it wrote.
func pack(ctx context.Context, dir string, out io.Writer) (int, error) {
	assets, err := static.Open(os.DirFS(dir))
	if err != nil {
		return 0, fmt.Errorf("read static files: %w", err)
	}
	wanted := map[string]bool{}
	written := 0
	for _, f := range assets.Files() {
		if !static.Compressible(f.Name) {
			continue
		}
		for _, kind := range []string{"br", "gz"} {
			if err := ctx.Err(); err != nil {
				return written, fmt.Errorf("compress static files: %w", err)
			}
			name := filepath.Join(dir, filepath.FromSlash(static.VariantPath(kind, f.Hash)))
			wanted[name] = true
			if _, err := os.Stat(name); err == nil {
				continue
			}
			if written == 0 {
				fmt.Fprintln(out, "assets: compressing")
			}
			if err := writeVariant(name, kind, f.Body); err != nil {
				return written, err
			}
			written++
		}
	}
	return written, prune(dir, wanted)
}

// writeVariant compresses into a temporary name first: a variant cut off halfway must never be embedded.
func writeVariant(name, kind string, body []byte) error {
	packed, err := compress(kind, body)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // public files
		return fmt.Errorf("write compressed variant: %w", err)
	}
	temporary := name + ".new"
	if err := os.WriteFile(temporary, packed, 0o644); err != nil { //nolint:gosec // public files
		return fmt.Errorf("write compressed variant: %w", err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return fmt.Errorf("write compressed variant: %w", err)
	}
	return nil
}

// compress returns body at the best level of the coding.
func compress(kind string, body []byte) ([]byte, error) {
	var packed bytes.Buffer
	var w io.WriteCloser = brotli.NewWriterLevel(&packed, brotli.BestCompression)
	if kind == "gz" {
		var err error
		if w, err = gzip.NewWriterLevel(&packed, gzip.BestCompression); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	if _, err := w.Write(body); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return packed.Bytes(), nil
}

// prune removes variants of former contents, which would only swell the program.
func prune(dir string, wanted map[string]bool) error {
	for _, kind := range []string{"br", "gz"} {
		found, err := filepath.Glob(filepath.Join(dir, "vendor", kind, "*"))
		if err != nil {
			return fmt.Errorf("list compressed variants: %w", err)
		}
		for _, name := range found {
			if wanted[name] {
				continue
			}
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove stale variant: %w", err)
			}
		}
	}
	return nil
}
