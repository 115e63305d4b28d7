package peer_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/platform/peer"
)

// signedEnv names the directory with copies of the test binary, each signed in
// another way, and the signer's certificate. .ci/windows-signers makes it, and has
// Wine trust that signer's root.
const signedEnv = "PEER_TEST_SIGNED"

// TestSigner has programs call that are signed, and not.
func TestSigner(t *testing.T) {
	dir := os.Getenv(signedEnv)
	if dir == "" {
		t.Skip("not run: " + signedEnv + " names no signed programs; .ci/windows-signers makes some")
	}
	sum := sha256.Sum256(certificate(t, filepath.Join(dir, "signer.pem")))
	signer := peer.Signer{Certificate: hex.EncodeToString(sum[:]), Subject: []peer.Attribute{
		{OID: "2.5.4.6", Value: "DE"}, {OID: "2.5.4.10", Value: "Example, Inc."}, {OID: "2.5.4.3", Value: "Example"},
	}}
	for program, want := range map[string]string{ // "" is that signer
		"signed.exe":    "",
		"unsigned.exe":  "no signature inside it",
		"tampered.exe":  "changed after it was signed",
		"untrusted.exe": "no trusted root",
		"expired.exe":   "has expired",
	} {
		t.Run(program, func(t *testing.T) {
			c, cmd := callFrom(t, filepath.Join(dir, program))
			p, err := peer.Identify(c)
			must(t, err)
			defer p.Close()
			known := peer.NewImages(time.Now)
			got, err := p.Signer(known)
			if want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %+v, %v, want an error with %q", got, err, want)
				}
				return
			}
			must(t, err)
			if diff := cmp.Diff(got, signer); diff != "" {
				t.Errorf("got, want:\n%s", diff)
			}
			must(t, cmd.Process.Kill())
			cmd.Wait() // its error is that it was killed
			if _, err := p.Signer(known); !errors.Is(err, peer.ErrGone) {
				t.Errorf("of a process that has ended: got %v, want ErrGone", err)
			}
		})
	}
}

func certificate(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s holds no PEM", name)
	}
	return block.Bytes
}
