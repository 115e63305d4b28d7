//go:build unix

package statedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenToOthersIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o755, 0o750, 0o701, 0o720} {
		path := filepath.Join(t.TempDir(), "state")
		must(t, os.Mkdir(path, mode))
		must(t, os.Chmod(path, mode))
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "run: chmod 700 "+path) {
			t.Errorf("mode %o: got %v, want what to run", mode, err)
		}
		if i, err := os.Stat(path); err != nil || i.Mode().Perm() != mode {
			t.Errorf("mode %o was changed to %v, %v", mode, i, err)
		}
	}
}

func TestForeignOwnerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	must(t, os.Mkdir(path, 0o700))
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skipf("needs the right to give a directory away: %v", err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") {
		t.Errorf("got %v, want a refusal that names the owner", err)
	}
}
