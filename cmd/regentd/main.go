// Command regentd is the daemon.
//
// It connects the platform to the agent and the agent to the local interface. It makes no
// decision itself.
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
	"github.com/spf13/pflag"

	"regent/agent/fault"
	"regent/agent/suggest"
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

// usageError is a mistake in the command line or the configuration: exit code 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot(stdout, stderr)
	adaptHelp(cmd)
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

// adaptHelp gives the examples the form of this system. They are written for Linux.
func adaptHelp(cmd *cobra.Command) {
	cmd.Example = fault.Commands(cmd.Example)
	for _, sub := range cmd.Commands() {
		adaptHelp(sub)
	}
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "regentd",
		Short: "The on-device token agent for Sentinel Cloud LM",
		Long: `regentd redeems a registration token for this device's application instances.
It stores their auth tokens sealed, refreshes them, and gives access tokens to
local applications over a socket. To see its state, run: regent status

Exit codes: 0 done, 1 failed, 2 bad usage or invalid configuration.`,
		Args:          knownCommand,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("version") {
				printLine(stdout, "regentd "+version)
				return nil
			}
			return usageError{errors.New("the command is missing; to start the daemon: regentd run\nsee regentd --help")}
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.Flags().Bool("version", false, "print the version")
	root.CompletionOptions.DisableDefaultCmd = true // its package brings the scripts
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newRun(stderr), newManage(stdout), newCheckConfig(stdout), newHostFacts(), newLinkMetrics(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		Run: func(*cobra.Command, []string) { printLine(stdout, "regentd "+version) },
	})
	wrapFlags(root)
	return root
}

// wrapFlags breaks the texts of all flags, so that help fits 80 columns. A template for the
// usage does it too, but cobra's templates make the daemon 2 MB larger. The default goes into
// the text, because the library quotes it, and so doubles the backslashes of Windows' paths.
func wrapFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		f.Usage = strings.Join(terminal.Wrap(f.Usage, 40), "\n")
		if f.Value.Type() != "string" || f.DefValue == "" {
			return
		}
		between := " "
		if len(f.Usage)+len(f.DefValue) > 32 {
			between = "\n"
		}
		f.Usage += between + "(default " + f.DefValue + ")"
		f.DefValue = ""
	})
	for _, sub := range cmd.Commands() {
		wrapFlags(sub)
	}
}

// knownCommand is the Args of a command that only has subcommands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := suggest.DidYouMean(args[0], suggest.Commands(cmd.Commands()))
	return usageError{fmt.Errorf("unknown command %q%s\nsee %s --help", args[0], near, cmd.CommandPath())}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments\nsee %[1]s --help", cmd.CommandPath())}
	}
	return nil
}

// printLine writes a line. It ignores an error: there is no other place to report it.
func printLine(w io.Writer, line string) { _, _ = fmt.Fprintln(w, line) }
