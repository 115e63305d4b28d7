// Command regentd is the daemon.
//
// It wires the platform to the agent and the agent to the local interface, and decides
// nothing itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"regent/platform/signals"
	"regent/platform/terminal"
)

// version is set by the linker.
var version = "dev"

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "run" {
		signals.RestoreHangup()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // main
	context.AfterFunc(ctx, stop)                                                           // the second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a mistake of whoever started the program: exit code 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot(stdout, stderr)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		terminal.Print(stderr, "regentd: "+line+"\n")
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "regentd",
		Short: "the on-device token agent for Sentinel Cloud LM",
		Long: `regentd redeems a registration token, keeps the auth tokens of this device's
application instances sealed, refreshes them, and hands access tokens to local
applications over a socket. People talk to it with the program regent.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("say what to do: regentd run, regentd check-config or regentd version; see regentd --help")}
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.DisableDefaultCmd = true // its package brings the scripts
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newRun(stderr), newManage(stdout), newCheckConfig(stdout), newHostFacts(), &cobra.Command{
		Use: "version", Short: "print the version", Args: noArgs,
		Run: func(*cobra.Command, []string) { printLine(stdout, "regentd "+version) },
	})
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0])}
	}
	return nil
}

// printLine writes a line to a person. If that fails nobody is left to be told.
func printLine(w io.Writer, line string) { _, _ = fmt.Fprintln(w, line) }
