package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

func (t *tool) authToken() *cobra.Command {
	return group("auth-token", "Auth tokens: what devices got for registration tokens",
		t.authList(),
		t.deletion("auth token", "whoever holds it can refresh it no more, and its count does not come back",
			func(ctx context.Context, s *admin.Session, id string) error { return s.DeleteAuthToken(ctx, id) }))
}

func (t *tool) authList() *cobra.Command {
	var filter admin.AuthFilter
	c := &cobra.Command{
		Use: "list", Short: "List auth tokens: who used which registration token", Args: cobra.NoArgs,
		RunE: running(func(c *cobra.Command, _ []string) error {
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				list, err := s.AuthTokens(c.Context(), filter)
				if err != nil {
					return err
				}
				return t.printAuthTokens(list)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&filter.Registration, "registration-token", "", "only those of the registration token with this `IDENTIFIER`")
	f.StringVar(&filter.Identifier, "identifier", "", "only the one with this `NAME`")
	f.StringVar(&filter.RefID1, "ref-id-1", "", "only those of this application and instance, as cad/1")
	f.StringVar(&filter.RefID2, "ref-id-2", "", "only those of this installation")
	f.StringVar(&filter.FQDN, "fqdn", "", "only those of this host")
	return c
}

func (t *tool) printAuthTokens(list []admin.AuthToken) error {
	if t.flags.json {
		all := []authJSON{}
		for _, a := range list {
			all = append(all, authJSON{
				a.ID, a.Identifier, a.FQDN, a.UserName, a.MAC, a.Registration, a.RefID1, a.RefID2, timeJSON(a.Created),
			})
		}
		return t.printJSON(all)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(t.out, "no auth tokens")
		return err
	}
	rows := [][]string{{"ID", "REGISTRATION TOKEN", "FQDN", "USER", "MAC", "REF ID 1", "REF ID 2", "CREATED", "IDENTIFIER"}}
	for _, a := range list {
		rows = append(rows, []string{
			a.ID, a.Registration, a.FQDN, a.UserName, a.MAC, a.RefID1, a.RefID2, when(a.Created), a.Identifier,
		})
	}
	return table(t.out, rows)
}

// authJSON is what scripts read: names may be added, never changed.
type authJSON struct {
	ID                string `json:"id"`
	Identifier        string `json:"identifier"`
	FQDN              string `json:"fqdn"`
	SystemUserName    string `json:"system_user_name"`
	MACAddress        string `json:"mac_address"`
	RegistrationToken string `json:"registration_token"` // its identifier
	RefID1            string `json:"ref_id_1"`
	RefID2            string `json:"ref_id_2"`
	CreationDate      string `json:"creation_date,omitempty"`
}
