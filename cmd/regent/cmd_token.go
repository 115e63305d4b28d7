package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/status"
	"regent/agent/token"
	"regent/cmd/completion"
	"regent/ipc/api"
)

// tokenFlags are the flags of regent token.
type tokenFlags struct {
	application, instance, output string
	minTTL, wait                  time.Duration
}

// outputs are the values of --output.
func outputs() []string { return []string{"token", "json", "header"} }

func newToken(c *cli) *cobra.Command {
	var f tokenFlags
	cmd := command("token --application ID [--instance N]", "Print an access token",
		`Print an access token of one instance of an application.

The lease of the instance ends with this command. A program that needs its
instance for longer calls the socket itself, or runs under regent exec.`,
		func(cmd *cobra.Command, _ []string) error {
			req, err := f.request(cmd)
			if err != nil {
				return err
			}
			a := c.agent()
			ctx, cancel := withTimeout(cmd.Context(), f.wait)
			defer cancel()
			if req.Instance == "" {
				if req.Instance, err = onlyInstance(ctx, cmd, a, req.Application); err != nil {
					return timeoutError(ctx, err)
				}
			}
			tok, err := a.Token(ctx, req)
			if err != nil {
				return timeoutError(ctx, err)
			}
			return printToken(cmd, tok, f.output)
		})
	cmd.Example = `  regent token --application cad
  regent token --application cad --instance 2 --output header
  regent token --application cad --min-ttl 2m --wait 10s`
	cmd.Flags().StringVar(&f.instance, "instance", "", "the `number` of the instance; required if there are several")
	completion.Flag(cmd, "instance", completion.Words(c.instanceNumbers))
	cmd.Flags().DurationVar(&f.minTTL, "min-ttl", 0, "refresh the token if it is valid for less than this")
	cmd.Flags().DurationVar(&f.wait, "wait", 0, "how long to wait for --min-ttl; then regent prints the valid token")
	cmd.Flags().StringVar(&f.output, "output", "token", "the format: "+strings.Join(outputs(), ", "))
	completion.Flag(cmd, "output", cobra.FixedCompletions(outputs(), cobra.ShellCompDirectiveNoFileComp))
	c.applicationFlag(cmd, &f.application)
	return cmd
}

// checkApplication returns the usage error of a missing or invalid --application.
func checkApplication(cmd *cobra.Command, application string) error {
	if application == "" {
		return usage(cmd, "--application is required: the id of the application")
	}
	if err := token.CheckApplication(application); err != nil {
		return usage(cmd, "--application: %v", err)
	}
	return nil
}

func (f tokenFlags) request(cmd *cobra.Command) (api.TokenRequest, error) {
	req := api.TokenRequest{Application: f.application, Instance: f.instance}
	if err := checkApplication(cmd, f.application); err != nil {
		return req, err
	}
	if f.instance != "" {
		if _, err := token.ParseInstanceNumber(f.instance); err != nil {
			return req, usage(cmd, "--instance: %v", err)
		}
	}
	if !slices.Contains(outputs(), f.output) {
		return req, usage(cmd, "--output is %q, but must be one of %s", f.output, strings.Join(outputs(), ", "))
	}
	var err error
	if req.MinTTL, err = seconds(cmd, "min-ttl", f.minTTL); err != nil {
		return req, err
	}
	req.Wait, err = seconds(cmd, "wait", f.wait)
	return req, err
}

// onlyInstance returns the number of the application's only instance. With several it
// fails: a process that exits at once cannot tell which one it got.
func onlyInstance(ctx context.Context, cmd *cobra.Command, a agent, application string) (string, error) {
	st, err := a.Status(ctx)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(st.Applications, func(a status.Application) bool { return a.ID == application })
	if at < 0 {
		return "", nil // the daemon says so in its own words
	}
	instances := st.Applications[at].Instances
	switch len(instances) {
	case 0:
		return "", nil
	case 1:
		_, number, _ := strings.Cut(instances[0].Name, "/")
		return number, nil
	}
	return "", usage(cmd, "%s has %d instances; name one with --instance N, or run the program with: regent exec --application %[1]s -- COMMAND",
		application, len(instances))
}

func printToken(cmd *cobra.Command, tok api.Token, form string) error {
	switch form {
	case "json":
		return printJSON(cmd.OutOrStdout(), tok)
	case "header":
		return write(cmd, fmt.Sprintf("Authorization: %s %s\n", tok.TokenType, tok.AccessToken))
	}
	return write(cmd, tok.AccessToken+"\n")
}
