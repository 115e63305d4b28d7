//go:build unix

package audit

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFileMode: who was given what is nobody else's business. On
// Windows the access list of the state directory says so.
func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", st.Mode(), err)
	}
}
