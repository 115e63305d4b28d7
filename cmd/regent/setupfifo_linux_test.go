package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSetupRefusesAFIFO: setup does not wait for the writer of a FIFO in place of its file.
func TestSetupRefusesAFIFO(t *testing.T) {
	d, path := emptyDevice(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := cliRun{daemon: d}.run(t, "setup", "--yes", "--application", "cad", "--wait", "3s")
	if got.Code == 0 || !strings.Contains(got.Err, "is not a regular file") || !strings.Contains(got.Err, "Correct or delete it") {
		t.Errorf("got %+v", got)
	}
}
