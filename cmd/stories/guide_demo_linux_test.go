package stories

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeDemo compares the output of make demo that README shows with a real one.
func TestReadmeDemo(t *testing.T) {
	needsLong(t, "make stories")
	t.Parallel()
	bin := programs(t)
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "demo"), "-bin", bin).CombinedOutput()
	if err != nil {
		t.Fatalf("make demo: %v\n%s", err, out)
	}
	found := false
	guides, _ := readGuides(t)
	for _, g := range guides {
		for _, b := range g.blocks {
			for _, c := range b.commands() {
				if c.text != "make demo" {
					continue
				}
				found = true
				if want := strings.Join(c.output, "\n"); !outputMatches(want, string(out)) {
					t.Errorf("%s:%d shows:\n%s\nmake demo prints:\n%s", g.name, c.line, want, out)
				}
			}
		}
	}
	if !found {
		t.Error("README shows no output of make demo")
	}
}
