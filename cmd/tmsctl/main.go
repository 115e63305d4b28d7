// Command tmsctl is for the Contact Administrator. It creates, lists and deletes
// registration tokens, and lists and deletes the auth tokens of devices. The exit
// code is 0 for done, 1 for failed and 2 for bad usage. It is 3 if the service did
// something else, does not show the result, or shows an incomplete list.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"regent/platform/process"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...) //nolint:forbidigo // contexts begin in main
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	// It handles passwords and registration tokens. The one program that it starts is a
	// browser.
	if err := process.DisableDump(); err != nil {
		fmt.Fprintln(os.Stderr, "tmsctl:", err)
		return 1
	}
	return run(ctx, newRuntimeEnv(), os.Args[1:])
}
