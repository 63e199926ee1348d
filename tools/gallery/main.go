// The gallery renders each component and page shell from fixtures, in light and dark: served for a browser, or written
// as files. It uses the same style sheet, scripts and security policy as the portal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"healthportal/static"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

// run serves the gallery until ctx ends, or writes it into a folder.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gallery", flag.ContinueOnError)
	flags.SetOutput(out)
	addr := flags.String("addr", "127.0.0.1:0", "address to serve on; port 0 takes a free one")
	dir := flags.String("out", "", "write HTML files and assets into this folder instead of serving")
	if err := flags.Parse(args); err != nil {
		return err
	}
	assets, err := static.New()
	if err != nil {
		return fmt.Errorf("load static files: %w", err)
	}
	if *dir != "" {
		return write(ctx, *dir, assets, out)
	}
	return serve(ctx, *addr, assets, out)
}

func serve(ctx context.Context, addr string, assets *static.Assets, out io.Writer) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w: choose another address by -addr", addr, err)
	}
	server := &http.Server{Handler: handler(assets), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(out, "gallery: http://%s/\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
