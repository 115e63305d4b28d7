//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownedFile is a file's description with an owner of the test's choice.
type ownedFile struct {
	mode  fs.FileMode
	owner uint32
}

func (i ownedFile) Name() string       { return "a.yaml" }
func (i ownedFile) Size() int64        { return 0 }
func (i ownedFile) Mode() fs.FileMode  { return i.mode }
func (i ownedFile) ModTime() time.Time { return time.Time{} }
func (i ownedFile) IsDir() bool        { return false }
func (i ownedFile) Sys() any           { return &syscall.Stat_t{Uid: i.owner} }

func TestWritableByRootOnly(t *testing.T) {
	tests := []struct {
		name string
		info ownedFile
		want string // in the error; "" for none
	}{
		{"root's", ownedFile{0o644, 0}, ""},
		{"root's alone", ownedFile{0o600, 0}, ""},
		{"a user's", ownedFile{0o644, 1000}, "does not belong to root"},
		{"writable by the group", ownedFile{0o664, 0}, "chmod go-w"},
		{"writable by all", ownedFile{0o646, 0}, "chmod go-w"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := writableByRootOnly("/etc/regent/policy.d/a.yaml", tt.info)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

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
