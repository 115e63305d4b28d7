package keyring

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzItem: an item is a whole key in its one form, or an error that shows none
// of it.
func FuzzItem(f *testing.F) {
	f.Fuzz(func(t *testing.T, item []byte) {
		key, err := decode(item)
		if err != nil {
			if key != nil || strings.Contains(err.Error(), "Y2FuYXJ5") {
				t.Errorf("a key, or one in %v", err)
			}
			return
		}
		if len(key) != keySize || !bytes.Equal(encode(key), item) {
			t.Errorf("%q was read as %x", item, key)
		}
	})
}

// FuzzPassphrase: a passphrase of ours is whole, as it was made; a given one is
// one that is not empty and not too long. No error shows it.
func FuzzPassphrase(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte, given bool) {
		path := filepath.Join(t.TempDir(), "passphrase")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := passphrase{path: path, external: given}.read()
		if err != nil {
			if got != "" || strings.Contains(err.Error(), "canary") {
				t.Errorf("a passphrase, or one in %v", err)
			}
			return
		}
		if got == "" || len(got) > maxPassphrase || !bytes.HasPrefix(content, []byte(got)) {
			t.Errorf("%q was read of %q", got, content)
		}
		if b, err := base64.RawURLEncoding.DecodeString(got); !given && (err != nil || len(b) != passphraseSize || base64.RawURLEncoding.EncodeToString(b) != got) {
			t.Errorf("%q is not what is generated", got)
		}
	})
}

// FuzzReadSealer: what seals a credential is one that is known, or not known;
// never a text of the file's.
func FuzzReadSealer(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "credential")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSealer(path)
		if !slices.Contains([]Sealer{"", HostKey, TPM, TPMAndHostKey}, got) || err != nil && got != "" {
			t.Errorf("sealed by %q, %v", got, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the error quotes: %v", err)
		}
	})
}
