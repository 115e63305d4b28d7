package keyring

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Sealer is what seals an encrypted credential of systemd: who has the disk alone
// opens what the host's key seals, and not what a TPM does.
type Sealer string

// The sealers. Any other is not known.
const (
	HostKey       Sealer = "host" // a file on the same disk
	TPM           Sealer = "tpm2"
	TPMAndHostKey Sealer = "tpm2+host"
)

// sealerOf knows the numbers with which systemd begins its credentials, 16 bytes.
// Each kind has several: for signed policies, and for a user.
func sealerOf(mark string) Sealer {
	switch mark {
	case "5a1c6a86df9d4096b1d5a65e0862f19a", "55b9ed1d38594d43a8319d2ebb332ac6":
		return HostKey
	case "0c7cc07b117645919c4b0bea08bc20fe", "faf7eb9341e3412ca1a436f95a29362f":
		return TPM
	case "93a894094874449090caf2fc93cab553", "ef4ac13679a9480ea7db68897f9f165d",
		"af4950a849134eb1a73846304ff30c05", "adbc4ca3efb64201ba881b6f2e4095ea":
		return TPMAndHostKey
	}
	return ""
}

// UsesHostKey reports whether the host's key takes part, which is good under one
// machine-id only.
func (s Sealer) UsesHostKey() bool { return s == HostKey || s == TPMAndHostKey }

// description says what that is good for.
func (s Sealer) description() string {
	switch s {
	case HostKey:
		return "a key on the same disk seals it, so whoever can read the disk can read the tokens"
	case TPM, TPMAndHostKey:
		return "this device's TPM seals it, so the disk is worth nothing without this device"
	}
	return "what seals it is not known here"
}

// ReadSealer says what seals the encrypted credential in a file; "" if it is of no
// kind that is known. It opens nothing.
func ReadSealer(path string) (Sealer, error) {
	f, err := os.Open(path) //nolint:gosec // where systemd looks for it
	if err != nil {
		return "", fmt.Errorf("look at the credential: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	mark := make([]byte, 16)
	if _, err := io.ReadFull(base64.NewDecoder(base64.StdEncoding, f), mark); err != nil {
		return "", fmt.Errorf("look at the credential %s: it is no encrypted one: %w", path, err)
	}
	return sealerOf(hex.EncodeToString(mark)), nil
}
