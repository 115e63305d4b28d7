package flags_test

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"regent/cmd/flags"
)

// TestStrict: numbers are decimal, and no second value replaces the first in silence.
func TestStrict(t *testing.T) {
	for line, want := range map[string]string{
		"do --count 10 --from a -y": "",
		"do --count 0":              "",
		"do --count -1":             "",
		"do --json do --json -y -y": "",
		"do --list a --list b":      "",
		"do --from a --from a":      "",
		"do --count 010":            "decimal",
		"do --count 0x10":           "decimal",
		"do --count 1_000":          "decimal",
		"do --count ten":            "decimal",
		"do --count=":               "invalid",
		"do --count 1 --count 2":    "twice",
		"do --from a --from b":      "twice",
		"--json do --json=false":    "twice",
		"do --from=":                "is empty",
		"do --list=":                "",
	} {
		root := &cobra.Command{Use: "program", SilenceErrors: true, SilenceUsage: true}
		root.PersistentFlags().Bool("json", false, "")
		do := &cobra.Command{Use: "do", Run: func(*cobra.Command, []string) {}}
		do.Flags().Int("count", 0, "")
		do.Flags().String("from", "", "")
		do.Flags().StringSlice("list", nil, "")
		do.Flags().BoolP("yes", "y", false, "")
		root.AddCommand(do)
		flags.Strict(root)
		root.SetArgs(strings.Fields(line))
		root.SetOut(io.Discard)
		if err := root.Execute(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
