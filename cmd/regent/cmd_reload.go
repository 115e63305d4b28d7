package main

import "github.com/spf13/cobra"

func newReload(dial dialer) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the agent read its configuration again",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tell(cmd, dial().Reload, "The agent has read its configuration again.\n")
		},
	}
}
