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
	cmd := command("watch --application ID", "Print each change of an application's instances",
		`Print the state of an application's instances, then each new token and each
change of state. It runs until you interrupt it or the agent exits.`,
		func(cmd *cobra.Command, _ []string) error {
			if err := token.CheckApplication(application); err != nil {
				return usage(cmd, "--application: %v", err)
			}
			for e, err := range c.agent().Watch(cmd.Context(), application) {
				if errors.Is(err, context.Canceled) {
					return nil // interrupted: the normal end
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
	line := printable(e.Instance) + "  " + stateText(status.Instance{State: e.State}, true, false)
	if e.Generation > 0 {
		line += fmt.Sprintf(", token %d", e.Generation)
	}
	return write(cmd, line+"\n")
}
