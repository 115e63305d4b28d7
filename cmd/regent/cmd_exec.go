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
	"regent/ipc/api"
)

// What a program that regent exec starts finds in its environment.
const (
	envSocket      = "REGENT_SOCKET"
	envApplication = "REGENT_APPLICATION"
	envInstance    = "REGENT_INSTANCE"
)

// execFunc takes the place of this process, and does not return; where a
// system cannot do that it runs the program, waits for it and returns its exit
// code.
type execFunc func(ctx context.Context, path string, argv, env []string) (code int, err error)

func newExec(c *cli) *cobra.Command {
	var f tokenFlags
	var envToken string
	cmd := command("exec --application ID [--instance N] -- COMMAND [ARGUMENT…]", "Run a program that holds an instance for as long as it runs",
		`Lease an instance, and run a program in the place of regent, so that the
instance is the program's until it ends. It finds REGENT_SOCKET,
REGENT_APPLICATION and REGENT_INSTANCE in its environment and asks the socket for
its token; the processes that it starts itself name that instance. (On Windows
regent holds the instance and waits for the program.)

The token is not in the environment unless --env-token asks for it: other
processes of the same user can read that, and a token that is there is good only
to its own end.

It exits 4 where only a rule about executables or signers admits: such an
application asks the socket itself, since regent is another program.`,
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
	cmd.Args = cobra.ArbitraryArgs // so that lease words the complaint
	cmd.Flags().StringVar(&f.instance, "instance", "", "the `number` of the instance; without it a free one is leased")
	cmd.Flags().DurationVar(&f.wait, "wait", 0, "how long to wait for the first token of an instance")
	cmd.Flags().StringVar(&envToken, "env-token", "", "put the access token into the environment, under this `name`")
	c.applicationFlag(cmd, &f.application)
	return cmd
}

// lease finds the program that args name, and leases an instance for it.
func (f tokenFlags) lease(cmd *cobra.Command, args []string, c *cli) (path string, tok api.Token, err error) {
	f.output = "token"
	req, err := f.request(cmd)
	if err != nil {
		return "", tok, err
	}
	if len(args) == 0 {
		return "", tok, usage(cmd, "say which program to run, after --")
	}
	if path, err = exec.LookPath(args[0]); err != nil {
		return "", tok, usage(cmd, "%v", err)
	}
	tok, err = ask(cmd.Context(), f.wait, func(ctx context.Context) (api.Token, error) { return c.agent().Token(ctx, req) })
	return path, tok, explainExecRefusal(err)
}

// explainExecRefusal adds to a refusal what is special about this way of asking.
func explainExecRefusal(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Kind != fault.Denied {
		return err
	}
	with := *f
	with.Detail = f.Text() + "; where only a rule about executables or signers admits, the application must call the socket itself, since regent exec is another program"
	return &with
}

// programEnv is env with what the program has to know. Words of the same name
// are replaced: two of one name are read differently by different programs.
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
