// The assets tool fetches the third-party browser files by npm, copies those that are served into static/vendor, and
// writes compressed variants of every file that gains from it. It does nothing where all is up to date.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

// run does what the arguments ask, in the module whose root is the -root folder.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("assets", flag.ContinueOnError)
	flags.SetOutput(out)
	root := flags.String("root", ".", "root of the repository")
	force := flags.Bool("force", false, "fetch and copy even where nothing changed")
	drawIcons := flags.Bool("icons", false, "draw the PNG icons anew and stop")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir := filepath.Join(*root, "static")
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		return fmt.Errorf("%s has no package.json: start in the root of the repository, or name it by -root: %w", dir, err)
	}
	if *drawIcons {
		return writeIcons(filepath.Join(dir, "icons"))
	}
	fetched, err := fetch(ctx, dir, *force, npm, out)
	if err != nil {
		return err
	}
	packed, err := pack(ctx, dir, out)
	if err != nil {
		return err
	}
	if !fetched && packed == 0 {
		fmt.Fprintln(out, "assets: up to date")
		return nil
	}
	fmt.Fprintf(out, "assets: ready, %d compressed variants written\n", packed)
	return nil
}
