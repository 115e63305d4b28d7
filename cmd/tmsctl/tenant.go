package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
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

func (t *tool) contract() *cobra.Command {
	return &cobra.Command{
		Use: "contract", Short: "Report how this tenant behaves, for a support ticket", Args: noArguments,
		Long: `Report how this tenant implements the details that the vendor does not document.
If a row is not known yet, the report names the command that shows it. tmsctl
contract only reads: it uses no count and changes nothing. The report contains
no secret. Paste it into a support ticket.

regent doctor --contract prints the report of a device. tmsctl trial tests what
reading cannot show.`,
		RunE: t.session(t.observe),
	}
}

func (t *tool) observe(ctx context.Context, s *admin.Session, _ []string) error {
	found, err := s.Contract(ctx)
	if err != nil {
		return err
	}
	found.Set(contract.Login, t.loginForm(s))
	return t.printBlock(contract.Block{Tenant: t.host, Forms: contract.Fill(contract.Administrator, found)})
}

// loginForm is how the administrator logged in.
func (t *tool) loginForm(s *admin.Session) string {
	if t.flags.ClientCredentials {
		return "client credentials"
	}
	if t.byBrowser {
		return "browser, client " + s.Bearer().Provider.ClientID
	}
	return "password, client " + s.Bearer().Provider.ClientID
}

// printBlock prints a block for a ticket, signed with who asked, and when.
func (t *tool) printBlock(b contract.Block) error {
	b.By, b.At = "tmsctl "+version+" as an administrator", t.now().UTC().Truncate(time.Second)
	if t.flags.json {
		return t.printJSON(map[string]any{"tenants": []contract.Block{b}})
	}
	_, err := t.out.Write([]byte(b.String()))
	return err
}
