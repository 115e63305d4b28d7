package main

import (
	"os/exec"
	"strings"
	"testing"

	"regent/platform/layout"
)

func TestQuoted(t *testing.T) {
	for s, want := range map[string]string{
		`HKLM\SOFTWARE`: `'HKLM\SOFTWARE'`,
		"it's":          `'it'\''s'`,
		"$HOME `id`":    "'$HOME `id`'",
	} {
		if got := shellQuote(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

// TestAssignments reads them as a script does.
func TestAssignments(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	script := shellVariables() + `printf '%s\n' "$windows_pipe" "$windows_policy_key" "$windows_service"`
	out, err := exec.CommandContext(t.Context(), shell, "-euc", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{layout.Pipe, `HKLM\` + layout.PolicyKey, layout.Service, ""}
	if got := string(out); got != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}
