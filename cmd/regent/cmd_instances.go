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
	"regent/cmd/completion"
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

// allInstances is never nil: its JSON is an array.
func allInstances(st status.Status) []status.Instance {
	all := []status.Instance{}
	for _, i := range st.Instances() {
		all = append(all, i)
	}
	return all
}

// instanceCommand makes a command about one instance.
func (c *cli) instanceCommand(use, short, long string, run func(cmd *cobra.Command, application, number string) error) *cobra.Command {
	cmd := command(use, short, long, func(cmd *cobra.Command, args []string) error {
		application, number, err := token.ParseInstanceName(args[0])
		if err != nil {
			return usage(cmd, "%v", err)
		}
		return run(cmd, application, strconv.Itoa(number))
	})
	cmd.Args = oneArgument("name one instance, such as cad/1")
	cmd.ValidArgsFunction = completion.Argument(c.instanceNames)
	return cmd
}

// newForget makes the command that deletes an auth token from this device.
func newForget(c *cli) *cobra.Command {
	var yes bool
	cmd := c.instanceCommand("forget INSTANCE", "Delete the auth token of an instance from this device",
		`Delete the auth token of an instance, such as cad/1, from this device. The
service is not notified, and the count does not come back. Ask the Contact
Administrator to delete the auth token that sudo regent ledger names. To use the
instance again, run: sudo regent instances redeem. It costs one count.`,
		func(cmd *cobra.Command, application, number string) error {
			question := fmt.Sprintf("Delete the auth token of %s/%s from this device? Its count does not come back, and a new one costs a count.", application, number)
			if err := confirm(cmd, c.runtimeEnv, yes, question); err != nil {
				return err
			}
			forget := func(ctx context.Context) error { return c.agent().Forget(ctx, application, number) }
			return tell(cmd, forget, fmt.Sprintf("The auth token of %s/%s is deleted. Its count stays used.\nTo use the instance again, for one more count: %s %[1]s/%[2]s\n", application, number, fault.Commands("sudo regent instances redeem")))
		})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// newRedeem makes the command that redeems an instance again. A person decides, since it
// costs a count.
func newRedeem(c *cli) *cobra.Command {
	var yes bool
	cmd := c.instanceCommand("redeem INSTANCE", "Redeem an instance again, which costs one count",
		`Redeem an instance, such as cad/1, again. It costs one count of the registration
token. So the agent does not do this by itself after a revocation or when a
refresh token was lost. Without a registration token, the agent redeems when it
gets the next one.`,
		func(cmd *cobra.Command, application, number string) error {
			name := application + "/" + number
			if err := confirm(cmd, c.runtimeEnv, yes, fmt.Sprintf("Use one count of a registration token for %s?", name)); err != nil {
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

// begun returns the result of a request to redeem, from the status after it.
func begun(st status.Status, name string) string {
	for a, i := range st.Instances() {
		switch f := i.LastFault; {
		case i.Name != name:
		case i.State == string(token.Live):
			return fmt.Sprintf("%s is redeemed: one count was used.\n", name)
		case f != nil && f.Code == string(fault.RedemptionUnconfirmed):
			return fmt.Sprintf("Accepted: %s waits, and no count is used yet: %s\n", name, printable(f.Detail))
		case !holdsRegistration(st, a.Tenant):
			return fmt.Sprintf("Accepted: %s is redeemed with the next registration token, for one count.\nGive one: %s\n", name, fault.Commands("sudo regent register --file FILE"))
		}
	}
	return fmt.Sprintf("%s is being redeemed, for one count. See: regent status\n", name)
}

// errNotConfirmed is the error of a command that was not confirmed.
var errNotConfirmed = errors.New("nothing was changed")

// confirm asks the person, unless yes is set. Without a terminal, yes is required.
func confirm(cmd *cobra.Command, s runtimeEnv, yes bool, question string) error {
	if yes {
		return nil
	}
	if s.confirm == nil {
		return usage(cmd, "there is no terminal to ask a question; to run it without a question, add --yes")
	}
	agreed, err := s.confirm(cmd.Context(), question)
	if err == nil && !agreed {
		return errNotConfirmed
	}
	return err
}
