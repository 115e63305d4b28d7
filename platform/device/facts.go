// Package device reads the facts of this device: its names, hardware IDs and boots.
//
// The Contact Administrator sees the names beside each auth token. Hardware IDs tell
// a device from a copy of its disk. The boot clock counts sleep. On Windows the
// package also reads the proxies of a user, which a service does not see.
package device

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"regent/platform/files"
)

// Facts are what could be read. What could not is "", or none.
type Facts struct {
	MachineID string   `json:"machine_id,omitempty"`
	DMI       string   `json:"dmi,omitempty"`
	RootFS    string   `json:"root_fs,omitempty"`
	EK        string   `json:"ek,omitempty"`
	MACs      []string `json:"macs,omitempty"`
}

// RootFacts is what root notes for a daemon that may read less.
type RootFacts struct {
	Facts
	// CredentialSealer is what seals the passphrase of the data key, as
	// platform/keyring calls it; "" if that is not known.
	CredentialSealer string `json:"credential_sealer,omitempty"`
	// MachineIDChanged says that the passphrase cannot be unsealed because the
	// machine-id is another one than when it was sealed.
	MachineIDChanged bool `json:"machine_id_changed,omitempty"`
}

// ReadFacts reads what this process may. A fact that it may not read, or that is not
// there, is no error.
func ReadFacts() Facts { return readLocalFacts() }

const maxFile = 64 << 10

// ReadFactsFile reads what root has noted. A file that somebody else could have written is refused. No file is
// [fs.ErrNotExist].
func ReadFactsFile(path string) (noted RootFacts, err error) {
	b, err := files.ReadRegular(path, maxFile, func(path string) (fs.FileInfo, error) {
		i, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		return i, checkWriter(i)
	})
	if err == nil {
		err = json.Unmarshal(b, &noted)
	}
	if err != nil {
		return RootFacts{}, fmt.Errorf("host facts %s: %w", path, err)
	}
	return noted, nil
}

// Write writes it where [ReadFactsFile] finds them, whole or not at all. Everybody
// may read it: none of them is a secret, though some systems keep them to root.
func (n RootFacts) Write(path string) error {
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("host facts: %w", err)
	}
	if err := files.Write(path, append(b, '\n'), 0o644); err != nil { // the daemon's user reads it
		return fmt.Errorf("host facts: %w", err)
	}
	return nil
}

// checkWriter refuses a file that anybody but root and this process's own user
// could have written.
func checkWriter(i fs.FileInfo) error {
	owner, others, err := files.ModeAccess(i)
	switch {
	case err != nil:
		return err
	case owner != 0 && owner != os.Geteuid():
		return fmt.Errorf("it belongs to uid %d, want root", owner)
	case others&0o022 != 0:
		return fmt.Errorf("its mode is %#o, so others may write it", i.Mode().Perm())
	}
	return nil
}
