package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newReload(dial dialer) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the agent read its configuration again",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := withTimeout(cmd.Context(), 0)
			defer cancel()
			if err := dial().Reload(ctx); err != nil {
				return timeoutError(ctx, err)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "The agent has read its configuration again.")
			return err
		},
	}
}
