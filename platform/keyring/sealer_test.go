package keyring

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadSealer(t *testing.T) {
	credential := func(mark string) string {
		b, err := hex.DecodeString(mark)
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(append(b, make([]byte, 200)...))
		return text[:69] + "\n" + text[69:] + "\n"
	}
	for name, tt := range map[string]struct {
		content string
		want    Sealer
		fails   bool
	}{
		"host":              {credential("5a1c6a86df9d4096b1d5a65e0862f19a"), HostKey, false},
		"TPM":               {credential("0c7cc07b117645919c4b0bea08bc20fe"), TPM, false},
		"both":              {credential("93a894094874449090caf2fc93cab553"), TPMAndHostKey, false},
		"nothing":           {credential("05846926f6f543248005490a0f8ea2fb"), "", false},
		"plain text":        {"this is the passphrase itself, in the clear", "", true},
		"shorter than that": {"Whxq", "", true},
	} {
		path := filepath.Join(t.TempDir(), "credential")
		must(t, os.WriteFile(path, []byte(tt.content), 0o600))
		if got, err := ReadSealer(path); got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tt.want)
		}
	}
	if _, err := ReadSealer(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: got %v", err)
	}
}

// TestReadSealerOfSystemd looks at a credential that systemd has made.
func TestReadSealerOfSystemd(t *testing.T) {
	path, want, ok := strings.Cut(os.Getenv("REGENT_TEST_SEALED"), "=")
	if !ok {
		t.Skip("not run: needs systemd's credentials; make keyrings makes them")
	}
	if got, err := ReadSealer(path); string(got) != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestDescriptionNamesSealer: nobody is to take a key file on the same
// disk for more.
func TestDescriptionNamesSealer(t *testing.T) {
	given := t.TempDir()
	must(t, os.WriteFile(filepath.Join(given, CredentialName), []byte("passphrase"), 0o600))
	for sealer, want := range map[Sealer]string{
		TPM:           "this device's TPM seals",
		TPMAndHostKey: "this device's TPM seals",
		HostKey:       "anyone who can read the disk can read the tokens",
		"":            "its sealing key is unknown",
	} {
		k, err := Open(Options{Kind: File, StateDir: t.TempDir(), CredentialsDir: given, CredentialSealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Description(); !strings.Contains(got, want) || !strings.Contains(got, CredentialName) {
			t.Errorf("%q: got %q, want %q", sealer, got, want)
		}
	}
}
