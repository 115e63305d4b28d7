package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
)

func newInstances(c *cli) *cobra.Command {
	cmd := command("instances", "List the instances of all applications", "", func(cmd *cobra.Command, _ []string) error {
		st, err := c.status(cmd.Context())
		if err != nil {
			return err
		}
		return show(cmd, allInstances(st), func() string { return renderInstances(st, c.viewAt(st.Now)) })
	})
	cmd.AddCommand(newRedeem(c), newForget(c))
	jsonFlag(cmd, "print them as a JSON array, with absolute times")
	return cmd
}

// allInstances is never nil, so that its JSON is an array.
func allInstances(st status.Status) []status.Instance {
	all := []status.Instance{}
	for _, i := range st.Instances() {
		all = append(all, i)
	}
	return all
}

// instanceCommand makes a command about one instance.
func instanceCommand(use, short, long string, run func(cmd *cobra.Command, application, number string) error) *cobra.Command {
	cmd := command(use, short, long, func(cmd *cobra.Command, args []string) error {
		application, number, err := token.ParseInstanceName(args[0])
		if err != nil {
			return usage(cmd, "%v", err)
		}
		return run(cmd, application, strconv.Itoa(number))
	})
	cmd.Args = oneArgument("name one instance, such as cad/1")
	return cmd
}

// newForget wipes an auth token that this device shall not use any more.
func newForget(c *cli) *cobra.Command {
	return instanceCommand("forget INSTANCE", "Wipe the auth token of an instance from this device",
		`Wipe the auth token of an instance, such as cad/1, from this device. The service
is not told, and its count does not come back: have the Contact Administrator
delete the auth token that regent ledger names. Only regent instances redeem
brings the instance back.`,
		func(cmd *cobra.Command, application, number string) error {
			forget := func(ctx context.Context) error { return c.agent().Forget(ctx, application, number) }
			return tell(cmd, forget, fmt.Sprintf("The auth token of %s/%s is wiped.\n", application, number))
		})
}

// newRedeem is a person's decision to spend a count on an instance whose auth
// token is of no use any more.
func newRedeem(c *cli) *cobra.Command {
	var yes bool
	cmd := instanceCommand("redeem INSTANCE", "Redeem an instance once more, which costs a count",
		`Redeem an instance, such as cad/1, once more. It costs one count of the
registration token, so the agent never does this by itself after a revocation
or when a refresh token was lost. Without a registration token the wish is
remembered, and the next one pays for it.`,
		func(cmd *cobra.Command, application, number string) error {
			name := application + "/" + number
			if err := confirm(cmd, c.runtimeEnv, yes, fmt.Sprintf("Spend one count of a registration token on %s?", name)); err != nil {
				return err
			}
			ctx, cancel := withTimeout(cmd.Context(), 0)
			defer cancel()
			if err := c.agent().Redeem(ctx, application, number); err != nil {
				return timeoutError(ctx, err)
			}
			st, _ := c.agent().Status(ctx) // the zero value, where it is not known
			return write(cmd, begun(st, name))
		})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// begun returns the result of a request to redeem an instance, by the status after it.
func begun(st status.Status, name string) string {
	for a, i := range st.Instances() {
		switch f := i.LastFault; {
		case i.Name != name:
		case i.State == string(token.Live):
			return fmt.Sprintf("%s is redeemed: one count was used.\n", name)
		case f != nil && f.Code == string(fault.RedemptionUnconfirmed):
			return fmt.Sprintf("Remembered: %s waits. No count is used yet: %s\n", name, printable(f.Detail))
		case !holdsRegistration(st, a.Tenant):
			return fmt.Sprintf("Remembered: the next registration token pays one count for %s; give one with regent register.\n", name)
		}
	}
	return fmt.Sprintf("%s is being redeemed, which costs a count; see regent status.\n", name)
}

// errNotConfirmed ends a command that was not confirmed.
var errNotConfirmed = errors.New("nothing was changed")

// confirm asks the person, unless yes says that it is not needed. Where there is
// nobody to ask, yes is.
func confirm(cmd *cobra.Command, s runtimeEnv, yes bool, question string) error {
	if yes {
		return nil
	}
	if s.confirm == nil {
		return usage(cmd, "nobody can be asked here: add --yes to go ahead without a question")
	}
	agreed, err := s.confirm(cmd.Context(), question)
	if err == nil && !agreed {
		return errNotConfirmed
	}
	return err
}
