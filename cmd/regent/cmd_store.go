package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/ipc/api"
)

func newStore(c *cli) *cobra.Command {
	cmd := command("store", "Check, repair or reset the sealed store of this device's tokens",
		`Check, repair or reset the sealed store of this device's tokens. A command that
changes the store shows its effect and the largest cost in counts. It changes
nothing without --yes. With --yes the agent does it and restarts.`, c.showStore)
	status := command("status", "Show the state of the store and the protection of its key", "", c.showStore)
	jsonFlag(status, "print it as JSON")
	cmd.AddCommand(status, newStoreReport(c, "verify", "Read and check every record and the ledger"),
		newStoreReport(c, "drill", "Rehearse failures of the store, on copies"))
	for _, v := range []struct{ verb, short string }{
		{"recover", "Continue with the readable records; rename others to .corrupt-N"},
		{"reset", "Delete every token and the data key, and start again"},
		{"rekey", "Seal everything under a new data key"},
		{"adopt", "In quarantine: this is the same device, continue"},
		{"register-again", "In quarantine: this is another device, delete the auth tokens"},
	} {
		cmd.AddCommand(newStoreChange(c, v.verb, v.short))
	}
	return cmd
}

func (c *cli) showStore(cmd *cobra.Command, _ []string) error {
	_, err := answer(cmd, 0, c.agent().Store, func(st api.Store) string { return renderStore(st, c.view()) })
	return err
}

// newStoreReport makes a command that changes nothing.
func newStoreReport(c *cli, verb, short string) *cobra.Command {
	return command(verb, short, "", func(cmd *cobra.Command, _ []string) error {
		call := func(ctx context.Context) (api.Store, error) { return c.agent().RunStoreOperation(ctx, verb, true) }
		st, err := answer(cmd, time.Minute, call, func(st api.Store) string { return renderStore(st, c.view()) })
		if err != nil {
			return err
		}
		return storeError(st)
	})
}

// storeError returns the failure of a store that is not good.
func storeError(st api.Store) error {
	for _, step := range st.Steps {
		if !step.Passed {
			return fault.Errorf("drill", fault.Internal, "%s: the state of the store was %s, which was not expected", step.Name, step.State)
		}
	}
	if len(st.Damaged) > 0 || st.Ledger == "altered" {
		return fault.Errorf("verify", fault.StoreUnreadable, "the store is damaged, see above; for the cost of continuing without the damaged records, run: sudo regent store recover")
	}
	return nil
}

// newStoreChange makes a command that shows its cost. With --yes it changes the store.
func newStoreChange(c *cli, verb, short string) *cobra.Command {
	var yes bool
	cmd := command(verb, short, "", func(cmd *cobra.Command, _ []string) error { return c.changeStore(cmd, verb, yes) })
	cmd.Flags().BoolVar(&yes, "yes", false, "do it; without this flag, only show the effect and the cost")
	return cmd
}

// imageNotice lists what regent seal-image does not remove.
const imageNotice = `The configuration stays, since the copies need it. Other programs use these too,
so remove them yourself: the machine-id, the file of the registration token, the
system's log, and systemd's key in /var/lib/systemd/credential.secret.`

func newSealImage(c *cli) *cobra.Command {
	cmd := newStoreChange(c, "seal-image", "Prepare a golden image: remove data that copies must not share")
	cmd.Long = `Prepare a golden image. It removes the data that copies must not share: tokens,
data key, ledger, audit log, the name of the installation and its binding to the
device. The agent then uses and records nothing until the machine boots again.
Each copy makes its own key and registers by itself.

` + imageNotice
	do := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := do(cmd, args); err != nil || !cmd.Flags().Changed("yes") {
			return err
		}
		return write(cmd, imageNotice+"\n")
	}
	return cmd
}

func (c *cli) changeStore(cmd *cobra.Command, verb string, yes bool) error {
	ctx, cancel := withTimeout(cmd.Context(), time.Minute)
	defer cancel()
	a := c.agent()
	st, err := a.RunStoreOperation(ctx, verb, yes)
	if err != nil {
		return timeoutError(ctx, err)
	}
	cost := "It costs no count."
	switch {
	case st.Counts == 1:
		cost = "It costs at most one count."
	case st.Counts > 1:
		cost = fmt.Sprintf("It costs at most %d counts.", st.Counts)
	}
	text := c.view().prose(printable("This "+st.Effect)) + cost + "\n"
	if !yes {
		text += "Nothing was changed. To do it, add --yes.\n"
	}
	if err := write(cmd, text); err != nil || !yes {
		return err
	}
	job, err := awaitStoreJob(ctx, a, st.ID)
	if err != nil {
		return err
	}
	if !job.Done {
		return fault.Errorf(verb, fault.StoreUnreadable, "%s", job.Failure)
	}
	var done strings.Builder
	for _, path := range job.SetAside {
		done.WriteString("Renamed to " + printable(path) + "\n")
	}
	return write(cmd, done.String()+"Done.\n")
}

const pollInterval = 100 * time.Millisecond

// awaitStoreJob waits for the end of an operation. The agent restarts meanwhile.
func awaitStoreJob(ctx context.Context, a agent, id string) (api.StoreOperation, error) {
	for {
		st, err := a.Store(ctx)
		if err == nil && st.LastOperation != nil && st.LastOperation.ID == id {
			return *st.LastOperation, nil
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return api.StoreOperation{}, timeoutError(ctx, ctx.Err())
		}
	}
}

func newUnregister(c *cli) *cobra.Command {
	var yes bool
	cmd := command("unregister", "Delete every token and the data key from this device",
		`Delete every token and the data key from this device. A device cannot delete
auth tokens at the service. regent prints them, so the Contact Administrator can
delete them there with tmsctl auth-token delete. No count comes back.`,
		func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usage(cmd, "this deletes every token of this device; to do it, add --yes")
			}
			ctx, cancel := withTimeout(cmd.Context(), 0)
			defer cancel()
			a := c.agent()
			st, err := a.Unregister(ctx)
			if err != nil {
				return timeoutError(ctx, err)
			}
			if err := write(cmd, renderWiped(st)); err != nil || st.ID == "" {
				return err
			}
			// The agent restarts. The next command must find it.
			job, err := awaitStoreJob(ctx, a, st.ID)
			if err == nil && !job.Done {
				err = fault.Errorf("unregister", fault.StoreUnreadable, "the data key is deleted, but the sealed records could not be removed: %s; see: sudo regent store", job.Failure)
			}
			return err
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func renderWiped(st api.Store) string {
	if len(st.Wiped) == 0 && st.State == "ok" {
		return "The data key and every record are deleted. There was no auth token.\n"
	}
	if len(st.Wiped) == 0 {
		return "The data key and every record are deleted. No auth token could be read, so regent cannot list them.\nThe Contact Administrator finds them with: tmsctl auth-token list\n"
	}
	rows := [][]string{{"INSTANCE", "TENANT", "IDENTIFIER", "AUTH TOKEN"}}
	uncertain := [][]string{{"INSTANCE", "TENANT", "IDENTIFIER"}}
	for _, w := range st.Wiped {
		row := []string{printable(w.Instance), printable(w.Tenant), printable(w.Identifier)}
		if w.Uncertain {
			uncertain = append(uncertain, row)
			continue
		}
		rows = append(rows, append(row, printable(w.AuthTokenID)))
	}
	text := ""
	if len(rows) > 1 {
		text = "Deleted from this device. The Contact Administrator can delete at the service:\n" + table("", rows)
	}
	if len(uncertain) > 1 {
		text += "These redemptions may have used a count. The Contact Administrator finds the\nidentifiers with tmsctl auth-token list, and can delete their auth tokens:\n" + table("", uncertain)
	}
	return text
}

// renderStore formats the store for people.
func renderStore(st api.Store, v view) string {
	rows := facts{{"State", printable(st.State)}, {"Key", printable(st.Protection)}}
	rows.add("", st.Detail)
	rows.add("Why", st.Reason)
	rows.add("Records", fmt.Sprintf("%d can be read, %d cannot", st.Records, len(st.Damaged)))
	for _, d := range st.Damaged {
		rows.add("", d.Path+": "+d.Why)
	}
	rows.add("Ledger", st.Ledger)
	rows.add("Binding", bindingText(st))
	if st.LastOperation != nil {
		rows.add("Last", fmt.Sprintf("%s, done: %t %s", st.LastOperation.Verb, st.LastOperation.Done, st.LastOperation.Failure))
	}
	var text strings.Builder
	text.WriteString(v.labelled("", rows))
	for _, step := range st.Steps {
		verdict := "as expected"
		if !step.Passed {
			verdict = "NOT AS EXPECTED"
		}
		fmt.Fprintf(&text, "\nIf %s: %s, costs up to %s (%s)\n", printable(step.Name), printable(step.State), plural(step.Counts, "count"), verdict)
		text.WriteString(v.prose(printable(step.Message)))
	}
	if len(st.Steps) > 0 {
		text.WriteString("\n" + printable(st.Effect) + "\n")
	}
	return text.String()
}

func bindingText(st api.Store) string {
	switch st.Binding {
	case "":
		return ""
	case "off":
		return "off: this device has too few facts to notice a copy, for example in a container"
	case "quarantine":
		return "the state looks like another device's"
	}
	return fmt.Sprintf("bound to this device by %d kinds of facts", st.Facts)
}
