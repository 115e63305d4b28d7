package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTokenFileNotWritten: a file that could not be written, as on a full disk, is
// not there afterwards, so that the name is free.
func TestTokenFileNotWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	file, err := newTokenFile("--out", name)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.f.Close(); err != nil { // every write fails from here on
		t.Fatal(err)
	}
	if err := file.keep([]byte("c2VjcmV0")); err == nil {
		t.Error("nothing was written, and keep says that it was")
	}
	file.discard()
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	again, err := newTokenFile("--out", name)
	if err != nil {
		t.Fatalf("the name is not free: %v", err)
	}
	if err := again.keep([]byte("c2VjcmV0")); err != nil {
		t.Error(err)
	}
	again.discard()
	if got, err := os.ReadFile(name); err != nil || string(got) != "c2VjcmV0" {
		t.Errorf("got %q, %v; want what was kept", got, err)
	}
}
