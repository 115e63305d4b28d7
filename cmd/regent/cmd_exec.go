package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/cmd/completion"
	"regent/ipc/api"
)

// The environment variables of a program that regent exec starts.
const (
	envSocket      = "REGENT_SOCKET"
	envApplication = "REGENT_APPLICATION"
	envInstance    = "REGENT_INSTANCE"
)

// execFunc replaces this process with the program, and does not return. On Windows it
// runs the program, waits for it and returns its exit code.
type execFunc func(ctx context.Context, path string, argv, env []string) (code int, err error)

func newExec(c *cli) *cobra.Command {
	var f tokenFlags
	var envToken string
	cmd := command("exec --application ID [--instance N] -- COMMAND [ARGUMENT…]", "Run a program with an instance of its own",
		`Lease an instance, and run a program in place of regent. The program has the
instance until it exits. REGENT_SOCKET, REGENT_APPLICATION and REGENT_INSTANCE
are in its environment. It asks the socket for its token. Its child processes
name the same instance. (On Windows regent has the lease, and waits for the
program.)

The token is in the environment only with --env-token. Other processes of the
same user can read it there, and it is not refreshed there.

It exits 4 if only a rule with executables or signers would admit the program:
regent itself asks, and it is another program. Such an application calls the
socket itself.`,
		func(cmd *cobra.Command, args []string) error {
			path, tok, err := f.lease(cmd, args, c)
			if err != nil {
				return err
			}
			code, err := c.exec(cmd.Context(), path, args, programEnv(c.environ(), c.socket, tok, envToken))
			if err != nil {
				return fmt.Errorf("run %s: %w", path, err)
			}
			if code != 0 {
				return exitError{code, fmt.Sprintf("the program ended with code %d", code)}
			}
			return nil
		})
	cmd.Args = cobra.ArbitraryArgs // lease returns the error for them
	cmd.Example = `  regent exec --application cad -- ./batch.sh
  regent exec --application cad --env-token CLOUDLM_TOKEN -- ./batch.sh`
	cmd.Flags().StringVar(&f.instance, "instance", "", "the `number` of the instance (default: a free one)")
	completion.Flag(cmd, "instance", completion.Words(c.instanceNumbers))
	cmd.Flags().DurationVar(&f.wait, "wait", 0, "how long to wait for the first token of an instance")
	cmd.Flags().StringVar(&envToken, "env-token", "", "put the access token into this environment `variable`")
	c.applicationFlag(cmd, &f.application)
	return cmd
}

// lease finds the program in args, and leases an instance for it.
func (f tokenFlags) lease(cmd *cobra.Command, args []string, c *cli) (path string, tok api.Token, err error) {
	f.output = "token"
	req, err := f.request(cmd)
	if err != nil {
		return "", tok, err
	}
	if len(args) == 0 {
		return "", tok, usage(cmd, "name a program to run, after --")
	}
	if path, err = exec.LookPath(args[0]); err != nil {
		return "", tok, usage(cmd, "%v", err)
	}
	tok, err = ask(cmd.Context(), f.wait, func(ctx context.Context) (api.Token, error) { return c.agent().Token(ctx, req) })
	return path, tok, explainExecRefusal(err)
}

// explainExecRefusal adds to a denial that regent exec is another program.
func explainExecRefusal(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Kind != fault.Denied {
		return err
	}
	with := *f
	with.Detail = f.Text() + ". regent exec is another program than the application. If the rule names executables or signers, the application must call the socket itself"
	return &with
}

// programEnv returns env with the variables of the instance. It replaces variables of
// the same name, since programs read duplicates differently.
func programEnv(env []string, socket string, tok api.Token, envToken string) []string {
	_, number, _ := strings.Cut(tok.Instance, "/")
	add := [][2]string{{envSocket, socket}, {envApplication, tok.Application}, {envInstance, number}}
	if envToken != "" {
		add = append(add, [2]string{envToken, tok.AccessToken})
	}
	out := slices.DeleteFunc(slices.Clone(env), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.ContainsFunc(add, func(a [2]string) bool { return a[0] == name })
	})
	for _, a := range add {
		out = append(out, a[0]+"="+a[1])
	}
	return out
}
