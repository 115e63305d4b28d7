package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noArguments refuses arguments without repeating them: one may be a secret
// that was given in the wrong place.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, only flags; see %[1]s --help", c.CommandPath())
	}
	return nil
}

// oneArgument wants what a command is about, and no more.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("name one %s, not %d; see %s --help", what, len(args), c.CommandPath())
		}
		return nil
	}
}

// flagError puts into words what the parser says of a flag. The value of one
// that there is not may be a secret, and is not repeated.
func flagError(c *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := bad.GetFlag()
		return usagef("--%s %q: %s", f.Name, bad.GetValue(), flagValueText(f.Value.Type()))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("--%s needs a value; see %s --help", missing.GetFlag().Name, c.CommandPath())
	}
	return usagef("%v; see %s --help", err, c.CommandPath())
}

// flagValueText is what a flag of a type takes.
func flagValueText(kind string) string {
	switch kind {
	case "int":
		return "write a whole number, not above 2,147,483,647"
	case "bool":
		return "write true or false"
	case "duration":
		return "write whole numbers with their units, as 90m, 10h, 40d, 6w or 1y"
	}
	return "is no " + kind
}

// completions are the shells that a completion script can be made for.
var completions = map[string]func(*cobra.Command, io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

// completion stands in for cobra's own, which answers an unknown shell with its
// help and success.
func completion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion {" + strings.Join(shells, "|") + "}", Short: "Print a script that completes tmsctl's commands in a shell",
		ValidArgs: shells, DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return usagef("name one shell: %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return completions[args[0]](c.Root(), c.OutOrStdout()) },
	}
}
