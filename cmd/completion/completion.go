// Package completion makes the programs' completion scripts for shells, and the command
// that prints them.
package completion

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/suggest"
)

// AnswerTimeout is the longest time for the words that a program has to ask for. A person
// waits for them at the key TAB.
const AnswerTimeout = 2 * time.Second

// Shells returns the names of the supported shells.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// Write writes the script of a shell for the program with the root command root. A shell
// that [Shells] does not name is an error.
func Write(w io.Writer, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return writeBash(w, root)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	return fmt.Errorf("shell %s is not supported; name one of: %s", shell, strings.Join(Shells(), ", "))
}

// packageCall is the line of cobra's script that needs the package bash-completion.
const packageCall = `    _get_comp_words_by_ref "$@" cur prev words cword
`

// joinWords replaces packageCall. bash splits the words of a command line at = and :, too.
const joinWords = `    # Sets cur, prev, words and cword without the package bash-completion. bash splits
    # words at = and :. These lines join them again.
    local line=${COMP_LINE:0:COMP_POINT} i word blanks last=
    words=() cword=-1 prev=
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        blanks=${line%%[![:blank:]]*}
        line=${line#"$blanks"}
        ((i < COMP_CWORD)) || word=$line
        line=${line#"$word"}
        if [[ $i -gt 0 && -z $blanks && ($word == [=:]* || $last == *[=:]) ]]; then
            words[cword]+=$word
        else
            words[++cword]=$word
        fi
        last=$word
    done
    cur=${words[cword]}
    ((cword == 0)) || prev=${words[cword - 1]}
`

// writeBash writes cobra's script for bash. It works without the package bash-completion.
func writeBash(w io.Writer, root *cobra.Command) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	before, after, found := strings.Cut(script.String(), packageCall)
	if !found {
		return fmt.Errorf("[unexpected] the script for bash has no line %q", strings.TrimSpace(packageCall))
	}
	_, err := io.WriteString(w, before+joinWords+after)
	return err
}

// Command returns the command "completion" of a program. It replaces cobra's command, which
// exits 0 for an unknown shell. usage makes the error of a wrong command line.
func Command(program string, usage func(cmd *cobra.Command, text string) error) *cobra.Command {
	names := strings.Join(Shells(), "|")
	return &cobra.Command{
		Use:   "completion {" + names + "}",
		Short: "Print a completion script for a shell",
		Long:  strings.ReplaceAll(help, "PROGRAM", program),
		Example: fmt.Sprintf(`  source <(%s completion bash)
  %[1]s completion powershell | Out-String | Invoke-Expression`, program),
		ValidArgs: Shells(), DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(Shells(), args[0]) {
				return usage(cmd, "name one shell: "+strings.Join(Shells(), ", ")+suggest.DidYouMean(strings.Join(args, " "), Shells()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return Write(cmd.OutOrStdout(), cmd.Root(), args[0])
		},
	}
}

const help = `Print a completion script for a shell. To load it in each new shell, add one
line to the shell's file:

  bash        ~/.bashrc                   source <(PROGRAM completion bash)
  zsh         ~/.zshrc                    source <(PROGRAM completion zsh)
  fish        ~/.config/fish/config.fish  PROGRAM completion fish | source
  powershell  $PROFILE
    PROGRAM completion powershell | Out-String | Invoke-Expression

The file of zsh needs this line before it:

  autoload -Uz compinit && compinit

A Linux package installs the scripts for bash, zsh and fish, so zsh and fish
need no line. If bash-completion is not installed, add this line to ~/.bashrc:

  source /usr/share/bash-completion/completions/PROGRAM`

// Flag sets the completion of a flag's values.
func Flag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic("[unexpected] " + err.Error())
	}
}

// Words completes words that list returns. They may have a description: see
// [cobra.CompletionWithDesc]. list has [AnswerTimeout].
func Words(list func(ctx context.Context, cmd *cobra.Command) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), AnswerTimeout)
		defer cancel()
		for _, w := range list(ctx, cmd) {
			if strings.HasPrefix(w, begun) {
				words = append(words, w)
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// Argument completes the only argument of a command like [Words].
func Argument(list func(ctx context.Context, cmd *cobra.Command) []cobra.Completion) cobra.CompletionFunc {
	complete := Words(list)
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, begun)
	}
}
