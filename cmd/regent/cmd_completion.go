package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"regent/cmd/completion"
)

// applicationFlag adds the flag --application.
func (c *cli) applicationFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "application", "", "the `id` of the application")
	completion.Flag(cmd, "application", completion.Words(c.applicationIDs))
}

// applicationIDs returns the IDs of the daemon's applications. It returns none if the daemon
// does not answer.
func (c *cli) applicationIDs(ctx context.Context, _ *cobra.Command) (ids []cobra.Completion) {
	st, _ := c.status(ctx) // the zero value names none
	for _, a := range st.Applications {
		ids = append(ids, a.ID)
	}
	return ids
}

// instanceNames returns the names of all instances, each with its state. It returns none if
// the daemon does not answer.
func (c *cli) instanceNames(ctx context.Context, _ *cobra.Command) (names []cobra.Completion) {
	st, _ := c.status(ctx)
	for _, i := range st.Instances() {
		names = append(names, cobra.CompletionWithDesc(i.Name, i.State))
	}
	return names
}

// instanceNumbers returns the numbers of the instances of the flag --application, each with
// its state.
func (c *cli) instanceNumbers(ctx context.Context, cmd *cobra.Command) (numbers []cobra.Completion) {
	application, err := cmd.Flags().GetString("application")
	if err != nil || application == "" {
		return nil
	}
	for _, name := range c.instanceNames(ctx, cmd) {
		if number, found := strings.CutPrefix(name, application+"/"); found {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// version is set by the linker.
var version = "dev"

func newVersion() *cobra.Command {
	return command("version", "Print the version of this program", "", func(cmd *cobra.Command, _ []string) error {
		return write(cmd, versionText())
	})
}

func versionText() string {
	return fmt.Sprintf("regent %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
