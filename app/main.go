// Command portal serves a clinic's health time series and genomics reports, and
// does the operators' work around them. See docs/commands.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"healthportal/app/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Process{Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	os.Exit(code)
}
