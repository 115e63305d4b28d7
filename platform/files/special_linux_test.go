package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWriteSpecial: Write replaces no FIFO and no link to a device, and leaves no file beside it.
func TestWriteSpecial(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"a FIFO": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a FIFO": func(path string) error {
			return errors.Join(syscall.Mkfifo(path+"-fifo", 0o600), os.Symlink(path+"-fifo", path))
		},
		"a link to a device":  func(path string) error { return os.Symlink("/dev/null", path) },
		"a link to a folder":  func(path string) error { return os.Symlink("/", path) },
		"like /dev/stdout":    func(path string) error { return os.Symlink("/proc/self/fd/1", path) },
		"like it, for a file": func(path string) error { return os.Symlink(openedFile(t), path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "page.html")
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			before := content(t, dir)
			if err := Write(path, []byte("x"), 0o600); err == nil || !strings.HasSuffix(err.Error(), "page.html: not a regular file") {
				t.Errorf("%v, want: not a regular file", err)
			}
			if after := content(t, dir); after != before {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}

// openedFile returns the path in /proc of a regular file that is open.
func openedFile(t *testing.T) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// content lists the names and types in a folder.
func content(t *testing.T, dir string) (list string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list += fs.FormatDirEntry(e) + " " + e.Type().String() + "; "
	}
	return list
}
