package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLockFile: what lies in the lock file only says who holds the directory: the
// error is the same one whatever that is, and one line.
func FuzzLockFile(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		lock := filepath.Join(t.TempDir(), LockName)
		if err := os.WriteFile(lock, content, 0o600); err != nil {
			t.Fatal(err)
		}
		err := lockedError("/var/lib/regent", lock)
		held, ok := errors.AsType[*LockedError](err)
		if !ok || !errors.Is(err, ErrLocked) || held.Path != "/var/lib/regent" || held.PID < 0 {
			t.Fatalf("got %#v", err)
		}
		if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("more than a line: %q", err)
		}
	})
}
