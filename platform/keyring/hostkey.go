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

// hostKeyApp is systemd's application id for credentials. systemd derives an identity from
// it and the machine-id.
var hostKeyApp = []byte{0xd3, 0xac, 0xec, 0xba, 0x0d, 0xad, 0x4c, 0xdf, 0xb8, 0xc9, 0x38, 0x15, 0x28, 0x93, 0x6c, 0x58}

// PreserveHostKey keeps systemd's host key when the machine-id changes. systemd deletes a
// key of another machine-id as soon as it must unseal something. Then everything sealed
// with that key is lost. PreserveHostKey first renames such a key to path.ID, where ID is
// the identity in the key. If the earlier machine-id returns, it moves the key back.
// foreign is true if there are only keys of other machine-ids. path is
// /var/lib/systemd/credential.secret.
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
		return false, fmt.Errorf("preserve the host key: %w", err)
	}
	err = os.Rename(path+"."+id, path)
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	others, err := filepath.Glob(path + ".*")
	return len(others) > 0, err
}

// hostKeyID returns the identity that systemd derives from a machine-id for its host key,
// like sd_id128_get_machine_app_specific.
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

// readHostKeyID returns the identity at the beginning of a host key.
func readHostKeyID(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // systemd's path
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
