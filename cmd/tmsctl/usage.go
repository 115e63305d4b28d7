package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/suggest"
	"regent/cmd/flags"
	"regent/platform/terminal"
)

// usageError is a mistake on the command line. Nothing was sent.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// flagName matches the names of flags in a text.
var flagName = regexp.MustCompile(`--([a-z][a-z0-9-]+)`)

// usageHelp returns an example of a command. For a group it is an example of the group's list.
// It prefers the one with the most flags that were given or that the error names. Without an
// example it names the help.
func usageHelp(c *cobra.Command, text string) string {
	for _, sub := range c.Commands() {
		if c.HasParent() && sub.Name() == "list" {
			c = sub
		}
	}
	example := strings.TrimSpace(c.Example)
	if !c.HasParent() || example == "" {
		return "see " + c.CommandPath() + " --help"
	}
	wanted := map[string]bool{}
	for _, m := range flagName.FindAllStringSubmatch(text, -1) {
		wanted[m[1]] = true
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { wanted[f.Name] = wanted[f.Name] || f.Changed })
	fits := func(line string) (n int) {
		for _, m := range flagName.FindAllStringSubmatch(line, -1) {
			if wanted[m[1]] {
				n++
			}
		}
		return n
	}
	all := strings.Split(strings.ReplaceAll(example, "\\\n", ""), "\n")
	best := all[0]
	for _, line := range all {
		if fits(line) > fits(best) {
			best = line
		}
	}
	return "for example: " + strings.Join(strings.Fields(best), " ")
}

// noCommand refuses arguments where a command is expected.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		all := suggest.Commands(c.Commands())
		near := suggest.DidYouMean(args[0], all)
		switch similar := suggest.Similar(args[0], all); {
		case c.HasParent():
		case len(similar) == 0:
			near = "\nthe commands are: " + strings.Join(all, ", ")
		default:
			if sub, _, err := c.Find(similar[:1]); err == nil {
				near += "\n" + usageHelp(sub, "")
			}
		}
		return usagef("%s has no command %q%s", c.CommandPath(), args[0], near)
	}
	return nil
}

// group returns a command that has only commands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noCommand, RunE: func(c *cobra.Command, _ []string) error {
		return usagef("%s needs a command: %s", c.CommandPath(), strings.Join(suggest.Commands(c.Commands()), ", "))
	}}
	c.AddCommand(commands...)
	return c
}

// noArguments refuses arguments without repeating them: one may be a secret in the wrong
// place.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, only flags", c.CommandPath())
	}
	return nil
}

// oneArgument requires exactly one argument, the object of the command.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("name one %s, not %d", what, len(args))
		}
		return nil
	}
}

// checkIdentifier refuses an identifier that no person could type later.
func checkIdentifier(identifier string) error {
	switch {
	case strings.TrimSpace(identifier) != identifier || identifier == "":
		return usagef("--identifier %q: the name is blank, or begins or ends with a space", identifier)
	case strings.HasPrefix(identifier, idPrefix):
		return usagef("--identifier %q: a name cannot begin with %[2]s, because %[2]s marks an ID", identifier, idPrefix)
	case strings.HasPrefix(identifier, "-"):
		return usagef("--identifier %q: a name cannot begin with a hyphen, because a hyphen marks a flag", identifier)
	case terminal.Printable(identifier) != identifier:
		return usagef("--identifier %q: a name can have only printable characters, and no line break", identifier)
	}
	return nil
}

// flagError describes the parser's error about a flag. It does not repeat the value of an
// unknown flag, which may be a secret.
func flagError(c *cobra.Command, err error) error {
	if text := flags.Text(err); text != "" {
		return usagef("%s", text)
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := bad.GetFlag()
		return usagef("--%s %q: %s", f.Name, bad.GetValue(), cmp.Or(flagValueTexts[f.Value.Type()], "not a value of type "+f.Value.Type()))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("--%s needs a value", missing.GetFlag().Name)
	}
	text := err.Error()
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if unknown.GetSpecifiedShortnames() != "" {
			text = "there is no flag -" + unknown.GetSpecifiedName()
			if strings.Contains(c.Use, "NAME") {
				text += "\nif a name begins with a hyphen, write -- before it: " + c.CommandPath() + " -- NAME"
			}
			return usagef("%s", text)
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		text += suggest.Flag(unknown.GetSpecifiedName(), names)
	}
	return usagef("%s", text)
}

// flagValueTexts describe the values of a flag by its type.
var flagValueTexts = map[string]string{
	"int":      "write a whole number without leading zeros, not above 2,147,483,647",
	"bool":     "write true or false",
	"duration": "write whole numbers with their units, as 90m, 10h, 40d, 6w or 1y",
}
