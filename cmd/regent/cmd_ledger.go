package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/redeem"
	"regent/ipc/api"
)

func newLedger(s surroundings, dial dialer) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Account for every redemption, to compare with the service's list",
		Long: `Account for every redemption that this device ever tried, oldest first. The
identifiers are those that the Contact Administrator sees with tmsctl auth-token
list.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := within(cmd.Context(), 0)
			defer cancel()
			l, err := dial().Ledger(ctx)
			if err != nil {
				return late(ctx, err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), l)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), renderLedger(l, s.viewAt(s.now())))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print every entry as JSON")
	return cmd
}

// renderLedger is one line for each redemption, at the time when it began, in
// the zone of the view.
func renderLedger(l api.Ledger, v view) string {
	all := redemptions(l.Entries)
	if len(all) == 0 {
		return "No redemption was ever tried on this device.\n"
	}
	rows := [][]string{{"BEGAN", "INSTANCE", "IDENTIFIER", "REGISTRATION", "OUTCOME"}}
	for _, entries := range all {
		first := entries[0]
		rows = append(rows, []string{
			first.At.In(v.now.Location()).Format("2006-01-02 15:04:05"),
			printable(first.Instance), printable(first.Identifier), printable(first.Registration),
			printable(became(entries[len(entries)-1])),
		})
	}
	return table("", rows)
}

// redemptions groups the entries by redemption, in the order in which they
// began. No group is empty.
func redemptions(entries []api.LedgerEntry) [][]api.LedgerEntry {
	var all [][]api.LedgerEntry
	at := map[string]int{}
	for _, e := range entries {
		i, known := at[e.ID]
		if !known {
			i = len(all)
			at[e.ID] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], e)
	}
	return all
}

// became says what the last entry of a redemption makes of it.
func became(e api.LedgerEntry) string {
	switch redeem.Kind(e.Kind) {
	case redeem.Intent:
		return "under way"
	case redeem.Confirmed:
		return "auth token " + e.AuthTokenID
	case redeem.Refused:
		return because("refused, no count used", e)
	case redeem.Unused:
		return because("no count used", e)
	case redeem.Uncertain:
		return because("uncertain, a count may have been used", e)
	case redeem.Resolved:
		if e.Consumed {
			return "a count was used, says " + e.By
		}
		return "no count was used, says " + e.By
	case redeem.Forgotten:
		return "auth token wiped from this device"
	}
	return e.Kind
}

// because adds what the service said.
func because(what string, e api.LedgerEntry) string {
	var reasons []string
	if e.Code != "" {
		reasons = append(reasons, e.Code)
	}
	if e.Status != 0 {
		reasons = append(reasons, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Words != "" {
		reasons = append(reasons, e.Words)
	}
	if len(reasons) == 0 {
		return what
	}
	return what + ": " + strings.Join(reasons, ", ")
}
