package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// layout changes whenever this program copies other files, so that old stamps no longer count.
const layout = "1"

const stampName = ".stamp"

// copyRule names files of an npm package, by a pattern below node_modules, and the folder of static/vendor they go to.
type copyRule struct{ pattern, to string }

// served lists what browsers load. The pdf.js scripting sandbox is left out: scripts in reports are never run.
func served() []copyRule {
	return []copyRule{
		{"htmx.org/dist/htmx.min.js", "htmx"},
		{"htmx.org/LICENSE", "htmx"},
		{"pdfjs-dist/LICENSE", "pdfjs"},
		{"pdfjs-dist/legacy/build/pdf.min.mjs", "pdfjs/legacy/build"},
		{"pdfjs-dist/legacy/build/pdf.worker.min.mjs", "pdfjs/legacy/build"},
		{"pdfjs-dist/legacy/web/pdf_viewer.mjs", "pdfjs/legacy/web"},
		{"pdfjs-dist/legacy/web/pdf_viewer.css", "pdfjs/legacy/web"},
		{"pdfjs-dist/legacy/web/images/*", "pdfjs/legacy/web/images"},
		{"pdfjs-dist/cmaps/*", "pdfjs/cmaps"},
		{"pdfjs-dist/standard_fonts/*", "pdfjs/standard_fonts"},
		{"pdfjs-dist/iccs/*", "pdfjs/iccs"},
		{"pdfjs-dist/wasm/jbig2*", "pdfjs/wasm"},
		{"pdfjs-dist/wasm/openjpeg*", "pdfjs/wasm"},
		{"pdfjs-dist/wasm/qcms*", "pdfjs/wasm"},
		{"pdfjs-dist/wasm/LICENSE_[JOPQ][BPDC]*", "pdfjs/wasm"},
	}
}

// installer puts the packages of the lock file into node_modules.
type installer func(ctx context.Context, dir string, out io.Writer) error

// errNoNPM says what to install.
var errNoNPM = errors.New("npm is not installed, and the browser files come by npm: install Node.js 20 or newer with it, " +
	"for instance by: apt-get install nodejs npm")

func npm(ctx context.Context, dir string, out io.Writer) error {
	bin, err := exec.LookPath("npm")
	if err != nil {
		return errNoNPM
	}
	cmd := exec.CommandContext(ctx, bin, "ci", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error") //nolint:gosec // fixed arguments
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm ci in %s: %w: its own message stands above; check the network and the registry setting of npm", dir, err)
	}
	return nil
}

// fetch installs the packages and copies the served files; it tells whether it had to.
func fetch(ctx context.Context, dir string, force bool, install installer, out io.Writer) (bool, error) {
	want, err := stamp(dir)
	if err != nil {
		return false, err
	}
	vendor := filepath.Join(dir, "vendor")
	have, _ := os.ReadFile(filepath.Join(vendor, stampName)) //nolint:gosec // own folder; unreadable is as good as none
	if !force && string(have) == want && complete(dir) {
		return false, nil
	}
	fmt.Fprintln(out, "assets: fetching browser files by npm")
	if err := install(ctx, dir, out); err != nil {
		return false, err
	}
	for _, name := range []string{stampName, "htmx", "pdfjs"} {
		if err := os.RemoveAll(filepath.Join(vendor, name)); err != nil {
			return false, fmt.Errorf("clear static/vendor: %w", err)
		}
	}
	for _, rule := range served() {
		if err := rule.copy(filepath.Join(dir, "node_modules"), vendor); err != nil {
			return false, err
		}
	}
	if err := os.WriteFile(filepath.Join(vendor, stampName), []byte(want), 0o644); err != nil { //nolint:gosec // no secret
		return false, fmt.Errorf("write the stamp: %w", err)
	}
	return true, nil
}

// complete tells whether somebody removed served files or the packages that the tests use.
func complete(dir string) bool {
	for _, name := range []string{"vendor/htmx/htmx.min.js", "vendor/pdfjs/legacy/build/pdf.min.mjs", "node_modules/axe-core/axe.min.js"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// stamp identifies what the copied files were made from.
func stamp(dir string) (string, error) {
	sum := sha256.New()
	_, _ = io.WriteString(sum, layout)
	for _, name := range []string{"package.json", "package-lock.json"} {
		body, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // fixed names in the repository
		if err != nil {
			return "", fmt.Errorf("read %s of static: %w", name, err)
		}
		sum.Write(body)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// copy copies the files of a rule; a rule that finds none is an error, because a page would miss them.
func (r copyRule) copy(modules, vendor string) error {
	found, err := filepath.Glob(filepath.Join(modules, r.pattern))
	if err != nil {
		return fmt.Errorf("pattern %s: %w", r.pattern, err)
	}
	copied := 0
	for _, from := range found {
		info, err := os.Stat(from)
		if err != nil {
			return fmt.Errorf("copy browser file: %w", err)
		}
		if info.IsDir() || strings.HasSuffix(from, ".map") {
			continue
		}
		if err := copyFile(from, filepath.Join(vendor, r.to, filepath.Base(from))); err != nil {
			return err
		}
		copied++
	}
	if copied == 0 {
		return fmt.Errorf("the npm packages hold no file %s: the version in static/package.json is another than this program knows: %w", r.pattern, fs.ErrNotExist)
	}
	return nil
}

func copyFile(from, to string) error {
	body, err := os.ReadFile(from) //nolint:gosec // below node_modules, found by fixed patterns
	if err != nil {
		return fmt.Errorf("copy browser file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // public files
		return fmt.Errorf("copy browser file: %w", err)
	}
	if err := os.WriteFile(to, body, 0o644); err != nil { //nolint:gosec // public files
		return fmt.Errorf("copy browser file: %w", err)
	}
	return nil
}
