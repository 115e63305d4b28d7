package device

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// endorsementKeyOf returns the key of the software TPM whose seeds are in dir. One that was
// killed a moment ago may still hold its state, so it is started again then.
func endorsementKeyOf(t *testing.T, dir string) (key string) {
	t.Helper()
	for range 20 {
		if key = startedKey(t, dir); key != "" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return key
}

// startedKey starts a software TPM, asks it, and ends it again.
func startedKey(t *testing.T, dir string) string {
	t.Helper()
	swtpm, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("not run: needs swtpm, which make keyrings installs")
	}
	socket := filepath.Join(t.TempDir(), "tpm.sock")
	cmd := exec.Command(swtpm, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+socket,
		"--flags", "not-need-init,startup-clear")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it may have ended with its client
		_ = cmd.Wait()
	}()
	return endorsementKey(func() (transport.TPMCloser, error) {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			tpm, err := linuxudstpm.Open(socket)
			if err == nil || time.Now().After(end) {
				return tpm, err
			}
		}
	})
}

// TestEndorsementKey: it is the TPM's, whoever starts it and how often, and no
// other TPM's.
func TestEndorsementKey(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	first := endorsementKeyOf(t, here)
	if len(first) < 64 {
		t.Fatalf("got %q, want a digest", first)
	}
	if again := endorsementKeyOf(t, here); again != first {
		t.Errorf("started again: got %s, want %s", again, first)
	}
	if other := endorsementKeyOf(t, there); other == first || other == "" {
		t.Errorf("another TPM: got %q", other)
	}
	none := func() (transport.TPMCloser, error) { return nil, errors.New("no such device") }
	if got := endorsementKey(none); got != "" {
		t.Errorf("no TPM: got %q", got)
	}
}
