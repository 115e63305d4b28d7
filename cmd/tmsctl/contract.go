package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
)

func (t *tool) contract() *cobra.Command {
	return &cobra.Command{
		Use: "contract", Short: "Say what the tenant shows of what the vendor leaves open; it only reads", Args: noArguments,
		Long: `Say for each matter that the vendor leaves open, and that an administrator can
see, how this tenant has it, or when that will be known. It only reads: no count
is used, nothing is made or changed. The block that it prints holds no secret and
is ready to be pasted into a support ticket.

regent doctor --contract prints the same on a device, and tmsctl trial tries what
no reading shows.`,
		RunE: running(func(c *cobra.Command, _ []string) error {
			return t.asAdministrator(c.Context(), func(s *admin.Session) error { return t.observe(c.Context(), s) })
		}),
	}
}

func (t *tool) observe(ctx context.Context, s *admin.Session) error {
	found, err := s.Contract(ctx)
	if err != nil {
		return err
	}
	found.Set(contract.Login, t.loginForm(s))
	return t.printBlock(contract.Block{Tenant: t.host, Forms: contract.Fill(contract.Administrator, found)})
}

// loginForm is how the administrator logged in.
func (t *tool) loginForm(s *admin.Session) string {
	if t.flags.clientCredentials {
		return "client credentials"
	}
	if t.byBrowser {
		return "by browser, of client " + s.Bearer().Provider.ClientID
	}
	return "a user's, of client " + s.Bearer().Provider.ClientID
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
