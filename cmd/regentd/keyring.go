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

// sealedKeyring adapts the platform's keyring to the agent's interface.
type sealedKeyring struct {
	*keyring.Keyring
	o keyring.Options // used to open it
}

var _ admin.Keyring = sealedKeyring{}

// openKeyring opens a keyring and translates its errors to the store's. The platform may
// not import the agent.
func openKeyring(o keyring.Options) (sealedKeyring, error) {
	o.Translate = toStoreError
	ring, err := keyring.Open(o)
	return sealedKeyring{ring, o}, err
}

// For implements [admin.Keyring].
func (k sealedKeyring) For(dir string) (admin.Keyring, error) {
	o := k.o
	o.StateDir, o.Kind = dir, k.Kind() // the kind that "auto" selected
	return openKeyring(o)
}

// toStoreError adds the store's error value to an error of the keyring, if there is one.
func toStoreError(err error) error {
	for own, word := range map[error]error{keyring.ErrNoKey: store.ErrNoKey, keyring.ErrNoMark: store.ErrNoMark, keyring.ErrLocked: store.ErrLocked} {
		if errors.Is(err, own) {
			return fmt.Errorf("%w: %w", word, err)
		}
	}
	return err
}

// newHostFacts is for a unit that runs as root before the daemon. The daemon's user may not
// read all facts that identify the device.
func newHostFacts() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "host-facts",
		Short: "Write the facts that identify this device; run it as root",
		Long: `host-facts writes the facts that identify this device, such as the machine ID,
into a file for regentd. Only root may read some of them, and regentd does not
run as root. regentd compares them to notice a copy of its state.`,
		Example: "  sudo regentd host-facts",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			n := readFacts()
			foreign, err := keyring.PreserveHostKey(hostKeyFile, n.MachineID)
			n.MachineIDChanged = foreign && keyring.Sealer(n.CredentialSealer).UsesHostKey()
			return errors.Join(n.Write(out), err)
		},
	}
	cmd.Flags().StringVar(&out, "out", filepath.Join(filepath.Dir(layout.DefaultPaths().Socket), "host-facts"), "`file` for the facts")
	return cmd
}

// credentialFile is systemd's encrypted credential with the passphrase of the data key.
// Only root may read it.
const credentialFile = "/etc/credstore.encrypted/" + keyring.CredentialName

// hostKeyFile is systemd's file with the host key. Only root may read it.
const hostKeyFile = "/var/lib/systemd/credential.secret"

// readFacts returns the facts of the device that this process can read.
func readFacts() device.RootFacts {
	sealer, _ := keyring.ReadSealer(credentialFile) // an error means "unknown"
	return device.RootFacts{Facts: device.ReadFacts(), CredentialSealer: string(sealer)}
}
