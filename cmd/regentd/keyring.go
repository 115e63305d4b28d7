package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"regent/agent/store"
	"regent/agent/store/admin"
	"regent/platform/device"
	"regent/platform/keyring"
	"regent/platform/layout"
)

// sealedKeyring is the platform's keyring as the agent knows one.
type sealedKeyring struct {
	*keyring.Keyring
	o keyring.Options // that it was opened with
}

var _ admin.Keyring = sealedKeyring{}

// openKeyring opens a keyring whose errors are the store's: the platform may not use
// the agent's words.
func openKeyring(o keyring.Options) (sealedKeyring, error) {
	o.Translate = toStoreError
	ring, err := keyring.Open(o)
	return sealedKeyring{ring, o}, err
}

// For implements [admin.Keyring].
func (k sealedKeyring) For(dir string) (admin.Keyring, error) {
	o := k.o
	o.StateDir, o.Kind = dir, k.Kind() // "auto" was decided
	return openKeyring(o)
}

// toStoreError adds the store's word for what went wrong, where it has one.
func toStoreError(err error) error {
	for own, word := range map[error]error{keyring.ErrNoKey: store.ErrNoKey, keyring.ErrNoMark: store.ErrNoMark, keyring.ErrLocked: store.ErrLocked} {
		if errors.Is(err, own) {
			return fmt.Errorf("%w: %w", word, err)
		}
	}
	return err
}

// newHostFacts is what a unit runs as root before the daemon, whose own user may
// not read all that tells one device from another.
func newHostFacts() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "host-facts",
		Short: "note what tells this device from another, for a daemon that may read less",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			n := readFacts()
			foreign, err := keyring.PreserveHostKey(hostKeyFile, n.MachineID)
			n.MachineIDChanged = foreign && keyring.Sealer(n.CredentialSealer).UsesHostKey()
			return errors.Join(n.Write(out), err)
		},
	}
	cmd.Flags().StringVar(&out, "out", filepath.Join(filepath.Dir(layout.DefaultPaths().Socket), "host-facts"), "`file` that it is written to")
	return cmd
}

// credentialFile is where systemd keeps the credential that has the passphrase of
// the data key. Only root may look there.
const credentialFile = "/etc/credstore.encrypted/" + keyring.CredentialName

// hostKeyFile is where systemd keeps the host's key. Only root may look there.
const hostKeyFile = "/var/lib/systemd/credential.secret"

// readFacts gathers what this process can read of the device.
func readFacts() device.RootFacts {
	sealer, _ := keyring.ReadSealer(credentialFile) // none, or none that is known, is not known either way
	return device.RootFacts{Facts: device.ReadFacts(), CredentialSealer: string(sealer)}
}
