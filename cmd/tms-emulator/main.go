// Command tms-emulator is an offline Token Management Service with its identity
// provider, over TLS.
//
// It is agent/tms/emulator with a listener, files, flags and signals.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"regent/platform/terminal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the program's exit code: 0 done, 1 failed, 2 bad usage.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // main's own
	defer stop()
	// If the reader of its log ends first, writing fails and the emulator continues. It has
	// nothing to reload, and the end of a terminal session does not end it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP)
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	terminal.Print(stderr, fmt.Sprintln("tms-emulator:", err))
	if _, ok := errors.AsType[*usageError](err); ok {
		_, _ = fmt.Fprintln(stderr, "See tms-emulator --help.")
		return 2
	}
	return 1
}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }
