// Command regent is the device's side of Regent for people and scripts: a thin
// client of the daemon's socket. It decides nothing about tokens; it asks, puts
// the answer into words and ends with a code that says how it went.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // main
	context.AfterFunc(ctx, stop)                                                           // the second signal ends the program at once
	code := run(ctx, os.Args[1:], newRuntimeEnv())
	stop()
	os.Exit(code)
}
