//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCAFileIsAPipe: a pipe or a device as network.ca_file is an error that names
// it, and keeps nobody waiting.
func TestCAFileIsAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "ca.pem")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, "/dev/zero", t.TempDir()} {
		_, err := readTrusted("network.ca_file", name, readCertificates)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
		if told := newHostChecker().checkCertificates(name); len(told) != 1 || !told[0].Fatal || !strings.Contains(told[0].Text, "is not a regular file") {
			t.Errorf("%s: check-config says %v", name, told)
		}
	}
}
