package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzHolder: what lies in the lock file only says who holds the directory: the
// error is the same one whatever that is, and one line.
func FuzzHolder(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		lock := filepath.Join(t.TempDir(), LockName)
		if err := os.WriteFile(lock, content, 0o600); err != nil {
			t.Fatal(err)
		}
		err := holder("/var/lib/regent", lock)
		held, ok := errors.AsType[*HeldError](err)
		if !ok || !errors.Is(err, ErrHeld) || held.Path != "/var/lib/regent" || held.PID < 0 {
			t.Fatalf("got %#v", err)
		}
		if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("more than a line: %q", err)
		}
	})
}
