package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

// shellNames are the supported shells.
func shellNames() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// newCompletion replaces cobra's command, which exits 0 for an unknown shell.
func newCompletion() *cobra.Command {
	names := strings.Join(shellNames(), ", ")
	cmd := command("completion {"+strings.Join(shellNames(), "|")+"}", "Print a completion script for a shell",
		`Print a completion script for a shell. To load it:

  bash        source <(regent completion bash)
  zsh         regent completion zsh > "${fpath[1]}/_regent"
  fish        regent completion fish | source
  powershell  regent completion powershell | Out-String | Invoke-Expression`,
		func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usage(cmd, "name one shell: %s", names)
		})
	cmd.Args, cmd.ValidArgs, cmd.DisableFlagsInUseLine = oneArgument("name one shell: "+names), shellNames(), true
	return cmd
}

// completeFlag sets the completion of a flag's values.
func completeFlag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic("[unexpected] " + err.Error())
	}
}

// applicationFlag adds the flag --application.
func (c *cli) applicationFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "application", "", "the `id` of the application")
	completeFlag(cmd, "application", c.completeApplications)
}

// completeApplications completes the ids of the daemon's applications. It completes
// none if the daemon does not answer.
func (c *cli) completeApplications(cmd *cobra.Command, _ []string, begun string) (ids []cobra.Completion, _ cobra.ShellCompDirective) {
	st, _ := c.status(cmd.Context()) // the zero value names none
	for _, a := range st.Applications {
		if strings.HasPrefix(a.ID, begun) {
			ids = append(ids, a.ID)
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
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
