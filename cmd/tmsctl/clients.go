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
			return printList(t, "clients", list, clientJSONOf, []string{"ID", "CLIENT ID", "STATUS", "NAME", "CREATED"}, func(c admin.OAuthClient) []string {
				return []string{c.ID, c.ClientID, c.State.String(), c.Name, timeText(c.Created)}
			})
		}),
	}
}

// clientJSON is what scripts read: names may be added, never changed.
type clientJSON struct {
	ID            string `json:"id"`
	ClientID      string `json:"client_id"`
	Name          string `json:"name"`
	Status        string `json:"status"`         // enabled, disabled, unknown, not told
	ServiceStatus string `json:"service_status"` // the service's word
	CreationDate  string `json:"creation_date,omitempty"`
}

func clientJSONOf(c admin.OAuthClient) clientJSON {
	return clientJSON{c.ID, c.ClientID, c.Name, c.State.String(), c.Status, timeJSON(c.Created)}
}
