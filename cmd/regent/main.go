// Command regent is the device's program for people and scripts: a client of the
// daemon's socket.
//
// It decides nothing about tokens. It asks the daemon, prints the answer and returns an
// exit code.
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
