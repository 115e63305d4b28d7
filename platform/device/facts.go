// Package device reads the facts of this device: its names, hardware IDs and boots.
//
// The Contact Administrator sees the names next to each auth token. Hardware IDs distinguish
// a device from a copy of its disk. The boot clock includes sleep. On Windows the package
// also reads the proxies of a user, which a service does not see.
package device

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"regent/platform/files"
)

// Facts are hardware IDs. An unreadable one is "", or an empty list.
type Facts struct {
	MachineID string   `json:"machine_id,omitempty"`
	DMI       string   `json:"dmi,omitempty"`
	RootFS    string   `json:"root_fs,omitempty"`
	EK        string   `json:"ek,omitempty"`
	MACs      []string `json:"macs,omitempty"`
}

// RootFacts are facts that root writes for a daemon with fewer rights.
type RootFacts struct {
	Facts
	// CredentialSealer is the Sealer, from platform/keyring, of the passphrase of the data
	// key; "" if unknown.
	CredentialSealer string `json:"credential_sealer,omitempty"`
	// MachineIDChanged means that the passphrase cannot be unsealed, because it was sealed
	// under another machine-id.
	MachineIDChanged bool `json:"machine_id_changed,omitempty"`
}

// ReadFacts reads the facts that this process may read. A missing or forbidden fact is not
// an error.
func ReadFacts() Facts { return readLocalFacts() }

const maxFile = 64 << 10

// ReadFactsFile reads the facts that root has written. It returns an error if another user
// could have written the file, and [fs.ErrNotExist] if there is none.
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

// Write writes the facts for [ReadFactsFile], and replaces the file in one step. Everybody
// may read it: no fact is a secret, though some systems show them to root only.
func (n RootFacts) Write(path string) error {
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("host facts: %w", err)
	}
	if err := files.Write(path, append(b, '\n'), 0o644); err != nil { // regentd's user reads it
		return fmt.Errorf("host facts: %w", err)
	}
	return nil
}

// checkWriter returns an error if a user other than root and this process's user could have
// written the file.
func checkWriter(i fs.FileInfo) error {
	owner, others, err := files.ModeAccess(i)
	switch {
	case err != nil:
		return err
	case owner != 0 && owner != os.Geteuid():
		return fmt.Errorf("it belongs to uid %d, not to root", owner)
	case others&0o022 != 0:
		return fmt.Errorf("its mode is %#o, so others may write it", i.Mode().Perm())
	}
	return nil
}
