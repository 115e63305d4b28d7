package main

import (
	"context"
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

// sealedKeyring is the platform's keyring as the agent knows one: the platform
// may not use the agent's words, so its errors are put into them here.
type sealedKeyring struct {
	ring *keyring.Keyring
	o    keyring.Options // that it was opened with
}

var _ admin.Keyring = sealedKeyring{}

func openKeyring(o keyring.Options) (sealedKeyring, error) {
	ring, err := keyring.Open(o)
	return sealedKeyring{ring, o}, err
}

func (k sealedKeyring) Key(ctx context.Context) ([]byte, error) { return inStoreWords(k.ring.Key(ctx)) }

func (k sealedKeyring) Create(ctx context.Context) ([]byte, error) {
	return inStoreWords(k.ring.Create(ctx))
}

func (k sealedKeyring) Replace(ctx context.Context, key []byte) error {
	return toStoreError(k.ring.Replace(ctx, key))
}

func (k sealedKeyring) Delete(ctx context.Context) error { return toStoreError(k.ring.Delete(ctx)) }

func (k sealedKeyring) Kind() string { return k.ring.Kind() }

func (k sealedKeyring) LoadMark(ctx context.Context) ([]byte, error) {
	return inStoreWords(k.ring.LoadMark(ctx))
}

func (k sealedKeyring) SaveMark(ctx context.Context, mark []byte) error {
	return toStoreError(k.ring.SaveMark(ctx, mark))
}

func (k sealedKeyring) DeleteMark(ctx context.Context) error {
	return toStoreError(k.ring.DeleteMark(ctx))
}

func inStoreWords(b []byte, err error) ([]byte, error) { return b, toStoreError(err) }

// For implements [admin.Keyring].
func (k sealedKeyring) For(dir string) (admin.Keyring, error) {
	o := k.o
	o.StateDir, o.Kind = dir, k.ring.Kind() // "auto" was decided
	return openKeyring(o)
}

// toStoreError adds the store's word for what went wrong, where it has one.
func toStoreError(err error) error {
	switch {
	case errors.Is(err, keyring.ErrNoKey):
		return fmt.Errorf("%w: %w", store.ErrNoKey, err)
	case errors.Is(err, keyring.ErrNoMark):
		return fmt.Errorf("%w: %w", store.ErrNoMark, err)
	case errors.Is(err, keyring.ErrLocked):
		return fmt.Errorf("%w: %w", store.ErrLocked, err)
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
