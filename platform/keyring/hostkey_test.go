package keyring

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// The pair is from a Debian 12 whose systemd 252 made the key.
func TestPreserveHostKey(t *testing.T) {
	const own, other, key = "872e4860be644d52ba7d100837131d8f", "00400f0d0d434e8682a3c90eedd6b712", "2d1c9db8f5eb4f989376e0eae20c839b"
	path := filepath.Join(t.TempDir(), "credential.secret")
	made, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	if foreign, err := PreserveHostKey(path, own); foreign || err != nil {
		t.Errorf("no key: got %v, %v", foreign, err)
	}
	if err := os.WriteFile(path, append(made, make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		id      string
		foreign bool
		at      string
	}{
		{own, false, path}, {"", false, path}, {other, true, path + "." + key}, {other, true, path + "." + key}, {own, false, path},
	} {
		foreign, err := PreserveHostKey(path, step.id)
		if foreign != step.foreign || err != nil {
			t.Errorf("under %q: got %v, %v, want %v", step.id, foreign, err, step.foreign)
		}
		if _, err := os.Stat(step.at); err != nil {
			t.Errorf("under %q: %v", step.id, err)
		}
	}
}
