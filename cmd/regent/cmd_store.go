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
	cmd := command("store", "Look after the sealed store of this device's tokens",
		`Look after the sealed store of this device's tokens. Whatever changes it says
first what it does and how many counts that costs at most; with --yes it is done,
and the agent starts anew for it.`, c.showStore)
	status := command("status", "Say how the store is and what guards its key", "", c.showStore)
	jsonFlag(status, "print it as JSON")
	cmd.AddCommand(status, newStoreReport(c, "verify", "Read every record and the ledger, and compare them"),
		newStoreReport(c, "drill", "Rehearse on copies what could happen to the store"))
	for _, v := range []struct{ verb, short string }{
		{"recover", "Go on with what can be read; the rest is kept as .corrupt-N"},
		{"reset", "Forget every token and the data key, and begin anew"},
		{"rekey", "Seal everything under a new data key"},
		{"adopt", "In quarantine: this is the same device, go on"},
		{"register-again", "In quarantine: this is another device, forget its auth tokens"},
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

// storeError is the failure of a store that was looked at and is not good.
func storeError(st api.Store) error {
	for _, step := range st.Steps {
		if !step.Passed {
			return fault.Errorf("drill", fault.Internal, "%s: the store came to %s, which was not expected", step.Name, step.State)
		}
	}
	if len(st.Damaged) > 0 || st.Ledger == "altered" {
		return fault.Errorf("verify", fault.StoreUnreadable, "the store is damaged, see above; regent store recover says what going on without costs")
	}
	return nil
}

// newStoreChange makes a command that says what it costs, and with --yes does it.
func newStoreChange(c *cli, verb, short string) *cobra.Command {
	var yes bool
	cmd := command(verb, short, "", func(cmd *cobra.Command, _ []string) error { return c.changeStore(cmd, verb, yes) })
	cmd.Flags().BoolVar(&yes, "yes", false, "do it; without, only what it would do and cost is told")
	return cmd
}

// imageNotice is what sealing an image leaves, and why.
const imageNotice = `The configuration stays, since the copies need it.
These are not Regent's alone, and are yours to remove: the machine id, the
registration token's file, the system's log, and systemd's own key in
/var/lib/systemd/credential.secret.`

func newSealImage(c *cli) *cobra.Command {
	cmd := newStoreChange(c, "seal-image", "Strip this machine of all that its copies must not share")
	cmd.Long = `Strip this machine, a golden image, of all that its copies must not share: tokens,
data key, ledger, audit log, the name of the installation and what binds it to the
device. It uses nothing and records nothing until it starts the next time. Each copy
then makes a key and registers by itself.

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
	deed, err := awaitStoreJob(ctx, a, st.ID)
	if err != nil {
		return err
	}
	if !deed.Done {
		return fault.Errorf(verb, fault.StoreUnreadable, "%s", deed.Failure)
	}
	var done strings.Builder
	for _, path := range deed.SetAside {
		done.WriteString("Kept as " + printable(path) + "\n")
	}
	return write(cmd, done.String()+"Done.\n")
}

const pollInterval = 100 * time.Millisecond

// awaitStoreJob waits for the end of what was begun. The agent goes away for a moment
// meanwhile.
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
	cmd := command("unregister", "Wipe every token and the data key from this device",
		`Wipe every token and the data key from this device. The service cannot be told by
a device: what is printed is what the Contact Administrator can delete there, with
tmsctl auth-token delete. Deleted or not, no count comes back.`,
		func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usage(cmd, "it wipes every token of this device; add --yes if that is what you want")
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
			// The agent goes away for a moment: what comes next is to find it.
			deed, err := awaitStoreJob(ctx, a, st.ID)
			if err == nil && !deed.Done {
				err = fault.Errorf("unregister", fault.StoreUnreadable, "the data key is destroyed, but what it sealed could not be cleared away: %s; see regent store", deed.Failure)
			}
			return err
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func renderWiped(st api.Store) string {
	if len(st.Wiped) == 0 {
		return "The data key and every record are wiped. No auth token could be read, so none can be named; regent ledger before, or tmsctl auth-token list, has them.\n"
	}
	rows := [][]string{{"INSTANCE", "TENANT", "IDENTIFIER", "AUTH TOKEN"}}
	for _, w := range st.Wiped {
		rows = append(rows, []string{printable(w.Instance), printable(w.Tenant), printable(w.Identifier), printable(w.AuthTokenID)})
	}
	return "Wiped from this device. The Contact Administrator can delete:\n" + table("", rows)
}

// renderStore is the store for people.
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
		verdict := "as it should"
		if !step.Passed {
			verdict = "NOT AS IT SHOULD"
		}
		fmt.Fprintf(&text, "\nIf %s: %s, costs up to %d counts (%s)\n", printable(step.Name), printable(step.State), step.Counts, verdict)
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
		return "off: too little is known of this device to notice a copy, as in a container"
	case "quarantine":
		return "the state looks like another device's"
	}
	return fmt.Sprintf("bound to this device by %d kinds of facts", st.Facts)
}
