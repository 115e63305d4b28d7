package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/doctor"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/platform/localsock"
	"regent/platform/terminal"
)

// callTimeout is how long an answer may take beyond what was asked to be waited
// for, before the daemon counts as not reachable.
const callTimeout = 15 * time.Second

// run is the whole program but for the process: it returns the exit code.
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
		Use:   "regent",
		Short: "Ask this device's token agent for its state and for access tokens",
		Long: `Ask this device's token agent for its state and for access tokens.

Exit codes: 0 done, 1 failed, 2 bad usage, 3 agent not reachable, 4 denied,
5 not registered, 6 degraded, 7 not serving (6 and 7 from status only).`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // so that RunE words the complaint
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{cmd.CommandPath(), err.Error()}
	})
	addCommands(root, s)
	return root
}

// cli is shared by the commands: their environment, and the flag of every command.
type cli struct {
	runtimeEnv
	socket string
}

// agent names the daemon that a command talks to. Nothing is sent yet.
func (c *cli) agent() agent { return c.dial(c.socket) }

// units asks the service manager for the package's units, unless another daemon is
// asked for.
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
		newStatus(c), newDoctor(c), newBundle(c), newInstances(c), newRegister(c), newToken(c), newExec(c), newWatch(c), newExplain(c),
		newLedger(c), newStore(c), newUnregister(c), newSealImage(c), newReload(c), newPolicy(c), newVersion(), newCompletion(),
	)
}

// command makes a command without arguments.
func command(use, short, long string, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: noArguments, RunE: run}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q", name)
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{cmd.CommandPath(), text}
}

// usage returns a complaint about the command line of cmd.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Sprintf(format, args...)}
}

// noArguments refuses arguments without repeating them: one may be a secret
// that was given in the wrong place.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "%s takes no arguments, only flags", cmd.CommandPath())
	}
	return nil
}

// seconds turns a flag's duration into the wire's whole seconds, rounded up: a
// caller gets no less than it asked for.
func seconds(cmd *cobra.Command, flag string, d time.Duration) (int64, error) {
	if d < 0 {
		return 0, usage(cmd, "--%s is %s, want 0 or more", flag, d)
	}
	return int64((d + time.Second - 1) / time.Second), nil
}

// ask asks the daemon, which may take wait and callTimeout to answer.
func ask[T any](ctx context.Context, wait time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := withTimeout(ctx, wait)
	defer cancel()
	answer, err := call(ctx)
	return answer, timeoutError(ctx, err)
}

// tell is ask for a call that answers only whether it worked. It prints what was done.
func tell(cmd *cobra.Command, call func(context.Context) error, done string) error {
	_, err := ask(cmd.Context(), 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	if err != nil {
		return err
	}
	return write(cmd, done)
}

// answer is ask for an answer that is printed, as show does.
func answer[T any](cmd *cobra.Command, wait time.Duration, call func(context.Context) (T, error), text func(T) string) (T, error) {
	a, err := ask(cmd.Context(), wait, call)
	if err == nil {
		err = show(cmd, a, func() string { return text(a) })
	}
	return a, err
}

// jsonFlag adds the flag that show reads.
func jsonFlag(cmd *cobra.Command, usage string) { cmd.Flags().Bool("json", false, usage) }

func wantsJSON(cmd *cobra.Command) bool {
	is, err := cmd.Flags().GetBool("json")
	return err == nil && is
}

// show prints an answer of the daemon, as JSON where the command has that flag and it
// is given, or as text.
func show(cmd *cobra.Command, answer any, text func() string) error {
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	return write(cmd, text())
}

// write prints text, which is a result.
func write(cmd *cobra.Command, text string) error {
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// oneArgument wants one argument; missing says what to name.
func oneArgument(missing string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(cmd, "%s", missing)
		}
		return nil
	}
}

// withTimeout bounds a call that should take no longer than d.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late := fmt.Errorf("%w: no answer within %s; the daemon's log may say why", client.ErrNotReachable, formatDuration(d+callTimeout))
	return context.WithTimeoutCause(ctx, d+callTimeout, late)
}

// timeoutError replaces the bare deadline error of a call by its cause.
func timeoutError(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// status gets the status, with which several commands begin.
func (c *cli) status(ctx context.Context) (api.Status, error) {
	return ask(ctx, 0, c.agent().Status)
}
