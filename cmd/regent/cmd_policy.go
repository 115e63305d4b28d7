package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
	"regent/platform/terminal"
)

func newPolicy(c *cli) *cobra.Command {
	var all, strict bool
	cmd := command("policy", "Show the active configuration, and its sources",
		`Show for each key of the configuration its active value, the layer and place
that set it, its problems, and the values that it hides. Keys that nobody sets
are shown only with --all.

Exit codes: 0 done; with --exit-code, 6 if a value is ignored or waits for a
restart.`,
		func(cmd *cobra.Command, _ []string) error {
			p, err := answer(cmd, 0, c.agent().Policy, func(p api.Policy) string { return renderPolicy(p, c.view(), all) })
			if err == nil && strict && countProblems(p) > 0 {
				return healthError(status.Degraded)
			}
			return err
		})
	cmd.Example = `  sudo regent policy
  sudo regent policy --all --json
  sudo regent policy --exit-code >/dev/null || echo "not compliant"`
	jsonFlag(cmd, "print every key as JSON, with its documentation")
	cmd.Flags().BoolVar(&all, "all", false, "show also the keys that nobody sets")
	cmd.Flags().BoolVar(&strict, "exit-code", false, "exit 6 if a value has a problem: for compliance checks")
	cmd.AddCommand(newPolicyExplain(c))
	return cmd
}

func newPolicyExplain(c *cli) *cobra.Command {
	cmd := command("explain KEY", "Show why a key has its value, and its meaning",
		`Show why a key has its value: its source, the values that it hides, the ignored
values and their problems. It also shows the meaning of the key. KEY is the name
in the configuration, such as network.timeout or applications.cad.allow, or its
name in the registry.`,
		func(cmd *cobra.Command, args []string) error {
			p, err := ask(cmd.Context(), 0, c.agent().Policy)
			if err != nil {
				return err
			}
			k, err := findKey(cmd, p, args[0])
			if err != nil {
				return err
			}
			return write(cmd, explainKey(k, c.view()))
		})
	cmd.Args = oneArgument("name one key, such as network.timeout")
	return cmd
}

func findKey(cmd *cobra.Command, p api.Policy, name string) (api.PolicyKey, error) {
	i := slices.IndexFunc(p.Keys, func(k api.PolicyKey) bool {
		return k.Key == name || k.PolicyName != "" && strings.EqualFold(k.PolicyName, name)
	})
	if i >= 0 {
		return p.Keys[i], nil
	}
	var near []string
	for _, k := range p.Keys {
		if strings.HasSuffix(k.Key, "."+name) {
			near = append(near, k.Key)
		}
	}
	if len(near) > 0 {
		return api.PolicyKey{}, usage(cmd, "unknown key %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return api.PolicyKey{}, usage(cmd, fault.Commands("unknown key %q; for a list, run: sudo regent policy --all"), name)
}

// countProblems counts the keys and files with a problem.
func countProblems(p api.Policy) int {
	n := len(p.Problems)
	for _, k := range p.Keys {
		if k.Status != api.PolicyStateOK {
			n++
		}
	}
	return n
}

const defaultLevel = "default"

// isSet reports whether somebody sets a key, or it has a problem.
func isSet(k api.PolicyKey) bool { return k.Level != defaultLevel || k.Status != api.PolicyStateOK }

// renderPolicy returns the table, then the problems.
func renderPolicy(p api.Policy, v view, all bool) string {
	rows := [][]string{{"KEY", "VALUE", "LEVEL", "STATUS", "SOURCE", "HIDES"}}
	for _, k := range p.Keys {
		if !isSet(k) && !all {
			continue
		}
		hides := ""
		if len(k.Hides) > 0 {
			hides = fmt.Sprintf("%s (%s)", truncateValue(k.Hides[0].Value), k.Hides[0].Level)
		}
		rows = append(rows, []string{printable(k.Key), truncateValue(k.Value), printable(k.Level), valueText(k.Status), printable(k.Source), hides})
	}
	text := "Every key has its default.\n"
	if len(rows) > 1 {
		text = terminal.Table(rows, v.width)
	}
	mistakes := slices.Clone(p.Problems)
	for _, k := range p.Keys {
		mistakes = append(mistakes, k.Problems...)
	}
	if len(mistakes) > 0 {
		text += "\n" + v.section("Problems:", problemRows(mistakes))
	}
	if !p.AppliedAt.IsZero() {
		text += fmt.Sprintf("\nActive for %s. To explain a value, run: %s\n", terminal.Duration(v.now.Sub(p.AppliedAt)), fault.Commands("sudo regent policy explain KEY"))
	}
	return text
}

// truncateValue shortens a long value in the table. explain and --json show it in full.
func truncateValue(value string) string {
	const most = 48
	if runes := []rune(printable(value)); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return printable(value)
}

func valueText(status string) string { return strings.ReplaceAll(printable(status), "_", " ") }

// explainKey returns the value, sources and meaning of one key.
func explainKey(k api.PolicyKey, v view) string {
	because := "because nobody sets it"
	if k.Level != defaultLevel {
		because = fmt.Sprintf("set by %s, which is %s", printable(k.Source), cmp.Or(levelTexts[k.Level], printable(k.Level)))
	}
	text := v.paint(bold, printable(k.Key)+": "+printable(k.Value)) + "\n"
	rows := facts{{"Why", because}}
	for _, h := range k.Hides {
		rows.add("Hides", fmt.Sprintf("%s from %s (%s)", h.Value, h.Source, h.Level))
	}
	for _, m := range k.Problems {
		rows.add("Problem", m.Source+": "+m.Detail)
	}
	rows.add("Default", k.Default)
	rows.add("Policy", k.PolicyName)
	applies := "within seconds"
	if !k.Reloadable {
		applies = "when regentd is restarted"
	}
	rows = append(rows, [][2]string{{"A change applies", applies}, {"Meaning", printable(k.Doc)}}...)
	return text + v.labelled("  ", rows)
}

var levelTexts = map[string]string{
	"managed": "managed policy; nothing on this device overrides it",
	"local":   "this device's own configuration",
	"drop-in": "a drop-in of the installer or of an application's package",
}

func newReload(c *cli) *cobra.Command {
	return command("reload", "Reload the configuration of the agent", "", func(cmd *cobra.Command, _ []string) error {
		return tell(cmd, c.agent().Reload, "The agent has read its configuration again.\n")
	})
}
