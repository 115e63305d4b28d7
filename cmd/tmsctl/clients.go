package main

import (
	"context"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

func (t *tool) clients() *cobra.Command {
	return &cobra.Command{
		Use: "clients [ID]", Short: "List the OAuth clients of the tenant, or show one",
		Long: `List the OAuth clients of the tenant, or show one by its id. A client can log
in with --client-credentials. tmsctl neither requests nor prints its secret. It
is assumed that the service allows this call to a Contact Administrator.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one client, or none for all; see %s --help", c.CommandPath())
			}
			return nil
		},
		RunE: t.session(func(ctx context.Context, s *admin.Session, args []string) error {
			list := make([]admin.OAuthClient, len(args))
			var err error
			if len(args) == 0 {
				list, err = s.OAuthClients(ctx)
			} else {
				list[0], err = s.OAuthClient(ctx, args[0])
			}
			if err := t.listed(err); err != nil {
				return err
			}
			return printList(t, "clients", list, clientMembers, []string{"ID", "CLIENT ID", "STATUS", "NAME", "CREATED"}, func(c admin.OAuthClient) []string {
				return []string{c.ID, c.ClientID, c.State.String(), c.Name, timeText(c.Created)}
			})
		}),
	}
}

// clientMembers is a client for scripts.
func clientMembers(c admin.OAuthClient) object {
	return members(
		"id", c.ID, "client_id", c.ClientID, "name", c.Name,
		"status", c.State.String(), // enabled, disabled, unknown, not told
		"service_status", c.Status, // the service's word
		"creation_date", timeJSON(c.Created),
	)
}
