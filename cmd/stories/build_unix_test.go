//go:build unix

package stories

import (
	"os"
	"testing"
)

// needsLong skips a test that is long, and names the gate that runs it.
func needsLong(t testing.TB, gate string) {
	t.Helper()
	if !*long {
		t.Skipf("not run: it is long; %s runs it", gate)
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
