package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
)

func newWatch(c *cli) *cobra.Command {
	var application string
	cmd := command("watch --application ID", "Print what happens to an application's instances, as it happens",
		`Print what an application's instances are now, and then each new token and
each change of state, until it is interrupted or the agent ends.`,
		func(cmd *cobra.Command, _ []string) error {
			if err := token.CheckApplication(application); err != nil {
				return usage(cmd, "--application: %v", err)
			}
			for e, err := range c.agent().Watch(cmd.Context(), application) {
				if errors.Is(err, context.Canceled) {
					return nil // interrupted, which is how it ends
				}
				if err != nil {
					return err
				}
				if err := printEvent(cmd, e); err != nil {
					return err
				}
			}
			return nil
		})
	jsonFlag(cmd, "one JSON object a line")
	c.applicationFlag(cmd, &application)
	return cmd
}

func printEvent(cmd *cobra.Command, e api.Event) error {
	if wantsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
	}
	return write(cmd, fmt.Sprintf("%s  %s, token %d\n", printable(e.Instance), stateText(status.Instance{State: e.State}, true, false), e.Generation))
}
