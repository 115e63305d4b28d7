package main

import (
	"fmt"

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
		RunE: markErrors(func(c *cobra.Command, args []string) error {
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				if len(args) == 0 {
					list, err := s.OAuthClients(c.Context())
					if err != nil {
						return err
					}
					return t.printClients(list)
				}
				one, err := s.OAuthClient(c.Context(), args[0])
				if err != nil {
					return err
				}
				return t.printClients([]admin.OAuthClient{one})
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

func (t *tool) printClients(list []admin.OAuthClient) error {
	if t.flags.json {
		all := []clientJSON{}
		for _, c := range list {
			all = append(all, clientJSON{c.ID, c.ClientID, c.Name, c.State.String(), c.Status, timeJSON(c.Created)})
		}
		return t.printJSON(all)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(t.out, "no clients")
		return err
	}
	rows := [][]string{{"ID", "CLIENT ID", "STATUS", "NAME", "CREATED"}}
	for _, c := range list {
		rows = append(rows, []string{c.ID, c.ClientID, c.State.String(), c.Name, timeText(c.Created)})
	}
	return t.list(rows)
}
