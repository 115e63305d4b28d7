//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFIFODoesNotHang would wait for a writer for ever, were the FIFO opened.
func TestFIFODoesNotHang(t *testing.T) {
	dir, paths := configTree(t, map[string]string{"config.d/a.yaml": "audit: required"})
	if err := syscall.Mkfifo(filepath.Join(dir, "config.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "config.d", "b.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	layers, problems := loadBelow(dir, paths)
	if len(layers) != 1 || len(problems) != 2 {
		t.Errorf("got %v and problems %v, want one layer and a problem for each FIFO", layers, problems)
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir, paths := configTree(t, map[string]string{"config.yaml": "x"})
	if err := os.Chmod(paths.Config, 0); err != nil {
		t.Fatal(err)
	}
	_, problems := loadBelow(dir, paths)
	if len(problems) != 1 || problems[0] != "fatal: config.yaml: cannot be read: permission denied" {
		t.Errorf("got %v, want one problem that says why", problems)
	}
}
