package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/suggest"
	"regent/cmd/completion"
	"regent/cmd/flags"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/platform/localsock"
	"regent/platform/terminal"
)

// callTimeout is the longest time for an answer, in addition to the requested wait.
// After it the daemon counts as not reachable.
const callTimeout = 15 * time.Second

// run is the program without its process. It returns the exit code.
func run(ctx context.Context, args []string, s runtimeEnv) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		terminal.Print(s.err, explain(err))
	}
	return exitCode(err)
}

func newRoot(s runtimeEnv) *cobra.Command {
	root := &cobra.Command{
		Use:     "regent",
		Short:   "Ask this device's token agent for its state and for access tokens",
		Version: version,
		Long: `Ask this device's token agent for its state and for access tokens.

Exit codes: 0 done, 1 failed, 2 bad usage, 3 regentd does not answer, 4 denied,
5 not registered, 6 degraded, 7 not serving. Codes 6 and 7 are from status and
doctor. Code 6 is also from policy --exit-code.`,
		Example: `  regent status
  sudo regent register --file FILE --erase
  regent token --application cad
  regent doctor`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // RunE returns the error for them
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetVersionTemplate(versionText())
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.SetFlagErrorFunc(flagError)
	addCommands(root, s)
	flags.Strict(root)
	adaptHelp(runtime.GOOS, root)
	return root
}

// flagError adds the flag that a person may have meant.
func flagError(cmd *cobra.Command, err error) error {
	if text := flags.Text(err); text != "" {
		return usage(cmd, "%s", text)
	}
	near := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		near = suggest.Flag(unknown.GetSpecifiedName(), names)
	}
	return usage(cmd, "%v%s", err, near)
}

// adaptHelp gives the help of all commands the form of a system. It is written for Linux.
func adaptHelp(goos string, cmd *cobra.Command) {
	if adapted := fault.CommandsOn(goos, cmd.Example); adapted != cmd.Example {
		adapted = strings.NewReplacer(" \\\n", " `\n", ">/dev/null", ">$null").Replace(adapted)
		cmd.Example = "  # in a PowerShell that runs as administrator\n" + adapted
	}
	cmd.Long = fault.CommandsOn(goos, cmd.Long)
	for _, sub := range cmd.Commands() {
		adaptHelp(goos, sub)
	}
}

// cli has the environment of the commands and the flag that all commands have.
type cli struct {
	runtimeEnv
	socket string
}

// agent returns a client of the daemon at the socket. It sends nothing yet.
func (c *cli) agent() agent { return c.dial(c.socket) }

// units asks the service manager for the package's units. It returns none if --socket
// names another daemon.
func (c *cli) units(ctx context.Context) ([]doctor.Unit, error) {
	if c.socket != localsock.DefaultPath || c.queryUnits == nil {
		return nil, nil
	}
	return c.queryUnits(ctx)
}

func addCommands(root *cobra.Command, s runtimeEnv) {
	c := &cli{runtimeEnv: s}
	root.PersistentFlags().StringVar(&c.socket, "socket", cmp.Or(s.getenv("REGENT_SOCKET"), localsock.DefaultPath),
		"the `address` of the agent; REGENT_SOCKET sets it too")
	root.AddCommand(
		newStatus(c), newSetup(c), newDoctor(c), newBundle(c), newInstances(c), newRegister(c), newToken(c), newExec(c), newWatch(c), newExplain(c),
		newLedger(c), newStore(c), newUnregister(c), newSealImage(c), newReload(c), newPolicy(c), newVersion(),
		completion.Command("regent", func(cmd *cobra.Command, text string) error { return usage(cmd, "%s", text) }),
	)
}

// command makes a command without arguments.
func command(use, short, long string, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: noArguments, RunE: run}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	return usage(cmd, "unknown command %q%s", name, suggest.DidYouMean(name, suggest.Commands(cmd.Commands())))
}

// usage returns an error about the command line of cmd.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Sprintf(format, args...)}
}

// noArguments rejects arguments. It does not repeat them, since one may be a secret in
// the wrong place.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if near := suggest.Similar(args[0], suggest.Commands(cmd.Commands())); len(near) > 0 {
			return usage(cmd, "did you mean %s %s?", cmd.CommandPath(), strings.Join(near, " or "))
		}
		return usage(cmd, "%s takes no arguments, only flags", cmd.CommandPath())
	}
	return nil
}

// seconds converts the duration of a flag to whole seconds, rounded up.
func seconds(cmd *cobra.Command, flag string, d time.Duration) (int64, error) {
	if d < 0 {
		return 0, usage(cmd, "--%s is %s, but must be 0 or more", flag, d)
	}
	return int64((d + time.Second - 1) / time.Second), nil
}

// ask calls the daemon. The call may take wait and callTimeout.
func ask[T any](ctx context.Context, wait time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := withTimeout(ctx, wait)
	defer cancel()
	answer, err := call(ctx)
	return answer, timeoutError(ctx, err)
}

// tell is ask for a call without a result. It prints done if the call succeeds.
func tell(cmd *cobra.Command, call func(context.Context) error, done string) error {
	_, err := ask(cmd.Context(), 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	if err != nil {
		return err
	}
	return write(cmd, done)
}

// answer is ask for a result that it prints with show.
func answer[T any](cmd *cobra.Command, wait time.Duration, call func(context.Context) (T, error), text func(T) string) (T, error) {
	a, err := ask(cmd.Context(), wait, call)
	if err == nil {
		err = show(cmd, a, func() string { return text(a) })
	}
	return a, err
}

// jsonFlag adds the flag --json, which show reads.
func jsonFlag(cmd *cobra.Command, usage string) { cmd.Flags().Bool("json", false, usage) }

func wantsJSON(cmd *cobra.Command) bool {
	is, err := cmd.Flags().GetBool("json")
	return err == nil && is
}

// show prints an answer of the daemon: as JSON with --json, otherwise as text.
func show(cmd *cobra.Command, answer any, text func() string) error {
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	return write(cmd, text())
}

// write prints a result.
func write(cmd *cobra.Command, text string) error {
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// oneArgument requires one argument. missing is the error text without it.
func oneArgument(missing string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(cmd, "%s", missing)
		}
		return nil
	}
}

// withTimeout limits a call to d and callTimeout.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late := fmt.Errorf("%w within %s", client.ErrNotReachable, terminal.Duration(d+callTimeout))
	return context.WithTimeoutCause(ctx, d+callTimeout, late)
}

// timeoutError returns the cause of a deadline error, and any other error as it is.
func timeoutError(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// status returns the status of the daemon.
func (c *cli) status(ctx context.Context) (api.Status, error) {
	return ask(ctx, 0, c.agent().Status)
}
