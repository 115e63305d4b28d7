package stories

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeDemo compares the output of make demo that README shows with a real one. Then it
// runs the commands that make demo KEEP=1 prints at its end.
func TestReadmeDemo(t *testing.T) {
	needsLong(t, "make stories")
	t.Parallel()
	bin := programs(t)
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "demo"), "-bin", bin, "-keep").CombinedOutput()
	if err != nil {
		t.Fatalf("make demo KEEP=1: %v\n%s", err, out)
	}
	shown, kept, found := strings.Cut(string(out), "\nA second service, agent and application")
	if !found {
		t.Fatalf("make demo KEEP=1 leaves nothing running:\n%s", out)
	}
	runKept(t, kept)
	found = false
	guides, _ := readGuides(t)
	for _, g := range guides {
		for _, b := range g.blocks {
			for _, c := range b.commands() {
				if c.text != "make demo" {
					continue
				}
				found = true
				if want := strings.Join(c.output, "\n"); !outputMatches(want, shown) {
					t.Errorf("%s:%d shows:\n%s\nmake demo prints:\n%s", g.name, c.line, want, shown)
				}
			}
		}
	}
	if !found {
		t.Error("README shows no output of make demo")
	}
}

// runKept runs the commands at the end of make demo KEEP=1, in order, in one shell.
func runKept(t *testing.T, text string) {
	t.Helper()
	var commands []string
	for line := range strings.Lines(text) {
		if command, found := strings.CutPrefix(line, "  "); found {
			commands = append(commands, "echo '$' "+strings.Fields(command)[0]+"; "+strings.TrimSpace(command))
		}
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euc", strings.Join(commands, "\n"))
	shell.Dir = "../.."
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("a command of make demo KEEP=1 fails: %v\n%s", err, out)
	}
	reply := regexp.MustCompile(`"expires_in":(\d+),.*"instance":"cad/2"`).FindSubmatch(out)
	if reply == nil {
		t.Fatalf("a new client gets no token of the free instance:\n%s", out)
	}
	if life, err := strconv.Atoi(string(reply[1])); err != nil || life < 3600 {
		t.Errorf("an access token is good for %s s, want an hour", reply[1])
	}
	if !strings.Contains(string(out), "REGENT_INSTANCE=2") {
		t.Errorf("regent exec has not the free instance:\n%s", out)
	}
}
