//go:build unix

package tokenfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadRefusesWhatOthersMayOpen(t *testing.T) {
	path := writeTokenFile(t, sample)
	chmod(t, path, 0o644)
	_, _, err := Read(path, parse)
	want := "has mode 0644, so others can read it; run: chmod 600 " + path
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
	chmod(t, path, 0o400)
	if _, _, err := Read(path, parse); err != nil {
		t.Errorf("after the advice: %v", err)
	}
}

func TestReadRefusesAStrangersFile(t *testing.T) {
	path := writeTokenFile(t, sample)
	const stranger = 4242
	if err := os.Chown(path, stranger, -1); err != nil {
		t.Skipf("only root can give a file away: %v", err)
	}
	if _, _, err := Read(path, parse); err == nil || !strings.Contains(err.Error(), "belongs to user 4242") {
		t.Errorf("got %v, want a refusal of its owner", err)
	}
	if _, _, err := Read(path, parse, stranger); err != nil {
		t.Errorf("with its owner accepted: %v", err)
	}
}

// A pipe has no end to wait for: reading one that nobody writes would hang.
func TestReadRefusesAPipeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	if _, _, err := Read(path, parse); err == nil || !strings.Contains(err.Error(), "is a pipe") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// TestReadNoTokenGivesNoModeAdvice: whoever names a file by mistake is told that it
// holds no token, and not to take it away from others.
func TestReadNoTokenGivesNoModeAdvice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte("bad:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err := Read(path, parse)
	if err == nil || strings.Contains(err.Error(), "chmod") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want what is wrong with the content", err)
	}
}
