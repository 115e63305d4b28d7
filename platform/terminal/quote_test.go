package terminal

import (
	"os/exec"
	"testing"
)

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ system, s, want string }{
		{"linux", "/root/token-1.txt", "/root/token-1.txt"},
		{"linux", "/root/my token", "'/root/my token'"},
		{"linux", "/root/to ken'x", `'/root/to ken'\''x'`},
		{"linux", "~/a", "'~/a'"},
		{"linux", "a;b", "'a;b'"},
		{"linux", `a\b`, `'a\b'`},
		{"linux", "$HOME", "'$HOME'"},
		{"linux", "schlüssel", "'schlüssel'"},
		{"linux", "", "''"},
		{"windows", `C:\ProgramData\Regent\token`, `C:\ProgramData\Regent\token`},
		{"windows", `C:\Users\RUNNER~1\token`, `C:\Users\RUNNER~1\token`},
		{"windows", `C:\Program Files\a&b`, `"C:\Program Files\a&b"`},
		{"windows", "", `""`},
	} {
		if got := quoteFor(tt.system, tt.s); got != tt.want {
			t.Errorf("%s, %q: got %s, want %s", tt.system, tt.s, got, tt.want)
		}
	}
}

// TestQuoteIsOneWord: a shell reads each quoted text as the one word that it was.
func TestQuoteIsOneWord(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	for _, s := range []string{"a b", "'", "''", `"`, `\`, "$(id)", "`id`", "a;b", "*", "~", "#", "-", "{a,b}", "!x", "a?b", "é", " "} {
		out, err := exec.CommandContext(t.Context(), shell, "-c", "printf '%s|' "+quoteFor("linux", s)).Output()
		if err != nil || string(out) != s+"|" {
			t.Errorf("%q: the shell has %q, %v", s, out, err)
		}
	}
}
