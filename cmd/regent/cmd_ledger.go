package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/redeem"
	"regent/ipc/api"
	"regent/platform/terminal"
)

func newLedger(c *cli) *cobra.Command {
	var asCSV bool
	cmd := command("ledger", "List every redemption, to compare with the service's list",
		`List every redemption of this device, oldest first. The Contact Administrator
sees the same identifiers with tmsctl auth-token list. --csv has the columns of
that list, so you can join the two.

An uncertain redemption may have used a count. Check whether the service's list
has its identifier. Then record the answer with sudo regent ledger resolve.`,
		func(cmd *cobra.Command, _ []string) error {
			if wantsJSON(cmd) && asCSV {
				return usage(cmd, "--json and --csv exclude each other")
			}
			if asCSV {
				at := c.now() // before the agent reads the ledger
				l, err := ask(cmd.Context(), 0, c.agent().Ledger)
				if err != nil {
					return err
				}
				return writeLedgerCSV(cmd.OutOrStdout(), l, at)
			}
			_, err := answer(cmd, 0, c.agent().Ledger, func(l api.Ledger) string { return renderLedger(l, c.view()) })
			return err
		})
	jsonFlag(cmd, "print every entry as JSON")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print every redemption as a line of CSV")
	cmd.AddCommand(newLedgerVerify(c), newLedgerResolve(c))
	return cmd
}

// newLedgerVerify asks the daemon, since only the daemon has the key of the chain.
func newLedgerVerify(c *cli) *cobra.Command {
	return command("verify", "Check that nobody changed the ledger", "", func(cmd *cobra.Command, _ []string) error {
		_, err := answer(cmd, 0, c.agent().VerifiedLedger, func(l api.Ledger) string {
			return fmt.Sprintf("The ledger is as the agent wrote it: %d entries.\n", len(l.Entries))
		})
		return err
	})
}

func newLedgerResolve(c *cli) *cobra.Command {
	var consumed, not, listed, unlisted bool
	cmd := command("resolve IDENTIFIER --[not-]consumed|--[not-]listed", "Record whether the service lists a redemption",
		`Record whether tmsctl auth-token list shows the identifier of a redemption.

The reply to an uncertain redemption was lost, or does not show whether it used
a count. If the list shows it, it used a count: use --consumed. To redeem again,
run: sudo regent instances redeem. If the list does not show it, use
--not-consumed. Regent then redeems again.

An accepted, unconfirmed redemption got a reply without the names of this
device. If the list shows it, use --listed. Regent then redeems the waiting
instances. If the list does not show it, use --not-listed. Regent then tries the
other form, which costs one more count. If the list shows neither, Regent
redeems nothing by itself.`,
		func(cmd *cobra.Command, args []string) error {
			yes, no := consumed || listed, not || unlisted
			if yes == no {
				return usage(cmd, "add one of --consumed, --not-consumed, --listed, --not-listed; see regent ledger resolve --help")
			}
			resolve := func(ctx context.Context) error { return c.agent().Resolve(ctx, args[0], yes) }
			done := printable(args[0]) + " is resolved.\n"
			if unlisted {
				done += "With contract.request: auto, Regent tries each form once. The other form costs one more count.\nAfter both, Regent redeems nothing by itself.\n"
			}
			return tell(cmd, resolve, done)
		})
	cmd.Args = oneArgument("name one redemption by its identifier; regent ledger shows them")
	cmd.Example = `  sudo regent ledger resolve IDENTIFIER --consumed
  sudo regent ledger resolve IDENTIFIER --not-listed`
	cmd.Flags().BoolVar(&consumed, "consumed", false, "the service's list has it: a count was used")
	cmd.Flags().BoolVar(&not, "not-consumed", false, "the service's list does not have it: no count was used")
	cmd.Flags().BoolVar(&listed, "listed", false, "the service's list has the unconfirmed redemption")
	cmd.Flags().BoolVar(&unlisted, "not-listed", false, "the service's list does not have the unconfirmed redemption")
	return cmd
}

// renderLedger returns one line for each redemption, with its start in the time zone of
// the view. A row that is too wide for the terminal continues below.
func renderLedger(l api.Ledger, v view) string {
	all := redemptions(l.Entries)
	if len(all) == 0 {
		return "This device has tried no redemption.\n"
	}
	rows := [][]string{{"BEGAN", "INSTANCE", "IDENTIFIER", "REGISTRATION", "OUTCOME"}}
	for _, entries := range all {
		first := entries[0]
		rows = append(rows, []string{
			first.At.In(v.now.Location()).Format("2006-01-02 15:04:05"),
			printable(first.Instance), printable(first.Identifier), printable(first.Registration),
			printable(outcomeText(entries[len(entries)-1])),
		})
	}
	return terminal.Table(rows, v.width)
}

// redemptions groups the entries by redemption, in the order of their starts. No group is
// empty. It leaves out entries without a redemption, such as a person's request for one. Each
// auth token before the last [redeem.Unregistered] ends with [redeem.Forgotten], since the
// device deleted it.
func redemptions(entries []api.LedgerEntry) [][]api.LedgerEntry {
	var ended uint64 // the number of the last unregistered entry
	for _, e := range entries {
		if e.Kind == redeem.Unregistered {
			ended = e.Seq
		}
	}
	own := slices.DeleteFunc(slices.Clone(entries), func(e api.LedgerEntry) bool { return e.ID == "" })
	all := groups(own, func(e api.LedgerEntry) string { return e.ID })
	for i, of := range all {
		if last := of[len(of)-1]; last.Seq < ended && outcomeWord(last) == string(redeem.Confirmed) {
			last.Kind = redeem.Forgotten
			all[i] = append(of, last)
		}
	}
	return all
}

// outcomeText describes the outcome of a redemption from its last entry.
func outcomeText(e api.LedgerEntry) string {
	switch e.Kind {
	case redeem.Intent:
		return "under way"
	case redeem.Confirmed:
		if e.Unconfirmed {
			return "auth token " + e.AuthTokenID + ", " + e.Words
		}
		return "auth token " + e.AuthTokenID
	case redeem.Refused:
		return serviceReason("refused, no count used", e)
	case redeem.Unused:
		return serviceReason("no count used", e)
	case redeem.Uncertain:
		return serviceReason("uncertain, a count may have been used", e)
	case redeem.Resolved:
		if e.Consumed {
			return "a count was used, according to " + e.By
		}
		return "no count was used, according to " + e.By
	case redeem.Compared:
		if e.Consumed {
			return "auth token, in the service's list, according to " + e.By
		}
		return "auth token, not in the service's list, according to " + e.By
	case redeem.Forgotten:
		return "auth token deleted from this device"
	}
	return string(e.Kind)
}

// serviceReason adds the code, HTTP status and text of the service.
func serviceReason(what string, e api.LedgerEntry) string {
	reasons := []string{string(e.Code), "", e.Words}
	if e.Status != 0 {
		reasons[1] = fmt.Sprintf("HTTP %d", e.Status)
	}
	reasons = slices.DeleteFunc(reasons, func(reason string) bool { return reason == "" })
	if len(reasons) == 0 {
		return what
	}
	return what + ": " + strings.Join(reasons, ", ")
}

// ledgerColumns are the columns of the CSV. The names are those of tmsctl auth-token list
// --json, followed by the outcome. "words" has the text of the service. "exported" is when
// the ledger was exported: tmsctl investigate does not look for newer redemptions in it.
var ledgerColumns = []string{
	"identifier", "fqdn", "system_user_name", "mac_address", "ref_id_1", "ref_id_2", "creation_date", "outcome", "id", "code", "http_status", "words", "exported",
}

// writeLedgerCSV writes one row for each redemption. Its creation date is the start of
// the redemption. The service's date may be a little later. at is when the export began.
func writeLedgerCSV(w io.Writer, l api.Ledger, at time.Time) error {
	out := csv.NewWriter(w)
	rows := [][]string{ledgerColumns}
	for _, entries := range redemptions(l.Entries) {
		e, why := entries[0], answered(entries)
		rows = append(rows, []string{
			e.Identifier, e.FQDN, e.UserName, e.MAC, e.RefID1, e.RefID2,
			e.At.UTC().Format(time.RFC3339), outcomeWord(entries[len(entries)-1]), authTokenOf(entries),
			string(why.Code), httpStatus(why.Status), printable(why.Words), at.UTC().Format(time.RFC3339),
		})
	}
	return out.WriteAll(rows)
}

// outcomeWord returns the outcome of a redemption in one word.
func outcomeWord(e api.LedgerEntry) string {
	switch {
	case e.Kind == redeem.Compared: // it still has an auth token
		return string(redeem.Confirmed)
	case e.Kind != redeem.Resolved:
		return string(e.Kind)
	case e.Consumed:
		return "resolved_consumed"
	default:
		return "resolved_not_consumed"
	}
}

// answered returns the entry with the reason why a redemption gave no auth token, or the
// zero value.
func answered(entries []api.LedgerEntry) (why api.LedgerEntry) {
	for _, e := range entries {
		if e.Code != "" {
			why = e
		}
	}
	return why
}

func httpStatus(status int) string {
	if status == 0 {
		return ""
	}
	return strconv.Itoa(status)
}

// authTokenOf returns the ID of the auth token of a redemption; "" without one.
func authTokenOf(entries []api.LedgerEntry) string {
	for _, e := range entries {
		if e.AuthTokenID != "" {
			return e.AuthTokenID
		}
	}
	return ""
}
