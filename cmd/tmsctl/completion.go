package main

import (
	"context"

	"github.com/spf13/cobra"

	"regent/cmd/completion"
)

// completion makes the command that prints completion scripts.
func (t *tool) completion() *cobra.Command {
	return completion.Command("tmsctl", func(_ *cobra.Command, text string) error { return usagef("%s", text) })
}

// profileNames returns the names of the profiles, each with its tenant.
func (t *tool) profileNames(context.Context, *cobra.Command) (names []cobra.Completion) {
	p, _, _ := t.readProfiles() // a file with faults has no names
	for _, name := range p.names() {
		names = append(names, cobra.CompletionWithDesc(name, p.Profiles[name].Tenant))
	}
	return names
}

// firstProfile completes the name of a profile as the only argument.
func (t *tool) firstProfile(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completion.Words(t.profileNames)(c, args, begun)
}
