package files

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestWrite replaces a file whole, with its mode, and leaves nothing beside it.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ca.pem")
	for content, mode := range map[string]os.FileMode{"first and longer": 0o644, "second": 0o600} {
		if err := Write(name, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Errorf("%q, %v, want %q", got, err, content)
		}
		if i, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && i.Mode().Perm() != mode {
			t.Errorf("mode %v, %v, want %v", i.Mode(), err, mode)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{filepath.Join(name, "below"), filepath.Join(dir, "folder")} {
		if err := Write(wrong, nil, 0o600); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v, want the file and the folder", entries, err)
	}
}
