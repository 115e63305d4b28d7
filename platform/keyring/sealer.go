package keyring

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Sealer is the kind of key that seals an encrypted systemd credential. The disk alone is
// enough to unseal with the host key, but not with a TPM.
type Sealer string

// The known sealers.
const (
	HostKey       Sealer = "host" // a file on the same disk
	TPM           Sealer = "tpm2"
	TPMAndHostKey Sealer = "tpm2+host"
)

// sealerOf returns the sealer for the 16 bytes at the beginning of a credential. Each kind
// has several such values: for signed policies, and for a user.
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

// UsesHostKey reports whether the host key is needed. It is valid for one machine-id only.
func (s Sealer) UsesHostKey() bool { return s == HostKey || s == TPMAndHostKey }

// description describes the protection by the sealer.
func (s Sealer) description() string {
	switch s {
	case HostKey:
		return "a key on the same disk seals it, so anyone who can read the disk can read the tokens"
	case TPM, TPMAndHostKey:
		return "this device's TPM seals it, so the disk is useless without this device"
	}
	return "its sealing key is unknown"
}

// ReadSealer returns the sealer of an encrypted credential file, "" if its kind is unknown.
// It does not decrypt the credential.
func ReadSealer(path string) (Sealer, error) {
	f, err := os.Open(path) //nolint:gosec // systemd's path
	if err != nil {
		return "", fmt.Errorf("read the credential: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	mark := make([]byte, 16)
	if _, err := io.ReadFull(base64.NewDecoder(base64.StdEncoding, f), mark); err != nil {
		return "", fmt.Errorf("read the credential: %s is not encrypted: %w", path, err)
	}
	return sealerOf(hex.EncodeToString(mark)), nil
}
