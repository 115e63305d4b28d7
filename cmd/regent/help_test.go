package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpNeedsNoSudoOnWindows looks at the examples of every command.
func TestHelpNeedsNoSudoOnWindows(t *testing.T) {
	for _, tt := range []struct {
		goos string
		want bool // some example has sudo
	}{{"linux", true}, {"windows", false}} {
		root := &cobra.Command{Use: "regent"}
		addCommands(root, runtimeEnv{getenv: func(string) string { return "" }})
		adaptHelp(tt.goos, root)
		var all strings.Builder
		examples(&all, root)
		if got := strings.Contains(all.String(), "sudo"); got != tt.want {
			t.Errorf("on %s: an example has sudo: %v, want %v", tt.goos, got, tt.want)
		}
	}
}

func examples(b *strings.Builder, cmd *cobra.Command) {
	b.WriteString(cmd.Example)
	for _, sub := range cmd.Commands() {
		examples(b, sub)
	}
}
