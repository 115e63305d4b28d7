package stories

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCanaryInMachine searches what a booted machine has kept, its journal above
// all, for the secrets that a story there names: a line for each, its kind, a tab
// and itself. packaging/system/run canary runs it.
func TestCanaryInMachine(t *testing.T) {
	named := os.Getenv("REGENT_TEST_CANARIES")
	if named == "" {
		t.Skip("not run: needs a booted machine; packaging/system/run canary boots one")
	}
	c := newCanaries()
	lines, err := os.ReadFile(named)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		kind, secret, _ := strings.Cut(strings.TrimSpace(line), "\t")
		c.add(kind, secret)
	}
	count, _ := c.list()
	if len(count) < 3 {
		t.Fatalf("%s names %d kinds of secrets, want 3 at least", named, len(count))
	}
	if len(c.find(lines)) < len(count) {
		t.Error("control: the secrets are not found where they are named")
	}
	for _, path := range filepath.SplitList(os.Getenv("REGENT_TEST_SEARCH")) {
		e := newEvidence("")
		e.addFiles(t, path)
		search(t, c, e, path)
	}
	e := newEvidence("")
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	e.watchProcesses(ctx)
	search(t, c, e, "/proc/*/{cmdline,environ}")
}

func search(t *testing.T, c *canaries, e *evidence, what string) {
	t.Helper()
	found, looked := e.search(c)
	contents, size := 0, 0
	for _, n := range looked {
		contents, size = contents+n[0], size+n[1]
	}
	t.Logf("canary: %-30s %5d contents, %9d bytes: %d hits", what, contents, size, len(found))
	if contents == 0 {
		t.Errorf("nothing was looked at: %s", what)
	}
	for _, f := range found {
		t.Errorf("%s (%s) holds a %s", f.name, f.form, f.kind)
	}
}
