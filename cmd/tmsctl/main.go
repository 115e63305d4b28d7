// Command tmsctl is the Contact Administrator's: it makes, lists and deletes
// registration tokens, and shows and withdraws the auth tokens that devices got
// for them. It keeps nothing: each run logs in anew. Exit codes: 0 done,
// 1 failed, 2 bad usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // contexts begin in main
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	return run(ctx, system(), os.Args[1:])
}
