package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// hostKeyApp is systemd's name for its credentials, by which it derives an
// identity from the machine-id.
var hostKeyApp = []byte{0xd3, 0xac, 0xec, 0xba, 0x0d, 0xad, 0x4c, 0xdf, 0xb8, 0xc9, 0x38, 0x15, 0x28, 0x93, 0x6c, 0x58}

// PreserveHostKey keeps systemd's host key over a change of the machine-id. systemd
// deletes a key that was made under another machine-id, as soon as it is to unseal
// something; then nothing brings back what was sealed with it. PreserveHostKey moves
// such a key to path.ID first, where ID is what the key says of its machine-id, and
// moves the key of this machine-id back when that returns. It reports whether only
// keys of other machine-ids are there. path is /var/lib/systemd/credential.secret.
func PreserveHostKey(path, machineID string) (foreign bool, err error) {
	id, ok := hostKeyID(machineID)
	if !ok {
		return false, nil
	}
	made, err := readHostKeyID(path)
	switch {
	case err == nil && made == id:
		return false, nil
	case err == nil:
		err = os.Rename(path, path+"."+made)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("keep the host's key: %w", err)
	}
	err = os.Rename(path+"."+id, path)
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	others, err := filepath.Glob(path + ".*")
	return len(others) > 0, err
}

// hostKeyID is the identity that systemd derives from a machine-id for its host
// key, as sd_id128_get_machine_app_specific does.
func hostKeyID(machineID string) (id string, ok bool) {
	key, err := hex.DecodeString(machineID)
	if err != nil || len(key) != 16 {
		return "", false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(hostKeyApp)
	b := mac.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a UUID of version 4
	return hex.EncodeToString(b), true
}

// readHostKeyID is the identity that a host key begins with.
func readHostKeyID(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // where systemd keeps it
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b := make([]byte, 16)
	if _, err := io.ReadFull(f, b); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(b), nil
}
