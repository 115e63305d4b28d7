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
