// Command fresh tells whether every Go file is formatted and every generated
// file equals what its source generates now. It compares hashes from before
// and after, so it judges uncommitted work as well as a clean checkout.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"healthportal/tools/source"
)

func main() {
	os.Exit(start(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// start answers the exit code: 0 fresh, 1 not, 2 usage.
func start(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("fresh", flag.ContinueOnError)
	flags.SetOutput(errs)
	onlyFormat := flags.Bool("format", false, "check the formatting only")
	onlyGenerated := flags.Bool("generated", false, "check the generated code only")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil || flags.NArg() > 0 {
		fmt.Fprintln(errs, "fresh: takes flags only; see fresh -h")
		return 2
	}
	root, err := source.Root(".")
	if err != nil {
		fmt.Fprintln(errs, "fresh:", err)
		return 1
	}
	var problems []string
	if !*onlyGenerated {
		err = collect(&problems, func() ([]string, error) { return unformatted(root) })
	}
	if err == nil && !*onlyFormat {
		err = collect(&problems, func() ([]string, error) { return stale(ctx, root, templGenerate(errs)) })
	}
	if err != nil {
		fmt.Fprintln(errs, "fresh:", err)
		return 1
	}
	for _, p := range problems {
		fmt.Fprintln(errs, "fresh:", p)
	}
	if len(problems) > 0 {
		return 1
	}
	fmt.Fprintln(out, "fresh: formatting and generated code are as they should be")
	return 0
}

func collect(problems *[]string, check func() ([]string, error)) error {
	found, err := check()
	*problems = append(*problems, found...)
	return err
}

// unformatted names the files that gofmt would change.
func unformatted(root string) ([]string, error) {
	tree, err := source.Load(root)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range tree.Files() {
		if f.Generated {
			continue // templ's output is as templ writes it
		}
		formatted, err := format.Source(f.Text)
		if err != nil {
			return nil, fmt.Errorf("formatting %s: %w", f.Path, err)
		}
		if !bytes.Equal(formatted, f.Text) {
			found = append(found, f.Path+" is not formatted; run `go tool task fmt`")
		}
	}
	return found, nil
}

type generator func(ctx context.Context, root string) error

// templGenerate writes the generated files in place.
func templGenerate(errs io.Writer) generator {
	return func(ctx context.Context, root string) error {
		cmd := exec.CommandContext(ctx, "go", "tool", "templ", "generate", "-path", ".", "-log-level", "error")
		cmd.Dir, cmd.Stdout, cmd.Stderr = root, errs, errs
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("templ generate: %w", err)
		}
		return nil
	}
}

// stale generates anew and names the files that changed, came or went. The
// new ones stay in place: committing them is the remedy.
func stale(ctx context.Context, root string, generate generator) ([]string, error) {
	before, err := hashes(root)
	if err != nil {
		return nil, err
	}
	if err := generate(ctx, root); err != nil {
		return nil, err
	}
	after, err := hashes(root)
	if err != nil {
		return nil, err
	}
	var found []string
	for name, sum := range after {
		if before[name] != sum {
			found = append(found, name+" was stale; it is generated anew, commit it")
		}
	}
	for name := range before {
		if _, kept := after[name]; !kept {
			found = append(found, name+" has no source any more; it is removed, commit that")
		}
	}
	slices.Sort(found)
	return found, nil
}

func hashes(root string) (map[string][sha256.Size]byte, error) {
	sums := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && source.Ignored(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, "_templ.go"):
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // G304: the checkout's own files
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		sums[filepath.ToSlash(rel)] = sha256.Sum256(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the generated files: %w", err)
	}
	return sums, nil
}
