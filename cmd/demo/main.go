// Command demo runs the whole of Regent once, with the real programs.
//
// It starts a service, an administrator, a device, and two applications on it. It prints its
// commands and their output, and stops at the first error. The commands are those that a
// person could type. Its applications use the Go SDK.
//
// The same program is also such an application ("demo app"). Its test program also measures
// the cost of the local interface ("demo.test bench").
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// demoTimeout is how long the whole story may take.
const demoTimeout = 5 * time.Minute

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "app" {
		os.Exit(runApp(args[1:])) // a signal ends it
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // main
	code := run(ctx, args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run tells the story and returns the exit code: 0 success, 1 failure, 2 bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "`directory` of the programs, as make build leaves them")
	dialect := flags.String("dialect", "", "`dialect` of the service, as tms-emulator has it; without, its default")
	keep := flags.Bool("keep", false, "leave a second set running at the end, and say what to type next")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	ctx, cancel := context.WithTimeoutCause(ctx, demoTimeout, fmt.Errorf("the story took longer than %v", demoTimeout))
	defer cancel()
	err := runStory(ctx, *bin, *dialect, stdout)
	if err == nil && *keep {
		err = leaveRunning(ctx, *bin, *dialect, stdout)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "\ndemo: %v\n", err) //nolint:errcheck // there is no other place to report it
	if broken, ok := errors.AsType[*stepError](err); ok {
		io.WriteString(stderr, broken.logs) //nolint:errcheck,gosec // as above
	}
	return 1
}
