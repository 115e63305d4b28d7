package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"regent/agent/instance"
	"regent/agent/status"
)

func newInstances(s runtimeEnv, dial dialer) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "instances",
		Short: "List the instances of all applications",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := askStatus(cmd.Context(), dial)
			if err != nil {
				return err
			}
			return show(cmd, asJSON, allInstances(st), func() string { return renderInstances(st, s.viewAt(st.Now)) })
		},
	}
	cmd.AddCommand(newRedeem(s, dial), newForget(dial))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print them as a JSON array, with absolute times")
	return cmd
}

// allInstances is never nil, so that its JSON is an array.
func allInstances(st status.Status) []status.Instance {
	all := []status.Instance{}
	for _, a := range st.Applications {
		all = append(all, a.Instances...)
	}
	return all
}

// newForget wipes an auth token that this device shall not use any more.
func newForget(dial dialer) *cobra.Command {
	return &cobra.Command{
		Use:   "forget INSTANCE",
		Short: "Wipe the auth token of an instance from this device",
		Long: `Wipe the auth token of an instance, such as cad/1, from this device. The service
is not told, and its count does not come back: have the Contact Administrator
delete the auth token that regent ledger names. Only regent instances redeem
brings the instance back.`,
		Args: oneArgument(nameInstance),
		RunE: func(cmd *cobra.Command, args []string) error {
			application, number, err := instance.ParseName(args[0])
			if err != nil {
				return usage(cmd, "%v", err)
			}
			forget := func(ctx context.Context) error { return dial().Forget(ctx, application, strconv.Itoa(number)) }
			return tell(cmd, forget, fmt.Sprintf("The auth token of %s is wiped.\n", args[0]))
		},
	}
}

const nameInstance = "name one instance, such as cad/1"
